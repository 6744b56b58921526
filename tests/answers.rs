//! The commands that need no evidence.

mod support;

use std::path::Path;
use std::process::Stdio;

use iiskeys_core::{report, rules};
use support::{Run, command, run};

const GUID: &str = "9790B371-34A5-4C0C-B5D1-6D7F4F4C4E4A";

#[test]
fn the_name_of_a_container_becomes_its_file_names() {
    assert_eq!(
        run(["name", "iisWasKey"]).answer(),
        "CAPI  76944fb33636aeddb9590521c2e8815a\nCNG   fe0d8631831420addaf3cf6970961071\n"
    );
    let metabase = run(["name", "Microsoft Internet Information Server", "--guid", GUID]);
    let expected = format!("CAPI  c2319c42033a5ca7f44e731bfd3fa2b5_{GUID}\n");
    assert!(metabase.answer().starts_with(&expected), "{metabase:?}");
}

#[test]
fn upper_and_lower_case_name_the_same_container() {
    assert_eq!(run(["name", "IISWASKEY"]).answer(), run(["name", "iisWasKey"]).answer());
}

#[test]
fn a_name_outside_ascii_is_not_guessed() {
    let half = run(["name", "clé"]);
    assert!(half.answer().starts_with("CAPI  cannot be known"), "{half:?}");
    let none = run(["name", "CLÉ"]);
    assert!(none.refusal().contains("'CLÉ' cannot be known"), "{none:?}");
}

#[test]
fn a_malformed_guid_is_not_appended() {
    let run = run(["name", "iisWasKey", "--guid", &format!("{{{GUID}}}")]);
    assert!(run.refusal().contains("braces"), "{run:?}");
}

#[test]
fn a_code_is_explained_in_every_form() {
    let expected = run(["explain", "0x80090006"]);
    assert!(
        expected.answer().starts_with("0x80090006 NTE_BAD_SIGNATURE (2148073478, -2146893818)\n"),
        "{expected:?}"
    );
    for form in ["2148073478", "-2146893818", "80090006", "NTE_BAD_SIGNATURE"] {
        assert_eq!(run(["explain", form]).answer(), expected.stdout, "{form}");
    }
}

#[test]
fn words_of_a_message_need_no_quotes() {
    let words = run(["explain", "The", "handle", "is", "invalid."]);
    assert!(words.answer().starts_with("6 ERROR_INVALID_HANDLE\n"), "{words:?}");
    assert_eq!(run(["explain", "The handle is invalid."]).answer(), words.stdout);
    assert!(run(["explain", "event", "7024"]).answer().starts_with("Service Control Manager 7024\n"));
}

#[test]
fn what_is_not_known_is_not_explained() {
    let run = run(["explain", "0xdeadbeef", "\u{1b}[2J"]);
    assert!(run.refusal().contains(r"'0xdeadbeef \u{1b}[2J'"), "{run:?}");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let run: Run =
        command(Path::new(".")).args(["name", "iisWasKey"]).stdout(writer).output().unwrap().into();
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{run:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_behind_stdout_is_told() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let run: Run = command(Path::new("."))
        .args(["name", "iisWasKey"])
        .stdout(Stdio::from(full))
        .output()
        .unwrap()
        .into();
    assert!(run.refusal().contains("stdout does not take the answer"), "{run:?}");
}

#[test]
fn the_version_is_that_of_program_rules_and_report() {
    let run = run(["--version"]);
    let count = rules::all().len();
    let expected = format!(
        "iiskeys {} (catalogue {} of {count} rules, report {})\n",
        env!("CARGO_PKG_VERSION"),
        rules::CATALOGUE_VERSION,
        report::SCHEMA_VERSION
    );
    assert_eq!(run.answer(), expected);
}

/// What completes a command line and what explains it are made from the words that the program itself takes.
#[test]
fn completions_and_man_pages_know_every_command_and_option() {
    let help = run(["diagnose", "--help"]);
    let options: Vec<&str> = help
        .answer()
        .split_whitespace()
        .filter(|word| word.starts_with("--"))
        .map(|word| word.trim_matches(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-'))
        .filter(|word| *word != "--help")
        .collect();
    assert!(options.len() > 8, "{options:?}");
    let page = run(["man", "diagnose"]).answer().replace('\\', "");
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let completions = run(["completions", shell]);
        for option in &options {
            let name = option.trim_start_matches('-');
            assert!(completions.answer().contains(name), "{shell} does not know {option}");
            assert!(page.contains(option), "the man page does not know {option}");
        }
    }
    let told = run(["man", "luck"]);
    assert!(told.refusal().contains("'luck'"), "{told:?}");
}

#[test]
fn the_catalogue_in_markdown_is_the_page_in_the_documentation() {
    assert_eq!(run(["rules", "--format", "markdown"]).answer(), iiskeys_core::rules::markdown());
    let page = run(["rules", "container-missing", "--format", "markdown"]);
    assert!(page.answer().starts_with("# container-missing\n\n"), "{page:?}");
    assert!(page.answer().contains("\n**Explained by.** container-misnamed, "), "{page:?}");
}
