//! The output of `dir`.
//!
//! A row is `date  time  size name`, where the size ends, or a mark such as `<DIR>` and its padding end, 18 or 19
//! columns after the time. Words differ by language; the folder's line is known by the path in it.

use super::date::{self, Clock, DateOrder, RawDate};
use super::{ListedEntry, ListedTime, Survey, Tally, TimeField, Visit, Zone, windows_path};
use crate::path::WindowsPath;

/// Columns from the end of the time to the end of the size.
const SIZE_COLUMNS: usize = 18;
/// Columns from the `<` of a mark to the name.
const MARK_COLUMNS: usize = 15;
/// Columns of the owner that `dir /q` puts before the name.
const OWNER_COLUMNS: usize = 23;

/// A row before the order of its date is known.
pub(super) struct Row<'a> {
    pub date: RawDate,
    pub clock: Clock,
    is_dir: bool,
    size: Option<u64>,
    name: &'a str,
    /// The size stands where `dir` puts it, so this is no line of some log.
    pub aligned: bool,
}

/// A folder's line.
pub(super) struct Header {
    folder: WindowsPath,
    pub computer: Option<String>,
}

/// Date and clock at the start of a line.
fn stamp(line: &str) -> Option<(RawDate, Clock, &str)> {
    // Some cultures put the day of the week first.
    let line = match line.split_once(' ') {
        Some((word, rest)) if word.len() <= 6 && word.chars().all(char::is_alphabetic) => rest.trim_start(),
        _ => line,
    };
    let (date, rest) = date::date(line)?;
    let rest = rest.strip_prefix('.').unwrap_or(rest);
    let spaced = rest.trim_start_matches([' ', '\t']);
    if spaced.len() == rest.len() {
        return None;
    }
    let (clock, rest) = date::clock(spaced)?;
    (clock.second.is_none() && rest.starts_with([' ', '\t'])).then_some((date, clock, rest))
}

/// Whether a line begins like a row.
fn begins_like_a_row(line: &str) -> bool {
    stamp(line).is_some()
}

/// One row.
pub(super) fn row(line: &str) -> Option<Row<'_>> {
    let (date, clock, rest) = stamp(line)?;
    let body = rest.trim_start_matches([' ', '\t']);
    let column = rest.len() - body.len();
    if body.starts_with('<') {
        let end = body.find('>')? + 1;
        let mark = body.get(..end)?;
        let padding = MARK_COLUMNS.saturating_sub(end).max(1);
        let name = skip_spaces(body.get(end..)?, padding);
        // A junction's target stands in brackets behind its name.
        let is_link = !mark.eq_ignore_ascii_case("<DIR>");
        let name = name.rsplit_once(" [").filter(|_| is_link && name.ends_with(']')).map_or(name, |(n, _)| n);
        let is_dir = !mark.eq_ignore_ascii_case("<SYMLINK>");
        let name = without_owner(name);
        return (!name.is_empty()).then_some(Row { date, clock, is_dir, size: None, name, aligned: true });
    }
    let (size, used) = size(body, column)?;
    let name = body.get(used..)?.strip_prefix([' ', '\t'])?;
    let name = without_owner(name);
    let aligned = (SIZE_COLUMNS..=SIZE_COLUMNS + 2).contains(&(column + body.get(..used)?.chars().count()));
    (!name.is_empty()).then_some(Row { date, clock, is_dir: false, size: Some(size), name, aligned })
}

fn skip_spaces(text: &str, most: usize) -> &str {
    let spaces = text.bytes().take_while(|byte| *byte == b' ').count().min(most);
    text.get(spaces..).unwrap_or_default()
}

/// A size that begins at `column`, and how many bytes of text it takes.
fn size(body: &str, column: usize) -> Option<(u64, usize)> {
    let mut value: u64 = 0;
    let mut used = 0;
    for (columns, (at, c)) in (column..).zip(body.char_indices()) {
        let rest = body.get(at + c.len_utf8()..).unwrap_or_default();
        let group = rest.bytes().take_while(u8::is_ascii_digit).count() == 3;
        if let Some(digit) = c.to_digit(10) {
            value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
        } else if used == 0 || !group {
            break;
        } else {
            match c {
                '.' | ',' | '\'' | '\u{2019}' | '\u{a0}' | '\u{202f}' => {}
                // A plain space separates thousands only while the column of sizes is not at its end.
                ' ' if columns < SIZE_COLUMNS => {}
                _ => break,
            }
        }
        used = at + c.len_utf8();
    }
    (used > 0).then_some((value, used))
}

