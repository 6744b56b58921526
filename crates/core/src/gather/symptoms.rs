//! From one event to what it is a symptom of.
//!
//! What the values of an event are is known from the service control manager's message table, from the manifests of
//! Schannel, HttpEvent, Crypto-DPAPI and Crypto-NCrypt, and from Microsoft's reference of security events. A code that is
//! not of this problem family makes no symptom, and neither does a service whose name is not surely one of IIS.

use crate::artifact::container::{FileName, Guid, Prefix};
use crate::artifact::event_log::Event;
use crate::codes;
use crate::machine::events::{ENCRYPTION, is_key_code, is_metabase_code};
use crate::machine::facts::Facts;
use crate::machine::{SymptomKey, SymptomKind};

/// Characters of a subject that are kept.
const LONGEST: usize = 160;
/// A service did not answer the service control manager in time.
const TIMED_OUT: u32 = 1053;
/// "Not enough storage is available to process this command."
const NO_STORAGE: u32 = 8;
/// "The system cannot find the path specified": the code of KB884872, which any other program returns as well.
const NO_PATH: [u32; 2] = [3, 0x8007_0003];

/// The services of IIS that hang on the metabase: key name, and the display names of Windows in English.
const SERVICES: [(&str, &[&str]); 6] = [
    ("IISADMIN", &["iis admin service", "iis admin"]),
    ("W3SVC", &["world wide web publishing service", "world wide web publishing"]),
    ("SMTPSVC", &["simple mail transfer protocol (smtp)", "simple mail transport protocol (smtp)"]),
    ("MSFTPSVC", &["ftp publishing service", "ftp publishing"]),
    ("NNTPSVC", &["network news transfer protocol (nntp)", "network news transport protocol (nntp)"]),
    ("HTTPFILTER", &["http ssl"]),
];

/// A key file that an event names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeyFile {
    pub guid: Guid,
    pub prefix: Prefix,
    /// The key's name as the event gives it.
    pub name: String,
}

/// What the machine's registry says about the services of its events.
#[derive(Debug, Default)]
pub(super) struct Services {
    /// Display names in lower case, with the key name of the service.
    shown: Vec<(String, &'static str)>,
    /// Whether this is Windows 2000 to Server 2003.
    is_nt5: bool,
}

impl Services {
    /// The services as the facts name them.
    pub fn of(facts: &Facts) -> Self {
        let services = facts.iis.services.value();
        let shown = SERVICES.iter().filter_map(|(key, _)| {
            let name = services?.get(*key)?.display_name.as_ref()?;
            Some((name.trim().to_lowercase(), *key))
        });
        let version = facts.os.version.value();
        Self { shown: shown.collect(), is_nt5: version.is_some_and(|version| version.starts_with("5.")) }
    }

    /// The service that a name means: its key name or a display name, never a part of a name.
    fn named(&self, name: &str) -> Option<&'static str> {
        let name = name.trim().to_lowercase();
        let is_it = |(key, shown): &&(&'static str, &[&str])| {
            key.eq_ignore_ascii_case(&name) || shown.contains(&name.as_str())
        };
        let known = SERVICES.iter().find(is_it).map(|(key, _)| *key);
        known.or_else(|| self.shown.iter().find(|(shown, _)| *shown == name).map(|(_, key)| *key))
    }

    /// Whether an event is of Windows 2000 to Server 2003, which alone write `.evt`.
    fn is_old(&self, event: &Event) -> bool {
        self.is_nt5 || event.channel.is_none()
    }
}

/// Where an event comes from, whatever form its source is named in.
fn source(provider: &str) -> String {
    let name = provider.to_ascii_lowercase();
    let name =
        name.strip_prefix("microsoft-windows-").or_else(|| name.strip_prefix("microsoft-")).unwrap_or(&name);
    name.to_owned()
}

