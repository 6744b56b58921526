//! `MetaBase.xml` of IIS 6 and of the IIS 6 compatibility parts of later versions; `MetaBase.bin` is only recognised.
//!
//! Format facts: one public sample of the session key, decoded by its length fields. The layout of secure values and of
//! the binary metabase is not public.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER_PERMISSIVE;
use roxmltree::Node;
use serde::Serialize;
use thiserror::Error;

use super::bytes::{Truncated, array, slice, u32_le};
use super::config::xml::{self, Lines};
use super::config::xpath;
use super::config::{ConfigError, SessionKeyError, WrappedKey};

/// Magic of a session key.
const KEY_MAGIC: [u8; 4] = *b"IcKb";
/// Magic of a secure value, in hexadecimal.
const DATA_MAGIC_HEX: &str = "49634462";
/// Bytes in front of the wrapped key.
const HEADER_LEN: usize = 16;
/// Longest session key blob: two RSA operations with 16384 bits and the headers fit well.
const LONGEST_BLOB: usize = 8192;
/// Web sites that are kept; more are only counted.
const KEPT_SITES: usize = 20_000;
/// Bindings that are kept of one site.
const KEPT_BINDINGS: usize = 1024;
/// Rows in the table of secure values; more are counted together.
const KEPT_ROWS: usize = 1024;

/// Why a session key property is none. Offsets are in bytes of the decoded property.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MetabaseKeyError {
    /// The property is no hexadecimal text, or longer than any key.
    #[error("{chars} characters that are no hexadecimal session key")]
    NotHex {
        /// Its length in characters.
        chars: usize,
    },
    /// The property ends too early.
    #[error("the session key is cut off: {0}")]
    Truncated(#[from] Truncated),
    /// It does not start with its magic.
    #[error("`IcKb` is expected at offset 0, found {found:02x?}")]
    Magic {
        /// The first four bytes.
        found: [u8; 4],
    },
    /// The length fields contradict each other.
    #[error("{expected} bytes are expected by the length at offset {offset}, {found} are there")]
    Length {
        /// Offset of the length field.
        offset: usize,
        /// Bytes that it asks for.
        expected: u64,
        /// Bytes that there are.
        found: u64,
    },
    /// The wrapped key in it is none.
    #[error("the wrapped key at offset 16: {0}")]
    Key(#[from] SessionKeyError),
}

/// The session key of a metabase: a wrapped key, signed with the signature key of the same container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetabaseKey {
    /// The wrapped key.
    pub key: WrappedKey,
    /// The blob of the wrapped key, the most likely thing to be signed.
    pub signed: Vec<u8>,
    /// The same with the filler behind it.
    pub signed_with_filler: Vec<u8>,
    /// The signature, little-endian as CAPI writes it.
    pub signature: Vec<u8>,
}

impl MetabaseKey {
    /// Reads the hexadecimal text of the property.
    ///
    /// # Errors
    /// [`MetabaseKeyError`] when it is none.
    pub fn from_hex(text: &str) -> Result<Self, MetabaseKeyError> {
        let text = text.trim();
        let not_hex = || MetabaseKeyError::NotHex { chars: text.chars().count() };
        if text.is_empty() || text.len() > 2 * LONGEST_BLOB {
            return Err(not_hex());
        }
        Self::parse(&HEXLOWER_PERMISSIVE.decode(text.as_bytes()).map_err(|_| not_hex())?)
    }

    /// Reads the bytes of the property by their length fields.
    ///
    /// # Errors
    /// [`MetabaseKeyError`] when they are none.
    pub fn parse(blob: &[u8]) -> Result<Self, MetabaseKeyError> {
        let found = array(blob, 0)?;
        if found != KEY_MAGIC {
            return Err(MetabaseKeyError::Magic { found });
        }
        let (rest, key_len, signature_len) = (u32_le(blob, 4)?, u32_le(blob, 8)?, u32_le(blob, 12)?);
        let (expected, found) = (u64::from(rest) + 8, blob.len() as u64);
        if expected != found {
            return Err(MetabaseKeyError::Length { offset: 4, expected, found });
        }
        // The filler makes the wrapped key a multiple of eight in the one sample; its length is what remains.
        let least = HEADER_LEN as u64 + u64::from(key_len) + u64::from(signature_len);
        let filler = found.checked_sub(least).filter(|filler| *filler < 8);
        if filler.is_none() || signature_len == 0 {
            return Err(MetabaseKeyError::Length { offset: 8, expected: least, found });
        }
        let signed = slice(blob, HEADER_LEN, key_len as usize)?;
        let signature_at = blob.len().saturating_sub(signature_len as usize);
        Ok(Self {
            key: WrappedKey::parse(signed)?,
            signed: signed.to_vec(),
            signed_with_filler: blob.get(HEADER_LEN..signature_at).unwrap_or_default().to_vec(),
            signature: blob.get(signature_at..).unwrap_or_default().to_vec(),
        })
    }

