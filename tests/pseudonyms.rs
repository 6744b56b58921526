//! A pseudonymized report tells no name, in no form, and still tells the whole story.

#[path = "support/needles.rs"]
mod needles;
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use iiskeys_core::Report;
use iiskeys_core::report::{FORMATS, PseudonymMap};
use iiskeys_fixtures::archive::{Packed, Zip};
use iiskeys_fixtures::cases;
use iiskeys_fixtures::certificate::{CertificateSpec, LinkSpec, StoredSpec};
use iiskeys_fixtures::config::ConfigSpec;
use iiskeys_fixtures::crypto::SessionAlg;
use iiskeys_fixtures::event_log::{EventSpec, evtx};
use iiskeys_fixtures::forms;
use iiskeys_fixtures::machine::{GUID, IIS_APP_ID, Machine, OTHER_GUID, Os, Value, WAS_KEY};
use iiskeys_fixtures::ntfs::{FileOptions, Meta, VolumeBuilder};
use iiskeys_fixtures::security::{FULL, SecurityDescriptor};
use iiskeys_fixtures::time::filetime;
use needles::Needles;
use serde_json::Value as Json;
use support::run;

/// Names that stand nowhere but in the evidence below.
const NAMES: &[(&str, &str)] = &[
    ("host", "QUARTZHOST7"),
    ("domain", "zephyrcorp"),
    ("site", "Marigold Shop"),
    ("second site", "Vermilion"),
    ("pool", "Tangerine Workers"),
    ("event pool", "Chartreuse Workers"),
    ("container", "LavenderPayrollKey"),
    ("certificate's container", "OrchidKeys"),
    ("friendly name", "Peony of the shop"),
    ("issuer", "Obsidian Issuing Authority"),
    ("DNS name", "orders.zephyrcorp"),
    ("backup", "before-saffron"),
    ("folder", "sapphire-intranet"),
    ("exported key", "hydrangea-was"),
    ("PFX", "indigo-wildcard"),
    ("archive", "juniper-evidence"),
    ("folder in the archive", "periwinkle"),
    ("address", "10.77.66.55"),
    ("volume", "MagnoliaVol"),
    ("provider", "CrimsonProvider"),
    ("provider's container", "CrimsonProviderKey"),
    ("account", "S-1-5-21-1085031214-1563985344-725345543"),
    ("store", "AmaranthStore"),
    ("set-aside copy", "cobaltaside"),
];

/// A server whose MachineGuid changed, with a name of somebody's own in every place that has names.
fn machine() -> Machine {
    let mut machine = Machine::new(Os::Server2012R2);
    let at = machine.installed + 40 * 864_000_000_000;
    let name = "ControlSet001\\Control\\ComputerName\\ComputerName";
    machine.set_system(name, "ComputerName", Value::Sz("QUARTZHOST7".to_owned()));
    let config = ConfigSpec::iis7(2048)
        .pool("Tangerine Workers", Some("IISWASOnlyAesProvider"))
        .site("Marigold Shop", "Tangerine Workers")
        .site("Vermilion", "Tangerine Workers")
        .anonymous_password("AesProvider", 32);
    let mut config = config;
    config
        .providers
        .push(iiskeys_fixtures::config::ProviderSpec::rsa("CrimsonProvider", "CrimsonProviderKey"));
    machine.set_config(&config);
    machine.add_container("LavenderPayrollKey", GUID, at);
    machine.add_container("CrimsonProviderKey", GUID, at);
    machine.add_tls_site("orders.zephyrcorp.example", "OrchidKeys", GUID, "10.77.66.55:443", "Marigold Shop");
    let host = machine.public_key_of("OrchidKeys", GUID);
    let mut certificate = CertificateSpec::new("quartzhost7.zephyrcorp.example", host);
    certificate.issuer = "Obsidian Issuing Authority".to_owned();
    let stored = StoredSpec::new(certificate).link(LinkSpec::capi("LavenderPayrollKey"));
    let stored = stored.friendly_name("Peony of the shop").store("WebHosting").written(at);
    let thumbprint = machine.add_certificate(&stored);
    machine.bind_as(
        "SslSniBindingInfo",
        "vermilion.zephyrcorp.example:443",
        Some(&thumbprint),
        Some("AmaranthStore"),
        IIS_APP_ID,
    );
    machine.add_backup("before-saffron", at);
    machine.set_guid(OTHER_GUID, filetime((2020, 11, 3), (9, 0, 0)));
    let event = |record, id| EventSpec {
        computer: "QUARTZHOST7.zephyrcorp.example".to_owned(),
        ..EventSpec::new(record, filetime((2020, 11, 3), (9, 5, 0)), "Microsoft-Windows-WAS", id)
    };
    let events = [
        event(1, 5021).named("AppPoolID", "Chartreuse Workers"),
        event(2, 5057).named("AppPoolID", "Chartreuse Workers"),
    ];
    machine.put(&machine.event_log("System"), evtx(&events), at);
    machine
}