/// Whether an event of that source and number can matter; asked for every record of a log.
pub(super) fn can_matter(provider: &str, id: u32) -> bool {
    let source = source(provider);
    match source.as_str() {
        "service control manager" => matches!(id, 7000 | 7001 | 7009 | 7011 | 7023 | 7024 | 7031 | 7034),
        "was" => is_pool_event(id) || needs_code(id),
        "msftpsvc" | "smtpsvc" | "nntpsvc" => id == 116,
        "w3svc" => matches!(id, 116 | 1002 | 1008 | 1009 | 1021 | 1057 | 1059),
        "schannel" => matches!(id, 36870 | 36871),
        "httpevent" | "http" => matches!(id, 15021 | 15300 | 15301),
        "iis-configuration" => matches!(id, 10 | 42 | 43 | 44),
        "iis-apphostsvc" | "apphostsvc" => (9000..=9012).contains(&id),
        "crypto-dpapi" => (8193..=8198).contains(&id),
        "crypto-ncrypt" => (1..=4).contains(&id),
        "capi2" => id == 70,
        "eventlog" if matches!(id, 104 | 1102) => true,
        "security-auditing" | "security" => matches!(id, 517 | 5058 | 5059 | 5061),
        _ => is_start(provider, id),
    }
}

/// Whether an event says that Windows, or the event log service with it, started.
pub(super) fn is_start(provider: &str, id: u32) -> bool {
    match source(provider).as_str() {
        "eventlog" => id == 6005,
        "kernel-general" => id == 12,
        _ => false,
    }
}

/// The channel of which an event says that it was cleared, in lower case.
pub(super) fn cleared(event: &Event) -> Option<String> {
    match (source(&event.provider).as_str(), event.id) {
        ("eventlog", 104) => Some(event.named("Channel").unwrap_or("system").trim().to_ascii_lowercase()),
        ("eventlog", 1102) | ("security", 517) => Some("security".to_owned()),
        _ => None,
    }
}

/// What an event is a symptom of.
pub(super) fn classify(event: &Event, services: &Services) -> Option<SymptomKey> {
    let (kind, subject, code) = match source(&event.provider).as_str() {
        "service control manager" => service(event, services)?,
        "was" => pool(event)?,
        "w3svc" => web_service(event, services)?,
        "msftpsvc" => metabase_path(event, "MSFTPSVC", services)?,
        "smtpsvc" => metabase_path(event, "SMTPSVC", services)?,
        "nntpsvc" => metabase_path(event, "NNTPSVC", services)?,
        "schannel" => schannel(event)?,
        "httpevent" | "http" => endpoint(event)?,
        "iis-configuration" => configuration(event)?,
        "iis-apphostsvc" | "apphostsvc" => {
            let is_failure = (9000..=9012).contains(&event.id) && (1..=3).contains(&event.level);
            is_failure.then(|| (SymptomKind::Configuration, String::new(), code_of_binary(event)))?
        }
        "crypto-dpapi" => dpapi(event)?,
        "crypto-ncrypt" => ncrypt(event)?,
        "capi2" => (event.id == 70).then(|| certificate(event)).flatten()?,
        "security-auditing" | "security" => key_operation(event)?,
        _ => return None,
    };
    Some(SymptomKey { kind, provider: cut(&event.provider), id: event.id, subject: cut(&subject), code })
}

type Found = (SymptomKind, String, Option<u32>);

/// Reads a code of this family; [`NO_PATH`] is one for services of Windows 2000 and 2003 only.
fn parse_status(text: &str) -> Option<u32> {
    codes::parse_status(text).filter(|code| !NO_PATH.contains(code))
}

/// The key name of the service that later versions of Windows add in binary, whatever the language.
fn key_name(event: &Event) -> Option<String> {
    let units: Vec<u16> = event
        .binary
        .chunks_exact(2)
        .take(64)
        .filter_map(|pair| pair.try_into().ok().map(u16::from_le_bytes))
        .take_while(|unit| *unit != 0)
        .collect();
    let text = String::from_utf16(&units).ok()?;
    // The state follows the name after a slash.
    text.split('/').next().map(str::to_owned).filter(|name| !name.is_empty())
}

