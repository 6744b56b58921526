use std::collections::BTreeSet;

use roxmltree::{Document, ParsingOptions};

use super::*;
use crate::report::chain::tests::{fixture, fixtures};
use crate::report::{CleanupRow, CollectRow, ContainerRow, ExpectRow, KeepRow, LeftoverRow, TimelineRow};
use crate::visible::is_deceptive;

/// Everything that a name from evidence may try.
const HOSTILE: &str = "</title></style><script>alert(1)</script><img src=x onerror='a'>\"&amp;&lt; javascript:alert(1) \
    {{ 7 }}{% if %} ]]>--><!-- \u{1b}[31m\u{202e}\u{200b}\r\n\u{0}end";

fn html(report: &Report) -> String {
    render(report, &Look::default())
}

/// The page as XML: every tag is closed and every attribute quoted.
fn check(name: &str, text: &str) {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    let page = Document::parse_with_options(text, options).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut ids = BTreeSet::new();
    for element in page.descendants().filter(|node| node.is_element()) {
        let tag = element.tag_name().name();
        assert!(
            !["script", "link", "img", "iframe", "object", "form", "base", "use", "image"].contains(&tag),
            "{name}: {tag}"
        );
        for attribute in element.attributes() {
            let (key, value) = (attribute.name(), attribute.value());
            assert!(
                !key.starts_with("on") && !["src", "style", "srcset", "action"].contains(&key),
                "{name}: {key}"
            );
            assert!(key != "href" || value.starts_with('#'), "{name}: {value}");
            assert!(key != "id" || ids.insert(value), "{name}: {value} stands twice");
        }
    }
    assert!(text.contains("default-src 'none'; style-src 'unsafe-inline'"));
    assert!(!text.contains("url(") && !text.contains("@import"));
    let steering = |letter: &char| is_deceptive(*letter) && *letter != '\n';
    assert_eq!(text.chars().find(steering), None, "{name}");
}

/// A report whose every string is hostile, but for words that its form fixes and for those fields.
fn hostile(report: &Report, kept: &[&str]) -> Report {
    fn spoil(value: &mut Value, name: &str, kept: &[&str]) {
        match value {
            Value::String(_) if kept.contains(&name) => {}
            Value::String(text) if !["severity", "verdict", "kind"].contains(&name) => {
                *text = HOSTILE.to_owned();
            }
            Value::Array(items) => items.iter_mut().for_each(|item| spoil(item, name, kept)),
            Value::Object(fields) => fields.iter_mut().for_each(|(name, value)| spoil(value, name, kept)),
            _ => {}
        }
    }
    let mut value = serde_json::to_value(report).unwrap();
    spoil(&mut value, "", kept);
    serde_json::from_value(value).unwrap()
}

/// A report with something in every section.
fn full() -> Report {
    let mut report = fixture("server2003-https-after-repair");
    report.collect.push(CollectRow {
        need: "security-hive".to_owned(),
        what: "the SECURITY hive of the server".to_owned(),
        shell: Some("cmd".to_owned()),
        commands: vec!["reg save HKLM\\SECURITY C:\\collect\\SECURITY".to_owned()],
        sensitive: true,
        rules: vec!["dpapi-foreign".to_owned()],
    });
    report.cleanup = Some(CleanupRow {
        keep: vec![KeepRow {
            container: "rsa-machine/f686aace".to_owned(),
            name: Some("TSSecKeySet1".to_owned()),
            why: vec!["Remote Desktop opens it".to_owned()],
        }],
        leftovers: vec![LeftoverRow {
            store: "rsa-machine".to_owned(),
            guid: None,
            pattern: "vpn-<n>".to_owned(),
            product: Some("a VPN client".to_owned()),
            count: 7,
            first_day: Some("2010-01-01".to_owned()),
            last_day: None,
            basis: "names and dates alone".to_owned(),
        }],
        limits: vec!["who opened a container last".to_owned()],
    });
    if let Some(plan) = &mut report.plan {
        plan.expect.push(ExpectRow {
            kind: "finding-gone".to_owned(),
            subject: "x".to_owned(),
            value: None,
            modulus_sha256: Vec::new(),
            is_new: false,
            what: "The orphaned containers are gone.".to_owned(),
        });
    }
    report
}

