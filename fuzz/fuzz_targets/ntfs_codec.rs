//! Compressed pieces of NTFS and the overlay filter: the first byte selects the format and the size of the output.

#![no_main]

use iiskeys_ntfs::codec::{lznt1, lzx, xpress};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&first, input)) = data.split_first() else { return };
    // Powers of two from 2 KiB to 64 KiB, and the sizes just below them.
    let room = 2_048 << (first >> 2 & 7).min(5);
    let mut output = vec![0xaa; if first & 0x80 == 0 { room } else { room - 1 }];
    let error = match first & 3 {
        0 => match lznt1::decompress_unit(input, &mut output) {
            Ok(produced) => {
                let rest = output.get(produced..).expect("no more is produced than there is room for");
                assert!(rest.iter().all(|byte| *byte == 0));
                None
            }
            Err(error) => Some(error),
        },
        1 => xpress::decompress(input, &mut output).err(),
        _ => lzx::decompress(input, &mut output).err(),
    };
    assert!(error.is_none_or(|error| error.offset() <= input.len()));
});
