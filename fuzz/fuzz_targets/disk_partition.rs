//! A partition table: every partition lies inside the disk, and there are no more than a table can hold.
#![no_main]

use std::sync::Arc;

use iiskeys_disk::ReadAt;
use iiskeys_disk::content::identify;
use iiskeys_disk::partition::partitions;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let disk: Arc<dyn ReadAt> = Arc::new(data.to_vec());
    let _ = identify(&disk).to_string();
    for hint in [None, Some(4096)] {
        let table = partitions(&disk, hint);
        assert!(table.partitions.len() <= 1024);
        for partition in table.partitions {
            assert!(partition.start < disk.len() && partition.len <= disk.len() - partition.start);
        }
    }
});
