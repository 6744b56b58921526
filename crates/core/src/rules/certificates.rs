//! What the rules about certificates share: how a binding weighs, how a certificate is named and cited, which evidence is
//! lacking, and the ways back in their order.

use super::support;
use super::{Cite, Confidence, Finding, Judgement, Remedy, Severity};
use crate::artifact::container::Prefix;
use crate::machine::{
    Certificate, CertificateView, Citation, Content, Generation, KeyLink, Link, Locator, Machine, Need,
    Stake, Standing, Store, StorePlace,
};

/// Containers, bindings and certificates of one finding that are shown.
pub(super) const SHOWN: usize = 20;

/// A certificate with its joins.
#[derive(Clone, Copy)]
pub(super) struct Seen<'m> {
    pub index: usize,
    pub certificate: &'m Certificate,
    pub view: &'m CertificateView,
}

/// Every certificate of the machine's stores.
pub(super) fn all<'m>(machine: &'m Machine<'_>) -> impl Iterator<Item = Seen<'m>> {
    let certificates = machine.facts.tls.certificates.value().map(Vec::as_slice).unwrap_or_default();
    certificates.iter().zip(&machine.tls.certificates).enumerate().map(|(index, (certificate, view))| Seen {
        index,
        certificate,
        view,
    })
}

/// Begins a rule about certificates: `Err` when there is nothing to look at, or nothing in evidence.
pub(super) fn begin(machine: &Machine<'_>, examined: &str) -> Result<Judgement, Judgement> {
    let tls = &machine.facts.tls;
    let mut judgement = Judgement::examined(examined);
    if let Some((why, need)) = tls.certificates.gap() {
        judgement.gap(format!("the certificate stores: {why}"), need);
        return Err(judgement);
    }
    for seen in all(machine).filter(|seen| seen.view.link == Link::Unknown) {
        let name = &seen.certificate.thumbprint;
        judgement.gap(format!("the link of certificate {name} cannot be read"), Need::UndamagedCopy);
    }
    // The second store came with IIS 8, and counts where something is bound to it.
    let bound =
        |name: &str| machine.tls.bindings.iter().any(|binding| binding.store.as_deref() == Some(name));
    let stores = ["MY", "WebHosting"].into_iter().filter(|store| *store == "MY" || bound(store));
    for store in stores.filter(|store| !tls.covers(&StorePlace::Machine, store)) {
        judgement
            .gap(format!("a part of the certificate store {store} is not in evidence"), Need::SoftwareHive);
    }
    // Which of the certificates matter is what these rules are about.
    if !machine.tls.bindings_known {
        let (why, need) = machine.bindings_gap();
        judgement.gap(why, need);
    }
    if tls.certificates.value().is_none_or(Vec::is_empty) && machine.tls.bindings.is_empty() {
        return Err(if machine.tls.bindings_known {
            Judgement::not_applicable("no certificate stands in a machine store and nothing is bound to one")
        } else {
            judgement
        });
    }
    Ok(judgement)
}

/// The certificates that may be bound although nothing in evidence says so, and that are linked to that container.
pub(super) fn perhaps_bound<'m>(
    machine: &'m Machine<'_>,
    store: Store,
    prefix: Prefix,
) -> impl Iterator<Item = Seen<'m>> {
    let is_open = !machine.tls.bindings_known;
    let own = move |seen: &Seen<'_>| is_open && !matches!(seen.certificate.place, StorePlace::Service(_));
    all(machine).filter(own).filter(move |seen| seen.view.places.contains(&(store, prefix)))
}

/// Notes that it is not known whether a container is needed that only certificates name; whether that had to be noted.
pub(super) fn require_bindings(
    machine: &Machine<'_>,
    store: Store,
    prefix: Prefix,
    judgement: &mut Judgement,
) -> bool {
    let is_open =
        machine.need_of(store, prefix).is_none() && perhaps_bound(machine, store, prefix).next().is_some();
    if is_open {
        let (why, need) = machine.bindings_gap();
        judgement.gap(
            format!("{why}, and a container that Windows does not find may be needed for one of them"),
            need,
        );
    }
    is_open
}

