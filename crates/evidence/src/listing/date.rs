//! Dates and clocks in the forms of many countries.

use super::{ListedTime, Zone};
use crate::time::{Precision, Timestamp};

/// Order of the parts of a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateOrder {
    /// Year, month, day.
    YearMonthDay,
    /// Day, month, year.
    DayMonthYear,
    /// Month, day, year.
    MonthDayYear,
}

/// How the order is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateBasis {
    /// A part is larger than twelve, or the year stands first.
    Value,
    /// Points between the parts: no country writes the month first with them.
    Separator,
    /// A twelve-hour clock, as in the United States.
    Clock,
    /// Nothing tells; day first is taken, which may be wrong.
    Guess,
}

/// A date before its order is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RawDate {
    parts: [u32; 3],
    year_first: bool,
    separator: char,
}

/// A time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clock {
    pub hour: u32,
    pub minute: u32,
    /// Seconds, and 100-nanosecond ticks where a fraction is written, be it zero.
    pub second: Option<(u32, Option<u64>)>,
    pub twelve_hours: bool,
}

/// Cuts digits off the start: their value and how many there were.
fn digits(text: &str) -> Option<(u32, usize, &str)> {
    let count = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at_checked(count)?;
    Some((number.parse().ok()?, count, rest))
}

/// Cuts a date off the start of `text`.
pub(super) fn date(text: &str) -> Option<(RawDate, &str)> {
    let (first, first_len, rest) = digits(text)?;
    let separator = rest.chars().next().filter(|c| ['/', '.', '-'].contains(c))?;
    let (second, second_len, rest) = digits(rest.strip_prefix(separator)?)?;
    let (third, third_len, rest) = digits(rest.strip_prefix(separator)?)?;
    let year_first = first_len == 4 || (first_len == 2 && third_len == 2 && first > 31);
    if second_len > 2 || (!year_first && (first_len > 2 || ![2, 4].contains(&third_len))) {
        return None;
    }
    Some((RawDate { parts: [first, second, third], year_first, separator }, rest))
}

/// Cuts a clock off the start of `text`: `05:06`, `5:06:07 AM`, `05.06`, `05:06a`, `05:06:07.1234567`.
pub(super) fn clock(text: &str) -> Option<(Clock, &str)> {
    let (mut hour, hour_len, rest) = digits(text)?;
    let separator = rest.chars().next().filter(|c| [':', '.'].contains(c))?;
    let (minute, minute_len, mut rest) = digits(rest.strip_prefix(separator)?)?;
    if hour_len > 2 || minute_len != 2 {
        return None;
    }
    let mut second = None;
    if let Some((seconds, 2, after)) = rest.strip_prefix(separator).and_then(digits) {
        rest = after;
        let mut fine = None;
        if let Some(fraction) = rest.strip_prefix('.') {
            let count = fraction.bytes().take_while(u8::is_ascii_digit).count();
            let mut ticks = 0;
            for at in 0..7 {
                let digit = fraction.bytes().take(count).nth(at).map_or(0, |b| u64::from(b - b'0'));
                ticks = ticks * 10 + digit;
            }
            rest = fraction.get(count..).unwrap_or_default();
            fine = (count > 0).then_some(ticks);
        }
        second = Some((seconds, fine));
    }
    let (half, rest) = half_day(rest);
    let twelve_hours = half.is_some();
    if let Some(afternoon) = half {
        if hour == 0 || hour > 12 {
            return None;
        }
        hour = hour % 12 + if afternoon { 12 } else { 0 };
    }
    Some((Clock { hour, minute, second, twelve_hours }, rest))
}

/// Cuts `AM`, `p`, `a. m.` and the like off; true for the afternoon.
fn half_day(text: &str) -> (Option<bool>, &str) {
    let trimmed = text.trim_start_matches([' ', '\u{a0}', '\u{202f}']);
    let lower = |prefix: &str| {
        trimmed.get(..prefix.len()).filter(|head| head.eq_ignore_ascii_case(prefix))?;
        let rest = trimmed.get(prefix.len()..)?;
        rest.starts_with([' ', '\t']).then_some(rest).or_else(|| rest.is_empty().then_some(rest))
    };
    let direct = trimmed.len() == text.len();
    for (mark, afternoon, attached) in [
        ("AM", false, false),
        ("PM", true, false),
        ("a.m.", false, false),
        ("p.m.", true, false),
        ("a. m.", false, false),
        ("p. m.", true, false),
        ("a", false, true),
        ("p", true, true),
    ] {
        if (!attached || direct)
            && let Some(rest) = lower(mark)
        {
            return (Some(afternoon), rest);
        }
    }
    (None, text)
}

