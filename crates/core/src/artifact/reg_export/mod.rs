//! Registry exports as text (`.reg`): `REGEDIT4` in the ANSI code page, version 5 in UTF-16LE, and either saved again as
//! UTF-8. Format facts: Microsoft, "How to add, modify, or delete registry subkeys and values by using a .reg file".

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use encoding_rs::{UTF_16LE, WINDOWS_1252};
use thiserror::Error;

/// Errors that are kept; the rest is counted.
const KEPT: usize = 16;
/// Roots that are told apart; an export has one, a file of many exports a few.
const ROOTS: usize = 256;
/// Characters of a continued line; a longer one is an error of its own.
const LONGEST: usize = 64 << 20;

/// The text is not a registry export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a registry export begins with \"REGEDIT4\" or \"Windows Registry Editor Version 5.00\"")]
pub struct NotAnExport;

/// A line that is not understood.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}: {what}")]
pub struct LineError {
    /// Line, from one.
    pub line: u64,
    /// What is wrong with it.
    pub what: &'static str,
}

/// A value of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegValue {
    /// Name; empty for the default value.
    pub name: String,
    /// Type number.
    pub kind: u32,
    /// The bytes as a hive holds them.
    pub data: Vec<u8>,
    /// Line, from one.
    pub line: u64,
}

/// A key of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegKey {
    /// Full path, such as `HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Cryptography`.
    pub path: String,
    /// Line, from one.
    pub line: u64,
    /// Its values.
    pub values: Vec<RegValue>,
}

/// An export.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RegExport {
    keys: Vec<RegKey>,
    roots: Vec<String>,
    /// Lines that are not understood, the first ones.
    pub errors: Vec<LineError>,
    /// How many lines are not understood in all.
    pub error_count: u64,
}

/// Whether these first bytes are a registry export's.
pub fn is_reg_export(head: &[u8]) -> bool {
    let head = head.get(..head.len().min(256)).unwrap_or(head);
    first_line(&decode(head)).is_some()
}

fn decode(bytes: &[u8]) -> Cow<'_, str> {
    if let Some((encoding, mark)) = encoding_rs::Encoding::for_bom(bytes) {
        return encoding.decode_without_bom_handling(bytes.get(mark..).unwrap_or_default()).0;
    }
    if bytes.get(1) == Some(&0) {
        return UTF_16LE.decode_without_bom_handling(bytes).0;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => WINDOWS_1252.decode_without_bom_handling(bytes).0,
    }
}

/// Whether the old form is used; `None` when the text is no export.
fn first_line(text: &str) -> Option<bool> {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    match first {
        "REGEDIT4" => Some(true),
        "Windows Registry Editor Version 5.00" => Some(false),
        _ => None,
    }
}

impl RegExport {
    /// Reads an export.
    ///
    /// # Errors
    /// When the text does not begin as an export does. Lines that are not understood are kept in `errors`.
    pub fn parse(bytes: &[u8]) -> Result<Self, NotAnExport> {
        Self::parse_filtered(bytes, |_| true)
    }

    /// Reads an export and keeps only the keys whose full path `wanted` accepts.
    ///
    /// # Errors
    /// When the text does not begin as an export does.
    pub fn parse_filtered(bytes: &[u8], wanted: impl Fn(&str) -> bool) -> Result<Self, NotAnExport> {
        let text = decode(bytes);
        let old = first_line(&text).ok_or(NotAnExport)?;
        let mut export = Self::default();
        let mut reader = Reader { export: &mut export, old, keep: false };
        let mut joined = String::new();
        let mut start = 0;
        for (line, number) in text.lines().zip(1_u64..) {
            // A text may run over several lines; a list of bytes goes on behind a backslash.
            let open = !joined.is_empty();
            let line = if open { line.trim_start() } else { line };
            let part = line.trim_end();
            if !open {
                start = number;
            }
            let goes_on = part.ends_with('\\') && (open || part.contains("=hex"));
            if goes_on && joined.len() < LONGEST {
                joined.push_str(part.trim_end_matches('\\'));
                continue;
            }
            if open {
                joined.push_str(part);
                reader.line(&joined, start, &wanted);
                joined.clear();
            } else {
                reader.line(part, number, &wanted);
            }
        }
        if !joined.is_empty() {
            reader.line(&joined, start, &wanted);
        }
        Ok(export)
    }

    /// The keys that were kept, in the order of the file.
    pub fn keys(&self) -> &[RegKey] {
        &self.keys
    }

    /// The paths below which the export is complete: the first key, and every later one that does not lie below an
    /// earlier one.
    pub fn roots(&self) -> &[String] {
        &self.roots
    }

    /// The key of that full path, without regard to case.
    pub fn key(&self, path: &str) -> Option<&RegKey> {
        self.keys.iter().find(|key| same(&key.path, path))
    }

    /// Whether the export would show a key if it were there.
    pub fn covers(&self, path: &str) -> bool {
        self.roots.iter().any(|root| below(path, root))
    }
}