fn write(files: &[(String, Vec<u8>)], folder: &Path) -> PathBuf {
    for (path, bytes) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }
    folder.to_owned()
}

/// The machine as a disk image with a second volume, beside an archive of the same machine's web folder.
fn as_disk(folder: &Path) -> PathBuf {
    let mut machine = machine();
    forms::mount_mbr(&mut machine, 'C', forms::FIRST_SECTOR);
    forms::mount_mbr(&mut machine, 'D', 8192);
    let mut data = VolumeBuilder::new().label("MagnoliaVol").log_file_size(64 * 1024);
    data.file("sapphire-intranet\\default.htm", b"hello");
    let mut aside = None;
    for (path, file) in machine.files() {
        if path.starts_with(&machine.machine_keys()) {
            aside = Some((path, file));
        }
    }
    let (path, file) = aside.expect("a container");
    let account = "S-1-5-21-1085031214-1563985344-725345543-1105";
    let access = SecurityDescriptor::new(account, account).allow(account, FULL, 0).build();
    let mut system = forms::volume_builder(&machine);
    let meta = Meta { security: Some(access), ..Meta::default() };
    system.file_with(&format!("{path}.cobaltaside"), &file.bytes, FileOptions::from(meta));
    let disk = forms::mbr_disk_of_two(&system.build(), 8192, &data.build());
    write(&[("QUARTZHOST7-juniper-evidence.raw".to_owned(), disk)], folder)
}

/// The machine as an archive whose folders have names of their own, with what belongs to a protected machine.
fn as_archive(folder: &Path) -> PathBuf {
    let mut machine = cases::protected_healthy();
    let at = machine.last_written;
    let name = "ControlSet001\\Control\\ComputerName\\ComputerName";
    machine.set_system(name, "ComputerName", Value::Sz("QUARTZHOST7".to_owned()));
    machine.add_backup("before-saffron", at);
    machine.add_exported_key(WAS_KEY, "C:\\hydrangea-was.xml", at);
    let pfx =
        [&[0x30, 0x20, 2, 1, 3, 0x30, 0x1b, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7][..], &[0; 40]]
            .concat();
    machine.put("C:\\indigo-wildcard.pfx", pfx, at);
    machine.add_aspnet_secret("C:\\inetpub\\wwwroot\\web.config", SessionAlg::Aes256, true, at);
    machine.foreign_container(WAS_KEY);
    machine.foreign_container("NetFrameworkConfigurationKey");
    let packed: Vec<Packed> = machine
        .files()
        .into_iter()
        .map(|(path, file)| {
            let path = format!("periwinkle/{}", path.replacen(':', "", 1).replace('\\', "/"));
            Packed::new(&path, &file.bytes).at(file.created, file.modified)
        })
        .collect();
    let zip = Zip { deflate: true, ntfs: true, ..Zip::default() };
    write(&[("sapphire-intranet/juniper-evidence.zip".to_owned(), zip.write(&packed))], folder)
}

