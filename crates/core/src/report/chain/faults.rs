//! What errors name: everything that is down, and what it is down from, is a node and broken.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::{Draft, Kind, Node, State};
use crate::report::{FindingRow, Level};

impl<'r> Draft<'r> {
    /// Breaks what errors name, draws what no other part of the report has, and settles what hangs on it.
    pub(super) fn faults(&mut self) {
        let report = self.report;
        let mut told = BTreeSet::new();
        let mut ways: Vec<(usize, usize, &str)> = Vec::new();
        for finding in report.findings.iter().filter(|finding| finding.severity == Level::Error) {
            let causes = self.about(finding);
            for &at in &causes {
                self.fail(at, &finding.title, &mut told);
            }
            for name in &finding.affects {
                for at in self.down(name) {
                    self.fail(at, &finding.title, &mut told);
                    ways.extend(causes.first().map(|&cause| (cause, at, finding.title.as_str())));
                }
            }
        }
        self.hang(ways);
        self.settle(&told);
    }

    fn fail(&mut self, at: usize, title: &str, told: &mut BTreeSet<usize>) {
        if let Some(node) = self.chain.nodes.get_mut(at).filter(|_| told.insert(at)) {
            node.state = State::Broken;
            title.clone_into(&mut node.why);
        }
    }

    /// The nodes that a finding is about; a new one where there is none.
    fn about(&mut self, finding: &FindingRow) -> Vec<usize> {
        if let Some(known) = self.subjects.get(&finding.subject) {
            return known.clone();
        }
        let (kind, name) = finding.subject.split_once(':').unwrap_or(("part", &finding.subject));
        let (node, column) = match kind {
            "service" | "pool" | "site" => return self.down(name),
            "provider" => (Kind::Provider, 2),
            "certificate" => (Kind::Certificate, 2),
            "container" => (Kind::Missing, 1),
            _ => (Kind::Part, 1),
        };
        let at = self.node(Node {
            kind: node,
            column,
            subject: finding.subject.clone(),
            label: name.to_owned(),
            detail: match kind {
                "value" => "registry value".to_owned(),
                "provider" => "not declared".to_owned(),
                other => other.replace('-', " "),
            },
            state: State::Broken,
            why: finding.title.clone(),
        });
        self.subjects.insert(finding.subject.clone(), vec![at]);
        vec![at]
    }

    /// The nodes of something that is down, by the name that findings have for it; a new one where there is none.
    fn down(&mut self, name: &str) -> Vec<usize> {
        let key = match name.split_once(" of ") {
            Some((binding, _)) if name.starts_with("the HTTPS binding ") => binding,
            _ => plain(name),
        };
        if let Some(known) = self.names.get(key) {
            return known.clone();
        }
        let (label, detail) = match name.split_once(' ') {
            Some(("site", rest)) => (rest, "site"),
            Some(("service", rest)) => (rest, "service"),
            _ => match name.strip_prefix("application pool ") {
                Some(rest) => (rest, "application pool"),
                None if name.contains(' ') => (name, "depends on it"),
                None => (name, "service"),
            },
        };
        let at = self.node(Node {
            kind: Kind::User,
            column: 3,
            subject: name.to_owned(),
            label: label.to_owned(),
            detail: detail.to_owned(),
            state: State::Broken,
            why: String::new(),
        });
        self.names.insert(key.to_owned(), vec![at]);
        vec![at]
    }

    /// Links what is down to its cause, unless the chain shows a way already; of several causes to the nearest.
    fn hang(&mut self, mut ways: Vec<(usize, usize, &str)>) {
        let column = |draft: &Self, at: usize| draft.chain.nodes.get(at).map_or(0, |node| node.column);
        ways.sort_by_key(|&(cause, ..)| Reverse(column(self, cause)));
        let broken = self.chain.links.iter().filter(|link| link.state == State::Broken);
        let mut hung: BTreeSet<usize> = broken.map(|link| link.to).collect();
        // What IISADMIN drags down hangs on it.
        let admin = |draft: &Self, at: usize| {
            let on_it = |from: usize| draft.chain.nodes.get(from).is_some_and(|it| it.kind == Kind::Service);
            draft.chain.links.iter().any(|link| link.to == at && on_it(link.from))
        };
        for (cause, at, title) in ways {
            if column(self, cause) < column(self, at) && !admin(self, at) && hung.insert(at) {
                self.link(cause, at, State::Broken, title);
            }
        }
    }

    /// Gives what hangs on a service the service's state, and every user its reason.
    fn settle(&mut self, told: &BTreeSet<usize>) {
        let nodes = &mut self.chain.nodes;
        for link in &mut self.chain.links {
            let Some(service) = nodes.get(link.from).filter(|node| node.kind == Kind::Service) else {
                continue;
            };
            link.state = service.state;
            if let Some(node) = nodes.get_mut(link.to) {
                node.state = node.state.min(link.state);
            }
        }
        for (at, node) in nodes.iter_mut().enumerate() {
            if matches!(node.kind, Kind::Service | Kind::User) && !told.contains(&at) {
                node.why = match node.state {
                    State::Broken => "What it opens is broken.",
                    State::Works => "What it opens works.",
                    State::Unknown => "What it opens was not tested.",
                    State::Idle => "It opens nothing at present.",
                }
                .to_owned();
            }
        }
    }
}

/// A service has the same name with the word and without.
pub(super) fn plain(name: &str) -> &str {
    name.strip_prefix("service ").unwrap_or(name)
}
