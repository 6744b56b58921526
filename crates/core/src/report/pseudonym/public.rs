//! What everybody knows and what therefore stays: words of Windows, IIS and this program.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::names::Kind;
use super::words::{ACCOUNTS, EXTENSIONS, PATHS, WORDS};
use crate::artifact::container::{Family, Prefix, WellKnown};
use crate::collect::ITEMS;
use crate::machine::Generation;

/// Whether a name says nothing about whose machine it is.
pub(super) fn is_public(kind: Kind, name: &str) -> bool {
    let lower = name.to_lowercase();
    let is_word = |list: &str| list.split('|').any(|word| word == lower);
    match kind {
        Kind::Thumbprint | Kind::Serial | Kind::Modulus | Kind::Certificate => false,
        Kind::Address => name
            .parse()
            .is_ok_and(|address: std::net::IpAddr| address.is_unspecified() || address.is_loopback()),
        // Whoever calls a computer EXCHANGE or a user mail would not have it told.
        Kind::Host => lower == "localhost" || is_guid(name) || is_count(name),
        Kind::Account => is_word(ACCOUNTS) || is_public_sid(name),
        Kind::KeyFile => name.parse::<Prefix>().is_ok_and(is_known_prefix),
        Kind::Container => is_guid(name) || is_word(WORDS) || is_known_container(name),
        Kind::Path => {
            is_word(PATHS)
                || is_word(WORDS)
                || is_variable(name)
                || OWN_NAMES.contains(&lower)
                || is_guid(name)
                || is_numbered(&lower)
                || is_known_container(name)
        }
        Kind::Provider => is_word(WORDS) || lower.starts_with("microsoft "),
        Kind::Domain => is_word(ACCOUNTS) || lower == "localhost" || is_count(name),
        Kind::Dns => is_word(WORDS) || name == "*" || name.chars().all(|it| it.is_ascii_digit()),
        Kind::Label if is_word(PATHS) => true,
        Kind::Site | Kind::Pool | Kind::Store | Kind::Label | Kind::Other => {
            is_word(WORDS) || is_guid(name) || is_known_container(name) || is_count(name)
        }
    }
}

/// What the commands of a report are made of: what they write has these names.
static OWN_NAMES: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let windows = [Generation::Nt50, Generation::Nt51, Generation::Nt6];
    let commands = ITEMS.iter().flat_map(|item| windows.map(|windows| item.commands(Some(windows))));
    let commands = commands.flatten().chain(["files.csv access.csv errors.csv printed.tmp"]);
    let names = commands.flat_map(|command| command.split([' ', '"', '\\', '/', '>', '=', '\'']));
    names.filter(|name| !name.is_empty()).map(str::to_lowercase).collect()
});

/// Whether it is a variable of Windows, as `%ALLUSERSPROFILE%`.
fn is_variable(name: &str) -> bool {
    let inside = name.strip_prefix('%').and_then(|name| name.strip_suffix('%'));
    inside.is_some_and(|inside| {
        !inside.is_empty() && inside.chars().all(|it| it.is_ascii_alphanumeric() || "_()".contains(it))
    })
}

/// A well-known container; that of the client of metabase administration may hold the name of a user behind it.
fn is_known_container(name: &str) -> bool {
    let is_system = name.eq_ignore_ascii_case("MS IIS DCOM ClientSYSTEMS-1-5-18");
    is_system || WellKnown::by_name(name).is_some_and(|known| known.name.eq_ignore_ascii_case(name))
}

fn is_known_prefix(prefix: Prefix) -> bool {
    [Family::Capi, Family::Cng].iter().any(|family| WellKnown::by_prefix(*family, prefix).is_some())
}

/// Numbers that stand for nothing but themselves, as sites and pools are sometimes called.
fn is_count(name: &str) -> bool {
    name.len() < 6 && name.chars().all(|letter| letter.is_ascii_digit())
}

