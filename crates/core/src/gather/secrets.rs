//! From SYSTEM and SECURITY to the machine's DPAPI secret: what came of it goes into the facts, the secret itself does not.

use iiskeys_evidence::Timestamp;

use crate::artifact::boot_key::{BootKeyPlace, ClassNames, Piece};
use crate::artifact::hive::Hive;
use crate::artifact::lsa::{Revision, update_time};
use crate::machine::facts::{Damage, Facts};
use crate::machine::{Citation, Contradiction, FileId, Known, Locator, Need, SystemSecret};
use crate::proof::BootKey;
use crate::proof::lsa::{DpapiSystem, LsaFailure, LsaKeys};
use crate::proof::master_key::SystemSecrets;

const POLICY: &str = "Policy";
/// LSA keys that are named.
const NAMED: usize = 8;
const SECRET: &str = "Policy\\Secrets\\DPAPI_SYSTEM";

/// A hive that the chain needs.
#[derive(Clone, Copy)]
pub(super) struct Side<'a> {
    /// Its keys; `None` when it is not in evidence or cannot be read.
    pub hive: Option<&'a Hive<'a>>,
    /// Its file.
    pub file: FileId,
    /// Why it cannot be read.
    pub trouble: Option<&'a str>,
}

impl Side<'_> {
    fn missing<T>(&self, need: Need) -> Known<T> {
        match self.trouble {
            Some(why) => Known::Unreadable { why: why.to_owned(), citation: None },
            None => Known::NotInEvidence(need),
        }
    }

    fn cite(&self, key: &str, name: &str) -> Citation {
        Citation::new(self.file, Locator::Value(key.into(), name.into()))
    }

    /// The default value of a key, and the error of one that cannot be read.
    fn data(&self, key: &str) -> Result<Option<Vec<u8>>, String> {
        let Some(hive) = self.hive else { return Ok(None) };
        let Some(key) = hive.key(key).map_err(|error| error.to_string())? else { return Ok(None) };
        let Some(value) = key.value("").map_err(|error| error.to_string())? else { return Ok(None) };
        value.data().map(|data| Some(data.into_owned())).map_err(|error| error.to_string())
    }

    fn number(&self, key: &str, name: &str) -> Option<u32> {
        let key = self.hive?.key(key).ok()??;
        let value = key.value(name).ok()??;
        let data = value.data().ok()?;
        Some(u32::from_le_bytes(data.get(..4)?.try_into().ok()?))
    }
}

/// Follows the chain as far as the hives go.
pub(super) fn read(facts: &mut Facts, system: Side<'_>, security: Side<'_>) -> SystemSecrets {
    let (boot, boot_fact) = boot_key(&system);
    facts.protection.boot_key = boot_fact;
    if security.hive.is_none() {
        facts.protection.secret = security.missing(Need::SecurityHive);
        return SystemSecrets::default();
    }
    let Some(boot) = boot else {
        facts.protection.secret = match &facts.protection.boot_key {
            Known::NotInEvidence(need) => Known::NotInEvidence(*need),
            _ => Known::Unreadable {
                why: "the boot key that opens it is not known".to_owned(),
                citation: None,
            },
        };
        return SystemSecrets::default();
    };
    match chain(&security, &boot) {
        Ok((secrets, fact, trouble)) => {
            if let Some(why) = trouble {
                let path = facts.files.get(security.file.0 as usize).map(|file| file.path.clone());
                facts.damage.push(Damage {
                    path: path.unwrap_or_default(),
                    what: format!("the previous value of DPAPI_SYSTEM cannot be read: {why}"),
                    citation: Some(security.cite(&format!("{SECRET}\\OldVal"), "")),
                });
            }
            facts.protection.secret = Known::read(fact, security.cite(&format!("{SECRET}\\CurrVal"), ""));
            secrets
        }
        Err(Broken::Damaged(why, citation)) => {
            facts.protection.secret = Known::Unreadable { why, citation: Some(citation) };
            SystemSecrets::default()
        }
        Err(Broken::Absent(key)) => {
            facts.protection.secret =
                Known::Absent(vec![Citation::new(security.file, Locator::Key(key.into()))]);
            SystemSecrets::default()
        }
        Err(Broken::Foreign(what, citations)) => {
            let why = "SYSTEM and SECURITY do not belong together".to_owned();
            let citation = citations.first().map(|(citation, _)| citation.clone());
            facts.protection.secret = Known::Unreadable { why, citation };
            facts.protection.contradictions.push(Contradiction { what, citations });
            SystemSecrets::default()
        }
    }
}