/// Notes the key folders that must be seen to follow a link. Whether all of them are there.
pub(super) fn require_folders(machine: &Machine<'_>, seen: &Seen<'_>, judgement: &mut Judgement) -> bool {
    let mut all = true;
    if machine.facts.os.image_layer {
        all = false;
        judgement.gap("a layer of a container image holds only what it changes", Need::WholeVolume);
    }
    for (store, _) in &seen.view.places {
        if !machine.has_store(*store) {
            all = false;
            // What nothing uses is worth no question.
            if !is_used(seen) {
                continue;
            }
            judgement.gap(
                format!("the folder of the store {} is not in evidence", store.id()),
                support::need_for(*store),
            );
        }
    }
    if seen.view.places.is_empty() && seen.view.link == Link::Machine {
        all = false;
        let name = &seen.certificate.thumbprint;
        judgement.gap(
            format!(
                "the container of certificate {name} has a name whose file cannot be told with certainty"
            ),
            Need::KeyFileContents,
        );
    }
    all
}

/// Error if a site in service hangs on it, warning if one out of service does, else note.
pub(super) fn severity(machine: &Machine<'_>, seen: &Seen<'_>) -> Severity {
    match machine.tls.stake(seen.index) {
        Stake::Live => Severity::Error,
        Stake::Idle => Severity::Warning,
        Stake::None => Severity::Note,
    }
}

/// Warning if it is bound, else note.
pub(super) fn warning_if_bound(machine: &Machine<'_>, seen: &Seen<'_>) -> Severity {
    severity(machine, seen).min(Severity::Warning)
}

/// Whether anything at all uses it.
pub(super) fn is_used(seen: &Seen<'_>) -> bool {
    !seen.view.used_by.is_empty()
}

/// `certificate:THUMBPRINT`; with the store in front where the certificate stands in several.
pub(super) fn subject(machine: &Machine<'_>, seen: &Seen<'_>) -> String {
    let Certificate { thumbprint, store, place, .. } = seen.certificate;
    let certificates = machine.facts.tls.certificates.value().map(Vec::as_slice).unwrap_or_default();
    let first = certificates.iter().position(|other| other.thumbprint == *thumbprint);
    if first == Some(seen.index) {
        return format!("certificate:{thumbprint}");
    }
    match place {
        StorePlace::Machine => format!("certificate:{store}/{thumbprint}"),
        StorePlace::Policy => format!("certificate:policy:{store}/{thumbprint}"),
        StorePlace::Service(name) => format!("certificate:service:{name}:{store}/{thumbprint}"),
    }
}

/// Its name for a sentence.
pub(super) fn name(certificate: &Certificate) -> String {
    match certificate.body.value() {
        Some(body) if !body.subject.is_empty() => format!("{} ({})", body.subject, certificate.thumbprint),
        _ => certificate.thumbprint.clone(),
    }
}

/// The certificate as a citation, with what ties it to its key.
pub(super) fn cite(certificate: &Certificate) -> Cite {
    let mut observed = format!("{} in store {}", certificate.thumbprint, certificate.store);
    if let Some(body) = certificate.body.value() {
        observed.push_str(&format!(", valid until {}", body.not_after.day()));
    }
    match certificate.link.value() {
        Some(link) => {
            observed.push_str(&format!(", linked to container {} of {}", link.container, provider(link)))
        }
        None => observed.push_str(", without a link to a key"),
    }
    Cite { citation: certificate.citation.clone(), observed }
}

/// The provider's name, or what its absence means.
fn provider(link: &KeyLink) -> String {
    if link.provider.is_empty() {
        format!("the default provider of type {}", link.provider_type)
    } else {
        link.provider.clone()
    }
}

