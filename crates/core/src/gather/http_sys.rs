//! Bindings of HTTP.sys, and what else has a certificate chosen for it.

use super::certificates::{LONGEST_KEY, REG_BINARY, Sum, bounded, damage, settle, silent};
use super::registry::{self, Looked, Raw, Reader};
use crate::artifact::container::Guid;
use crate::artifact::hive;
use crate::artifact::http_sys::Endpoint;
use crate::machine::facts::Facts;
use crate::machine::{Citation, HttpBinding, Locator, OtherUse};

/// Bindings of HTTP.sys that are read; hosters have some thousands.
const MOST_BINDINGS: usize = 20_000;
/// Listeners of remote desktop.
const MOST_LISTENERS: usize = 64;
/// The three tables of HTTP.sys.
const TABLES: [&str; 3] = ["SslBindingInfo", "SslSniBindingInfo", "SslCcsBindingInfo"];

/// REG_SZ.
const REG_SZ: u32 = 1;

/// Fills in what has a certificate chosen for it.
pub(super) fn read(facts: &mut Facts, software: &[Reader<'_>], system: &[Reader<'_>]) {
    bindings(facts, system);
    for reader in system {
        remote_desktop(facts, reader);
    }
    for reader in software {
        management(facts, reader);
    }
    let mut others = std::mem::take(&mut facts.tls.others);
    others.sort_by(|a, b| {
        (a.service, &a.thumbprint, &a.citation).cmp(&(b.service, &b.thumbprint, &b.citation))
    });
    others.dedup_by(|a, b| (a.service, &a.thumbprint) == (b.service, &b.thumbprint));
    facts.tls.others = others;
}

fn bindings(facts: &mut Facts, readers: &[Reader<'_>]) {
    if let Some(silent) = silent(readers) {
        facts.tls.bindings = silent;
        return;
    }
    let mut sum = Sum::new();
    let mut left_out = 0_u64;
    for table in TABLES {
        let mut is_covered = false;
        for reader in readers {
            let key = parameters(reader, table);
            let citation = Citation::new(reader.file, Locator::Key(key.as_str().into()));
            let (names, covers) = sum.note(reader.subkeys(&key), citation);
            is_covered |= covers;
            let Some(names) = names else { continue };
            let room = MOST_BINDINGS.saturating_sub(sum.found.len());
            left_out += names.len().saturating_sub(room) as u64;
            for name in names.iter().take(room) {
                let binding = binding(facts, reader, table, &key, name);
                sum.found.push(binding);
            }
        }
        if !is_covered {
            facts.tls.uncovered_tables.push(table);
        }
    }
    if left_out > 0 {
        facts.assumptions.push(format!(
            "{left_out} bindings of HTTP.sys beyond the first {MOST_BINDINGS} were not looked at"
        ));
        facts.tls.uncovered_tables.extend(TABLES);
    }
    sum.found.sort_by(|a, b| (&a.endpoint, &a.citation).cmp(&(&b.endpoint, &b.citation)));
    // Several exports may show the same key.
    sum.found.dedup_by(|a, b| a.endpoint == b.endpoint && a.thumbprint == b.thumbprint);
    facts.tls.bindings = settle(facts, readers, sum);
}

/// A key below the parameters of HTTP.sys. An export of a running machine names the control set in use by its alias.
fn parameters(reader: &Reader<'_>, table: &str) -> String {
    in_use(reader, &format!("Services\\HTTP\\Parameters\\{table}"))
}

fn in_use(reader: &Reader<'_>, rest: &str) -> String {
    let key = format!("{}\\{rest}", registry::control_set(reader));
    let alias = format!("CurrentControlSet\\{rest}");
    match (reader.subkeys(&key), reader.subkeys(&alias)) {
        (Looked::NotCovered, Looked::Found(_) | Looked::Absent) => alias,
        _ => key,
    }
}

fn binding(facts: &mut Facts, reader: &Reader<'_>, table: &str, parent: &str, name: &str) -> HttpBinding {
    let key = format!("{parent}\\{name}");
    let named = reader.text(&key, "HostnamePort").value().filter(|text| !text.is_empty()).cloned();
    let named = named.as_deref().unwrap_or(name);
    let endpoint = match table {
        "SslSniBindingInfo" => Endpoint::of_host(named),
        "SslCcsBindingInfo" => Endpoint::of_central(named),
        _ => Endpoint::of_address(named),
    };
    let store = reader.text(&key, "SslCertStoreName").value().filter(|store| !store.is_empty()).cloned();
    let app_id = raw(reader, &key, "AppId").and_then(|raw| match raw.kind {
        REG_SZ => Guid::parse(hive::text(&raw.data).trim_matches(['{', '}'])).ok(),
        _ => raw.data.try_into().ok().map(Guid::from_fields),
    });
    HttpBinding {
        endpoint,
        thumbprint: hash(facts, reader, &key, "SslCertHash"),
        store: store.map_or_else(|| "MY".to_owned(), |store| bounded(&store)),
        app_id,
        citation: Citation::new(reader.file, Locator::Key(key.into())),
    }
}

/// A value with the SHA-1 of a certificate in upper-case hexadecimal; an empty one is none.
fn hash(facts: &mut Facts, reader: &Reader<'_>, key: &str, name: &str) -> Option<String> {
    let raw = raw(reader, key, name)?;
    let text = match raw.kind {
        REG_BINARY => data_encoding::HEXUPPER.encode(raw.data.get(..LONGEST_KEY / 2).unwrap_or(&raw.data)),
        // Someone may have written the text of the hash.
        REG_SZ => bounded(hive::text(&raw.data).trim()).to_ascii_uppercase(),
        _ => String::new(),
    };
    let is_zero = text.bytes().all(|digit| digit == b'0');
    if text.len() != 40 && !(raw.kind == REG_BINARY && is_zero) {
        let what = format!("the value {key}\\{name} is no SHA-1 of a certificate: {} bytes", raw.data.len());
        damage(facts, reader.file, what, Locator::Value(key.into(), name.into()));
    }
    (!is_zero).then_some(text)
}

fn raw(reader: &Reader<'_>, key: &str, name: &str) -> Option<Raw> {
    match reader.source?.value(key, name) {
        Looked::Found(raw) => Some(raw),
        _ => None,
    }
}

/// The certificate of each listener of remote desktop, as an administrator or the service itself chose it.
fn remote_desktop(facts: &mut Facts, reader: &Reader<'_>) {
    let stations = in_use(reader, "Control\\Terminal Server\\WinStations");
    // An export may show one listener only.
    let names = match reader.subkeys(&stations) {
        Looked::Found(names) => names,
        _ => vec!["RDP-Tcp".to_owned()],
    };
    for name in names.iter().take(MOST_LISTENERS) {
        let key = format!("{stations}\\{name}");
        other(facts, reader, "rdp", &key, &["SSLCertificateSHA1Hash"]);
    }
}

/// The certificate of the Web Management Service.
fn management(facts: &mut Facts, reader: &Reader<'_>) {
    let values = ["SslCertificateHash", "SelfSignedSslCertificateHash"];
    other(facts, reader, "wmsvc", "Microsoft\\WebManagement\\Server", &values);
}

/// The first of these values that holds a hash.
fn other(facts: &mut Facts, reader: &Reader<'_>, service: &'static str, key: &str, values: &[&str]) {
    for name in values {
        if let Some(thumbprint) = hash(facts, reader, key, name) {
            let citation = Citation::new(reader.file, Locator::Value(key.into(), (*name).into()));
            facts.tls.others.push(OtherUse { service, thumbprint, citation });
            return;
        }
    }
}
