//! The times of a report as a bodyfile of The Sleuth Kit, version 3, for `mactime` and what reads the same:
//! `MD5|name|inode|mode|UID|GID|size|atime|mtime|ctime|crtime`, times in seconds since 1970 and 0 for what is not known.
//!
//! The form is about files and loses what the timeline keeps: fractions of seconds, times before 1970, and what kind of time
//! it is. Files and containers come first, with what is known of them. A moment that is not a time of a file follows as a
//! line of its own: its name says what happened and what keeps the time, and only one column is set, `crtime` where something
//! came into being (an event, a certificate), else `mtime`. The modification time of a plain copy is not written: it differs
//! from copy to copy.

use std::collections::BTreeSet;
use std::fmt::Write;

use chrono::DateTime;

use super::{Look, words};
use crate::report::{EvidenceRow, Report, TimeKind};
use crate::visible::visible;

/// One line for each file with a time, and for each moment that no file's line tells.
pub(super) fn render(report: &Report, _: &Look) -> String {
    let mut body = Body::default();
    for row in &report.evidence {
        // Sleuth Kit's inode on NTFS is the number of the record, without its sequence.
        let record = row.record.as_deref().and_then(|record| record.split('-').next());
        let modified = row.modified.as_deref().filter(|_| !is_copy(row));
        body.file(&row.path, record.unwrap_or_default(), row.size, [modified, row.created.as_deref()]);
    }
    let copies: BTreeSet<&str> =
        report.evidence.iter().filter(|row| is_copy(row)).map(|row| row.path.as_str()).collect();
    for row in &report.key_containers {
        let modified = row.modified.as_deref().filter(|_| !copies.contains(row.path.as_str()));
        body.file(&row.path, "", row.size, [modified, row.created.as_deref()]);
    }
    let paths = words::paths(report);
    for row in &report.timeline {
        let path = paths.get(row.evidence.as_str()).copied().unwrap_or_default();
        if row.kind == TimeKind::FileModified && copies.contains(path) {
            continue;
        }
        if !body.tells(path, row.kind, &row.time) {
            let name = format!("{} ({}, {path})", row.what, row.source);
            body.moment(&name, row.kind, &row.time);
        }
    }
    body.text
}

/// Whether the times of a file are those of the analyst's copy of it. A folder gives no time of creation of its own, so
/// where there is one it comes from an image, an archive or a listing, and so does the other.
fn is_copy(row: &EvidenceRow) -> bool {
    row.container.is_none() && row.created.is_none()
}

#[derive(Default)]
struct Body<'a> {
    text: String,
    files: BTreeSet<&'a str>,
    told: BTreeSet<(&'a str, bool, &'a str)>,
}

impl<'a> Body<'a> {
    /// A file, unless it has a line or no time that can be written.
    fn file(&mut self, path: &'a str, record: &str, size: Option<u64>, times: [Option<&'a str>; 2]) {
        let [modified, created] = times.map(|time| time.and_then(seconds));
        if (modified.is_none() && created.is_none()) || !self.files.insert(path) {
            return;
        }
        for (time, born) in times.into_iter().zip([false, true]) {
            self.told.extend(time.map(|time| (path, born, time)));
        }
        let record = if record.bytes().all(|byte| byte.is_ascii_digit()) { record } else { "" };
        self.line(path, record, size.unwrap_or_default(), modified, created);
    }

    /// Whether the line of a file has this time.
    fn tells(&self, path: &str, kind: TimeKind, time: &str) -> bool {
        match kind {
            TimeKind::FileCreated => self.told.contains(&(path, true, time)),
            TimeKind::FileModified => self.told.contains(&(path, false, time)),
            _ => false,
        }
    }

    fn moment(&mut self, name: &str, kind: TimeKind, time: &str) {
        let Some(time) = seconds(time) else { return };
        let born =
            matches!(kind, TimeKind::FileCreated | TimeKind::EventRecorded | TimeKind::CertificateValidity);
        let (modified, created) = if born { (None, Some(time)) } else { (Some(time), None) };
        self.line(name, "", 0, modified, created);
    }

    fn line(&mut self, name: &str, record: &str, size: u64, modified: Option<i64>, created: Option<i64>) {
        let record = if record.is_empty() { "0" } else { record };
        let [modified, created] = [modified, created].map(Option::unwrap_or_default);
        let _ = writeln!(self.text, "0|{}|{record}|0|0|0|{size}|0|{modified}|0|{created}", name_of(name));
    }
}

/// Whole seconds since 1970; `None` for what the form cannot hold.
fn seconds(time: &str) -> Option<i64> {
    let seconds = DateTime::parse_from_rfc3339(time).ok()?.timestamp();
    // Zero stands for an unknown time.
    (seconds > 0).then_some(seconds)
}

