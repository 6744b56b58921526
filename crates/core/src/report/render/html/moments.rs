//! The picture of the timeline: one line for each moment or cluster of moments, with the window of the root cause behind
//! them. Its lines are in the order of time and not to scale; where much time passes between two of them, it is written.

use chrono::{DateTime, TimeDelta, Utc};

use super::picture::shortened;
use crate::report::{Report, TimeKind, TimelineRow};

/// Most lines that are drawn.
pub(super) const MOST: usize = 60;
/// Height of a line.
const LINE: i32 = 27;
/// Top of the first line.
const TOP: i32 = 34;
/// Space for words about the time that passes.
const BREAK: i32 = 24;
/// Letters of a line's text.
const LETTERS: usize = 96;

/// The picture.
pub(super) struct Moments {
    pub(super) height: i32,
    pub(super) marks: Vec<Mark>,
    pub(super) breaks: Vec<Break>,
    pub(super) band: Option<Band>,
}

/// One moment, or several.
pub(super) struct Mark {
    pub(super) y: i32,
    pub(super) time: String,
    pub(super) shape: &'static str,
    pub(super) word: String,
    pub(super) text: String,
    pub(super) full: String,
    pub(super) is_in_window: bool,
}

/// Much time between two lines.
pub(super) struct Break {
    pub(super) y: i32,
    pub(super) text: String,
}

/// When the cause set in.
pub(super) struct Band {
    pub(super) y: i32,
    pub(super) height: i32,
    /// Baseline of its label.
    pub(super) label_y: i32,
    pub(super) text: String,
    /// Whether its beginning and its end are known.
    pub(super) has_start: bool,
    pub(super) has_end: bool,
}

/// The word for a kind of time.
pub(super) fn word(kind: TimeKind) -> &'static str {
    match kind {
        TimeKind::RegistryKeyWritten => "key written",
        TimeKind::RegistryValue => "registry value",
        TimeKind::FileCreated => "file created",
        TimeKind::FileModified => "file modified",
        TimeKind::EventRecorded => "event",
        TimeKind::CertificateValidity => "certificate",
        TimeKind::StatedInFile => "stated in file",
    }
}

/// The path of a kind's mark, around the origin.
fn shape(kind: TimeKind) -> &'static str {
    match kind {
        TimeKind::RegistryKeyWritten => "M0 -7L7 0 0 7-7 0Z",
        TimeKind::RegistryValue => "M0 -7L7 0 0 7-7 0ZM0 -3L-3 0 0 3 3 0Z",
        TimeKind::FileCreated => "M-5 0A5 5 0 1 1 5 0A5 5 0 1 1-5 0Z",
        TimeKind::FileModified => "M-6 0A6 6 0 1 1 6 0A6 6 0 1 1-6 0ZM-3 0A3 3 0 1 0 3 0A3 3 0 1 0-3 0Z",
        TimeKind::EventRecorded => "M0 -6.5L6.5 5H-6.5Z",
        TimeKind::CertificateValidity => "M0 -7L6.5 -2 4 6H-4L-6.5 -2Z",
        TimeKind::StatedInFile => "M-5 -5H5V5H-5Z",
    }
}