#[test]
fn every_fixture_is_well_formed_and_the_same_each_time() {
    for (name, report) in fixtures() {
        let text = html(&report);
        check(&name, &text);
        assert_eq!(text, html(&report), "{name}");
        assert!(text.ends_with("</html>\n") && text.len() < 500_000, "{name}: {}", text.len());
        for row in &report.findings {
            assert!(text.contains(&format!("id <code>{}</code>", row.id)), "{name}: {}", row.id);
        }
    }
}

#[test]
fn whatever_stands_in_a_report_is_text_and_never_markup() {
    for (name, report) in fixtures().into_iter().chain([("full".to_owned(), full())]) {
        // Once without a time that can be read, once with the links of the chain and the picture of the timeline.
        let joined = [
            "time",
            "earliest",
            "latest",
            "id",
            "by_name",
            "certificate",
            "file",
            "prefix",
            "store",
            "standing",
        ];
        for kept in [&[][..], &joined[..]] {
            let text = html(&hostile(&report, kept));
            check(&name, &text);
            let is_shown = text.contains("\\u{202e}") && text.contains("{{ 7 }}{% if %}");
            assert!(is_shown, "{name}: it is shown as it is");
            assert_eq!(text.contains("class=\"moment"), !kept.is_empty(), "{name}");
        }
    }
}

#[test]
fn what_is_missing_comes_with_the_command_that_gets_it() {
    let report = full();
    let text = html(&report);
    check("full", &text);
    for part in [
        "reg save HKLM\\SECURITY C:\\collect\\SECURITY",
        "holds secrets: send it encrypted",
        "Before any clean-up",
        "Remote Desktop opens it",
        "who opened a container last",
        "After the repair",
        "The orphaned containers are gone.",
    ] {
        assert!(text.contains(part), "{part}");
    }
    assert!(
        !text.contains("To answer what is open, collect:"),
        "the old list is for reports without commands"
    );
}

#[test]
fn a_picture_with_few_columns_is_not_blown_up() {
    let mut report = fixture("healthy-server2012r2");
    report.needed.clear();
    report.config = None;
    (report.bindings, report.certificates) = (Vec::new(), Vec::new());
    let text = html(&report);
    check("narrow", &text);
    assert!(text.contains(".picture.of-chain{max-width:590px}") && text.contains("0 590 "), "{text}");
}

#[test]
fn a_broken_machine_is_never_said_to_have_nothing_broken() {
    for (name, mut report) in fixtures() {
        let is_broken = report.verdict == Verdict::Broken;
        assert_eq!(html(&report).contains("Nothing in this picture is broken"), !is_broken, "{name}");
        report.findings.clear();
        assert!(!is_broken || !html(&report).contains("Nothing in this picture is broken"), "{name}");
    }
}

#[test]
fn sections_without_content_are_left_out() {
    let mut report = fixture("healthy-server2012r2");
    report.cleanup = None;
    let text = html(&report);
    for id in ["cause", "plan", "https", "cleanup", "assumptions"] {
        assert!(
            !text.contains(&format!("id=\"{id}\"")) && !text.contains(&format!("href=\"#{id}\"")),
            "{id}"
        );
    }
    report.timeline.clear();
    report.checks.clear();
    report.collect.clear();
    report.config = None;
    report.machine.hostname = None;
    let text = html(&report);
    check("empty", &text);
    assert!(!text.contains("id=\"timeline\"") && !text.contains("id=\"open\""));
}

#[test]
fn a_large_report_stays_small_enough_to_be_mailed() {
    let mut report = fixture("server2008r2-guid-changed");
    let template: ContainerRow = report.key_containers[0].clone();
    let size = |report: &Report| html(report).len();
    let mut sizes = Vec::new();
    for _ in 0..2 {
        for number in 0..500 {
            let name = format!("{number:032x}-{}", sizes.len());
            report.key_containers.push(ContainerRow {
                id: format!("rsa-machine/{name}"),
                path: format!("MachineKeys/{name}"),
                well_known: None,
                name: Some(name),
                ..template.clone()
            });
        }
        let moment: TimelineRow = report.timeline[0].clone();
        report.timeline.extend((0..1_000).map(|_| moment.clone()));
        sizes.push(size(&report));
    }
    assert!(sizes[0] < 2_000_000 && sizes[1] < 2 * sizes[0], "{sizes:?}");
}
