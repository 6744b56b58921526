//! No secret is ever printed: not in a report, not in an error, whatever is broken.

#[path = "support/needles.rs"]
mod needles;
mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use data_encoding::{BASE64, BASE64URL, HEXLOWER, HEXUPPER};
use iiskeys_core::Report;
use iiskeys_core::report::{FORMATS, Look};
use iiskeys_fixtures::cases;
use iiskeys_fixtures::crypto::SessionAlg;
use iiskeys_fixtures::machine::{CONFIGURATION_KEY, Machine, Value, WAS_KEY};
use iiskeys_fixtures::rng::Rng;
use needles::Needles;
use support::run;

/// Files by their place below the folder of the evidence.
type Files = BTreeMap<String, Vec<u8>>;

/// A password that stands in clear in a configuration.
const CLEAR: &str = "Tr0ub4dor-and-3-horses";

fn files(machine: &Machine) -> Files {
    let files = machine.files();
    files
        .into_iter()
        .map(|(path, file)| (path.trim_start_matches("C:\\").replace('\\', "/"), file.bytes))
        .collect()
}

/// Everything that must not be seen of a machine.
fn needles(machine: &Machine) -> Needles {
    let mut needles = Needles::default();
    for (name, bytes) in machine.planted_secrets() {
        needles.add(&name, &bytes);
        if let Some(text) = name.ends_with("(UTF-8)").then(|| String::from_utf8(bytes.clone()).expect("text"))
        {
            needles.add_text(&name, &text);
        }
    }
    let names = machine.security_spec().boot_key.class_names();
    for (key, class) in names {
        needles.add_text(&format!("class name of {key}"), &class);
    }
    needles.add_text("password in clear", CLEAR);
    needles
}

fn write(files: &Files, folder: &Path) {
    for (path, bytes) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }
}

/// Diagnoses files and gives back what was seen.
fn seen(files: &Files, needles: &Needles) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    write(files, folder.path());
    let mut found = Vec::new();
    for words in
        [&["--format", "json", "-v", "--prove-all"][..], &["--format", "text"], &["--format", "html"]]
    {
        let evidence = folder.path().to_string_lossy().into_owned();
        let ran = run(["diagnose", &evidence].iter().copied().chain(words.iter().copied()));
        assert!(ran.code.is_some_and(|code| code <= 3), "{words:?}: {ran:?}");
        found.extend(needles.seen(&format!("{}\n{}", ran.stdout, ran.stderr)));
    }
    found.sort();
    found.dedup();
    found
}

/// Diagnoses files and gives back what was seen in any form of the report. The forms know nothing but the report.
fn seen_in_any_form(files: &Files, needles: &Needles) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    write(files, folder.path());
    let ran = run(["diagnose", &folder.path().to_string_lossy(), "--prove-all"]);
    let report = Report::from_json(ran.stdout.as_bytes()).expect("a report");
    FORMATS.iter().flat_map(|form| needles.seen(&form.render(&report, &Look::default()))).collect()
}

/// Everything that keys and passwords are used for, on one machine.
fn everything() -> Machine {
    let mut machine = cases::protected_healthy();
    let at = machine.last_written;
    machine.add_redirection(true, at);
    machine.add_central_store();
    machine.add_backup("before-migration", at);
    machine.add_shared_export(at);
    machine.add_exported_key(WAS_KEY, "C:\\iisWasKey.xml", at);
    machine.add_exported_key(CONFIGURATION_KEY, "C:\\temp\\iisConfigurationKey.xml", at);
    machine.add_aspnet_secret("C:\\inetpub\\wwwroot\\web.config", SessionAlg::TripleDes, false, at);
    machine.add_aspnet_secret("C:\\inetpub\\shop\\web.config", SessionAlg::Aes256, true, at);
    machine
}

/// The place of the first file whose path ends so.
fn place(files: &Files, end: &str) -> String {
    let end = end.to_lowercase();
    let found = files.keys().find(|path| path.to_lowercase().ends_with(&end));
    found.unwrap_or_else(|| panic!("no {end} among {:?}", files.keys())).clone()
}

/// A machine whose files are broken in one way after the other; nothing of it may be seen.
struct Broken {
    name: String,
    whole: Files,
    needles: Needles,
    leaks: Vec<String>,
}

impl Broken {
    fn new(name: &str, machine: &Machine) -> Self {
        Self { name: name.to_owned(), whole: files(machine), needles: needles(machine), leaks: Vec::new() }
    }

