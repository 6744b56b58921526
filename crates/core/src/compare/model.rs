//! The rows of a comparison.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::report::{ExpectRow, Level, Verdict};

/// What two reports say about each other. `a` is the earlier one where there is an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Comparison {
    /// Version of this form, `1.x`.
    pub schema_version: String,
    /// What it comes to.
    pub outcome: Outcome,
    /// A few sentences for a ticket.
    pub summary: String,
    /// What is worse in B, one sentence each.
    pub worse: Vec<String>,
    /// What could not be answered, one sentence each.
    pub open: Vec<String>,
    /// Report A.
    pub a: Side,
    /// Report B.
    pub b: Side,
    /// Whether they are of one machine.
    pub relation: Relation,
    /// Whether B shows what the plan of A expects.
    pub expectations: Vec<Expectation>,
    /// What the plan of B expects from the evidence after it.
    pub next: Vec<ExpectRow>,
    /// Findings.
    pub findings: FindingChanges,
    /// Services, sites and pools that are down.
    pub down: DownChanges,
    /// Rules that answer in one report and are not evaluated in the other, in the order of the catalogue.
    pub rules: Vec<Difference>,
    /// GUIDs, sorted.
    pub guids: Vec<Difference>,
    /// Containers that are not the same in both, sorted by id.
    pub containers: Vec<ContainerChange>,
    /// Containers that are the same in both.
    pub containers_same: u64,
    /// Encryption providers of the live configuration and their session keys, by name.
    pub session_keys: Vec<Difference>,
    /// Master keys that containers asked for and that are in evidence, by GUID.
    pub master_keys: Vec<Difference>,
    /// Certificates, by id.
    pub certificates: Vec<Difference>,
    /// Bindings, by site and endpoint.
    pub bindings: Vec<Difference>,
    /// Copies of the configuration, by kind and path.
    pub config_copies: Vec<Difference>,
    /// What of one machine comes from the other.
    pub origins: Vec<Origin>,
}

/// What a comparison comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Nothing in B is worse than in A, everything was examined again, and what A expects is there.
    NotWorse,
    /// Something in B is worse, or something that A expects is not there.
    Worse,
    /// Nothing in B is known to be worse, and something could not be answered.
    Open,
}

/// One of the two reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Side {
    /// Computer name.
    pub hostname: Option<String>,
    /// The MachineGuid.
    pub machine_guid: Option<String>,
    /// Installation date.
    pub installed: Option<String>,
    /// The operating system.
    pub os: Option<String>,
    /// The verdict.
    pub verdict: Verdict,
    /// The rule of its root cause.
    pub root_cause: Option<String>,
    /// Version of the program that made it.
    pub version: String,
    /// Version of that program's rules.
    pub catalogue: String,
    /// Time of the run, where it was kept.
    pub stamp: Option<String>,
    /// The latest moment that it knows of this machine.
    pub latest: Option<String>,
}

/// Whether two reports are of one machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Relation {
    /// The answer.
    pub kind: Kinship,
    /// `strong` or `weak`; nothing proves that two copies are of one machine.
    pub confidence: String,
    /// One sentence.
    pub statement: String,
    /// What speaks for and against it, one sentence each.
    pub reasons: Vec<String>,
}

/// How the machines of two reports belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kinship {
    /// One machine, at two times.
    SameMachine,
    /// Two machines, one made from a copy of the other, or both from one image.
    Clone,
    /// Two machines.
    TwoMachines,
    /// Neither report says enough.
    Unknown,
}

/// What became of something between A and B.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Only in B.
    Appeared,
    /// Only in A.
    Vanished,
    /// In both, and not the same.
    Changed,
    /// In both, in another place.
    Moved,
    /// In both, the same.
    Same,
    /// In A, and the evidence of B does not reach it.
    NotInB,
    /// In B, and the evidence of A does not reach it.
    NotInA,
}

/// Something that is not the same in both.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Difference {
    /// What it is.
    pub subject: String,
    /// What became of it.
    pub change: Change,
    /// In A.
    pub a: Option<String>,
    /// In B.
    pub b: Option<String>,
}

/// Findings by what became of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct FindingChanges {
    /// In B alone, and its rule was evaluated in A.
    pub appeared: Vec<FindingRef>,
    /// In B alone, and its rule was not evaluated in A: it may have been there.
    pub newly_examined: Vec<FindingRef>,
    /// In A alone, and its rule was evaluated in B.
    pub vanished: Vec<FindingRef>,
    /// In A alone, and its rule was not evaluated in B: it may still be there.
    pub no_longer_examined: Vec<FindingRef>,
    /// In both, with another severity, confidence or title.
    pub changed: Vec<FindingMove>,
    /// In both, the same.
    pub stayed: Vec<FindingRef>,
}

/// A finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct FindingRef {
    /// Its id.
    pub id: String,
    /// The rule.
    pub rule: String,
    /// How bad.
    pub severity: Level,
    /// How sure.
    pub confidence: String,
    /// One line.
    pub title: String,
}

/// A finding that is not the same in both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct FindingMove {
    /// In A.
    pub a: FindingRef,
    /// In B.
    pub b: FindingRef,
}

/// Services, sites and pools that are down because of an error, by what became of them. Each list is sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct DownChanges {
    /// Down in A, and nothing in B says so; everything that said so was examined again.
    pub back: Vec<String>,
    /// Down in B alone.
    pub went_down: Vec<String>,
    /// Down in both.
    pub still_down: Vec<String>,
    /// Down in A, and B did not look at what said so.
    pub unknown: Vec<String>,
}

/// A container that is not the same in both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct ContainerChange {
    /// What became of it.
    pub change: Change,
    /// What tells that both are one container: `key`, `file-name` or `name-and-size`, the last of which may be chance.
    pub basis: Option<String>,
    /// In A.
    pub a: Option<ContainerRef>,
    /// In B.
    pub b: Option<ContainerRef>,
    /// What is not the same, one phrase each.
    pub what: Vec<String>,
}

/// A container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct ContainerRef {
    /// Store and file name.
    pub id: String,
    /// Its well-known name, or the name inside.
    pub name: Option<String>,
    /// GUID of its file name.
    pub guid: Option<String>,
    /// State of its bytes.
    pub state: String,
    /// Where it stands.
    pub standing: Option<String>,
    /// Whether this machine needs it.
    pub is_needed: bool,
    /// SHA-256 of the moduli of its key pairs, sorted.
    pub keys: Vec<String>,
}

/// Something of one machine that comes from the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Origin {
    /// `machine-guid`, `private-key`, `session-key`, `master-key`, `container` or `certificate`.
    pub kind: String,
    /// Which way it went.
    pub direction: Direction,
    /// How sure the direction is: `strong` or `weak`; for an unknown one, how sure it is that both have the same thing.
    pub confidence: String,
    /// One sentence.
    pub statement: String,
    /// What says so, one sentence each.
    pub reasons: Vec<String>,
    /// What it is about, sorted: file names in both, GUIDs, providers.
    pub items: Vec<String>,
}

/// Which way something went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// B has it from A.
    AToB,
    /// A has it from B.
    BToA,
    /// Both have it, and nothing says who had it first.
    Unknown,
}

/// Whether B shows what the plan of A expects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Expectation {
    /// What is expected.
    pub expect: ExpectRow,
    /// The answer.
    pub state: Met,
    /// One sentence: what B shows.
    pub because: String,
}

/// Whether something expected is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Met {
    /// It is.
    Met,
    /// It is not.
    NotMet,
    /// The evidence does not say.
    NotEvaluated,
}
