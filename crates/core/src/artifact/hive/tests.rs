use std::collections::BTreeMap;

use iiskeys_fixtures::hive::{Data, HiveBuilder, dirty, new_log, old_log};
use iiskeys_fixtures::rng::Rng;
use proptest::prelude::*;

use super::*;

const GUID: &str = "9790b371-96e4-4554-8f72-c2e0b12e99d2";

fn builder(guid: &str) -> HiveBuilder {
    let mut hive = HiveBuilder::new("SOFTWARE").sequence(7);
    let _ = hive
        .key("Microsoft\\Cryptography")
        .modified(130_000_000_000_000_001)
        .value("MachineGuid", Data::Sz(guid.to_owned()));
    let _ = hive.key("Microsoft\\Cryptography\\Below").class_name("a1b2c3d4").value("", Data::Dword(7));
    let _ = hive.key("Large").value("v", Data::Binary(vec![7; 40_000]));
    for number in 0..700 {
        let _ = hive.key(&format!("Many\\key{number}")).value("n", Data::Dword(number));
    }
    hive
}

fn guid(file: &HiveFile) -> String {
    let view = file.view().unwrap();
    let key = view.key("microsoft\\CRYPTOGRAPHY").unwrap().unwrap();
    text(&key.value("machineguid").unwrap().unwrap().data().unwrap())
}

#[test]
fn what_the_forge_writes_is_found_with_its_times_and_classes() {
    let file = HiveFile::open(builder(GUID).build()).unwrap();
    assert!(file.defects().is_empty() && !file.is_dirty());
    assert!(is_hive(file.bytes()));
    assert_eq!(guid(&file), GUID);
    let view = file.view().unwrap();
    let key = view.key("Microsoft\\Cryptography").unwrap().unwrap();
    assert_eq!(key.last_written().unwrap().filetime(), 130_000_000_000_000_001);
    let below = key.subkey("below").unwrap().unwrap();
    assert_eq!(below.class_name().unwrap().as_deref(), Some("a1b2c3d4"));
    assert_eq!(dword(&below.value("").unwrap().unwrap().data().unwrap()), Some(7));
    assert!(view.key("Microsoft\\Absent").unwrap().is_none());
    let walk = view.walk(10_000, &mut |_, _| {});
    assert_eq!((walk.keys, walk.values, walk.error_count), (706, 703, 0));
    assert!(!view.index_out_of_order());
}

#[test]
fn large_values_are_read_in_both_forms() {
    for minor in [3, 5] {
        let file = HiveFile::open(builder(GUID).minor(minor).build()).unwrap();
        let view = file.view().unwrap();
        let value = view.key("Large").unwrap().unwrap().value("v").unwrap().unwrap();
        assert_eq!(value.data().unwrap(), vec![7; 40_000], "version 1.{minor}");
        assert_eq!(value.kind(), Some(3));
    }
}

#[test]
fn a_key_is_found_in_an_index_out_of_order() {
    let bytes = builder(GUID).build();
    // The root has three subkeys in one list; swapping two names breaks the order of the index.
    let swapped = swap(&bytes, b"Large", b"Zarge");
    let file = HiveFile::open(swapped).unwrap();
    let view = file.view().unwrap();
    assert!(view.key("Microsoft\\Cryptography").unwrap().is_some());
    assert!(view.key("Zarge").unwrap().is_some());
}

fn swap(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
    let mut bytes = bytes.to_vec();
    bytes[at..at + to.len()].copy_from_slice(to);
    bytes
}

#[test]
fn other_files_are_not_hives() {
    let apple_double = [0, 5, 22, 7, 0, 2, 0, 0];
    for head in [b"thirteen byte".as_slice(), &apple_double, b"CREG", b"regf", b""] {
        assert!(!is_hive(head));
    }
    assert!(matches!(
        HiveFile::open(b"CREG".to_vec()),
        Err(HiveError::TooShort { .. } | HiveError::NotAHive { .. })
    ));
}