/// The bindings that use a certificate, as citations.
pub(super) fn cite_users(machine: &Machine<'_>, seen: &Seen<'_>) -> Vec<Cite> {
    let used = seen.view.used_by.iter().take(SHOWN).filter_map(|&at| machine.tls.bindings.get(at));
    used.map(|binding| Cite { citation: binding.citation.clone(), observed: machine.binding_name(binding) })
        .collect()
}

/// What does not work without it: the users of IIS in service.
pub(super) fn affects(machine: &Machine<'_>, seen: &Seen<'_>) -> Vec<String> {
    users(machine, seen, Stake::Live)
}

/// The users of a certificate on which at least that much hangs.
fn users(machine: &Machine<'_>, seen: &Seen<'_>, at_least: Stake) -> Vec<String> {
    let used = seen.view.used_by.iter().filter_map(|&at| machine.tls.bindings.get(at));
    let staked = used.filter(|binding| binding.stake >= at_least);
    let mut names: Vec<String> = staked.map(|binding| machine.binding_name(binding)).collect();
    names.sort();
    names.dedup();
    names
}

/// One or two sentences: what uses it, and why that weighs less than it could.
pub(super) fn use_sentence(machine: &Machine<'_>, seen: &Seen<'_>) -> String {
    let used: Vec<_> = seen.view.used_by.iter().filter_map(|&at| machine.tls.bindings.get(at)).collect();
    if used.is_empty() {
        return if machine.tls.bindings_known {
            "No binding of HTTP.sys and no web site uses it: leftovers of certificate clients are common and do no harm.".to_owned()
        } else {
            "Whether something is bound to it is not in evidence.".to_owned()
        };
    }
    let mut names: Vec<String> = used.iter().map(|binding| machine.binding_name(binding)).collect();
    names.sort();
    names.dedup();
    let mut text = format!("It is used by {}.", support::join(&names, 8));
    let stake = machine.tls.stake(seen.index);
    if let Some(why) =
        used.iter().filter(|binding| binding.stake == stake).find_map(|binding| binding.lowered)
    {
        text.push_str(&format!(" This is no error only because {why}."));
    } else if stake == Stake::None {
        text.push_str(" No site of IIS depends on it.");
    }
    text
}

/// The current copy of the container that a certificate is linked to.
pub(super) fn current(machine: &Machine<'_>, seen: &Seen<'_>) -> Option<usize> {
    let mut named = seen.view.by_name.iter().copied();
    named.find(|&index| machine.standing(index) == Some(Standing::Current))
}

/// Whether a container holds the certificate's key; `None` where that cannot be compared.
pub(super) fn holds_key(machine: &Machine<'_>, seen: &Seen<'_>, index: usize) -> Option<bool> {
    let wanted = seen.certificate.body.value()?.modulus_sha256?;
    let Content::Read(inside) = &machine.container(index).content else { return None };
    if inside.hardware || !inside.damage.is_empty() {
        return None;
    }
    let spec = seen.certificate.link.value().map_or(0, |link| link.key_spec);
    let fits = |signature: bool| match spec {
        1 => !signature,
        2 => signature,
        _ => true,
    };
    let pairs: Vec<_> = inside.pairs.iter().filter(|pair| fits(pair.signature)).collect();
    if pairs.iter().any(|pair| pair.modulus_sha256 == Some(wanted)) {
        return Some(true);
    }
    // A pair without a modulus is of another algorithm, or was put there by a plan.
    if pairs.iter().any(|pair| pair.modulus_sha256.is_none()) { None } else { Some(false) }
}

/// The containers that hold the certificate's key and that Windows could open, the first ones.
pub(super) fn sound_by_key(machine: &Machine<'_>, seen: &Seen<'_>) -> Vec<usize> {
    sound(machine, seen).take(SHOWN).collect()
}

