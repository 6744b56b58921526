use std::fs;
use std::path::PathBuf;

use crate::{Evidence, EvidenceError, OpenError, OpenOptions, SkipReason};

fn open(paths: &[PathBuf]) -> Evidence {
    Evidence::open(paths, &OpenOptions::default()).unwrap()
}

fn case() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("C/Windows/System32/config")).unwrap();
    fs::write(dir.path().join("C/Windows/System32/config/SOFTWARE"), b"hive").unwrap();
    dir
}

#[test]
fn a_copied_folder_has_no_creation_times_and_no_path_of_the_analyst() {
    let dir = case();
    let evidence = open(&[dir.path().to_path_buf()]);
    let volume = &evidence.volumes()[0];
    let hive = volume.resolve("windows/system32/config/software").unwrap().unwrap().into_file().unwrap();
    assert_eq!(hive.path().as_str(), "C/Windows/System32/config/SOFTWARE");
    assert!(hive.created.is_none() && hive.modified.is_some());
    assert!(!hive.parent().creation_times_kept());
    let shown = format!("{hive:?} {:?} {volume:?} {:?}", hive.parent(), evidence.systems());
    assert!(!shown.contains(&dir.path().display().to_string()), "{shown}");
}

#[test]
fn bytes_and_their_hash_come_in_one_pass() {
    let dir = case();
    let evidence = open(&[dir.path().to_path_buf()]);
    let find = || evidence.volumes()[0].resolve("Windows/System32/config/SOFTWARE").unwrap().unwrap();
    let hive = find().into_file().unwrap();
    let (data, hash) = hive.read_all(4).unwrap();
    assert_eq!(data, b"hive");
    let mut hashed = hive.open_hashed().unwrap();
    let mut first = [0; 2];
    std::io::Read::read_exact(&mut hashed, &mut first).unwrap();
    assert_eq!(hashed.finish().unwrap(), (4, hash));
    assert_eq!(hive.head(2).unwrap(), b"hi");
    assert_eq!(hive.head(100).unwrap(), b"hive");
    let error = hive.read_all(3).unwrap_err();
    assert!(matches!(error, EvidenceError::TooLarge { size: 4, cap: 3, .. }), "{error}");
}

#[test]
fn single_files_stand_alone_and_several_paths_get_names() {
    let dir = case();
    let hive = dir.path().join("C/Windows/System32/config/SOFTWARE");
    let evidence = open(std::slice::from_ref(&hive));
    let loose: Vec<_> = evidence.loose().collect();
    assert_eq!(loose.len(), 1);
    assert_eq!(loose[0].files[0].path().as_str(), "SOFTWARE");
    assert_eq!(loose[0].files[0].read_all(9).unwrap().0, b"hive");

    fs::create_dir_all(dir.path().join("a/keys")).unwrap();
    fs::create_dir_all(dir.path().join("b/keys")).unwrap();
    fs::write(dir.path().join("a/keys/k"), b"1").unwrap();
    fs::write(dir.path().join("b/keys/k"), b"2").unwrap();
    fs::write(dir.path().join("a/SOFTWARE"), b"3").unwrap();
    let given = ["a/keys", "b/keys", "./a/../a/keys", "C/Windows/System32/config/SOFTWARE", "a/SOFTWARE"]
        .map(|name| dir.path().join(name));
    let evidence = open(&given);
    let paths: Vec<_> =
        evidence.loose().flat_map(|loose| loose.files).map(|file| file.path().to_string()).collect();
    assert_eq!(paths, ["SOFTWARE", "SOFTWARE~2/SOFTWARE", "keys/k", "keys~2/k"]);
}

#[test]
fn a_path_inside_another_counts_once() {
    let dir = case();
    let evidence = open(&[dir.path().join("C"), dir.path().join("C/Windows/System32")]);
    assert_eq!(evidence.tops().len(), 1);
    assert_eq!(evidence.skipped()[0].reason, SkipReason::AlreadyGiven);
}

#[test]
fn paths_that_cannot_be_opened_are_named() {
    assert!(matches!(Evidence::open(&[], &OpenOptions::default()), Err(OpenError::NoPath)));
    let missing = [PathBuf::from("/nowhere/at all")];
    let error = Evidence::open(&missing, &OpenOptions::default()).err().unwrap();
    assert!(matches!(error, OpenError::Missing { .. }));
    assert!(error.to_string().contains("/nowhere/at all"));
}

#[test]
fn errors_do_not_tell_where_the_analyst_works() {
    let dir = case();
    let evidence = open(&[dir.path().to_path_buf()]);
    let gone = evidence.volumes()[0].resolve("Windows/System32").unwrap().unwrap().into_dir().unwrap();
    fs::remove_dir_all(dir.path().join("C")).unwrap();
    let error = gone.entries().err().unwrap();
    assert!(matches!(error, EvidenceError::Unreadable { .. }));
    let text = format!("{error} {error:?}");
    assert!(text.contains("C/Windows/System32: cannot list the folder"), "{text}");
    assert!(!text.contains(&dir.path().display().to_string()), "{text}");
}

