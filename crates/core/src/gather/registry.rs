//! Reads facts from the registry, whatever form it is in evidence.

mod old;

use std::collections::BTreeMap;

use iiskeys_evidence::{Timestamp, VolumeIdentity};

use crate::artifact::container::{Guid, GuidFault};
use crate::artifact::hive;
use crate::machine::facts::{GuidValue, Identity, Iis, Os, Service, TimeZone};
use crate::machine::{Citation, FileId, Known, Locator, Need};
pub(super) use old::registry_containers;
use old::{earlier_installs, hotfix};

/// The IIS services that matter here, in upper case.
const SERVICES: [&str; 9] =
    ["IISADMIN", "W3SVC", "WAS", "APPHOSTSVC", "WMSVC", "SMTPSVC", "MSFTPSVC", "FTPSVC", "NNTPSVC"];

/// REG_SZ.
const REG_SZ: u32 = 1;
/// REG_EXPAND_SZ.
const REG_EXPAND_SZ: u32 = 2;
/// REG_DWORD.
const REG_DWORD: u32 = 4;

/// What a look-up gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Looked<T> {
    /// It is there.
    Found(T),
    /// The source covers the place, and it is not there.
    Absent,
    /// The source does not cover the place.
    NotCovered,
    /// It is there and cannot be read.
    Unreadable(String),
}

/// A registry value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Raw {
    /// Type number.
    pub kind: u32,
    /// Bytes, as a hive holds them.
    pub data: Vec<u8>,
}

/// A registry hive or an export of it, seen from the hive's root.
pub(super) trait Source {
    /// The value `name` of `key`.
    fn value(&self, key: &str, name: &str) -> Looked<Raw>;
    /// Last write of `key`.
    fn written(&self, key: &str) -> Looked<Timestamp>;
    /// Names of the subkeys of `key`.
    fn subkeys(&self, key: &str) -> Looked<Vec<String>>;
    /// Names of the values of `key`.
    fn value_names(&self, key: &str) -> Looked<Vec<String>>;
}

/// A source with the file that it stands in, and what to collect where it is silent.
pub(super) struct Reader<'a> {
    /// The source; `None` when no such hive is in evidence.
    pub source: Option<&'a dyn Source>,
    /// Why there is none, when it is there and cannot be read.
    pub unreadable: Option<String>,
    /// Its file.
    pub file: FileId,
    /// What to collect.
    pub need: Need,
}

impl Reader<'_> {
    pub(super) fn known<T, U>(
        &self,
        locator: Locator,
        looked: Looked<T>,
        read: impl FnOnce(T) -> Result<U, String>,
    ) -> Known<U> {
        let citation = Citation::new(self.file, locator);
        match looked {
            Looked::Found(raw) => match read(raw) {
                Ok(value) => Known::read(value, citation),
                Err(why) => Known::Unreadable { why, citation: Some(citation) },
            },
            Looked::Absent => Known::Absent(vec![citation]),
            Looked::NotCovered => Known::NotInEvidence(self.need),
            Looked::Unreadable(why) => Known::Unreadable { why, citation: Some(citation) },
        }
    }

    pub(super) fn silent<T>(&self) -> Option<Known<T>> {
        match (&self.source, &self.unreadable) {
            (Some(_), _) => None,
            (None, Some(why)) => Some(Known::Unreadable { why: why.clone(), citation: None }),
            (None, None) => Some(Known::NotInEvidence(self.need)),
        }
    }

    pub(super) fn value<U>(
        &self,
        key: &str,
        name: &str,
        read: impl FnOnce(Raw) -> Result<U, String>,
    ) -> Known<U> {
        let Some(source) = self.source else {
            return self.silent().unwrap_or(Known::NotInEvidence(self.need));
        };
        self.known(Locator::Value(key.into(), name.into()), source.value(key, name), read)
    }

    pub(super) fn text(&self, key: &str, name: &str) -> Known<String> {
        self.value(key, name, |raw| match raw.kind {
            REG_SZ | REG_EXPAND_SZ => Ok(hive::text(&raw.data)),
            kind => Err(format!("the value {key}\\{name} has type {kind} instead of REG_SZ")),
        })
    }

    fn dword(&self, key: &str, name: &str) -> Known<u32> {
        self.value(key, name, |raw| {
            dword(&raw).ok_or_else(|| format!("the value {key}\\{name} is no REG_DWORD"))
        })
    }

    pub(super) fn written(&self, key: &str) -> Known<Timestamp> {
        let Some(source) = self.source else {
            return self.silent().unwrap_or(Known::NotInEvidence(self.need));
        };
        self.known(Locator::Key(key.into()), source.written(key), Ok)
    }

    pub(super) fn subkeys(&self, key: &str) -> Looked<Vec<String>> {
        self.source.map_or(Looked::NotCovered, |source| source.subkeys(key))
    }

    fn has_key(&self, key: &str) -> Known<bool> {
        if let Some(silent) = self.silent() {
            return silent;
        }
        let locator = Locator::Key(key.into());
        match self.subkeys(key) {
            Looked::Found(_) => Known::read(true, Citation::new(self.file, locator)),
            Looked::Absent => Known::read(false, Citation::new(self.file, locator)),
            Looked::NotCovered => Known::NotInEvidence(self.need),
            Looked::Unreadable(why) => {
                Known::Unreadable { why, citation: Some(Citation::new(self.file, locator)) }
            }
        }
    }
}

