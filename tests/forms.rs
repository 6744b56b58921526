//! One machine in every form in which evidence arrives: the same findings each time.

mod support;

use std::fs;
use std::path::Path;

use iiskeys_fixtures::archive::{Packed, Zip, gzip, sevenz, tar, zstd};
use iiskeys_fixtures::disk::ewf::{EwfSpec, ewf};
use iiskeys_fixtures::disk::qcow2::{Packing, Qcow2};
use iiskeys_fixtures::disk::vdi::Vdi;
use iiskeys_fixtures::disk::vmdk::{Pieces, Vmdk};
use iiskeys_fixtures::disk::{vhd, vhdx};
use iiskeys_fixtures::forms::{
    FIRST_SECTOR, WINDOWS_PARTITION, gpt_disk, mbr_disk, mbr_disk_of_two, mount_gpt, mount_mbr, volume,
    volume_builder,
};
use iiskeys_fixtures::hive::Data;
use iiskeys_fixtures::layout::Layout;
use iiskeys_fixtures::machine::{GUID, Machine, OTHER_GUID, Os, WAS_KEY};
use iiskeys_fixtures::ntfs::VolumeBuilder;
use iiskeys_fixtures::time::filetime;
use serde_json::Value;
use support::run;

/// A deflated zip with the times of NTFS.
const ZIP: Zip = Zip { deflate: true, ntfs: true, zip64: false, prefix: 0 };

/// A server whose MachineGuid was changed long after its containers were made.
fn machine() -> Machine {
    let mut machine = Machine::new(Os::Server2012R2);
    machine.set_guid(OTHER_GUID, filetime((2020, 11, 3), (9, 0, 0)));
    machine
}

fn put(folder: &Path, name: &str, bytes: &[u8]) -> String {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    fs::write(&path, bytes).expect("a file");
    path.to_string_lossy().into_owned()
}

/// What must not depend on the form: verdict, cause, plan, and every finding that is more than a note. What is said of
/// the evidence itself may differ.
fn essence(report: &Value) -> Vec<String> {
    let mut lines = vec![
        report["verdict"].to_string(),
        report["root_cause"]["rule"].to_string(),
        report["machine"]["machine_guid"]["value"].to_string(),
        report["plan"]["summary"].to_string(),
    ];
    let findings = report["findings"].as_array().expect("findings");
    let groups = |rule: &Value| {
        let checks = report["checks"].as_array().expect("checks");
        checks.iter().find(|check| check["rule"] == *rule).map(|check| check["group"].clone())
    };
    lines.extend(
        findings
            .iter()
            .filter(|finding| finding["severity"] != "note")
            .filter(|finding| groups(&finding["rule"]).is_some_and(|group| group != "evidence"))
            .map(|finding| format!("{} {} {}", finding["id"], finding["severity"], finding["subject"])),
    );
    lines
}

fn diagnose(paths: &[&str], extra: &[&str]) -> Value {
    let mut words = vec!["diagnose"];
    words.extend(paths);
    words.extend(extra);
    words.extend(["--fail-on", "never"]);
    let ran = run(words);
    assert_eq!(ran.code, Some(0), "{paths:?}: {}", ran.stderr);
    ran.json()
}

fn expected() -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, bytes) in Layout::DriveRoot.files(&machine()) {
        put(folder.path(), &path, &bytes);
    }
    let report = diagnose(&[&folder.path().to_string_lossy()], &[]);
    let lines = essence(&report);
    assert_eq!(report["verdict"], "broken");
    assert!(lines.len() > 5, "{lines:?}");
    lines
}

