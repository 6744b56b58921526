//! `results.txt` of Azure's disk inspection: among much else it lists folders as `ls -l` does.
//!
//! Form: `docs/list_directory.md` of azure-diskinspect-service. A row has the time of the last write, without a year for
//! some and to the day for others, so no times are taken from it.

use super::{FolderCache, ListedEntry, Tally, Visit};

/// Whether a file begins as the results of a disk inspection.
pub(super) fn is_start(line: &str) -> bool {
    line.starts_with("Execution start time: ")
}

/// The folder that a line announces.
fn header(line: &str) -> Option<&str> {
    let (clock, rest) = line.split_once("  Listing contents of ")?;
    is_clock(clock).then_some(rest)?.strip_suffix(':').filter(|path| path.starts_with('/'))
}

/// Whether this is a time of day such as `15:52:59`.
fn is_clock(text: &str) -> bool {
    text.len() == 8
        && text
            .bytes()
            .enumerate()
            .all(|(at, byte)| if at % 3 == 2 { byte == b':' } else { byte.is_ascii_digit() })
}

/// Rows of the folder that was announced last.
#[derive(Default)]
pub(super) struct State {
    folder: Option<String>,
    cache: FolderCache,
}

impl State {
    pub(super) fn line(&mut self, number: u64, line: &str, tally: &mut Tally, visit: Visit<'_>) {
        if let Some(folder) = header(line) {
            self.folder = Some(folder.to_owned());
            return;
        }
        if line.get(..8).is_some_and(is_clock) {
            // Another operation begins.
            self.folder = None;
            return;
        }
        let Some(folder) = &self.folder else { return };
        let Some(row) = Row::parse(line) else {
            if line.starts_with(['-', 'd']) {
                tally.bad(number);
            }
            return;
        };
        if row.name == "." || row.name == ".." {
            return;
        }
        tally.entries += 1;
        visit(&ListedEntry {
            folder: self.cache.get(folder),
            name: row.name,
            is_dir: row.is_dir,
            size: Some(row.size).filter(|_| !row.is_dir),
            created: None,
            modified: None,
            line: number,
            deleted: false,
        });
    }
}

/// What a row says.
struct Row<'a> {
    is_dir: bool,
    size: u64,
    name: &'a str,
}

impl<'a> Row<'a> {
    /// Reads mode, links, owner, group, size, month, day, year or clock, and a name that may have spaces.
    fn parse(line: &'a str) -> Option<Self> {
        let mut rest = line;
        let mut fields = [""; 8];
        for field in &mut fields {
            rest = rest.trim_start_matches(' ');
            (*field, rest) = rest.split_once(' ')?;
        }
        let [mode, links, _, _, size, _, day, _] = fields;
        let is_dir = mode.starts_with('d');
        let is_mode = (is_dir || mode.starts_with('-'))
            && mode.len() >= 10
            && mode.bytes().skip(1).all(|byte| b"rwxsStT-.+@".contains(&byte));
        if !is_mode || rest.is_empty() || links.parse::<u64>().is_err() || day.parse::<u8>().is_err() {
            return None;
        }
        Some(Self { is_dir, size: size.parse().ok()?, name: rest })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ListingKind, parse, survey};

    const RESULTS: &str = "Execution start time: 15:52:50.\r\n\r\n\
        15:52:59  Executing Operation [1/2]: ll,/ProgramData/Microsoft/Crypto/Keys\r\n\
        15:52:59  Listing contents of /ProgramData/Microsoft/Crypto/Keys:\r\n\r\n\
        total 8\r\n\
        drwxrwxrwx 1 root root    4096 Nov 21 15:53 .\r\n\
        drwxrwxrwx 1 root root    4096 Jun 13  2016 ..\r\n\
        -rwxrwxrwx 2 root root    2291 Jul  1  2016 two words_x\r\n\
        drwxrwxrwx 1    0    0    4096 Jul  1  2016 sub\r\n\
        -rwxrwxrwx 2 root root    cut Jul  1  2016 bad\r\n\
        15:53:00  Executing Operation [2/2]: copy,/x\r\n\
        -rwxrwxrwx 2 root root    1 Jul  1  2016 elsewhere\r\n";

    #[test]
    fn folders_are_listed_by_name_and_size_and_nothing_else_is_taken_for_a_row() {
        let survey = survey(&mut RESULTS.as_bytes(), "results.txt").unwrap().expect("a listing");
        assert_eq!(survey.kind, ListingKind::Inspection);
        let mut rows = Vec::new();
        let tally = parse(&mut RESULTS.as_bytes(), &survey, &mut |entry| {
            rows.push((entry.path().names.join("\\"), entry.size, entry.is_dir, entry.modified));
        });
        let folder = "ProgramData\\Microsoft\\Crypto\\Keys";
        let expected = [
            (format!("{folder}\\two words_x"), Some(2291), false, None),
            (format!("{folder}\\sub"), None, true, None),
        ];
        assert_eq!(rows, expected);
        let tally = tally.unwrap();
        assert_eq!((tally.entries, tally.bad_lines, tally.first_bad_line), (2, 1, Some(11)));
    }
}
