//! Disk images and archives as a user meets them: digests, passwords, missing files, volumes that cannot be read.

mod support;

use std::fs;
use std::path::Path;

use iiskeys_fixtures::disk::ewf::{EwfSpec, ewf};
use iiskeys_fixtures::disk::vhdx;
use iiskeys_fixtures::forms::{gpt_disk, mbr_disk, volume};
use iiskeys_fixtures::machine::{Machine, Os};
use iiskeys_fixtures::ntfs::damage;
use support::{run_in, workspace};

fn disk() -> Vec<u8> {
    mbr_disk(&volume(&Machine::new(Os::Server2012R2)))
}

fn write(folder: &Path, name: &str, bytes: &[u8]) {
    fs::write(folder.join(name), bytes).expect("a file");
}

#[test]
fn digests_that_an_image_states_are_compared_when_asked() {
    let folder = workspace().join("fixtures/server2008r2-guid-changed-image/evidence");
    let image = "WEB2008R2.E01";
    let plain = run_in(&folder, ["diagnose", image, "--fail-on", "never"]).json();
    let source = &plain["sources"][0];
    assert!(source["stored_md5"].is_string() && source["computed_md5"].is_null(), "{source:#}");
    let verified = run_in(&folder, ["diagnose", image, "--verify-image", "--fail-on", "never"]).json();
    assert_eq!(verified["sources"][0]["computed_md5"], source["stored_md5"]);
    assert_eq!(verified["findings"], plain["findings"]);
}

#[test]
fn an_image_whose_content_has_another_digest_is_damaged_evidence() {
    let folder = tempfile::tempdir().expect("a folder");
    let (segments, _) = ewf(&disk(), &EwfSpec { md5: Some([7; 16]), ..EwfSpec::default() });
    write(folder.path(), "disk.E01", &segments[0]);
    let report =
        run_in(folder.path(), ["diagnose", "disk.E01", "--verify-image", "--fail-on", "never"]).json();
    let findings = report["findings"].as_array().expect("findings");
    let damaged = findings.iter().find(|finding| finding["rule"] == "evidence-damaged").expect("a finding");
    assert!(damaged["explanation"].as_str().is_some_and(|text| text.contains("digest")), "{damaged:#}");
}

#[test]
fn a_missing_parent_is_named_with_its_identifier() {
    let folder = tempfile::tempdir().expect("a folder");
    let base = disk();
    let mut changed = base.clone();
    changed[512 * 2000] ^= 1;
    let options = vhdx::Options::default();
    let parent = vhdx::Parent { name: "base.vhdx", data_write_guid: options.data_write_guid, data: &base };
    let child = vhdx::differencing(
        &changed,
        &parent,
        &vhdx::Options { data_write_guid: *b"the child's guid", ..options.clone() },
    );
    write(folder.path(), "server.avhdx", &child);
    let refused = run_in(folder.path(), ["diagnose", "server.avhdx"]);
    let sentence = refused.refusal();
    assert!(
        sentence.contains("`base.vhdx`") && sentence.contains("not in the folder of the image"),
        "{sentence}"
    );

    // Beside it, it is found; elsewhere, it is found when it is named.
    write(folder.path(), "base.vhdx", &vhdx::dynamic(&base, &options));
    assert_eq!(run_in(folder.path(), ["diagnose", "server.avhdx"]).json()["verdict"], "healthy");
    let elsewhere = tempfile::tempdir().expect("a folder");
    fs::rename(folder.path().join("base.vhdx"), elsewhere.path().join("base.vhdx")).expect("a move");
    let named = elsewhere.path().join("base.vhdx").to_string_lossy().into_owned();
    let report = run_in(folder.path(), ["diagnose", "server.avhdx", &named]);
    assert_eq!(report.json()["verdict"], "healthy", "{}", report.stderr);
}

