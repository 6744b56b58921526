//! Points in time as Windows stores them, with the precision that their source has.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Datelike, Duration, NaiveDate, Timelike, Utc};

/// 100-nanosecond ticks between 1601-01-01 and 1970-01-01.
const UNIX_EPOCH_TICKS: i64 = 116_444_736_000_000_000;
/// 100-nanosecond ticks in one second.
pub const TICKS_PER_SECOND: u64 = 10_000_000;

/// How finely the source of a time resolves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Precision {
    /// 100 nanoseconds: a FILETIME.
    Tick,
    /// Whole seconds: a bodyfile, `InstallDate`.
    Second,
    /// Whole minutes: the output of `dir`.
    Minute,
}

/// A moment in UTC, counted in 100-nanosecond ticks since 1601-01-01 (a FILETIME).
///
/// Ordering compares the moment only; the precision says how it is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Timestamp {
    ticks: u64,
    precision: Precision,
}

impl Timestamp {
    /// A FILETIME value, 100-nanosecond ticks since 1601-01-01 UTC.
    ///
    /// `None` for zero and for values past the year 9999: both mean "not set" on disk.
    pub fn from_filetime(ticks: u64) -> Option<Self> {
        let moment = Self { ticks, precision: Precision::Tick };
        (ticks != 0 && moment.date_time().is_some_and(|t| t.year() <= 9999)).then_some(moment)
    }

    /// Seconds since 1970-01-01 UTC, as in a bodyfile or `InstallDate`.
    ///
    /// `None` for zero (the usual mark for "not known") and for moments before 1601.
    pub fn from_unix_seconds(seconds: i64) -> Option<Self> {
        Self::from_calendar_seconds(seconds).filter(|_| seconds != 0)
    }

    /// Seconds since 1970-01-01 UTC that were counted from a date, as a certificate states: zero is that day.
    ///
    /// `None` for moments before 1601 and past the year 9999.
    pub fn from_calendar_seconds(seconds: i64) -> Option<Self> {
        let ticks = seconds.checked_mul(TICKS_PER_SECOND as i64)?.checked_add(UNIX_EPOCH_TICKS)?;
        let mut moment = Self::from_filetime(u64::try_from(ticks).ok()?)?;
        moment.precision = Precision::Second;
        Some(moment)
    }

    /// A time of the operating system, as a plain folder gives for the last write.
    ///
    /// `None` for moments before 1601 and past the year 9999.
    pub fn from_system_time(time: SystemTime) -> Option<Self> {
        let ticks = match time.duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_nanos() / 100).ok()?,
            Err(before) => i64::try_from(before.duration().as_nanos() / 100).ok()?.checked_neg()?,
        };
        Self::from_filetime(u64::try_from(ticks.checked_add(UNIX_EPOCH_TICKS)?).ok()?)
    }

    /// A calendar time in UTC.
    ///
    /// `None` when the date does not exist or lies before 1601.
    pub fn from_civil(
        (year, month, day): (i32, u32, u32),
        (hour, minute, second): (u32, u32, u32),
        precision: Precision,
    ) -> Option<Self> {
        let civil = NaiveDate::from_ymd_opt(year, month, day)?.and_hms_opt(hour, minute, second)?;
        let ticks = civil
            .and_utc()
            .timestamp()
            .checked_mul(TICKS_PER_SECOND as i64)?
            .checked_add(UNIX_EPOCH_TICKS)?;
        let mut moment = Self::from_filetime(u64::try_from(ticks).ok()?)?;
        moment.precision = precision;
        Some(moment)
    }

    /// 100-nanosecond ticks since 1601-01-01 UTC.
    pub fn filetime(self) -> u64 {
        self.ticks
    }

    /// How finely the source resolved this moment.
    pub fn precision(self) -> Precision {
        self.precision
    }

    /// The same moment, moved by `minutes` (negative: earlier).
    pub fn plus_minutes(self, minutes: i64) -> Option<Self> {
        let ticks = i64::try_from(self.ticks)
            .ok()?
            .checked_add(minutes.checked_mul(60 * TICKS_PER_SECOND as i64)?)?;
        let mut moved = Self::from_filetime(u64::try_from(ticks).ok()?)?;
        moved.precision = self.precision;
        Some(moved)
    }

    /// Whole seconds from `earlier` to `self`; negative when `self` comes first.
    pub fn seconds_since(self, earlier: Self) -> i64 {
        (i128::from(self.ticks) - i128::from(earlier.ticks)).div_euclid(i128::from(TICKS_PER_SECOND)) as i64
    }

    fn date_time(self) -> Option<DateTime<Utc>> {
        let unix = i64::try_from(self.ticks).ok()? - UNIX_EPOCH_TICKS;
        let whole = unix.div_euclid(TICKS_PER_SECOND as i64);
        let rest = unix.rem_euclid(TICKS_PER_SECOND as i64);
        DateTime::from_timestamp(whole, 0)?.checked_add_signed(Duration::nanoseconds(rest * 100))
    }

    /// The calendar day in UTC, `YYYY-MM-DD`.
    pub fn day(self) -> String {
        self.to_string().chars().take(10).collect()
    }
}