fn dword(raw: &Raw) -> Option<u32> {
    if raw.kind == REG_DWORD { hive::dword(&raw.data) } else { None }
}

/// The value `MachineGuid` of a key.
pub(super) fn guid(reader: &Reader<'_>, key: &str) -> Known<GuidValue> {
    reader.value(key, "MachineGuid", |raw| Ok(guid_value(&raw)))
}

fn guid_value(raw: &Raw) -> GuidValue {
    // One terminating NUL belongs to the form; further ones, or text behind one, are faults.
    let text = hive::whole_text(&raw.data);
    let (guid, problems) = match Guid::parse(&text) {
        Ok(guid) if raw.kind == REG_SZ => (Some(guid), Vec::new()),
        // With another type the text may be right, but what Windows does with it is not known.
        Ok(_) => (None, Vec::new()),
        Err(GuidFault::Empty) => (None, Vec::new()),
        Err(fault) => (None, vec![fault]),
    };
    GuidValue { text, kind: raw.kind, guid, problems }
}

/// Identity from SOFTWARE.
pub(super) fn identity(software: &Reader<'_>) -> Identity {
    Identity {
        guid: guid(software, "Microsoft\\Cryptography"),
        key_written: software.written("Microsoft\\Cryptography"),
        unreplayed: None,
        wow64: guid(software, "WOW6432Node\\Microsoft\\Cryptography"),
        earlier: Vec::new(),
        rivals: Vec::new(),
    }
}

/// The control set in use, such as `ControlSet001`.
pub(super) fn control_set(system: &Reader<'_>) -> String {
    match system.dword("Select", "Current") {
        Known::Read(cited) if cited.value < 1000 => format!("ControlSet{:03}", cited.value),
        _ => "ControlSet001".to_owned(),
    }
}

/// The operating system from SOFTWARE and SYSTEM.
pub(super) fn os(software: &Reader<'_>, system: &Reader<'_>) -> Os {
    const VERSION: &str = "Microsoft\\Windows NT\\CurrentVersion";
    const FOLDERS: &str = "Microsoft\\Windows\\CurrentVersion\\Explorer";
    let set = control_set(system);
    let control = |rest: &str| format!("{set}\\Control\\{rest}");
    let build = match software.text(VERSION, "CurrentBuildNumber") {
        Known::Read(cited) => Known::Read(cited),
        _ => software.text(VERSION, "CurrentBuild"),
    };
    let build = match build.value().map(|text| text.trim().parse::<u32>()) {
        Some(Err(_)) => Known::Unreadable {
            why: "the build number is not a number".to_owned(),
            citation: build.citation().cloned(),
        },
        _ => build.map(|text| text.trim().parse().unwrap_or_default()),
    };
    let wow64 = software.has_key("WOW6432Node");
    let architecture = system.text(&control("Session Manager\\Environment"), "PROCESSOR_ARCHITECTURE");
    Os {
        product: software.text(VERSION, "ProductName"),
        version: software.text(VERSION, "CurrentVersion"),
        build,
        edition: software.text(VERSION, "EditionID"),
        installation_type: software.text(VERSION, "InstallationType"),
        product_type: system.text(&control("ProductOptions"), "ProductType"),
        service_pack: software.text(VERSION, "CSDVersion"),
        installed: installed(software, VERSION),
        earlier_installs: earlier_installs(system),
        system_root: software.text(VERSION, "SystemRoot"),
        hostname: hostname(system),
        active_hostname: system.text(&control("ComputerName\\ActiveComputerName"), "ComputerName"),
        time_zone: time_zone(system, &control("TimeZoneInformation")),
        image_state: software.text("Microsoft\\Windows\\CurrentVersion\\Setup\\State", "ImageState"),
        setup_in_progress: system.dword("Setup", "SystemSetupInProgress"),
        is_64_bit: match architecture.value() {
            Some(_) => architecture.map(|name| name.contains("64")),
            None => wow64,
        },
        common_app_data: software.text(&format!("{FOLDERS}\\Shell Folders"), "Common AppData"),
        user_common_app_data: software.text(&format!("{FOLDERS}\\User Shell Folders"), "Common AppData"),
        hotfix_884872: hotfix(software),
        image_layer: false,
    }
}

