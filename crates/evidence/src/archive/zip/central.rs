//! Records of the central directory.

use std::io::Read;

use super::{CENTRAL, CENTRAL_BYTES, Entry, FORMAT, u16_at, u32_at, u64_at};
use crate::archive::directory::Info;
use crate::archive::error::{ArchiveError, damaged};
use crate::archive::names::decode;
use crate::time::Timestamp;
use crate::tree::fill;

/// One record of the central directory.
pub(super) struct Central {
    pub(super) entry: Entry,
    pub(super) name: String,
    pub(super) info: Info,
    pub(super) is_dir: bool,
    pub(super) is_link: bool,
    pub(super) bytes: u64,
}

impl Central {
    pub(super) fn read(reader: &mut impl Read, at: u64, prefix: u64) -> Result<Option<Self>, ArchiveError> {
        let mut head = [0; CENTRAL_BYTES];
        let count = fill(reader, &mut head)?;
        if count == 0 {
            return Ok(None);
        }
        // A digital signature may follow the records.
        if head.starts_with(b"PK\x05\x05") {
            return Ok(None);
        }
        if count < CENTRAL_BYTES || !head.starts_with(&CENTRAL) {
            let found = head.iter().take(count.min(4)).map(|byte| format!("{byte:02x}")).collect::<String>();
            return Err(damaged(FORMAT, "record of the central directory", at, "PK\\1\\2", found));
        }
        let (name_len, extra_len) = (u16_at(&head, 28), u16_at(&head, 30));
        let comment_len = u16_at(&head, 32);
        let total = usize::from(name_len) + usize::from(extra_len) + usize::from(comment_len);
        let mut rest = vec![0; total];
        if fill(reader, &mut rest)? < total {
            return Err(damaged(
                FORMAT,
                "record of the central directory",
                at,
                format!("{total} more bytes"),
                "the end",
            ));
        }
        let raw = rest.get(..usize::from(name_len)).unwrap_or_default();
        let extra = rest.get(usize::from(name_len)..).and_then(|rest| rest.get(..usize::from(extra_len)));
        let mut record = Self {
            entry: Entry {
                central: at,
                local: u64::from(u32_at(&head, 42)),
                packed: u64::from(u32_at(&head, 20)),
                crc: u32_at(&head, 16),
                method: u16_at(&head, 10),
                flags: u16_at(&head, 8),
            },
            name: decode(raw).into_owned(),
            info: Info { size: u64::from(u32_at(&head, 24)), created: None, modified: None },
            is_dir: false,
            is_link: false,
            bytes: (CENTRAL_BYTES + total) as u64,
        };
        record.extras(extra.unwrap_or_default(), raw);
        let host = head.get(5).copied().unwrap_or_default();
        let attributes = u32_at(&head, 38);
        // 3 is Unix, 19 is macOS: the upper half then holds the mode.
        record.is_link = matches!(host, 3 | 19) && attributes >> 16 & 0xf000 == 0xa000;
        record.is_dir =
            record.name.ends_with(['/', '\\']) || (attributes & 0x10 != 0 && record.info.size == 0);
        record.entry.local = record.entry.local.saturating_add(prefix);
        Ok(Some(record))
    }

    fn extras(&mut self, mut extra: &[u8], raw_name: &[u8]) {
        let mut unix = (None, None);
        while let Some((head, rest)) = extra.split_first_chunk::<4>() {
            let (id, len) = (u16_at(head, 0), usize::from(u16_at(head, 2)));
            let Some((field, next)) = rest.split_at_checked(len) else { break };
            match id {
                0x0001 => self.zip64(field),
                0x000a => self.ntfs(field),
                0x5455 => unix = extended(field),
                0x7075 => self.unicode_name(field, raw_name),
                _ => {}
            }
            extra = next;
        }
        self.info.modified = self.info.modified.or(unix.0);
        self.info.created = self.info.created.or(unix.1);
    }

    /// Values that do not fit into the record, in the order of the record.
    fn zip64(&mut self, mut field: &[u8]) {
        for value in [&mut self.info.size, &mut self.entry.packed, &mut self.entry.local] {
            if *value == u64::from(u32::MAX)
                && let Some((head, rest)) = field.split_first_chunk::<8>()
            {
                *value = u64::from_le_bytes(*head);
                field = rest;
            }
        }
    }

    /// Four reserved bytes, then attributes; attribute 1 holds write, access and creation time as FILETIME.
    fn ntfs(&mut self, field: &[u8]) {
        let mut rest = field.get(4..).unwrap_or_default();
        while let Some((head, behind)) = rest.split_first_chunk::<4>() {
            let Some((value, next)) = behind.split_at_checked(usize::from(u16_at(head, 2))) else { return };
            if u16_at(head, 0) == 1 && value.len() >= 24 {
                self.info.modified = Timestamp::from_filetime(u64_at(value, 0));
                self.info.created = Timestamp::from_filetime(u64_at(value, 16));
            }
            rest = next;
        }
    }

    /// The name in UTF-8, valid while the checksum is that of the plain name.
    fn unicode_name(&mut self, field: &[u8], raw_name: &[u8]) {
        let mut crc = flate2::Crc::new();
        crc.update(raw_name);
        if field.first() == Some(&1)
            && u32_at(field, 1) == crc.sum()
            && let Some(Ok(name)) = field.get(5..).map(std::str::from_utf8)
        {
            name.clone_into(&mut self.name);
        }
    }
}

/// Last write and creation in Unix seconds; the central directory usually holds the first alone.
fn extended(field: &[u8]) -> (Option<Timestamp>, Option<Timestamp>) {
    let flags = field.first().copied().unwrap_or_default();
    let mut rest = field.get(1..).unwrap_or_default();
    let mut next = |present: bool| {
        let (value, behind) = rest.split_first_chunk::<4>().filter(|_| present)?;
        rest = behind;
        Timestamp::from_unix_seconds(i64::from(i32::from_le_bytes(*value)))
    };
    let modified = next(flags & 1 != 0);
    next(flags & 2 != 0);
    (modified, next(flags & 4 != 0))
}