fn sound<'m>(machine: &'m Machine<'_>, seen: &Seen<'m>) -> impl Iterator<Item = usize> + 'm {
    let holding = seen.view.by_key.iter().copied();
    holding.filter(|&index| machine.condition(index).is_usable() && !support::is_dead(machine, index))
}

/// Those of them in the machine's own stores, to which a certificate can be linked.
pub(super) fn machine_keys(machine: &Machine<'_>, seen: &Seen<'_>) -> Vec<usize> {
    let is_machine =
        |index: &usize| matches!(machine.folder_of(*index).store, Store::RsaMachine | Store::CngMachine);
    sound(machine, seen).filter(is_machine).take(SHOWN).collect()
}

/// Whether a container holds the key of a certificate that is linked to it and in use.
pub(super) fn holds_a_key_in_use(machine: &Machine<'_>, index: usize) -> bool {
    let place = (machine.folder_of(index).store, machine.container(index).prefix);
    let (store, Some(prefix)) = place else { return false };
    let is_linked = |seen: &Seen<'_>| is_used(seen) && seen.view.places.contains(&(store, prefix));
    all(machine).filter(is_linked).take(SHOWN).any(|seen| holds_key(machine, &seen, index) == Some(true))
}

/// The ways back to a key that is on the machine under another name, GUID or suffix, the surest first; then the way from
/// outside.
pub(super) fn remedies(machine: &Machine<'_>, seen: &Seen<'_>) -> Vec<Remedy> {
    let mut remedies = Vec::new();
    for index in sound_by_key(machine, seen) {
        let (container, store) = (machine.container(index), machine.folder_of(index).store);
        let Some(prefix) = container.prefix else { continue };
        let is_linked = seen.view.places.contains(&(store, prefix));
        let is_machine = matches!(store, Store::RsaMachine | Store::CngMachine);
        // In the slot that the link asks for, it would be no trouble.
        let fits = is_linked && holds_key(machine, seen, index) == Some(true);
        match machine.standing(index) {
            Some(Standing::OtherGuid) if is_machine => {
                if let Some(from) = container.guid {
                    remedies.push(Remedy::AdoptContainer { store, prefix, from });
                }
            }
            Some(Standing::SetAside) if is_linked => remedies.push(Remedy::PutBack { copy: index }),
            Some(Standing::Current) if is_machine && !fits => {
                remedies.push(Remedy::LinkCertificate { certificate: seen.index, container: index });
            }
            _ => {}
        }
    }
    remedies.push(Remedy::ImportCertificate { certificate: seen.index });
    remedies
}

/// The ways back to keys of certificates that are linked to a container, where they are on the machine.
pub(super) fn elsewhere(machine: &Machine<'_>, store: Store, prefix: Prefix) -> Vec<Remedy> {
    let linked = all(machine).filter(|seen| seen.view.places.contains(&(store, prefix)));
    let found = linked.take(SHOWN).flat_map(|seen| remedies(machine, &seen));
    found.filter(|remedy| !matches!(remedy, Remedy::ImportCertificate { .. })).collect()
}

/// What uses a certificate whose key Windows provably does not find, or that is another one; one phrase each.
pub(super) fn dead_sites(machine: &Machine<'_>) -> Vec<String> {
    let is_dead = |seen: &Seen<'_>| match (&seen.view.link, current(machine, seen)) {
        (Link::Machine, Some(index)) => holds_key(machine, seen, index) == Some(false),
        (Link::Machine, None) => {
            let looked = seen.view.places.iter().all(|(store, _)| machine.has_store(*store));
            machine.guid.is_some() && looked && !seen.view.places.is_empty() && !machine.facts.os.image_layer
        }
        (Link::None, _) => true,
        _ => false,
    };
    let dead = all(machine).filter(|seen| machine.tls.stake(seen.index) > Stake::None && is_dead(seen));
    let mut names: Vec<String> = dead
        .flat_map(|seen| {
            let thumbprint = &seen.certificate.thumbprint;
            let names = users(machine, &seen, Stake::Idle).into_iter();
            names.map(move |name| format!("{name}, certificate {thumbprint}"))
        })
        .collect();
    names.sort();
    names
}

