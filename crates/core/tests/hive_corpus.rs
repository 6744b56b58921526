//! Real hives of other projects, against what independent readers say of them.

use std::path::{Path, PathBuf};

use iiskeys_core::artifact::hive::{Defect, Hive, HiveFile, LogFile, replay};
use serde_json::Value;
use sha2::{Digest, Sha256};

fn corpus() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    if path.is_dir() {
        return Some(path);
    }
    println!("skipped: the corpus is not here");
    None
}

fn bytes(path: &Path) -> Vec<u8> {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    if path.extension().is_some_and(|end| end == "xz") {
        let mut out = Vec::new();
        let mut reader = lzma_rust2::XzReader::new(bytes.as_slice(), true);
        std::io::Read::read_to_end(&mut reader, &mut out).expect("a whole .xz file");
        return out;
    }
    bytes
}

fn counts(hive: &Hive<'_>) -> (u64, u64) {
    let walk = hive.walk(1_000_000, &mut |_, _| {});
    (walk.keys, walk.values)
}

/// Whether any independent reader counts the same, and which do.
fn agreeing(readers: &Value, counts: (u64, u64)) -> Vec<&str> {
    let Some(readers) = readers.as_object() else { return Vec::new() };
    readers
        .iter()
        .filter(|(_, said)| {
            let number = |names: [&str; 2]| names.iter().find_map(|name| said[*name].as_u64());
            number(["keys", "subkeys_below_root"]) == Some(counts.0)
                && number(["values", "values_below_root_declared"]) == Some(counts.1)
        })
        .map(|(name, _)| name.as_str())
        .collect()
}

#[test]
fn hives_read_as_independent_readers_read_them() {
    let Some(corpus) = corpus() else { return };
    let (mut compared, mut replayed, mut refused) = (0, 0, 0);
    let mut folders: Vec<PathBuf> = std::fs::read_dir(&corpus)
        .expect("the corpus")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    folders.sort();
    for folder in folders {
        let Ok(text) = std::fs::read_to_string(folder.join("expected.json")) else { continue };
        let expected: Value = serde_json::from_str(&text).expect("expected.json");
        let Some(files) = expected["files"].as_object() else { continue };
        for (name, said) in files {
            if said["kind"] != "registry hive" || !folder.join(name).is_file() {
                continue;
            }
            let place = format!("{}/{name}", folder.file_name().unwrap_or_default().to_string_lossy());
            let data = bytes(&folder.join(name));
            let opened = HiveFile::open(data);
            let Ok(file) = opened else {
                let readers = said["readers"].as_object().expect("readers");
                assert!(
                    readers.values().all(|reader| reader["opened"] != true),
                    "{place}: {:?}",
                    opened.err()
                );
                refused += 1;
                continue;
            };
            header(&place, &file, &said["header"]);
            let view = match file.view() {
                Ok(view) => view,
                Err(error) => {
                    println!("{place}: {error}");
                    refused += 1;
                    continue;
                }
            };
            let counted = counts(&view);
            let agreeing = agreeing(&said["readers"], counted);
            if !file.defects().is_empty() && agreeing.is_empty() {
                // Made by hand for a lenient parser, with cells that Windows would not accept.
                println!("{place}: {:?}; {counted:?} agrees with nobody", file.defects());
                continue;
            } else if said["tree_agreement"] == "all equal" {
                assert!(!agreeing.is_empty(), "{place}: {counted:?}, readers say {}", said["readers"]);
            } else {
                println!("{place}: readers disagree; {counted:?} agrees with {agreeing:?}");
            }
            if file.defects().iter().all(|defect| !matches!(defect, Defect::FileFormat { .. })) {
                samples(&place, &view, &said["sample_keys"]);
            }
            compared += 1;
            if said["with_logs"].is_object() {
                with_logs(&place, &folder.join(name), file, &said["with_logs"]);
                replayed += 1;
            }
        }
    }
    println!("{compared} hives compared, {replayed} with logs, {refused} refused by all");
    assert!(compared > 30, "only {compared} hives");
}

