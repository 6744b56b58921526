//! Names that are made to harm are harmless in every form of the report.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use iiskeys_core::Report;
use iiskeys_core::report::FORMATS;
use iiskeys_fixtures::cases::{
    DIRECTIONS, ESCAPES, FORMULA, IMAGE, LONGEST, MARKDOWN, SCRIPT, SHELL, hostile_collection, hostile_names,
    hostile_names_harmless,
};
use iiskeys_fixtures::machine::Machine;
use serde_json::Value;
use support::run;

fn diagnose(machine: &Machine, format: &str, more: &[&str]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, bytes) in hostile_collection(machine) {
        fs::write(folder.path().join(name), bytes).expect("a file");
    }
    let evidence = folder.path().to_string_lossy().into_owned();
    let mut words = vec!["diagnose", &evidence, "--format", format, "--fail-on", "never"];
    words.extend(more);
    let ran = run(words);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{format}");
    ran.stdout
}

/// Letters that are invisible, steer a terminal or change how their neighbours are shown. The list is written anew here,
/// so that it does not share the mistakes of the one in the program.
fn is_deceptive(letter: char) -> bool {
    letter.is_control()
        || matches!(u32::from(letter),
            0xad | 0x61c | 0x180e | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfeff | 0xfff9..=0xfffb
            | 0xe0000..=0xe007f)
}

#[test]
fn no_form_holds_a_letter_that_deceives() {
    for format in FORMATS {
        let text = diagnose(&hostile_names(), format.name, &[]);
        let found: BTreeSet<char> = text.chars().filter(|&it| it != '\n' && is_deceptive(it)).collect();
        assert!(found.is_empty(), "{}: {found:?}", format.name);
        assert!(text.len() > 1000 && text.ends_with('\n'), "{}: {} bytes", format.name, text.len());
    }
}

#[test]
fn json_gives_every_name_back() {
    let report: Value = serde_json::from_str(&diagnose(&hostile_names(), "json", &[])).expect("JSON");
    assert_eq!(report["machine"]["hostname"], format!("WEB{ESCAPES}{DIRECTIONS}"));
    let column = |part: &str, field: &str| -> Vec<&str> {
        report[part].as_array().expect("rows").iter().filter_map(|row| row[field].as_str()).collect()
    };
    let sites = column("bindings", "site");
    for site in [SCRIPT, MARKDOWN, DIRECTIONS] {
        assert!(sites.contains(&site), "{sites:?}");
    }
    assert!(sites.iter().any(|site| site.len() > LONGEST), "the long one is whole");
    let containers = column("key_containers", "name");
    for container in [SCRIPT, IMAGE, MARKDOWN, FORMULA] {
        assert!(containers.contains(&container), "{containers:?}");
    }
    let subjects = column("certificates", "subject");
    for subject in [IMAGE, MARKDOWN, SHELL] {
        assert!(subjects.iter().any(|known| known.contains(&subject[2..8])), "{subject} in {subjects:?}");
    }
}

#[test]
fn every_line_of_a_form_of_lines_is_whole() {
    for format in FORMATS.iter().filter(|format| ["timeline", "sarif", "json"].contains(&format.name)) {
        let text = diagnose(&hostile_names(), format.name, &[]);
        if format.name == "timeline" {
            for line in text.lines() {
                assert!(serde_json::from_str::<Value>(line).is_ok_and(|row| row.is_object()), "{line}");
            }
        } else {
            serde_json::from_str::<Value>(&text).unwrap_or_else(|error| panic!("{}: {error}", format.name));
        }
    }
}

#[test]
fn the_answer_is_that_for_plain_names() {
    let of =
        |machine: &Machine| Report::from_json(diagnose(machine, "json", &[]).as_bytes()).expect("a report");
    let (hostile, plain) = (of(&hostile_names()), of(&hostile_names_harmless()));
    let counts = |report: &Report| {
        let mut rules: BTreeMap<String, usize> = BTreeMap::new();
        // Names that no Windows makes are damage, and are told as such.
        let own = ["evidence-damaged", "container-corrupt"];
        for finding in report.findings.iter().filter(|finding| !own.contains(&finding.rule.as_str())) {
            *rules.entry(format!("{} {:?}", finding.rule, finding.severity)).or_default() += 1;
        }
        rules
    };
    assert_eq!(hostile.verdict, plain.verdict);
    assert_eq!(counts(&hostile), counts(&plain));
    let actions = |report: &Report| -> Vec<String> {
        report.plan.iter().flat_map(|plan| &plan.steps).map(|step| step.action.clone()).collect()
    };
    assert_eq!(actions(&hostile), actions(&plain));
    assert!(!actions(&plain).is_empty(), "there is a plan");
    assert_eq!(hostile.bindings.len(), plain.bindings.len());
    assert!(hostile.bindings.iter().any(|row| row.file.is_some()), "there is a chain");
}

#[test]
fn no_command_holds_what_a_shell_would_obey() {
    let report = Report::from_json(diagnose(&hostile_names(), "json", &[]).as_bytes()).expect("a report");
    let plan = report.plan.expect("a plan");
    let steps = plan.steps.iter().chain(plan.alternatives.iter().flat_map(|it| &it.steps));
    let mut seen = 0;
    for command in
        steps.flat_map(|step| &step.commands).chain(report.collect.iter().flat_map(|it| &it.commands))
    {
        seen += 1;
        assert!(!command.chars().any(is_deceptive), "{command:?}");
        for name in ["alert(1)", "$(id)", "`id`", "/c calc", "7*7", "%PATH%", "evil.test"] {
            assert!(!command.contains(name), "{command}");
        }
    }
    assert!(seen > 0);
}