/// Date and clock of a whole value such as `3/4/2019 5:06:07 AM`.
pub(super) fn parts(text: &str) -> Option<(RawDate, Clock)> {
    let (date, rest) = date(text.trim())?;
    let rest = rest.strip_prefix('T').unwrap_or(rest).trim_start_matches([' ', ',', '\u{a0}', '\u{202f}']);
    let (clock, _) = clock(rest)?;
    Some((date, clock))
}

/// The moment of a date and clock whose order is known.
pub(super) fn civil(date: &RawDate, clock: &Clock, order: Option<DateOrder>) -> Option<Timestamp> {
    let [a, b, c] = date.parts;
    let (year, month, day) = match order {
        _ if date.year_first => (a, b, c),
        Some(DateOrder::MonthDayYear) => (c, a, b),
        Some(DateOrder::YearMonthDay) => (a, b, c),
        _ => (c, b, a),
    };
    // Two digits: Windows turns the century at 30 or 50; no NT machine is older than 1980.
    let year = match year {
        0..80 => year + 2000,
        80..100 => year + 1900,
        _ => year,
    };
    let (second, ticks) = clock.second.unwrap_or((0, None));
    let precision = match clock.second {
        None => Precision::Minute,
        Some(_) => Precision::Second,
    };
    let whole = Timestamp::from_civil(
        (i32::try_from(year).ok()?, month, day),
        (clock.hour, clock.minute, second),
        precision,
    )?;
    match ticks {
        Some(ticks) => Timestamp::from_filetime(whole.filetime() + ticks),
        None => Some(whole),
    }
}

/// A whole value of a CSV column.
pub(super) fn value(text: &str, order: Option<DateOrder>, zone: Zone) -> Option<ListedTime> {
    let text = text.trim();
    // `ToFileTime()` gives the bare number.
    if (17..=19).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()) {
        return Some(ListedTime { time: Timestamp::from_filetime(text.parse().ok()?)?, zone: Zone::Utc });
    }
    let (date, clock) = parts(text)?;
    let time = civil(&date, &clock, order)?;
    match offset_minutes(text) {
        Some(minutes) => Some(ListedTime { time: time.plus_minutes(-minutes)?, zone: Zone::Utc }),
        None => Some(ListedTime { time, zone }),
    }
}

/// The offset at the end of an ISO time, in minutes east of UTC.
fn offset_minutes(text: &str) -> Option<i64> {
    let (_, clock) = text.split_once('T')?;
    if clock.ends_with('Z') {
        return Some(0);
    }
    let at = clock.find(['+', '-'])?;
    let (sign, zone) = clock.split_at_checked(at + 1).map(|(head, zone)| (head.ends_with('-'), zone))?;
    let (hours, _, rest) = digits(zone)?;
    let (minutes, _, _) = digits(rest.strip_prefix(':')?)?;
    let total = i64::from(hours.min(24)) * 60 + i64::from(minutes.min(60));
    Some(if sign { -total } else { total })
}

/// What the dates of a listing say about their order.
#[derive(Debug, Default)]
pub(super) struct Votes {
    year_first: bool,
    day_first: bool,
    month_first: bool,
    points: bool,
    twelve_hours: bool,
    any: bool,
}

impl Votes {
    pub(super) fn add(&mut self, date: &RawDate, clock: Clock) {
        let [a, b, _] = date.parts;
        if date.year_first {
            self.year_first = true;
            return;
        }
        self.any = true;
        self.day_first |= a > 12 && b <= 12;
        self.month_first |= b > 12 && a <= 12;
        self.points |= date.separator == '.';
        self.twelve_hours |= clock.twelve_hours;
    }

    pub(super) fn decide(&self) -> Option<(DateOrder, DateBasis)> {
        use DateBasis::{Clock, Guess, Separator, Value};
        use DateOrder::{DayMonthYear, MonthDayYear, YearMonthDay};
        match (self.any, self.day_first, self.month_first) {
            (false, ..) => self.year_first.then_some((YearMonthDay, Value)),
            (_, true, false) => Some((DayMonthYear, Value)),
            (_, false, true) => Some((MonthDayYear, Value)),
            _ if self.points => Some((DayMonthYear, Separator)),
            (_, false, false) if self.twelve_hours => Some((MonthDayYear, Clock)),
            _ => Some((DayMonthYear, Guess)),
        }
    }
}
