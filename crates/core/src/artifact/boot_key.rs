//! The four registry keys whose class names hold the boot key, in pieces.
//!
//! Each of `Control\Lsa\{JD,Skew1,GBG,Data}` has a class name of eight hexadecimal digits. Nothing here shows one of
//! them: errors name the key and the place. Format facts: impacket `secretsdump`, dissect.target `lsa.py`.

use std::fmt;

use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

/// Hexadecimal digits in one class name.
pub const CLASS_LEN: usize = 8;

/// One of the four keys, in the order in which their class names are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Piece {
    /// `Lsa\JD`.
    Jd,
    /// `Lsa\Skew1`.
    Skew1,
    /// `Lsa\GBG`.
    Gbg,
    /// `Lsa\Data`.
    Data,
}

impl Piece {
    /// All four, in order.
    pub const ALL: [Self; 4] = [Self::Jd, Self::Skew1, Self::Gbg, Self::Data];

    /// Name of the key below `Control\Lsa`.
    pub fn key_name(self) -> &'static str {
        match self {
            Self::Jd => "JD",
            Self::Skew1 => "Skew1",
            Self::Gbg => "GBG",
            Self::Data => "Data",
        }
    }
}

impl fmt::Display for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key_name())
    }
}

/// Why the class names do not make a boot key; what they say is never shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ClassFault {
    /// The key is not there or has no class name.
    #[error("Lsa\\{piece} has no class name")]
    Missing {
        /// Which key.
        piece: Piece,
    },
    /// Too many or too few characters.
    #[error("the class name of Lsa\\{piece} has {found} characters where 8 are expected")]
    Length {
        /// Which key.
        piece: Piece,
        /// Number of characters.
        found: usize,
    },
    /// A character is no hexadecimal digit.
    #[error("character {position} of the class name of Lsa\\{piece} is not a hexadecimal digit")]
    NotHex {
        /// Which key.
        piece: Piece,
        /// Index of the character, from 0.
        position: usize,
    },
}

/// The class names as found; `None` where a key or its class name is missing.
#[derive(Clone, Copy)]
pub struct ClassNames<'a> {
    /// Class name of `Lsa\JD`.
    pub jd: Option<&'a str>,
    /// Class name of `Lsa\Skew1`.
    pub skew1: Option<&'a str>,
    /// Class name of `Lsa\GBG`.
    pub gbg: Option<&'a str>,
    /// Class name of `Lsa\Data`.
    pub data: Option<&'a str>,
}

impl fmt::Debug for ClassNames<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let there: Vec<_> = Piece::ALL.into_iter().filter(|&piece| self.get(piece).is_some()).collect();
        write!(f, "ClassNames({there:?})")
    }
}

impl<'a> ClassNames<'a> {
    /// The class name of one key.
    pub fn get(&self, piece: Piece) -> Option<&'a str> {
        match piece {
            Piece::Jd => self.jd,
            Piece::Skew1 => self.skew1,
            Piece::Gbg => self.gbg,
            Piece::Data => self.data,
        }
    }

    /// The sixteen bytes that the class names spell, in the order JD, Skew1, GBG, Data.
    ///
    /// # Errors
    /// [`ClassFault`] for the first class name that is missing or malformed.
    pub fn joined(&self) -> Result<Zeroizing<Vec<u8>>, ClassFault> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(16));
        for piece in Piece::ALL {
            let text = self.get(piece).ok_or(ClassFault::Missing { piece })?;
            // Some writers count the terminator into the class name's length.
            let text = text.trim_end_matches('\0');
            let found = text.chars().count();
            if found != CLASS_LEN {
                return Err(ClassFault::Length { piece, found });
            }
            let mut half = 0_u8;
            for (position, digit) in text.chars().enumerate() {
                let value = digit.to_digit(16).ok_or(ClassFault::NotHex { piece, position })? as u8;
                if position % 2 == 0 {
                    half = value << 4;
                } else {
                    bytes.push(half | value);
                }
            }
            half.zeroize();
        }
        Ok(bytes)
    }
}

/// Where the boot key is kept, from `Control\Lsa\SecureBoot`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BootKeyPlace {
    /// In the registry.
    Registry,
    /// Derived from a password that is typed at start.
    Password,
    /// On a floppy disk.
    Floppy,
    /// A value that is not known.
    Other(u32),
}

impl BootKeyPlace {
    /// Reads the value `SecureBoot`; a missing value means the registry.
    pub fn from_secure_boot(value: Option<u32>) -> Self {
        match value {
            None | Some(1) => Self::Registry,
            Some(2) => Self::Password,
            Some(3) => Self::Floppy,
            Some(other) => Self::Other(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: ClassNames<'_> = ClassNames {
        jd: Some("00010203"),
        skew1: Some("04050607"),
        gbg: Some("08090a0b"),
        data: Some("0C0D0E0F\0"),
    };

    #[test]
    fn class_names_are_joined_in_their_order() {
        assert_eq!(WHOLE.joined().unwrap().as_slice(), (0..16).collect::<Vec<u8>>());
    }

    #[test]
    fn an_error_names_the_key_and_not_the_content() {
        let broken = [
            (ClassNames { gbg: None, ..WHOLE }, ClassFault::Missing { piece: Piece::Gbg }),
            (
                ClassNames { skew1: Some("abcde"), ..WHOLE },
                ClassFault::Length { piece: Piece::Skew1, found: 5 },
            ),
            (
                ClassNames { data: Some("abcdeäab"), ..WHOLE },
                ClassFault::NotHex { piece: Piece::Data, position: 5 },
            ),
        ];
        for (names, fault) in broken {
            assert_eq!(names.joined(), Err(fault));
            assert!(!fault.to_string().contains("abc") && !format!("{names:?}").contains("abc"));
        }
    }

    #[test]
    fn the_boot_key_is_on_disk_unless_secure_boot_says_otherwise() {
        assert_eq!(BootKeyPlace::from_secure_boot(None), BootKeyPlace::Registry);
        assert_eq!(BootKeyPlace::from_secure_boot(Some(2)), BootKeyPlace::Password);
        assert_eq!(BootKeyPlace::from_secure_boot(Some(9)), BootKeyPlace::Other(9));
    }
}
