//! VHDX images: whatever opens can be read within its length.
//!
//! A VHDX has megabytes and checksums, so the input is what differs from a forged image in the structures that count.
#![no_main]

use std::io;
use std::sync::{Arc, LazyLock};

use iiskeys_disk::ReadAt;
use iiskeys_fixtures::disk::vhdx;
use libfuzzer_sys::fuzz_target;

/// Where a structure starts, its bytes, how many of them the input changes, and whether it has a checksum.
const WINDOWS: [(usize, usize, usize, bool); 8] = [
    (64 << 10, 4096, 80, true),
    (128 << 10, 4096, 80, true),
    (192 << 10, 65_536, 80, true),
    (2 << 20, 256, 256, false),
    ((2 << 20) + 65_536, 256, 256, false),
    (3 << 20, 64, 64, false),
    (1 << 20, 4096, 128, false),
    ((1 << 20) + 4096, 8192, 128, true),
];

static FORGED: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| {
    let disk = [vec![1; 4096], vec![0; 8192]].concat();
    let options = vhdx::Options::default();
    [vhdx::dynamic(&disk, &options), vhdx::with_pending_log(&disk, &options)]
});

/// A forged image with other bytes in some places.
struct Changed {
    forged: &'static [u8],
    windows: Vec<(usize, Vec<u8>)>,
}

impl ReadAt for Changed {
    fn len(&self) -> u64 {
        self.forged.len() as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(self.forged.len());
        let end = start.saturating_add(buf.len()).min(self.forged.len());
        buf[..end - start].copy_from_slice(&self.forged[start..end]);
        for (at, bytes) in &self.windows {
            let (from, to) = (start.max(*at), end.min(at + bytes.len()));
            if from < to {
                buf[from - start..to - start].copy_from_slice(&bytes[from - at..to - at]);
            }
        }
        Ok(end - start)
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((which, mut changes)) = data.split_first() else { return };
    let forged = FORGED[usize::from(which & 1)].as_slice();
    let mut windows = Vec::new();
    for (at, len, reach, sealed) in WINDOWS {
        let mut bytes = forged[at..at + len].to_vec();
        let (now, later) = changes.split_at(reach.min(changes.len()));
        bytes.iter_mut().zip(now).for_each(|(byte, change)| *byte ^= change);
        if sealed && now.iter().any(|change| *change != 0) {
            vhdx::seal(&mut bytes);
        }
        windows.push((at, bytes));
        changes = later;
    }
    iiskeys_fuzz::alone(Arc::new(Changed { forged, windows }), "disk.vhdx");
});
