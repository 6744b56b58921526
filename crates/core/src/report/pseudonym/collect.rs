//! Which fields hold names. A field that stands in no list here is prose: the names of all others are replaced in it.

use serde_json::Value;

use super::names::{Kind, Names};
use super::ordinary::Place;
use super::public;
use super::walk::{Field, strings};

/// Fields that hold words of this program, digests and times, and never a name.
const FIXED: &[&str] = &[
    "schema_version",
    "version",
    "catalogue",
    "stamp",
    "verdict",
    "severity",
    "confidence",
    "rule",
    "rules",
    "group",
    "outcome",
    "standing",
    "spec",
    "shell",
    "action",
    "proof",
    "kind",
    "fit",
    "session_key",
    "opened",
    "role",
    "format",
    "scheme",
    "content",
    "letter",
    "created",
    "modified",
    "time",
    "written",
    "installed",
    "first_created",
    "last_created",
    "earliest",
    "latest",
    "not_before",
    "not_after",
    "first_day",
    "last_day",
    "current_since",
    "previous_since",
    "key_last_written",
    "record",
    "sha256",
    "stored_md5",
    "stored_sha1",
    "computed_md5",
    "computed_sha1",
    "session_key_sha256",
    "key_algorithm",
    "algorithm",
    "algorithms",
    "size_class",
    "pattern",
    "master_keys",
    "app_id",
    "need",
    "redaction_tokens",
    "resolves",
    "leaves",
];

/// The same for fields that are fixed only there.
const FIXED_IN: &[(&str, &str)] = &[
    ("evidence", "id"),
    ("findings", "id"),
    ("key_containers", "store"),
    ("key_containers", "state"),
    ("certificates", "state"),
    ("bindings", "state"),
    ("bindings", "owner"),
    ("container_groups", "store"),
    ("leftovers", "store"),
    ("evidence", "evidence"),
    ("certificates", "evidence"),
    ("bindings", "evidence"),
    ("timeline", "evidence"),
    ("config", "evidence"),
    ("tool", "name"),
    ("config_copies", "evidence"),
    ("tried", "evidence"),
    ("registry_containers", "evidence"),
    ("alternatives", "name"),
];

/// Fields that hold one name and nothing else.
const WHOLE: &[(&str, &str, Kind)] = &[
    ("machine", "hostname", Kind::Host),
    ("key_containers", "name", Kind::Container),
    ("key_containers", "prefix", Kind::KeyFile),
    ("registry_containers", "name", Kind::Container),
    ("keep", "name", Kind::Container),
    ("key_pairs", "modulus_sha256", Kind::Modulus),
    ("certificates", "modulus_sha256", Kind::Modulus),
    ("certificates", "thumbprint", Kind::Thumbprint),
    ("certificates", "store", Kind::Store),
    ("certificates", "friendly_name", Kind::Certificate),
    ("certificates", "serial", Kind::Serial),
    ("link", "container", Kind::Container),
    ("link", "provider", Kind::Provider),
    ("bindings", "site", Kind::Site),
    ("bindings", "thumbprint", Kind::Thumbprint),
    ("bindings", "store", Kind::Store),
    ("bindings", "container", Kind::Container),
    ("providers", "name", Kind::Provider),
    ("providers", "key_container", Kind::Container),
    ("volumes", "label", Kind::Label),
];

/// Fields that hold a path, or the last part of one.
const PATHS: &[(&str, &str)] = &[
    ("evidence", "path"),
    ("evidence", "container"),
    ("sources", "path"),
    ("parts", "name"),
    ("volumes", "path"),
    ("key_containers", "path"),
    ("config_copies", "name"),
    ("config_copies", "path"),
];

/// Fields that hold names in a form of their own.
const NAMES: &[(&str, &str)] = &[
    ("certificates", "subject"),
    ("certificates", "issuer"),
    ("certificates", "dns_names"),
    ("bindings", "endpoint"),
    ("bindings", "http_sys"),
];

/// What a site or a pool is introduced with, where things are listed.
const INTRODUCED: &[(&str, Kind)] =
    &[("application pool ", Kind::Pool), ("site ", Kind::Site), ("service ", Kind::Other)];

/// Whether a field holds words of this program and never a name.
pub(super) fn is_fixed(field: Field<'_>) -> bool {
    FIXED.contains(&field.name) || FIXED_IN.contains(&(field.parent, field.name))
}

/// What kind of text a field holds.
pub(super) fn place(field: Field<'_>) -> Place {
    let at = (field.parent, field.name);
    if PATHS.contains(&at) {
        Place::Path
    } else if WHOLE.iter().any(|(parent, name, _)| (*parent, *name) == at) || NAMES.contains(&at) {
        Place::Name
    } else {
        Place::Prose
    }
}

/// Collects the names of a report.
pub(super) fn collect(report: &Value, names: &mut Names) {
    // Computers come first: a DNS name that begins with one is told apart by it.
    strings(report, &mut |field, text| {
        if (field.parent, field.name) == ("machine", "hostname") {
            names.host(text);
        }
    });
    strings(report, &mut |field, text| {
        if !is_fixed(field) {
            of_field(field, text, names);
        }
    });
}

