//! Folders that are junctions on Windows Vista and later.
//!
//! `Documents and Settings` is `Users`, `Users\All Users` is `ProgramData`, `ProgramData\Application Data` is
//! `ProgramData` itself. A copy program may turn them into real folders or links; what lies in them would then count
//! twice. The names are those of the compatibility junctions that Windows Setup makes.

use crate::path::same_name;

/// Replacements until nothing changes: `ProgramData\Application Data` may be nested in a copy.
const MAX_STEPS: usize = 32;

/// Path of a junction and its target, names separated by `|`, `*` for any one name.
const TABLE: &[(&str, &str)] = &[
    ("Documents and Settings", "Users"),
    ("Dokumente und Einstellungen", "Users"),
    ("Users|All Users", "ProgramData"),
    ("Users|Default User", "Users|Default"),
    ("ProgramData|Application Data", "ProgramData"),
    ("ProgramData|Anwendungsdaten", "ProgramData"),
    ("ProgramData|Desktop", "Users|Public|Desktop"),
    ("ProgramData|Documents", "Users|Public|Documents"),
    ("ProgramData|Favorites", "Users|Public|Favorites"),
    ("ProgramData|Start Menu", "ProgramData|Microsoft|Windows|Start Menu"),
    ("ProgramData|Templates", "ProgramData|Microsoft|Windows|Templates"),
    ("Users|*|Application Data", "Users|*|AppData|Roaming"),
    ("Users|*|Local Settings", "Users|*|AppData|Local"),
    ("Users|*|AppData|Local|Application Data", "Users|*|AppData|Local"),
    (
        "Windows|System32|config|systemprofile|Application Data",
        "Windows|System32|config|systemprofile|AppData|Roaming",
    ),
    (
        "Windows|System32|config|systemprofile|Local Settings",
        "Windows|System32|config|systemprofile|AppData|Local",
    ),
    (
        "Windows|System32|config|systemprofile|AppData|Local|Application Data",
        "Windows|System32|config|systemprofile|AppData|Local",
    ),
    ("Windows|ServiceProfiles|*|Application Data", "Windows|ServiceProfiles|*|AppData|Roaming"),
    ("Windows|ServiceProfiles|*|Local Settings", "Windows|ServiceProfiles|*|AppData|Local"),
    ("Windows|ServiceProfiles|*|AppData|Local|Application Data", "Windows|ServiceProfiles|*|AppData|Local"),
];

/// Where a path leads when every junction in it is followed; `None` when it has none.
///
/// Only names are looked at. On Windows 2000 to 2003 these paths are real folders, so a caller checks that the
/// target exists (see [`crate::Volume::is_junction_duplicate`]).
pub fn target(names: &[String]) -> Option<Vec<String>> {
    let mut at = names.to_vec();
    let mut changed = false;
    for _ in 0..MAX_STEPS {
        let Some(next) = TABLE.iter().find_map(|row| replaced(&at, row)) else { break };
        at = next;
        changed = true;
    }
    changed.then_some(at)
}

fn replaced(names: &[String], (from, to): &(&str, &str)) -> Option<Vec<String>> {
    let mut rest = names.iter();
    let mut wild = None;
    for part in from.split('|') {
        let name = rest.next()?;
        if part == "*" {
            wild = Some(name);
        } else if !same_name(part, name) {
            return None;
        }
    }
    let head = to.split('|').map(|part| match wild {
        Some(name) if part == "*" => name.clone(),
        _ => part.to_owned(),
    });
    Some(head.chain(rest.cloned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(path: &str) -> Option<String> {
        let names: Vec<String> = path.split('\\').map(str::to_owned).collect();
        target(&names).map(|names| names.join("\\"))
    }

    #[test]
    fn every_junction_on_the_way_is_followed() {
        assert_eq!(
            follow("documents and settings\\ALL USERS\\Application Data\\Microsoft\\Crypto").as_deref(),
            Some("ProgramData\\Microsoft\\Crypto")
        );
        assert_eq!(
            follow("Users\\bob\\Application Data\\Microsoft").as_deref(),
            Some("Users\\bob\\AppData\\Roaming\\Microsoft")
        );
        assert_eq!(follow("ProgramData\\Microsoft"), None);
        assert_eq!(follow("Users\\Public"), None);
    }

    #[test]
    fn endless_nesting_ends() {
        let mut path = String::from("ProgramData");
        for _ in 0..5_000 {
            path.push_str("\\Application Data");
        }
        assert!(follow(&path).is_some());
    }
}