/// Events of the service control manager.
fn service(event: &Event, services: &Services) -> Option<Found> {
    let position = if matches!(event.id, 7009 | 7011) { 1 } else { 0 };
    let name = event.at(position)?;
    let is_old = services.is_old(event);
    let any_code = |position: usize| event.at(position).and_then(codes::parse_status);
    let code = |position: usize| event.at(position).and_then(parse_status);
    let key = key_name(event);
    let known = key.as_deref().and_then(|key| services.named(key)).or_else(|| services.named(name));
    let late = |code| Some((SymptomKind::ServiceTimeout, known?.to_owned(), code));
    match event.id {
        7001 => {
            let upon = event.at(1)?;
            // In another language the name of what it hangs on says IIS, whatever code goes with it.
            let upon = services.named(upon).or_else(|| by_code(upon, code(2)));
            // The name of the service that could not start is told as it is, for any service may depend on this one.
            let subject = known.map_or_else(|| name.trim().to_owned(), str::to_owned);
            (upon == Some("IISADMIN")).then_some((SymptomKind::IisAdminFailed, subject, code(2)))
        }
        // What did not start at all never got to its keys.
        7000 => late(Some(code(1).filter(|code| matches!(*code, TIMED_OUT | NO_STORAGE))?)),
        7023 | 7024 => {
            let code = any_code(1)?;
            if is_key_code(code) && is_activation(key.as_deref().unwrap_or(name)) {
                return Some((SymptomKind::AppPoolIdentity, String::new(), Some(code)));
            }
            if known.is_some() && matches!(code, TIMED_OUT | NO_STORAGE) {
                return late(Some(code));
            }
            let service = known.or_else(|| by_code(name, Some(code)))?;
            let is_of_metabase = is_key_code(code) || is_metabase_code(code);
            let counts = match service {
                "IISADMIN" if NO_PATH.contains(&code) => is_old,
                "IISADMIN" => true,
                "W3SVC" => is_old,
                _ if NO_PATH.contains(&code) => false,
                // From IIS 7 on what is left of the others hangs on the metabase still, and has other troubles too.
                _ => is_old || is_of_metabase,
            };
            counts.then(|| (SymptomKind::IisAdminFailed, service.to_owned(), Some(code)))
        }
        7009 | 7011 => late(None),
        // A crash carries no code; only that of IISADMIN itself speaks of the metabase.
        7031 | 7034 => {
            let service = known.filter(|service| *service == "IISADMIN")?;
            Some((SymptomKind::IisAdminFailed, service.to_owned(), None))
        }
        _ => None,
    }
}

/// IISADMIN under a name of another language: the metabase's own codes are nobody else's, and a code of the key
/// functions, or none, counts where the name says IIS.
fn by_code(name: &str, code: Option<u32>) -> Option<&'static str> {
    let says_iis = name.split(|c: char| !c.is_alphanumeric()).any(|word| word == "IIS");
    let is_it = code.is_some_and(is_metabase_code) || says_iis && code.is_none_or(is_key_code);
    is_it.then_some("IISADMIN")
}

/// Whether this is the Windows Process Activation Service, which decrypts the passwords of pools.
fn is_activation(name: &str) -> bool {
    let name = name.trim();
    name.eq_ignore_ascii_case("WAS") || name.eq_ignore_ascii_case("Windows Process Activation Service")
}

fn is_pool_event(id: u32) -> bool {
    matches!(id, 5002 | 5021 | 5036 | 5057 | 5059)
}

/// Events of the activation service that have many reasons, and tell by their code whether it is one of these.
fn needs_code(id: u32) -> bool {
    matches!(id, 5005 | 5022 | 5172 | 5173)
}