fn boot_key(system: &Side<'_>) -> (Option<BootKey>, Known<()>) {
    let Some(hive) = system.hive else { return (None, system.missing(Need::SystemHive)) };
    let number = system.number("Select", "Current").filter(|number| *number < 1000).unwrap_or(1);
    let lsa = format!("ControlSet{number:03}\\Control\\Lsa");
    let citation = Citation::new(system.file, Locator::Key(lsa.as_str().into()));
    let unreadable = |why: String| Known::Unreadable { why, citation: Some(citation.clone()) };
    match BootKeyPlace::from_secure_boot(system.number(&lsa, "SecureBoot")) {
        BootKeyPlace::Registry => {}
        BootKeyPlace::Password => {
            return (
                None,
                unreadable("it is not on the disk but made from a password at start (syskey mode 2)".into()),
            );
        }
        BootKeyPlace::Floppy => {
            return (None, unreadable("it is not on the disk but on a floppy (syskey mode 3)".into()));
        }
        BootKeyPlace::Other(mode) => {
            return (None, unreadable(format!("SecureBoot is {mode}, which is not known")));
        }
    }
    let class = |piece: Piece| {
        let key = hive.key(&format!("{lsa}\\{}", piece.key_name())).ok().flatten()?;
        key.class_name().ok().flatten()
    };
    let (jd, skew1, gbg, data) =
        (class(Piece::Jd), class(Piece::Skew1), class(Piece::Gbg), class(Piece::Data));
    let names =
        ClassNames { jd: jd.as_deref(), skew1: skew1.as_deref(), gbg: gbg.as_deref(), data: data.as_deref() };
    let boot = BootKey::from_classes(&names);
    // The class names are half a secret themselves.
    for name in [jd, skew1, gbg, data].into_iter().flatten() {
        drop(zeroize::Zeroizing::new(name));
    }
    match boot {
        Ok(boot) => (Some(boot), Known::read((), citation)),
        Err(fault) => (None, unreadable(fault.to_string())),
    }
}

enum Broken {
    Damaged(String, Citation),
    Absent(String),
    Foreign(String, Vec<(Citation, String)>),
}

/// The secrets, what the facts say of them, and why the previous one cannot be read.
fn chain(
    security: &Side<'_>,
    boot: &BootKey,
) -> Result<(SystemSecrets, SystemSecret, Option<String>), Broken> {
    let revision = required(security, &format!("{POLICY}\\PolRevision"))?;
    let (bytes, key) = revision;
    let revision = Revision::parse(&bytes)
        .map_err(|fault| Broken::Damaged(fault.to_string(), security.cite(&key, "")))?;
    let lsa = if revision.has_key_list() { "PolEKList" } else { "PolSecretEncryptionKey" };
    let (bytes, lsa) = required(security, &format!("{POLICY}\\{lsa}"))?;
    let opened = if revision.has_key_list() {
        LsaKeys::from_key_list(&bytes, boot)
    } else {
        LsaKeys::from_policy_key(&bytes, boot)
    };
    let keys = opened.map_err(|failure| broken(security, &lsa, &failure))?;
    let (current, place) = required(security, &format!("{SECRET}\\CurrVal"))?;
    let current = keys.open_dpapi_system(&current).map_err(|failure| {
        let mut broken = broken(security, &place, &failure);
        if let Broken::Foreign(_, citations) = &mut broken {
            let known = keys.ids().iter().take(NAMED).map(ToString::to_string).collect::<Vec<_>>().join(", ");
            citations.push((security.cite(&lsa, ""), format!("LSA keys {known}")));
        }
        broken
    })?;
    let (previous, trouble) = previous(security, &keys);
    let fact = SystemSecret {
        current_since: time(security, "CupdTime"),
        previous_since: time(security, "OupdTime"),
        has_previous: previous.is_some(),
        is_unchanged: previous.as_ref() == Some(&current),
    };
    let previous_is_unreadable = trouble.is_some();
    Ok((SystemSecrets { current: Some(current), previous, previous_is_unreadable }, fact, trouble))
}

/// The previous value, or what keeps it from being read. It may be empty on a machine that never changed it.
fn previous(security: &Side<'_>, keys: &LsaKeys) -> (Option<DpapiSystem>, Option<String>) {
    let bytes = match security.data(&format!("{SECRET}\\OldVal")) {
        Ok(bytes) => bytes.filter(|bytes| !bytes.is_empty()),
        Err(why) => return (None, Some(why)),
    };
    match bytes.map(|bytes| keys.open_dpapi_system(&bytes)) {
        None | Some(Err(LsaFailure::NotDpapiSystem { len: 0 })) => (None, None),
        Some(Ok(secret)) => (Some(secret), None),
        Some(Err(failure)) => (None, Some(failure.to_string())),
    }
}

fn required(security: &Side<'_>, key: &str) -> Result<(Vec<u8>, String), Broken> {
    match security.data(key) {
        Ok(Some(bytes)) => Ok((bytes, key.to_owned())),
        Ok(None) => Err(Broken::Absent(key.to_owned())),
        Err(why) => Err(Broken::Damaged(why, security.cite(key, ""))),
    }
}

/// What a failure of the chain means: damage, or hives that are not of one machine and moment.
fn broken(security: &Side<'_>, key: &str, failure: &LsaFailure) -> Broken {
    let citation = security.cite(key, "");
    match failure {
        LsaFailure::KeyNotInList { wanted, .. } => Broken::Foreign(
            format!(
                "The secret DPAPI_SYSTEM is encrypted with the LSA key {wanted}, which is not in the list PolEKList."
            ),
            vec![(citation, format!("needs the LSA key {wanted}"))],
        ),
        LsaFailure::DoesNotDecode { .. } | LsaFailure::NotDpapiSystem { .. } => Broken::Foreign(
            format!("What SECURITY holds does not open with the boot key in SYSTEM: {failure}."),
            vec![(citation, "does not decode".to_owned())],
        ),
        other => Broken::Damaged(other.to_string(), citation),
    }
}

fn time(security: &Side<'_>, name: &str) -> Option<Timestamp> {
    let bytes = security.data(&format!("{SECRET}\\{name}")).ok().flatten()?;
    Timestamp::from_filetime(update_time(&bytes).ok()?)
}