/// The machine as loose files.
fn as_files(folder: &Path) -> PathBuf {
    let files: Vec<(String, Vec<u8>)> = machine()
        .files()
        .into_iter()
        .map(|(path, file)| (path.trim_start_matches("C:\\").replace('\\', "/"), file.bytes))
        .collect();
    write(&files, folder)
}

type Shape = fn(&Path) -> PathBuf;

const SHAPES: [(&str, Shape); 3] = [("disk", as_disk), ("archive", as_archive), ("files", as_files)];

fn diagnose(evidence: &Path, format: &str, map: Option<&Path>) -> String {
    let mut words = vec!["diagnose".to_owned(), evidence.to_string_lossy().into_owned()];
    words.extend(["--format", format, "--fail-on", "never", "--require", "identity"].map(str::to_owned));
    if let Some(map) = map {
        words.extend(["--pseudonymize".to_owned(), map.to_string_lossy().into_owned()]);
    }
    let ran = run(&words);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{words:?}");
    ran.stdout
}

fn json(evidence: &Path, map: Option<&Path>) -> Json {
    serde_json::from_str(&diagnose(evidence, "json", map)).expect("JSON")
}

/// The planted names that can be seen in a text, in whatever form.
fn seen(text: &str) -> Vec<String> {
    let mut needles = Needles::default();
    for (what, name) in NAMES {
        for spelled in
            [(*name).to_owned(), name.to_lowercase(), name.to_uppercase(), name.replace(' ', "%20")]
        {
            needles.add_text(what, &spelled);
        }
    }
    let mut found = needles.seen(text);
    let lower = text.to_lowercase();
    let plain = NAMES.iter().filter(|(_, name)| lower.contains(&name.to_lowercase()));
    found.extend(plain.map(|(what, _)| format!("{what} in mixed case")));
    found
}

/// Every string of a document.
fn strings(value: &Json, out: &mut Vec<String>) {
    match value {
        Json::String(text) => out.push(text.clone()),
        Json::Array(items) => items.iter().for_each(|item| strings(item, out)),
        Json::Object(fields) => fields.values().for_each(|field| strings(field, out)),
        _ => {}
    }
}

/// The map as token to name.
fn read_map(path: &Path) -> BTreeMap<String, String> {
    let map: BTreeMap<String, BTreeMap<String, String>> =
        serde_json::from_str(&fs::read_to_string(path).expect("a map")).expect("JSON");
    map.into_values().flatten().collect()
}

#[test]
fn no_planted_name_is_seen_in_any_form_of_the_report() {
    let mut told = Vec::new();
    let mut never = NAMES.to_vec();
    for (shape, build) in SHAPES {
        let folder = tempfile::tempdir().expect("a folder");
        let evidence = build(&folder.path().join("case"));
        let plain = diagnose(&evidence, "json", None);
        never.retain(|(_, name)| !plain.to_lowercase().contains(&name.to_lowercase()));
        for format in FORMATS {
            let map = folder.path().join(format!("{}.map", format.name));
            let text = diagnose(&evidence, format.name, Some(&map));
            told.extend(seen(&text).into_iter().map(|what| format!("{shape} as {}: {what}", format.name)));
            assert!(!text.contains(".map"), "the report names its map");
            let held = read_map(&map).into_values().collect::<Vec<_>>().join("\n").to_lowercase();
            for (what, name) in NAMES {
                if plain.to_lowercase().contains(&name.to_lowercase()) {
                    assert!(held.contains(&name.to_lowercase()), "{shape}: the map lacks the {what}");
                }
            }
        }
    }
    assert!(told.is_empty(), "{}", told.join("\n"));
    assert!(never.is_empty(), "these stand in no plain report, so nothing was shown of them: {never:?}");
}

