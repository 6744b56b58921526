//! The report as SARIF 2.1.0 (OASIS, "Static Analysis Results Interchange Format").
//!
//! Each finding is a result of kind `fail`; each rule that found nothing is one of kind `pass`, `notApplicable` or `open`.
//! What SARIF has no words for stands in the properties of the run: its fixes can only replace text in files, so the plan
//! is there.

mod model;
mod place;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;
use serde_json::json;

use self::model::*;
use self::place::{EVIDENCE, Files};
use super::{Look, json as safe, words};
use crate::codes;
use crate::report::{CheckRow, FindingRow, Level, Report};
use crate::rules::{self, RuleInfo};

/// The published schema, in its final form.
const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// Name of the fingerprint: the identifier of a finding, which is the same for every acquisition of a machine.
const FINGERPRINT: &str = "iiskeysFinding/v1";

/// The classification of status codes that results refer to.
const STATUS_CODES: ComponentRef = ComponentRef { name: "HRESULT", index: 0 };

/// The report as SARIF, with a newline at its end.
pub(super) fn render(report: &Report, _: &Look) -> String {
    let (files, artifacts) = Files::of(report);
    let rules = Rules::of(report);
    let statuses = statuses(report);
    let mut results: Vec<Outcome<'_>> =
        report.findings.iter().map(|finding| failed(finding, &files, &rules, &statuses)).collect();
    results.extend(report.checks.iter().filter_map(|check| passed(check, &rules)));
    let run = Run {
        tool: Tool { driver: driver(report, &rules, &statuses) },
        invocations: [Invocation {
            execution_successful: true,
            start_time_utc: report.stamp.as_deref().filter(|time| is_time(time)),
            tool_execution_notifications: notifications(report, &files, &rules),
        }],
        original_uri_base_ids: BTreeMap::from([(
            EVIDENCE,
            BaseId { description: Text::plain("The evidence as it was given; where it lies is not told.") },
        )]),
        artifacts,
        results,
        taxonomies: taxonomies(&statuses),
        redaction_tokens: tokens(report),
        properties: properties(report),
    };
    safe::to_json(&Log { schema: SCHEMA, version: "2.1.0", runs: [run] })
}

/// The rules by name, with their places in the list: those of this build, then others that the report knows.
struct Rules<'a> {
    names: Vec<&'a str>,
    places: BTreeMap<&'a str, usize>,
}

impl<'a> Rules<'a> {
    fn of(report: &'a Report) -> Self {
        let mut rules = Self { names: Vec::new(), places: BTreeMap::new() };
        let known = rules::all().iter().map(|rule| rule.info().name);
        // A report that is read back may be of a version with other rules.
        let told = report.checks.iter().map(|check| check.rule.as_str());
        for name in known.chain(told).chain(report.findings.iter().map(|finding| finding.rule.as_str())) {
            if !rules.places.contains_key(name) {
                rules.places.insert(name, rules.names.len());
                rules.names.push(name);
            }
        }
        rules
    }

    fn place(&self, name: &str) -> usize {
        self.places.get(name).copied().unwrap_or_default()
    }

    fn reference<'r>(&self, name: &'r str) -> DescriptorRef<'r> {
        DescriptorRef { id: name, index: self.place(name), tool_component: None }
    }

    fn descriptors(&self) -> Vec<Descriptor<'a>> {
        self.names
            .iter()
            .map(|name| match rules::by_name(name) {
                Some(rule) => self.descriptor(rule.info()),
                None => Descriptor { id: name, ..Descriptor::default() },
            })
            .collect()
    }

    fn descriptor(&self, info: &'static RuleInfo) -> Descriptor<'a> {
        let page = Text::plain(&info.to_text(&Look::default()));
        let markdown = Some(Text::plain(&info.page()).text);
        let mut properties = Bag::new();
        properties.insert("group".to_owned(), json!(info.group.name()));
        properties.insert("lowered".to_owned(), json!(info.lowered));
        properties.insert("tags".to_owned(), json!([info.group.name()]));
        Descriptor {
            id: info.name,
            name: None,
            short_description: Some(Text::plain(info.summary)),
            full_description: Some(Text::plain(info.meaning)),
            help: Some(Text { markdown, ..page }),
            default_configuration: Some(Configuration { level: info.severity.name() }),
            relationships: info
                .explains
                .iter()
                .map(|name| Relationship { target: self.reference(name), kinds: ["canPrecede"] })
                .collect(),
            properties,
        }
    }
}

