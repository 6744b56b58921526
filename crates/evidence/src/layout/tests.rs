use super::*;
use crate::memory::MemoryTree;
use crate::{Evidence, File};

const SOFTWARE: &str = "Windows\\System32\\config\\SOFTWARE";

fn file_at(evidence: &Evidence, path: &str) -> Option<File> {
    evidence.select(None).unwrap()?.resolve(path).unwrap().and_then(Node::into_file)
}

fn machine(root: &str) -> MemoryTree {
    MemoryTree::new()
        .file(&format!("{root}/Windows/System32/config/SOFTWARE"), b"hive")
        .file(&format!("{root}/ProgramData/Microsoft/Crypto/RSA/MachineKeys/key"), b"key")
}

#[test]
fn a_drive_is_found_under_every_collector_s_name() {
    for (root, letter) in [
        ("", None),
        ("C", Some('C')),
        ("2024-01-02T030405/c", Some('C')),
        ("fs/C:", Some('C')),
        ("uploads/auto/C%3A", Some('C')),
        ("host/run 1/uploads/lazy_ntfs/%5C%5C.%5CC%3A", Some('C')),
        ("extra/level", None),
    ] {
        let evidence = Evidence::from_tree(machine(root));
        assert_eq!(evidence.volumes().len(), 1, "{root}");
        assert_eq!(evidence.volumes()[0].letter, letter, "{root}");
        assert_eq!(evidence.volumes()[0].windows.as_deref(), Some("Windows"), "{root}");
        let hive = file_at(&evidence, "C:\\windows\\SYSTEM32\\Config\\software").unwrap();
        assert_eq!(hive.read_all(10).unwrap().0, b"hive", "{root}");
        assert!(hive.path().as_str().starts_with(root));
    }
}

#[test]
fn several_ways_to_read_a_drive_become_layers_of_one_volume() {
    let tree = MemoryTree::new()
        .file("uploads/auto/C%3A/ProgramData/Microsoft/Crypto/a", b"a")
        .file("uploads/ntfs/%5C%5C.%5CC%3A/Windows/System32/config/SOFTWARE", b"hive")
        .file("uploads/ntfs/%5C%5C.%5CC%3A/ProgramData/Microsoft/Crypto/b", b"b")
        .file("uploads/auto/D%3A/%2Ehidden%25", b"d")
        .file("uploads.json", b"{}");
    let evidence = Evidence::from_tree(tree);
    assert_eq!(evidence.volumes().len(), 2);
    let system = evidence.select(None).unwrap().unwrap();
    assert_eq!(system.volumes.len(), 2);
    assert_eq!(system.system_volume().unwrap().layers.len(), 2);
    assert_eq!(system.system_volume().unwrap().completeness, Completeness::Collection);
    for path in [SOFTWARE, "ProgramData\\Microsoft\\Crypto\\a", "C:\\ProgramData\\Microsoft\\Crypto\\b"] {
        assert!(file_at(&evidence, path).is_some(), "{path}");
    }
    assert_eq!(system.resolve_all("ProgramData\\Microsoft\\Crypto").unwrap().len(), 2);
    let hidden = file_at(&evidence, "D:\\.HIDDEN%").unwrap();
    assert_eq!(hidden.name, ".hidden%");
    assert_eq!(hidden.path().as_str(), "uploads/auto/D%3A/%2Ehidden%25");
}

#[test]
fn two_installed_systems_need_a_choice() {
    let tree = MemoryTree::new()
        .file("HOST1/C/Windows/System32/config/SOFTWARE", b"1")
        .file("HOST2/C/WINNT/system32/config/software", b"2");
    let evidence = Evidence::from_tree(tree);
    let error = evidence.select(None).unwrap_err().to_string();
    assert!(error.contains("HOST1/C/Windows, HOST2/C/WINNT"), "{error}");
    for wanted in ["HOST2/C/WINNT", "host2\\c", "C:\\winnt\\"] {
        let system = evidence.select(Some(wanted)).unwrap().unwrap();
        assert_eq!(system.path().as_str(), "HOST2/C/WINNT", "{wanted}");
    }
    assert!(matches!(evidence.select(Some("C:")), Err(SelectError::Several { .. })));
    assert!(matches!(evidence.select(Some("HOST3")), Err(SelectError::NoSuch { .. })));
}

