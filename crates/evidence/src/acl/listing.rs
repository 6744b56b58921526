//! Listings of access control that somebody wrote down on the living machine.
//!
//! Five forms are read: the output of `icacls` (and `cacls`), the file of `icacls /save`, PowerShell's
//! `Get-Acl | Format-List` and `Get-Acl | Export-Csv`, and any table with the columns `Path` and `Sddl`. Like directory
//! listings they are surveyed first and then handed out row by row, in any encoding that Windows tools write.

use std::io::{self, Read};

use super::{SecurityDescriptor, icacls, powershell, sddl};
use crate::error::EvidenceError;
use crate::handle::{File, Sha256Digest};
use crate::listing::lines::{self, Encoding, Unicode};
use crate::listing::{HEAD_BYTES, Tally, csv, windows_path};
use crate::path::WindowsPath;

/// Lines of the head that are looked at.
const MAX_LINES: usize = 60;
/// Longest record of a table in bytes, line ends within quotes included.
const MAX_RECORD: usize = 256 * 1024;

/// The form of such a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AclListingKind {
    /// Output of `icacls` or `cacls`.
    Icacls,
    /// A file of `icacls /save`: a name, then its descriptor on a line of its own.
    Saved,
    /// Output of `Get-Acl | Format-List`.
    FormatList,
    /// A table with a path and a descriptor in each record.
    Csv,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedAcl {
    /// File or folder, as far as the listing names it.
    pub path: WindowsPath,
    /// Its access control.
    pub descriptor: SecurityDescriptor,
    /// Line in the listing, counted from one.
    pub line: u64,
}

/// What holds for a listing as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AclSurvey {
    /// Its form.
    pub kind: AclListingKind,
    encoding: Encoding,
}

/// Receives the rows.
pub type VisitAcl<'a> = &'a mut dyn FnMut(ListedAcl);

