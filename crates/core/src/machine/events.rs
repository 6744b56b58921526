//! Facts from event logs: which logs there are, the events of this problem family, and key files that events name.

use std::collections::BTreeMap;

use iiskeys_evidence::Timestamp;

use super::facts::Identity;
use super::known::{Citation, FileId};
use crate::artifact::container::{Guid, Prefix};

/// Starts of the system that are kept, the last ones.
pub(crate) const STARTS: usize = 1_000;

/// An event log that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventLog {
    /// The file.
    pub file: FileId,
    /// Its channel in lower case: `system`, `application`, `security`, `microsoft-windows-capi2/operational`, ...
    pub channel: String,
    /// Records that could be read.
    pub records: u64,
    /// Records that there are between the lowest number and the highest; an export of a choice has far fewer.
    pub spanned: u64,
    /// Time of the earliest of them.
    pub first: Option<Timestamp>,
    /// Time of the latest of them.
    pub last: Option<Timestamp>,
    /// Whether a part of it could not be read: then what it does not show says nothing.
    pub is_damaged: bool,
    /// Whether Windows had not closed it: its newest events may be missing.
    pub is_dirty: bool,
    /// Whether it stands on the drive with Windows, where Windows keeps it.
    pub is_in_place: bool,
    /// Computers that wrote it, as far as they were looked at, at most eight in alphabetical order.
    pub computers: Vec<String>,
}

/// An event log that is in evidence and was not read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnreadLog {
    /// Its channel in lower case, as its name tells it.
    pub channel: String,
    /// Path relative to the evidence.
    pub path: String,
    /// Why, for a sentence that begins with the log.
    pub why: String,
    /// Whether it is larger than a budget rather than damaged.
    pub over_budget: bool,
}

/// What an event is a symptom of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SymptomKind {
    /// IISADMIN or a service that depends on it did not start or ended, with a code of this family.
    IisAdminFailed,
    /// Such a service did not answer in time.
    ServiceTimeout,
    /// TLS could not use a private key.
    SchannelKey,
    /// The activation service could not use a pool's identity or the configuration.
    AppPoolIdentity,
    /// DPAPI or CNG reported a failure.
    Dpapi,
    /// An HTTPS endpoint failed or its settings went away.
    HttpEndpoint,
    /// Configuration errors and failures of the configuration history.
    Configuration,
}

/// Events that say the same thing about the same subject.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SymptomKey {
    /// What it is a symptom of.
    pub kind: SymptomKind,
    /// The event's source.
    pub provider: String,
    /// The event's number.
    pub id: u32,
    /// Service, pool, endpoint, key or process that it is about; empty when it names none.
    pub subject: String,
    /// Status code, when it carries one.
    pub code: Option<u32>,
}

/// What is counted of such events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symptom {
    /// How many.
    pub count: u64,
    /// Time of the first.
    pub first: Timestamp,
    /// Time of the last.
    pub last: Timestamp,
    /// Records: the first ones and the last, at most eight.
    pub records: Vec<Citation>,
}

/// Security events on key files of one GUID. Only 5058 names the file; 5059 and 5061 name no more than the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFileSeen {
    /// The GUID in the file's name.
    pub guid: Guid,
    /// How many events.
    pub count: u64,
    /// Time of the first.
    pub first: Timestamp,
    /// Time of the last.
    pub last: Timestamp,
    /// Containers, by prefix, at most 64, with the name that the event gives.
    pub containers: BTreeMap<Prefix, String>,
    /// The first and the last record.
    pub records: Vec<Citation>,
}

/// All that the event logs say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Events {
    /// The logs, by path.
    pub logs: Vec<EventLog>,
    /// Logs that are there and were not read.
    pub unread: Vec<UnreadLog>,
    /// Symptoms.
    pub symptoms: BTreeMap<SymptomKey, Symptom>,
    /// Key files that events name, by GUID.
    pub key_files: Vec<KeyFileSeen>,
    /// When each channel was last cleared, as far as events say so.
    pub cleared: BTreeMap<String, Timestamp>,
    /// Starts of the operating system or of the event log service, oldest first, at most the last 1000.
    pub starts: Vec<(Timestamp, Citation)>,
}

/// What a symptom is about whose event says that the encryption in the configuration did not work.
pub(crate) const ENCRYPTION: &str = "configuration encryption";

/// Whether a code is one of the key functions (NTE and its neighbours).
pub(crate) fn is_key_code(code: u32) -> bool {
    (0x8009_0000..=0x8009_ffff).contains(&code)
}

/// Whether a code is one that only the metabase returns.
pub(crate) fn is_metabase_code(code: u32) -> bool {
    (0x800c_c800..=0x800c_c8ff).contains(&code)
}

impl SymptomKey {
    /// Whether its code is one of the key functions or of the metabase; any program may return the others.
    pub(crate) fn has_own_code(&self) -> bool {
        self.code.is_some_and(|code| is_key_code(code) || is_metabase_code(code))
    }
}

impl EventLog {
    /// Whether it holds a choice of the records of a log rather than the log.
    pub(crate) fn is_choice(&self) -> bool {
        !self.is_damaged && self.records.saturating_mul(2) < self.spanned
    }
}

impl Events {
    /// The logs of a channel, named in lower case.
    pub fn of_channel<'e>(&'e self, channel: &'e str) -> impl Iterator<Item = &'e EventLog> {
        self.logs.iter().filter(move |log| log.channel == channel)
    }

    /// The first start at or after the last write of the key that holds the MachineGuid; `None` where an earlier one may
    /// not be known.
    pub(crate) fn start_after_the_guid(&self, identity: &Identity) -> Option<&(Timestamp, Citation)> {
        let written = identity.key_written.value()?;
        let is_whole = self.starts.len() < STARTS || self.starts.first()?.0 <= *written;
        let start = self.starts.iter().find(|(time, _)| is_whole && time >= written)?;
        // One log must reach over both moments: between two of them there may be a gap.
        let reaches = |log: &EventLog| {
            log.first.is_some_and(|first| first <= *written) && log.last.is_some_and(|last| last >= start.0)
        };
        self.of_channel("system").any(reaches).then_some(start)
    }

    /// The symptoms of one kind.
    pub fn of_kind(&self, kind: SymptomKind) -> impl Iterator<Item = (&SymptomKey, &Symptom)> {
        self.symptoms.iter().filter(move |(key, _)| key.kind == kind)
    }
}

/// Whether the name of a computer in a log or a listing can be that of the machine.
pub(crate) fn is_host(computer: &str, host: &str) -> bool {
    // Reached over the network, a machine has addresses, and names longer than the 15 characters of its own.
    if computer.parse::<std::net::IpAddr>().is_ok() {
        return true;
    }
    let own = computer.split('.').next().unwrap_or_default();
    let short = own.get(..15).unwrap_or(own);
    [computer, own, short].iter().any(|name| name.eq_ignore_ascii_case(host))
        || own.eq_ignore_ascii_case("localhost")
}
