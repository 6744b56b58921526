//! The third and the fourth column: what opens containers, and what is served with it.

use std::collections::BTreeSet;

use super::{Draft, Kind, Node, State};
use crate::report::{BindingRow, CertificateRow, ProviderRow};

/// The service on which the other services of IIS 5 and 6 depend.
const IIS_ADMIN: &str = "IISADMIN";

impl<'r> Draft<'r> {
    /// Container nodes of that name: the copies that Windows finds, else those under other GUIDs, else the one without a
    /// file.
    fn copies(&self, store: Option<&str>, name: &str) -> Vec<usize> {
        let rows = &self.report.key_containers;
        let in_store = |own: &str| store.is_none_or(|store| store == own);
        let name = name.to_lowercase();
        let needs = self.needs.get(&name).into_iter().flatten().filter(|need| in_store(&need.store));
        let by_place =
            needs.filter_map(|need| self.by_place.get(&(need.store.as_str(), need.prefix.as_str())));
        let known: BTreeSet<usize> =
            self.by_name.get(&name).into_iter().chain(by_place).flatten().copied().collect();
        let of = |wanted: &[Option<&str>]| -> Vec<usize> {
            let known = known.iter().filter_map(|&at| Some((at, rows.get(at)?)));
            known
                .filter(|(_, row)| wanted.contains(&row.standing.as_deref()) && in_store(&row.store))
                .filter_map(|(at, _)| self.rows.get(&at).copied())
                .collect()
        };
        let mut found = of(&[Some("current"), None]);
        if found.is_empty() {
            found = of(&[Some("other-guid")]);
        }
        if found.is_empty() {
            let stores = store.map_or_else(|| vec!["rsa-machine", "cng-machine"], |store| vec![store]);
            let missing =
                stores.into_iter().filter_map(|own| self.missing.get(&(own.to_owned(), name.clone())));
            found = missing.copied().collect();
        }
        found
    }

    pub(super) fn providers(&mut self) {
        for provider in self.report.config.iter().flat_map(|config| &config.providers) {
            self.provider(provider);
        }
    }

    fn provider(&mut self, provider: &'r ProviderRow) {
        let store = match provider.kind.as_str() {
            "rsa" | "aes" => Some("rsa-machine"),
            "cng" => Some("cng-machine"),
            _ => None,
        };
        let copies = self.copies(store, &provider.key_container);
        let subject = format!("provider:{}", provider.name);
        let (own, why) = match (fit(provider), self.alarm(&subject)) {
            // A session key that fits nothing harms only where something is encrypted with it.
            ((State::Broken, _), None) if provider.values == 0 => {
                (State::Idle, "Its session key does not fit its container, and nothing is encrypted with it.")
            }
            ((State::Broken, why), None) => (State::Unknown, why),
            (fit, _) => fit,
        };
        let judged = |container: State| match (own, container) {
            (State::Idle, _) => State::Idle,
            (_, State::Broken) | (State::Broken, _) => State::Broken,
            (State::Works, State::Works) => State::Works,
            _ => State::Unknown,
        };
        let links: Vec<(usize, State)> = copies.iter().map(|&at| (at, judged(self.state_of(at)))).collect();
        let error = self.error(&subject);
        let state = match links.iter().map(|(_, state)| *state).min() {
            _ if error.is_some() => State::Broken,
            Some(state) => state,
            None if own == State::Idle => State::Idle,
            None => State::Unknown,
        };
        let why = match state {
            State::Broken if own != State::Broken => "The container that it needs is broken.",
            State::Unknown if own == State::Works => {
                "The container opens its session key and was not tested itself."
            }
            _ => why,
        };
        let values = match provider.values {
            0 => "no values".to_owned(),
            1 => "1 encrypted value".to_owned(),
            count => format!("{count} encrypted values"),
        };
        let node = self.node(Node {
            kind: Kind::Provider,
            column: 2,
            subject: provider.name.clone(),
            label: provider.name.clone(),
            detail: values,
            state,
            why: error.unwrap_or(why).to_owned(),
        });
        self.subjects.entry(subject).or_default().push(node);
        for (at, state) in links {
            let why = if self.state_of(at) == State::Broken { "The container is out of reach." } else { why };
            self.link(at, node, state, why);
        }
        for user in &provider.users {
            let at = self.user(user, 3, state);
            self.link(node, at, state, "Its settings hold values of this provider.");
        }
    }