#[test]
fn every_image_format_gives_the_findings_of_the_folder() {
    let expected = expected();
    let mut machine = machine();
    mount_mbr(&mut machine, 'C', FIRST_SECTOR);
    let disk = mbr_disk(&volume(&machine));
    let folder = tempfile::tempdir().expect("a folder");
    let at = |form: &str| folder.path().join(form);
    let mut forms: Vec<(&str, String)> = Vec::new();
    let mut add = |form: &'static str, files: Vec<(String, Vec<u8>)>| {
        let paths: Vec<String> = files.iter().map(|(name, bytes)| put(&at(form), name, bytes)).collect();
        forms.push((form, paths[0].clone()));
    };
    let one = |name: &str, bytes: Vec<u8>| vec![(name.to_owned(), bytes)];
    add("volume", one("c.raw", volume(&machine)));
    add("raw", one("disk.dd", disk.clone()));
    let third = disk.len() / 3;
    let pieces = disk.chunks(third).zip(1..).map(|(piece, n)| (format!("disk.{n:03}"), piece.to_vec()));
    add("split", pieces.collect());
    add("gpt", one("disk.img", gpt_disk(&volume(&machine), None)));
    let (segments, _) = ewf(&disk, &EwfSpec { segment_size: 20_000, ..EwfSpec::default() });
    let named = segments.into_iter().zip(1..).map(|(bytes, n)| (format!("disk.E{n:02}"), bytes));
    add("e01", named.collect());
    add("vhd", one("disk.vhd", vhd::dynamic(&disk, &vhd::Options::default())));
    add("vhdx", one("disk.vhdx", vhdx::dynamic(&disk, &vhdx::Options::default())));
    add("vmdk", one("disk.vmdk", Vmdk::new().monolithic_sparse("disk.vmdk", &disk, &[])));
    add("vmdk stream", one("disk.vmdk", Vmdk::new().stream_optimized("disk.vmdk", &disk)));
    let (description, extents) = Vmdk::new().split("disk", Pieces::Sparse, 256 << 10, &disk, &[]);
    add("vmdk split", std::iter::once(("disk.vmdk".to_owned(), description)).chain(extents).collect());
    add("qcow2", one("disk.qcow2", Qcow2::new().packing(Packing::Deflate).write(&disk)));
    add("vdi", one("disk.vdi", Vdi::new().write(&disk)));
    for (form, path) in forms {
        assert_eq!(essence(&diagnose(&[&path], &[])), expected, "{form}");
        // The folder around the image is as good as the image.
        let around = at(form).to_string_lossy().into_owned();
        assert_eq!(essence(&diagnose(&[&around], &[])), expected, "folder with {form}");
    }
}

#[test]
fn every_archive_gives_the_findings_of_the_folder() {
    let expected = expected();
    let folder = tempfile::tempdir().expect("a folder");
    let layouts = [Layout::DriveRoot, Layout::Kape, Layout::Cylr, Layout::VelociraptorAuto, Layout::Acquire];
    for layout in layouts {
        let entries: Vec<Packed> =
            layout.files(&machine()).into_iter().map(|(path, bytes)| Packed::new(&path, &bytes)).collect();
        for (name, bytes) in [
            ("c.zip", ZIP.write(&entries)),
            ("c.tar", tar(&entries, false)),
            ("c.tar.gz", gzip(&tar(&entries, true))),
            ("c.tar.zst", zstd(&tar(&entries, true))),
            ("c.7z", sevenz(&entries)),
        ] {
            let path = put(folder.path(), name, &bytes);
            assert_eq!(essence(&diagnose(&[&path], &[])), expected, "{layout:?} in {name}");
        }
    }
}

#[test]
fn images_and_archives_inside_archives_are_opened() {
    let expected = expected();
    let folder = tempfile::tempdir().expect("a folder");
    let disk = mbr_disk(&volume(&machine()));
    let image = Packed::new("collected/disk.vhdx", &vhdx::dynamic(&disk, &vhdx::Options::default()));
    let path = put(folder.path(), "image.zip", &ZIP.write(&[image]));
    assert_eq!(essence(&diagnose(&[&path], &[])), expected);

    let files = Layout::Kape.files(&machine());
    let inner: Vec<Packed> = files.iter().map(|(path, bytes)| Packed::new(path, bytes)).collect();
    let outer = Packed::new("kape/collection.zip", &ZIP.write(&inner));
    let path = put(folder.path(), "outer.zip", &ZIP.write(&[outer]));
    assert_eq!(essence(&diagnose(&[&path], &[])), expected);
}