/// The computer's name from SYSTEM.
pub(super) fn hostname(system: &Reader<'_>) -> Known<String> {
    let set = control_set(system);
    system.text(&format!("{set}\\Control\\ComputerName\\ComputerName"), "ComputerName")
}

/// An installation date below `key`.
pub(super) fn installed(software: &Reader<'_>, key: &str) -> Known<Timestamp> {
    software.value(key, "InstallDate", |raw| {
        let seconds = dword(&raw).ok_or("InstallDate is no REG_DWORD")?;
        Ok(Timestamp::from_unix_seconds(i64::from(seconds)).ok_or("InstallDate is not set")?)
    })
}

fn time_zone(system: &Reader<'_>, key: &str) -> Known<TimeZone> {
    let bias = system.dword(key, "ActiveTimeBias");
    let name = match system.text(key, "TimeZoneKeyName") {
        Known::Read(cited) => Some(cited.value),
        _ => system.text(key, "StandardName").value().cloned(),
    };
    bias.map(|bias| TimeZone { name: name.unwrap_or_default(), bias: *bias as i32 })
}

/// IIS from SOFTWARE and SYSTEM.
pub(super) fn iis(software: &Reader<'_>, system: &Reader<'_>) -> Iis {
    const INETSTP: &str = "Microsoft\\InetStp";
    let major = software.dword(INETSTP, "MajorVersion");
    let minor = software.dword(INETSTP, "MinorVersion");
    let version = major.map(|major| (*major, minor.value().copied().unwrap_or(0)));
    let set = control_set(system);
    Iis {
        components: components(software, &version),
        services: services(system, &format!("{set}\\Services")),
        version,
    }
}

fn components(software: &Reader<'_>, version: &Known<(u32, u32)>) -> Known<BTreeMap<String, u32>> {
    const KEY: &str = "Microsoft\\InetStp\\Components";
    if let Some(silent) = software.silent() {
        return silent;
    }
    let Some(source) = software.source else { return Known::NotInEvidence(software.need) };
    let citation = Citation::new(software.file, Locator::Key(KEY.into()));
    match source.value_names(KEY) {
        Looked::Found(names) => {
            let components = names
                .into_iter()
                .filter_map(|name| match source.value(KEY, &name) {
                    Looked::Found(raw) => Some((name, dword(&raw)?)),
                    _ => None,
                })
                .collect();
            Known::read(components, citation)
        }
        // IIS is registered without a list of components (always before IIS 7): only the services can tell.
        Looked::Absent if version.value().is_some() => Known::NotInEvidence(Need::SystemHive),
        Looked::Absent => Known::Absent(vec![citation]),
        Looked::NotCovered => Known::NotInEvidence(software.need),
        Looked::Unreadable(why) => Known::Unreadable { why, citation: Some(citation) },
    }
}

fn services(system: &Reader<'_>, key: &str) -> Known<BTreeMap<String, Service>> {
    if let Some(silent) = system.silent() {
        return silent;
    }
    let citation = Citation::new(system.file, Locator::Key(key.into()));
    let names = match system.subkeys(key) {
        Looked::Found(names) => names,
        // A SYSTEM hive always has this key: where it lacks it, the hive cannot speak for the services.
        Looked::Absent => {
            return Known::Unreadable { why: format!("SYSTEM has no key {key}"), citation: Some(citation) };
        }
        Looked::NotCovered => return Known::NotInEvidence(system.need),
        Looked::Unreadable(why) => return Known::Unreadable { why, citation: Some(citation) },
    };
    let mut services = BTreeMap::new();
    for name in names {
        let upper = name.to_ascii_uppercase();
        if !SERVICES.contains(&upper.as_str()) {
            continue;
        }
        let path = format!("{key}\\{name}");
        // Other products leave keys of these names with settings below them; a service has a start type.
        if let Some(start) = system.dword(&path, "Start").value().copied() {
            let shown = system.text(&path, "DisplayName").value().cloned();
            let display_name = shown.filter(|name| !name.trim().is_empty() && !name.starts_with('@'));
            let citation = Citation::new(system.file, Locator::Key(path.into()));
            services.insert(upper, Service { start, display_name, citation });
        }
    }
    Known::read(services, citation)
}

