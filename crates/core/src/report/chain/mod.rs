//! The chain as a graph: MachineGuid, key containers, what opens them, and what is served with it.
//!
//! It is computed from a [`Report`] alone, so that a report that was read back draws the same. A link works only where the
//! report says that this was evaluated; what was not evaluated is unknown. It is broken only where a finding of at least a
//! warning says so, and whatever an error names is a node.

mod containers;
mod faults;
mod openers;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::{BTreeMap, BTreeSet};

use super::{Level, NeededRow, Report};

/// Most nodes of each column that are drawn; the others are one counted node.
pub(crate) const MOST: [usize; 4] = [12, 80, 60, 46];

/// The subject of findings about the current MachineGuid.
const GUID_SUBJECT: &str = "value:SOFTWARE\\Microsoft\\Cryptography\\MachineGuid";

/// How it stands with a node or a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    /// It does not work.
    Broken,
    /// It was not evaluated.
    Unknown,
    /// It was evaluated and works.
    Works,
    /// Nothing that was examined depends on it.
    Idle,
}

impl State {
    /// The word in pictures and lists.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Broken => "broken",
            Self::Unknown => "not tested",
            Self::Works => "works",
            Self::Idle => "not in use",
        }
    }
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A MachineGuid, current or not.
    Guid,
    /// A container's file.
    Container,
    /// A container without a file.
    Missing,
    /// Containers that are only counted.
    Counted,
    /// An encryption provider of the configuration.
    Provider,
    /// A certificate.
    Certificate,
    /// A service, or another direct user of a container.
    Service,
    /// A way on which TLS is answered.
    Binding,
    /// An application pool, a site, or a service that depends on another.
    User,
    /// A file, a registry value or whatever else an error is about.
    Part,
    /// Nodes of this column that are not drawn.
    More,
}

impl Kind {
    /// The word in pictures and lists.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Guid => "MachineGuid",
            Self::Container => "container",
            Self::Missing => "container without a file",
            Self::Counted => "other containers",
            Self::Provider => "encryption provider",
            Self::Certificate => "certificate",
            Self::Service => "service",
            Self::Binding => "HTTPS binding",
            Self::User => "depends on it",
            Self::Part => "part of the machine",
            Self::More => "not drawn",
        }
    }
}

/// Something in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    /// What it is.
    pub(crate) kind: Kind,
    /// The column, from the left.
    pub(crate) column: usize,
    /// What identifies it in the report.
    pub(crate) subject: String,
    /// Its name.
    pub(crate) label: String,
    /// One short phrase about it.
    pub(crate) detail: String,
    /// How it stands with it.
    pub(crate) state: State,
    /// Why.
    pub(crate) why: String,
}

/// What ties two nodes together, from left to right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    /// Position of the node on which the other one depends.
    pub(crate) from: usize,
    /// Position of the node that depends on it.
    pub(crate) to: usize,
    /// How it stands with it.
    pub(crate) state: State,
    /// Why.
    pub(crate) why: String,
}

/// The chain.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Chain {
    /// Nodes, by column.
    pub(crate) nodes: Vec<Node>,
    /// Links, by their ends.
    pub(crate) links: Vec<Link>,
    /// How many nodes and links are broken, drawn or not.
    pub(crate) broken: (usize, usize),
    /// How many nodes were not tested, drawn or not.
    pub(crate) untested: usize,
}

impl Chain {
    /// The chain of a report.
    pub(crate) fn of(report: &Report) -> Self {
        let mut draft = Draft::new(report);
        draft.guids();
        draft.containers();
        draft.providers();
        draft.certificates();
        draft.services();
        draft.bindings();
        draft.faults();
        draft.chain.bounded()
    }

    /// The same chain with its nodes in the order of columns, and no more than may be drawn.
    fn bounded(self) -> Self {
        let in_state = |state| self.nodes.iter().filter(move |node| node.state == state).count();
        let untested = in_state(State::Unknown);
        let links = self.links.iter().filter(|link| link.state == State::Broken);
        let ends: BTreeSet<_> = links.map(|link| (link.from, link.to)).collect();
        let broken = (in_state(State::Broken), ends.len());
        let mut by_column: [Vec<usize>; 4] = Default::default();
        for (at, node) in self.nodes.iter().enumerate() {
            if let Some(column) = by_column.get_mut(node.column) {
                column.push(at);
            }
        }
        let mut place = vec![None; self.nodes.len()];
        let mut nodes = Vec::new();
        for (column, (at, most)) in by_column.into_iter().zip(MOST).enumerate() {
            let mut kept = at.clone();
            if at.len() > most {
                // What is broken is drawn before anything else.
                kept.sort_by_key(|&at| (self.nodes[at].state, at));
                kept.truncate(most - 1);
                kept.sort_unstable();
            }
            for &at in &kept {
                place[at] = Some(nodes.len());
                nodes.push(self.nodes[at].clone());
            }
            let hidden: Vec<usize> = at.into_iter().filter(|&at| place[at].is_none()).collect();
            if hidden.is_empty() {
                continue;
            }
            for &at in &hidden {
                place[at] = Some(nodes.len());
            }
            let states = hidden.iter().map(|&at| self.nodes[at].state);
            let more = More {
                count: hidden.len(),
                worst: states.clone().min().unwrap_or(State::Idle),
                broken: states.filter(|state| *state == State::Broken).count(),
            };
            nodes.push(more.node(column));
        }
        let end = |at: usize| place.get(at).copied().flatten();
        let mut links: Vec<Link> = self
            .links
            .iter()
            .filter_map(|link| Some(Link { from: end(link.from)?, to: end(link.to)?, ..link.clone() }))
            .collect();
        // Of several links between two nodes the worst is drawn.
        links.sort_by_key(|link| (link.from, link.to, link.state));
        links.dedup_by_key(|link| (link.from, link.to));
        Self { nodes, links, broken, untested }
    }
}

