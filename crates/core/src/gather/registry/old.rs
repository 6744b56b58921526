//! What old systems and upgrades leave in the registry: hotfixes, containers of Windows NT 4, earlier installations.

use super::{Looked, Reader, installed};
use crate::machine::facts::{EarlierInstall, RegistryContainer};
use crate::machine::{Citation, Cited, Known, Locator};

/// Names that are kept of the containers in the registry.
const MOST_REGISTRY_CONTAINERS: usize = 500;
/// Upgrades in place whose traces are read.
const MOST_UPGRADES: usize = 64;

/// Whether hotfix KB884872 is registered, in any of the places where Windows 2000 and its tools do that.
pub(super) fn hotfix(software: &Reader<'_>) -> Known<bool> {
    const HOTFIX: &str = "Microsoft\\Windows NT\\CurrentVersion\\HotFix";
    const UPDATES: &str = "Microsoft\\Updates";
    let below = |key: &str| match software.subkeys(key) {
        Looked::Found(names) => names,
        _ => Vec::new(),
    };
    let mut keys = vec![HOTFIX.to_owned(), "Microsoft\\Windows\\CurrentVersion\\Uninstall".to_owned()];
    for product in below(UPDATES) {
        let product = format!("{UPDATES}\\{product}");
        let packs = below(&product);
        keys.push(product.clone());
        keys.extend(packs.iter().map(|pack| format!("{product}\\{pack}")));
    }
    for key in keys {
        for name in below(&key).into_iter().filter(|name| is_hotfix_884872(name)) {
            let key = format!("{key}\\{name}");
            // Below `HotFix` stands what was put in and taken out again, too.
            if software.dword(&key, "Installed").value() != Some(&0) {
                return software.has_key(&key);
            }
        }
    }
    // What was not collected, and what cannot be read, is not absent.
    match software.has_key(&format!("{HOTFIX}\\KB884872")) {
        Known::Read(cited) => Known::Read(Cited { value: false, ..cited }),
        other => other,
    }
}

/// Whether the name of a registry key is one of the hotfix: `KB884872`, `Q884872`, `Windows 2000 Hotfix - KB884872`.
fn is_hotfix_884872(name: &str) -> bool {
    name.split(|letter: char| !letter.is_ascii_digit()).any(|number| number == "884872")
}

/// Containers of Windows NT 4 in the registry, by name, and how many more there are than are kept.
pub(in crate::gather) fn registry_containers(software: &Reader<'_>) -> (Vec<RegistryContainer>, usize) {
    const KEY: &str = "Microsoft\\Cryptography\\MachineKeys";
    let Looked::Found(mut names) = software.subkeys(KEY) else { return (Vec::new(), 0) };
    names.sort();
    names.dedup();
    let more = names.len().saturating_sub(MOST_REGISTRY_CONTAINERS);
    names.truncate(MOST_REGISTRY_CONTAINERS);
    let found = names.into_iter().map(|name| {
        let key = format!("{KEY}\\{name}");
        RegistryContainer {
            written: software.written(&key).value().copied(),
            citation: Citation::new(software.file, Locator::Key(key.into())),
            name,
        }
    });
    (found.collect(), more)
}

/// What was installed before each upgrade in place, the oldest first.
pub(super) fn earlier_installs(system: &Reader<'_>) -> Vec<EarlierInstall> {
    let Looked::Found(names) = system.subkeys("Setup") else { return Vec::new() };
    let is_source = |name: &String| name.to_ascii_lowercase().starts_with("source os");
    let mut found: Vec<EarlierInstall> = names
        .into_iter()
        .filter(is_source)
        .take(MOST_UPGRADES)
        .filter_map(|name| {
            let key = format!("Setup\\{name}");
            let installed = installed(system, &key);
            Some(EarlierInstall {
                installed: *installed.value()?,
                product: system.text(&key, "ProductName").value().cloned(),
                citation: installed.citation()?.clone(),
            })
        })
        .collect();
    found.sort_by(|a, b| (a.installed, &a.citation).cmp(&(b.installed, &b.citation)));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hotfix_is_known_by_its_number_alone() {
        for name in ["KB884872", "Q884872", "kb884872-v2", "Windows 2000 Hotfix - KB884872"] {
            assert!(is_hotfix_884872(name), "{name}");
        }
        for name in ["KB8848721", "KB1884872", "KB884873", "{884-872}", ""] {
            assert!(!is_hotfix_884872(name), "{name}");
        }
    }
}