/// Identifiers of the network cards that SOFTWARE and SYSTEM know: on one machine they share at least one.
pub(super) fn network_cards(software: &Reader<'_>, system: &Reader<'_>) -> (Vec<String>, Vec<String>) {
    const CARDS: &str = "Microsoft\\Windows NT\\CurrentVersion\\NetworkCards";
    let mut known: Vec<String> = match software.subkeys(CARDS) {
        Looked::Found(numbers) => numbers
            .iter()
            .filter_map(|number| software.text(&format!("{CARDS}\\{number}"), "ServiceName").value().cloned())
            .map(|name| name.to_ascii_lowercase())
            .collect(),
        _ => Vec::new(),
    };
    let interfaces = format!("{}\\Services\\Tcpip\\Parameters\\Interfaces", control_set(system));
    let mut used: Vec<String> = match system.subkeys(&interfaces) {
        Looked::Found(names) => names.iter().map(|name| name.to_ascii_lowercase()).collect(),
        _ => Vec::new(),
    };
    known.sort();
    used.sort();
    (known, used)
}

/// The drive letters that the machine gave to volumes (`MountedDevices` of SYSTEM), by letter.
pub(super) fn mounted_devices(system: &Reader<'_>) -> Vec<(char, VolumeIdentity)> {
    const KEY: &str = "MountedDevices";
    let Some(source) = system.source else { return Vec::new() };
    let Looked::Found(names) = source.value_names(KEY) else { return Vec::new() };
    let mut mounted: Vec<(char, VolumeIdentity)> = names
        .iter()
        .filter_map(|name| {
            let letter = name.strip_prefix("\\DosDevices\\")?.strip_suffix(':')?;
            let letter = letter.chars().next().filter(|c| letter.len() == 1 && c.is_ascii_alphabetic())?;
            match source.value(KEY, name) {
                Looked::Found(raw) => Some((letter.to_ascii_uppercase(), volume_identity(&raw.data)?)),
                _ => None,
            }
        })
        .collect();
    mounted.sort_unstable();
    mounted
}

/// A password of the central certificate store, as the registry holds it.
pub(super) struct StoreValue {
    /// Name of the value.
    pub name: &'static str,
    /// Its text, when it is one.
    pub text: Option<String>,
    /// Its bytes otherwise.
    pub data: Vec<u8>,
    /// Where it stands.
    pub citation: Citation,
}

/// The passwords that the central certificate store keeps; none when it is switched off.
pub(super) fn central_store(software: &Reader<'_>) -> Vec<StoreValue> {
    const KEY: &str = "Microsoft\\IIS\\CentralCertProvider";
    let Some(source) = software.source else { return Vec::new() };
    if software.dword(KEY, "Enabled").value() == Some(&0) {
        return Vec::new();
    }
    let value = |name: &'static str| {
        let Looked::Found(raw) = source.value(KEY, name) else { return None };
        let text = matches!(raw.kind, REG_SZ | REG_EXPAND_SZ).then(|| hive::text(&raw.data));
        if text.as_ref().map_or(raw.data.is_empty(), |text| text.trim().is_empty()) {
            return None;
        }
        let citation = Citation::new(software.file, Locator::Value(KEY.into(), name.into()));
        Some(StoreValue { name, text, data: raw.data, citation })
    };
    ["Password", "PrivateKeyPassword"].into_iter().filter_map(value).collect()
}

/// A volume of a basic disk, as `MountedDevices` names it; dynamic disks and removable drives have other forms.
fn volume_identity(data: &[u8]) -> Option<VolumeIdentity> {
    if let Some(guid) = data.strip_prefix(b"DMIO:ID:") {
        return Some(VolumeIdentity::Gpt(guid.try_into().ok()?));
    }
    if data.len() != 12 {
        return None;
    }
    let (signature, offset) = data.split_at_checked(4)?;
    Some(VolumeIdentity::Mbr {
        signature: u32::from_le_bytes(signature.try_into().ok()?),
        offset: u64::from_le_bytes(offset.try_into().ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_are_known_by_signature_and_offset_or_by_guid() {
        let mbr = [0x78, 0x56, 0x34, 0x12, 0, 0, 0x10, 0, 0, 0, 0, 0];
        let expected = VolumeIdentity::Mbr { signature: 0x1234_5678, offset: 0x10_0000 };
        assert_eq!(volume_identity(&mbr), Some(expected));
        let mut gpt = b"DMIO:ID:".to_vec();
        gpt.extend([7; 16]);
        assert_eq!(volume_identity(&gpt), Some(VolumeIdentity::Gpt([7; 16])));
        assert_eq!(volume_identity(b"\\\0?\0?\0\\\0S\0T\0O\0R"), None);
        assert_eq!(volume_identity(&[]), None);
    }
}
