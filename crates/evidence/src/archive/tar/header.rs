//! Headers of a tar: ustar, and what PAX and GNU tar put in front of them.

use crate::archive::error::{ArchiveError, damaged};
use crate::archive::names::decode;
use crate::time::{TICKS_PER_SECOND, Timestamp};

/// Size of a header, and what data is padded to, in bytes.
pub(super) const BLOCK: usize = 512;

/// One header.
pub(super) struct Header {
    pub(super) kind: u8,
    pub(super) size: u64,
    pub(super) modified: Option<Timestamp>,
    name: Vec<u8>,
    prefix: Vec<u8>,
    target: Vec<u8>,
}

/// Whether the bytes begin with a tar header: by its checksum, or by the mark of POSIX.
pub(in crate::archive) fn is_header(head: &[u8]) -> bool {
    let Some(block) = head.get(..BLOCK) else { return false };
    block.iter().any(|byte| *byte != 0)
        && (block.get(257..262) == Some(b"ustar") || number(field(block, 148, 8)) == Some(sum(block)))
}

/// The sum of all bytes with the checksum's own taken as blanks.
fn sum(block: &[u8]) -> u64 {
    block
        .iter()
        .enumerate()
        .map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u64::from(*byte) })
        .sum()
}

fn field(block: &[u8], at: usize, len: usize) -> &[u8] {
    block.get(at..at + len).unwrap_or_default()
}

/// Text up to the first zero.
fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// Octal digits, or a big-endian number when the highest bit is set.
fn number(field: &[u8]) -> Option<u64> {
    let (first, rest) = field.split_first()?;
    if *first == 0x80 {
        return rest.iter().try_fold(0_u64, |value, byte| Some(value.checked_mul(256)? | u64::from(*byte)));
    }
    let mut value = 0_u64;
    for byte in field.iter().copied().skip_while(|byte| *byte == b' ') {
        match byte {
            b'0'..=b'7' => value = value.checked_mul(8)?.checked_add(u64::from(byte - b'0'))?,
            b' ' | 0 => break,
            _ => return None,
        }
    }
    Some(value)
}

impl Header {
    pub(super) fn parse(block: &[u8; BLOCK], at: u64) -> Result<Self, ArchiveError> {
        let stored = number(field(block, 148, 8));
        if stored != Some(sum(block)) {
            let found = stored.map_or_else(|| "no number".to_owned(), |stored| stored.to_string());
            return Err(damaged("tar", "checksum of the header", at, sum(block).to_string(), found));
        }
        let raw_size = field(block, 124, 12);
        let size = number(raw_size).ok_or_else(|| {
            damaged(
                "tar",
                "size",
                at + 124,
                "an octal number",
                String::from_utf8_lossy(raw_size).escape_debug().to_string(),
            )
        })?;
        let is_posix = field(block, 257, 6) == b"ustar\0";
        Ok(Self {
            kind: block.get(156).copied().unwrap_or_default(),
            size,
            modified: number(field(block, 136, 12))
                .and_then(|seconds| i64::try_from(seconds).ok())
                .and_then(Timestamp::from_unix_seconds),
            name: text(field(block, 0, 100)).to_vec(),
            // GNU tar keeps other things in this place.
            prefix: if is_posix { text(field(block, 345, 155)).to_vec() } else { Vec::new() },
            target: text(field(block, 157, 100)).to_vec(),
        })
    }

    /// Whether the data says more of the entry behind it.
    pub(super) fn is_extension(&self) -> bool {
        matches!(self.kind, b'x' | b'X' | b'g' | b'L' | b'K')
    }

    /// Whether data follows; links and folders may state a size and have none.
    pub(super) fn has_data(&self) -> bool {
        !matches!(self.kind, b'1'..=b'6')
    }

    pub(super) fn name(&self) -> String {
        let name = decode(&self.name);
        if self.prefix.is_empty() {
            return name.into_owned();
        }
        format!("{}/{name}", decode(&self.prefix))
    }

    pub(super) fn target(&self) -> String {
        decode(&self.target).into_owned()
    }
}

/// What extension headers say of the next entry.
#[derive(Default)]
pub(super) struct Extensions {
    pub(super) name: Option<String>,
    pub(super) target: Option<String>,
    pub(super) size: Option<u64>,
    pub(super) modified: Option<Timestamp>,
    pub(super) created: Option<Timestamp>,
    pub(super) sparse: bool,
}

impl Extensions {
    pub(super) fn add(&mut self, kind: u8, data: &[u8]) {
        match kind {
            b'L' => self.name = Some(decode(text(data)).into_owned()),
            b'K' => self.target = Some(decode(text(data)).into_owned()),
            b'x' | b'X' => self.records(data),
            // Defaults for all entries hold nothing that is of use here.
            _ => {}
        }
    }

    /// PAX records: `LENGTH KEY=VALUE\n`, the length counting itself.
    fn records(&mut self, mut data: &[u8]) {
        while let Some(blank) = data.iter().take(20).position(|byte| *byte == b' ') {
            let digits = data.get(..blank).and_then(|digits| std::str::from_utf8(digits).ok());
            let Some(len) = digits.and_then(|digits| digits.parse::<usize>().ok()) else { return };
            let Some((record, rest)) = data.split_at_checked(len) else { return };
            let Some(record) = record.get(blank + 1..) else { return };
            let record = record.strip_suffix(b"\n").unwrap_or(record);
            if let Some(equals) = record.iter().position(|byte| *byte == b'=') {
                let (key, value) = record.split_at(equals);
                self.record(key, value.get(1..).unwrap_or_default());
            }
            data = rest;
        }
    }

    fn record(&mut self, key: &[u8], value: &[u8]) {
        let shown = || decode(value).into_owned();
        match key {
            b"path" => self.name = Some(shown()),
            b"linkpath" => self.target = Some(shown()),
            b"size" => self.size = shown().parse().ok().or(self.size),
            b"mtime" => self.modified = moment(&shown()).or(self.modified),
            // bsdtar, where the file system keeps it.
            b"LIBARCHIVE.creationtime" => self.created = moment(&shown()),
            key if key.starts_with(b"GNU.sparse.") => self.sparse = true,
            _ => {}
        }
    }
}

/// Unix seconds with an optional fraction, as PAX writes times.
fn moment(text: &str) -> Option<Timestamp> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds = Timestamp::from_unix_seconds(whole.parse().ok()?)?;
    if fraction.is_empty() || whole.starts_with('-') {
        return Some(seconds);
    }
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let ticks: u64 = format!("{fraction:0<7}").get(..7)?.parse().ok()?;
    Timestamp::from_filetime(seconds.filetime().checked_add(ticks.min(TICKS_PER_SECOND - 1))?)
}
