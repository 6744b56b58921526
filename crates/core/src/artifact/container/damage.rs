//! What is provably wrong with a container file, and what is merely unusual.

use std::fmt;

use super::front::Spec;
use super::public_key::PublicFault;
use crate::artifact::dpapi_blob::BlobError;

/// A part of a key pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The public key, in clear.
    Public,
    /// The private key, a DPAPI blob.
    Private,
    /// CAPI: the export flag; CNG: the private properties. A DPAPI blob.
    Flag,
}

/// One block of a container's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Block {
    /// Which pair.
    pub spec: Spec,
    /// Which part of it.
    pub part: Part,
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = match (self.spec, self.part) {
            (_, Part::Public) => "public key",
            (_, Part::Private) => "private key",
            (Spec::Cng, Part::Flag) => "private properties",
            (_, Part::Flag) => "export flag",
        };
        match self.spec {
            Spec::Signature => write!(f, "signature {part}"),
            Spec::Exchange => write!(f, "exchange {part}"),
            Spec::Cng => f.write_str(part),
        }
    }
}

/// What a file that is not a key container looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Foreign {
    /// Readable text.
    Text,
    /// XML text.
    Xml,
    /// A PEM or DER certificate, request or PFX file.
    Certificate,
    /// A zip, cabinet, gzip or 7z archive.
    Archive,
    /// A registry hive.
    Hive,
    /// A Windows program.
    Program,
    /// A key blob as `CryptExportKey` writes it.
    KeyBlob,
    /// Bytes without a known form: encrypted or compressed by something else, or overwritten.
    Unknown,
}

impl Foreign {
    /// Guesses from the first bytes of a file.
    pub fn guess(head: &[u8]) -> Self {
        match head {
            [b'P', b'K', 3 | 5, ..]
            | [b'M', b'S', b'C', b'F', ..]
            | [0x1f, 0x8b, ..]
            | [b'7', b'z', 0xbc, 0xaf, ..] => Self::Archive,
            [b'r', b'e', b'g', b'f', ..] => Self::Hive,
            [b'M', b'Z', ..] => Self::Program,
            [0x30, 0x80..=0x84, ..] => Self::Certificate,
            [0x06 | 0x07 | 0x01, 0x02, 0x00, 0x00, ..] => Self::KeyBlob,
            _ if head.starts_with(b"-----BEGIN") => Self::Certificate,
            _ if head.starts_with(b"<") || head.starts_with(b"\xef\xbb\xbf<") => Self::Xml,
            _ if is_text(head) => Self::Text,
            _ => Self::Unknown,
        }
    }
}

fn is_text(head: &[u8]) -> bool {
    let body = match head {
        [0xff, 0xfe, rest @ ..] => return rest.iter().skip(1).step_by(2).all(|&b| b == 0),
        [0xef, 0xbb, 0xbf, rest @ ..] => rest,
        all => all,
    };
    !body.is_empty() && body.iter().all(|&b| matches!(b, b'\t' | b'\r' | b'\n' | 0x20..=0x7e))
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Xml => "XML",
            Self::Certificate => "a certificate file",
            Self::Archive => "an archive",
            Self::Hive => "a registry hive",
            Self::Program => "a program",
            Self::KeyBlob => "an exported key blob",
            Self::Unknown => "bytes of no known form",
        })
    }
}

/// One thing that is provably wrong with a container file. Offsets are in bytes from the start of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// The file has no bytes.
    Empty,
    /// The file is zero from an offset to its end; from 0: nothing was ever written, or all of it was lost.
    ZeroFilled {
        /// Offset of the first byte of the zeros.
        from: u64,
        /// Size of the file.
        size: u64,
    },
    /// The file does not start like a container.
    NotAContainer {
        /// The first eight bytes, zeros where there are fewer.
        found: [u8; 8],
        /// What it looks like.
        looks_like: Foreign,
    },
    /// The file ends inside its header.
    HeaderTruncated {
        /// Bytes of a header.
        expected: u64,
        /// Size of the file.
        found: u64,
    },
    /// The file is shorter than its header says.
    Truncated {
        /// Size from the header.
        expected: u64,
        /// Size of the file.
        found: u64,
    },
    /// The file is longer than its header says.
    Tail {
        /// Size from the header.
        expected: u64,
        /// Size of the file.
        found: u64,
    },
    /// The name does not end with its terminator.
    NameUnterminated {
        /// Where the terminator belongs.
        offset: u64,
        /// What is there.
        found: u8,
    },
    /// The name holds a control character.
    NameUnprintable {
        /// Where.
        offset: u64,
        /// The byte there.
        found: u8,
    },
    /// A public key block is not one.
    PublicKey {
        /// Which block.
        block: Block,
        /// Where it starts.
        offset: u64,
        /// What is wrong with it.
        fault: PublicFault,
    },
    /// A protected block is not a DPAPI blob, or its lengths do not fit.
    Blob {
        /// Which block.
        block: Block,
        /// Where it starts.
        offset: u64,
        /// What is wrong with it.
        fault: BlobError,
    },
    /// A pair lacks a part that the others need.
    HalfPair {
        /// The part that is missing.
        missing: Block,
        /// Offset of the length in the header that is zero.
        offset: u64,
    },
}

