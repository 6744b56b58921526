//! The second column: containers, those without a file, and those that are only counted.

use std::collections::{BTreeMap, BTreeSet};

use super::{Draft, Kind, Node, State};
use crate::report::{CertificateRow, ContainerRow, Level, Report};

/// How many containers are only counted, by GUID in lower case and store.
type Counted = BTreeMap<Option<String>, BTreeMap<String, u64>>;

/// Why an early report leaves open what a container is for.
const UNTOLD: &str = "This report does not say what needs it.";

/// What is looked for, kept so that each container is asked about once.
#[derive(Default)]
pub(super) struct Sought<'r> {
    /// Store and prefix of what the machine needs.
    needs: BTreeSet<(&'r str, &'r str)>,
    /// Names that providers have, in lower case.
    by_providers: BTreeSet<String>,
    /// Containers of certificates in use, by id.
    by_certificates: BTreeSet<&'r str>,
    /// Store and prefix of what stands under the current GUID.
    current_copies: BTreeSet<(&'r str, &'r str)>,
    /// Those of them that Windows can use, as far as the report tells.
    usable_copies: BTreeSet<(&'r str, &'r str)>,
}

impl<'r> Sought<'r> {
    pub(super) fn of(report: &'r Report) -> Self {
        let providers = report.config.iter().flat_map(|config| &config.providers);
        let used = report.certificates.iter().filter(|row| !row.used_by.is_empty());
        let is_current = |row: &&ContainerRow| row.standing.as_deref() == Some("current");
        let failing: BTreeSet<&str> = report
            .findings
            .iter()
            .filter(|finding| finding.severity == Level::Error)
            .filter_map(|finding| finding.subject.strip_prefix("container:"))
            .collect();
        let is_usable = |row: &&ContainerRow| {
            !matches!(row.state.as_str(), "empty" | "damaged" | "incomplete")
                && !failing.contains(row.id.as_str())
        };
        let current = report.key_containers.iter().filter(is_current);
        Self {
            needs: report.needed.iter().map(|need| (need.store.as_str(), need.prefix.as_str())).collect(),
            by_providers: providers.map(|provider| provider.key_container.to_lowercase()).collect(),
            by_certificates: used.flat_map(|row| &row.by_name).map(String::as_str).collect(),
            current_copies: current.clone().map(place).collect(),
            usable_copies: current.filter(is_usable).map(place).collect(),
        }
    }
}

impl<'r> Draft<'r> {
    pub(super) fn containers(&mut self) {
        let report = self.report;
        let linked = self.linked();
        let mut order: Vec<(usize, &ContainerRow)> = report.key_containers.iter().enumerate().collect();
        order.retain(|(_, row)| self.has_its_own_node(row, &linked));
        let rank = |row: &ContainerRow| {
            let guid = row.guid.as_ref().and_then(|guid| self.guids.get(&guid.to_lowercase()));
            (guid.copied().unwrap_or(usize::MAX), !self.is_sought(row))
        };
        order.sort_by_key(|(at, row)| (rank(row), *at));
        let with_file: BTreeSet<_> = report
            .key_containers
            .iter()
            .filter(|row| row.standing.as_deref() != Some("set-aside"))
            .map(place)
            .collect();
        for need in report
            .needed
            .iter()
            .filter(|need| !with_file.contains(&(need.store.as_str(), need.prefix.as_str())))
        {
            self.missing_node(&need.store, &need.name, Some(&need.prefix), State::Unknown);
        }
        let mut counted = self.counted(&order);
        let mut group: Option<Option<String>> = None;
        for (at, row) in order {
            let guid = self.group_of(row.guid.as_ref());
            if let Some(before) = group.replace(guid.clone()).filter(|before| *before != guid) {
                self.counted_nodes(&before, &mut counted);
            }
            self.container(at, row);
        }
        if let Some(before) = group {
            self.counted_nodes(&before, &mut counted);
        }
        let left: Vec<Option<String>> = counted.keys().cloned().collect();
        for guid in left {
            self.counted_nodes(&guid, &mut counted);
        }
    }

