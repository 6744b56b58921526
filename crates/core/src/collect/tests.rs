use super::*;
use crate::machine::Generation;

#[test]
fn every_need_has_one_item_and_every_name_is_its_own() {
    for need in Need::ALL {
        assert_eq!(ITEMS.iter().filter(|item| item.need == Some(need)).count(), 1, "{need:?}");
    }
    for item in ITEMS {
        assert_eq!(ITEMS.iter().filter(|other| other.name == item.name).count(), 1, "{}", item.name);
        assert!(item.parts().iter().all(|part| !matches!(part.source, Source::Items(_))), "{}", item.name);
    }
}

const WINDOWS: [Generation; 4] = [Generation::Nt50, Generation::Nt51, Generation::Nt6, Generation::Nt10];

#[test]
fn commands_are_ones_that_the_windows_has_and_write_only_where_they_are_run() {
    for item in ITEMS {
        for windows in WINDOWS {
            for command in item.commands(Some(windows)) {
                let program = command.split(' ').next().unwrap_or_default();
                let known: &[&str] = match windows {
                    Generation::Nt50 => &["regedit", "xcopy", "cacls", "dir", "cscript"],
                    Generation::Nt51 => &["reg", "xcopy", "cacls", "dir", "cscript", "wmic", "certutil"],
                    _ => &["reg", "robocopy", "icacls", "dir", "wevtutil", "certutil", "netsh"],
                };
                assert!(known.contains(&program), "{windows:?}: {command}");
                // `reg save` asks before it overwrites since Vista, and knew no `/y` before.
                if command.starts_with("reg save") {
                    assert_eq!(command.ends_with(" /y"), windows >= Generation::Nt6, "{command}");
                }
                for change in [
                    " /mov",
                    " /mir",
                    " /purge",
                    "/grant",
                    "/reset",
                    "restore",
                    " import",
                    "/setowner",
                    " del",
                ] {
                    assert!(!command.to_lowercase().contains(change), "{command}");
                }
                let written = command.rsplit_once("> ").map(|(_, file)| file);
                assert!(written.is_none_or(|file| !file.contains(['\\', ':', '%'])), "{command}");
            }
        }
    }
}

#[test]
fn what_stands_in_a_file_of_a_newer_windows_has_a_command_there() {
    for item in ITEMS {
        let has = !item.commands(None).is_empty();
        assert_eq!(has, !matches!(item.source, Source::Elsewhere), "{}", item.name);
        assert_eq!(item.ask(None).contains("; on the server: "), has, "{}", item.name);
    }
}

#[test]
fn a_hive_brings_its_logs_and_what_has_parts_its_parts() {
    let names = |needs: &[&str]| -> Vec<&str> {
        Request::of(needs, false).expect("items").items().iter().map(|item| item.name).collect()
    };
    assert_eq!(names(&["system-hive", "system-hive"]), ["system-hive", "transaction-logs"]);
    assert_eq!(names(&["application-host"]), ["application-host"]);
    let proof = names(&["key-proof"]);
    for part in ["metabase", "system-hive", "security-hive", "protect", "transaction-logs"] {
        assert!(proof.contains(&part), "{proof:?}");
    }
    assert_eq!(Request::of(&["system-hive", "luck"], true).err(), Some("luck"));
}

#[test]
fn every_store_of_containers_is_a_place() {
    use crate::machine::Store;
    let folders: Vec<String> = ITEMS
        .iter()
        .flat_map(|item| item.places())
        .filter(|place| place.mask == "*")
        .flat_map(Place::folders)
        .collect();
    for store in Store::ALL {
        assert!(folders.contains(&store.path("Windows")), "{store:?}");
        if let Some(below) = store.path_below_application_data() {
            let old = format!("Documents and Settings\\{}\\Application Data\\{below}", store.old_profile());
            assert!(folders.contains(&old), "{old}");
        }
    }
}

#[test]
fn what_holds_secrets_is_named_so_and_says_what_is_lost_without_it() {
    for item in ITEMS {
        let is_secret = item.places().iter().any(Place::is_secret) && item.name != "transaction-logs";
        assert!(!is_secret || item.unprovable.is_some(), "{}", item.name);
    }
    for name in ["machine-keys", "security-hive", "protect", "key-proof", "key-file-contents"] {
        assert!(by_name(name).is_some_and(Item::is_sensitive), "{name}");
    }
    for name in ["software-hive", "application-host", "system-log"] {
        assert!(!by_name(name).is_some_and(Item::is_sensitive), "{name}");
    }
}