/// Nodes of one column that are not drawn.
struct More {
    count: usize,
    worst: State,
    broken: usize,
}

impl More {
    fn node(&self, column: usize) -> Node {
        Node {
            kind: Kind::More,
            column,
            subject: format!("more:{column}"),
            label: format!("and {} more", self.count),
            detail: match self.broken {
                0 => "not drawn; in the tables below".to_owned(),
                count => format!("not drawn, {count} of them broken"),
            },
            state: self.worst,
            why: match self.broken {
                0 => "The picture is bounded.".to_owned(),
                count => format!("The picture is bounded; {count} of them broken, as the findings say."),
            },
        }
    }
}

/// A chain that is being drawn up.
struct Draft<'r> {
    report: &'r Report,
    chain: Chain,
    /// The current GUID in lower case.
    current: Option<String>,
    /// GUID nodes by GUID in lower case.
    guids: BTreeMap<String, usize>,
    /// Container nodes by position of their row.
    rows: BTreeMap<usize, usize>,
    /// Nodes of containers without a file, by store and name in lower case.
    missing: BTreeMap<(String, String), usize>,
    /// Certificate nodes by id.
    certificates: BTreeMap<&'r str, usize>,
    /// Services, pools and sites by name.
    users: BTreeMap<&'r str, usize>,
    /// Nodes by the subject that findings have for them.
    subjects: BTreeMap<String, Vec<usize>>,
    /// Nodes by the name that findings have for what is down.
    names: BTreeMap<String, Vec<usize>>,
    /// GUIDs that are not drawn, in lower case.
    hidden_guids: BTreeSet<String>,
    /// What is looked for.
    sought: containers::Sought<'r>,
    /// Positions of container rows by id.
    by_id: BTreeMap<&'r str, Vec<usize>>,
    /// Positions of container rows by name in lower case.
    by_name: BTreeMap<String, Vec<usize>>,
    /// Positions of container rows by store and prefix.
    by_place: BTreeMap<(&'r str, &'r str), Vec<usize>>,
    /// What is needed, by name in lower case.
    needs: BTreeMap<String, Vec<&'r NeededRow>>,
    /// The worst finding of each subject, with its title.
    worst: BTreeMap<&'r str, (Level, &'r str)>,
}

impl<'r> Draft<'r> {
    fn new(report: &'r Report) -> Self {
        let mut worst: BTreeMap<&str, (Level, &str)> = BTreeMap::new();
        for finding in &report.findings {
            let entry = worst.entry(&finding.subject).or_insert((finding.severity, &finding.title));
            if finding.severity > entry.0 {
                *entry = (finding.severity, &finding.title);
            }
        }
        let mut by_id: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        let mut by_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        let mut by_place: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (at, row) in report.key_containers.iter().enumerate() {
            by_id.entry(&row.id).or_default().push(at);
            let names = [&row.name, &row.well_known].into_iter().flatten().map(|name| name.to_lowercase());
            for name in names.collect::<BTreeSet<_>>() {
                by_name.entry(name).or_default().push(at);
            }
            by_place.entry(containers::place(row)).or_default().push(at);
        }
        let mut needs: BTreeMap<String, Vec<&NeededRow>> = BTreeMap::new();
        for need in &report.needed {
            needs.entry(need.name.to_lowercase()).or_default().push(need);
        }
        Self {
            report,
            sought: containers::Sought::of(report),
            by_id,
            by_name,
            by_place,
            needs,
            chain: Chain::default(),
            current: report.machine.machine_guid.as_ref().map(|guid| guid.value.to_lowercase()),
            guids: BTreeMap::new(),
            rows: BTreeMap::new(),
            missing: BTreeMap::new(),
            certificates: BTreeMap::new(),
            users: BTreeMap::new(),
            subjects: BTreeMap::new(),
            names: BTreeMap::new(),
            hidden_guids: BTreeSet::new(),
            worst,
        }
    }

    fn node(&mut self, node: Node) -> usize {
        self.chain.nodes.push(node);
        self.chain.nodes.len() - 1
    }

