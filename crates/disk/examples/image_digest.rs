//! Prints the SHA-256 of a disk image's content, read in full and in random pieces: `image_digest IMAGE [READS SEED]`.
//!
//! The second line is the digest of READS pieces of up to 8 KiB at places that follow from SEED and the length alone, so
//! that two images of one disk can be compared by their output.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use iiskeys_disk::cache::{BlockCache, DEFAULT_CACHE};
use iiskeys_disk::{Context, FileSource, FolderSiblings, ReadAt};
use iiskeys_fixtures::rng::Rng;
use sha2::{Digest, Sha256};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let Some(path) = words.first().map(PathBuf::from) else {
        return Err("usage: image_digest IMAGE [READS SEED]".into());
    };
    let reads: u64 = words.get(1).map_or(Ok(3_000), |word| word.parse())?;
    let seed: u64 = words.get(2).map_or(Ok(1), |word| word.parse())?;
    let context = Context {
        name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        siblings: Arc::new(FolderSiblings::of(&path, &[])),
        cache: Arc::new(BlockCache::new(DEFAULT_CACHE)),
        depth: 0,
    };
    let image = iiskeys_disk::open(Arc::new(FileSource::open(&path)?), &context)?;
    let disk = &image.data;
    eprintln!("{}: {}, {} bytes", path.display(), image.format, disk.len());
    for note in &image.notes {
        eprintln!("note: {note}");
    }

    let mut hash = Sha256::new();
    let mut chunk = vec![0; 1 << 20];
    let mut at = 0;
    while at < disk.len() {
        let count = disk.read_at(at, &mut chunk)?;
        hash.update(chunk.get(..count).unwrap_or_default());
        at += count as u64;
    }
    println!("{}", hex(&hash.finalize()));

    let mut rng = Rng::new(seed);
    let mut hash = Sha256::new();
    let mut piece = vec![0; 8192];
    for _ in 0..reads {
        let offset = rng.next_u64() % disk.len().max(1);
        let wanted = 1 + rng.below(piece.len());
        let count = disk.read_at(offset, piece.get_mut(..wanted).unwrap_or_default())?;
        hash.update(piece.get(..count).unwrap_or_default());
    }
    println!("{}", hex(&hash.finalize()));
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