#[test]
fn a_directory_of_100_000_files_streams() {
    let dir = tempfile::tempdir().unwrap();
    let keys = dir.path().join("MachineKeys");
    fs::create_dir(&keys).unwrap();
    // A few files under many names: making 100,000 files takes longer than all other tests together.
    let mut first = PathBuf::new();
    for n in 0..100_000 {
        let path = keys.join(format!("{n:032x}_00000000-0000-0000-0000-000000000000"));
        if n % 1_000 == 0 || fs::hard_link(&first, &path).is_err() {
            fs::write(&path, b"key").unwrap();
            first = path;
        }
    }
    let evidence = open(&[dir.path().to_path_buf()]);
    let loose = evidence.loose().find(|loose| loose.large).unwrap();
    assert_eq!(loose.dir.entries().unwrap().filter(Result::is_ok).count(), 100_000);
}

#[cfg(unix)]
mod unix {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::process::Command;

    use super::*;

    #[test]
    fn links_out_of_the_evidence_are_reported_and_never_followed() {
        let dir = case();
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret"), b"secret").unwrap();
        symlink(outside.path(), dir.path().join("C/out")).unwrap();
        symlink(outside.path().join("secret"), dir.path().join("C/Windows/secret")).unwrap();
        symlink("/nowhere", dir.path().join("C/broken")).unwrap();
        symlink("circle", dir.path().join("C/circle")).unwrap();
        let evidence = open(&[dir.path().to_path_buf()]);
        let volume = &evidence.volumes()[0];
        assert!(matches!(volume.resolve("Windows/secret"), Err(EvidenceError::Refused { .. })));
        assert!(volume.resolve("out/secret").is_err());
        assert_eq!(volume.layers[0].entries().unwrap().count(), 1);
        let skipped: Vec<_> =
            evidence.skipped().into_iter().map(|s| (s.path.to_string(), s.reason)).collect();
        for (path, reason) in [
            ("C/Windows/secret", SkipReason::LinkLeadsOut),
            ("C/broken", SkipReason::LinkBroken),
            ("C/circle", SkipReason::LinkBroken),
            ("C/out", SkipReason::LinkLeadsOut),
        ] {
            assert!(skipped.contains(&(path.to_owned(), reason)), "{path}: {skipped:?}");
        }
    }

    #[test]
    fn links_inside_the_evidence_resolve_and_walks_do_not_go_in_circles() {
        let dir = case();
        symlink("..", dir.path().join("C/Windows/up")).unwrap();
        fs::create_dir_all(dir.path().join("C/ProgramData/Microsoft")).unwrap();
        fs::create_dir_all(dir.path().join("C/Users")).unwrap();
        symlink("../ProgramData", dir.path().join("C/Users/All Users")).unwrap();
        symlink(dir.path(), dir.path().join("loop")).unwrap();
        let evidence = open(&[dir.path().to_path_buf()]);
        assert_eq!(evidence.volumes().len(), 1);
        let volume = &evidence.volumes()[0];
        let round = "Windows/up/Windows/up/Windows/System32/config/SOFTWARE";
        assert_eq!(volume.resolve(round).unwrap().unwrap().into_file().unwrap().size, 4);
        let users = volume.layers[0].child_dir("Users").unwrap().unwrap();
        let linked = users.child_dir("all users").unwrap().unwrap();
        assert!(linked.is_linked());
        assert!(linked.same_as(&volume.layers[0].child_dir("ProgramData").unwrap().unwrap()));
        assert_eq!(evidence.loose().count(), 1);
    }

    #[test]
    fn a_pipe_is_never_opened() {
        let dir = case();
        let pipe = dir.path().join("C/Windows/System32/config/SYSTEM");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let evidence = open(&[dir.path().to_path_buf()]);
        let found = evidence.volumes()[0].resolve("Windows/System32/config/SYSTEM");
        assert!(matches!(found, Err(EvidenceError::Refused { reason: SkipReason::Special, .. })));
        let given = Evidence::open(&[pipe], &OpenOptions::default());
        assert!(matches!(given, Err(OpenError::Special { .. })));
    }

    #[test]
    fn names_that_are_not_unicode_are_shown_and_opened() {
        let dir = tempfile::tempdir().unwrap();
        let name = OsStr::from_bytes(b"caf\xe9");
        if fs::write(dir.path().join(name), b"x").is_err() {
            println!("skipped: this file system refuses names that are not UTF-8");
            return;
        }
        let evidence = open(&[dir.path().to_path_buf()]);
        let file = evidence.loose().next().unwrap().files.remove(0);
        assert_eq!(file.name, "caf\u{fffd}");
        assert_eq!(file.read_all(1).unwrap().0, b"x");
        assert_eq!(file.complete().unwrap().size, 1);
    }

    #[test]
    fn what_cannot_be_read_says_so_and_a_read_only_folder_is_enough() {
        let dir = case();
        let config = dir.path().join("C/Windows/System32/config");
        fs::set_permissions(config.join("SOFTWARE"), fs::Permissions::from_mode(0o000)).unwrap();
        fs::set_permissions(&config, fs::Permissions::from_mode(0o555)).unwrap();
        let evidence = open(&[dir.path().to_path_buf()]);
        let node = evidence.volumes()[0].resolve("Windows/System32/config/SOFTWARE").unwrap().unwrap();
        let file = node.into_file().unwrap();
        let read = file.read_all(100);
        if fs::File::open(config.join("SOFTWARE")).is_ok() {
            println!("skipped: this user may read everything (root), so nothing is unreadable");
            assert!(read.is_ok());
        } else {
            let error = read.unwrap_err();
            assert!(matches!(error, EvidenceError::Unreadable { .. }));
            assert!(error.to_string().starts_with("C/Windows/System32/config/SOFTWARE: cannot open"));
        }
        fs::set_permissions(&config, fs::Permissions::from_mode(0o755)).unwrap();
    }
}
