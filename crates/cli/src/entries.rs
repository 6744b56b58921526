//! Which entries of a folder are cases of their own.
//!
//! A disk image often consists of several files. They are told by their names here, so that nothing is opened twice; an entry
//! that is not surely a part of another one is a case.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Endings of files that belong to a virtual machine and hold no disk.
const OF_MACHINES: [&str; 8] = ["vmx", "vmxf", "nvram", "vmsd", "vmsn", "vmss", "vmem", "vswp"];
/// Endings that acquisition tools add to the whole name of what they have written.
const NOTES: [&str; 7] = ["txt", "csv", "log", "md5", "sha1", "sha256", "json"];

/// The cases of a folder by name, and the entries that are none.
pub struct Entries {
    /// Cases, sorted by name.
    pub cases: Vec<PathBuf>,
    /// Parts of other entries, hidden files and notes, sorted by name.
    pub passed_over: Vec<String>,
}

/// Looks at the entries of a folder.
///
/// # Errors
/// The folder cannot be listed.
pub fn of(folder: &Path) -> io::Result<Entries> {
    let mut names: Vec<OsString> =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.file_name())).collect::<Result<_, _>>()?;
    names.sort();
    let lower: Vec<String> = names.iter().map(|name| name.to_string_lossy().to_lowercase()).collect();
    let all: BTreeSet<&str> = lower.iter().map(String::as_str).collect();
    let mut entries = Entries { cases: Vec::new(), passed_over: Vec::new() };
    for (name, lower) in names.iter().zip(&lower) {
        let path = folder.join(name);
        if lower.starts_with('.') || (!path.is_dir() && is_part(lower, &all)) {
            entries.passed_over.push(name.to_string_lossy().into_owned());
        } else {
            entries.cases.push(path);
        }
    }
    Ok(entries)
}

/// Whether a file belongs to another entry. All names are in lower case.
fn is_part(name: &str, all: &BTreeSet<&str>) -> bool {
    let Some((stem, ending)) = name.rsplit_once('.') else { return false };
    let has = |other: &str| other != name && all.contains(other);
    is_part_of_image(name, all) || (NOTES.contains(&ending) && has(stem))
}

/// Whether a file belongs to a disk image or a virtual machine beside it, by all names there in lower case.
pub fn is_part_of_image(name: &str, all: &BTreeSet<&str>) -> bool {
    let Some((stem, ending)) = name.rsplit_once('.') else { return false };
    let has = |other: String| other != name && all.contains(other.as_str());
    is_segment(stem, ending, &has)
        || (ending == "vmdk" && is_extent_or_parent(stem, all))
        || (matches!(ending, "vhd" | "vhdx") && has_one_child(stem, ending, all))
        || OF_MACHINES.contains(&ending)
}

/// A later segment: `.e02` of `.e01`, `.eaa` after `.e99`, `.002` of `.001`, `.z01` of `.zip`.
fn is_segment(stem: &str, ending: &str, has: &dyn Fn(String) -> bool) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let letters = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase());
    if ending.len() == 3 && digits(ending) {
        return ending != "001" && has(format!("{stem}.001"));
    }
    if let Some(number) = ending.strip_prefix('z')
        && number.len() == 2
        && digits(number)
        && has(format!("{stem}.zip"))
    {
        return true;
    }
    for first in ["e01", "s01", "l01", "ex01", "lx01"] {
        let Some(family) = first.strip_suffix("01") else { continue };
        if ending == first || ending.len() != first.len() || !has(format!("{stem}.{first}")) {
            continue;
        }
        if ending.strip_prefix(family).is_some_and(digits) {
            return true;
        }
        // After 99 the segments are lettered, and the first letter moves on, too.
        if letters(ending) && has(format!("{stem}.{family}99")) {
            return true;
        }
    }
    false
}

/// The data of a virtual disk beside its description, or an older state below a snapshot.
fn is_extent_or_parent(stem: &str, all: &BTreeSet<&str>) -> bool {
    let number = |text: &str, len: usize| text.len() == len && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some((base, last)) = stem.rsplit_once('-')
        && all.contains(format!("{base}.vmdk").as_str())
    {
        let split = last.strip_prefix(['s', 'f']).is_some_and(|last| number(last, 3));
        if split || matches!(last, "flat" | "delta" | "sesparse" | "ctk" | "rdm" | "rdmp" | "pt") {
            return true;
        }
    }
    // Only the newest state is the machine as it was left; the earlier ones are read as its parents.
    let (base, state) = match stem.rsplit_once('-') {
        Some((base, last)) if number(last, 6) => (base, last.parse::<u32>().unwrap_or(0)),
        _ => (stem, 0),
    };
    let from = format!("{base}-");
    all.range(from.as_str()..).take_while(|other| other.starts_with(&from)).any(|other| {
        let later = other.strip_prefix(&from).and_then(|rest| rest.strip_suffix(".vmdk"));
        later.is_some_and(|later| number(later, 6) && later.parse::<u32>().is_ok_and(|later| later > state))
    })
}

/// Whether exactly one differencing disk of Hyper-V stands on this one. Of several, nobody knows which is in use.
fn has_one_child(stem: &str, ending: &str, all: &BTreeSet<&str>) -> bool {
    let (from, child) = (format!("{stem}_"), format!(".a{ending}"));
    let children = all.range(from.as_str()..).take_while(|other| other.starts_with(&from));
    children.filter(|other| other.ends_with(&child)).count() == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cases(names: &[&str]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let entries = of(folder.path()).unwrap();
        assert_eq!(entries.cases.len() + entries.passed_over.len(), names.len());
        entries.cases.iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn parts_of_images_are_no_cases() {
        let names = [
            "web.E01",
            "web.E02",
            "web.E99",
            "web.EAA",
            "web.FAB",
            "web.E01.txt",
            "raw.001",
            "raw.002",
            "raw.010",
            "app.vmdk",
            "app-flat.vmdk",
            "split.vmdk",
            "split-s001.vmdk",
            "split-s002.vmdk",
            "app.vmx",
            "mail.zip",
            "mail.z01",
            ".DS_Store",
        ];
        assert_eq!(cases(&names), ["app.vmdk", "mail.zip", "raw.001", "split.vmdk", "web.E01"]);
    }

    #[test]
    fn the_newest_state_of_a_machine_is_its_case() {
        let names = [
            "db-000001-delta.vmdk",
            "db-000001.vmdk",
            "db-000002-delta.vmdk",
            "db-000002.vmdk",
            "db-flat.vmdk",
            "db.vmdk",
            "one.vhdx",
            "one_1.avhdx",
            "two.vhdx",
            "two_1.avhdx",
            "two_2.avhdx",
        ];
        assert_eq!(
            cases(&names),
            ["db-000002.vmdk", "one_1.avhdx", "two.vhdx", "two_1.avhdx", "two_2.avhdx"]
        );
    }

    #[test]
    fn what_only_looks_like_a_part_is_a_case() {
        let names = ["a.002", "b.E02", "c-flat.vmdk", "d.zip", "d.E01", "notes.txt", "web-01", "web-02.7z"];
        assert_eq!(cases(&names).len(), names.len());
    }

    #[test]
    fn a_folder_is_a_case_whatever_its_name() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["web.001", "web.002", ".hidden"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        assert_eq!(of(folder.path()).unwrap().cases.len(), 2);
    }
}