/// Whether both folders in which keys of the machine stand are in evidence.
pub(super) fn key_folders_are_there(machine: &Machine<'_>) -> bool {
    let has_cng = machine.has_store(Store::CngMachine);
    let is_old = machine.generation.is_some_and(|generation| generation <= Generation::Nt51);
    machine.has_store(Store::RsaMachine) && (has_cng || is_old)
}

/// What one rule says of one certificate.
pub(super) struct Told<'a> {
    pub rule: &'static str,
    pub severity: Severity,
    pub confidence: Confidence,
    pub title: String,
    pub explanation: String,
    /// The containers that it rests on.
    pub containers: &'a [usize],
}

impl Told<'_> {
    /// The finding, with what all of them have in common: evidence, use and the ways back.
    pub fn finding(self, machine: &Machine<'_>, seen: &Seen<'_>) -> Finding {
        let mut evidence = vec![cite(seen.certificate)];
        evidence.extend(cite_users(machine, seen));
        evidence
            .extend(self.containers.iter().take(SHOWN).filter_map(|&index| support::cite(machine, index)));
        evidence.dedup();
        let affects = if self.severity == Severity::Error { affects(machine, seen) } else { Vec::new() };
        Finding {
            rule: self.rule,
            subject: subject(machine, seen),
            severity: self.severity,
            confidence: self.confidence,
            title: self.title,
            explanation: format!("{} {}", self.explanation, use_sentence(machine, seen)),
            evidence,
            remedies: remedies(machine, seen),
            affects,
        }
    }
}

/// Tells of the certificates that nothing is known to use, one finding for each store.
pub(super) fn tell_unused(
    machine: &Machine<'_>,
    judgement: &mut Judgement,
    rule: &'static str,
    what: &str,
    seen: &[Seen<'_>],
) {
    judgement.findings.extend(note_on_unused(machine, rule, what, seen));
}

/// One finding for all certificates of a store that nothing uses.
fn note_on_unused(machine: &Machine<'_>, rule: &'static str, what: &str, seen: &[Seen<'_>]) -> Vec<Finding> {
    let mut stores: Vec<&str> = seen.iter().map(|seen| seen.certificate.store.as_str()).collect();
    stores.sort_unstable();
    stores.dedup();
    stores
        .into_iter()
        .map(|store| {
            let those: Vec<&Seen<'_>> = seen.iter().filter(|seen| seen.certificate.store == store).collect();
            let number = those.len() as u64;
            let mut evidence: Vec<Cite> = those.iter().take(SHOWN).map(|seen| cite(seen.certificate)).collect();
            evidence.sort();
            let known = machine.tls.bindings_known;
            Finding {
                rule,
                subject: format!("certificates:{store}"),
                severity: Severity::Note,
                confidence: Confidence::Strong,
                title: format!("{} of store {store} that nothing is known to use: {what}", support::count(number, "certificate")),
                explanation: if known {
                    "No binding of HTTP.sys and no web site uses them. Leftovers of renewed certificates and of certificate \
                     clients look like this and do no harm; whether SMTP or another service was given one is not looked at."
                } else {
                    "Which certificates are bound is not in evidence, so what hangs on them is not known."
                }
                .to_owned(),
                evidence,
                remedies: vec![Remedy::Advice("Leave them as they are unless a product is known to use them.".to_owned())],
                affects: Vec::new(),
            }
        })
        .collect()
}

/// Where the absence of something in a store would be seen.
pub(super) fn cite_store(machine: &Machine<'_>, store: Store) -> Option<Cite> {
    let folder = machine.facts.folders.iter().find(|folder| folder.store == store)?;
    Some(Cite {
        citation: Citation::new(folder.file, Locator::File),
        observed: format!("{} in {}", support::count(folder.count, "container"), folder.windows_path),
    })
}