#[test]
fn a_drive_with_two_windows_folders_holds_two_systems() {
    let tree = MemoryTree::new()
        .file("C/Windows/System32/config/SOFTWARE", b"1")
        .file("C/WINNT/system32/config/software", b"2");
    assert_eq!(Evidence::from_tree(tree).systems().len(), 2);
    let tree = MemoryTree::new()
        .file("C/Windows/System32/config/SOFTWARE", b"1")
        .file("C/WINNT/system32/drivers/etc/hosts", b"2");
    let evidence = Evidence::from_tree(tree);
    assert_eq!(evidence.systems().len(), 1);
    assert_eq!(evidence.volumes()[0].windows.as_deref(), Some("Windows"));
}

#[test]
fn a_windows_folder_of_another_name_is_found() {
    let tree = machine("D").file("D/WIN2K3/system32/config/software", b"x").file("D/Users/a/b", b"");
    assert_eq!(Evidence::from_tree(tree).volumes()[0].windows.as_deref(), Some("Windows"));
    let tree = MemoryTree::new()
        .file("WIN2K3/system32/config/software", b"x")
        .file("Documents and Settings/All Users/x", b"");
    assert_eq!(Evidence::from_tree(tree).volumes()[0].windows.as_deref(), Some("WIN2K3"));
}

#[test]
fn the_past_of_an_installation_is_no_second_system() {
    let tree = machine("C")
        .file("C/Windows.old/Windows/System32/config/SOFTWARE", b"old")
        .file("C/$WINDOWS.~BT/NewOS/Windows/System32/config/SOFTWARE", b"new")
        .file("C/$Windows.~WS/Sources/setup.exe", b"")
        .file("C/Windows/System32/config/RegBack/SOFTWARE", b"back")
        .file("C/Windows/WinSxS/amd64_x/Windows/System32/config/SOFTWARE", b"store")
        .file("VSS1/C/Windows/System32/config/SOFTWARE", b"shadow");
    let evidence = Evidence::from_tree(tree);
    assert_eq!(evidence.systems().len(), 1);
    assert_eq!(evidence.volumes().len(), 1);
    let kinds: Vec<_> =
        evidence.history().iter().map(|h| (h.kind, h.volume.label().as_str().to_owned())).collect();
    assert_eq!(
        kinds,
        [
            (HistoryKind::UpgradeStaging, "C/$WINDOWS.~BT/NewOS".to_owned()),
            (HistoryKind::WindowsOld, "C/Windows.old".to_owned()),
            (HistoryKind::ShadowCopy, "VSS1/C".to_owned()),
        ]
    );
    let old = evidence.history()[1].volume.resolve(SOFTWARE).unwrap().and_then(Node::into_file).unwrap();
    assert_eq!(old.read_all(9).unwrap().0, b"old");
}

#[test]
fn shadow_copies_beside_a_velociraptor_drive_are_history() {
    let shadow =
        "uploads/ntfs/%5C%5C%3F%5CGLOBALROOT%5CDevice%5CHarddiskVolumeShadowCopy1/Windows/System32/config";
    let tree = machine("uploads/ntfs/%5C%5C.%5CC%3A").file(&format!("{shadow}/SOFTWARE"), b"past");
    let evidence = Evidence::from_tree(tree);
    assert_eq!(evidence.systems().len(), 1);
    assert_eq!(evidence.history().len(), 1);
    assert_eq!(evidence.history()[0].kind, HistoryKind::ShadowCopy);
}

#[test]
fn windows_old_given_by_itself_is_what_the_user_wants() {
    let tree = machine("").file("x", b"");
    let trees: Vec<(EvidencePath, Box<dyn crate::Tree>)> =
        vec![(EvidencePath::new("Windows.old"), Box::new(tree))];
    let evidence = Evidence::from_trees(trees, &crate::OpenOptions::default());
    assert_eq!(evidence.systems().len(), 1);
}

#[test]
fn a_recovery_environment_is_history_inside_a_drive_only() {
    let tree = machine("C").file("C/Recovery/WindowsRE/Windows/System32/config/SOFTWARE", b"re");
    let evidence = Evidence::from_tree(tree);
    assert_eq!((evidence.systems().len(), evidence.history().len()), (1, 1));
    assert_eq!(evidence.history()[0].kind, HistoryKind::Recovery);
    assert_eq!(Evidence::from_tree(machine("recovery/C")).systems().len(), 1);
}