    /// A user of a container by name; of several ways to it the worst decides its state.
    fn user(&mut self, name: &'r str, column: usize, state: State) -> usize {
        if let Some(&at) = self.users.get(name) {
            if let Some(node) = self.chain.nodes.get_mut(at) {
                node.state = node.state.min(state);
            }
            return at;
        }
        let (label, detail) = match name.split_once(' ') {
            Some(("site", rest)) => (rest, "site"),
            _ => match name.strip_prefix("application pool ") {
                Some(rest) => (rest, "application pool"),
                None if column == 3 => (name, "service, needs IISADMIN"),
                None if name.contains(' ') => (name, "opens it"),
                None => (name, "service, opens it at start"),
            },
        };
        let at = self.node(Node {
            kind: if column == 2 { Kind::Service } else { Kind::User },
            column,
            subject: name.to_owned(),
            label: label.to_owned(),
            detail: detail.to_owned(),
            state,
            // Said when its state is settled.
            why: String::new(),
        });
        self.names.entry(super::faults::plain(name).to_owned()).or_default().push(at);
        self.users.insert(name, at);
        at
    }

    pub(super) fn certificates(&mut self) {
        for row in self.drawn_certificates() {
            self.certificate(row);
        }
    }

    fn certificate(&mut self, row: &'r CertificateRow) {
        let subjects = [format!("certificate:{}", row.id), format!("certificate:{}", row.thumbprint)];
        let error = subjects.iter().find_map(|subject| self.error(subject));
        let alarm = subjects.iter().find_map(|subject| self.alarm(subject));
        let own = match row.state.as_str() {
            _ if error.is_some() => State::Broken,
            "ok" => State::Works,
            "no-link" if row.used_by.is_empty() => State::Idle,
            "key-missing" | "key-orphaned" | "key-mismatch" | "key-unusable" | "key-unlinked" | "no-link"
                if alarm.is_none() =>
            {
                if row.used_by.is_empty() {
                    State::Idle
                } else {
                    State::Unknown
                }
            }
            "key-missing" | "key-orphaned" | "key-mismatch" | "key-unusable" | "key-unlinked" | "no-link" => {
                State::Broken
            }
            _ => State::Unknown,
        };
        let rows = &self.report.key_containers;
        let of = |ids: &[String], standing: Option<&str>| -> Vec<usize> {
            let at = ids.iter().filter_map(|id| self.by_id.get(id.as_str())).flatten();
            at.filter(|&&at| {
                standing.is_none() || rows.get(at).is_some_and(|it| it.standing.as_deref() == standing)
            })
            .filter_map(|at| self.rows.get(at).copied())
            .collect()
        };
        let mut copies = of(&row.by_name, Some("current"));
        if copies.is_empty() {
            copies = of(&row.by_name, None);
        }
        if copies.is_empty() && row.state == "key-unlinked" {
            copies = of(&row.by_key, None);
        }
        if let Some(link) = row.link.as_ref().filter(|_| copies.is_empty() && row.state == "key-missing") {
            let store = if link.provider_type == 0 { "cng-machine" } else { "rsa-machine" };
            copies = self.copies(Some(store), &link.container);
            if copies.is_empty() {
                copies.push(self.missing_node(store, &link.container, None, own));
            }
        }
        let out_of_reach = copies.iter().any(|&at| self.state_of(at) == State::Broken);
        let tested = copies.iter().all(|&at| self.state_of(at) == State::Works);
        let state = match own {
            // The public halves fit, which does not say that the private one opens.
            State::Works if out_of_reach => State::Broken,
            State::Works if !tested => State::Unknown,
            own => own,
        };
        let said = match row.state.as_str() {
            "ok" if state == State::Unknown => {
                "Its key is in the container, which was not opened.".to_owned()
            }
            "ok" if state == State::Broken => "Its key is in a container that is broken.".to_owned(),
            "ok" => "Its key is in the container.".to_owned(),
            other => format!("Its key: {}.", words(other)),
        };
        let name = row.friendly_name.as_ref().or(row.subject.as_ref()).unwrap_or(&row.thumbprint);
        let node = self.node(Node {
            kind: Kind::Certificate,
            column: 2,
            subject: row.id.clone(),
            label: name.clone(),
            detail: if row.state == "ok" { "key fits".to_owned() } else { words(&row.state) },
            state,
            why: error.map_or_else(|| said.clone(), str::to_owned),
        });
        self.certificates.insert(&row.id, node);
        for subject in subjects {
            self.subjects.entry(subject).or_default().push(node);
        }
        for at in copies {
            self.link(at, node, state, said.clone());
        }
    }

