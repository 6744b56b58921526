//! Command lines, only from names that can be quoted safely.

use iiskeys_evidence::acl::Sid;

use crate::machine::{Generation, Machine};

/// Where the backup of a plan goes.
pub(super) const BACKUP: &str = "C:\\iiskeys-backup";

/// `text` in double quotes for `cmd.exe`; `None` when it holds anything that could end the quotes, be expanded, or show
/// as something else than it is.
pub(super) fn quote(text: &str) -> Option<String> {
    let safe = |letter: char| {
        letter.is_ascii_alphanumeric()
            || matches!(letter, ' ' | '\\' | ':' | '.' | '_' | '-' | '{' | '}' | '+')
    };
    // A backslash before the closing quote would escape it for many programs.
    (!text.is_empty() && text.chars().all(safe) && !text.ends_with(['\\', ' ']))
        .then(|| format!("\"{text}\""))
}

/// A command that copies a folder with its access rights into the backup.
pub(super) fn copy_folder(machine: &Machine<'_>, from: &str, name: &str) -> Option<String> {
    let from = quote(from)?;
    let to = quote(&format!("{BACKUP}\\{name}"))?;
    Some(match machine.generation {
        // Windows 2000 to 2003 have no robocopy; xcopy /O carries the access rights.
        Some(Generation::Nt50 | Generation::Nt51) => format!("xcopy {from} {to} /E /H /K /O /I"),
        _ => format!("robocopy {from} {to} /E /B /COPYALL /R:1 /W:1"),
    })
}

/// A command that saves the Cryptography key.
pub(super) fn save_key(machine: &Machine<'_>) -> String {
    match machine.generation {
        // reg.exe came with Windows XP.
        Some(Generation::Nt50 | Generation::Nt51) => format!(
            "regedit /e \"{BACKUP}\\Cryptography.reg\" \"HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Cryptography\""
        ),
        _ => format!(
            "reg export \"HKLM\\SOFTWARE\\Microsoft\\Cryptography\" \"{BACKUP}\\Cryptography.reg\" /y{}",
            view(machine)
        ),
    }
}

/// A command that writes the MachineGuid; `None` on Windows 2000, which has no `reg`.
pub(super) fn set_guid(machine: &Machine<'_>, guid: &str) -> Option<String> {
    let guid = quote(guid)?;
    if machine.generation == Some(Generation::Nt50) {
        return None;
    }
    Some(format!(
        "reg add \"HKLM\\SOFTWARE\\Microsoft\\Cryptography\" /v MachineGuid /t REG_SZ /d {guid} /f{}",
        view(machine)
    ))
}

/// The registry key of a certificate store of the machine.
pub(super) fn store_key(store: &str) -> String {
    format!("HKLM\\SOFTWARE\\Microsoft\\SystemCertificates\\{store}")
}

/// The file in which a certificate store is saved.
pub(super) fn store_file(store: &str) -> String {
    format!("certificates-{}.reg", store.replace(' ', "-"))
}

/// A command that saves a certificate store with the links to its keys; `None` when its name cannot be quoted.
pub(super) fn save_store(machine: &Machine<'_>, store: &str) -> Option<String> {
    let key = store_key(store);
    let file = quote(&format!("{BACKUP}\\{}", store_file(store)))?;
    Some(match machine.generation {
        Some(Generation::Nt50 | Generation::Nt51) => {
            let key = key.replacen("HKLM", "HKEY_LOCAL_MACHINE", 1);
            format!("regedit /e {file} {}", quote(&key)?)
        }
        _ => format!("reg export {} {file} /y{}", quote(&key)?, view(machine)),
    })
}

/// A command that links a certificate to its key; `None` when a name cannot be quoted.
pub(super) fn repair_store(store: &str, thumbprint: &str) -> Option<String> {
    Some(format!("certutil -repairstore {} {}", quote(store)?, quote(thumbprint)?))
}

/// Names the 64-bit view, which a 32-bit prompt would miss.
fn view(machine: &Machine<'_>) -> &'static str {
    if machine.facts.os.is_64_bit.value() == Some(&true) { " /reg:64" } else { "" }
}

/// A command that renames a file within its folder.
pub(super) fn rename(folder: &str, from: &str, to: &str) -> Option<String> {
    Some(format!("ren {} {}", quote(&format!("{folder}\\{from}"))?, quote(to)?))
}

/// A command that moves a file into another folder.
pub(super) fn move_file(from_folder: &str, name: &str, to_folder: &str) -> Option<String> {
    Some(format!("move {} {}", quote(&format!("{from_folder}\\{name}"))?, quote(to_folder)?))
}

/// Commands that save the access control of `path` into the backup as `saved`, put entries right and show the result.
/// `None` when a name cannot be quoted, and on Windows 2000, which has no `icacls`.
pub(super) fn grant(
    machine: &Machine<'_>,
    path: &str,
    saved: &str,
    own: bool,
    removed: &[Sid],
    granted: &[(Sid, &str)],
) -> Option<Vec<String>> {
    let target = quote(path)?;
    // The icacls of Windows Server 2003 cannot turn inheritance off.
    if machine.generation == Some(Generation::Nt50) || (own && machine.generation == Some(Generation::Nt51)) {
        return None;
    }
    let mut commands = vec![format!("icacls {target} /save {}", quote(&format!("{BACKUP}\\{saved}"))?)];
    if own {
        // Inherited entries can only be changed where they are the file's own.
        commands.push(format!("icacls {target} /inheritance:d"));
    }
    // Identifiers mean the same in every language.
    commands.extend(removed.iter().map(|sid| format!("icacls {target} /remove:d *{sid}")));
    commands.extend(granted.iter().map(|(sid, rights)| format!("icacls {target} /grant *{sid}:({rights})")));
    commands.push(format!("icacls {target}"));
    Some(commands)
}

/// The path of `aspnet_regiis` that fits the machine.
pub(super) fn aspnet_regiis(machine: &Machine<'_>) -> String {
    let framework =
        if machine.facts.os.is_64_bit.value() == Some(&true) { "Framework64" } else { "Framework" };
    // IIS 7.0 and 7.5 come with .NET 2.0 and may have no later one.
    let version = match machine.facts.iis.version.value() {
        Some((7, _)) => "v2.0.50727",
        _ => "v4.0.30319",
    };
    format!("%windir%\\Microsoft.NET\\{framework}\\{version}\\aspnet_regiis.exe")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_harmless_names_are_quoted() {
        assert_eq!(
            quote("C:\\Key Files\\a_b-{1}.aside").as_deref(),
            Some("\"C:\\Key Files\\a_b-{1}.aside\"")
        );
        for hostile in [
            "a\"b",
            "a%PATH%",
            "a&b",
            "a|b",
            "a>b",
            "a^b",
            "a`b",
            "a$b",
            "a'b",
            "a\nb",
            "\u{202e}a",
            "ä",
            "a!b",
            "a\\",
            "",
        ] {
            assert_eq!(quote(hostile), None, "{hostile:?}");
        }
    }
}
