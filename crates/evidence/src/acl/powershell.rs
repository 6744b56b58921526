//! What PowerShell's `Get-Acl | Format-List` prints: one property on a line, `Path`, `Owner`, `Access`, `Sddl`.
//!
//! Long values go on in the next line, below the beginning of the value. `Sddl` is exact and counts where it is there;
//! otherwise the lines of `Access` do, `ACCOUNT Allow Rights`.

use super::account::account;
use super::{AccessMask, Account, Ace, AceFlags, AceKind, Dacl, SecurityDescriptor, sddl};

/// Longest value in bytes that is put together from several lines.
const MAX_VALUE: usize = 256 * 1024;

/// Rights of .NET's `FileSystemRights`, in lower case.
const RIGHTS: [(&str, u32); 23] = [
    ("fullcontrol", 0x1f_01ff),
    ("modify", 0x3_01bf),
    ("readandexecute", 0x2_00a9),
    ("read", 0x2_0089),
    ("write", 0x116),
    ("readdata", 0x1),
    ("listdirectory", 0x1),
    ("writedata", 0x2),
    ("createfiles", 0x2),
    ("appenddata", 0x4),
    ("createdirectories", 0x4),
    ("readextendedattributes", 0x8),
    ("writeextendedattributes", 0x10),
    ("executefile", 0x20),
    ("traverse", 0x20),
    ("deletesubdirectoriesandfiles", 0x40),
    ("readattributes", 0x80),
    ("writeattributes", 0x100),
    ("delete", 0x1_0000),
    ("readpermissions", 0x2_0000),
    ("changepermissions", 0x4_0000),
    ("takeownership", 0x8_0000),
    ("synchronize", 0x10_0000),
];

/// Name and value of a property line: `Path   : ...`.
pub(super) fn property(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(" : ").or_else(|| Some((line.strip_suffix(" :")?, "")))?;
    let name = name.trim_end();
    let is_name =
        !name.is_empty() && name.len() <= 40 && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_name.then_some((name, value))
}

/// The path without the name of its provider.
pub(super) fn plain_path(text: &str) -> &str {
    text.split_once("::").map_or(text, |(_, path)| path).trim()
}

/// A finished object.
pub(super) struct Object {
    pub path: String,
    pub descriptor: SecurityDescriptor,
    pub line: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Path,
    Owner,
    Group,
    Access,
    Sddl,
    Other,
}

/// Puts objects together line by line.
#[derive(Default)]
pub(super) struct State {
    line: u64,
    field: Option<Field>,
    path: Option<String>,
    owner: String,
    group: String,
    access: Vec<String>,
    sddl: String,
    size: usize,
}

impl State {
    /// Takes a line. An object that it ends is returned; `Err` holds the line of one that could not be read.
    pub fn line(&mut self, number: u64, line: &str) -> Option<Result<Object, u64>> {
        self.size = self.size.saturating_add(line.len());
        if !line.starts_with([' ', '\t'])
            && let Some((name, value)) = property(line)
        {
            let field = match name.to_ascii_lowercase().as_str() {
                "path" => Field::Path,
                "owner" => Field::Owner,
                "group" => Field::Group,
                "access" => Field::Access,
                "sddl" => Field::Sddl,
                _ => Field::Other,
            };
            let done = if field == Field::Path { self.finish() } else { None };
            if field == Field::Path {
                self.line = number;
                self.path = Some(String::new());
            }
            self.field = Some(field);
            self.add(value, true);
            return done;
        }
        if line.trim().is_empty() {
            // A blank line ends an object; one within is not written.
            return if self.sddl.is_empty() && self.access.is_empty() { None } else { self.finish() };
        }
        if line.starts_with([' ', '\t']) {
            self.add(line, false);
        }
        None
    }

    fn add(&mut self, value: &str, first: bool) {
        if self.size > MAX_VALUE {
            return;
        }
        let value = value.trim();
        match self.field {
            Some(Field::Path) => {
                if let Some(path) = &mut self.path {
                    path.push_str(value);
                }
            }
            Some(Field::Sddl) => self.sddl.push_str(value),
            Some(Field::Owner) if first => value.clone_into(&mut self.owner),
            Some(Field::Group) if first => value.clone_into(&mut self.group),
            Some(Field::Access) if !value.is_empty() => self.access.push(value.to_owned()),
            _ => {}
        }
    }

    /// Ends the object that is open.
    pub fn finish(&mut self) -> Option<Result<Object, u64>> {
        let state = std::mem::take(self);
        let line = state.line;
        let path = state.path.as_deref().map(plain_path).filter(|path| !path.is_empty())?.to_owned();
        if state.size > MAX_VALUE {
            return Some(Err(line));
        }
        let read = sddl::parse(&state.sddl).ok().or_else(|| state.descriptor());
        Some(read.map(|descriptor| Object { path, descriptor, line }).ok_or(line))
    }
}

impl State {
    fn descriptor(&self) -> Option<SecurityDescriptor> {
        let named = |name: &str| (!name.is_empty()).then(|| account(name));
        if self.access.is_empty() {
            return None;
        }
        let mut rows: Vec<String> = Vec::new();
        for line in &self.access {
            // Rights that did not fit on a line go on in the next one, which names no account.
            match rows.last_mut().filter(|_| split(line).is_none()) {
                Some(row) => {
                    row.push(' ');
                    row.push_str(line);
                }
                None => rows.push(line.clone()),
            }
        }
        let aces = rows.iter().map(|row| ace(row)).collect::<Option<Vec<Ace>>>()?;
        let dacl = Dacl::Entries { aces, protected: false };
        Some(SecurityDescriptor { owner: named(&self.owner), group: named(&self.group), dacl })
    }
}

/// Account, kind and rights of `NT AUTHORITY\SYSTEM Allow  FullControl`.
fn split(row: &str) -> Option<(&str, AceKind, &str)> {
    let (at, word, kind) = [(" Allow ", AceKind::Allow), (" Deny ", AceKind::Deny)]
        .into_iter()
        .filter_map(|(word, kind)| Some((row.find(word)?, word, kind)))
        .min_by_key(|(at, _, _)| *at)?;
    Some((row.get(..at)?, kind, row.get(at + word.len()..)?))
}

fn ace(row: &str) -> Option<Ace> {
    let (name, kind, words) = split(row)?;
    let mut mask = 0;
    for word in words.split([',', ' ']).map(str::trim).filter(|word| !word.is_empty()) {
        mask |= match word.parse::<i64>() {
            // Generic rights are shown as a signed number.
            Ok(number) => u32::try_from(number & 0xffff_ffff).ok()?,
            Err(_) => {
                let word = word.to_ascii_lowercase();
                RIGHTS.iter().find(|(name, _)| *name == word)?.1
            }
        };
    }
    let account: Account = account(name);
    Some(Ace { kind, flags: AceFlags(0), mask: AccessMask(mask), account })
}