    /// Size in bits of the signature key that the signature is as long as.
    pub fn signature_bits(&self) -> u32 {
        u32::try_from(self.signature.len() * 8).unwrap_or(u32::MAX)
    }
}

/// Secure values of one kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct SecureValues {
    /// The part of the metabase, such as `/LM/W3SVC`.
    pub part: String,
    /// Name of the property, or its number when it has none.
    pub property: String,
    /// How many there are.
    pub count: u64,
}

/// A web site of a metabase, with what it says about TLS.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct MetabaseSite {
    /// Its number, from its location.
    pub id: u32,
    /// `ServerComment`, its name.
    pub comment: Option<String>,
    /// `SecureBindings`: `address:port:host` each.
    pub secure_bindings: Vec<String>,
    /// `SSLCertHash` as written, in hexadecimal; may come from the service above it.
    pub certificate_hash: Option<String>,
    /// `SSLStoreName`; may come from the service above it.
    pub certificate_store: Option<String>,
    /// `ServerAutoStart`; may come from the service above it.
    pub auto_start: Option<bool>,
    /// Citation of its element.
    pub xpath: String,
}

impl MetabaseSite {
    /// Takes in a property by its name or number.
    fn take(&mut self, name: &str, value: &str) {
        let value = value.trim();
        match name {
            "ServerComment" | "1015" => self.comment = Some(value.to_owned()),
            "SecureBindings" | "2021" => {
                // Texts of a list stand on lines of their own, of which an attribute keeps blanks.
                let bindings = value.split_whitespace().take(KEPT_BINDINGS);
                self.secure_bindings = bindings.map(str::to_owned).collect();
            }
            "SSLCertHash" | "5506" => self.certificate_hash = Some(value.to_owned()),
            "SSLStoreName" | "5511" => self.certificate_store = Some(value.to_owned()),
            "ServerAutoStart" | "1017" => {
                self.auto_start = Some(!matches!(value.to_ascii_lowercase().as_str(), "false" | "0"));
            }
            _ => {}
        }
    }

    fn inherit(&mut self, above: &Self) {
        let or = |own: &mut Option<String>, above: &Option<String>| {
            if own.is_none() {
                own.clone_from(above);
            }
        };
        or(&mut self.certificate_hash, &above.certificate_hash);
        or(&mut self.certificate_store, &above.certificate_store);
        self.auto_start = self.auto_start.or(above.auto_start);
    }
}

/// What a metabase says about its session key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metabase {
    /// Its session key, or why it is none; `None` when the property is missing.
    pub session_key: Option<Result<MetabaseKey, MetabaseKeyError>>,
    /// Number of changes as written by IIS.
    pub change_number: Option<u64>,
    /// Number of its copy in the history.
    pub history_major: Option<u64>,
    /// Encrypted values by part and property, sorted.
    pub secure: Vec<SecureValues>,
    /// Encrypted values that found no row of their own.
    pub secure_left_out: u64,
    /// Web sites, in the order of the file.
    pub sites: Vec<MetabaseSite>,
    /// Web sites that were not kept.
    pub sites_left_out: u64,
}

/// What kind of metabase a file is, by its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MetabaseKind {
    /// Text: IIS 6 and later.
    Xml,
    /// Not text, with the magics of encrypted data in it: IIS 4 and 5. How many of each there are is told.
    Binary {
        /// Session keys.
        keys: usize,
        /// Secure values.
        values: usize,
    },
    /// Something else.
    Other,
}

impl MetabaseKind {
    /// Looks at the bytes of a whole file.
    pub fn of(data: &[u8]) -> Self {
        let head = data.get(..data.len().min(4096)).unwrap_or_default();
        if matches!(
            head,
            [b'<', ..] | [0xef, 0xbb, 0xbf, b'<', ..] | [0xff, 0xfe, b'<', ..] | [0xfe, 0xff, ..]
        ) {
            return Self::Xml;
        }
        let count = |magic: &[u8]| data.windows(4).filter(|window| *window == magic).count();
        match (count(&KEY_MAGIC), count(b"IcDb")) {
            (0, 0) => Self::Other,
            (keys, values) => Self::Binary { keys, values },
        }
    }
}