#[test]
fn the_story_is_the_same() {
    for (shape, build) in SHAPES {
        let folder = tempfile::tempdir().expect("a folder");
        let evidence = build(&folder.path().join("case"));
        let map = folder.path().join("map");
        let (plain, told) = (json(&evidence, None), json(&evidence, Some(&map)));
        assert_eq!(plain["verdict"], told["verdict"], "{shape}");
        assert_eq!(plain["root_cause"]["rule"], told["root_cause"]["rule"], "{shape}");
        let rows = |report: &Json, part: &str, fields: &[&str]| -> Vec<String> {
            let rows = report[part].as_array().expect("rows").iter();
            rows.map(|row| fields.iter().map(|field| row[*field].to_string()).collect()).collect()
        };
        for (part, fields) in [
            ("findings", &["rule", "severity", "confidence"][..]),
            ("checks", &["rule", "outcome", "needs"]),
            ("evidence", &["id", "kind", "size", "sha256"]),
            ("key_containers", &["guid", "state", "standing", "size"]),
            ("bindings", &["state", "owner"]),
            ("certificates", &["state", "not_after"]),
            ("timeline", &["time", "kind", "evidence"]),
        ] {
            assert_eq!(rows(&plain, part, fields), rows(&told, part, fields), "{shape}: {part}");
        }
        assert!(told["redaction_tokens"].as_array().is_some_and(|tokens| tokens.len() > 3), "{shape}");
        assert_eq!(plain["redaction_tokens"], Json::Null);
        // With the map everything can be read again.
        let mut tokens: Vec<(String, String)> = read_map(&map).into_iter().collect();
        tokens.sort_by_key(|(token, _)| std::cmp::Reverse(token.len()));
        for (before, after) in
            plain["findings"].as_array().unwrap().iter().zip(told["findings"].as_array().unwrap())
        {
            for field in ["id", "title", "subject", "explanation"] {
                let mut text = after[field].as_str().expect("a text").to_owned();
                tokens.iter().for_each(|(token, name)| text = text.replace(token, name));
                let text_before = before[field].as_str().expect("a text");
                assert_eq!(text.to_lowercase(), text_before.to_lowercase(), "{shape}");
            }
        }
        assert_eq!(told["machine"]["machine_guid"]["value"], plain["machine"]["machine_guid"]["value"]);
    }
}

#[test]
fn a_report_that_was_saved_is_pseudonymized_like_a_fresh_one() {
    for (shape, build) in SHAPES {
        let folder = tempfile::tempdir().expect("a folder");
        let evidence = build(&folder.path().join("case"));
        let mut report = Report::from_json(diagnose(&evidence, "json", None).as_bytes()).expect("a report");
        let mut map = PseudonymMap::default();
        report.pseudonymize(&mut map).expect("a report");
        let once = report.to_json();
        let told = seen(&once);
        assert!(told.is_empty(), "{shape}: {told:?}");
        report.pseudonymize(&mut map).expect("a report");
        assert_eq!(report.to_json(), once, "{shape}: there is nothing left to replace");
    }
}

