//! `Get-ChildItem | Export-Csv`, or some of its columns through `Select-Object`.

use super::date::{self, DateOrder};
use super::{FolderCache, ListedEntry, Survey, Tally, Visit, Zone, windows_path};

/// Columns of one record; a record with more is not read.
const MAX_COLUMNS: usize = 256;

/// Where the columns stand.
pub(super) struct Header {
    pub delimiter: char,
    full_name: Option<usize>,
    name: Option<usize>,
    directory: Option<usize>,
    provider_path: Option<usize>,
    length: Option<usize>,
    created: Option<(usize, Zone)>,
    modified: Option<(usize, Zone)>,
    container: Option<usize>,
    mode: Option<usize>,
    computer: Option<usize>,
}

impl Header {
    /// The column names, if this line holds those of a listing. The `#TYPE` line before them does not.
    pub(super) fn parse(line: &str) -> Option<Self> {
        if line.starts_with('#') {
            return None;
        }
        [',', ';', '\t'].into_iter().find_map(|delimiter| Self::with_delimiter(line, delimiter))
    }

    fn with_delimiter(line: &str, delimiter: char) -> Option<Self> {
        let fields = split(line, delimiter)?;
        let at = |name: &str| fields.iter().position(|field| field.trim().eq_ignore_ascii_case(name));
        let time = |name: &str| {
            at(&format!("{name}Utc")).map(|at| (at, Zone::Utc)).or(at(name).map(|at| (at, Zone::Local)))
        };
        let header = Self {
            delimiter,
            full_name: at("FullName"),
            name: at("Name").or(at("PSChildName")),
            directory: at("DirectoryName").or(at("Directory")),
            provider_path: at("PSPath"),
            length: at("Length"),
            created: time("CreationTime"),
            modified: time("LastWriteTime"),
            container: at("PSIsContainer"),
            mode: at("Mode").or(at("Attributes")),
            computer: at("PSComputerName").or(at("MachineName")),
        };
        let named = header.full_name.or(header.name).or(header.provider_path).is_some();
        let told = header.length.is_some() || header.created.is_some() || header.modified.is_some();
        (named && told).then_some(header)
    }

    /// The values of the time columns.
    pub(super) fn times<'a>(&self, fields: &'a [String]) -> impl Iterator<Item = &'a str> {
        [self.created, self.modified]
            .into_iter()
            .flatten()
            .filter_map(|(at, _)| fields.get(at).map(String::as_str))
    }

    /// The machine that a record names, by column or by the server in its path.
    pub(super) fn computer(&self, fields: &[String]) -> Option<String> {
        let named = self.computer.and_then(|at| fields.get(at)).filter(|name| !name.trim().is_empty());
        let by_path = || self.full_name.and_then(|at| windows_path(fields.get(at)?).1);
        named.map(|name| name.trim().to_owned()).or_else(by_path)
    }
}

/// Takes a record apart; `None` for an open quote or too many columns.
pub(crate) fn split(line: &str, delimiter: char) -> Option<Vec<String>> {
    let mut fields = Vec::new();
    let mut field = String::new();
    let mut chars = line.chars().peekable();
    let mut quoted = false;
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' if quoted || field.is_empty() => quoted = !quoted,
            c if c == delimiter && !quoted => {
                fields.push(std::mem::take(&mut field));
                if fields.len() > MAX_COLUMNS {
                    return None;
                }
            }
            c => field.push(c),
        }
    }
    fields.push(field);
    (!quoted).then_some(fields)
}

/// Reads records one after the other.
pub(super) struct State {
    order: Option<DateOrder>,
    header: Option<Header>,
    folder: FolderCache,
}

impl State {
    pub(super) fn new(survey: &Survey) -> Self {
        Self { order: survey.order, header: None, folder: FolderCache::default() }
    }

    pub(super) fn line(&mut self, number: u64, line: &str, tally: &mut Tally, visit: Visit<'_>) {
        let Some(header) = &self.header else {
            self.header = Header::parse(line);
            return;
        };
        if line.trim().is_empty() {
            return;
        }
        let Some(fields) = split(line, header.delimiter) else {
            tally.bad(number);
            return;
        };
        // Several outputs in one file repeat their column names.
        if header
            .name
            .or(header.full_name)
            .and_then(|at| fields.get(at))
            .is_some_and(|field| field.eq_ignore_ascii_case("Name") || field.eq_ignore_ascii_case("FullName"))
            && let Some(next) = Header::parse(line)
        {
            self.header = Some(next);
            return;
        }
        match entry(header, &fields, self.order, &mut self.folder, number) {
            Some(entry) => {
                tally.entries += 1;
                visit(&entry);
            }
            None => tally.bad(number),
        }
    }
}

fn entry<'a>(
    header: &Header,
    fields: &'a [String],
    order: Option<DateOrder>,
    cache: &'a mut FolderCache,
    line: u64,
) -> Option<ListedEntry<'a>> {
    let get =
        |at: Option<usize>| at.and_then(|at| fields.get(at)).map(|f| f.trim()).filter(|f| !f.is_empty());
    let provider = || get(header.provider_path).map(|path| path.split_once("::").map_or(path, |(_, p)| p));
    let (folder, name) = match get(header.full_name).or_else(provider) {
        Some(full) => full.trim_end_matches(['\\', '/']).rsplit_once(['\\', '/']).unwrap_or(("", full)),
        None => (get(header.directory).unwrap_or_default(), get(header.name)?),
    };
    let length = get(header.length);
    let size = match length {
        Some(text) => Some(whole_number(text)?),
        None => None,
    };
    let is_dir = match (get(header.container), get(header.mode)) {
        (Some(flag), _) => flag.eq_ignore_ascii_case("true"),
        (None, Some(mode)) => mode.starts_with('d') || mode.contains("Directory"),
        (None, None) => header.length.is_some() && length.is_none(),
    };
    let time = |column: Option<(usize, Zone)>| match column {
        Some((at, zone)) => get(Some(at)).map(|text| date::value(text, order, zone)),
        None => None,
    };
    let (created, modified) = (time(header.created), time(header.modified));
    // A value that stands there and cannot be read makes the whole record doubtful.
    if name.is_empty() || created == Some(None) || modified == Some(None) {
        return None;
    }
    Some(ListedEntry {
        folder: cache.get(folder),
        name,
        is_dir,
        // PowerShell 7 gives folders a length of 1 in some versions.
        size: size.filter(|_| !is_dir),
        created: created.flatten(),
        modified: modified.flatten(),
        line,
        deleted: false,
    })
}

fn whole_number(text: &str) -> Option<u64> {
    let plain: String =
        text.chars().filter(|c| !['.', ',', ' ', '\u{a0}', '\u{202f}', '\''].contains(c)).collect();
    plain.parse().ok()
}
