//! Certificates of the machine's stores, and the sites that use them.

use std::collections::BTreeSet;

use super::http_sys;
use super::interest::Interest;
use super::registry::{Looked, Reader};
use crate::artifact::certificate::{CertificateBody, StoreBlob};
use crate::artifact::config::{ApplicationHost, KEPT_BINDINGS};
use crate::artifact::container::Family;
use crate::artifact::metabase::Metabase;
use crate::machine::facts::{Damage, Facts};
use crate::machine::{
    Certificate, Citation, FileId, KeyLink, Known, Locator, OtherUse, Site, SiteBinding, StorePlace, bound,
};

/// Certificates that are read in all; real machines have a few dozen.
const MOST_CERTIFICATES: usize = 10_000;
/// Services that may have stores of their own.
const MOST_SERVICES: usize = 256;
/// Names of stores that are looked for beside the usual ones.
const MOST_STORES: usize = 64;
/// Characters kept of a key's name that should be a hash.
pub(super) const LONGEST_KEY: usize = 128;
/// The stores in which certificates of servers stand.
const STORES: [&str; 3] = ["MY", "WebHosting", "Remote Desktop"];

/// REG_BINARY.
pub(super) const REG_BINARY: u32 = 3;

/// Fills in what the registry says about TLS. There are several readers where several exports are in evidence.
pub(super) fn read(facts: &mut Facts, software: &[Reader<'_>], system: &[Reader<'_>]) {
    http_sys::read(facts, software, system);
    certificates(facts, software);
}

/// What was found in all sources together, for a list that may be covered in part.
pub(super) struct Sum<T> {
    pub found: Vec<T>,
    /// Where it was looked for and something stands.
    pub read: Option<Citation>,
    /// Where it is provably not.
    pub absent: Vec<Citation>,
    /// Where it could not be read, and why.
    pub broken: Option<(String, Citation)>,
}

impl<T> Sum<T> {
    pub fn new() -> Self {
        Self { found: Vec::new(), read: None, absent: Vec::new(), broken: None }
    }

    /// Notes what one source says of a key with entries: their names where it has the key, and whether it covers it.
    pub fn note(&mut self, looked: Looked<Vec<String>>, citation: Citation) -> (Option<Vec<String>>, bool) {
        match looked {
            Looked::Found(names) => {
                self.read.get_or_insert(citation);
                (Some(names), true)
            }
            Looked::Absent => {
                self.absent.push(citation);
                (None, true)
            }
            Looked::NotCovered => (None, false),
            Looked::Unreadable(why) => {
                self.broken = Some((why, citation));
                (None, false)
            }
        }
    }

    fn is_covered(&self) -> bool {
        self.read.is_some() || !self.absent.is_empty()
    }
}

