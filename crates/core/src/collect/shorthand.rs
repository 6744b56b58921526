//! What the entries of the list have in common: folders, kinds of places, commands of older Windows.

use super::item::{Base, Commands, Place, Secret};

pub(super) const CONFIG: &str = "System32\\config";
pub(super) const INETSRV: &str = "System32\\inetsrv";
pub(super) const LOGS: &str = "System32\\winevt\\Logs";

pub(super) const fn file(base: Base, folder: &'static str, mask: &'static str) -> Place {
    Place { base, folder, mask, secret: Secret::None }
}

pub(super) const fn windows(folder: &'static str, mask: &'static str) -> Place {
    file(Base::Windows, folder, mask)
}

pub(super) const fn keys(base: Base, folder: &'static str) -> Place {
    Place { secret: Secret::Key, ..file(base, folder, "*") }
}

pub(super) const fn opener(folder: &'static str, mask: &'static str) -> Place {
    Place { secret: Secret::Opener, ..file(Base::Windows, folder, mask) }
}

pub(super) const CONTENTS: &str =
    "what is in a container: its key, whether it is whole, which name it has inside, what protects it";
/// The same where the name inside is written down.
pub(super) const CONTENTS_BUT_NAME: &str =
    "what is in a container: its key, whether it is whole, what protects it";
pub(super) const PROOFS: &str =
    "whether a container can be opened by this machine and opens what was encrypted with it";
pub(super) const OLD_KEYS: &str = "xcopy \"%ALLUSERSPROFILE%\\Application Data\\Microsoft\\Crypto\\RSA\\MachineKeys\" \
                        Crypto\\RSA\\MachineKeys\\ /e /h /k /c";
pub(super) const OLD_DSS_KEYS: &str = "xcopy \"%ALLUSERSPROFILE%\\Application Data\\Microsoft\\Crypto\\DSS\\MachineKeys\" \
                            Crypto\\DSS\\MachineKeys\\ /e /h /k /c";
pub(super) const OLD_SYSTEM_KEYS: &str = "xcopy \"%ALLUSERSPROFILE%\\Application Data\\Microsoft\\Crypto\\RSA\\S-1-5-18\" \
                               Crypto\\RSA\\S-1-5-18\\ /e /h /k /c";
pub(super) const OLD_PROTECT: &str =
    "xcopy %SystemRoot%\\System32\\Microsoft\\Protect\\S-1-5-18 Protect\\S-1-5-18\\ /e /h /k /c";
pub(super) const OLD_ACCESS: &[&str] = &[
    "cacls \"%ALLUSERSPROFILE%\\Application Data\\Microsoft\\Crypto\\RSA\\MachineKeys\" > acl-folder.txt",
    "cacls \"%ALLUSERSPROFILE%\\Application Data\\Microsoft\\Crypto\\RSA\\MachineKeys\\*\" > acl-files.txt",
];
pub(super) const OLD_LISTING: &[&str] =
    &["dir /tc /a /s \"%ALLUSERSPROFILE%\\Application Data\\Microsoft\\Crypto\" > dir-created.txt"];
pub(super) const OLD_META_BACK: &str =
    "xcopy %SystemRoot%\\System32\\inetsrv\\MetaBack inetsrv\\MetaBack\\ /h /k /c";
pub(super) const OLD_META_HISTORY: &str =
    "xcopy %SystemRoot%\\System32\\inetsrv\\History inetsrv\\History\\ /h /k /c";
pub(super) const SYSTEM_HIVE: &str =
    "%SystemRoot%\\System32\\config\\SYSTEM with SYSTEM.LOG, .LOG1 and .LOG2";
pub(super) const SECURITY_HIVE: &str = "%SystemRoot%\\System32\\config\\SECURITY with SECURITY.LOG, .LOG1 and .LOG2, of the same moment as SYSTEM";
pub(super) const OLD_SITES: &str = "the output of cscript %SystemDrive%\\Inetpub\\AdminScripts\\adsutil.vbs ENUM_ALL W3SVC, made on the server";
pub(super) const ADSUTIL: &str =
    "cscript //nologo %SystemDrive%\\Inetpub\\AdminScripts\\adsutil.vbs ENUM_ALL W3SVC > adsutil.txt";
pub(super) const VERIFY: &str = "certutil -v -verifystore MY > verifystore.txt";

/// Commands for what older Windows does not have, or cannot give.
pub(super) const fn vista(nt6: &'static [&'static str]) -> Commands {
    Commands { nt50: &[], nt51: &[], nt6 }
}