fn driver<'a>(report: &'a Report, rules: &Rules<'a>, statuses: &BTreeMap<u32, String>) -> Component<'a> {
    let version = report.tool.version.as_str();
    let mut properties = Bag::new();
    properties.insert("catalogue".to_owned(), json!(report.tool.catalogue));
    properties.insert("schemaVersion".to_owned(), json!(report.schema_version));
    Component {
        name: &report.tool.name,
        version: Some(version),
        semantic_version: is_semantic(version).then_some(version),
        information_uri: env!("CARGO_PKG_REPOSITORY"),
        rules: rules.descriptors(),
        supported_taxonomies: if statuses.is_empty() { Vec::new() } else { vec![STATUS_CODES] },
        properties,
        ..Component::default()
    }
}

fn failed<'a>(
    finding: &'a FindingRow,
    files: &Files<'a>,
    rules: &Rules<'a>,
    statuses: &'a BTreeMap<u32, String>,
) -> Outcome<'a> {
    let (locations, related_locations) = files.places(finding);
    let mut properties = Bag::new();
    for (name, value) in [
        ("title", json!(finding.title)),
        ("confidence", json!(finding.confidence)),
        ("subject", json!(finding.subject)),
        ("affects", json!(finding.affects)),
        ("remedies", json!(finding.remedies)),
    ] {
        properties.insert(name.to_owned(), value);
    }
    let observed: BTreeSet<u32> = finding.evidence.iter().flat_map(|cite| codes_in(&cite.observed)).collect();
    let taxa = statuses
        .iter()
        .enumerate()
        .filter(|(_, (code, _))| observed.contains(code))
        .map(|(index, (_, id))| DescriptorRef { id, index, tool_component: Some(STATUS_CODES) })
        .collect();
    Outcome {
        rule_id: &finding.rule,
        rule_index: rules.place(&finding.rule),
        kind: "fail",
        level: words::level(finding.severity),
        message: Text::plain(&format!("{}. {}", finding.title, finding.explanation)),
        locations,
        related_locations,
        partial_fingerprints: BTreeMap::from([(FINGERPRINT, finding.id.as_str())]),
        taxa,
        properties,
    }
}

/// A rule that found nothing; `None` for one that did, whose findings are results of their own.
fn passed<'a>(check: &'a CheckRow, rules: &Rules<'a>) -> Option<Outcome<'a>> {
    let kind = match check.outcome.as_str() {
        "found" => return None,
        "clear" => "pass",
        "not-applicable" => "notApplicable",
        _ => "open",
    };
    let mut message = check.reason.clone();
    if kind == "open" && !check.needs.is_empty() {
        message = format!("{message}. To collect: {}", check.needs.join("; "));
    }
    let mut properties = Bag::new();
    properties.insert("group".to_owned(), json!(check.group));
    if !check.needs.is_empty() {
        properties.insert("needs".to_owned(), json!(check.needs));
    }
    Some(Outcome {
        rule_id: &check.rule,
        rule_index: rules.place(&check.rule),
        kind,
        // The specification wants this level for everything that is no failure.
        level: "none",
        message: Text::plain(&message),
        locations: Vec::new(),
        related_locations: Vec::new(),
        partial_fingerprints: BTreeMap::from([(FINGERPRINT, check.rule.as_str())]),
        taxa: Vec::new(),
        properties,
    })
}