/// Events of the activation service: the pool is their first value.
fn pool(event: &Event) -> Option<Found> {
    let code = code_of_binary(event).or_else(|| any_code(event));
    if needs_code(event.id) {
        return Some((SymptomKind::AppPoolIdentity, String::new(), Some(code?)));
    }
    if !is_pool_event(event.id) {
        return None;
    }
    let named = event.named("AppPoolID").or_else(|| event.named("AppPoolName"));
    let pool = if event.id == 5036 { "" } else { named.or_else(|| event.at(0)).unwrap_or_default() };
    Some((SymptomKind::AppPoolIdentity, pool.to_owned(), code))
}

/// Events of the configuration system: an error in a file, or an encryption that did not work.
fn configuration(event: &Event) -> Option<Found> {
    if event.level > 3 {
        return None;
    }
    let file = event.named("FileName").or_else(|| event.named("File"));
    let subject = file.or_else(|| event.at(0)).unwrap_or_default().to_owned();
    let code = any_code(event);
    match event.id {
        10 => Some((SymptomKind::Configuration, subject, code)),
        42..=44 => Some((SymptomKind::AppPoolIdentity, ENCRYPTION.to_owned(), code)),
        _ => None,
    }
}

/// Events of the web service of IIS 5 and 6.
fn web_service(event: &Event, services: &Services) -> Option<Found> {
    match event.id {
        116 => metabase_path(event, "W3SVC", services),
        1008 => {
            let code = any_code(event).or_else(|| code_of_binary(event))?;
            Some((SymptomKind::IisAdminFailed, "W3SVC".to_owned(), Some(code)))
        }
        1002 | 1009 | 1021 | 1057 | 1059 => {
            let pool = event.at(0).unwrap_or_default();
            Some((SymptomKind::AppPoolIdentity, pool.to_owned(), code_of_binary(event)))
        }
        _ => None,
    }
}

/// 116, "the service metabase path could not be opened": only that of the service itself, for the path of one site may
/// be missing for reasons of its own.
fn metabase_path(event: &Event, service: &str, services: &Services) -> Option<Found> {
    if event.id != 116 {
        return None;
    }
    let path = event.at(0).unwrap_or_default().trim().trim_matches('/').to_ascii_uppercase();
    // A text without a slash is no path: some records carry the code there.
    let is_root = !path.contains('/') || path.strip_prefix("LM/") == Some(service);
    let own = || number_of_binary(event).filter(|code| NO_PATH.contains(code) && services.is_old(event));
    let code = any_code(event).or_else(|| code_of_binary(event)).or_else(own);
    is_root.then(|| (SymptomKind::IisAdminFailed, service.to_owned(), code))
}

fn schannel(event: &Event) -> Option<Found> {
    let named = ["ErrorCode", "ErrorStatus", "ErrorState"].into_iter().filter_map(|name| event.named(name));
    // Older logs have positions only: the role, then the codes.
    let positioned = [1, 2].into_iter().filter_map(|position| event.at(position));
    let code = named.chain(positioned).find_map(parse_status)?;
    let role = event.named("Type").or_else(|| event.at(0)).unwrap_or_default();
    matches!(event.id, 36870 | 36871)
        .then(|| (SymptomKind::SchannelKey, role.trim().to_lowercase(), Some(code)))
}

fn endpoint(event: &Event) -> Option<Found> {
    let looks = |text: &&str| text.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let mut values = event.data.iter().map(|datum| datum.text.as_str());
    let place = event.named("Endpoint").or_else(|| values.find(looks)).unwrap_or_default();
    matches!(event.id, 15021 | 15300 | 15301).then(|| (SymptomKind::HttpEndpoint, place.to_owned(), None))
}

fn dpapi(event: &Event) -> Option<Found> {
    let status = event.named("Status").or_else(|| event.at(0));
    match event.id {
        8193 | 8197 | 8198 => Some((SymptomKind::Dpapi, reason(event), Some(status.and_then(parse_status)?))),
        8194 => {
            let file = event.named("FileName").or_else(|| event.at(0)).unwrap_or_default();
            Some((SymptomKind::Dpapi, file.to_owned(), None))
        }
        8195 | 8196 => Some((SymptomKind::Dpapi, String::new(), None)),
        _ => None,
    }
}

