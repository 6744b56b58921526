//! Directory listings as evidence of names, sizes and times: `dir`, PowerShell's `Export-Csv`, TSK bodyfiles.
//!
//! A listing is recognised by its content. Times without a zone are local times of the machine, and the caller, who may
//! know its zone, turns them into UTC.

mod bodyfile;
mod csv;
mod dates;
mod dir;
#[cfg(test)]
mod tests;
mod text;

use crate::time::Timestamp;

pub use text::decode;

/// Bytes of a listing that are read at most.
pub const LARGEST: u64 = 512 << 20;
/// First bytes that tell what a file is.
pub const HEAD: usize = 4096;

/// The form of a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Output of `dir`.
    Dir,
    /// `Get-ChildItem | Export-Csv`.
    Csv,
    /// A TSK bodyfile, version 3.
    Bodyfile,
}

/// A time as listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListedTime {
    /// The moment, when it is in UTC; otherwise the local time, written as if it were UTC.
    pub time: Timestamp,
    /// Whether it is a local time.
    pub is_local: bool,
}

/// An entry of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Folder as listed, with backslashes and without a drive or a leading backslash; empty when the listing does not
    /// tell.
    pub folder: String,
    /// File name.
    pub name: String,
    /// Whether it is a directory.
    pub is_dir: bool,
    /// Whether the entry is of a deleted file.
    pub is_deleted: bool,
    /// Size in bytes.
    pub size: Option<u64>,
    /// Creation time.
    pub created: Option<ListedTime>,
    /// Modification time.
    pub modified: Option<ListedTime>,
    /// Line in the listing, from one.
    pub line: u64,
}

/// What came of reading a listing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Entries that were understood.
    pub entries: u64,
    /// Lines that look like entries and were not understood.
    pub not_understood: u64,
    /// Name of the computer, when the listing tells.
    pub computer: Option<String>,
    /// Whether day and month could not be told apart; then no time of the listing is used.
    pub ambiguous_dates: bool,
    /// Whether the listing covers a whole volume.
    pub whole_volume: bool,
}

/// Says by content whether a file is a listing, and of which form.
pub fn form(head: &[u8]) -> Option<Form> {
    let text = text::decode(head);
    let first = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    if bodyfile::is_line(first) {
        return Some(Form::Bodyfile);
    }
    if csv::is_header(first) || first.starts_with("#TYPE ") && first.contains("System.IO.") {
        return Some(Form::Csv);
    }
    text.lines().take(40).any(dir::is_folder_line).then_some(Form::Dir)
}

/// Reads a listing. `name` is its file name, which may tell what kind of time `dir` printed.
pub fn read(form: Form, bytes: &[u8], name: &str, each: &mut dyn FnMut(Listed)) -> Summary {
    let text = text::decode(bytes);
    match form {
        Form::Dir => dir::read(&text, name, each),
        Form::Csv => csv::read(&text, each),
        Form::Bodyfile => bodyfile::read(&text, each),
    }
}

/// Folder and name of a path, without drive and leading separators.
fn split(path: &str) -> (String, String) {
    let path = path.replace('/', "\\");
    let path = path.strip_prefix("\\\\?\\").unwrap_or(&path);
    let mut letters = path.chars();
    let path = match (letters.next(), letters.next()) {
        (Some(letter), Some(':')) if letter.is_ascii_alphabetic() => letters.as_str(),
        _ => path,
    };
    let path = path.trim_matches('\\');
    match path.rsplit_once('\\') {
        Some((folder, name)) => (folder.to_owned(), name.to_owned()),
        None => (String::new(), path.to_owned()),
    }
}