/// A name in which nothing ends the field or the line. `mactime` takes `%` with two digits for a letter, so one that stands
/// there is written so itself; letters that steer a terminal stay visible instead, because it would print them.
fn name_of(name: &str) -> String {
    let shown = visible(name);
    let mut text = String::with_capacity(shown.len());
    let mut rest = shown.chars();
    while let Some(letter) = rest.next() {
        let is_escape = || rest.clone().take(2).filter(char::is_ascii_hexdigit).count() == 2;
        match letter {
            '|' => text.push_str("%7C"),
            '%' if is_escape() => text.push_str("%25"),
            _ => text.push(letter),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::render::sample;
    use crate::visible::is_deceptive;

    fn lines(report: &Report) -> Vec<Vec<String>> {
        let text = render(report, &Look::default());
        assert!(text.is_empty() || text.ends_with('\n'));
        assert!(!text.chars().any(|letter| is_deceptive(letter) && letter != '\n'));
        text.lines().map(|line| line.split('|').map(str::to_owned).collect()).collect()
    }

    #[test]
    fn every_line_has_eleven_fields_and_a_time() {
        let mut reports: Vec<_> = sample::cases().iter().map(|case| sample::report(case)).collect();
        reports.extend([sample::full(), sample::hostile()]);
        for report in reports {
            let lines = lines(&report);
            assert!(!lines.is_empty());
            for line in lines {
                assert_eq!(line.len(), 11, "{line:?}");
                let numbers: Vec<i64> =
                    line[6..].iter().map(|text| text.parse().expect("a number")).collect();
                assert!(numbers[2] > 0 || numbers[4] > 0, "{line:?}");
                assert_eq!((numbers[1], numbers[3]), (0, 0), "nothing here knows these times");
            }
        }
    }

    #[test]
    fn no_moment_of_the_timeline_is_lost() {
        for case in sample::cases() {
            let report = sample::report(&case);
            let lines = lines(&report);
            let paths = words::paths(&report);
            for row in &report.timeline {
                let time = seconds(&row.time).expect("a time after 1970").to_string();
                let path = name_of(paths[row.evidence.as_str()]);
                let told = |line: &Vec<String>| {
                    (line[1] == path || line[1].starts_with(&name_of(&row.what))) && line[8..].contains(&time)
                };
                assert!(lines.iter().any(told), "{case}: {row:?}");
            }
        }
    }

    #[test]
    fn a_file_stands_once_with_its_record_and_both_times() {
        let report = sample::report("server2008r2-guid-changed-image");
        let lines = lines(&report);
        let names: BTreeSet<&String> = lines.iter().map(|line| &line[1]).collect();
        for row in report.evidence.iter().filter(|row| row.created.is_some()) {
            assert_eq!(lines.iter().filter(|line| line[1] == name_of(&row.path)).count(), 1, "{}", row.path);
        }
        assert!(names.len() > report.evidence.len() / 2);
        let container = report.evidence.iter().find(|row| row.kind == "key-container").expect("a container");
        let line = lines.iter().find(|line| line[1] == container.path).expect("its line");
        let record = container.record.as_deref().and_then(|record| record.split('-').next());
        assert_eq!(Some(line[2].as_str()), record);
        assert_eq!(Some(line[10].parse().expect("seconds")), container.created.as_deref().and_then(seconds));
    }

    #[test]
    fn the_modification_time_of_a_plain_copy_is_not_written() {
        let mut report = sample::report("healthy-server2012r2");
        let copied: Vec<String> = report.evidence.iter().map(|row| row.path.clone()).collect();
        for row in &mut report.evidence {
            (row.created, row.container) = (None, None);
            row.modified = Some("2026-01-02T03:04:05Z".to_owned());
        }
        for row in &mut report.key_containers {
            (row.created, row.modified) = (None, Some("2026-01-02T03:04:05Z".to_owned()));
        }
        let time = seconds("2026-01-02T03:04:05Z").expect("a time").to_string();
        assert!(!render(&report, &Look::default()).contains(&time));
        let written = lines(&report);
        assert!(!written.iter().any(|line| copied.contains(&line[1])), "{written:?}");
        // Out of an archive it is the machine's.
        report.evidence.iter_mut().for_each(|row| row.container = Some("case.zip".to_owned()));
        assert!(lines(&report).iter().any(|line| line[8] == time));
    }

    #[test]
    fn names_end_neither_field_nor_line() {
        assert_eq!(name_of("a|b\nc%41d%4Oe%"), "a%7Cb\\u{a}c%2541d%4Oe%");
        assert_eq!((seconds("1969-12-31T23:59:59Z"), seconds("soon")), (None, None));
        assert_eq!(seconds("2009-01-11T03:17:42.9999999Z"), Some(1_231_643_862));
    }
}