    fn link(&mut self, from: usize, to: usize, state: State, why: impl Into<String>) {
        self.chain.links.push(Link { from, to, state, why: why.into() });
    }

    fn state_of(&self, at: usize) -> State {
        self.chain.nodes.get(at).map_or(State::Unknown, |node| node.state)
    }

    /// The title of an error about a subject.
    fn error(&self, subject: &str) -> Option<&'r str> {
        self.worst.get(subject).filter(|(level, _)| *level == Level::Error).map(|(_, title)| *title)
    }

    /// The title of a warning or an error about a subject: nothing is drawn as broken on less.
    fn alarm(&self, subject: &str) -> Option<&'r str> {
        self.worst.get(subject).filter(|(level, _)| *level >= Level::Warning).map(|(_, title)| *title)
    }

    /// Whether the report says what the machine needs. The first form of it did not.
    fn tells_needs(&self) -> bool {
        self.report.schema_version != "1.0"
    }

    /// Whether the rules about the current GUID were evaluated and found nothing.
    fn is_guid_clear(&self) -> bool {
        let outcome = |rule: &str| {
            let row = self.report.checks.iter().find(|check| check.rule == rule);
            row.map(|check| check.outcome.as_str())
        };
        let clear = ["machine-guid-missing", "machine-guid-malformed", "machine-guid-changed"];
        clear.iter().all(|rule| outcome(rule) == Some("clear"))
            && matches!(outcome("machine-guid-pending"), Some("clear" | "not-applicable"))
    }

    /// The current GUID first, then the others as the census has them.
    fn guids(&mut self) {
        let report = self.report;
        let mut seen = BTreeSet::new();
        match &report.machine.machine_guid {
            Some(guid) => {
                seen.insert(guid.value.to_lowercase());
                let census = report.guid_census.iter().find(|row| row.guid.eq_ignore_ascii_case(&guid.value));
                let (state, why) = match self.worst.get(GUID_SUBJECT) {
                    Some((Level::Error, title)) => (State::Broken, *title),
                    Some((_, title)) => (State::Unknown, *title),
                    None if self.is_guid_clear() => {
                        (State::Works, "Windows looks for containers under this GUID.")
                    }
                    None => (State::Unknown, "Whether it is still the right one could not be evaluated."),
                };
                let at = self.node(Node {
                    kind: Kind::Guid,
                    column: 0,
                    subject: guid.value.clone(),
                    label: guid.value.clone(),
                    detail: format!("current, {}", files(census.map_or(0, |row| row.containers))),
                    state,
                    why: why.to_owned(),
                });
                self.guids.insert(guid.value.to_lowercase(), at);
                self.subjects.insert(GUID_SUBJECT.to_owned(), vec![at]);
            }
            None => {
                let title = report.missing_guid();
                let at = self.node(Node {
                    kind: Kind::Guid,
                    column: 0,
                    subject: "MachineGuid".to_owned(),
                    label: if title.is_some() { "missing" } else { "not known" }.to_owned(),
                    detail: match title {
                        Some(_) => "the value is absent",
                        None => "current value not read",
                    }
                    .to_owned(),
                    state: if self.alarm(GUID_SUBJECT).is_some() { State::Broken } else { State::Unknown },
                    why: title.unwrap_or("The current MachineGuid was not read.").to_owned(),
                });
                self.subjects.insert(GUID_SUBJECT.to_owned(), vec![at]);
            }
        }
        let others = report.guid_census.iter().map(|row| (&row.guid, Some(row.containers)));
        let before = report.machine.machine_guid.iter().filter_map(|guid| guid.unreplayed_value.as_ref());
        let mut others: Vec<_> = others.chain(before.map(|guid| (guid, None))).collect();
        others.retain(|(guid, _)| seen.insert(guid.to_lowercase()));
        // The first node is the current one, the last one stands for those that are not drawn.
        let room = MOST[0] - 1;
        let hidden = if others.len() > room { others.split_off(room - 1) } else { Vec::new() };
        for (guid, containers) in others {
            let at = self.node(Node {
                kind: Kind::Guid,
                column: 0,
                subject: guid.clone(),
                label: guid.clone(),
                detail: match containers {
                    Some(count) => format!("not current, {}", files(count)),
                    None => "before the hive's logs".to_owned(),
                },
                state: State::Idle,
                why: "Not the current GUID: Windows does not look under it.".to_owned(),
            });
            self.guids.insert(guid.to_lowercase(), at);
        }
        if !hidden.is_empty() {
            let at = self.node(More { count: hidden.len(), worst: State::Idle, broken: 0 }.node(0));
            for (guid, _) in hidden {
                self.guids.insert(guid.to_lowercase(), at);
                self.hidden_guids.insert(guid.to_lowercase());
            }
        }
    }
}

/// "3 files".
fn files(count: u64) -> String {
    format!("{count} {}", if count == 1 { "file" } else { "files" })
}
