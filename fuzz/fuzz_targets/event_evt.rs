//! A legacy event log: no more records and text than the input has room for.
#![no_main]

use iiskeys_core::artifact::event_log::{Format, skim};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut size = 0;
    let found = skim(&data.to_vec(), &|_| true, &mut |event| {
        size += event.binary.len() + event.data.iter().map(|datum| datum.text.len()).sum::<usize>();
    });
    let Ok(skim) = found else { return };
    if skim.format == Format::Evt {
        assert!(skim.records as usize <= data.len() / 60);
        assert!(skim.damage.len() <= 32);
    }
});