#[test]
fn other_drives_of_the_collection_belong_to_the_system() {
    let tree = machine("HOST/C").file("HOST/D/sites/web.config", b"").file("HOST/E/inetpub/x", b"");
    let evidence = Evidence::from_tree(tree);
    let system = evidence.select(None).unwrap().unwrap();
    let letters: Vec<_> = system.volumes.iter().map(|v| v.letter.unwrap()).collect();
    assert_eq!(letters, ['C', 'D', 'E']);
    assert!(file_at(&evidence, "D:\\sites\\WEB.config").is_some());
    assert!(file_at(&evidence, "\\sites\\web.config").is_none());
}

#[test]
fn a_single_letter_folder_alone_is_no_drive() {
    let evidence = Evidence::from_tree(MemoryTree::new().file("a/notes.txt", b"").file("b/SOFTWARE", b""));
    assert!(evidence.volumes().is_empty());
    assert!(evidence.select(None).unwrap().is_none());
    assert_eq!(evidence.loose().count(), 3);
}

#[test]
fn copies_of_junctions_lead_to_their_target() {
    let tree = machine("").file("Users/bob/x", b"").file("Users/All Users/Microsoft/Crypto/copy", b"");
    let evidence = Evidence::from_tree(tree);
    let volume = &evidence.volumes()[0];
    assert!(volume.is_junction_duplicate("Users\\All Users"));
    assert!(volume.is_junction_duplicate("C:\\Documents and Settings"));
    assert!(!volume.is_junction_duplicate("ProgramData"));
    let through = volume.resolve("Documents and Settings\\All Users\\Application Data\\Microsoft").unwrap();
    let target = volume.resolve("ProgramData\\Microsoft").unwrap().unwrap();
    assert!(through.unwrap().into_dir().unwrap().same_as(&target.into_dir().unwrap()));
}

#[test]
fn the_old_profile_folder_of_windows_2003_is_no_junction() {
    let folder = "Documents and Settings\\All Users\\Application Data\\Microsoft";
    let tree = MemoryTree::new()
        .file("WINNT/system32/config/software", b"")
        .file(&format!("{}/Crypto/key", folder.replace('\\', "/")), b"");
    let evidence = Evidence::from_tree(tree);
    let volume = &evidence.volumes()[0];
    assert!(!volume.is_junction_duplicate(folder));
    assert!(volume.resolve(&format!("{folder}\\Crypto\\KEY")).unwrap().is_some());
}

#[test]
fn loose_pieces_beside_a_drive_are_offered() {
    let tree = machine("case")
        .file("case/listing.txt", b"")
        .file("case/MachineKeys/k", b"")
        .file("export.reg", b"")
        .file("case/Windows/notes.txt", b"");
    let evidence = Evidence::from_tree(tree);
    let rows: Vec<_> = evidence
        .loose()
        .map(|loose| {
            let names: Vec<_> = loose.files.iter().map(|file| file.name.clone()).collect();
            (loose.dir.path().to_string(), loose.beside_root, names.join(" "))
        })
        .collect();
    assert_eq!(
        rows,
        [
            (".".to_owned(), false, "export.reg".to_owned()),
            ("case".to_owned(), true, "listing.txt".to_owned()),
            ("case/MachineKeys".to_owned(), true, "k".to_owned()),
        ]
    );
}

#[test]
fn budgets_of_the_loose_walk_are_said() {
    let deep = format!("{}f", "d/".repeat(20));
    let evidence = Evidence::from_tree(MemoryTree::new().file(&deep, b""));
    assert_eq!(evidence.loose().count(), crate::loose::MAX_LOOSE_DEPTH + 1);
    assert!(matches!(evidence.skipped()[0].reason, crate::SkipReason::TooDeep(_)));

    let mut tree = MemoryTree::new();
    for n in 0..=crate::loose::MAX_LISTED_FILES {
        tree.insert(&format!("keys/{n:06}"), b"", None, None);
    }
    let evidence = Evidence::from_tree(tree);
    let keys = evidence.loose().find(|loose| loose.dir.name() == "keys").unwrap();
    assert!(keys.large && keys.files.is_empty());
    assert_eq!(keys.dir.entries().unwrap().count(), crate::loose::MAX_LISTED_FILES + 1);
}

