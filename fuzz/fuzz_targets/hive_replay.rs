//! Log replay: the input is a hive of the size in its first two bytes (in 256-byte units), then a log.

#![no_main]

use iiskeys_core::artifact::hive::{HiveFile, LogFile, replay};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let [low, high, rest @ ..] = data else { return };
    let size = (usize::from(u16::from_le_bytes([*low, *high])) * 256).min(rest.len());
    let (hive, log) = rest.split_at(size);
    let Ok(file) = HiveFile::open(hive.to_vec()) else { return };
    let replay = replay(file, vec![LogFile { name: "LOG1".to_owned(), bytes: log.to_vec() }]);
    assert!(replay.hive.bytes().len() <= data.len() + (16 << 20));
    let _ = replay.hive.view().map(|view| view.walk(500, &mut |_, _| {}));
});
