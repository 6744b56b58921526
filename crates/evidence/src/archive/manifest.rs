//! What collectors write of the files that they copied: Velociraptor's `uploads.json`, KAPE's `*_CopyLog.csv`.
//!
//! A copy in a folder or an archive often has lost the times of the examined machine; these lists may still have them.
//! Neither is ever required. Sources: Velociraptor's documentation of offline collectors, KAPE's documentation and the
//! column names in its own logs.

use std::io::{self, Read};

use serde_json::Value;

use crate::listing::csv_fields;
use crate::path::WindowsPath;
use crate::time::{Precision, TICKS_PER_SECOND, Timestamp};

/// Bounds of one manifest; the defaults are the documented constants.
#[derive(Debug, Clone)]
pub struct ManifestLimits {
    /// Rows that are read.
    pub rows: usize,
    /// Bytes of one line; longer ones are counted as unreadable.
    pub line_bytes: usize,
    /// Bytes of the whole file.
    pub bytes: u64,
}

impl Default for ManifestLimits {
    fn default() -> Self {
        Self { rows: 2_000_000, line_bytes: 64 * 1024, bytes: 2 << 30 }
    }
}

/// One file that a collector copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestRow {
    /// Names from the manifest's own folder on, where the collector says where it put the copy.
    pub stored: Vec<String>,
    /// Where the file stood on the examined machine.
    pub original: WindowsPath,
    /// Size of the original in bytes.
    pub size: Option<u64>,
    /// Creation on the examined machine.
    pub created: Option<Timestamp>,
    /// Last write on the examined machine.
    pub modified: Option<Timestamp>,
    /// SHA-1 of the original.
    pub sha1: Option<[u8; 20]>,
}

/// The rows of a manifest and how many lines could not be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rows {
    /// Rows in the order of the file.
    pub rows: Vec<ManifestRow>,
    /// Lines that are no row, or stand behind a limit.
    pub unreadable: u64,
}

/// Reads Velociraptor's `uploads.json`: one JSON object a line.
///
/// `_Components` says where the copy stands, `vfs_path` where the file stood. Newer versions add `Mtime` and `Btime`.
///
/// # Errors
/// When the reader fails.
pub fn parse_uploads_json(reader: impl Read, limits: &ManifestLimits) -> io::Result<Rows> {
    let mut found = Rows::default();
    each_line(reader, limits, &mut |line| {
        let Some(line) = line else {
            found.unreadable += 1;
            return;
        };
        if line.trim().is_empty() {
            return;
        }
        match serde_json::from_str::<Value>(line).ok().as_ref().and_then(upload) {
            Some(row) if found.rows.len() < limits.rows => found.rows.push(row),
            _ => found.unreadable += 1,
        }
    })?;
    Ok(found)
}

fn upload(value: &Value) -> Option<ManifestRow> {
    let object = value.as_object()?;
    let get =
        |name: &str| object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    let stored: Vec<String> = get("_Components")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        .unwrap_or_default();
    let original = match get("vfs_path").and_then(Value::as_str) {
        Some(path) => WindowsPath::parse(path),
        // `uploads`, the accessor, then the path.
        None => WindowsPath::parse(&stored.get(2..)?.join("\\")),
    };
    if original.names.is_empty() {
        return None;
    }
    // An index of a sparse file stands beside it under the same path.
    if get("Type").and_then(Value::as_str).is_some_and(|kind| kind == "idx") {
        return None;
    }
    let time = |names: [&str; 2]| {
        names.into_iter().find_map(get).and_then(|value| match value {
            Value::String(text) => moment(text),
            Value::Number(number) => Timestamp::from_unix_seconds(number.as_i64()?),
            _ => None,
        })
    };
    Some(ManifestRow {
        stored,
        original,
        size: get("file_size").and_then(Value::as_u64),
        created: time(["Btime", "Created"]),
        modified: time(["Mtime", "Modified"]),
        sha1: get("sha1").and_then(Value::as_str).and_then(digest),
    })
}