impl Metabase {
    /// Reads a `MetaBase.xml` or a copy of one.
    ///
    /// # Errors
    /// [`ConfigError`] when it is empty, zero-filled, not text, not well-formed, beyond a limit, or something else.
    pub fn parse(data: &[u8]) -> Result<Self, ConfigError> {
        let text = xml::decode(data)?;
        let lines = Lines::of(&text);
        let document = xml::parse(&text, &lines, "configuration")?;
        let mut found = Self {
            session_key: None,
            change_number: None,
            history_major: None,
            secure: Vec::new(),
            secure_left_out: 0,
            sites: Vec::new(),
            sites_left_out: 0,
        };
        let mut service = MetabaseSite::default();
        let mut rows: BTreeMap<(String, String), u64> = BTreeMap::new();
        let mut is_metabase = false;
        xml::walk(&document, &lines, |path| {
            let Some(&node) = path.last() else { return };
            let number = |name| node.attribute(name).and_then(|number| number.trim().parse().ok());
            match node.tag_name().name() {
                "MBProperty" => is_metabase = true,
                "IIS_Global" => {
                    found.session_key = node.attribute("SessionKey").map(MetabaseKey::from_hex);
                    found.change_number = number("ChangeNumber");
                    found.history_major = number("HistoryMajorVersionNumber");
                }
                _ => {}
            }
            web(path, node, &mut service, &mut found);
            let location = path.iter().rev().find_map(|node| node.attribute("Location"));
            for attribute in node.attributes().filter(|attribute| is_secure(attribute.value())) {
                let custom = (attribute.name() == "Value").then(|| {
                    let name = node.attribute("Name").filter(|name| !name.starts_with("UnknownName"));
                    name.or(node.attribute("ID"))
                });
                let property = custom.flatten().unwrap_or(attribute.name());
                let row = (part(location.unwrap_or_default()), property.chars().take(64).collect());
                if rows.len() >= KEPT_ROWS && !rows.contains_key(&row) {
                    found.secure_left_out += 1;
                } else {
                    *rows.entry(row).or_default() += 1;
                }
            }
        })?;
        if !is_metabase {
            return Err(ConfigError::Root { expected: "configuration/MBProperty" });
        }
        found.sites.iter_mut().for_each(|site| site.inherit(&service));
        found.secure = rows
            .into_iter()
            .map(|((part, property), count)| SecureValues { part, property, count })
            .collect();
        Ok(found)
    }

    /// Number of encrypted values.
    pub fn secure_values(&self) -> u64 {
        self.secure.iter().map(|row| row.count).sum::<u64>().saturating_add(self.secure_left_out)
    }
}

/// Takes in what an element says about a web site, or about all of them.
fn web(path: &[Node<'_, '_>], node: Node<'_, '_>, service: &mut MetabaseSite, found: &mut Metabase) {
    let element = match node.tag_name().name() {
        "Custom" => path.iter().rev().nth(1).copied().unwrap_or(node),
        _ => node,
    };
    let location = element.attribute("Location").unwrap_or_default();
    let number = location.rsplit_once('/').filter(|(above, _)| above.eq_ignore_ascii_case("/LM/W3SVC"));
    let number = number.and_then(|(_, id)| id.parse::<u32>().ok());
    let site = match (element.tag_name().name(), number) {
        ("IIsWebService", _) if location.eq_ignore_ascii_case("/LM/W3SVC") => service,
        ("IIsWebServer", Some(id)) => {
            if element == node {
                if found.sites.len() == KEPT_SITES {
                    found.sites_left_out += 1;
                    return;
                }
                let xpath = xpath::cite(path, None);
                found.sites.push(MetabaseSite { id, xpath, ..MetabaseSite::default() });
            }
            match found.sites.last_mut().filter(|site| site.id == id) {
                Some(site) => site,
                None => return,
            }
        }
        _ => return,
    };
    if element == node {
        node.attributes().for_each(|attribute| site.take(attribute.name(), attribute.value()));
    } else if let Some(value) = node.attribute("Value") {
        let name = node.attribute("ID").or(node.attribute("Name")).unwrap_or_default();
        site.take(name, value);
    }
}

/// Whether a text is a secure value: hexadecimal, with the magic in front.
fn is_secure(value: &str) -> bool {
    let value = value.trim();
    value.starts_with(DATA_MAGIC_HEX) && value.bytes().all(|b| b.is_ascii_hexdigit())
}

/// The first two steps of a location: the service that a value belongs to.
fn part(location: &str) -> String {
    let steps: Vec<&str> = location.split('/').filter(|step| !step.is_empty()).take(2).collect();
    format!("/{}", steps.join("/")).chars().take(64).collect()
}

#[cfg(test)]
mod tests;
