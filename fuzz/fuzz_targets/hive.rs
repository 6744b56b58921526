//! A registry hive: opening, looking up and walking end, whatever the bytes are.

#![no_main]

use iiskeys_core::artifact::hive::{HiveFile, is_hive};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    is_hive(data);
    let Ok(file) = HiveFile::open(data.to_vec()) else { return };
    file.defects();
    let Ok(view) = file.view() else { return };
    if let Ok(Some(key)) = view.key("Microsoft\\Cryptography") {
        let _ = key.value("MachineGuid").map(|value| value.map(|value| value.data().map(|data| data.len())));
    }
    let walk = view.walk(2_000, &mut |_, key| {
        let _ = (key.last_written(), key.class_name().is_ok());
        for value in key.values().take(64).flatten() {
            let _ = (value.kind(), value.data().map(|data| data.len()));
        }
    });
    assert!(walk.keys <= 2_000);
});
