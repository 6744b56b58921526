//! Dates in the many forms of a Windows locale.

use crate::time::{Precision, Timestamp};

/// The order of the numbers in a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Year, month, day.
    Ymd,
    /// Month, day, year.
    Mdy,
    /// Day, month, year.
    Dmy,
}

/// The three numbers of a date such as `30.04.2012`, `4/30/2012` or `2012-04-30`.
pub(super) fn numbers(text: &str) -> Option<([u32; 3], char)> {
    let separator = text.chars().find(|letter| matches!(letter, '.' | '/' | '-'))?;
    let text = text.trim_end_matches('.');
    let mut parts = text.split(separator).map(str::trim);
    let numbers = [parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?];
    parts.next().is_none().then_some((numbers, separator))
}

/// What the dates seen so far say about their order.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Evidence {
    first_over_12: bool,
    second_over_12: bool,
    year_first: bool,
    dotted: bool,
    twelve_hours: bool,
    any: bool,
}

impl Evidence {
    /// Takes a date in.
    pub fn see(&mut self, date: &str, twelve_hours: bool) {
        let Some(([a, b, _], separator)) = numbers(date) else { return };
        self.any = true;
        self.year_first |= a > 31;
        self.first_over_12 |= a > 12;
        self.second_over_12 |= b > 12;
        self.dotted |= separator == '.';
        self.twelve_hours |= twelve_hours;
    }

    /// The order; `None` when day and month cannot be told apart.
    pub fn order(self) -> Option<Order> {
        if self.year_first {
            return Some(Order::Ymd);
        }
        match (self.first_over_12, self.second_over_12) {
            (true, false) => Some(Order::Dmy),
            (false, true) => Some(Order::Mdy),
            (true, true) => None,
            // Dots are used with the day first, and AM and PM with the month first, nearly everywhere.
            (false, false) if self.dotted => Some(Order::Dmy),
            (false, false) if self.twelve_hours => Some(Order::Mdy),
            (false, false) => None,
        }
    }

    /// Whether any date was seen.
    pub fn any(self) -> bool {
        self.any
    }
}

/// Hour, minute and second of `18:59`, `06:59 PM`, `06:59p`, `18:59:12`; and whether AM or PM stood there.
pub(super) fn clock(text: &str) -> Option<((u32, u32, u32), bool, bool)> {
    let lower = text.trim().to_ascii_lowercase().replace('\u{202f}', " ");
    let (digits, half) = match lower.trim_end_matches(['m', '.', ' ']).chars().last()? {
        'a' => (lower.trim_end_matches(['m', '.', ' ', 'a']).to_owned(), Some(false)),
        'p' => (lower.trim_end_matches(['m', '.', ' ', 'p']).to_owned(), Some(true)),
        _ => (lower.clone(), None),
    };
    let mut parts = digits.trim().split([':', '.']);
    let mut hour: u32 = parts.next()?.trim().parse().ok()?;
    let minute: u32 = parts.next()?.parse().ok()?;
    let seconds = parts.next();
    let second: u32 = seconds.map_or(Some(0), |second| second.parse().ok())?;
    match half {
        Some(true) if hour < 12 => hour += 12,
        Some(false) if hour == 12 => hour = 0,
        _ => {}
    }
    (hour < 24 && minute < 60 && second < 60).then_some((
        (hour, minute, second),
        half.is_some(),
        seconds.is_some(),
    ))
}

/// The moment, read as UTC.
pub(super) fn moment(date: &str, time: &str, order: Order) -> Option<Timestamp> {
    let ([a, b, c], _) = numbers(date)?;
    let (year, month, day) = match order {
        Order::Ymd => (a, b, c),
        Order::Mdy => (c, a, b),
        Order::Dmy => (c, b, a),
    };
    // Two digits stand for 1980 to 2079, as Windows reads them.
    let year = match year {
        0..80 => year + 2000,
        80..100 => year + 1900,
        year => year,
    };
    let (clock, _, seconds) = clock(time)?;
    let precision = if seconds { Precision::Second } else { Precision::Minute };
    Timestamp::from_civil((i32::try_from(year).ok()?, month, day), clock, precision)
}