/// Cuts the owner off that `dir /q` puts before the name. A name holds no backslash, an owner does.
fn without_owner(name: &str) -> &str {
    let unknown = name.strip_prefix("...").filter(|rest| rest.starts_with("  ")).map(str::trim_start);
    if let Some(name) = unknown {
        return name;
    }
    let Some(slash) = name.find('\\') else { return name };
    let account = name.get(slash..).unwrap_or_default();
    let columns = name.char_indices().nth(OWNER_COLUMNS).map(|(at, _)| at);
    match columns.and_then(|at| name.split_at_checked(at)) {
        Some((owner, rest)) if owner.ends_with(' ') && !rest.starts_with(' ') => rest,
        _ => account.split_once(' ').map_or(name, |(_, rest)| rest.trim_start()),
    }
}

/// The folder that follows, from a line such as ` Directory of C:\ProgramData`.
pub(super) fn header(line: &str) -> Option<Header> {
    if !line.starts_with([' ', '\t']) || begins_like_a_row(line.trim_start()) {
        return None;
    }
    let drive = line.find(":\\").and_then(|colon| {
        let letter = line.get(..colon)?.chars().next_back().filter(char::is_ascii_alphabetic)?;
        line.get(colon - letter.len_utf8()..)
    });
    let share = || line.find("\\\\").and_then(|at| line.get(at..));
    let mut path = drive.or_else(share)?.trim_end();
    // East Asian languages say "directory of" behind the path.
    for ending in [" のディレクトリ", " 的目录", " 的目錄", " 디렉터리"] {
        path = path.strip_suffix(ending).unwrap_or(path);
    }
    let (folder, computer) = windows_path(path);
    Some(Header { folder, computer })
}

/// What a recorded command line asks for, as in `C:\>dir /tc /a C:\ProgramData`.
pub(super) fn command(line: &str) -> Option<TimeField> {
    let lower = line.to_ascii_lowercase();
    let (prompt, typed) = match lower.split_once('>') {
        Some((prompt, typed)) => (prompt.trim_start(), typed),
        None => ("", lower.as_str()),
    };
    let is_prompt = prompt.contains(":\\") || prompt.is_empty() || prompt.contains("\\\\");
    let mut words = typed.split_whitespace().skip_while(|word| ["cmd", "cmd.exe", "/c"].contains(word));
    let first = words.next()?;
    let glued = first.strip_prefix("dir").filter(|rest| rest.is_empty() || rest.starts_with('/'))?;
    if !is_prompt || (prompt.is_empty() && !typed.contains('/')) {
        return None;
    }
    let switches = std::iter::once(glued).chain(words).flat_map(|word| word.split('/').skip(1));
    let mut field = TimeField::LastWrite;
    for switch in switches {
        match switch.replace(':', "").as_str() {
            "tc" => field = TimeField::Creation,
            "tw" => field = TimeField::LastWrite,
            "ta" => field = TimeField::Access,
            _ => {}
        }
    }
    Some(field)
}

/// What the name of a listing tells: `dir_tc.txt`, `creation-times.txt`.
pub(super) fn field_of_name(name: &str) -> TimeField {
    let lower = name.to_ascii_lowercase();
    let mut words = lower.split(|c: char| !c.is_ascii_alphanumeric());
    if lower.contains("creat") || words.any(|word| word == "tc" || word == "dirtc") {
        TimeField::Creation
    } else {
        TimeField::Unknown
    }
}

/// Reads rows one after the other.
pub(super) struct State {
    order: Option<DateOrder>,
    field: TimeField,
    folder: WindowsPath,
}

impl State {
    pub(super) fn new(survey: &Survey) -> Self {
        Self { order: survey.order, field: survey.time_field, folder: WindowsPath::default() }
    }

    pub(super) fn line(&mut self, number: u64, line: &str, tally: &mut Tally, visit: Visit<'_>) {
        if let Some(row) = row(line) {
            if row.is_dir && (row.name == "." || row.name == "..") {
                return;
            }
            let Some(time) = date::civil(&row.date, &row.clock, self.order) else {
                tally.bad(number);
                return;
            };
            let time = Some(ListedTime { time, zone: Zone::Local });
            tally.entries += 1;
            visit(&ListedEntry {
                folder: &self.folder,
                name: row.name,
                is_dir: row.is_dir,
                size: row.size,
                created: time.filter(|_| self.field == TimeField::Creation),
                modified: time.filter(|_| matches!(self.field, TimeField::LastWrite | TimeField::Unknown)),
                line: number,
                deleted: false,
            });
        } else if begins_like_a_row(line) {
            tally.bad(number);
        } else if let Some(field) = command(line) {
            self.field = field;
        } else if let Some(header) = header(line) {
            self.folder = header.folder;
        }
    }
}
