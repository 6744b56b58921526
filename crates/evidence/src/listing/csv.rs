//! PowerShell's `Get-ChildItem | Export-Csv`, with whichever columns and culture it was made.

use super::dates::{self, Evidence, Order};
use super::{Listed, ListedTime, Summary, split};
use crate::time::{Precision, TICKS_PER_SECOND, Timestamp};

/// Fields of one line; `line` may hold quoted fields with doubled quotes.
fn fields(line: &str, delimiter: char) -> Vec<String> {
    let mut fields = Vec::new();
    let mut field = String::new();
    let mut quoted = false;
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                field.push('"');
                letters.next();
            }
            '"' => quoted = !quoted,
            letter if letter == delimiter && !quoted => fields.push(std::mem::take(&mut field)),
            letter => field.push(letter),
        }
    }
    fields.push(field);
    fields
}

fn delimiter(header: &str) -> char {
    [',', ';', '\t'].into_iter().max_by_key(|delimiter| header.matches(*delimiter).count()).unwrap_or(',')
}

pub(super) fn is_header(line: &str) -> bool {
    let names: Vec<String> =
        fields(line, delimiter(line)).iter().map(|name| name.trim().to_ascii_lowercase()).collect();
    let has = |name: &str| names.iter().any(|known| known == name);
    (has("fullname") || has("name") || has("pspath"))
        && ["length", "creationtime", "creationtimeutc", "lastwritetime", "lastwritetimeutc"]
            .iter()
            .any(|name| has(name))
}

#[derive(Default)]
struct Columns {
    full_name: Option<usize>,
    name: Option<usize>,
    directory: Option<usize>,
    length: Option<usize>,
    created: Option<(usize, bool)>,
    modified: Option<(usize, bool)>,
    is_dir: Option<usize>,
    mode: Option<usize>,
    computer: Option<usize>,
}

impl Columns {
    fn of(header: &[String]) -> Self {
        let mut columns = Self::default();
        for (at, name) in header.iter().enumerate() {
            match name.trim().to_ascii_lowercase().as_str() {
                "fullname" => columns.full_name = Some(at),
                "name" => columns.name = Some(at),
                "directory" | "directoryname" => columns.directory = Some(at),
                "length" | "size" => columns.length = Some(at),
                "creationtimeutc" => columns.created = Some((at, true)),
                "creationtime" => columns.created = columns.created.or(Some((at, false))),
                "lastwritetimeutc" => columns.modified = Some((at, true)),
                "lastwritetime" => columns.modified = columns.modified.or(Some((at, false))),
                "psiscontainer" => columns.is_dir = Some(at),
                "mode" => columns.mode = Some(at),
                "pscomputername" | "machinename" => columns.computer = Some(at),
                _ => {}
            }
        }
        columns
    }
}

pub(super) fn read(text: &str, each: &mut dyn FnMut(Listed)) -> Summary {
    let mut summary = Summary::default();
    let lines = || {
        text.lines().zip(1_u64..).filter(|(line, _)| !line.trim().is_empty() && !line.starts_with("#TYPE"))
    };
    let Some((header, _)) = lines().next() else { return summary };
    let delimiter = delimiter(header);
    let columns = Columns::of(&fields(header, delimiter));
    let mut seen = Evidence::default();
    for (line, _) in lines().skip(1) {
        let row = fields(line, delimiter);
        for (at, _) in [columns.created, columns.modified].into_iter().flatten() {
            if let Some((date, time)) = row.get(at).and_then(|field| field.trim().split_once([' ', 'T'])) {
                seen.see(date, dates::clock(time).is_some_and(|(_, half, _)| half));
            }
        }
    }
    let order = seen.order();
    summary.ambiguous_dates = seen.any() && order.is_none();
    for (line, number) in lines().skip(1) {
        let row = fields(line, delimiter);
        let get = |at: Option<usize>| {
            at.and_then(|at| row.get(at)).map(|field| field.trim()).filter(|field| !field.is_empty())
        };
        let (folder, name) = match (get(columns.full_name), get(columns.name)) {
            (Some(path), _) => split(path),
            (None, Some(name)) => {
                let folder = get(columns.directory).map(|folder| split(&format!("{folder}\\x")).0);
                (folder.unwrap_or_default(), name.to_owned())
            }
            (None, None) => {
                summary.not_understood += 1;
                continue;
            }
        };
        if summary.computer.is_none() {
            summary.computer = get(columns.computer).map(str::to_owned);
        }
        let time = |column: Option<(usize, bool)>| {
            let (at, utc) = column?;
            moment(get(Some(at))?, utc, order)
        };
        summary.entries += 1;
        each(Listed {
            is_dir: get(columns.is_dir).is_some_and(|flag| flag.eq_ignore_ascii_case("true"))
                || get(columns.mode).is_some_and(|mode| mode.starts_with('d')),
            is_deleted: false,
            size: get(columns.length).and_then(|size| size.parse().ok()),
            created: time(columns.created),
            modified: time(columns.modified),
            line: number,
            folder,
            name,
        });
    }
    summary
}

/// A time such as `2012-04-30T15:47:03.1234567Z`, `30.04.2012 15:47:03` or `4/30/2012 3:47:03 PM`.
fn moment(field: &str, utc: bool, order: Option<Order>) -> Option<ListedTime> {
    let (date, time) = field.split_once([' ', 'T'])?;
    let (time, zulu) = match time.strip_suffix(['Z', 'z']) {
        Some(time) => (time, true),
        None => (time, false),
    };
    let (time, offset) = offset(time);
    let (time, ticks) = match time.split_once(['.', ',']) {
        Some((whole, fraction)) if whole.contains(':') && !fraction.is_empty() => {
            let digits = format!("{fraction:0<7}");
            (
                whole,
                digits
                    .get(..7)
                    .and_then(|digits| digits.parse::<u64>().ok())
                    .filter(|ticks| *ticks < TICKS_PER_SECOND),
            )
        }
        _ => (time, None),
    };
    let mut time = dates::moment(date, time, order?)?;
    if let Some(ticks) = ticks {
        time = Timestamp::from_filetime(time.filetime() + ticks)?;
    }
    if let Some(minutes) = offset {
        time = time.plus_minutes(-minutes)?;
    }
    debug_assert!(time.precision() <= Precision::Minute);
    Some(ListedTime { time, is_local: !(utc || zulu || offset.is_some()) })
}

/// Splits `+01:00` off a time; the offset in minutes.
fn offset(time: &str) -> (&str, Option<i64>) {
    let Some(at) = time.rfind(['+', '-']) else { return (time, None) };
    let (clock, zone) = time.split_at(at);
    let minutes = (|| {
        let (hours, minutes) = zone.get(1..)?.split_once(':')?;
        let total = hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?;
        Some(if zone.starts_with('-') { -total } else { total })
    })();
    match minutes {
        Some(minutes) if minutes.abs() <= 14 * 60 => (clock, Some(minutes)),
        _ => (time, None),
    }
}
