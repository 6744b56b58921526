//! What follows from it: causes, findings, checks, the plan, the timeline.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::report::{Level, TimeKind};

/// The program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Tool {
    /// `iiskeys`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Version of the catalogue of rules; empty in reports from before it had one.
    #[serde(default)]
    pub catalogue: String,
}

/// The one cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct RootCause {
    /// The rule that found it.
    pub rule: String,
    /// One or two sentences.
    pub statement: String,
    /// `proven`, `strong` or `weak`.
    pub confidence: String,
    /// Last witness of the old state.
    pub earliest: Option<String>,
    /// First witness of the new state.
    pub latest: Option<String>,
}

/// A citation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct CiteRow {
    /// Identifier of an evidence row.
    pub evidence: String,
    /// Where in it.
    pub locator: String,
    /// What stands there.
    pub observed: String,
}

/// A finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct FindingRow {
    /// Derived from rule and subject alone.
    pub id: String,
    /// The rule.
    pub rule: String,
    /// How bad.
    pub severity: Level,
    /// How sure: `proven`, `strong` or `weak`.
    pub confidence: String,
    /// One line.
    pub title: String,
    /// A few sentences.
    pub explanation: String,
    /// `kind:identity`.
    pub subject: String,
    /// What it rests on.
    pub evidence: Vec<CiteRow>,
    /// What would cure it.
    pub remedies: Vec<String>,
    /// Services, sites and pools that are down because of it.
    pub affects: Vec<String>,
}

/// What one rule said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct CheckRow {
    /// The rule.
    pub rule: String,
    /// Its group.
    pub group: String,
    /// `found`, `clear`, `not-applicable` or `not-evaluated`.
    pub outcome: String,
    /// Why.
    pub reason: String,
    /// What to collect.
    pub needs: Vec<String>,
}

/// The plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct PlanRow {
    /// One line: what it does.
    pub summary: String,
    /// What to do, in order.
    pub steps: Vec<StepRow>,
    /// Findings that vanish when the steps are applied to a copy of the machine's facts.
    pub resolves: Vec<String>,
    /// Findings that stay or appear.
    pub leaves: Vec<String>,
    /// The findings that stay or appear, with their severity and title.
    pub remaining: Vec<RemainingRow>,
    /// Plans that were weighed and not chosen.
    pub alternatives: Vec<AlternativeRow>,
    /// What would have saved the day.
    pub prevent: Vec<String>,
    /// What evidence collected after the repair must show; `iiskeys compare` says whether it does.
    #[serde(default)]
    pub expect: Vec<ExpectRow>,
}

/// Something that the evidence must show after a repair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct ExpectRow {
    /// `finding-gone`, `machine-guid`, `container` or `group-evaluated`.
    pub kind: String,
    /// What it is about: the id of a finding or a container, the name of a group, or the registry value.
    pub subject: String,
    /// What must stand there, for `machine-guid` and `container`; null otherwise.
    pub value: Option<String>,
    /// SHA-256 of the moduli of the keys that a container must hold, sorted; empty where they are not known before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modulus_sha256: Vec<String>,
    /// Whether a container is made anew, with another key than before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_new: bool,
    /// One sentence for people.
    pub what: String,
}

/// Something that rules lacked, and how to get it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct CollectRow {
    /// A short name that never changes, such as `software-hive`.
    pub need: String,
    /// Exactly what to collect.
    pub what: String,
    /// The shell that the commands are written for; null without commands.
    pub shell: Option<String>,
    /// Commands that gather it on the server. They change nothing there.
    pub commands: Vec<String>,
    /// Whether it holds secrets and is sent encrypted.
    pub sensitive: bool,
    /// The rules that wait for it, in the order of the catalogue.
    pub rules: Vec<String>,
}

/// What a clean-up of the key folders must leave alone, and what looks like left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct CleanupRow {
    /// Containers that must stay, sorted by id.
    pub keep: Vec<KeepRow>,
    /// Containers that look like leftovers, counted; sorted by store, GUID and pattern.
    pub leftovers: Vec<LeftoverRow>,
    /// What this section cannot know on this machine.
    pub limits: Vec<String>,
}

/// A container that a clean-up must not touch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct KeepRow {
    /// Store and file name.
    pub container: String,
    /// Name inside or well-known name.
    pub name: Option<String>,
    /// Why it must stay.
    pub why: Vec<String>,
}

/// Containers that look like leftovers of a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct LeftoverRow {
    /// The store.
    pub store: String,
    /// Their GUID.
    pub guid: Option<String>,
    /// The pattern of their names.
    pub pattern: String,
    /// The product that makes such containers; null when it is not known.
    pub product: Option<String>,
    /// How many.
    pub count: u64,
    /// First day on which one was created.
    pub first_day: Option<String>,
    /// Last day on which one was created.
    pub last_day: Option<String>,
    /// What the judgement rests on, and what to ask before anything is set aside.
    pub basis: String,
}

/// A finding that a plan leaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct RemainingRow {
    /// How bad.
    pub severity: Level,
    /// One line.
    pub title: String,
    /// `kind:identity`, as a finding has it; empty in reports from before rows had one.
    #[serde(default)]
    pub subject: String,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct StepRow {
    /// Position, from one.
    pub order: u32,
    /// What kind of step.
    pub action: String,
    /// What it acts on.
    pub target: String,
    /// What to do and why.
    pub detail: String,
    /// The shell that the commands are written for; null without commands.
    pub shell: Option<String>,
    /// Commands, given only when every name in them can be quoted safely.
    pub commands: Vec<String>,
    /// What may go wrong.
    pub risk: String,
    /// How to take it back.
    pub undo: String,
    /// How to see that it worked.
    pub verify: String,
}

/// A plan that was weighed and not chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct AlternativeRow {
    /// A short name.
    pub name: String,
    /// One line: what it does.
    pub summary: String,
    /// Why it is not the plan.
    pub reason: String,
    /// What it costs.
    pub cost: String,
    /// Whether it was tried on the facts.
    pub tried: bool,
    /// Its steps.
    pub steps: Vec<StepRow>,
    /// Findings that vanish.
    pub resolves: Vec<String>,
    /// Findings that stay or appear.
    pub leaves: Vec<String>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct TimelineRow {
    /// When, in UTC.
    pub time: String,
    /// What.
    pub what: String,
    /// What kind of time it is, and so how far it can be trusted.
    pub kind: TimeKind,
    /// What exactly keeps this time: the name of the registry value, event or field.
    pub source: String,
    /// Identifier of an evidence row.
    pub evidence: String,
}