#[test]
fn what_cannot_be_read_is_refused_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut locked = vec![0; 1 << 20];
    locked[..11].copy_from_slice(b"\xeb\x58\x90-FVE-FS-");
    locked[510..512].copy_from_slice(&[0x55, 0xaa]);
    let mut luks = vec![0; 1 << 20];
    luks[..8].copy_from_slice(b"LUKS\xba\xbe\x00\x02");
    let mut ex01 = vec![0; 4096];
    ex01[..8].copy_from_slice(b"EVF2\x0d\x0a\x81\x00");
    for (name, bytes, word) in [
        ("locked.raw", gpt_disk(&locked, None), "BitLocker volume: unlock it first"),
        ("bare.raw", locked, "BitLocker volume: unlock it first"),
        ("luks.raw", luks, "LUKS volume"),
        ("disk.Ex01", ex01, "an Ex01 image"),
        ("files.rar", b"Rar!\x1a\x07\x01\x00 and what follows it".to_vec(), "a RAR archive"),
    ] {
        write(folder.path(), name, &bytes);
        let refused = run_in(folder.path(), ["diagnose", name]);
        assert!(refused.refusal().contains(word), "{name}: {}", refused.stderr);
    }
}

#[test]
fn a_damaged_volume_gives_a_report_of_what_is_left() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut broken = volume(&Machine::new(Os::Server2012R2));
    damage::destroy_boot(&mut broken);
    write(folder.path(), "disk.raw", &mbr_disk(&broken));
    let report = run_in(folder.path(), ["diagnose", "disk.raw", "--fail-on", "never"]).json();
    assert_eq!(report["machine"]["hostname"], "WEB2012R2");
    let findings = report["findings"].as_array().expect("findings");
    let damaged = findings.iter().find(|finding| finding["rule"] == "evidence-damaged").expect("a finding");
    assert!(damaged["explanation"].as_str().is_some_and(|text| text.contains("boot sector")), "{damaged:#}");
}

#[test]
fn a_segment_of_the_evidence_is_never_written_to() {
    let folder = tempfile::tempdir().expect("a folder");
    let (segments, _) = ewf(&disk(), &EwfSpec { segment_size: 60_000, ..EwfSpec::default() });
    for (segment, number) in segments.iter().zip(1..) {
        write(folder.path(), &format!("disk.E{number:02}"), segment);
    }
    let refused = run_in(folder.path(), ["diagnose", "disk.E01", "--output", "disk.E02"]);
    assert!(refused.refusal().contains("a part of the evidence"));
    assert_eq!(fs::read(folder.path().join("disk.E02")).expect("a segment"), segments[1]);
}

#[test]
fn an_encrypted_archive_asks_for_its_password() {
    let folder = tempfile::tempdir().expect("a folder");
    write(
        folder.path(),
        "c.zip",
        &fs::read(workspace().join("tests/data/encrypted.zip")).expect("an archive"),
    );
    let refused = run_in(folder.path(), ["diagnose", "c.zip"]);
    assert!(refused.refusal().contains("--password-file"), "{}", refused.stderr);
    write(folder.path(), "password.txt", b"open sesame\r\n");
    let opened =
        run_in(folder.path(), ["diagnose", "c.zip", "--password-file", "password.txt", "--fail-on", "never"]);
    assert_eq!(opened.json()["machine"]["hostname"], "WEB2012R2", "{}", opened.stderr);
    write(folder.path(), "password.txt", b"wrong");
    let wrong = run_in(folder.path(), ["diagnose", "c.zip", "--password-file", "password.txt"]);
    assert!(!wrong.stdout.contains("wrong") && !wrong.stderr.contains("open sesame"));
    assert_ne!(wrong.code, Some(0));
    assert!(
        run_in(folder.path(), ["diagnose", "c.zip", "--password-file", "missing.txt"])
            .refusal()
            .contains("missing.txt")
    );
}

#[test]
fn verbose_says_how_much_was_read() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "disk.raw", &disk());
    let run = run_in(folder.path(), ["diagnose", "disk.raw", "-v", "--fail-on", "never"]);
    let line =
        run.stderr.lines().find(|line| line.contains("bytes were read from disk images")).expect("a line");
    let read: u64 = line.split(' ').find_map(|word| word.parse().ok()).expect("a number");
    assert!(read > 50_000 && read < 3 * disk().len() as u64, "{line}");
}
