//! GUIDs as text, compared without regard to case and reported as found.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde::{Serialize, Serializer};
use thiserror::Error;

/// Characters of a GUID without braces: 8-4-4-4-12.
pub const GUID_LEN: usize = 36;

/// A GUID that keeps its text as found; equality, order and hash ignore case.
#[derive(Clone, Copy)]
pub struct Guid([u8; GUID_LEN]);

/// Why a text is not a bare GUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum GuidFault {
    /// Nothing there.
    #[error("the text is empty")]
    Empty,
    /// `{...}` around it.
    #[error("it stands in braces")]
    Braces,
    /// Quotation marks around it.
    #[error("it stands in quotation marks")]
    Quotes,
    /// White space at a byte position.
    #[error("there is white space at position {0}")]
    Space(usize),
    /// A line end at a byte position.
    #[error("there is a line end at position {0}")]
    LineEnd(usize),
    /// A NUL character before the end of the text.
    #[error("there is a NUL character at position {0}")]
    EmbeddedNul(usize),
    /// Wrong number of characters.
    #[error("{0} characters where a GUID has 36")]
    Length(usize),
    /// No hyphen where one belongs.
    #[error("no hyphen at position {0}")]
    NoHyphen(usize),
    /// A character that is no hexadecimal digit.
    #[error("{found:?} at position {position} is not a hexadecimal digit")]
    NotHex {
        /// Byte position in the text.
        position: usize,
        /// The character there.
        found: char,
    },
}

fn is_hyphen_position(position: usize) -> bool {
    matches!(position, 8 | 13 | 18 | 23)
}

impl Guid {
    /// Reads a GUID of exactly 36 characters, without braces or anything around it.
    ///
    /// # Errors
    /// [`GuidFault`] with the first thing that is wrong, wrappings before lengths before digits.
    pub fn parse(text: &str) -> Result<Self, GuidFault> {
        if text.is_empty() {
            return Err(GuidFault::Empty);
        }
        for (position, found) in text.char_indices() {
            match found {
                '\0' => return Err(GuidFault::EmbeddedNul(position)),
                '\r' | '\n' => return Err(GuidFault::LineEnd(position)),
                c if c.is_whitespace() => return Err(GuidFault::Space(position)),
                _ => {}
            }
        }
        if text.starts_with('{') || text.ends_with('}') {
            return Err(GuidFault::Braces);
        }
        if text.starts_with(['"', '\'']) || text.ends_with(['"', '\'']) {
            return Err(GuidFault::Quotes);
        }
        let Ok(bytes) = <[u8; GUID_LEN]>::try_from(text.as_bytes()) else {
            return Err(GuidFault::Length(text.chars().count()));
        };
        for (position, found) in text.char_indices() {
            if is_hyphen_position(position) {
                if found != '-' {
                    return Err(GuidFault::NoHyphen(position));
                }
            } else if !found.is_ascii_hexdigit() {
                return Err(GuidFault::NotHex { position, found });
            }
        }
        Ok(Self(bytes))
    }

    /// The GUID that a malformed text most likely means: without braces, quotes, white space and NULs around it.
    pub fn salvage(text: &str) -> Option<Self> {
        let trimmed =
            text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\0' | '{' | '}' | '"' | '\''));
        Self::parse(trimmed).ok()
    }

    /// A GUID in its binary form: three little-endian fields, then eight bytes.
    pub fn from_fields(bytes: [u8; 16]) -> Self {
        const ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
        let mut digits =
            ORDER.iter().filter_map(|&at| bytes.get(at)).flat_map(|&b| [hex_digit(b >> 4), hex_digit(b)]);
        let mut text = [b'-'; GUID_LEN];
        for (position, slot) in text.iter_mut().enumerate() {
            if !is_hyphen_position(position) {
                *slot = digits.next().unwrap_or(b'0');
            }
        }
        Self(text)
    }

    /// The text as found.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The text in lower case, as Windows writes it.
    pub fn to_lowercase(&self) -> String {
        self.as_str().to_ascii_lowercase()
    }

    /// Whether the text is in lower case, as Windows writes it; upper case points to a hand or a tool.
    pub fn is_lowercase(&self) -> bool {
        !self.0.iter().any(u8::is_ascii_uppercase)
    }

    fn folded(&self) -> [u8; GUID_LEN] {
        self.0.map(|b| b.to_ascii_lowercase())
    }
}

fn hex_digit(nibble: u8) -> u8 {
    match nibble & 0xf {
        n @ 0..=9 => b'0' + n,
        n => b'a' + n - 10,
    }
}

impl FromStr for Guid {
    type Err = GuidFault;

    fn from_str(text: &str) -> Result<Self, GuidFault> {
        Self::parse(text)
    }
}

impl PartialEq for Guid {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Guid {}

impl PartialOrd for Guid {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Guid {
    fn cmp(&self, other: &Self) -> Ordering {
        self.folded().cmp(&other.folded())
    }
}

impl Hash for Guid {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.folded().hash(state);
    }
}

/// The text as found.
impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Guid({})", self.as_str())
    }
}

impl Serialize for Guid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "9790b371-96e4-4554-8f72-c2e0b12e99d2";

    #[test]
    fn case_is_kept_and_ignored() {
        let lower = Guid::parse(TEXT).unwrap();
        let upper = Guid::parse(&TEXT.to_uppercase()).unwrap();
        assert_eq!(lower, upper);
        assert_eq!(lower.cmp(&upper), Ordering::Equal);
        assert_eq!(upper.to_string(), TEXT.to_uppercase());
        assert_eq!(upper.to_lowercase(), TEXT);
        assert!(lower.is_lowercase() && !upper.is_lowercase());
    }

    #[test]
    fn each_malformed_text_has_its_reason() {
        let braced = format!("{{{TEXT}}}");
        let cases = [
            ("", GuidFault::Empty),
            (braced.as_str(), GuidFault::Braces),
            ("9790b371-96e4-4554-8f72-c2e0b12e99d2\n", GuidFault::LineEnd(36)),
            ("9790b371-96e4-4554-8f72-c2e0b12e99d2 ", GuidFault::Space(36)),
            ("9790b371-96e4-4554-8f72-c2e0b12e99d2\0x", GuidFault::EmbeddedNul(36)),
            ("\"9790b371-96e4-4554-8f72-c2e0b12e99d2\"", GuidFault::Quotes),
            ("9790b371-96e4-4554-8f72-c2e0b12e99d", GuidFault::Length(35)),
            ("9790b371x96e4-4554-8f72-c2e0b12e99d2", GuidFault::NoHyphen(8)),
            ("9790b37g-96e4-4554-8f72-c2e0b12e99d2", GuidFault::NotHex { position: 7, found: 'g' }),
        ];
        for (text, fault) in cases {
            assert_eq!(Guid::parse(text), Err(fault), "{text:?}");
        }
        assert_eq!(Guid::salvage(&format!(" {braced}\r\n")), Guid::parse(TEXT).ok());
        assert_eq!(Guid::salvage("nothing"), None);
    }

    #[test]
    fn the_binary_form_prints_its_fields_in_order() {
        let provider =
            [0xd0, 0x8c, 0x9d, 0xdf, 0x01, 0x15, 0xd1, 0x11, 0x8c, 0x7a, 0x00, 0xc0, 0x4f, 0xc2, 0x97, 0xeb];
        assert_eq!(Guid::from_fields(provider).as_str(), "df9d8cd0-1501-11d1-8c7a-00c04fc297eb");
    }
}
