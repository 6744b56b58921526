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
                    _ => &["reg", "robocopy", "icacls", "dir", "wevtutil", "certutil", "netsh", "attrib"],
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

fn printed(form: &str, names: &[&str], names_only: bool) -> (String, String) {
    let request = Request::of(names, names_only).expect("items");
    let form = Form::by_name(form).expect("a form");
    (form.print(&request), form.notes(&request).join("\n"))
}

#[test]
fn a_form_lists_key_folders_for_their_rights_and_times_or_refuses() {
    for need in ["access-rights", "creation-times"] {
        let (script, notes) = printed("powershell", &[need], false);
        let row = format!("'{need}|Shared|Microsoft\\Crypto\\RSA\\MachineKeys|*|list'");
        assert!(script.contains(&row) && notes.is_empty(), "{script}");
        let request = Request::of(&[need], false).expect("an item");
        for form in ["kape", "acquire", "azure"] {
            let why = Form::by_name(form).expect("a form").refusal(&request).expect("nothing to gather");
            assert!(why.contains(need) && why.contains("on the server: "), "{why}");
        }
        let (_, notes) = printed("kape", &[need, "software-hive"], false);
        assert!(notes.contains(need) && notes.contains("on the server: "), "{notes}");
    }
    let request = Request::of(&["creation-times"], false).expect("an item");
    let raptor = Form::by_name("velociraptor").expect("a form");
    assert_eq!(raptor.refusal(&request), None);
    assert!(raptor.print(&request).contains("ProgramData\\Microsoft\\Crypto\\RSA\\MachineKeys\\*"));
    let request = Request::of(&["undamaged-copy"], false).expect("an item");
    for form in FORMS {
        assert_eq!(form.refusal(&request).is_some(), form.name != "list", "{}", form.name);
        assert_eq!(form.refusal(&Request::all(true)), None, "{}", form.name);
    }
}

#[test]
fn with_names_only_each_form_says_what_it_does_not_gather_of_key_files() {
    let told = |name: &str| {
        let form = Form::by_name(name).expect("a form");
        let request = Request::all(true);
        format!("{}\n{}", form.print(&request), form.notes(&request).join("\n"))
    };
    for form in ["kape", "acquire"] {
        let text = told(form);
        for needed in [
            "NOTHING, not even a name",
            "> dir-created.txt",
            "icacls ",
            "unproven which containers there are",
        ] {
            assert!(text.contains(needed), "{form} lacks {needed}: {text}");
        }
    }
    assert!(told("velociraptor").contains("unproven which accounts can open the keys"));
    assert!(told("azure").contains("unproven which keys are older"));
    let script = told("powershell");
    assert!(!script.contains("ATTENTION") && !script.contains("which name it has inside"), "{script}");
}

#[test]
fn configuration_of_aspnet_is_secret() {
    for form in ["kape", "acquire", "azure"] {
        let text = Form::by_name(form).expect("a form").print(&Request::all(true));
        let files = text.lines().filter(|line| !line.starts_with('#'));
        assert!(
            !files.into_iter().any(|line| line.contains("web.config") || line.contains("machine.config"))
        );
        assert!(Form::by_name(form).expect("a form").print(&Request::all(false)).contains("web.config"));
    }
}

#[test]
fn robocopy_follows_no_link_and_the_copy_of_a_root_is_no_hidden_folder() {
    for item in ITEMS {
        let commands = item.commands(None);
        for command in commands.iter().filter(|command| command.starts_with("robocopy")) {
            let is_deep = command.contains(" /S ") || command.contains(" /E ");
            assert_eq!(is_deep, command.contains(" /XJ "), "{command}");
            if command.contains("%SystemDrive%\\\\\"") {
                assert!(
                    command.contains(" /A-:SH ") && commands.iter().any(|it| it.starts_with("attrib -h -s"))
                );
            }
        }
    }
}

#[test]
fn each_windows_is_asked_for_what_it_has() {
    let ask = |name: &str, windows| by_name(name).expect("an item").ask(Some(windows));
    for windows in [Generation::Nt50, Generation::Nt51] {
        let history = ask("config-history", windows);
        assert!(history.contains("MetaBack") && !history.contains("inetpub\\history"), "{history}");
        assert!(ask("site-certificates", windows).contains("adsutil"));
    }
    assert!(ask("config-history", Generation::Nt6).contains("inetpub\\history"));
    let sites = by_name("site-certificates").expect("an item");
    let asked = format!("{} {}", sites.ask(Some(Generation::Nt10)), sites.tells);
    assert!(!asked.contains("adsutil") && !asked.contains("IIS 5"), "{asked}");
    let hive = ask("system-hive", Generation::Nt50);
    assert!(hive.contains("class names") && hive.contains("ntbackup") && hive.contains("regback"), "{hive}");
}