/// The answer of sources that are silent as a whole.
pub(super) fn silent<T>(readers: &[Reader<'_>]) -> Option<Known<T>> {
    if readers.iter().any(|reader| reader.source.is_some()) {
        return None;
    }
    readers.iter().find_map(Reader::silent)
}

/// A list that was looked for in several places: read, absent, broken, or not in evidence.
pub(super) fn settle<T>(facts: &mut Facts, readers: &[Reader<'_>], sum: Sum<T>) -> Known<Vec<T>> {
    if let Some((why, citation)) = &sum.broken {
        let path = facts.files.get(citation.file.0 as usize).map(|file| file.path.clone());
        let what = format!("the {} cannot be read: {why}", citation.locator);
        let path = path.unwrap_or_default();
        facts.damage.push(Damage { path, what, citation: Some(citation.clone()) });
    }
    let is_covered = sum.is_covered();
    match (sum.read, sum.broken) {
        (Some(citation), _) if !sum.found.is_empty() => Known::read(sum.found, citation),
        (_, Some((why, citation))) => Known::Unreadable { why, citation: Some(citation) },
        (read, None) if is_covered => Known::Absent(sum.absent.into_iter().chain(read).collect()),
        _ => readers.first().map_or_else(
            || Known::NotInEvidence(crate::machine::Need::SoftwareHive),
            |reader| Known::NotInEvidence(reader.need),
        ),
    }
}

pub(super) fn damage(facts: &mut Facts, file: FileId, what: String, locator: Locator) {
    let path = facts.files.get(file.0 as usize).map(|file| file.path.clone()).unwrap_or_default();
    facts.damage.push(Damage { path, what, citation: Some(Citation::new(file, locator)) });
}

pub(super) fn bounded(text: &str) -> String {
    text.chars().take(LONGEST_KEY).collect()
}

fn certificates(facts: &mut Facts, readers: &[Reader<'_>]) {
    if let Some(silent) = silent(readers) {
        facts.tls.certificates = silent;
        return;
    }
    let stores = stores(facts);
    facts.tls.looked_for.clone_from(&stores);
    let mut sum = Sum::new();
    let mut has_store = false;
    let mut left_out = 0;
    let (places, services_covered) = places(readers);
    if !services_covered {
        facts.tls.uncovered.push((StorePlace::Service("*".to_owned()), "*".to_owned()));
    }
    held(facts, readers, &places, &stores);
    for (place, root) in places {
        for store in &stores {
            let mut is_covered = false;
            for reader in readers {
                let parent = format!("{root}\\{store}\\Certificates");
                let citation = Citation::new(reader.file, Locator::Key(parent.as_str().into()));
                let (names, covers) = sum.note(reader.subkeys(&parent), citation);
                is_covered |= covers;
                let Some(names) = names else { continue };
                has_store = true;
                let room = MOST_CERTIFICATES.saturating_sub(sum.found.len());
                if names.len() > room {
                    left_out += names.len() - room;
                    is_covered = false;
                }
                for name in names.iter().take(room) {
                    let found = certificate(facts, reader, &place, store, &parent, name);
                    sum.found.push(found);
                }
            }
            if !is_covered {
                facts.tls.uncovered.push((place.clone(), store.clone()));
            }
        }
    }
    if left_out > 0 {
        facts
            .assumptions
            .push(format!("{left_out} certificates beyond the first {MOST_CERTIFICATES} were not looked at"));
    }
    sum.found.sort_by(|a: &Certificate, b| order(a).cmp(&order(b)));
    sum.found.dedup_by(|a, b| (&a.place, &a.store, &a.thumbprint) == (&b.place, &b.store, &b.thumbprint));
    sum.absent.truncate(2 * STORES.len());
    // A store without a certificate was read all the same.
    facts.tls.certificates = match (&sum.read, &sum.broken) {
        (Some(citation), None) if has_store => Known::read(sum.found, citation.clone()),
        _ => settle(facts, readers, sum),
    };
}

/// Certificates of the other stores that are linked to a key: those of pending requests, and of stores that a product made.
/// The stores of trust have hundreds without one, of which nothing is kept.
fn held(facts: &mut Facts, readers: &[Reader<'_>], places: &[(StorePlace, String)], known: &[String]) {
    let mut left_out = false;
    let mut room = MOST_CERTIFICATES;
    let mut found: Vec<Certificate> = Vec::new();
    for (place, root) in places {
        let mut is_covered = false;
        for reader in readers {
            let names = match reader.subkeys(root) {
                Looked::Found(names) => names,
                Looked::Absent => {
                    is_covered = true;
                    continue;
                }
                Looked::NotCovered => continue,
                Looked::Unreadable(_) => {
                    left_out = true;
                    continue;
                }
            };
            is_covered = true;
            left_out |= names.len() > MOST_STORES;
            let others = names.iter().take(MOST_STORES);
            for store in others.filter(|name| !known.iter().any(|known| known.eq_ignore_ascii_case(name))) {
                let parent = format!("{root}\\{store}\\Certificates");
                let names = match reader.subkeys(&parent) {
                    Looked::Found(names) => names,
                    Looked::Absent => continue,
                    Looked::NotCovered | Looked::Unreadable(_) => {
                        left_out = true;
                        continue;
                    }
                };
                left_out |= names.len() > room;
                for name in names.iter().take(room) {
                    let certificate = linked(reader, place, store, &parent, name);
                    left_out |= certificate.is_err();
                    found.extend(certificate.ok().flatten());
                }
                room = room.saturating_sub(names.len());
            }
        }
        left_out |= !is_covered;
    }
    found.sort_by(|a, b| order(a).cmp(&order(b)));
    found.dedup_by(|a, b| (&a.place, &a.store, &a.thumbprint) == (&b.place, &b.store, &b.thumbprint));
    facts.tls.held = found;
    facts.tls.held_left_out = left_out;
}

/// A certificate with its link; none without a link, an error where that cannot be told.
fn linked(
    reader: &Reader<'_>,
    place: &StorePlace,
    store: &str,
    parent: &str,
    name: &str,
) -> Result<Option<Certificate>, ()> {
    let key = format!("{parent}\\{name}");
    let citation = Citation::new(reader.file, Locator::Value(key.as_str().into(), "Blob".into()));
    let bytes = match reader.source.map(|source| source.value(&key, "Blob")) {
        Some(Looked::Found(raw)) if raw.kind == REG_BINARY => raw.data,
        Some(Looked::Absent) => return Ok(None),
        _ => return Err(()),
    };
    let blob = StoreBlob::parse(&bytes);
    match (blob.link(), blob.trouble.is_some()) {
        (Some(Ok(_)), _) => {}
        (None, false) => return Ok(None),
        (Some(Err(_)), _) | (None, true) => return Err(()),
    }
    let mut found = Certificate {
        place: place.clone(),
        store: bounded(store),
        thumbprint: bounded(name).to_ascii_uppercase(),
        friendly_name: None,
        link: Known::Absent(vec![citation.clone()]),
        body: Known::Absent(vec![citation.clone()]),
        written: reader.written(&key).value().copied(),
        citation: Citation::new(reader.file, Locator::Key(key.as_str().into())),
    };
    // Its body may be a bare request; what counts is the link.
    fill(&mut found, &bytes, &citation, &mut Vec::new());
    Ok(Some(found))
}

fn order(certificate: &Certificate) -> (&StorePlace, &str, &str, &Citation) {
    (&certificate.place, &certificate.store, &certificate.thumbprint, &certificate.citation)
}

/// The usual stores, and those that a binding names.
fn stores(facts: &Facts) -> Vec<String> {
    let mut stores: Vec<String> = STORES.iter().map(|store| (*store).to_owned()).collect();
    let named: BTreeSet<&str> =
        facts.tls.bindings.value().into_iter().flatten().map(|binding| binding.store.as_str()).collect();
    for name in named.into_iter().filter(|name| !name.contains('\\')) {
        if stores.len() < MOST_STORES && !stores.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            stores.push(name.to_owned());
        }
    }
    stores
}

/// Where stores may be, and whether the services that have any are known.
fn places(readers: &[Reader<'_>]) -> (Vec<(StorePlace, String)>, bool) {
    const SERVICES: &str = "Microsoft\\Cryptography\\Services";
    let mut places = vec![
        (StorePlace::Machine, "Microsoft\\SystemCertificates".to_owned()),
        (StorePlace::Policy, "Policies\\Microsoft\\SystemCertificates".to_owned()),
    ];
    let mut is_covered = false;
    let mut services: BTreeSet<String> = BTreeSet::new();
    for reader in readers {
        match reader.subkeys(SERVICES) {
            Looked::Found(names) => {
                is_covered |= names.len() <= MOST_SERVICES;
                services.extend(names.into_iter().take(MOST_SERVICES));
            }
            Looked::Absent => is_covered = true,
            Looked::NotCovered | Looked::Unreadable(_) => {}
        }
    }
    for name in services.into_iter().take(MOST_SERVICES) {
        let root = format!("{SERVICES}\\{name}\\SystemCertificates");
        places.push((StorePlace::Service(name), root));
    }
    (places, is_covered)
}

fn certificate(
    facts: &mut Facts,
    reader: &Reader<'_>,
    place: &StorePlace,
    store: &str,
    parent: &str,
    name: &str,
) -> Certificate {
    let key = format!("{parent}\\{name}");
    let thumbprint = bounded(name).to_ascii_uppercase();
    let blob = Locator::Value(key.as_str().into(), "Blob".into());
    let citation = Citation::new(reader.file, blob.clone());
    let mut found = Certificate {
        place: place.clone(),
        store: store.to_owned(),
        thumbprint,
        friendly_name: None,
        link: Known::Absent(vec![citation.clone()]),
        body: Known::Absent(vec![citation.clone()]),
        written: reader.written(&key).value().copied(),
        citation: Citation::new(reader.file, Locator::Key(key.as_str().into())),
    };
    let value = reader.value(&key, "Blob", |raw| match raw.kind {
        REG_BINARY => Ok(raw.data),
        kind => Err(format!("the value {key}\\Blob has type {kind} instead of REG_BINARY")),
    });
    let mut faults = Vec::new();
    match value {
        Known::Read(cited) => {
            fill(&mut found, &cited.value, &citation, &mut faults);
        }
        Known::Unreadable { why, .. } => {
            faults.push(why.clone());
            found.link = Known::Unreadable { why: why.clone(), citation: Some(citation.clone()) };
            found.body = Known::Unreadable { why, citation: Some(citation.clone()) };
        }
        Known::Absent(_) | Known::NotInEvidence(_) => {}
    }
    for why in faults {
        damage(
            facts,
            reader.file,
            format!("certificate {} of store {store}: {why}", found.thumbprint),
            blob.clone(),
        );
    }
    found
}

/// What the blob of a certificate says.
fn fill(found: &mut Certificate, blob: &[u8], citation: &Citation, faults: &mut Vec<String>) {
    let blob = StoreBlob::parse(blob);
    let unreadable = |why: &str| (why.to_owned(), Some(citation.clone()));
    let trouble = blob.trouble.as_ref().map(ToString::to_string);
    faults.extend(trouble.clone());
    found.friendly_name = blob.friendly_name();
    found.link = match (blob.link(), &trouble) {
        (Some(Ok(link)), _) => Known::<KeyLink>::read(link, citation.clone()),
        (Some(Err(error)), _) => {
            faults.push(error.to_string());
            let (why, citation) = unreadable(&error.to_string());
            Known::Unreadable { why, citation }
        }
        // It may stand behind the place where the blob breaks off.
        (None, Some(why)) => {
            let (why, citation) = unreadable(why);
            Known::Unreadable { why, citation }
        }
        (None, None) => Known::Absent(vec![citation.clone()]),
    };
    let body = match (blob.der(), &trouble) {
        (Some(der), _) => CertificateBody::parse(der).map_err(|error| error.to_string()),
        (None, Some(why)) => Err(why.clone()),
        (None, None) => Err("the blob has no certificate in it".to_owned()),
    };
    found.body = match body {
        Ok(body) => {
            let sha1 = data_encoding::HEXUPPER.encode(&body.sha1);
            if sha1 != found.thumbprint {
                faults.push(format!("the certificate in it has the SHA-1 {sha1}"));
            }
            Known::read(body, citation.clone())
        }
        Err(why) => {
            if trouble.is_none() {
                faults.push(why.clone());
            }
            let (why, citation) = unreadable(&why);
            Known::Unreadable { why, citation }
        }
    };
}

/// Sites of the live configuration.
pub(super) fn sites(facts: &mut Facts, parsed: &ApplicationHost, file: FileId) {
    if parsed.tls_bindings > KEPT_BINDINGS {
        let more = parsed.tls_bindings - KEPT_BINDINGS;
        facts
            .assumptions
            .push(format!("{more} bindings of sites beyond the first {KEPT_BINDINGS} were not looked at"));
    }
    facts.tls.others.extend(parsed.ftp_certificates.iter().map(|(hash, xpath)| OtherUse {
        service: bound::FTP,
        thumbprint: digits(hash),
        citation: Citation::new(file, Locator::XPath(xpath.as_str().into())),
    }));
    let sites = parsed.sites.iter().map(|site| Site {
        name: site.name.clone(),
        id: site.id.as_deref().and_then(|id| id.trim().parse().ok()).unwrap_or_default(),
        auto_start: site.auto_start.unwrap_or(true),
        bindings: site
            .tls
            .iter()
            .map(|binding| SiteBinding {
                protocol: binding.protocol.clone(),
                information: binding.information.clone(),
                ssl_flags: binding.ssl_flags,
                thumbprint: binding.certificate_hash.as_deref().map(digits),
                store: binding.certificate_store.clone(),
                citation: Citation::new(file, Locator::XPath(binding.xpath.as_str().into())),
            })
            .collect(),
    });
    facts.tls.sites = Known::read(sites.collect(), Citation::new(file, Locator::File));
}

/// Sites of the metabase in use, which has them before IIS 7.
pub(super) fn metabase_sites(facts: &mut Facts, parsed: &Metabase, file: FileId) {
    if parsed.sites_left_out > 0 {
        facts.assumptions.push(format!("{} sites of the metabase were not looked at", parsed.sites_left_out));
    }
    let sites = parsed.sites.iter().map(|site| {
        let citation = Citation::new(file, Locator::XPath(site.xpath.as_str().into()));
        let binding = |information: &String| SiteBinding {
            protocol: "https".to_owned(),
            information: information.clone(),
            ssl_flags: 0,
            thumbprint: site.certificate_hash.as_deref().map(digits).filter(|hash| !hash.is_empty()),
            store: site.certificate_store.clone(),
            citation: citation.clone(),
        };
        Site {
            name: site.comment.clone().unwrap_or_else(|| format!("W3SVC/{}", site.id)),
            id: site.id,
            auto_start: site.auto_start.unwrap_or(true),
            bindings: site.secure_bindings.iter().map(binding).collect(),
        }
    });
    facts.tls.sites = Known::read(sites.collect(), Citation::new(file, Locator::File));
}

/// The digits of a hash as written by hand or by a program, in upper case.
fn digits(text: &str) -> String {
    text.chars()
        .filter(char::is_ascii_alphanumeric)
        .take(LONGEST_KEY)
        .collect::<String>()
        .to_ascii_uppercase()
}

/// Whether sites of this machine stand in the metabase.
pub(super) fn is_before_iis7(facts: &Facts) -> Option<bool> {
    if let Some((major, _)) = facts.iis.version.value() {
        return Some(*major < 7);
    }
    facts.os.version.value().map(|version| version.starts_with("5."))
}

/// Follows the containers of certificates; the private keys of those in use are tried.
pub(super) fn follow(facts: &mut Facts, interest: &mut Interest) {
    let tls = &facts.tls;
    let used = tls.bindings.value().into_iter().flatten().filter_map(|binding| binding.thumbprint.as_deref());
    let others = tls.others.iter().map(|other| other.thumbprint.as_str());
    let sites = tls.sites.value().into_iter().flatten().flat_map(|site| &site.bindings);
    let used: BTreeSet<&str> =
        used.chain(others).chain(sites.filter_map(|binding| binding.thumbprint.as_deref())).collect();
    for certificate in tls.certificates.value().into_iter().flatten().chain(&tls.held) {
        if let Some(link) = certificate.link.value() {
            // The CNG provider also opens containers of CryptoAPI, and a container may have moved to CNG.
            for family in [Family::Capi, Family::Cng] {
                if used.contains(certificate.thumbprint.as_str()) {
                    interest.add(family, &link.container);
                } else {
                    interest.follow(family, &link.container);
                }
            }
        }
        if let Some(modulus) = certificate.body.value().and_then(|body| body.modulus_sha256) {
            interest.add_modulus(modulus);
        }
    }
}