    /// Direct users of containers that are neither in the configuration nor at a certificate.
    pub(super) fn services(&mut self) {
        let report = self.report;
        let mut covered: BTreeSet<&str> =
            report.certificates.iter().flat_map(|row| &row.used_by).map(String::as_str).collect();
        let providers = report.config.iter().flat_map(|config| &config.providers);
        covered.extend(providers.flat_map(|provider| &provider.users).map(String::as_str));
        for need in &report.needed {
            let copies = self.copies(Some(&need.store), &need.name);
            let worst = copies.iter().map(|&at| self.state_of(at)).min().unwrap_or(State::Unknown);
            let state = if worst == State::Idle { State::Unknown } else { worst };
            let direct = need.users.iter().any(|user| user == IIS_ADMIN);
            for user in need.users.iter().filter(|user| !covered.contains(user.as_str())) {
                let hangs_on_admin = direct && user != IIS_ADMIN;
                // Sites and pools depend on what opens containers, even where that is not known.
                let is_served = user.starts_with("site ") || user.starts_with("application pool ");
                let at = self.user(user, if hangs_on_admin || is_served { 3 } else { 2 }, state);
                if hangs_on_admin {
                    let admin = self.user(IIS_ADMIN, 2, state);
                    let state = self.state_of(admin);
                    self.link(admin, at, state, "It starts only after IISADMIN.");
                    continue;
                }
                for &copy in &copies {
                    let state = self.state_of(copy);
                    let why = need.reasons.first().map_or("It opens the container.", String::as_str);
                    self.link(copy, at, if state == State::Idle { State::Unknown } else { state }, why);
                }
            }
        }
    }

    pub(super) fn bindings(&mut self) {
        for (number, row) in self.report.bindings.iter().enumerate() {
            self.binding(number, row);
        }
    }

    fn binding(&mut self, number: usize, row: &'r BindingRow) {
        let certificate = row.certificate.as_deref().and_then(|id| self.certificates.get(id)).copied();
        let endpoint = row.endpoint.trim_end_matches(':');
        let mut subjects: Vec<String> = row.http_sys.iter().map(|entry| format!("binding:{entry}")).collect();
        subjects.push(format!("binding:{}/{}", row.endpoint, row.thumbprint.as_deref().unwrap_or_default()));
        if matches!(row.state.as_str(), "not-bound" | "no-certificate") {
            subjects.push("binding:without-entry".to_owned());
        }
        let alarm = subjects.iter().find_map(|subject| self.alarm(subject));
        let state = match (row.state.as_str(), certificate.map(|at| self.state_of(at))) {
            _ if alarm.is_some() => State::Broken,
            // Whatever is wrong with the certificate is wrong for the binding.
            (_, Some(State::Broken)) => State::Broken,
            ("ok", Some(state)) => state,
            _ => State::Unknown,
        };
        let who = row.site.clone().unwrap_or_else(|| row.owner.clone());
        let said = if row.state == "ok" { state.word().to_owned() } else { words(&row.state) };
        let name = match &row.site {
            Some(site) => format!("HTTPS of site {site} ({endpoint})"),
            None => format!("the HTTPS binding {endpoint}"),
        };
        let node = self.node(Node {
            kind: Kind::Binding,
            column: 3,
            subject: format!("binding:{number}"),
            label: who,
            detail: format!("HTTPS {endpoint}"),
            state,
            why: alarm.map_or_else(|| format!("Its certificate's key: {said}."), str::to_owned),
        });
        for subject in subjects {
            self.subjects.entry(subject).or_default().push(node);
        }
        self.names.entry(name).or_default().push(node);
        if let Some(at) = certificate {
            self.link(at, node, state, "The binding uses this certificate.");
        }
    }
}

/// How a provider's session key and its container fit.
fn fit(provider: &ProviderRow) -> (State, &'static str) {
    match provider.session_key.as_deref() {
        Some("opens") => (State::Works, "The container opens its session key."),
        Some("does-not-open") => (State::Broken, "The container does not open its session key."),
        Some("other-size") => (State::Broken, "The session key was made for a key of another size."),
        Some(_) => (State::Unknown, "Whether the container opens its session key was not tested."),
        None if provider.values > 0 => (State::Unknown, "Whether its values can be opened was not tested."),
        None => (State::Idle, "No session key and no values: nothing is encrypted with it."),
    }
}

fn words(state: &str) -> String {
    state.replace('-', " ")
}
