//! From the machine and the judgements to the typed report.

use std::collections::BTreeMap;

use super::cause::root_cause;
use super::proofs::{config_copies, dpapi};
use super::rows::{
    config, containers, groups, machine_row, needed, only_counted, plan_row, registry_containers, sources,
};
use super::timeline::timeline;
use super::*;
use crate::machine::{Citation, FileId, Locator, Machine};
use crate::plan::Plan;
use crate::rules::{Cite, Finding, Group, Judgement, Outcome, Place, Remedy, Rule, Severity};

/// Groups that a report can require.
pub const KNOWN_GROUPS: [&str; 6] =
    ["identity", "containers", "protection", "configuration", "certificates", "symptoms"];

/// What a report is asked to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Groups that must be evaluated for a verdict of `healthy`.
    pub require: Vec<String>,
    /// Time of the run, when it shall be in the report.
    pub stamp: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { require: vec!["identity".to_owned(), "containers".to_owned()], stamp: None }
    }
}

/// Builds the report.
pub fn build(
    machine: &Machine<'_>,
    judged: &[(&'static dyn Rule, Judgement)],
    plan: Option<&Plan>,
    options: &Options,
) -> Report {
    let ids = Ids::of(machine);
    let mut findings: Vec<FindingRow> = judged
        .iter()
        .flat_map(|(_, judgement)| &judgement.findings)
        .map(|finding| row(machine, &ids, finding))
        .collect();
    findings.sort_by(|a, b| {
        b.severity
            .cmp(&a.severity)
            .then_with(|| rank(&a.rule).cmp(&rank(&b.rule)))
            .then_with(|| a.subject.cmp(&b.subject))
    });
    let unevaluated = unevaluated(judged, &options.require);
    let verdict = verdict(judged, &unevaluated);
    let root_cause = root_cause(machine, judged);
    let (timeline, timeline_left_out) = timeline(machine, &ids);
    let summary = summary(machine, judged, verdict, root_cause.as_ref(), &unevaluated, plan);
    let mut report = Report {
        schema_version: SCHEMA_VERSION.to_owned(),
        tool: Tool {
            name: "iiskeys".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            catalogue: crate::rules::CATALOGUE_VERSION.to_owned(),
        },
        stamp: options.stamp.clone(),
        redaction_tokens: Vec::new(),
        redaction_map: None,
        verdict,
        summary,
        root_cause,
        sources: sources(machine),
        evidence: ids.rows(machine),
        machine: machine_row(machine, &ids),
        guid_census: machine
            .census
            .iter()
            .map(|row| GuidRow {
                guid: row.guid.as_str().to_owned(),
                is_current: row.is_current,
                in_registry: row.in_registry,
                containers: row.containers,
                first_created: row.first_created.map(|time| time.to_string()),
                last_created: row.last_created.map(|time| time.to_string()),
                sources: row.sources.clone(),
            })
            .collect(),
        key_containers: containers(machine, &ids),
        needed: needed(machine),
        container_groups: groups(machine),
        containers_only_counted: only_counted(machine),
        certificates: tls::certificates(machine, &ids),
        bindings: tls::bindings(machine, &ids),
        registry_containers: registry_containers(machine, &ids),
        config: config(machine, &ids),
        config_copies: config_copies(machine, &ids),
        dpapi: dpapi(machine, &ids),
        findings,
        checks: judged.iter().map(|(rule, judgement)| check(machine, *rule, judgement)).collect(),
        collect: collect::rows(machine, judged),
        assumptions: machine.assumptions.clone(),
        plan: plan.map(plan_row),
        cleanup: None,
        timeline,
        timeline_left_out,
        names: Names::of(machine),
    };
    report.cleanup = cleanup::cleanup(machine, &report);
    report
}

/// Identifiers of evidence rows: numbered by path, so that they do not depend on the order of reading.
pub(super) struct Ids {
    by_file: BTreeMap<FileId, String>,
    order: Vec<FileId>,
}

impl Ids {
    fn of(machine: &Machine<'_>) -> Self {
        let files = &machine.facts.files;
        let mut order: Vec<FileId> =
            (0..files.len()).filter_map(|number| u32::try_from(number).ok().map(FileId)).collect();
        order.sort_by_key(|id| {
            let file = &files[id.0 as usize];
            (file.path.as_str(), file.kind)
        });
        let by_file =
            order.iter().enumerate().map(|(number, id)| (*id, format!("e{}", number + 1))).collect();
        Self { by_file, order }
    }

    pub fn get(&self, file: FileId) -> String {
        self.by_file.get(&file).cloned().unwrap_or_default()
    }

    fn cite(&self, machine: &Machine<'_>, cite: &Cite) -> CiteRow {
        CiteRow {
            evidence: self.get(cite.citation.file),
            locator: locator(machine, &cite.citation),
            observed: cite.observed.clone(),
        }
    }

    fn rows(&self, machine: &Machine<'_>) -> Vec<EvidenceRow> {
        self.order
            .iter()
            .map(|id| {
                let file = &machine.facts.files[id.0 as usize];
                EvidenceRow {
                    id: self.get(*id),
                    kind: file.kind.to_owned(),
                    path: file.path.clone(),
                    size: file.size,
                    sha256: file.sha256.map(|digest| hex(&digest)),
                    created: file.created.map(|time| time.to_string()),
                    modified: file.modified.map(|time| time.to_string()),
                    container: file.container.clone(),
                    record: file.record.map(|record| record.to_string()),
                    enumerated: file.enumerated,
                }
            })
            .collect()
    }
}

/// Where a citation points to; a file of a volume is known best by its record.
fn locator(machine: &Machine<'_>, citation: &Citation) -> String {
    let record = machine.facts.files.get(citation.file.0 as usize).and_then(|file| file.record);
    match (&citation.locator, record) {
        (Locator::File, Some(record)) => format!("file, record {record}"),
        (locator, _) => locator.to_string(),
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The place of a rule in the catalogue.
fn rank(rule: &str) -> usize {
    crate::rules::all().iter().position(|known| known.info().name == rule).unwrap_or(usize::MAX)
}

pub(super) fn level(severity: Severity) -> Level {
    match severity {
        Severity::Note => Level::Note,
        Severity::Warning => Level::Warning,
        Severity::Error => Level::Error,
    }
}

fn row(machine: &Machine<'_>, ids: &Ids, finding: &Finding) -> FindingRow {
    FindingRow {
        id: finding.id(),
        rule: finding.rule.to_owned(),
        severity: level(finding.severity),
        confidence: finding.confidence.name().to_owned(),
        title: finding.title.clone(),
        explanation: finding.explanation.clone(),
        subject: finding.subject.clone(),
        evidence: finding.evidence.iter().map(|cite| ids.cite(machine, cite)).collect(),
        remedies: finding.remedies.iter().map(|remedy| remedy_text(machine, remedy)).collect(),
        affects: finding.affects.clone(),
    }
}

fn remedy_text(machine: &Machine<'_>, remedy: &Remedy) -> String {
    let name = |index: usize| machine.container(index).name.clone();
    match remedy {
        Remedy::RestoreGuid(guid) => format!("Put the MachineGuid {guid} back."),
        Remedy::WriteGuid(guid) => format!("Write the MachineGuid {guid}."),
        Remedy::AdoptContainer { prefix, from, .. } => {
            format!("Rename {prefix}_{from} to the current GUID, after setting aside what stands there.")
        }
        Remedy::PutBack { copy } => format!("Rename the set-aside copy {} back.", name(*copy)),
        Remedy::RenameToInnerName { container } => {
            format!("Rename {} to the name that its inner name asks for.", name(*container))
        }
        Remedy::MoveToCurrentRoot { container } => {
            format!(
                "Move {} to the root that the registry names, or put the value Common AppData right.",
                name(*container)
            )
        }
        Remedy::ReplaceContainer { name, .. } => {
            format!(
                "Bring {name} back from a backup or an export; failing that, make it anew and enter the secrets again."
            )
        }
        Remedy::GrantAccess { place, grants } => {
            let target = match place {
                Place::Container(index) => name(*index),
                Place::Folder(index) => machine
                    .facts
                    .folders
                    .get(*index)
                    .map(|folder| folder.windows_path.clone())
                    .unwrap_or_default(),
            };
            let names: Vec<String> = grants
                .iter()
                .map(|grant| grant.sid.well_known().map_or_else(|| grant.sid.to_string(), str::to_owned))
                .collect();
            format!("Save the access rights of {target}, then give {} access.", names.join(" and "))
        }
        Remedy::RestoreConfig { copy } => {
            let path = machine.facts.copies.get(*copy).map_or("", |copy| copy.windows_path.as_str());
            format!("Put the copy {path} of the configuration back, with IIS stopped.")
        }
        Remedy::LinkCertificate { certificate, container } => {
            let certificates = machine.facts.tls.certificates.value();
            let certificate = certificates.and_then(|all| all.get(*certificate));
            format!(
                "Link certificate {} to the key in {} (certutil -repairstore).",
                certificate.map_or("", |certificate| certificate.thumbprint.as_str()),
                name(*container)
            )
        }
        Remedy::ImportCertificate { certificate } => {
            let certificates = machine.facts.tls.certificates.value();
            let thumbprint = certificates.and_then(|all| all.get(*certificate));
            let thumbprint = thumbprint.map_or("", |certificate| certificate.thumbprint.as_str());
            format!(
                "Import the PFX of certificate {thumbprint} with its private key ({}) and bind it again; without a PFX, \
                 request a new certificate.",
                crate::plan::found_pfx(machine.facts)
            )
        }
        Remedy::Advice(text) => text.clone(),
    }
}

/// The required groups that were not evaluated.
fn unevaluated(judged: &[(&'static dyn Rule, Judgement)], require: &[String]) -> Vec<String> {
    require
        .iter()
        .filter(|name| {
            let Some(group) = Group::ALL.iter().find(|group| group.name() == name.as_str()) else {
                return true;
            };
            judged.iter().any(|(rule, judgement)| {
                rule.info().group == *group
                    && rule.info().core
                    && judgement.outcome() == Outcome::NotEvaluated
            })
        })
        .cloned()
        .collect()
}

fn verdict(judged: &[(&'static dyn Rule, Judgement)], unevaluated: &[String]) -> Verdict {
    let worst = |skip_evidence: bool| {
        judged
            .iter()
            .filter(|(rule, _)| !(skip_evidence && rule.info().group == Group::Evidence))
            .flat_map(|(_, judgement)| &judgement.findings)
            .map(|finding| finding.severity)
            .max()
    };
    if worst(false) == Some(Severity::Error) {
        Verdict::Broken
    } else if worst(true) == Some(Severity::Warning) {
        Verdict::Degraded
    } else if !unevaluated.is_empty() {
        Verdict::Inconclusive
    } else {
        Verdict::Healthy
    }
}

fn summary(
    machine: &Machine<'_>,
    judged: &[(&'static dyn Rule, Judgement)],
    verdict: Verdict,
    cause: Option<&RootCause>,
    unevaluated: &[String],
    plan: Option<&Plan>,
) -> String {
    let findings: Vec<&Finding> = judged.iter().flat_map(|(_, judgement)| &judgement.findings).collect();
    let mixed = findings.iter().any(|finding| finding.rule == "evidence-mixed");
    let mut parts = Vec::new();
    match verdict {
        Verdict::Broken => {
            let errors: Vec<&&Finding> =
                findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
            parts.push(match cause {
                Some(cause) => cause.statement.clone(),
                None => {
                    let titles: Vec<&str> = errors.iter().map(|finding| finding.title.as_str()).collect();
                    format!("No single cause explains every error: {}.", titles.join("; "))
                }
            });
            let mut affected: Vec<String> =
                errors.iter().flat_map(|finding| finding.affects.iter().cloned()).collect();
            affected.sort_unstable();
            affected.dedup();
            if !affected.is_empty() {
                parts.push(format!("Down because of it: {}.", crate::rules::join(&affected, 8)));
            }
            if mixed {
                parts.push("No repair plan is given: send matching evidence from one machine.".to_owned());
            } else if let Some(plan) = plan {
                parts.push(format!("Plan, after a backup: {}", plan.summary));
            }
        }
        Verdict::Degraded => {
            let titles: Vec<&str> = judged
                .iter()
                .filter(|(rule, _)| rule.info().group != Group::Evidence)
                .flat_map(|(_, judgement)| &judgement.findings)
                .filter(|finding| finding.severity == Severity::Warning)
                .map(|finding| finding.title.as_str())
                .collect();
            parts.push(format!("Nothing that this machine needs is broken, but: {}.", titles.join("; ")));
        }
        Verdict::Inconclusive => {
            parts.push(
                "Nothing was found to be broken, but the evidence does not suffice to call the machine healthy.".to_owned(),
            );
        }
        Verdict::Healthy => {
            parts.push(match machine.iis_installed() {
                Some(false) => "No part of IIS is installed, and its machine keys raise no alarm.".to_owned(),
                _ if machine.template.is_some() => {
                    "This is a template that has not been set up; nothing about its keys is wrong.".to_owned()
                }
                _ => "The machine keys that IIS needs on this machine are in place under the current MachineGuid."
                    .to_owned(),
            });
        }
    }
    if !unevaluated.is_empty() {
        parts.push(format!("Required and not evaluated: {}.", unevaluated.join(", ")));
    }
    // A group that was not examined stands for its rules.
    let all: Vec<String> = KNOWN_GROUPS.iter().map(|&name| name.to_owned()).collect();
    let unseen = self::unevaluated(judged, &all);
    let open: Vec<&str> = judged
        .iter()
        .filter(|(_, judgement)| judgement.outcome() == Outcome::NotEvaluated)
        .map(|(rule, _)| rule.info())
        .filter(|info| !unseen.iter().any(|group| group == info.group.name()))
        .map(|info| info.name)
        .collect();
    if !open.is_empty() {
        parts.push(format!("Could not be checked with this evidence: {}.", open.join(", ")));
    }
    let others: Vec<&str> =
        unseen.iter().filter(|group| !unevaluated.contains(group)).map(String::as_str).collect();
    if !others.is_empty() {
        parts.push(format!("Groups not examined: {}.", others.join(", ")));
    }
    parts.join(" ")
}

fn check(machine: &Machine<'_>, rule: &dyn Rule, judgement: &Judgement) -> CheckRow {
    let outcome = judgement.outcome();
    let gaps = judgement.gaps.iter().map(|(reason, _)| reason.as_str()).collect::<Vec<_>>().join("; ");
    let reason = match outcome {
        Outcome::Found => {
            let number = judgement.findings.len();
            let found = if number == 1 { "1 finding".to_owned() } else { format!("{number} findings") };
            if gaps.is_empty() { found } else { format!("{found}; not looked at: {gaps}") }
        }
        Outcome::Clear => judgement.examined.clone(),
        Outcome::NotApplicable => judgement.not_applicable.clone().unwrap_or_default(),
        Outcome::NotEvaluated => gaps,
    };
    CheckRow {
        rule: rule.info().name.to_owned(),
        group: rule.info().group.name().to_owned(),
        outcome: outcome.name().to_owned(),
        reason,
        needs: collect::needs(machine, judgement),
    }
}