#[test]
fn hostile_roots_end_in_an_error_and_nt_hives_panic_is_contained() {
    for root in [u32::MAX, u32::MAX - 1, 0x7fff_fff8, 4] {
        let mut bytes = builder(GUID).build();
        bytes[36..40].copy_from_slice(&root.to_le_bytes());
        let file = HiveFile::open(bytes).unwrap();
        assert!(file.view().and_then(|view| view.root().map(|_| ())).is_err(), "{root:#x}");
    }
    // Every subkey of the root points nowhere: nt-hive asserts on that, and it must stay inside.
    let mut bytes = builder(GUID).build();
    let number = |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let root = 4096 + number(&bytes, 36) + 4;
    let list = 4096 + number(&bytes, root + 28) + 4;
    for entry in 0..3 {
        let at = list + 4 + entry * 8;
        bytes[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    }
    let file = HiveFile::open(bytes).unwrap();
    let view = file.view().unwrap();
    assert!(matches!(view.key("Microsoft"), Err(HiveError::Unexpected { .. })));
}

#[test]
fn a_cycle_of_keys_ends() {
    let mut bytes = builder(GUID).build();
    let root = u32::from_le_bytes(bytes[36..40].try_into().unwrap());
    let view = HiveFile::open(bytes.clone()).unwrap();
    let at = view.view().unwrap().key("Microsoft\\Cryptography").unwrap().unwrap().cell_offset().unwrap();
    let list = 4096 + u32::from_le_bytes(bytes[at + 28..at + 32].try_into().unwrap()) as usize + 4;
    bytes[list + 4..list + 8].copy_from_slice(&root.to_le_bytes());
    let file = HiveFile::open(bytes).unwrap();
    let walk = file.view().unwrap().walk(100_000, &mut |_, _| {});
    assert!(walk.keys <= 706);
}

#[test]
fn a_list_that_names_the_same_keys_over_and_over_ends() {
    let mut hive = HiveBuilder::new("SOFTWARE");
    for number in 0..3_000 {
        let _ = hive.key(&format!("key{number}"));
    }
    let mut bytes = hive.build();
    let number = |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let root = 4096 + number(&bytes, 36) + 4;
    let lists = 4096 + number(&bytes, root + 28) + 4;
    assert_eq!(&bytes[lists..lists + 2], b"ri");
    let first = number(&bytes, lists + 4) as u32;
    // A new list of lists at the end names the first list 16,000 times.
    let cell = 4 + 4 + 16_000 * 4_usize;
    let size = cell.next_multiple_of(8);
    let at = bytes.len();
    bytes.extend((-(size as i32)).to_le_bytes());
    bytes.extend(b"ri");
    bytes.extend(16_000_u16.to_le_bytes());
    bytes.extend((0..16_000).flat_map(|_| first.to_le_bytes()));
    bytes.resize(at + size, 0);
    bytes[root + 20..root + 24].copy_from_slice(&8_000_000_u32.to_le_bytes());
    bytes[root + 28..root + 32].copy_from_slice(&((at - 4096) as u32).to_le_bytes());
    let file = HiveFile::open(bytes).unwrap();
    let view = file.view().unwrap();
    assert_eq!(view.key("absent").err(), Some(HiveError::Runaway));
    let subkeys = view.root().unwrap().subkeys().count();
    assert!(subkeys <= file.bytes().len() / 76 + 1);
}

#[test]
fn deep_trees_need_no_stack() {
    let mut hive = HiveBuilder::new("DEEP");
    let path = vec!["k"; 600].join("\\");
    let _ = hive.key(&path);
    let bytes = hive.build();
    let walk = std::thread::Builder::new()
        .stack_size(128 * 1024)
        .spawn(move || {
            let file = HiveFile::open(bytes).unwrap();
            let walk = file.view().unwrap().walk(100_000, &mut |_, _| {});
            (walk.keys, walk.cut_short)
        })
        .unwrap()
        .join()
        .unwrap();
    assert_eq!(walk, (513, true));
}

fn log(name: &str, bytes: Vec<u8>) -> LogFile {
    LogFile { name: name.to_owned(), bytes }
}

#[test]
fn both_forms_of_logs_bring_the_new_value() {
    let after = builder("3e08fb7e-9b1d-4422-9215-c3eca2a68bfe").build();
    let before = dirty(&builder(GUID).build());
    for log_bytes in [old_log(&before, &after), new_log(&before, &after, 8)] {
        let file = HiveFile::open(before.clone()).unwrap();
        assert!(file.is_dirty());
        assert_eq!(guid(&file), GUID);
        let replay = replay(file, vec![log("SOFTWARE.LOG1", log_bytes)]);
        assert_eq!(replay.applied.len(), 1, "{:?}", replay.refused);
        assert!(!replay.hive.is_dirty() && replay.hive.defects().is_empty());
        assert_eq!(guid(&replay.hive), "3e08fb7e-9b1d-4422-9215-c3eca2a68bfe");
        assert_eq!(replay.hive.bytes()[4096..], after[4096..]);
    }
}

#[test]
fn two_logs_are_applied_in_the_order_of_their_entries() {
    let (first, second) = ("11111111-9b1d-4422-9215-c3eca2a68bfe", "22222222-9b1d-4422-9215-c3eca2a68bfe");
    let before = dirty(&builder(GUID).build());
    let logs = vec![
        log("SOFTWARE.LOG1", new_log(&before, &builder(second).build(), 9)),
        log("SOFTWARE.LOG2", new_log(&before, &builder(first).build(), 8)),
    ];
    let replay = replay(HiveFile::open(before).unwrap(), logs);
    assert_eq!(guid(&replay.hive), second);
    assert_eq!(
        replay.applied.iter().map(|log| log.log.as_str()).collect::<Vec<_>>(),
        ["SOFTWARE.LOG2", "SOFTWARE.LOG1"]
    );
}

#[test]
fn logs_that_must_not_be_applied_are_refused_with_the_reason() {
    let after = builder("3e08fb7e-9b1d-4422-9215-c3eca2a68bfe").build();
    let before = dirty(&builder(GUID).build());
    let mut bad_hash = new_log(&before, &after, 8);
    let last = bad_hash.len() - 1;
    bad_hash[last] ^= 1;
    let mut other_write = old_log(&before, &after);
    other_write[12] ^= 1;
    let cases = [
        (bad_hash, "hash"),
        (new_log(&before, &after, 3), "already holds"),
        (other_write, "checksum"),
        (Vec::new(), "empty"),
        (vec![0; 4096], "empty"),
        (b"not a log at all, but text".to_vec(), "regf"),
    ];
    for (bytes, reason) in cases {
        let replay = replay(HiveFile::open(before.clone()).unwrap(), vec![log("SOFTWARE.LOG1", bytes)]);
        assert!(
            replay.applied.is_empty() && replay.refused[0].reason.contains(reason),
            "{:?}",
            replay.refused
        );
        assert_eq!(guid(&replay.hive), GUID);
    }
    let clean = HiveFile::open(builder(GUID).build()).unwrap();
    let replay = replay(clean, vec![log("SOFTWARE.LOG1", new_log(&before, &after, 8))]);
    assert_eq!(replay.refused[0].reason, "the hive is clean");
}

#[test]
fn a_lost_base_block_comes_back_from_the_log() {
    let after = builder("3e08fb7e-9b1d-4422-9215-c3eca2a68bfe").build();
    let before = dirty(&builder(GUID).build());
    let log_bytes = new_log(&before, &after, 8);
    let mut broken = before;
    broken[36..40].copy_from_slice(&u32::MAX.to_le_bytes());
    let replay = replay(HiveFile::open(broken).unwrap(), vec![log("SOFTWARE.LOG1", log_bytes)]);
    assert_eq!(guid(&replay.hive), "3e08fb7e-9b1d-4422-9215-c3eca2a68bfe");
}

#[test]
fn a_log_cannot_make_a_hive_grow_out_of_proportion() {
    let before = dirty(&builder(GUID).build());
    let mut after = builder("3e08fb7e-9b1d-4422-9215-c3eca2a68bfe").build();
    after.resize(after.len() + 64 * 4096, 1);
    let replay = replay(HiveFile::open(before.clone()).unwrap(), vec![log("L", new_log(&before, &after, 8))]);
    assert_eq!(replay.hive.bytes().len(), after.len());
    assert!(replay.hive.bytes().len() < before.len() + (17 << 20));
}

/// The path under which a key is forged: of siblings whose names are one in upper case, the first spelling stays.
///
/// Letters that become several (`ß`) count as those, so that no two siblings are alike to any reader.
fn spelled(path: &[String], known: &mut BTreeMap<String, String>) -> String {
    path.iter().fold(String::new(), |parent, name| {
        let path = if parent.is_empty() { name.clone() } else { format!("{parent}\\{name}") };
        known.entry(path.to_uppercase()).or_insert(path).clone()
    })
}

/// Every letter in upper case that has one; `ß` stays.
fn upper(text: &str) -> String {
    let letter = |letter: char| {
        let mut upper = letter.to_uppercase();
        upper.next().filter(|_| upper.next().is_none()).unwrap_or(letter)
    };
    text.chars().map(letter).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn random_trees_are_read_back(
        keys in prop::collection::btree_map(
            prop::collection::vec("[a-zA-Z0-9äß§\u{4e2d}]{1,10}", 1..4),
            prop::collection::btree_map("[a-zA-Z0-9 ä]{0,8}", prop::collection::vec(any::<u8>(), 0..64), 0..4),
            1..30,
        ),
        time in 1_u64..2_000_000_000_000_000_000,
    ) {
        let mut hive = HiveBuilder::new("RANDOM").default_time(time);
        let mut expected: BTreeMap<String, BTreeMap<String, Vec<u8>>> = BTreeMap::new();
        let mut known = BTreeMap::new();
        for (path, values) in &keys {
            let path = spelled(path, &mut known);
            let mut key = hive.key(&path);
            for (name, data) in values {
                key = key.value(name, Data::Binary(data.clone()));
                expected.entry(upper(&path)).or_default().insert(upper(name), data.clone());
            }
            let _ = key;
        }
        let file = HiveFile::open(hive.build()).unwrap();
        let view = file.view().unwrap();
        for (path, values) in &expected {
            let Some(key) = view.key(path).unwrap() else { panic!("{path} is not found") };
            prop_assert_eq!(key.last_written().map(|time| time.filetime()), Some(time));
            for (name, data) in values {
                let value = key.value(name).unwrap().unwrap();
                let read = value.data().unwrap();
                prop_assert_eq!(read.as_ref(), data.as_slice());
            }
        }
    }
}

#[test]
fn mutants_never_panic_and_every_walk_ends() {
    let mut small = HiveBuilder::new("SOFTWARE");
    let _ = small.key("Microsoft\\Cryptography").value("MachineGuid", Data::Sz(GUID.to_owned()));
    let _ = small.key("Microsoft\\Windows NT\\CurrentVersion").value("Large", Data::Binary(vec![1; 20_000]));
    let whole = small.build();
    let mut other = small.clone();
    let _ = other.key("Microsoft\\Cryptography").value("MachineGuid", Data::Sz(GUID.to_uppercase()));
    let before = dirty(&whole);
    let logs = [new_log(&before, &other.build(), 8), old_log(&before, &other.build())];
    let mut rng = Rng::new(23);
    for round in 0..12_000 {
        let mut bytes = if round % 3 == 0 { before.clone() } else { whole.clone() };
        for _ in 0..=rng.below(4) {
            // Most of the structure lies in the base block and the first cells.
            let at = if rng.below(2) == 0 { rng.below(4096 + 1024) } else { rng.below(bytes.len()) };
            let number = [0, 1, 4, 0x7fff_ffff, u32::MAX, u32::MAX - 7, rng.next_u64() as u32][rng.below(7)];
            let at = at.min(bytes.len() - 4) & !3;
            bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
        }
        if rng.below(8) == 0 {
            let len = rng.below(bytes.len());
            bytes.truncate(len);
        }
        let size = bytes.len();
        let Ok(file) = HiveFile::open(bytes) else { continue };
        file.defects();
        let file = if round % 3 == 0 {
            let mut log_bytes = logs[round % 2].clone();
            if rng.below(2) == 0 {
                let at = rng.below(log_bytes.len());
                log_bytes[at] = rng.below(256) as u8;
            }
            let brought = log_bytes.len();
            let replay = replay(file, vec![log("L", log_bytes)]);
            assert!(replay.hive.bytes().len() <= size + brought + (16 << 20));
            replay.hive
        } else {
            file
        };
        let Ok(view) = file.view() else { continue };
        let _ =
            view.key("Microsoft\\Cryptography").map(|key| key.map(|key| key.value("MachineGuid").is_ok()));
        let walk = view.walk(1_000, &mut |_, key| {
            let _ = (key.last_written(), key.class_name().is_ok());
            for value in key.values().take(100).flatten() {
                let _ = (value.kind(), value.data().map(|data| data.len()));
            }
        });
        assert!(walk.keys <= 1_000 && walk.errors.len() <= 16);
    }
}
