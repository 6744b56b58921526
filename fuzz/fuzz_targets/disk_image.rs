//! An image of a disk from its container down to the root folder of each NTFS volume.
#![no_main]

use std::sync::Arc;

use iiskeys_disk::cache::BlockCache;
use iiskeys_disk::content::identify;
use iiskeys_disk::partition::partitions;
use iiskeys_disk::{Context, NoSiblings, ReadAt, Slice, open};
use iiskeys_ntfs::Volume;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let context = Context {
        name: "disk.img".into(),
        siblings: Arc::new(NoSiblings),
        cache: Arc::new(BlockCache::new(1 << 20)),
        depth: 0,
    };
    let Ok(image) = open(Arc::new(data.to_vec()), &context) else { return };
    for partition in partitions(&image.data, image.sector_size).partitions.into_iter().take(8) {
        let part: Arc<dyn ReadAt> = Arc::new(Slice::new(image.data.clone(), partition.start, partition.len));
        let _ = identify(&part).to_string();
        let Ok(volume) = Volume::open(part) else { continue };
        let Ok(root) = volume.list(volume.root()) else { continue };
        for entry in root.take(1_000).flatten() {
            let Ok(file) = volume.file(entry.file) else { continue };
            let Ok(stream) = file.data() else { continue };
            let _ = stream.read_at(stream.len() / 2, &mut [0; 4096]);
        }
    }
    let _ = Volume::open(image.data).map(|volume| volume.list(volume.root()).map(|root| root.count()));
});