/// Reads KAPE's `*_CopyLog.csv`; `None` when the first line does not name its columns.
///
/// # Errors
/// When the reader fails.
pub fn parse_kape_copy_log(reader: impl Read, limits: &ManifestLimits) -> io::Result<Option<Rows>> {
    let mut found = Rows::default();
    let mut header: Option<Option<Columns>> = None;
    each_line(reader, limits, &mut |line| {
        let Some(known) = &header else {
            header = Some(line.and_then(Columns::parse));
            return;
        };
        let Some(columns) = known else { return };
        if line.is_some_and(|line| line.trim().is_empty()) {
            return;
        }
        match line.and_then(|line| columns.row(line)) {
            Some(row) if found.rows.len() < limits.rows => found.rows.push(row),
            _ => found.unreadable += 1,
        }
    })?;
    Ok(header.flatten().map(|_| found))
}

/// Where the columns stand.
struct Columns {
    source: usize,
    size: Option<usize>,
    sha1: Option<usize>,
    created: Option<usize>,
    modified: Option<usize>,
}

impl Columns {
    fn parse(line: &str) -> Option<Self> {
        let fields = csv_fields(line, ',')?;
        let at = |name: &str| fields.iter().position(|field| field.trim().eq_ignore_ascii_case(name));
        at("CopiedTimestamp")?;
        Some(Self {
            source: at("SourceFile")?,
            size: at("FileSize"),
            sha1: at("SourceFileSha1"),
            created: at("CreatedOnUtc"),
            modified: at("ModifiedOnUtc"),
        })
    }

    fn row(&self, line: &str) -> Option<ManifestRow> {
        let fields = csv_fields(line, ',')?;
        let get = |at: Option<usize>| at.and_then(|at| fields.get(at)).map(|text| text.trim());
        let original = WindowsPath::parse(get(Some(self.source))?);
        if original.drive.is_none() || original.names.is_empty() {
            return None;
        }
        Some(ManifestRow {
            stored: Vec::new(),
            original,
            size: get(self.size).and_then(|text| text.parse().ok()),
            created: get(self.created).and_then(moment),
            modified: get(self.modified).and_then(moment),
            sha1: get(self.sha1).and_then(digest),
        })
    }
}

fn digest(text: &str) -> Option<[u8; 20]> {
    let mut out = [0; 20];
    if text.len() != 40 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in out.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(out)
}

