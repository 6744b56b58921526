//! Recognises a listing by its first bytes.

use super::lines::{self, Unicode};
use super::{ListingKind, body, csv, dir, inspection};

/// Lines looked at.
const MAX_LINES: usize = 60;

/// The form of listing that `head` begins, if it begins one.
///
/// The name of the file is not trusted; only an AppleDouble companion (`._name`) is refused by it.
pub fn is_listing(head: &[u8], name: &str) -> Option<ListingKind> {
    if name.starts_with("._") {
        return None;
    }
    let unicode = Unicode::of(head);
    // Text holds no zero bytes; this keeps binaries out cheaply.
    if unicode == Unicode::Bytes && head.contains(&0) {
        return None;
    }
    let page = lines::each(&mut &*head, unicode, &mut |_, _| {}).ok()?;
    let mut seen = Seen::default();
    let mut count = 0;
    let mut source = head;
    lines::each(&mut source, unicode, &mut |_, line| {
        let Some(line) = line.filter(|line| !line.is_empty() && count < MAX_LINES) else { return };
        count += 1;
        seen.look(&lines::text(line, page), count);
    })
    .ok()?;
    seen.decide()
}

#[derive(Default)]
struct Seen {
    csv: bool,
    inspection: bool,
    body: usize,
    rows: usize,
    aligned: usize,
    folder: bool,
}

impl Seen {
    fn look(&mut self, line: &str, count: usize) {
        self.inspection |= count == 1 && inspection::is_start(line);
        // Column names stand first, below `#TYPE` at most.
        if count <= 3 && csv::Header::parse(line).is_some() {
            self.csv = true;
        }
        if body::is_row(line) {
            self.body += 1;
        }
        if let Some(row) = dir::row(line) {
            self.rows += 1;
            self.aligned += usize::from(row.aligned);
        } else if dir::header(line).is_some() {
            self.folder = true;
        }
    }

    fn decide(&self) -> Option<ListingKind> {
        if self.inspection {
            Some(ListingKind::Inspection)
        } else if self.csv {
            Some(ListingKind::Csv)
        } else if self.body > 0 {
            Some(ListingKind::Body)
        } else if self.rows > 0 && (self.folder || self.aligned == self.rows) {
            Some(ListingKind::Dir)
        } else {
            None
        }
    }
}