/// The form of listing that `head` begins, if it begins one. `name` is the file's name.
pub fn is_acl_listing(head: &[u8], name: &str) -> Option<AclListingKind> {
    if name.starts_with("._") {
        return None;
    }
    let unicode = Unicode::of(head);
    if unicode == Unicode::Bytes && head.contains(&0) {
        return None;
    }
    let page = lines::each(&mut &*head, unicode, &mut |_, _| {}).ok()?;
    let mut seen = Seen::default();
    let mut count = 0;
    lines::each(&mut &*head, unicode, &mut |_, line| {
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
    saved: bool,
    path: bool,
    list: bool,
    entries: usize,
    named: bool,
}

impl Seen {
    fn look(&mut self, line: &str, count: usize) {
        self.csv |= count <= 3 && Header::parse(line).is_some();
        if line.starts_with("D:") {
            self.saved |= self.named && sddl::parse(line).is_ok();
        } else {
            self.named = !line.trim().is_empty();
        }
        if let Some((name, _)) = powershell::property(line) {
            let name = name.to_ascii_lowercase();
            self.path |= name == "path";
            self.list |= self.path && ["access", "sddl"].contains(&name.as_str());
        } else if icacls::is_entry(line) {
            self.entries += 1;
        }
    }

    fn decide(&self) -> Option<AclListingKind> {
        if self.csv {
            Some(AclListingKind::Csv)
        } else if self.list {
            Some(AclListingKind::FormatList)
        } else if self.saved {
            Some(AclListingKind::Saved)
        } else if self.entries > 0 {
            Some(AclListingKind::Icacls)
        } else {
            None
        }
    }
}

/// Reads a listing once to learn what holds for all of it. `None` when it is no listing of access control.
///
/// # Errors
/// When reading fails.
pub fn survey(reader: &mut dyn Read, name: &str) -> io::Result<Option<AclSurvey>> {
    let mut head = vec![0; HEAD_BYTES];
    let filled = crate::tree::fill(reader, &mut head)?;
    head.truncate(filled);
    let Some(kind) = is_acl_listing(&head, name) else { return Ok(None) };
    let unicode = Unicode::of(&head);
    let mut whole = io::Cursor::new(head).chain(reader);
    let page = lines::each(&mut whole, unicode, &mut |_, _| {})?;
    Ok(Some(AclSurvey { kind, encoding: Encoding { unicode, page } }))
}

/// Reads the rows of a listing from its start.
///
/// # Errors
/// When reading fails. What cannot be understood is counted in the tally.
pub fn parse(reader: &mut dyn Read, survey: &AclSurvey, visit: VisitAcl<'_>) -> io::Result<Tally> {
    let mut tally = Tally::default();
    let page = survey.encoding.page;
    let mut state = State::new(survey.kind);
    lines::each(reader, survey.encoding.unicode, &mut |number, line| match line {
        Some(line) => state.line(number, &lines::text(line, page), &mut tally, visit),
        None => tally.bad(number),
    })?;
    state.finish(&mut tally, visit);
    Ok(tally)
}

/// Reads the rows of one form.
enum State {
    Icacls(icacls::State),
    Saved(Option<String>),
    FormatList(powershell::State),
    Csv(Table),
}

impl State {
    fn new(kind: AclListingKind) -> Self {
        match kind {
            AclListingKind::Icacls => Self::Icacls(icacls::State::default()),
            AclListingKind::Saved => Self::Saved(None),
            AclListingKind::FormatList => Self::FormatList(powershell::State::default()),
            AclListingKind::Csv => Self::Csv(Table::default()),
        }
    }

    fn line(&mut self, number: u64, line: &str, tally: &mut Tally, visit: VisitAcl<'_>) {
        match self {
            Self::Icacls(state) => {
                let block = state.line(number, line);
                icacls_row(block, tally, visit);
            }
            Self::Saved(name) => {
                if line.starts_with("D:")
                    && let Some(path) = name.take()
                {
                    match sddl::parse(line) {
                        Ok(descriptor) => hand_out(&path, descriptor, number, tally, visit),
                        Err(_) => tally.bad(number),
                    }
                } else if !line.trim().is_empty() {
                    *name = Some(line.trim().to_owned());
                }
            }
            Self::FormatList(state) => {
                let object = state.line(number, line);
                object_row(object, tally, visit);
            }
            Self::Csv(table) => table.line(number, line, tally, visit),
        }
    }

    fn finish(&mut self, tally: &mut Tally, visit: VisitAcl<'_>) {
        match self {
            Self::Icacls(state) => icacls_row(state.finish(), tally, visit),
            Self::FormatList(state) => object_row(state.finish(), tally, visit),
            Self::Csv(table) if !table.open.is_empty() => tally.bad(table.begun),
            _ => {}
        }
    }
}

fn icacls_row(block: Option<Result<icacls::Block, u64>>, tally: &mut Tally, visit: VisitAcl<'_>) {
    match block {
        Some(Ok(block)) => hand_out(&block.path, block.descriptor, block.line, tally, visit),
        Some(Err(line)) => tally.bad(line),
        None => {}
    }
}

fn object_row(object: Option<Result<powershell::Object, u64>>, tally: &mut Tally, visit: VisitAcl<'_>) {
    match object {
        Some(Ok(object)) => hand_out(&object.path, object.descriptor, object.line, tally, visit),
        Some(Err(line)) => tally.bad(line),
        None => {}
    }
}

fn hand_out(path: &str, descriptor: SecurityDescriptor, line: u64, tally: &mut Tally, visit: VisitAcl<'_>) {
    let (path, _) = windows_path(path);
    if path.names.is_empty() && path.drive.is_none() {
        tally.bad(line);
        return;
    }
    tally.entries += 1;
    visit(ListedAcl { path, descriptor, line });
}

/// Where the columns of a table stand.
struct Header {
    delimiter: char,
    path: usize,
    sddl: usize,
}

impl Header {
    fn parse(line: &str) -> Option<Self> {
        if line.starts_with('#') {
            return None;
        }
        [',', ';', '\t'].into_iter().find_map(|delimiter| {
            let fields = csv::split(line, delimiter)?;
            let at = |name: &str| fields.iter().position(|field| field.trim().eq_ignore_ascii_case(name));
            let path = at("Path").or(at("FullName")).or(at("PSPath"))?;
            Some(Self { delimiter, path, sddl: at("Sddl")? })
        })
    }
}

/// Reads the records of a table; a value in quotes may go over several lines.
#[derive(Default)]
struct Table {
    header: Option<Header>,
    open: String,
    begun: u64,
    /// Whether a quote is open.
    quoted: bool,
}

impl Table {
    fn line(&mut self, number: u64, line: &str, tally: &mut Tally, visit: VisitAcl<'_>) {
        let Some(header) = &self.header else {
            self.header = Header::parse(line);
            return;
        };
        if self.open.is_empty() {
            self.begun = number;
            if line.trim().is_empty() {
                return;
            }
        } else {
            self.open.push('\n');
        }
        self.open.push_str(line);
        self.quoted ^= line.bytes().filter(|byte| *byte == b'"').count() % 2 != 0;
        if self.open.len() > MAX_RECORD {
            tally.bad(self.begun);
            self.open.clear();
            self.quoted = false;
            return;
        }
        if self.quoted {
            return;
        }
        let record = std::mem::take(&mut self.open);
        let row = csv::split(&record, header.delimiter).and_then(|fields| {
            let path = powershell::plain_path(fields.get(header.path)?).to_owned();
            Some((path, sddl::parse(fields.get(header.sddl)?).ok()?))
        });
        match row {
            Some((path, descriptor)) => hand_out(&path, descriptor, self.begun, tally, visit),
            None => tally.bad(self.begun),
        }
    }
}

/// A listing in the evidence, surveyed.
#[derive(Debug, Clone)]
pub struct AclListing {
    /// The file.
    pub file: File,
    /// What holds for all of it.
    pub survey: AclSurvey,
}

impl AclListing {
    /// Surveys a file; `None` when it is no listing of access control.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(file: &File) -> Result<Option<Self>, EvidenceError> {
        let survey = survey(&mut file.open()?, &file.name).map_err(|error| unreadable(file, error))?;
        Ok(survey.map(|survey| Self { file: file.clone(), survey }))
    }

    /// Hands every row to `visit` and hashes the file in the same pass.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn each(&self, visit: VisitAcl<'_>) -> Result<(Tally, Sha256Digest), EvidenceError> {
        let mut reader = self.file.open_hashed()?;
        let tally = parse(&mut reader, &self.survey, visit).map_err(|error| unreadable(&self.file, error))?;
        let (_, hash) = reader.finish().map_err(|error| unreadable(&self.file, error))?;
        Ok((tally, hash))
    }
}

fn unreadable(file: &File, source: io::Error) -> EvidenceError {
    EvidenceError::Unreadable { path: file.path(), action: "read the listing of access control", source }
}