    fn look(&mut self, what: &str, files: &Files) {
        for secret in seen(files, &self.needles) {
            self.leaks.push(format!("{}, {what}: {secret}", self.name));
        }
    }

    /// Breaks the file whose path ends with `end`.
    fn file(&mut self, end: &str, what: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut files = self.whole.clone();
        change(files.get_mut(&place(&files, end)).expect("a file"));
        self.look(&format!("{end} {what}"), &files);
    }

    /// Changes the text of the live configuration.
    fn config(&mut self, what: &str, change: impl FnOnce(String) -> String) {
        self.file("config/applicationHost.config", what, |bytes| {
            let text = String::from_utf8(std::mem::take(bytes)).expect("UTF-8");
            let changed = change(text.clone());
            assert_ne!(changed, text, "{what}");
            *bytes = changed.into_bytes();
        });
    }

    /// Adds a file.
    fn with(&mut self, path: &str, what: &str, bytes: Vec<u8>) {
        let mut files = self.whole.clone();
        files.insert(path.to_owned(), bytes);
        self.look(what, &files);
    }

    fn finish(self) {
        assert!(self.leaks.is_empty(), "{}", self.leaks.join("\n"));
    }
}

#[test]
fn a_planted_needle_is_found_in_every_encoding() {
    let secret = Rng::named("needle").bytes(40);
    let mut needles = Needles::default();
    needles.add("key", &secret);
    needles.add("short", &secret[..2]);
    needles.add_text("password", "s3cr3t-pässword");
    let wide: String = "s3cr3t-pässword".chars().flat_map(|c| [c, '\0']).collect();
    let reversed: Vec<u8> = secret.iter().rev().copied().collect();
    let shifted = |by: usize| BASE64.encode(&[&vec![0x55; by][..], &secret, b"tail"].concat());
    let separated = |by: &str| secret.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(by);
    let mut digits = String::new();
    secret.iter().for_each(|byte| write!(digits, "{byte:02X}").expect("text"));
    let shown = [
        ("lower", HEXLOWER.encode(&secret)),
        ("upper", digits),
        ("odd", format!("a{}", HEXUPPER.encode(&secret))),
        ("a piece", HEXLOWER.encode(&secret[11..27])),
        ("reversed", HEXLOWER.encode(&reversed)),
        ("base64", shifted(0)),
        ("base64 + 1", shifted(1)),
        ("base64 + 2", shifted(2)),
        ("base64 of a longer word", format!("xy{}", shifted(0))),
        ("base64 for addresses", BASE64URL.encode(&secret)),
        ("debug", format!("{secret:?}")),
        ("debug in lines", format!("{secret:#?}")),
        ("debug in hexadecimal", format!("{secret:02x?}")),
        ("export", separated(",")),
        ("dump", separated(" ")),
        ("latin", secret.iter().map(|&byte| char::from(byte)).collect()),
        ("text", "the password is s3cr3t-pässword!".to_owned()),
        ("wide text", wide.clone()),
        ("wide text in JSON", serde_json::to_string(&wide).expect("JSON")),
        ("wide text for debugging", format!("{wide:?}")),
        (
            "wide text in hexadecimal",
            HEXLOWER
                .encode(&"s3cr3t-pässword".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>()),
        ),
    ];
    for (form, text) in shown {
        assert!(!needles.seen(&format!("before {text} after")).is_empty(), "{form}: {text}");
    }
    let innocent = format!(
        "{} {} {:?} s3cr3t",
        HEXLOWER.encode(&secret[..14]),
        BASE64.encode(&secret[30..]),
        &secret[..15]
    );
    assert_eq!(needles.seen(&innocent), Vec::<String>::new());
}

#[test]
fn the_evidence_itself_would_be_found_out() {
    // Where the forge does write a secret in clear, the search sees it: an exported key.
    let machine = everything();
    let needles = needles(&machine);
    let exported = files(&machine)["iisWasKey.xml"].clone();
    let found = needles.seen(&String::from_utf8(exported).expect("text"));
    assert!(found.iter().any(|name| name.contains(" p as base64")), "{found:?}");
    assert!(found.iter().any(|name| name.contains(" d as base64")), "{found:?}");
}

#[test]
fn the_secrets_are_really_used() {
    let folder = tempfile::tempdir().expect("a folder");
    write(&files(&cases::protected_healthy()), folder.path());
    let report = run(["diagnose", &folder.path().to_string_lossy(), "--prove-all"]).json();
    let checks = report["checks"].as_array().expect("checks");
    let check = checks.iter().find(|check| check["rule"] == "session-key-mismatch").expect("a rule");
    // Only an unwrapped session key and decrypted values make this clear.
    assert_eq!(check["outcome"], "clear", "{check}");
}