impl PartialOrd for Timestamp {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Timestamp {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.ticks, self.precision).cmp(&(other.ticks, other.precision))
    }
}

/// RFC 3339 in UTC: seven decimals for a FILETIME, none for coarser sources.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(time) = self.date_time() else {
            return write!(f, "FILETIME {}", self.ticks);
        };
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
            time.year(),
            time.month(),
            time.day(),
            time.hour(),
            time.minute(),
            time.second()
        )?;
        if self.precision == Precision::Tick {
            write!(f, ".{:07}", self.ticks % TICKS_PER_SECOND)?;
        }
        f.write_str("Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_each_source_with_its_own_precision() {
        let tick = Timestamp::from_filetime(131_961_495_671_234_567).unwrap();
        assert_eq!(tick.to_string(), "2019-03-04T05:06:07.1234567Z");
        let second = Timestamp::from_unix_seconds(1_234_567_890).unwrap();
        assert_eq!(second.to_string(), "2009-02-13T23:31:30Z");
        let minute = Timestamp::from_civil((2009, 1, 11), (8, 30, 0), Precision::Minute).unwrap();
        assert_eq!(minute.to_string(), "2009-01-11T08:30:00Z");
    }

    #[test]
    fn unset_and_absurd_values_are_not_times() {
        assert_eq!(Timestamp::from_filetime(0), None);
        assert_eq!(Timestamp::from_filetime(u64::MAX), None);
        assert_eq!(Timestamp::from_unix_seconds(0), None);
        assert_eq!(Timestamp::from_unix_seconds(i64::MIN), None);
        assert_eq!(Timestamp::from_civil((2021, 2, 30), (0, 0, 0), Precision::Minute), None);
    }

    #[test]
    fn times_of_the_system_convert_on_both_sides_of_1970() {
        let after = UNIX_EPOCH + std::time::Duration::new(1_234_567_890, 100);
        assert_eq!(Timestamp::from_system_time(after).unwrap().to_string(), "2009-02-13T23:31:30.0000001Z");
        let before = UNIX_EPOCH - std::time::Duration::from_secs(86_400);
        assert_eq!(Timestamp::from_system_time(before).unwrap().to_string(), "1969-12-31T00:00:00.0000000Z");
    }

    #[test]
    fn moves_and_measures() {
        let a = Timestamp::from_civil((2020, 1, 1), (0, 0, 0), Precision::Minute).unwrap();
        let b = a.plus_minutes(90).unwrap();
        assert_eq!(b.seconds_since(a), 5400);
        assert_eq!(a.seconds_since(b), -5400);
        assert!(a < b);
    }
}
