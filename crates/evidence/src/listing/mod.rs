//! Directory listings: names, sizes and times that somebody wrote down on the living machine.
//!
//! Four forms are read: the output of `dir` of Windows in any language, PowerShell's `Get-ChildItem | Export-Csv`, the
//! bodyfile (version 3) of The Sleuth Kit, and the folders that Azure's disk inspection lists in its results. A listing is read twice, first by [`survey`], which finds out its
//! encoding and the order of day and month, then by [`parse`], which hands each row to a callback. Neither keeps rows,
//! so a million of them cost no memory.

mod body;
pub(crate) mod csv;
mod date;
mod detect;
mod dir;
mod inspection;
pub(crate) mod lines;
#[cfg(test)]
mod tests;

use std::io::{self, Read};

use crate::error::EvidenceError;
use crate::handle::{File, Sha256Digest};
use crate::path::WindowsPath;
use crate::time::Timestamp;

pub(crate) use csv::split as csv_fields;
pub use date::{DateBasis, DateOrder};
pub use detect::is_listing;
pub use lines::MAX_LINE;

/// Bytes from the start of a file that [`is_listing`] wants to see.
pub const HEAD_BYTES: usize = 4_096;

/// The form of a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ListingKind {
    /// Output of `dir`.
    Dir,
    /// Output of PowerShell's `Export-Csv` or `ConvertTo-Csv`.
    Csv,
    /// A bodyfile.
    Body,
    /// Results of Azure's disk inspection.
    Inspection,
}

/// What the time column of a `dir` listing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeField {
    /// Each row says what its times are (CSV, bodyfile).
    Named,
    /// Creation: the command line has `/tc`, or the file's name says so.
    Creation,
    /// Last write: the command line is there and has no `/t`, or `/tw`.
    LastWrite,
    /// Last access (`/ta`): the time is left out.
    Access,
    /// The output does not say; rows are given as last write, which is what `dir` shows by default.
    Unknown,
}

/// How a time in a listing is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zone {
    /// It is UTC.
    Utc,
    /// It is the local time of the machine that wrote it; its offset must be subtracted.
    Local,
}

/// A time as a listing has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListedTime {
    /// The calendar time that was written down. For [`Zone::Local`] it is not yet a moment in UTC.
    pub time: Timestamp,
    /// How it is meant.
    pub zone: Zone,
}

impl ListedTime {
    /// The moment in UTC, for a machine whose local time was UTC plus `offset_minutes`.
    pub fn to_utc(self, offset_minutes: i64) -> Option<Timestamp> {
        match self.zone {
            Zone::Utc => Some(self.time),
            Zone::Local => self.time.plus_minutes(offset_minutes.checked_neg()?),
        }
    }
}

/// One row of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedEntry<'a> {
    /// The folder; without names when the listing does not tell.
    pub folder: &'a WindowsPath,
    /// The name.
    pub name: &'a str,
    /// Whether it is a folder.
    pub is_dir: bool,
    /// Size in bytes; `None` for folders.
    pub size: Option<u64>,
    /// Creation time.
    pub created: Option<ListedTime>,
    /// Last write.
    pub modified: Option<ListedTime>,
    /// Line in the listing, counted from one.
    pub line: u64,
    /// The bodyfile marks it as deleted.
    pub deleted: bool,
}

impl ListedEntry<'_> {
    /// Folder and name in one.
    pub fn path(&self) -> WindowsPath {
        let mut path = self.folder.clone();
        path.names.push(self.name.to_owned());
        path
    }
}

/// What holds for a listing as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// Its form.
    pub kind: ListingKind,
    /// The order of day and month; `None` when there are no dates that need one.
    pub order: Option<DateOrder>,
    /// How the order is known.
    pub basis: Option<DateBasis>,
    /// What the time column of a `dir` listing is, as far as its first rows go.
    pub time_field: TimeField,
    /// Name of the machine that it was written on, or read from, when it says.
    pub computer: Option<String>,
    pub(crate) encoding: lines::Encoding,
    pub(crate) delimiter: char,
}

impl Survey {
    /// Whether day and month may be swapped.
    pub fn is_ambiguous(&self) -> bool {
        self.basis == Some(DateBasis::Guess)
    }
}

/// What [`parse`] met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Rows handed out.
    pub entries: u64,
    /// Lines that look like rows and could not be read.
    pub bad_lines: u64,
    /// The first of those.
    pub first_bad_line: Option<u64>,
    /// Rows left out on purpose: `$FILE_NAME` duplicates and alternate streams of a bodyfile.
    pub left_out: u64,
}

impl Tally {
    pub(crate) fn bad(&mut self, line: u64) {
        self.bad_lines += 1;
        self.first_bad_line = self.first_bad_line.or(Some(line));
    }
}