fn of_field(field: Field<'_>, text: &str, names: &mut Names) {
    let at = (field.parent, field.name);
    if let Some((.., kind)) = WHOLE.iter().find(|(parent, name, _)| (*parent, *name) == at) {
        return if *kind == Kind::Host { names.host(text) } else { names.add(*kind, text) };
    }
    if PATHS.contains(&at) {
        return names.path(text);
    }
    match at {
        ("certificates", "subject" | "issuer") => return names.distinguished(text),
        ("certificates", "dns_names") => return names.dns(text),
        ("bindings", "endpoint" | "http_sys") => return names.endpoint(text),
        ("findings" | "remaining", "subject") => subject(text, names),
        (_, "affects" | "users") => {
            for (start, kind) in INTRODUCED {
                if let Some(name) = text.strip_prefix(start) {
                    names.add(*kind, name);
                }
            }
        }
        (_, "locator") => literals(text, names),
        _ => {}
    }
    of_prose(text, names);
}

/// The identity in `kind:identity`.
fn subject(text: &str, names: &mut Names) {
    let Some((kind, identity)) = text.split_once(':') else { return };
    match kind {
        "certificate" => identity.rsplit('/').take(1).for_each(|it| names.add(Kind::Thumbprint, it)),
        "provider" => names.add(Kind::Provider, identity),
        "file" => names.path(identity),
        "pool" | "app-pool" => names.add(Kind::Pool, identity),
        "site" => names.add(Kind::Site, identity),
        "certificates" => names.add(Kind::Store, identity),
        "binding" | "endpoint" => names.endpoint(identity),
        "service" => names.add(Kind::Other, identity),
        _ => {}
    }
}

/// The names in an XPath: what its predicates compare with.
fn literals(text: &str, names: &mut Names) {
    let Some(xpath) = text.strip_prefix("xpath ") else { return };
    let mut rest = xpath;
    while let Some(at) = rest.find("=") {
        let (before, behind) = (rest.get(..at).unwrap_or_default(), rest.get(at + 1..).unwrap_or_default());
        rest = behind;
        let Some(quote) = behind.chars().next().filter(|it| ['\'', '"'].contains(it)) else { continue };
        let Some((literal, behind)) = behind.get(1..).and_then(|text| text.split_once(quote)) else { return };
        rest = behind;
        if before.ends_with("@path") {
            names.path(literal);
            continue;
        }
        let step =
            before.rsplit('/').find(|step| step.contains("[@") || !step.is_empty()).unwrap_or_default();
        let kind = match step.split('[').next().unwrap_or_default() {
            "site" => Kind::Site,
            _ if before.contains("applicationPools") => Kind::Pool,
            _ if before.contains("providers") => Kind::Provider,
            _ => Kind::Other,
        };
        names.add(kind, literal);
    }
}

/// What is known by its form wherever it stands: security identifiers, thumbprints, key files and paths.
fn of_prose(text: &str, names: &mut Names) {
    let starts = |at: usize| {
        let before = text.get(..at).and_then(|text| text.chars().next_back());
        before.is_none_or(|letter| !letter.is_alphanumeric())
    };
    let mut run = 0;
    for (at, letter) in text.char_indices() {
        if matches!(letter, 'S' | 's')
            && starts(at)
            && let Some(sid) = text.get(at..).and_then(public::private_sid)
        {
            names.add(Kind::Account, sid);
        }
        // A run of digits ends here, or goes on.
        if !letter.is_ascii_alphanumeric() {
            hexadecimal(text.get(run..at).unwrap_or_default(), names);
            run = at + letter.len_utf8();
        }
        let rest = text.get(at..).unwrap_or_default();
        let is_drive = letter.is_ascii_alphabetic() && starts(at) && rest.get(1..3) == Some(":\\");
        if is_drive || (rest.starts_with("\\\\") && starts(at)) {
            names.path(path_at(rest, is_drive));
        }
    }
    hexadecimal(text.get(run..).unwrap_or_default(), names);
}

fn hexadecimal(run: &str, names: &mut Names) {
    if run.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        match run.len() {
            32 => names.add(Kind::KeyFile, run),
            40 => names.add(Kind::Thumbprint, run),
            _ => {}
        }
    }
}

/// The path at the start of a text. Folders may have spaces in their names; what stands last ends at the first.
fn path_at(text: &str, is_drive: bool) -> &str {
    let begin = if is_drive { 3 } else { 2 };
    let rest = text.get(begin..).unwrap_or_default();
    let end = rest.find(['"', '<', '>', '|', '*', '?', ':', '\n', '\r', '\t']).unwrap_or(rest.len());
    let path = rest.get(..end).unwrap_or_default();
    let last = path.rfind('\\').map_or(0, |at| at + 1);
    let stop =
        path.get(last..).and_then(|name| name.find([' ', ',', ';', ')'])).map_or(path.len(), |at| last + at);
    path.get(..stop).unwrap_or_default().trim_end_matches(['.', '\''])
}
