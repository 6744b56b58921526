//! The report: a typed document, its JSON form, its schema and its renderings.

mod build;
mod cause;
mod chain;
mod cleanup;
mod collect;
mod model;
mod proofs;
mod pseudonym;
mod read;
mod render;
mod rows;
mod timeline;
mod tls;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::terminal::Look;
pub use build::{KNOWN_GROUPS, Options, build};
pub use model::*;
pub use pseudonym::{Kind as NameKind, MapError, Names, PseudonymMap};
pub use read::{LARGEST as LARGEST_REPORT, ReadError, as_utf8};
pub use render::{FORMATS, Format};
pub use timeline::TimeKind;

/// Version of the report's form.
pub const SCHEMA_VERSION: &str = "1.1";

/// The overall answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Verdict {
    /// Something that this machine needs does not work.
    Broken,
    /// Nothing is broken, and something will or may be.
    Degraded,
    /// Nothing was found, and a required group of rules could not be evaluated.
    Inconclusive,
    /// Nothing was found, and every required group was evaluated.
    Healthy,
}

impl Verdict {
    /// The word in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Broken => "broken",
            Self::Degraded => "degraded",
            Self::Inconclusive => "inconclusive",
            Self::Healthy => "healthy",
        }
    }
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Level {
    /// Worth knowing.
    Note,
    /// Something will not work, or may not.
    Warning,
    /// Something that this machine needs does not work.
    Error,
}

/// The report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Report {
    /// Version of this form, `1.x`.
    pub schema_version: String,
    /// The program.
    pub tool: Tool,
    /// Time of the run, only when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stamp: Option<String>,
    /// Tokens that stand for names which were replaced; empty unless the report was pseudonymized.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redaction_tokens: Vec<String>,
    /// What tells the map of those tokens from other maps; null where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redaction_map: Option<String>,
    /// The overall answer.
    pub verdict: Verdict,
    /// Two or three sentences for a ticket.
    pub summary: String,
    /// The one cause that explains the other findings; null when no single one explains every error.
    pub root_cause: Option<RootCause>,
    /// The disk images and archives that the evidence came in, sorted by path; each volume is named.
    pub sources: Vec<SourceRow>,
    /// Every file that the answer rests on, sorted by path.
    pub evidence: Vec<EvidenceRow>,
    /// The machine.
    pub machine: MachineRow,
    /// One row for each GUID seen, sorted by GUID.
    pub guid_census: Vec<GuidRow>,
    /// Containers, sorted by id.
    pub key_containers: Vec<ContainerRow>,
    /// Containers that this machine needs, sorted by store and prefix.
    #[serde(default)]
    pub needed: Vec<NeededRow>,
    /// Containers of others, counted; sorted by store, GUID, pattern and size.
    pub container_groups: Vec<GroupRow>,
    /// How many containers have no row of their own.
    pub containers_only_counted: u64,
    /// Certificates of the machine's stores, sorted by id.
    pub certificates: Vec<CertificateRow>,
    /// One row for each way on which TLS is answered: site, binding, certificate, container, file, state; sorted by site and
    /// endpoint.
    pub bindings: Vec<BindingRow>,
    /// Containers that Windows NT 4 left in the registry, by name. No later Windows opens them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub registry_containers: Vec<RegistryContainerRow>,
    /// The live configuration, as far as its encryption goes; null when it was not read.
    pub config: Option<ConfigRow>,
    /// Copies of the configuration, the oldest first.
    pub config_copies: Vec<ConfigCopyRow>,
    /// The machine's DPAPI secret; null when neither SECURITY nor a folder of master keys is in evidence.
    pub dpapi: Option<DpapiRow>,
    /// What is wrong, the worst first.
    pub findings: Vec<FindingRow>,
    /// One row for each rule.
    pub checks: Vec<CheckRow>,
    /// What rules lacked and how to get it, in the order in which one would ask for it.
    #[serde(default)]
    pub collect: Vec<CollectRow>,
    /// What was taken for granted.
    pub assumptions: Vec<String>,
    /// The safest way back; null when nothing needs repair or nothing safe can be said.
    pub plan: Option<PlanRow>,
    /// What a clean-up of the key folders must leave alone; null when no key folder is in evidence.
    #[serde(default)]
    pub cleanup: Option<CleanupRow>,
    /// What happened when, sorted by time.
    pub timeline: Vec<TimelineRow>,
    /// How many more moments are known than `timeline` has, the least telling ones.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub timeline_left_out: u64,
    /// Names of this machine that its prose may hold; no part of the document.
    #[serde(skip)]
    pub names: Names,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Report {
    /// The report as JSON, with a newline at its end. The same report gives the same bytes.
    pub fn to_json(&self) -> String {
        render::in_form(self, "json")
    }

    /// The report as text, as one would paste it into a ticket.
    pub fn to_text(&self) -> String {
        render::in_form(self, "text")
    }

    /// The timeline as JSON lines for Timesketch, one moment each.
    pub fn to_timeline(&self) -> String {
        render::in_form(self, "timeline")
    }

    /// The title of the finding that the MachineGuid was looked for and is absent.
    pub(crate) fn missing_guid(&self) -> Option<&str> {
        let finding = self.findings.iter().find(|finding| finding.rule == "machine-guid-missing");
        finding.filter(|_| self.machine.machine_guid.is_none()).map(|finding| finding.title.as_str())
    }

    /// The worst finding.
    pub fn worst(&self) -> Option<Level> {
        self.findings.iter().map(|finding| finding.severity).max()
    }
}

/// The JSON Schema (2020-12) of the report, with a newline at its end.
pub fn schema() -> String {
    let mut text = serde_json::to_string_pretty(&schemars::schema_for!(Report)).unwrap_or_default();
    text.push('\n');
    text
}