#[test]
fn what_belongs_together_still_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let evidence = as_disk(&folder.path().join("case"));
    let map = folder.path().join("map");
    let report = json(&evidence, Some(&map));
    let bindings = report["bindings"].as_array().expect("bindings");
    let certificates = report["certificates"].as_array().expect("certificates");
    let is_whole = |row: &&Json| {
        let keys = row["by_key"].as_array().expect("a list");
        row["by_name"].as_array().expect("a list").iter().any(|id| keys.contains(id))
    };
    let certificate = certificates.iter().find(is_whole).expect("a certificate with its key");
    let binding = bindings.iter().find(|row| row["certificate"] == certificate["id"]).expect("joined");
    let containers = report["key_containers"].as_array().expect("containers");
    let container = containers.iter().find(|row| row["id"] == binding["file"]).expect("joined");
    assert_eq!(certificate["thumbprint"], binding["thumbprint"]);
    assert_eq!(certificate["link"]["container"], binding["container"]);
    assert_eq!(container["name"], binding["container"]);
    let modulus = &certificate["modulus_sha256"];
    assert!(modulus.as_str().is_some_and(|text| text.starts_with("modulus-")), "{modulus}");
    let pairs = container["key_pairs"].as_array().expect("pairs");
    assert!(pairs.iter().any(|pair| pair["modulus_sha256"] == *modulus), "they are known as one key still");
    let evidence_path = report["evidence"][0]["container"].as_str().expect("an image");
    assert_eq!(evidence_path, report["sources"][0]["path"], "one image, one token");
    let host = report["machine"]["hostname"].as_str().expect("a host");
    assert_eq!(host, "host-1");
    let mut all = Vec::new();
    strings(&report, &mut all);
    assert!(all.iter().any(|text| text != host && text.contains(host)), "the certificate's name has it, too");
    let ids: Vec<&Json> =
        report["findings"].as_array().expect("findings").iter().map(|it| &it["id"]).collect();
    for id in report["plan"]["resolves"].as_array().into_iter().flatten() {
        assert!(ids.contains(&id), "{id} is no finding");
    }
}

#[test]
fn commands_that_held_names_do_nothing_when_pasted() {
    let folder = tempfile::tempdir().expect("a folder");
    let evidence = as_files(&folder.path().join("case"));
    let (plain, told) = (json(&evidence, None), json(&evidence, Some(&folder.path().join("map"))));
    let plans = |report: &Json| -> Vec<Vec<String>> {
        let plan = &report["plan"];
        let steps = std::iter::once(&plan["steps"])
            .chain(plan["alternatives"].as_array().into_iter().flatten().map(|it| &it["steps"]));
        let commands = |steps: &Json| -> Vec<String> {
            let steps = steps.as_array().into_iter().flatten();
            steps
                .flat_map(|step| step["commands"].as_array().cloned().unwrap_or_default())
                .map(|it| it.to_string())
                .collect()
        };
        steps.map(commands).collect()
    };
    let mut changed = 0;
    for (before, after) in plans(&plain).into_iter().zip(plans(&told)) {
        if before != after {
            changed += 1;
            assert!(after.iter().all(|command| command.starts_with("\"rem names replaced: ")), "{after:?}");
        }
    }
    assert!(changed > 0, "no plan of this machine names anything: {plain:#}");
    assert!(told["assumptions"].to_string().contains("commented out"));
}

#[test]
fn the_same_evidence_gives_the_same_bytes_and_the_same_map() {
    let folder = tempfile::tempdir().expect("a folder");
    let evidence = as_files(&folder.path().join("case"));
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    let first = diagnose(&evidence, "json", Some(&one));
    let second = diagnose(&evidence, "json", Some(&two));
    // Only the id of a new map is drawn by lot.
    let bare = |text: &str, own: &str| -> Vec<String> {
        let lines: Vec<String> = text.lines().filter(|line| !line.contains(own)).map(str::to_owned).collect();
        assert_eq!(lines.len() + 1, text.lines().count(), "{own}");
        lines
    };
    assert_ne!(first, second);
    assert_eq!(bare(&first, "\"redaction_map\""), bare(&second, "\"redaction_map\""));
    assert_eq!(first, diagnose(&evidence, "json", Some(&one)), "with its own map it is the same again");
    let map = |path: &Path| fs::read_to_string(path).unwrap();
    assert_eq!(bare(&map(&one), "\"seed\""), bare(&map(&two), "\"seed\""));
}