/// Why DPAPI did not open a blob, in words.
fn reason(event: &Event) -> String {
    let number =
        if event.id == 8193 { None } else { event.named("ReasonForFailure").or_else(|| event.at(1)) };
    match number.map(|text| text.trim().trim_start_matches("0x")) {
        Some("1") => "version check failed",
        Some("2") => "MAC check failed",
        Some("3") => "input size check failed",
        Some("4") => "access check failed",
        Some("5") => "a password is required",
        Some("6") => "could not get the master key",
        _ => "",
    }
    .to_owned()
}

fn ncrypt(event: &Event) -> Option<Found> {
    // The message of event 2 takes its third value for the code.
    let position = match event.id {
        1 => 5,
        2 | 3 => 2,
        4 => 4,
        _ => return None,
    };
    let named = event.named("Status").or_else(|| event.named("ReturnCode"));
    let status = named.or_else(|| event.at(position)).and_then(parse_status)?;
    let key = event.named("KeyName").or_else(|| event.named("ProviderName")).unwrap_or_default();
    Some((SymptomKind::Dpapi, key.to_owned(), Some(status)))
}

/// CAPI2 70: a private key was asked for; its result is a value of an element or attribute called so.
fn certificate(event: &Event) -> Option<Found> {
    let is_result = |name: &str| {
        let name = name.to_ascii_lowercase();
        name == "result" || name == "result/@value"
    };
    let mut results = event.data.iter().filter(|datum| datum.name.as_deref().is_some_and(is_result));
    let code = results.find_map(|datum| parse_status(&datum.text))?;
    let wanted = ["subjectname", "containername", "container"];
    let named = event.data.iter().find(|datum| {
        let name = datum.name.as_deref().unwrap_or_default().to_ascii_lowercase();
        wanted.iter().any(|end| name.ends_with(end))
    });
    Some((SymptomKind::Dpapi, named.map(|datum| datum.text.clone()).unwrap_or_default(), Some(code)))
}

/// `%%2499`, a key of the machine; keys of users come and go without any fault.
const MACHINE_KEY: &str = "2499";

/// Security events on keys that did not succeed.
fn key_operation(event: &Event) -> Option<Found> {
    if !matches!(event.id, 5058 | 5059 | 5061) {
        return None;
    }
    let kind = event.named("KeyType").unwrap_or_default().trim_start_matches('%');
    let code = event.named("ReturnCode").and_then(parse_status)?;
    let name = event.named("KeyName").unwrap_or_default();
    (kind == MACHINE_KEY).then(|| (SymptomKind::Dpapi, name.to_owned(), Some(code)))
}

/// The key file that a Security event names, succeeded or not.
pub(super) fn key_file(event: &Event) -> Option<KeyFile> {
    if !matches!(source(&event.provider).as_str(), "security-auditing" | "security") {
        return None;
    }
    let path = event.named("KeyFilePath")?;
    let file = path.rsplit(['\\', '/']).next()?;
    let parsed = FileName::parse(file).filter(|parsed| !parsed.is_set_aside())?;
    let name = cut(event.named("KeyName").unwrap_or_default());
    Some(KeyFile { guid: parsed.guid?, prefix: parsed.prefix, name })
}

/// The first value that is a code of this family and no small number, which could mean anything.
fn any_code(event: &Event) -> Option<u32> {
    let mut codes = event.data.iter().filter_map(|datum| parse_status(&datum.text));
    codes.find(|code| *code > 0xffff)
}

/// "The data is the error": four bytes.
fn code_of_binary(event: &Event) -> Option<u32> {
    number_of_binary(event).and_then(|number| parse_status(&number.to_string()))
}

fn number_of_binary(event: &Event) -> Option<u32> {
    Some(u32::from_le_bytes(event.binary.get(..4)?.try_into().ok()?))
}

fn cut(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}

#[cfg(test)]
mod tests;
