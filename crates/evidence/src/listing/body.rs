//! The bodyfile of The Sleuth Kit, version 3: `MD5|name|inode|mode|UID|GID|size|atime|mtime|ctime|crtime`.

use super::{FolderCache, ListedEntry, ListedTime, Tally, Visit, Zone};
use crate::time::Timestamp;

/// Fields behind the name.
const FIELDS_AFTER_NAME: usize = 9;

/// A line taken apart.
struct Fields<'a> {
    name: &'a str,
    mode: &'a str,
    size: u64,
    modified: Option<Timestamp>,
    created: Option<Timestamp>,
}

fn fields(line: &str) -> Option<Fields<'_>> {
    let (_, rest) = line.split_once('|')?;
    // A name may hold the separator, so the fields are counted from the end.
    let mut parts = rest.rsplitn(FIELDS_AFTER_NAME + 1, '|');
    let created = seconds(parts.next()?)?;
    let _changed = seconds(parts.next()?)?;
    let modified = seconds(parts.next()?)?;
    let _accessed = seconds(parts.next()?)?;
    let size = parts.next()?.trim().parse().ok()?;
    let (_group, _user) = (parts.next()?, parts.next()?);
    let mode = parts.next()?;
    let _inode = parts.next()?;
    let name = parts.next()?;
    Some(Fields { name, mode, size, modified, created })
}

/// Whether a line is one of a bodyfile.
pub(super) fn is_row(line: &str) -> bool {
    fields(line).is_some_and(|fields| !fields.name.is_empty() && fields.mode.contains('/'))
}

/// Seconds since 1970 with an optional fraction; the outer `None` is "not a number", the inner one "not known".
fn seconds(text: &str) -> Option<Option<Timestamp>> {
    let text = text.trim();
    if text.is_empty() {
        return Some(None);
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let base = Timestamp::from_unix_seconds(whole.parse().ok()?);
    if fraction.is_empty() {
        return Some(base);
    }
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut ticks = 0;
    for at in 0..7 {
        ticks = ticks * 10 + fraction.as_bytes().get(at).map_or(0, |byte| u64::from(byte - b'0'));
    }
    Some(base.and_then(|base| Timestamp::from_filetime(base.filetime() + ticks)))
}

/// Reads rows one after the other.
#[derive(Default)]
pub(super) struct State {
    folder: FolderCache,
}

impl State {
    pub(super) fn line(&mut self, number: u64, line: &str, tally: &mut Tally, visit: Visit<'_>) {
        if line.trim().is_empty() || line.starts_with('#') {
            return;
        }
        let Some(fields) = fields(line) else {
            tally.bad(number);
            return;
        };
        let mut name = fields.name.trim_end();
        let mut deleted = false;
        for mark in [" (deleted)", " (deleted-realloc)"] {
            if let Some(shorter) = name.strip_suffix(mark) {
                name = shorter;
                deleted = true;
            }
        }
        if (fields.mode.starts_with("l/") || fields.mode.contains("/l"))
            && let Some((link, _)) = name.split_once(" -> ")
        {
            name = link;
        }
        let (folder, last) = name.trim_end_matches('/').rsplit_once('/').unwrap_or(("", name));
        // The second row for the same file, and rows for its alternate streams.
        if last.ends_with(" ($FILE_NAME)") || last.contains(':') {
            tally.left_out += 1;
            return;
        }
        if last == "." || last == ".." {
            return;
        }
        if last.is_empty() {
            tally.bad(number);
            return;
        }
        let utc = |time: Option<Timestamp>| time.map(|time| ListedTime { time, zone: Zone::Utc });
        let is_dir = fields.mode.starts_with("d/") || fields.mode.contains("/d");
        tally.entries += 1;
        visit(&ListedEntry {
            folder: self.folder.get(folder),
            name: last,
            is_dir,
            size: (!is_dir).then_some(fields.size),
            created: utc(fields.created),
            modified: utc(fields.modified),
            line: number,
            deleted,
        });
    }
}