/// `2019-10-18 16:26:28.1234567`, `2019-10-18T16:26:28.123Z`, with an offset from UTC or none.
fn moment(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let number = |at: usize, len: usize| -> Option<u32> {
        let digits = text.get(at..at + len)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let year = i32::try_from(number(0, 4)?).ok()?;
    let date = (year, number(5, 2)?, number(8, 2)?);
    let clock = (number(11, 2)?, number(14, 2)?, number(17, 2)?);
    let civil = Timestamp::from_civil(date, clock, Precision::Second)?;
    let mut rest = text.get(19..)?;
    let mut ticks = 0;
    let mut precision = Precision::Second;
    if let Some(fraction) = rest.strip_prefix('.') {
        let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
        ticks = format!("{:0<7}", fraction.get(..digits)?).get(..7)?.parse::<u64>().ok()?;
        precision = Precision::Tick;
        rest = fraction.get(digits..)?;
    }
    let offset = match rest.trim_start() {
        "" | "Z" => 0,
        zone => {
            let (hours, minutes) = zone.get(1..)?.split_once(':')?;
            let minutes = hours.parse::<i64>().ok()?.checked_mul(60)?.checked_add(minutes.parse().ok()?)?;
            if zone.starts_with('-') { minutes } else { minutes.checked_neg()? }
        }
    };
    let moved = civil.plus_minutes(offset)?;
    if precision == Precision::Second {
        return Some(moved);
    }
    Timestamp::from_filetime(moved.filetime().checked_add(ticks.min(TICKS_PER_SECOND - 1))?)
}

/// Calls `visit` with each line; `None` stands for one that is too long or not UTF-8.
fn each_line(
    mut reader: impl Read,
    limits: &ManifestLimits,
    visit: &mut dyn FnMut(Option<&str>),
) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    let mut line: Vec<u8> = Vec::new();
    let (mut overlong, mut first, mut total) = (false, true, 0_u64);
    let mut emit = |line: &mut Vec<u8>, overlong: &mut bool| {
        let bytes = line.as_slice();
        let bytes = if first { bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes) } else { bytes };
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        visit(std::str::from_utf8(bytes).ok().filter(|_| !*overlong));
        first = false;
        *overlong = false;
        line.clear();
    };
    loop {
        let count = match reader.read(&mut buffer) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        total = total.saturating_add(count as u64);
        if count == 0 || total > limits.bytes {
            break;
        }
        let chunk = buffer.get(..count).unwrap_or_default();
        for part in chunk.split_inclusive(|byte| *byte == b'\n') {
            let (text, ends) = part.strip_suffix(b"\n").map_or((part, false), |text| (text, true));
            if line.len() + text.len() > limits.line_bytes {
                overlong = true;
            } else if !overlong {
                line.extend_from_slice(text);
            }
            if ends {
                emit(&mut line, &mut overlong);
            }
        }
    }
    if !line.is_empty() || overlong {
        emit(&mut line, &mut overlong);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_velociraptor_are_read_in_old_and_new_versions() {
        let text = concat!(
            r#"{"vfs_path":"C:\\Windows\\a","_Components":["uploads","auto","C:","Windows","a"],"file_size":5,"uploaded_size":5,"started":"2021-01-01T00:00:00Z"}"#,
            "\n",
            r#"{"vfs_path":"\\\\.\\C:\\b","file_size":7,"Mtime":"2019-03-04T05:06:07.1234567Z","Btime":"2019-03-04T06:06:07+01:00"}"#,
            "\nnonsense\n{}\n\n"
        );
        let found = parse_uploads_json(text.as_bytes(), &ManifestLimits::default()).unwrap();
        assert_eq!(found.unreadable, 2);
        let [old, new] = found.rows.as_slice() else { panic!("{found:?}") };
        assert_eq!(old.stored, ["uploads", "auto", "C:", "Windows", "a"]);
        assert_eq!(
            (old.original.to_string().as_str(), old.size, old.created),
            ("C:\\Windows\\a", Some(5), None)
        );
        assert_eq!(new.original.to_string(), "C:\\b");
        assert_eq!(new.modified.unwrap().to_string(), "2019-03-04T05:06:07.1234567Z");
        assert_eq!(new.created.unwrap().to_string(), "2019-03-04T05:06:07Z");
    }

    #[test]
    fn rows_of_kape_are_read_by_their_columns() {
        let text = "\u{feff}CopiedTimestamp,SourceFile,DestinationFile,FileSize,SourceFileSha1,DeferredCopy,CreatedOnUtc,ModifiedOnUtc,LastAccessedOnUtc,CopyDuration\r\n\
            2020-01-01 00:00:00.0,\"C:\\Windows\\a, b\",D:\\out\\C\\Windows\\a,5,0123456789ABCDEF0123456789abcdef01234567,False,2019-03-04 05:06:07.1234567,2019-03-05 05:06:07.0000000,,00:00\r\n\
            broken\r\n";
        let found = parse_kape_copy_log(text.as_bytes(), &ManifestLimits::default()).unwrap().unwrap();
        assert_eq!((found.rows.len(), found.unreadable), (1, 1));
        let row = &found.rows[0];
        assert_eq!(row.original.to_string(), "C:\\Windows\\a, b");
        assert_eq!(row.created.unwrap().filetime(), 131_961_495_671_234_567);
        assert_eq!(row.sha1.unwrap()[..2], [0x01, 0x23]);
        assert_eq!(parse_kape_copy_log(&b"a,b\n"[..], &ManifestLimits::default()).unwrap(), None);
    }

    #[test]
    fn lines_and_rows_are_bounded() {
        let limits = ManifestLimits { rows: 2, line_bytes: 40, ..ManifestLimits::default() };
        let text =
            format!("{{\"vfs_path\":\"{}\"}}\n{}", "x".repeat(100), "{\"vfs_path\":\"C:\\\\a\"}\n".repeat(5));
        let found = parse_uploads_json(text.as_bytes(), &limits).unwrap();
        assert_eq!((found.rows.len(), found.unreadable), (2, 4));
    }
}