impl Damage {
    /// Offset in bytes, from the start of the file, of what is wrong.
    pub fn offset(&self) -> u64 {
        match *self {
            Self::Empty | Self::NotAContainer { .. } => 0,
            Self::ZeroFilled { from, .. } => from,
            Self::HeaderTruncated { found, .. } | Self::Truncated { found, .. } => found,
            Self::Tail { expected, .. } => expected,
            Self::NameUnterminated { offset, .. }
            | Self::NameUnprintable { offset, .. }
            | Self::PublicKey { offset, .. }
            | Self::HalfPair { offset, .. } => offset,
            Self::Blob { offset, fault, .. } => offset.saturating_add(fault.offset() as u64),
        }
    }

    /// A stable word for the kind of damage.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::ZeroFilled { from: 0, .. } => "all-zero",
            Self::ZeroFilled { .. } => "zero-filled",
            Self::NotAContainer { .. } => "bad-magic",
            Self::HeaderTruncated { .. } | Self::Truncated { .. } => "truncated",
            Self::Tail { .. } => "tail",
            Self::NameUnterminated { .. } | Self::NameUnprintable { .. } => "name",
            Self::PublicKey { .. } => "public-key",
            Self::Blob { .. } => "protected-block",
            Self::HalfPair { .. } => "half-pair",
        }
    }

    /// What belongs there.
    pub fn expected(&self) -> String {
        match self {
            Self::Empty | Self::NotAContainer { .. } => "the header of a key container".to_owned(),
            Self::ZeroFilled { from: 0, .. } => "a key container".to_owned(),
            Self::ZeroFilled { .. } => "key data to the end".to_owned(),
            Self::HeaderTruncated { expected, .. } => format!("a header of {expected} bytes"),
            Self::Truncated { expected, .. } | Self::Tail { expected, .. } => {
                format!("{expected} bytes, as the lengths in the header add up to")
            }
            Self::NameUnterminated { .. } => "a NUL at the end of the name".to_owned(),
            Self::NameUnprintable { .. } => "a printable name".to_owned(),
            Self::PublicKey { fault: PublicFault::Length { expected, .. }, block, .. } => {
                format!("{expected} bytes of {block}")
            }
            Self::PublicKey { fault: PublicFault::ZeroModulus, .. } => "a modulus other than zero".to_owned(),
            Self::PublicKey { fault: PublicFault::Bits { claimed, .. }, .. } => {
                format!("a modulus of {claimed} bits")
            }
            Self::PublicKey { block, .. } => format!("the magic of a {block} (RSA1)"),
            Self::Blob { fault: BlobError::Overrun { field, source }, .. } => {
                format!("{} bytes of {field}", source.need)
            }
            Self::Blob { block, .. } => format!("the DPAPI blob of the {block}"),
            Self::HalfPair { missing, .. } => format!("a {missing} next to the other parts of the pair"),
        }
    }

    /// What is there instead.
    pub fn found(&self) -> String {
        match self {
            Self::Empty => "0 bytes".to_owned(),
            Self::ZeroFilled { from, size } => format!("{} zero bytes", size.saturating_sub(*from)),
            Self::NotAContainer { found, looks_like } => format!("{} ({looks_like})", hex(found)),
            Self::HeaderTruncated { found, .. } => format!("{found} bytes"),
            Self::Truncated { expected, found } => {
                format!("{found} bytes, {} are missing", expected.saturating_sub(*found))
            }
            Self::Tail { expected, found } => {
                format!("{found} bytes, {} too many", found.saturating_sub(*expected))
            }
            Self::NameUnterminated { found, .. } | Self::NameUnprintable { found, .. } => {
                format!("byte {found:02x}")
            }
            Self::PublicKey { fault: PublicFault::Magic { found }, .. } => hex(found),
            Self::PublicKey { fault: PublicFault::Length { found, .. }, .. } => format!("{found} bytes"),
            Self::PublicKey { fault: PublicFault::Bits { found, .. }, .. } => format!("{found} bits"),
            Self::PublicKey { fault: PublicFault::ZeroModulus, .. } => "zero".to_owned(),
            Self::Blob { fault: BlobError::NoMagic { found }, .. } => hex(found),
            Self::Blob { fault: BlobError::Overrun { source, .. }, .. } => {
                format!("{} bytes left", source.len.saturating_sub(source.offset))
            }
            Self::Blob { fault: BlobError::Tail { extra, .. }, .. } => format!("{extra} bytes too many"),
            Self::HalfPair { .. } => "a length of 0".to_owned(),
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at offset {:#x}: expected {}, found {}", self.offset(), self.expected(), self.found())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

/// Something unusual that is not damage, because no public source says that it must be otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// A version that was not seen before, in a file whose lengths add up.
    Version(u32),
    /// A hash field of another length than 20 bytes with keys or 0 without.
    HashLength(u32),
    /// There is no name inside.
    NoName,
    /// The name is not ASCII, so its prefix cannot be verified.
    NameNotAscii,
    /// A block is longer than the DPAPI blob in it.
    BlobSlack {
        /// Which block.
        block: Block,
        /// Bytes behind the blob.
        extra: u64,
    },
    /// A public key of a kind that is not read.
    PublicKeyNotRead(Block),
    /// Properties from this offset on have a structure that is not known.
    PropertiesNotRead {
        /// Offset in bytes from the start of the file.
        offset: u64,
    },
    /// The key lives in hardware (a TPM); the file is no use on another machine.
    Hardware,
    /// Protected parts have a structure that is not known.
    ProtectionNotRead(Block),
}