impl RegKey {
    /// The value of that name, without regard to case.
    pub fn value(&self, name: &str) -> Option<&RegValue> {
        self.values.iter().find(|value| same(&value.name, name))
    }
}

fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b) || (!a.is_ascii() && a.to_uppercase() == b.to_uppercase())
}

/// Whether `path` is `root` or lies below it.
pub fn below(path: &str, root: &str) -> bool {
    match (path.get(..root.len()), path.get(root.len()..)) {
        (Some(start), Some(rest)) => same(start, root) && (rest.is_empty() || rest.starts_with('\\')),
        _ => false,
    }
}

struct Reader<'e> {
    export: &'e mut RegExport,
    old: bool,
    keep: bool,
}

impl Reader<'_> {
    fn error(&mut self, line: u64, what: &'static str) {
        self.export.error_count += 1;
        if self.export.errors.len() < KEPT {
            self.export.errors.push(LineError { line, what });
        }
    }

    fn line(&mut self, text: &str, line: u64, wanted: &impl Fn(&str) -> bool) {
        let text = text.trim();
        if text.is_empty() || text.starts_with(';') || first_line(text).is_some() {
            return;
        }
        if let Some(path) = text.strip_prefix('[') {
            match path.strip_suffix(']') {
                // A key that the file would delete is not one that it shows.
                Some(path) if path.starts_with('-') => self.keep = false,
                Some(path) if !path.is_empty() => self.start(path, line, wanted),
                _ => self.error(line, "a key has no closing bracket"),
            }
            return;
        }
        if !self.keep {
            return;
        }
        match value(text, self.old, line) {
            Ok(Some(value)) => {
                if let Some(key) = self.export.keys.last_mut() {
                    key.values.push(value);
                }
            }
            Ok(None) => {}
            Err(what) => self.error(line, what),
        }
    }

    fn start(&mut self, path: &str, line: u64, wanted: &impl Fn(&str) -> bool) {
        let path = full(path);
        let roots = &self.export.roots;
        let is_below = roots.last().is_some_and(|root| below(&path, root));
        if !is_below && roots.len() < ROOTS && !self.export.covers(&path) {
            self.export.roots.push(path.clone());
        }
        self.keep = wanted(&path);
        if self.keep {
            self.export.keys.push(RegKey { path, line, values: Vec::new() });
        }
    }
}

/// A path with the long name of its root.
fn full(path: &str) -> String {
    let path = path.trim_end_matches('\\');
    match path.get(..5) {
        Some(short) if short.eq_ignore_ascii_case("HKLM\\") => {
            format!("HKEY_LOCAL_MACHINE\\{}", path.get(5..).unwrap_or_default())
        }
        _ => path.to_owned(),
    }
}

/// A quoted text at the start, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut out = String::new();
    let mut letters = text.strip_prefix('"')?.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((out, text.get(at + 2..)?)),
            '\\' => out.push(letters.next()?.1),
            letter => out.push(letter),
        }
    }
    None
}

/// A value; `None` for one that the file would delete.
fn value(text: &str, old: bool, line: u64) -> Result<Option<RegValue>, &'static str> {
    let (name, rest) = match text.strip_prefix('@') {
        Some(rest) => (String::new(), rest),
        None => quoted(text).ok_or("a value's name is not quoted")?,
    };
    let data = rest.trim_start().strip_prefix('=').ok_or("a value has no equals sign")?.trim();
    let (kind, data) = if data == "-" {
        return Ok(None);
    } else if data.starts_with('"') {
        let (text, _) = quoted(data).ok_or("a text has no closing quotation mark")?;
        (1, utf16(&text))
    } else if let Some(number) = data.strip_prefix("dword:") {
        let number =
            u32::from_str_radix(number.trim(), 16).map_err(|_| "a dword is not a hexadecimal number")?;
        (4, number.to_le_bytes().to_vec())
    } else if let Some(rest) = data.strip_prefix("hex") {
        let (kind, list) = match rest.strip_prefix('(') {
            Some(rest) => {
                let (kind, list) =
                    rest.split_once("):").ok_or("the type of a list of bytes has no closing bracket")?;
                (u32::from_str_radix(kind, 16).map_err(|_| "a type is not a hexadecimal number")?, list)
            }
            None => (3, rest.strip_prefix(':').ok_or("a list of bytes has no colon")?),
        };
        let bytes = bytes(list)?;
        (kind, if old && matches!(kind, 1 | 2 | 7) { widen(&bytes) } else { bytes })
    } else {
        return Err("a value of an unknown form");
    };
    Ok(Some(RegValue { name, kind, data, line }))
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
}

/// Bytes of the ANSI code page as the UTF-16 that a hive would hold.
fn widen(bytes: &[u8]) -> Vec<u8> {
    let text = WINDOWS_1252.decode_without_bom_handling(bytes).0;
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn bytes(list: &str) -> Result<Vec<u8>, &'static str> {
    list.split(',')
        .map(str::trim)
        .filter(|byte| !byte.is_empty())
        .map(|byte| u8::from_str_radix(byte, 16).map_err(|_| "a list of bytes holds something else"))
        .collect()
}