mod matrix {
    use std::path::PathBuf;

    use iiskeys_fixtures::layout::{DRIVE_LAYOUTS, FLAT_LAYOUTS, Files, Layout, place, write};

    use super::*;
    use crate::OpenOptions;

    const KEY: &str = "c2319c42033a5ca7f44e731bfd3fa2b5_9790b371-1111-2222-3333-444455556666";

    fn files() -> Files {
        let keys = "C:\\ProgramData\\Microsoft\\Crypto\\RSA\\MachineKeys";
        [
            ("C:\\Windows\\System32\\config\\SOFTWARE".to_owned(), "software hive"),
            ("C:\\Windows\\System32\\config\\SYSTEM".to_owned(), "system hive"),
            ("C:\\Windows\\System32\\inetsrv\\config\\applicationHost.config".to_owned(), "<configuration/>"),
            (format!("{keys}\\{KEY}"), "key one"),
            (format!("{keys}\\{}", KEY.replace("c23", "769")), "key two"),
        ]
        .into_iter()
        .map(|(path, data)| (path, data.as_bytes().to_vec()))
        .collect()
    }

    fn on_disk(layout: Layout) -> (tempfile::TempDir, Evidence) {
        let dir = tempfile::tempdir().unwrap();
        write(&place(&files(), layout), dir.path(), Some(132_000_000_000_000_000)).unwrap();
        let evidence = Evidence::open(&[PathBuf::from(dir.path())], &OpenOptions::default()).unwrap();
        (dir, evidence)
    }

    #[test]
    fn the_same_machine_has_the_same_bytes_in_every_layout() {
        for layout in DRIVE_LAYOUTS {
            let placed = place(&files(), layout);
            let in_memory: MemoryTree =
                placed.iter().map(|file| (file.path.as_str(), file.data.as_slice())).collect();
            let (_dir, evidence) = on_disk(layout);
            for evidence in [evidence, Evidence::from_tree(in_memory)] {
                assert_eq!(evidence.systems().len(), 1, "{layout:?}");
                for file in placed.iter().filter(|file| !file.windows_path.is_empty()) {
                    let found = file_at(&evidence, &file.windows_path.to_uppercase()).unwrap();
                    assert_eq!(found.path().as_str(), file.path, "{layout:?}");
                    assert_eq!(found.read_all(100).unwrap().0, file.data, "{layout:?}");
                    assert!(file.windows_path.ends_with(&found.name), "{layout:?}");
                }
            }
        }
    }

    #[test]
    fn flat_folders_are_all_loose() {
        for layout in FLAT_LAYOUTS {
            let (_dir, evidence) = on_disk(layout);
            assert!(evidence.volumes().is_empty() && evidence.systems().is_empty(), "{layout:?}");
            let mut loose: Vec<_> = evidence
                .loose()
                .flat_map(|loose| loose.files)
                .map(|file| (file.path().to_string(), file.read_all(100).unwrap().0))
                .collect();
            loose.sort();
            let placed: Vec<_> =
                place(&files(), layout).into_iter().map(|file| (file.path, file.data)).collect();
            assert_eq!(loose, placed, "{layout:?}");
        }
    }

    #[test]
    fn a_given_part_of_a_collection_is_enough() {
        let (dir, _) = on_disk(Layout::VelociraptorAuto);
        for part in ["uploads", "uploads/auto", "uploads/auto/C%3A"] {
            let evidence = Evidence::open(&[dir.path().join(part)], &OpenOptions::default()).unwrap();
            assert!(file_at(&evidence, SOFTWARE).is_some(), "{part}");
        }
    }

    #[test]
    fn a_collection_can_come_in_several_arguments() {
        let (dir, _) = on_disk(Layout::Kape);
        let keys = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(keys.path().join("D/inetpub/wwwroot")).unwrap();
        std::fs::write(keys.path().join("D/inetpub/wwwroot/web.config"), b"site").unwrap();
        let given = [dir.path().to_path_buf(), keys.path().to_path_buf()];
        let evidence = Evidence::open(&given, &OpenOptions::default()).unwrap();
        assert_eq!(evidence.systems().len(), 1);
        assert!(file_at(&evidence, "D:\\inetpub\\wwwroot\\web.config").is_some());
        assert!(file_at(&evidence, "C:\\Windows\\System32\\config\\SYSTEM").is_some());
    }
}