/// A time as people read it: `2009-01-11 03:17:42`.
pub(super) fn people(time: &str) -> String {
    match DateTime::parse_from_rfc3339(time) {
        Ok(time) => time.to_utc().format("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => time.to_owned(),
    }
}

fn shown(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M:%S").to_string()
}

fn parsed(time: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(time).ok().map(|time| time.to_utc())
}

/// "3 years 2 months", in the two largest units.
fn span(delta: TimeDelta) -> String {
    let days = delta.num_days();
    let unit = |count: i64, noun: &str| {
        (count > 0).then(|| format!("{count} {noun}{}", if count == 1 { "" } else { "s" }))
    };
    let (large, small) = match days {
        365.. => (unit(days / 365, "year"), unit(days % 365 / 30, "month")),
        60..365 => (unit(days / 30, "month"), None),
        1..60 => (unit(days, "day"), None),
        _ => (unit(delta.num_hours(), "hour"), None),
    };
    [large, small].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

struct Group<'r> {
    time: DateTime<Utc>,
    last: DateTime<Utc>,
    rows: Vec<&'r TimelineRow>,
}

impl Moments {
    /// The picture; `None` without moments.
    pub(super) fn of(report: &Report) -> Option<Self> {
        let rows: Vec<(DateTime<Utc>, &TimelineRow)> =
            report.timeline.iter().filter_map(|row| Some((parsed(&row.time)?, row))).collect();
        let cause = report.root_cause.as_ref();
        let bound = |time: Option<&String>| time.and_then(|time| parsed(time));
        let start = bound(cause.and_then(|cause| cause.earliest.as_ref()));
        let end = bound(cause.and_then(|cause| cause.latest.as_ref()));
        let groups = clustered(&rows, start, end);
        let first = groups.first()?.time;
        let mut y = TOP;
        let mut before = first;
        let (mut marks, mut breaks) = (Vec::new(), Vec::new());
        let mut band: Option<(i32, i32)> = None;
        let mut label = 0;
        for group in &groups {
            let passed = group.time - before;
            if passed >= TimeDelta::hours(36) {
                breaks.push(Break { y: y + BREAK / 2 - LINE / 2, text: span(passed) });
                y += BREAK;
            }
            before = group.last;
            let is_inside = (start.is_some() || end.is_some())
                && start.is_none_or(|start| group.last >= start)
                && end.is_none_or(|end| group.time <= end);
            // A window with one end reaches to the other end of what is known.
            if is_inside {
                if band.is_none() {
                    label = y;
                    y += BREAK;
                }
                band = Some((band.map_or(y, |(top, _)| top), y));
            }
            marks.push(mark(group, y, is_inside));
            y += LINE;
        }
        Some(Self {
            height: y,
            marks,
            breaks,
            band: band.map(|(top, bottom)| Band {
                label_y: label + 3,
                y: top - LINE / 2 - BREAK,
                height: bottom - top + LINE + BREAK,
                text: match (start, end) {
                    (Some(start), Some(end)) => {
                        format!("The root cause set in between {} and {}", shown(start), shown(end))
                    }
                    (Some(start), None) => format!("The root cause set in after {}", shown(start)),
                    (_, end) => format!("The root cause set in by {}", end.map(shown).unwrap_or_default()),
                },
                has_start: start.is_some(),
                has_end: end.is_some(),
            }),
        })
    }
}

fn mark(group: &Group<'_>, y: i32, is_in_window: bool) -> Mark {
    let kinds = |kind: TimeKind| group.rows.iter().all(|row| row.kind == kind);
    let first = group.rows.first();
    let kind = first.map_or(TimeKind::StatedInFile, |row| row.kind);
    let what = first.map_or("", |row| row.what.as_str());
    let count = group.rows.len();
    let word = if kinds(kind) { word(kind).to_owned() } else { "several".to_owned() };
    let (text, full) = if count == 1 {
        (shortened(what, LETTERS), format!("{} {what}", shown(group.time)))
    } else {
        let until = people(&group.rows.last().map_or(String::new(), |row| row.time.clone()));
        let text = format!("{count} moments until {until}; the first: {what}");
        (shortened(&text, LETTERS), text)
    };
    Mark { y, time: shown(group.time), shape: shape(kind), word, text, full, is_in_window }
}

/// Neighbours are joined where least time passes between them, never across an end of the window.
fn clustered<'r>(
    rows: &[(DateTime<Utc>, &'r TimelineRow)],
    start: Option<DateTime<Utc>>,
    end: Option<DateTime<Utc>>,
) -> Vec<Group<'r>> {
    let crosses = |a: DateTime<Utc>, b: DateTime<Utc>| {
        [start, end].into_iter().flatten().any(|bound| (a < bound && b >= bound) || (a <= bound && b > bound))
    };
    let mut gaps: Vec<(bool, TimeDelta, usize)> = rows
        .windows(2)
        .enumerate()
        .filter_map(|(at, pair)| match pair {
            [a, b] => Some((crosses(a.0, b.0), b.0 - a.0, at + 1)),
            _ => None,
        })
        .collect();
    gaps.sort_by_key(|&(crosses, gap, at)| (std::cmp::Reverse((crosses, gap)), at));
    gaps.truncate(MOST - 1);
    let starts: std::collections::BTreeSet<usize> = gaps.into_iter().map(|(_, _, at)| at).collect();
    let mut groups: Vec<Group<'r>> = Vec::new();
    for (at, (time, row)) in rows.iter().enumerate() {
        match groups.last_mut().filter(|_| !starts.contains(&at)) {
            Some(group) => {
                group.rows.push(row);
                group.last = *time;
            }
            None => groups.push(Group { time: *time, last: *time, rows: vec![row] }),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(times: &[i64]) -> Vec<TimelineRow> {
        let row = |&seconds: &i64| TimelineRow {
            time: DateTime::from_timestamp(seconds, 0).unwrap().to_rfc3339(),
            what: format!("at {seconds}"),
            kind: TimeKind::FileCreated,
            source: "file creation".to_owned(),
            evidence: "e1".to_owned(),
        };
        times.iter().map(row).collect()
    }

    fn groups(rows: &[TimelineRow], start: Option<i64>, end: Option<i64>) -> Vec<usize> {
        let timed: Vec<_> = rows.iter().map(|row| (parsed(&row.time).unwrap(), row)).collect();
        let bound = |seconds: Option<i64>| seconds.and_then(|it| DateTime::from_timestamp(it, 0));
        clustered(&timed, bound(start), bound(end)).iter().map(|group| group.rows.len()).collect()
    }

    #[test]
    fn many_moments_become_few_lines_and_none_is_lost() {
        let times: Vec<i64> = (0..2_000).map(|at| at * 10 + (at / 100) * 100_000).collect();
        let rows = rows(&times);
        let sizes = groups(&rows, None, None);
        assert_eq!((sizes.len(), sizes.iter().sum::<usize>()), (MOST, 2_000));
        assert_eq!(groups(&rows[..20], None, None), vec![1; 20], "few stand by themselves");
    }

    #[test]
    fn no_cluster_reaches_over_an_end_of_the_window() {
        let times: Vec<i64> = (0..2_000).collect();
        let rows = rows(&times);
        let sizes = groups(&rows, Some(700), Some(1_300));
        let ends: Vec<usize> = sizes
            .iter()
            .scan(0, |sum, size| {
                *sum += size;
                Some(*sum)
            })
            .collect();
        assert!([700, 701, 1_300, 1_301].iter().all(|end| ends.contains(end)), "{ends:?}");
    }

    #[test]
    fn spans_are_in_words() {
        let of = |days| span(TimeDelta::days(days));
        assert_eq!(
            [of(1), of(45), of(100), of(365), of(900)],
            ["1 day", "45 days", "3 months", "1 year", "2 years 5 months"]
        );
        assert_eq!(span(TimeDelta::hours(5)), "5 hours");
    }
}