/// What hindered the reading of the evidence is said of the run as well, where viewers look for degraded analysis.
fn notifications<'a>(report: &'a Report, files: &Files<'a>, rules: &Rules<'a>) -> Vec<Notification<'a>> {
    report
        .findings
        .iter()
        .filter(|finding| matches!(finding.rule.as_str(), "evidence-damaged" | "hive-dirty"))
        .map(|finding| Notification {
            level: words::level(finding.severity.min(Level::Warning)),
            message: Text::plain(&format!("{}. {}", finding.title, finding.explanation)),
            associated_rule: rules.reference(&finding.rule),
            locations: finding.evidence.iter().map(|cite| files.place(cite, None)).collect(),
        })
        .collect()
}

/// The status codes that the evidence itself shows and that are known here, with the form in which they are written.
fn statuses(report: &Report) -> BTreeMap<u32, String> {
    let observed = report.findings.iter().flat_map(|finding| &finding.evidence);
    observed
        .flat_map(|cite| codes_in(&cite.observed))
        .filter_map(|code| Some((code, codes::status(code)?.code)))
        .filter(|(_, id)| id.starts_with("0x"))
        .collect()
}

/// Codes in hexadecimal of eight digits in a text.
fn codes_in(text: &str) -> impl Iterator<Item = u32> {
    text.split(|letter: char| !letter.is_ascii_alphanumeric())
        .filter_map(|word| word.strip_prefix("0x").filter(|digits| digits.len() == 8))
        .filter_map(|digits| u32::from_str_radix(digits, 16).ok())
}

fn taxonomies(statuses: &BTreeMap<u32, String>) -> Vec<Component<'_>> {
    if statuses.is_empty() {
        return Vec::new();
    }
    let taxa = statuses
        .iter()
        .filter_map(|(code, id)| {
            let known = codes::status(*code)?;
            Some(Descriptor {
                id,
                name: Some(known.name),
                short_description: Some(Text::plain(known.meaning)),
                ..Descriptor::default()
            })
        })
        .collect();
    vec![Component {
        name: STATUS_CODES.name,
        organization: Some("Microsoft"),
        short_description: Some(Text::plain(
            "Status codes of Windows as MS-ERREF defines them, with what they mean for machine keys",
        )),
        information_uri: "https://learn.microsoft.com/openspecs/windows_protocols/ms-erref/",
        taxa,
        // Only the codes that this evidence shows.
        is_comprehensive: Some(false),
        ..Component::default()
    }]
}

fn tokens(report: &Report) -> Vec<&str> {
    let tokens: BTreeSet<&str> = report.redaction_tokens.iter().map(String::as_str).collect();
    tokens.into_iter().collect()
}

fn properties(report: &Report) -> Bag {
    let mut properties = Bag::new();
    for (name, value) in [
        ("verdict", json!(report.verdict)),
        ("summary", json!(report.summary)),
        ("rootCause", json!(report.root_cause)),
        ("machine", json!(report.machine)),
        ("plan", json!(report.plan)),
        ("collect", json!(report.collect)),
        ("cleanup", json!(report.cleanup)),
        ("assumptions", json!(report.assumptions)),
    ] {
        properties.insert(name.to_owned(), value);
    }
    properties
}

fn is_time(text: &str) -> bool {
    DateTime::parse_from_rfc3339(text).is_ok()
}

/// Whether a version is one by semver.org, as far as this program's own versions go.
fn is_semantic(version: &str) -> bool {
    let core = version.split(['-', '+']).next().unwrap_or_default();
    let rest = version.get(core.len()..).unwrap_or_default();
    let is_number = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_digit())
            && (part == "0" || !part.starts_with('0'))
    };
    core.split('.').count() == 3
        && core.split('.').all(is_number)
        && !rest.ends_with(['-', '+', '.'])
        && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-+.".contains(&byte))
}