#[test]
fn the_forms_hold_with_the_names_replaced() {
    let folder = tempfile::tempdir().expect("a folder");
    for format in FORMATS {
        let map = folder.path().join(format.name);
        let text = diagnose(&hostile_names(), format.name, &["--pseudonymize", &map.to_string_lossy()]);
        for name in ["alert(1)", "$(id)", "/c calc", "7*7", "evil.test", "fdp.exe", "AAAAAAAA", "owned"] {
            assert!(!text.contains(name), "{}: {name}", format.name);
        }
        let held = fs::read_to_string(&map).expect("the map");
        assert!(
            !held.chars().any(|it| it != '\n' && is_deceptive(it)),
            "the map may be looked at in a terminal"
        );
    }
}

/// The start tags of a page: the name of the element, and its attributes with their values.
fn elements(page: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut found = Vec::new();
    for (at, _) in page.match_indices('<') {
        let rest = &page[at + 1..];
        let name: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
        if name.is_empty() {
            continue;
        }
        let (mut attributes, mut word, mut value, mut quote) =
            (Vec::new(), String::new(), String::new(), None);
        for letter in rest[name.len()..].chars() {
            match (quote, letter) {
                (Some(open), _) if letter == open => {
                    attributes.push((std::mem::take(&mut word), std::mem::take(&mut value)));
                    quote = None;
                }
                (Some(_), _) => value.push(letter.to_ascii_lowercase()),
                (None, '>') => break,
                (None, '"' | '\'') => quote = Some(letter),
                (None, '=') => {}
                (None, _) if letter.is_whitespace() || letter == '/' => word.clear(),
                (None, _) => word.push(letter.to_ascii_lowercase()),
            }
        }
        found.push((name.to_lowercase(), attributes));
    }
    found
}

#[test]
fn a_page_has_no_element_that_evidence_made() {
    let Some(html) = FORMATS.iter().find(|format| format.name == "html") else { return };
    let page = elements(&diagnose(&hostile_names(), html.name, &[]));
    let plain = elements(&diagnose(&hostile_names_harmless(), html.name, &[]));
    // Only kinds of elements are compared, since a long name may be folded where a short one is not.
    let kinds = |page: &[(String, Vec<(String, String)>)]| -> BTreeSet<String> {
        page.iter().map(|(name, _)| name.clone()).collect()
    };
    let added: Vec<String> = kinds(&page).difference(&kinds(&plain)).cloned().collect();
    assert!(added.is_empty(), "{added:?}");
    for (name, attributes) in &page {
        assert!(!["script", "img", "iframe", "object", "embed"].contains(&name.as_str()), "<{name}>");
        for (attribute, value) in attributes {
            assert!(!attribute.starts_with("on"), "<{name} {attribute}>");
            let is_address = ["href", "src", "action", "xlink:href"].contains(&attribute.as_str());
            assert!(!is_address || value.starts_with('#'), "<{name} {attribute}={value}>");
        }
    }
}

#[test]
fn the_reader_of_pages_sees_what_a_name_would_make() {
    let page = "<p title=\"x onerror='1'\">a</p><IMG src=x onerror='alert(1)'>";
    let found = elements(page);
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["p", "img"]);
    assert_eq!(found[0].1, [("title".to_owned(), "x onerror='1'".to_owned())]);
    assert_eq!(found[1].1, [("onerror".to_owned(), "alert(1)".to_owned())]);
}

/// Markdown without what stands as code or is escaped.
fn live_markdown(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let ticks = rest.len() - rest.trim_start_matches('`').len();
        if ticks > 0 {
            let behind = &rest[ticks..];
            let fence = "`".repeat(ticks);
            let end = behind
                .match_indices(&fence)
                .map(|(at, _)| at)
                .find(|&at| !behind[at + ticks..].starts_with('`') && !behind[..at].ends_with('`'));
            rest = end.map_or(behind, |at| &behind[at + ticks..]);
        } else {
            let step = letter.len_utf8();
            let escaped = letter == '\\' && rest[step..].starts_with(|it: char| it.is_ascii_punctuation());
            if !escaped {
                out.push(letter);
            }
            rest = &rest[step + usize::from(escaped)..];
        }
    }
    out
}

#[test]
fn markdown_stays_text() {
    assert_eq!(live_markdown("a ``<b> ` c`` \\<d> <e>"), "a  d> <e>");
    let Some(markdown) = FORMATS.iter().find(|format| format.name == "markdown") else { return };
    let text = live_markdown(&diagnose(&hostile_names(), markdown.name, &[]));
    for harmful in ["<script", "<img", "](javascript", "](http", "\n## three"] {
        assert!(!text.contains(harmful), "{harmful}");
    }
}

#[test]
fn the_fixture_is_what_the_forge_makes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/hostile-names/evidence");
    for (name, bytes) in hostile_collection(&hostile_names()) {
        assert!(fs::read(folder.join(&name)).is_ok_and(|found| found == bytes), "{name}");
    }
}