#[test]
fn no_case_shows_a_secret() {
    for (name, machine) in cases::protected() {
        let mut broken = Broken::new(name, &machine);
        let whole = broken.whole.clone();
        broken.look("whole", &whole);
        broken.finish();
    }
    let mut broken = Broken::new("everything", &everything());
    let whole = broken.whole.clone();
    broken.look("whole", &whole);
    assert_eq!(seen_in_any_form(&whole, &broken.needles), Vec::<String>::new());
    broken.finish();
}

#[test]
fn no_piece_of_the_chain_shows_a_secret_when_it_is_missing_cut_off_or_zero() {
    for (name, machine) in [
        ("everything", everything()),
        ("CNG", cases::protected_healthy_cng()),
        ("metabase", cases::protected_metabase()),
        ("sysprepped", cases::sysprepped_clone()),
    ] {
        let mut broken = Broken::new(name, &machine);
        let key = machine.master_key().guid.to_string();
        let config = if machine.os.is_old() { "MetaBase.xml" } else { "config/applicationHost.config" };
        let container = if machine.os.is_old() { "MachineKeys/" } else { "Crypto/" };
        let container =
            broken.whole.keys().find(|path| path.contains(container)).expect("a container").clone();
        for end in ["config/security", "config/system", "config/software", &key, config, &container] {
            let mut without = broken.whole.clone();
            without.remove(&place(&without, end));
            broken.look(&format!("without {end}"), &without);
            broken.file(end, "cut to a half", |bytes| bytes.truncate(bytes.len() / 2));
            broken.file(end, "cut by one", |bytes| bytes.truncate(bytes.len() - 1));
            broken.file(end, "zero", |bytes| bytes.fill(0));
            broken.file(end, "zero in its second half", |bytes| {
                let half = bytes.len() / 2;
                bytes[half..].fill(0);
            });
            for round in 0..3 {
                broken.file(end, "with changed bytes", |bytes| {
                    let mut rng = Rng::named(&format!("{end} {round}"));
                    for _ in 0..=bytes.len() / 200 {
                        let at = rng.below(bytes.len());
                        bytes[at] = rng.below(256) as u8;
                    }
                });
            }
        }
        broken.finish();
    }
}