    /// Certificates that belong into the picture: those that claim a key, and those that something uses.
    pub(super) fn drawn_certificates(&self) -> impl Iterator<Item = &'r CertificateRow> + use<'r> {
        let report = self.report;
        let bound: BTreeSet<&str> =
            report.bindings.iter().filter_map(|row| row.certificate.as_deref()).collect();
        report.certificates.iter().filter(move |row| {
            row.link.is_some() || !row.used_by.is_empty() || bound.contains(row.id.as_str())
        })
    }

    /// Containers that a certificate or a binding leads to, by id.
    fn linked(&self) -> BTreeSet<&'r str> {
        let mut linked: BTreeSet<&str> = self
            .drawn_certificates()
            .flat_map(|row| row.by_name.iter().chain(&row.by_key))
            .map(String::as_str)
            .collect();
        linked.extend(self.report.bindings.iter().filter_map(|row| row.file.as_deref()));
        linked
    }

    /// Whether a container is drawn by itself; the others are counted.
    fn has_its_own_node(&self, row: &ContainerRow, linked: &BTreeSet<&str>) -> bool {
        row.well_known.is_some()
            || !row.needed_by.is_empty()
            || matches!(row.state.as_str(), "empty" | "damaged" | "incomplete")
            || linked.contains(row.id.as_str())
            || self.level(row) >= Some(Level::Warning)
            || self.sought.needs.contains(&place(row))
            || row.name.as_ref().is_some_and(|name| self.sought.by_providers.contains(&name.to_lowercase()))
    }

    fn level(&self, row: &ContainerRow) -> Option<Level> {
        self.worst.get(format!("container:{}", row.id).as_str()).map(|(level, _)| *level)
    }

    /// Whether something that was examined looks for this container.
    fn is_sought(&self, row: &ContainerRow) -> bool {
        !row.needed_by.is_empty()
            || self.level(row) >= Some(Level::Warning)
            || self.sought.needs.contains(&place(row))
            || self.sought.by_certificates.contains(row.id.as_str())
    }

    fn container(&mut self, at: usize, row: &'r ContainerRow) {
        let (state, why) = self.judged(row);
        let name = row.well_known.as_ref().or(row.name.as_ref());
        let standing = match row.standing.as_deref() {
            Some("current") => "under the current GUID",
            Some("other-guid") => "under another GUID",
            Some("other-root") => "in another Windows folder",
            Some("set-aside") => "set aside",
            _ => "GUID not compared",
        };
        let node = self.node(Node {
            kind: Kind::Container,
            column: 1,
            subject: row.path.clone(),
            label: name.unwrap_or(&row.id).clone(),
            detail: format!("{}, {standing}", row.state.replace('-', " ")),
            state,
            why,
        });
        self.rows.insert(at, node);
        self.subjects.entry(format!("container:{}", row.id)).or_default().push(node);
        let own = row.guid.as_ref().and_then(|guid| self.guids.get(&guid.to_lowercase())).copied();
        let current = self.current.as_ref().and_then(|guid| self.guids.get(guid)).copied();
        match (row.standing.as_deref(), own) {
            (Some("current"), Some(own)) if self.state_of(own) == State::Unknown => {
                let why =
                    "The file stands under this GUID; whether it is still the right one was not evaluated.";
                self.link(own, node, State::Unknown, why);
            }
            (Some("current"), Some(own)) => {
                self.link(own, node, State::Works, "The file stands under the current GUID.");
            }
            (None, Some(own)) => {
                let why = match self.report.missing_guid() {
                    Some(_) => "No GUID is current: the value is absent.",
                    None => "Which GUID is current is not known.",
                };
                self.link(own, node, State::Unknown, why);
            }
            (Some("other-guid"), Some(own)) => {
                self.link(
                    own,
                    node,
                    State::Idle,
                    "The file stands under this GUID, which is not the current one.",
                );
                if let Some(current) = current
                    .filter(|_| self.is_sought(row) && !self.sought.current_copies.contains(&place(row)))
                {
                    let why = "Windows looks for it under the current GUID, where it does not stand.";
                    let state =
                        if self.level(row) >= Some(Level::Warning) { State::Broken } else { State::Unknown };
                    self.link(current, node, state, why);
                }
            }
            (_, Some(own)) => {
                self.link(
                    own,
                    node,
                    State::Idle,
                    "The file carries this GUID and does not stand where Windows looks.",
                );
            }
            (_, None) => {}
        }
    }

    /// How it stands with a container, and why.
    fn judged(&self, row: &ContainerRow) -> (State, String) {
        let finding = self.worst.get(format!("container:{}", row.id).as_str());
        let title = |level| finding.filter(|it| it.0 == level).map(|(_, title)| (*title).to_owned());
        // What no warning speaks of harms nothing that was examined.
        let is_alarming = finding.is_some_and(|it| it.0 >= Level::Warning);
        let fault = |why: String| match title(Level::Error).or_else(|| title(Level::Warning)) {
            Some(title) => (State::Broken, title),
            None if self.is_sought(row) || !self.tells_needs() => (State::Unknown, why),
            None => (State::Idle, why),
        };
        match row.standing.as_deref() {
            Some("set-aside") => {
                return (State::Idle, "Set aside: Windows does not look for it here.".to_owned());
            }
            Some("other-root") => return (State::Idle, "In the folder of another Windows.".to_owned()),
            Some("other-guid") => return self.judged_elsewhere(row),
            _ => {}
        }
        let protection = row.protection.as_ref();
        let proof = protection.map_or("not-attempted", |it| it.proof.as_str());
        let shut = ["neither-secret", "master-key-missing", "master-key-damaged", "wrong-master-key"];
        if matches!(row.state.as_str(), "empty" | "damaged" | "incomplete") {
            return fault(format!("The file is {}.", row.state));
        }
        if let Some(title) = title(Level::Error) {
            return (State::Broken, title);
        }
        let shut =
            shut.contains(&proof).then(|| format!("Its private key cannot be opened: {}.", words(proof)));
        let misfit = protection.is_some_and(|it| it.verified == Some(false));
        let misfit = misfit.then(|| "Its private key does not fit its public key.".to_owned());
        if let Some(why) = shut.or(misfit) {
            let (state, said) = fault(why.clone());
            return (state, if is_alarming { why } else { said });
        }
        if let Some(title) = title(Level::Warning) {
            return (State::Unknown, title);
        }
        let opened = proof == "opened-with-current-secret";
        if row.state == "complete" && opened && row.standing.is_some() {
            return (State::Works, "Its private key was opened with the machine's secret.".to_owned());
        }
        let why = match proof {
            "opened-with-previous-secret" => "Its private key opens with the previous secret of the machine.",
            _ => "The file is there; whether its private key opens was not tested.",
        };
        (State::Unknown, why.to_owned())
    }

    /// How it stands with a container under a GUID that is not the current one, and why.
    fn judged_elsewhere(&self, row: &ContainerRow) -> (State, String) {
        let subject = format!("container:{}", row.id);
        let is_whole = row.state == "complete";
        let (state, why) = match self.error(&subject) {
            Some(title) => (State::Broken, title),
            None if self.sought.usable_copies.contains(&place(row)) => {
                (State::Idle, "Windows opens the copy under the current GUID; this one is not in use.")
            }
            None if self.sought.current_copies.contains(&place(row)) && is_whole => {
                (State::Idle, "The better copy: it is whole, and Windows does not look under its GUID.")
            }
            None if self.sought.current_copies.contains(&place(row)) => {
                (State::Idle, "Windows looks for the copy under the current GUID.")
            }
            None => match self.worst.get(subject.as_str()) {
                Some((Level::Warning, title)) => (State::Broken, *title),
                _ if !self.tells_needs() => (State::Unknown, UNTOLD),
                Some((_, title)) if self.is_sought(row) => (State::Unknown, *title),
                None if self.is_sought(row) => {
                    (State::Unknown, "Out of reach under another GUID; no finding says that this does harm.")
                }
                _ => (State::Idle, "Under another GUID; nothing that was examined looks for it."),
            },
        };
        (state, why.to_owned())
    }

    /// Containers of GUIDs that are not drawn belong together.
    fn group_of(&self, guid: Option<&String>) -> Option<String> {
        let guid = guid?.to_lowercase();
        Some(if self.hidden_guids.contains(&guid) { "other GUIDs".to_owned() } else { guid })
    }

    /// The node of a container that something looks for and that has no file. Without a prefix only a certificate looks for
    /// it, and its own state is the container's.
    pub(super) fn missing_node(
        &mut self,
        store: &str,
        name: &str,
        prefix: Option<&str>,
        certificate: State,
    ) -> usize {
        let key = (store.to_owned(), name.to_lowercase());
        if let Some(&at) = self.missing.get(&key) {
            return at;
        }
        let subject = prefix.map(|prefix| format!("container:{store}/{prefix}"));
        let found = subject.as_ref().and_then(|subject| self.worst.get(subject.as_str()));
        let (state, detail, why) = match (found, prefix) {
            (Some((level, title)), _) => {
                let state = if *level >= Level::Warning { State::Broken } else { State::Unknown };
                (state, "missing: no file", (*title).to_owned())
            }
            (None, None) => {
                (certificate, "missing: no file", "No file of this container was found.".to_owned())
            }
            (None, Some(_)) => {
                (State::Unknown, "no file in evidence", "Its folder was not examined completely.".to_owned())
            }
        };
        let at = self.node(Node {
            kind: Kind::Missing,
            column: 1,
            subject: format!("{store}/{}", prefix.unwrap_or(name)),
            label: name.to_owned(),
            detail: detail.to_owned(),
            state,
            why: why.clone(),
        });
        self.missing.insert(key, at);
        if let Some(subject) = subject {
            self.subjects.entry(subject).or_default().push(at);
        }
        if let Some(current) = self.current.as_ref().and_then(|guid| self.guids.get(guid)).copied() {
            self.link(current, at, state, why);
        }
        at
    }

    /// How many containers of each GUID and store have no node of their own.
    fn counted(&self, drawn: &[(usize, &ContainerRow)]) -> Counted {
        let guid = |guid: &Option<String>| self.group_of(guid.as_ref());
        let drawn: BTreeSet<usize> = drawn.iter().map(|(at, _)| *at).collect();
        let mut counted = Counted::new();
        for group in &self.report.container_groups {
            let stores = counted.entry(guid(&group.guid)).or_default();
            let count = stores.entry(group.store.clone()).or_default();
            *count = count.saturating_add(group.count);
        }
        for (at, row) in self.report.key_containers.iter().enumerate() {
            let count = counted.entry(guid(&row.guid)).or_default().entry(row.store.clone()).or_default();
            match (drawn.contains(&at), row.in_groups) {
                (true, true) => *count = count.saturating_sub(1),
                (false, false) => *count = count.saturating_add(1),
                _ => {}
            }
        }
        counted
    }

    /// The counted nodes of one GUID.
    fn counted_nodes(&mut self, guid: &Option<String>, counted: &mut Counted) {
        let stores = counted.remove(guid).unwrap_or_default();
        for (store, count) in stores.into_iter().filter(|(_, count)| *count > 0) {
            let noun = if count == 1 { "other container" } else { "other containers" };
            let at = self.node(Node {
                kind: Kind::Counted,
                column: 1,
                subject: format!("{store}/*_{}", guid.as_deref().unwrap_or("?")),
                label: format!("{count} {noun}"),
                detail: format!("counted, {store}"),
                state: if self.tells_needs() { State::Idle } else { State::Unknown },
                why: match self.tells_needs() {
                    true => "Nothing that was examined depends on them.",
                    false => UNTOLD,
                }
                .to_owned(),
            });
            let own = guid.as_ref().and_then(|guid| {
                let hidden = self.hidden_guids.first().filter(|_| guid == "other GUIDs");
                self.guids.get(hidden.unwrap_or(guid)).copied()
            });
            if let Some(own) = own {
                self.link(own, at, State::Idle, "These files carry this GUID.");
            }
        }
    }
}

fn words(state: &str) -> String {
    state.replace('-', " ")
}

/// Where a container belongs, whatever its GUID.
pub(super) fn place(row: &ContainerRow) -> (&str, &str) {
    (&row.store, row.prefix.as_deref().unwrap_or_default())
}
