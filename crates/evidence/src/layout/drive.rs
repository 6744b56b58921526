//! Names that collectors give to drives and to the past of a drive.

use super::HistoryKind;
use crate::path::percent_decoded;

/// A directory name that stands for a drive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DriveName {
    pub letter: char,
    /// `C:` and its encoded forms cannot be anything else; a bare `C` can.
    pub certain: bool,
    /// Names below are percent-encoded too.
    pub encoded: bool,
}

/// The drive that a directory name stands for: `C`, `C$`, `C:`, `C%3A`, `%5C%5C.%5CC%3A`.
pub(super) fn drive_name(name: &str) -> Option<DriveName> {
    let decoded = percent_decoded(name);
    let text = decoded.as_deref().unwrap_or(name);
    let text = ["\\\\.\\", "\\\\?\\"].iter().find_map(|p| text.strip_prefix(p)).unwrap_or(text);
    let mut chars = text.trim_end_matches('\\').chars();
    let letter = chars.next().filter(char::is_ascii_alphabetic)?.to_ascii_uppercase();
    let certain = match (chars.next(), chars.next()) {
        (Some(':'), None) => true,
        (None | Some('$'), None) => false,
        _ => return None,
    };
    Some(DriveName { letter, certain, encoded: decoded.is_some() })
}

/// The past that a directory name stands for.
pub(super) fn history_name(name: &str) -> Option<HistoryKind> {
    let lower = percent_decoded(name).unwrap_or_else(|| name.to_owned()).to_lowercase();
    let numbered = |prefix: &str| {
        lower.strip_prefix(prefix).is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    if lower == "windows.old" || lower.starts_with("windows.old.") || lower.starts_with("windows.old(") {
        Some(HistoryKind::WindowsOld)
    } else if ["$windows.~bt", "$windows.~ws", "$windows.~q"].contains(&lower.as_str()) {
        Some(HistoryKind::UpgradeStaging)
    } else if lower.contains("harddiskvolumeshadowcopy") || numbered("vss") {
        Some(HistoryKind::ShadowCopy)
    } else if ["recovery", "$winreagent", "windowsre"].contains(&lower.as_str()) {
        Some(HistoryKind::Recovery)
    } else {
        None
    }
}

/// Whether a directory is one of Velociraptor's ways to read (`uploads/<accessor>/...`).
pub(super) fn is_accessor(name: &str) -> bool {
    ["auto", "file", "ntfs", "lazy_ntfs", "mft", "ntfs_vss", "raw_ntfs"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drives_are_known_in_every_spelling() {
        for (name, letter, certain, encoded) in [
            ("C", 'C', false, false),
            ("d", 'D', false, false),
            ("C$", 'C', false, false),
            ("c:", 'C', true, false),
            ("C%3A", 'C', true, true),
            ("%5C%5C.%5CC%3A", 'C', true, true),
            ("%5C%5C%3F%5Ce%3a", 'E', true, true),
        ] {
            assert_eq!(drive_name(name), Some(DriveName { letter, certain, encoded }), "{name}");
        }
        for name in ["", "CD", "1", "C:x", "Windows", "%5C%5C.%5CGLOBALROOT"] {
            assert_eq!(drive_name(name), None, "{name}");
        }
    }

    #[test]
    fn the_past_is_known_by_name() {
        assert_eq!(history_name("WINDOWS.OLD"), Some(HistoryKind::WindowsOld));
        assert_eq!(history_name("Windows.old.000"), Some(HistoryKind::WindowsOld));
        assert_eq!(history_name("$WINDOWS.~BT"), Some(HistoryKind::UpgradeStaging));
        assert_eq!(
            history_name("%5C%5C.%5CGLOBALROOT%5CDevice%5CHarddiskVolumeShadowCopy12"),
            Some(HistoryKind::ShadowCopy)
        );
        assert_eq!(history_name("VSS3"), Some(HistoryKind::ShadowCopy));
        assert_eq!(history_name("Windows"), None);
        assert_eq!(history_name("vssadmin"), None);
    }
}
