//! An event log of chunks: it ends, and gives no more records than the input has room for.
#![no_main]

use iiskeys_core::artifact::event_log::{Format, skim};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // A header and two chunks are enough to reach everything.
    if data.len() > 4096 + 2 * 65_536 {
        return;
    }
    let mut events = 0;
    let Ok(skim) = skim(&data.to_vec(), &|head| head.id != 6013, &mut |_| events += 1) else { return };
    if skim.format == Format::Evtx {
        assert!(skim.records as usize <= data.len() / 28);
        assert!(events <= skim.records);
        assert!(skim.damage.len() <= 32);
    }
});