#[test]
fn reports_of_one_case_share_their_tokens() {
    let folder = tempfile::tempdir().expect("a folder");
    let map = folder.path().join("map");
    let before = json(&as_archive(&folder.path().join("b")), Some(&map));
    let held = read_map(&map);
    let after = json(&as_disk(&folder.path().join("a")), Some(&map));
    assert_eq!(before["machine"]["hostname"], after["machine"]["hostname"]);
    let extended = read_map(&map);
    assert!(held.iter().all(|(token, name)| extended.get(token) == Some(name)), "no token changes hands");
    assert!(extended.len() > held.len());
}

#[test]
fn the_map_is_for_its_owner_and_never_in_the_evidence() {
    let folder = tempfile::tempdir().expect("a folder");
    let evidence = as_files(&folder.path().join("case"));
    let map = folder.path().join("map");
    diagnose(&evidence, "json", Some(&map));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&map).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let place = |path: &Path| path.to_string_lossy().into_owned();
    let refused = |map: &Path, more: &[&str]| {
        let mut words =
            vec!["diagnose".to_owned(), place(&evidence), "--pseudonymize".to_owned(), place(map)];
        words.extend(more.iter().map(|&word| word.to_owned()));
        run(words).refusal().to_owned()
    };
    assert!(refused(&evidence.join("map"), &[]).contains("lies in the evidence"));
    let report = place(&folder.path().join("report"));
    assert!(refused(Path::new(&report), &["--output", &report]).contains("is where the report goes"));
    fs::write(&report, "{\"host\": {\"site-1\": \"x\"}}").unwrap();
    assert!(refused(Path::new(&report), &[]).contains("no token of the part"));
    assert_eq!(fs::read_to_string(&report).unwrap(), "{\"host\": {\"site-1\": \"x\"}}", "it is left alone");
}

#[test]
fn many_cases_and_a_map_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    as_files(&folder.path().join("cases/one"));
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    for many in [["--each", "cases"], ["--case", "cases/one"]] {
        let words = [
            "diagnose".to_owned(),
            many[0].to_owned(),
            path(many[1]),
            "--pseudonymize".to_owned(),
            path("map"),
        ];
        let ran = run(&words);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{ran:?}");
        assert!(ran.stderr.contains("one by one"), "{ran:?}");
        assert!(!folder.path().join("map").exists());
    }
}

#[test]
fn names_that_are_ordinary_words_are_hidden_and_the_report_can_still_be_read() {
    let mut machine = machine();
    let key = "ControlSet001\\Control\\ComputerName\\ComputerName";
    machine.set_system(key, "ComputerName", Value::Sz("EXCHANGE".to_owned()));
    machine.set_config(
        &ConfigSpec::iis7(2048)
            .pool("Services", Some("IISWASOnlyAesProvider"))
            .site("Backup", "Services")
            .anonymous_password("AesProvider", 32),
    );
    machine.add_tls_site("orders.zephyrcorp.example", "OrchidKeys", GUID, "10.77.66.54:443", "Backup");
    let files: Vec<(String, Vec<u8>)> = machine
        .files()
        .into_iter()
        .map(|(path, file)| (path.trim_start_matches("C:\\").replace('\\', "/"), file.bytes))
        .collect();
    let folder = tempfile::tempdir().expect("a folder");
    let evidence = write(&files, &folder.path().join("case"));
    let (plain, map) = (json(&evidence, None), folder.path().join("map"));
    let told = json(&evidence, Some(&map));
    let mut texts = [Vec::new(), Vec::new()];
    strings(&plain, &mut texts[0]);
    strings(&told, &mut texts[1]);
    let [plain, told] = texts.map(|texts| texts.join("\n"));
    assert!(plain.contains("EXCHANGE") && !told.contains("EXCHANGE"));
    assert!(plain.contains("site Backup") && !told.contains("site Backup"), "{told}");
    assert!(!told.contains("pool Services"));
    for word in ["backup", "services"] {
        let count = |text: &str| text.matches(word).count();
        assert_eq!(count(&plain), count(&told), "the word {word} stays");
    }
}