/// Drives, copies that IIS and Windows number, and what is nothing but digits and marks.
fn is_numbered(lower: &str) -> bool {
    let digits = |text: &str| text.chars().all(|letter| letter.is_ascii_digit());
    let behind = |start: &str| lower.strip_prefix(start).is_some_and(digits);
    let numbers = [
        "cfghistory_",
        "partition-",
        "partition",
        "rp",
        "harddiskvolumeshadowcopy",
        "vss",
        "disk",
        "vol",
        "volume",
        "controlset",
        "_registry_machine_",
        "md",
        "schema_",
    ];
    let is_drive = lower.len() <= 6 && lower.starts_with(|it: char| it.is_ascii_alphabetic()) && {
        let rest = lower.get(1..).unwrap_or_default();
        rest.is_empty() || [":", "%3a", "$", "_"].contains(&rest)
    };
    let metabase = ["metabase_", "mbschema_"].iter().any(|start| {
        lower.strip_prefix(start).is_some_and(|rest| rest.chars().all(|it| it.is_ascii_digit() || it == '_'))
    });
    let plain = lower.chars().all(|letter| !letter.is_alphabetic());
    is_drive || metabase || plain || numbers.iter().any(|start| behind(start)) || is_device(lower)
}

/// `\\.\C:` as collectors write it in names of folders.
fn is_device(lower: &str) -> bool {
    let rest = lower.replace("%5c", "").replace("%3a", "").replace(['.', ':', '\\', '?'], "");
    rest.len() <= 1 && lower.contains('%')
}

/// Whether a text is a GUID, with or without braces.
fn is_guid(text: &str) -> bool {
    let bare = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text);
    bare.len() == 36 && is_guid_at(bare)
}

fn is_guid_at(text: &str) -> bool {
    text.get(..36).is_some_and(|text| {
        text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
    })
}

/// The hash at the start of the name of a key container's file, and what stands behind its GUID.
pub(super) fn key_file(name: &str) -> Option<(&str, &str)> {
    let (prefix, rest) = (name.get(..32)?, name.get(32..)?);
    let is_key = prefix.bytes().all(|byte| byte.is_ascii_hexdigit()) && rest.starts_with('_');
    let guid = rest.get(1..).filter(|rest| is_key && is_guid_at(rest))?;
    Some((prefix, guid.get(36..)?))
}

/// What of a file's name is its name: without the extensions that say what it is.
pub(super) fn stem(name: &str) -> &str {
    let mut stem = name;
    while let Some((before, extension)) = stem.rsplit_once('.') {
        let is_known = EXTENSIONS.split('|').any(|known| extension.eq_ignore_ascii_case(known));
        let is_segment = extension.len() == 3
            && extension.starts_with(['e', 'E', 's', 'S', '0'])
            && extension.get(1..).is_some_and(|rest| rest.bytes().all(|it| it.is_ascii_digit()));
        // A name that is public with its extension is not taken apart.
        if before.is_empty() || !(is_known || is_segment) || is_public(Kind::Path, stem) {
            break;
        }
        stem = before;
    }
    stem
}

/// A security identifier that stands at the start of a text and belongs to somebody.
pub(super) fn private_sid(text: &str) -> Option<&str> {
    let start = text.get(..4)?;
    if !start.eq_ignore_ascii_case("S-1-") {
        return None;
    }
    let end = text.find(|it: char| !(it.is_ascii_digit() || it == '-')).filter(|end| *end > 1);
    let end = end.unwrap_or_else(|| {
        let rest = text.get(1..).unwrap_or_default();
        rest.find(|it: char| !(it.is_ascii_digit() || it == '-')).map_or(text.len(), |at| at + 1)
    });
    let sid = text.get(..end)?.trim_end_matches('-');
    (!is_public_sid(sid)).then_some(sid)
}

/// Identifiers that are the same on every machine. Those of domains and machines (21), of pools (82) and services (80),
/// which are hashes of their names, and of cloud accounts are not.
fn is_public_sid(sid: &str) -> bool {
    let upper = sid.to_ascii_uppercase();
    upper.starts_with("S-1-") && upper.matches('-').count() < 6
}