/// Receives the rows of a listing.
pub type Visit<'a> = &'a mut dyn FnMut(&ListedEntry<'_>);

/// Reads a listing once to learn what holds for all of it. `None` when it is no listing.
///
/// `name` is the file's name; it may tell which time `dir` was asked for.
///
/// # Errors
/// When reading fails.
pub fn survey(reader: &mut dyn Read, name: &str) -> io::Result<Option<Survey>> {
    let mut head = vec![0; HEAD_BYTES];
    let filled = crate::tree::fill(reader, &mut head)?;
    head.truncate(filled);
    let Some(kind) = is_listing(&head, name) else { return Ok(None) };
    let unicode = lines::Unicode::of(&head);
    let likely = lines::each(&mut head.as_slice(), unicode, &mut |_, _| {})?;
    let mut found = Found { kind, votes: date::Votes::default(), field: None, computer: None, header: None };
    let mut whole = io::Cursor::new(head).chain(reader);
    let page = lines::each(&mut whole, unicode, &mut |_, line| {
        if let Some(line) = line {
            found.look(&lines::text(line, likely));
        }
    })?;
    let (order, basis) = found.votes.decide().unzip();
    Ok(Some(Survey {
        kind,
        order,
        basis,
        time_field: found.field.unwrap_or(match kind {
            ListingKind::Dir => dir::field_of_name(name),
            _ => TimeField::Named,
        }),
        computer: found.computer,
        encoding: lines::Encoding { unicode, page },
        delimiter: found.header.as_ref().map_or(',', |header| header.delimiter),
    }))
}

/// What [`survey`] gathers line by line.
struct Found {
    kind: ListingKind,
    votes: date::Votes,
    field: Option<TimeField>,
    computer: Option<String>,
    header: Option<csv::Header>,
}

impl Found {
    fn look(&mut self, line: &str) {
        match self.kind {
            ListingKind::Body | ListingKind::Inspection => {}
            ListingKind::Dir => {
                if let Some(row) = dir::row(line) {
                    self.votes.add(&row.date, row.clock);
                } else if let Some(field) = dir::command(line) {
                    self.field = self.field.or(Some(field));
                } else if self.computer.is_none() {
                    self.computer = dir::header(line).and_then(|header| header.computer);
                }
            }
            ListingKind::Csv => match &self.header {
                None => self.header = csv::Header::parse(line),
                Some(header) => {
                    let Some(fields) = csv::split(line, header.delimiter) else { return };
                    for text in header.times(&fields) {
                        if let Some((date, clock)) = date::parts(text) {
                            self.votes.add(&date, clock);
                        }
                    }
                    if self.computer.is_none() {
                        self.computer = header.computer(&fields);
                    }
                }
            },
        }
    }
}

/// Reads the rows of a listing from its start.
///
/// # Errors
/// When reading fails. A line that cannot be understood is counted in the tally.
pub fn parse(reader: &mut dyn Read, survey: &Survey, visit: Visit<'_>) -> io::Result<Tally> {
    let mut tally = Tally::default();
    let page = survey.encoding.page;
    match survey.kind {
        ListingKind::Dir => {
            let mut state = dir::State::new(survey);
            lines::each(reader, survey.encoding.unicode, &mut |number, line| match line {
                Some(line) => state.line(number, &lines::text(line, page), &mut tally, visit),
                None => tally.bad(number),
            })?;
        }
        ListingKind::Csv => {
            let mut state = csv::State::new(survey);
            lines::each(reader, survey.encoding.unicode, &mut |number, line| match line {
                Some(line) => state.line(number, &lines::text(line, page), &mut tally, visit),
                None => tally.bad(number),
            })?;
        }
        ListingKind::Inspection => {
            let mut state = inspection::State::default();
            lines::each(reader, survey.encoding.unicode, &mut |number, line| match line {
                Some(line) => state.line(number, &lines::text(line, page), &mut tally, visit),
                None => tally.bad(number),
            })?;
        }
        ListingKind::Body => {
            let mut state = body::State::default();
            lines::each(reader, survey.encoding.unicode, &mut |number, line| match line {
                Some(line) => state.line(number, &lines::text(line, page), &mut tally, visit),
                None => tally.bad(number),
            })?;
        }
    }
    Ok(tally)
}

/// A listing in the evidence, surveyed.
#[derive(Debug, Clone)]
pub struct Listing {
    /// The file.
    pub file: File,
    /// What holds for all of it.
    pub survey: Survey,
}

impl Listing {
    /// Surveys a file; `None` when it is no listing.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(file: &File) -> Result<Option<Self>, EvidenceError> {
        let survey = survey(&mut file.open()?, &file.name).map_err(|e| unreadable(file, e))?;
        Ok(survey.map(|survey| Self { file: file.clone(), survey }))
    }

    /// Hands every row to `visit` and hashes the file in the same pass.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn each(&self, visit: Visit<'_>) -> Result<(Tally, Sha256Digest), EvidenceError> {
        let mut reader = self.file.open_hashed()?;
        let tally = parse(&mut reader, &self.survey, visit).map_err(|e| unreadable(&self.file, e))?;
        let (_, hash) = reader.finish().map_err(|e| unreadable(&self.file, e))?;
        Ok((tally, hash))
    }
}

fn unreadable(file: &File, source: io::Error) -> EvidenceError {
    EvidenceError::Unreadable { path: file.path(), action: "read the listing", source }
}

/// A folder that is taken apart only when it changes from one row to the next.
#[derive(Default)]
struct FolderCache {
    text: String,
    path: WindowsPath,
}

impl FolderCache {
    fn get(&mut self, text: &str) -> &WindowsPath {
        if self.text != text {
            text.clone_into(&mut self.text);
            self.path = windows_path(text).0;
        }
        &self.path
    }
}

/// Takes a path apart; for `\\server\c$\dir` the drive is that of the administrative share and the server is told.
pub(crate) fn windows_path(text: &str) -> (WindowsPath, Option<String>) {
    let path = WindowsPath::parse(text);
    let is_share = text.starts_with("\\\\") && !text.starts_with("\\\\?\\") && !text.starts_with("\\\\.\\");
    let [server, share, rest @ ..] = path.names.as_slice() else { return (path, None) };
    if !is_share {
        return (path, None);
    }
    let letter = match share.as_bytes() {
        [letter, b'$'] if letter.is_ascii_alphabetic() => Some(char::from(letter.to_ascii_uppercase())),
        _ => None,
    };
    let local = WindowsPath { drive: letter, names: rest.to_vec() };
    (local, Some(server.clone()))
}