fn header(place: &str, file: &HiveFile, said: &Value) {
    let header = file.header();
    assert_eq!(said["primary_seq"].as_u64(), Some(u64::from(header.primary_sequence)), "{place}");
    assert_eq!(said["secondary_seq"].as_u64(), Some(u64::from(header.secondary_sequence)), "{place}");
    assert_eq!(said["checksum_valid"].as_bool(), Some(header.is_checksum_right()), "{place}");
    if let (Some(time), Some(ours)) = (said["header_last_write"].as_str(), header.last_written) {
        assert_eq!(time, ours.to_string(), "{place}");
    }
}

fn samples(place: &str, hive: &Hive<'_>, samples: &Value) {
    for sample in samples.as_array().into_iter().flatten() {
        let path = sample["path"].as_str().unwrap_or_default();
        // Key names may hold backslashes of their own, which no path can say.
        let Ok(Some(key)) = hive.key(path) else {
            println!("{place}: {path:?} is not found by its path");
            continue;
        };
        if let Some(time) = sample["last_write"].as_str() {
            assert_eq!(
                key.last_written().map(|time| time.to_string()).as_deref(),
                Some(time),
                "{place} {path}"
            );
        }
        for value in sample["values"].as_array().into_iter().flatten() {
            let name = value["name"].as_str().unwrap_or_default();
            let Ok(Some(found)) = key.value(name) else { panic!("{place} {path} lacks {name:?}") };
            if let Some(kind) = value["type"].as_u64() {
                assert_eq!(found.kind().map(u64::from), Some(kind), "{place} {path} {name}");
            }
            let Ok(data) = found.data() else { panic!("{place} {path} {name}: no data") };
            if let (Some(size), Some(hash)) = (value["size"].as_u64(), value["sha256_16"].as_str())
                && size == data.len() as u64
            {
                let digest: String =
                    Sha256::digest(&data).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
                assert_eq!(digest, hash, "{place} {path} {name}");
            }
        }
    }
}

fn with_logs(place: &str, hive: &Path, file: HiveFile, said: &Value) {
    let folder = hive.parent().expect("a folder");
    let logs: Vec<LogFile> = said["logs"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(_, log)| {
            let name = log["file"].as_str()?.to_owned();
            let path = [folder.join(&name), folder.join(format!("{name}.xz"))]
                .into_iter()
                .find(|path| path.is_file())?;
            Some(LogFile { bytes: bytes(&path), name })
        })
        .collect();
    let before = file.bytes().to_vec();
    let was_dirty = file.is_dirty();
    let outcome = replay(file, logs);
    println!("{place}: applied {:?}, refused {:?}", outcome.applied, outcome.refused);
    match said["result"].as_object() {
        Some(result) if result["notes"]["recovered"] == true => {
            let view = outcome.hive.view().expect("a recovered hive");
            let counted = counts(&view);
            assert_eq!(
                (result["keys"].as_u64(), result["values"].as_u64()),
                (Some(counted.0), Some(counted.1)),
                "{place}"
            );
            assert!(!outcome.hive.is_dirty() && !outcome.applied.is_empty(), "{place}");
            // What Windows itself made of the same hive and logs.
            let by_windows = folder.join("RecoveredHive_Windows10");
            if by_windows.is_file() {
                assert!(outcome.hive.bytes()[4096..] == bytes(&by_windows)[4096..], "{place}");
            }
            let root = view.root().expect("a root").last_written().map(|time| time.to_string());
            assert_eq!(result["root_last_write"].as_str(), root.as_deref(), "{place}");
        }
        _ => {
            assert!(
                outcome.applied.is_empty(),
                "{place}: a log was applied that must not be: {:?}",
                outcome.applied
            );
            assert_eq!(outcome.hive.bytes(), before.as_slice(), "{place}");
            assert_eq!(outcome.hive.is_dirty(), was_dirty, "{place}");
        }
    }
}
