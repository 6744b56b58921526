//! The timeline as JSON lines that Timesketch imports.
//!
//! Timesketch's guide "Import from JSON or CSV" asks for `message`, `datetime` (ISO 8601) and `timestamp_desc` in every
//! line, takes `timestamp` in microseconds since 1970, and shows `tag` as labels. Further fields are free.

use std::collections::BTreeMap;
use std::fmt::Write;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::Look;
use crate::report::{Report, RootCause};
use crate::visible::is_deceptive;

/// Mark of the moments between the last witness of the old state and the first one of the new.
const WINDOW: &str = "root-cause-window";

#[derive(Serialize)]
struct Line<'a> {
    message: &'a str,
    datetime: String,
    timestamp_desc: &'a str,
    timestamp: i64,
    source: &'a str,
    kind: &'a str,
    evidence_path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hostname: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tag: Vec<&'a str>,
}

/// One JSON object a line for each row of the timeline, in its order. Letters that could steer a terminal are escaped.
pub(super) fn render(report: &Report, _: &Look) -> String {
    let window = report.root_cause.as_ref().and_then(Window::of);
    let paths: BTreeMap<&str, &str> =
        report.evidence.iter().map(|file| (file.id.as_str(), file.path.as_str())).collect();
    let mut text = String::new();
    for row in &report.timeline {
        // Every time in a report has this form.
        let Some(time) = parsed(&row.time) else { continue };
        let line = Line {
            message: &row.what,
            datetime: datetime(&time),
            timestamp_desc: row.kind.phrase(),
            timestamp: time.timestamp_micros(),
            source: &row.source,
            kind: row.kind.word(),
            evidence_path: paths.get(row.evidence.as_str()).copied().unwrap_or_default(),
            hostname: report.machine.hostname.as_deref(),
            tag: window.iter().filter(|window| window.holds(&time)).map(|_| WINDOW).collect(),
        };
        escape(&mut text, &serde_json::to_string(&line).unwrap_or_default());
        text.push('\n');
    }
    text
}

fn parsed(time: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(time).ok().map(|time| time.to_utc())
}

/// Six decimals, as `timestamp` has them; none for a coarser source.
fn datetime(time: &DateTime<Utc>) -> String {
    let form = if time.timestamp_subsec_nanos() == 0 { "%Y-%m-%dT%H:%M:%S" } else { "%Y-%m-%dT%H:%M:%S%.6f" };
    format!("{}+00:00", time.format(form))
}

/// Outside its strings JSON has none of these letters, so that they can be escaped wherever they stand.
fn escape(text: &mut String, line: &str) {
    for letter in line.chars() {
        if is_deceptive(letter) {
            let mut units = [0; 2];
            for unit in letter.encode_utf16(&mut units) {
                let _ = write!(text, "\\u{unit:04x}");
            }
        } else {
            text.push(letter);
        }
    }
}

/// When the cause set in. With one bound unknown it is that moment alone: half of all time is no window.
struct Window {
    first: DateTime<Utc>,
    last: DateTime<Utc>,
}

impl Window {
    fn of(cause: &RootCause) -> Option<Self> {
        let bound = |time: &Option<String>| time.as_deref().and_then(parsed);
        let (earliest, latest) = (bound(&cause.earliest), bound(&cause.latest));
        Some(Self { first: earliest.or(latest)?, last: latest.or(earliest)? })
    }

    fn holds(&self, time: &DateTime<Utc>) -> bool {
        (self.first..=self.last).contains(time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(earliest: Option<&str>, latest: Option<&str>) -> RootCause {
        RootCause {
            rule: "machine-guid-changed".to_owned(),
            statement: String::new(),
            confidence: "proven".to_owned(),
            earliest: earliest.map(str::to_owned),
            latest: latest.map(str::to_owned),
        }
    }

    #[test]
    fn times_keep_six_decimals_and_say_utc() {
        let time = parsed("2009-01-11T03:17:42.1234567Z").unwrap();
        assert_eq!(datetime(&time), "2009-01-11T03:17:42.123456+00:00");
        assert_eq!(time.timestamp_micros(), 1_231_643_862_123_456);
        assert_eq!(datetime(&parsed("2009-01-11T03:17:42Z").unwrap()), "2009-01-11T03:17:42+00:00");
        assert_eq!(parsed("1601-01-01T00:00:01Z").unwrap().timestamp_micros(), -11_644_473_599_000_000);
    }

    #[test]
    fn a_window_takes_its_bounds_in_and_is_a_moment_with_one_of_them() {
        let (old, new) = ("2009-01-10T00:00:00Z", "2009-01-11T03:17:42.0000000Z");
        let holds = |earliest, latest, time: &str| {
            Window::of(&cause(earliest, latest)).is_some_and(|window| window.holds(&parsed(time).unwrap()))
        };
        for time in [old, new, "2009-01-10T12:00:00Z"] {
            assert!(holds(Some(old), Some(new), time), "{time}");
        }
        assert!(!holds(Some(old), Some(new), "2009-01-09T23:59:59Z"));
        assert!(holds(None, Some(new), new) && !holds(None, Some(new), old));
        assert!(!holds(None, None, old));
    }

    #[test]
    fn letters_that_steer_a_terminal_are_escaped() {
        let mut text = String::new();
        escape(&mut text, &serde_json::to_string("a\u{202e}b\u{1b}[31m\nc\u{e0041}ü").unwrap());
        assert!(!text.chars().any(is_deceptive), "{text}");
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), "a\u{202e}b\u{1b}[31m\nc\u{e0041}ü");
    }
}