#[test]
fn a_collection_on_a_disk_image_is_a_collection() {
    let mut volume = VolumeBuilder::new();
    for (path, bytes) in Layout::Kape.files(&machine()) {
        volume.file(&path, &bytes);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = put(
        folder.path(),
        "kape.vhdx",
        &vhdx::dynamic(&mbr_disk(&volume.build()), &vhdx::Options::default()),
    );
    let report = diagnose(&[&path], &[]);
    assert_eq!(essence(&report), expected());
    // What a collector did not take is not missing, and its access rights are those of the collector's disk.
    let check = |rule: &str| {
        let checks = report["checks"].as_array().expect("checks");
        checks.iter().find(|check| check["rule"] == rule).expect("a rule")["outcome"].clone()
    };
    assert_eq!(check("container-access"), "not-evaluated");
}

#[test]
fn keys_on_another_volume_of_the_disk_are_found() {
    let mut machine = machine();
    mount_gpt(&mut machine, 'C', WINDOWS_PARTITION);
    mount_gpt(&mut machine, 'D', *b"the data is here");
    let mut data = VolumeBuilder::new().label("Data");
    data.file("backup\\readme.txt", b"nothing to see");
    let disk = gpt_disk(&volume(&machine), Some(&data.build()));
    let folder = tempfile::tempdir().expect("a folder");
    let path = put(folder.path(), "disk.raw", &disk);
    let report = diagnose(&[&path], &[]);
    assert_eq!(essence(&report), expected());
    let volumes = report["sources"][0]["volumes"].as_array().expect("volumes");
    let shown: Vec<String> = volumes
        .iter()
        .map(|volume| format!("{} {} {}", volume["number"], volume["content"], volume["letter"]))
        .collect();
    assert_eq!(shown, ["1 \"FAT\" null", "2 \"NTFS\" \"C:\"", "3 \"NTFS\" \"D:\""]);
}

#[test]
fn keys_that_the_registry_sends_to_another_volume_are_found_there() {
    let mut machine = Machine::new(Os::Server2003);
    mount_mbr(&mut machine, 'C', FIRST_SECTOR);
    mount_mbr(&mut machine, 'E', 8192);
    machine.set(
        "Microsoft\\Windows\\CurrentVersion\\Explorer\\Shell Folders",
        "Common AppData",
        Data::Sz("E:\\Profiles\\All Users\\Application Data".to_owned()),
    );
    let keys = machine.machine_keys();
    let (mut system, mut data) = (VolumeBuilder::new(), VolumeBuilder::new());
    for (path, file) in machine.files() {
        match path.strip_prefix(&keys) {
            Some(name) => {
                let folder = "Profiles\\All Users\\Application Data\\Microsoft\\Crypto\\RSA\\MachineKeys";
                data.file(&format!("{folder}{name}"), &file.bytes);
            }
            None => system.file(&path, &file.bytes),
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = put(folder.path(), "disk.raw", &mbr_disk_of_two(&system.build(), 8192, &data.build()));
    let report = diagnose(&[&path], &["--require", "identity"]);
    let containers = report["key_containers"].as_array().expect("containers");
    assert!(!containers.is_empty(), "{report:#}");
    for container in containers {
        let path = container["path"].as_str().expect("a path");
        assert!(path.starts_with("disk.raw/partition-2/Profiles/"), "{path}");
    }
    assert!(essence(&report).iter().all(|line| !line.contains("container-missing")), "{report:#}");
}

#[test]
fn a_copy_of_the_keys_on_another_volume_is_no_key_in_use() {
    let mut machine = Machine::new(Os::Server2012R2);
    mount_gpt(&mut machine, 'C', WINDOWS_PARTITION);
    mount_gpt(&mut machine, 'D', *b"the data is here");
    let mut data = VolumeBuilder::new().label("Backup");
    for (path, file) in machine.files().iter().filter(|(path, _)| path.starts_with(&machine.machine_keys())) {
        data.file(path, &file.bytes);
    }
    machine.remove_container(WAS_KEY, GUID);
    let disk = gpt_disk(&volume(&machine), Some(&data.build()));
    let folder = tempfile::tempdir().expect("a folder");
    let report = diagnose(&[&put(folder.path(), "disk.raw", &disk)], &[]);
    let findings = report["findings"].as_array().expect("findings");
    let about = |rule: &str| {
        let mut found = findings.iter().filter(|finding| finding["rule"] == rule);
        found.any(|finding| finding["title"].as_str().is_some_and(|title| title.contains(WAS_KEY)))
    };
    assert!(about("container-missing"), "{findings:#?}");
    assert!(about("container-set-aside"), "{findings:#?}");
}

#[test]
fn a_key_folder_behind_a_link_to_another_disk_is_not_missing() {
    use iiskeys_fixtures::ntfs::{FolderOptions, Reparse};

    let machine = Machine::new(Os::Server2012R2);
    let mut volume = VolumeBuilder::new();
    for (path, file) in machine.files().iter().filter(|(path, _)| !path.starts_with(&machine.machine_keys()))
    {
        volume.file(path, &file.bytes);
    }
    let reparse = Some(Reparse::junction("D:\\Keys"));
    volume.dir_with(&machine.machine_keys(), FolderOptions { reparse, ..FolderOptions::default() });
    let folder = tempfile::tempdir().expect("a folder");
    let report = run(["diagnose", &put(folder.path(), "disk.raw", &mbr_disk(&volume.build()))]).json();
    let rules: Vec<&str> = report["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .filter_map(|finding| finding["rule"].as_str())
        .collect();
    assert_eq!(rules, ["evidence-damaged"], "{report:#}");
    assert_eq!(report["verdict"], "inconclusive");
}

#[test]
fn a_second_installation_needs_a_choice() {
    let broken = volume(&machine());
    let healthy = volume(&Machine::new(Os::Server2022));
    let folder = tempfile::tempdir().expect("a folder");
    let path = put(folder.path(), "disk.raw", &gpt_disk(&broken, Some(&healthy)));
    let undecided = run(["diagnose", &path]);
    assert_eq!(undecided.code, Some(2), "{}", undecided.stdout);
    assert!(undecided.stderr.contains("disk.raw/partition-2/Windows"), "{}", undecided.stderr);
    let first = diagnose(&[&path], &["--windows", "disk.raw/partition-2/Windows"]);
    assert_eq!(essence(&first), expected());
    let second = diagnose(&[&path], &["--windows", "disk.raw/partition-3"]);
    assert_eq!(second["verdict"], "healthy");
}

#[test]
fn a_volume_tells_more_than_a_copy() {
    let folder = tempfile::tempdir().expect("a folder");
    let machine = machine();
    let path = put(folder.path(), "disk.raw", &mbr_disk(&volume(&machine)));
    let report = diagnose(&[&path], &[]);
    let containers = report["key_containers"].as_array().expect("containers");
    assert!(containers.iter().all(|container| !container["created"].is_null()), "{containers:?}");
    let files = report["evidence"].as_array().expect("evidence");
    let hive = files.iter().find(|file| file["kind"] == "software-hive").expect("a hive");
    assert_eq!(hive["container"], "disk.raw");
    assert!(hive["record"].as_str().is_some_and(|record| record.contains('-')), "{hive}");
}

#[test]
fn a_deleted_container_is_found_and_never_present() {
    use iiskeys_fixtures::container::{CapiSpec, Family, PairSpec, file_name};
    use iiskeys_fixtures::ntfs::Deleted;

    let folder = tempfile::tempdir().expect("a folder");
    let mut machine = Machine::new(Os::Server2012R2);
    machine.remove_container(WAS_KEY, GUID);
    let mut volume = volume_builder(&machine).free_clusters(64);
    let name = file_name(WAS_KEY, Family::Capi, GUID);
    let bytes = CapiSpec::new(WAS_KEY).exchange(PairSpec::new("was")).bytes();
    volume.deleted_file(&format!("{}\\{name}", machine.machine_keys()), &bytes, Deleted::RecordKept);
    let path = put(folder.path(), "disk.raw", &mbr_disk(&volume.build()));
    let report = diagnose(&[&path], &[]);
    let findings = report["findings"].as_array().expect("findings");
    let of = |rule: &str| findings.iter().find(|finding| finding["rule"] == rule);
    assert_eq!(of("container-missing").expect("missing")["severity"], "error");
    assert_eq!(of("container-missing").expect("missing")["confidence"], "proven");
    let copy = of("container-set-aside").expect("a trace");
    assert!(copy["explanation"].as_str().is_some_and(|text| text.contains("1 key pair")), "{copy}");
    let containers = report["key_containers"].as_array().expect("containers");
    assert!(containers.iter().all(|container| container["name"] != WAS_KEY));
}
