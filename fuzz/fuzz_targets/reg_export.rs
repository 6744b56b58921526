//! A `.reg` export: what is kept is in proportion to the input.

#![no_main]

use iiskeys_core::artifact::reg_export::{RegExport, is_reg_export};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    is_reg_export(data);
    let Ok(export) = RegExport::parse(data) else { return };
    let kept: usize = export.keys().iter().flat_map(|key| &key.values).map(|value| value.data.len()).sum();
    assert!(kept <= data.len() * 4 + 64);
});