#[test]
fn a_damaged_configuration_is_never_quoted() {
    let mut broken = Broken::new("everything", &everything());
    let open = format!(r#"<processModel identityType="SpecificUser" userName="app" password="{CLEAR}" />"#);
    let put = |text: String, element: &str| {
        let at = text.rfind("</").expect("an end");
        format!("{}{element}\r\n{}", &text[..at], &text[at..])
    };
    let elements = [
        ("in clear", open.clone()),
        ("in an element without an end", open.replace(" />", ">")),
        ("as the name of an entity", open.replace(CLEAR, &format!("&{CLEAR};"))),
        ("as an entity of an element", format!("<password>&{CLEAR};</password>")),
        ("as an attribute", format!("<processModel password={CLEAR} />")),
        ("as two attributes", format!(r#"<a {CLEAR}="1" {CLEAR}="2" />"#)),
        ("as an attribute behind a quotation mark", format!(r#"<a password="x" {CLEAR}" />"#)),
        ("as a name space", format!("<{CLEAR}:a />")),
        ("as a name space of an attribute", format!("<a {CLEAR}:password=\"1\" />")),
        ("as two name spaces", format!(r#"<a xmlns:{CLEAR}="x" xmlns:{CLEAR}="y" />"#)),
        ("as an end tag", format!("<a></{CLEAR}>")),
        ("as a start tag", format!("<{CLEAR}></a>")),
        ("as a processing instruction", format!("<?xml {CLEAR}?>")),
        ("in a comment", format!("<!-- -- {CLEAR} -->")),
        ("in a document type", format!("<!DOCTYPE {CLEAR}>")),
        ("as a token", format!(r#"<a password="[enc:{CLEAR}" />"#)),
        ("as a payload", format!(r#"<a password="[enc:AesProvider:{CLEAR}:enc]" />"#)),
        (
            "in a session key",
            format!(
                r#"<add name="X" type="Microsoft.ApplicationHost.AesProtectedConfigurationProvider" keyContainerName="iisWasKey" sessionKey="{CLEAR}" />"#
            ),
        ),
        (
            "in a flag",
            format!(
                r#"<add name="X" type="Microsoft.ApplicationHost.AesProtectedConfigurationProvider" useOAEP="{CLEAR}" />"#
            ),
        ),
    ];
    for (how, element) in elements {
        broken.config(&format!("with a password {how}"), |text| put(text, &element));
    }
    broken.config("without its end", |text| text.replace("</configuration>", ""));
    broken.config("cut in a value", |text| {
        let at = text.rfind("[enc:").expect("a value") + 60;
        text[..at].to_owned()
    });
    broken.config("with broken session keys", |text| text.replace("sessionKey=\"", "sessionKey=\"AAAA*"));
    broken.config("with cut session keys", |text| {
        let mut parts = text.split("sessionKey=\"");
        let first = parts.next().expect("text").to_owned();
        parts.fold(first, |text, part| format!("{text}sessionKey=\"{}", &part[40..]))
    });
    broken.config("with broken values", |text| text.replace(":enc]", ":enc"));
    broken.config("as UTF-16 that is none", |text| {
        format!("\u{feff}{text}").replace("<configuration>", "<configuration")
    });
    for end in [
        "backup/before-migration/applicationHost.config",
        "config/redirection.config",
        "Intranet.config",
        "schema/IIS_schema.xml",
    ] {
        for element in [format!("<a>&{CLEAR};</a>"), format!("<{CLEAR}></a>"), format!("<{CLEAR}:a />")] {
            broken.file(end, &element, |bytes| bytes.splice(..0, element.bytes()).for_each(drop));
            broken.file(end, "later", |bytes| {
                let text = put(String::from_utf8(bytes.clone()).expect("text"), &element);
                *bytes = text.into_bytes();
            });
        }
    }
    broken.finish();
}

#[test]
fn an_exported_key_is_never_quoted() {
    let machine = everything();
    let mut broken = Broken::new("everything", &machine);
    let text = String::from_utf8(broken.whole["iisWasKey.xml"].clone()).expect("text");
    let number = |name: &str| {
        text.split(&format!("<{name}>"))
            .nth(1)
            .and_then(|rest| rest.split('<').next())
            .expect("a number")
            .to_owned()
    };
    let p = number("P");
    let changes = [
        ("end tag", text.replace("</P>", "</Q>")),
        ("no end", text.replace("</P>", "")),
        ("entity", text.replace("<P>", "<P>&")),
        ("entity of the number", text.replace(&p, &format!("&A{};", p.replace(['+', '/', '='], "")))),
        ("number as a tag", text.replace("<P>", "<").replace("</P>", " />")),
        ("number as a name space", text.replace(&p, &format!("<A{}:a/>", p.replace(['+', '/', '='], "")))),
        ("number as an attribute", text.replace("<P>", "<P ")),
        ("two numbers", text.replace("<Q>", "<P>").replace("</Q>", "</P>")),
        ("no modulus", text.replace("Modulus>", "Odulus>")),
        ("no base64", text.replace("<D>", "<D>*")),
        ("cut", text[..text.len() * 2 / 3].to_owned()),
        ("other numbers", text.replace(&p, &number("Q"))),
    ];
    for (what, changed) in changes {
        assert_ne!(changed, text, "{what}");
        broken.with("iisWasKey.xml", what, changed.clone().into_bytes());
        broken.with("keys/loose.xml", what, changed.into_bytes());
    }
    broken.finish();
}

#[test]
fn an_export_of_the_registry_with_secrets_is_never_quoted() {
    let machine = everything();
    let mut broken = Broken::new("everything", &machine);
    let spec = machine.security_spec();
    let list = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(",");
    let secret = list(&[&spec.current.machine[..], &spec.current.user].concat());
    let classes: String = spec.boot_key.class_names().iter().map(|(key, class)| {
        let place = format!("HKEY_LOCAL_MACHINE\\SYSTEM\\ControlSet001\\Control\\Lsa\\{key}");
        // Regedit's text form, and what people make of it.
        format!("[{place}]\r\n\"Class\"=\"{class}\"\r\nClass Name: {class}\r\n@=\"{class}\r\n{class}\r\n[{class}\r\n")
    }).collect();
    let cryptography = "[HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Cryptography]\r\n";
    let texts = [
        classes.clone(),
        format!(
            "[HKEY_LOCAL_MACHINE\\SECURITY\\Policy\\Secrets\\DPAPI_SYSTEM\\CurrVal]\r\n@=hex(0):{secret}\r\n"
        ),
        format!(
            "[HKEY_LOCAL_MACHINE\\SECURITY\\Policy\\Secrets\\DPAPI_SYSTEM\\CurrVal]\r\n@=hex(0:{secret}\r\n@={secret}\r\n@={CLEAR}\r\n"
        ),
        format!("{cryptography}\"MachineGuid\"=\"{CLEAR}\r\n\"Password\"=\"{CLEAR}\"\r\n{CLEAR}\r\n"),
        format!("{cryptography}\"MachineGuid\"=hex:{secret}\r\n"),
        format!(
            "[HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Winlogon]\r\n\"DefaultPassword\"=\"{CLEAR}\"\r\n"
        ),
        format!(
            "[HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\IIS\\CentralCertProvider]\r\n\"Password\"=\"{CLEAR}\"\r\n\"PrivateKeyPassword\"=\"{CLEAR}\r\n"
        ),
    ];
    for text in texts {
        for (head, name) in [("REGEDIT4", "old.reg"), ("Windows Registry Editor Version 5.00", "new.reg")] {
            let text = format!("{head}\r\n\r\n{text}");
            broken.with(name, &text, text.clone().into_bytes());
            let wide: Vec<u8> = format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
            broken.with(name, "the same in UTF-16", wide.clone());
            // Alone, the export is all that there is to talk of.
            let alone = Files::from([(name.to_owned(), wide)]);
            broken.look("alone", &alone);
        }
    }
    broken.finish();
}

#[test]
fn values_of_the_registry_that_hold_passwords_are_never_quoted() {
    let text = || Value::Sz(CLEAR.to_owned());
    for (key, name) in [
        ("Microsoft\\IIS\\CentralCertProvider", "Password"),
        ("Microsoft\\IIS\\CentralCertProvider", "PrivateKeyPassword"),
        ("Microsoft\\Windows NT\\CurrentVersion\\Winlogon", "DefaultPassword"),
        ("Microsoft\\InetStp", "Password"),
    ] {
        let mut machine = everything();
        machine.set(key, name, text());
        let mut broken = Broken::new(name, &machine);
        let whole = broken.whole.clone();
        broken.look("in the registry", &whole);
        broken.finish();
    }
}

#[test]
fn a_damaged_metabase_is_never_quoted() {
    let mut broken = Broken::new("metabase", &cases::protected_metabase());
    let end = "inetsrv/MetaBase.xml";
    for element in [
        format!("<a>&{CLEAR};</a>"),
        format!("<{CLEAR}></a>"),
        format!("<{CLEAR}:a />"),
        format!(r#"<IIsConfigObject AdminPassword="{CLEAR}" />"#),
    ] {
        broken.file(end, &element, |bytes| {
            let text = String::from_utf8(bytes.clone()).expect("text");
            let at = text.rfind("</").expect("an end");
            *bytes = format!("{}{element}{}", &text[..at], &text[at..]).into_bytes();
        });
    }
    broken.file(end, "with broken values", |bytes| {
        let text = String::from_utf8(bytes.clone()).expect("text");
        *bytes = text.replace("SessionKey=\"", &format!("SessionKey=\"{CLEAR}")).into_bytes();
    });
    broken.finish();
}

#[test]
fn the_password_of_an_archive_is_never_shown() {
    let mut needles = Needles::default();
    needles.add_text("password of the archive", CLEAR);
    let folder = tempfile::tempdir().expect("a folder");
    let put = |name: &str, bytes: &[u8]| {
        fs::write(folder.path().join(name), bytes).expect("a file");
        folder.path().join(name).to_string_lossy().into_owned()
    };
    let evidence = put("evidence.zip", b"PK\x03\x04 that is no archive");
    for (name, bytes) in [
        ("utf8", CLEAR.as_bytes().to_vec()),
        ("broken", [b"\xff\xfe", CLEAR.as_bytes()].concat()),
        ("lines", format!("\n{CLEAR}\n").into_bytes()),
    ] {
        let password = put(name, &bytes);
        let ran = run(["diagnose", &evidence, "-v", "--password-file", &password]);
        assert_eq!(needles.seen(&format!("{}{}", ran.stdout, ran.stderr)), Vec::<String>::new(), "{name}");
    }
    // A password file that was taken for evidence.
    let ran = run(["diagnose", &Path::new(&folder.path().join("utf8")).to_string_lossy(), "-v"]);
    assert_eq!(needles.seen(&format!("{}{}", ran.stdout, ran.stderr)), Vec::<String>::new());
}
