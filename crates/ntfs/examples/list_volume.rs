//! Lists every file of an NTFS volume, one JSON line each: `list_volume VOLUME [OFFSET]`.
//!
//! VOLUME is a raw file; the volume begins at OFFSET bytes. A line has the path, the record, the times of
//! `$STANDARD_INFORMATION` in ticks of 100 ns since 1601, the size and the SHA-256 of the data, or why it was not read.

use std::error::Error;
use std::sync::Arc;

use iiskeys_disk::{FileSource, ReadAt, Slice};
use iiskeys_ntfs::{FileRef, Volume};
use sha2::{Digest, Sha256};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let Some(path) = words.first() else { return Err("usage: list_volume VOLUME [OFFSET]".into()) };
    let offset: u64 = words.get(1).map_or(Ok(0), |word| word.parse())?;
    let source: Arc<dyn ReadAt> = Arc::new(FileSource::open(path.as_ref())?);
    let rest = source.len().saturating_sub(offset);
    let volume = Volume::open(Arc::new(Slice::new(source, offset, rest)))?;
    let mut pending: Vec<(String, FileRef)> = vec![(String::new(), volume.root())];
    while let Some((above, dir)) = pending.pop() {
        for entry in volume.list(dir)? {
            let entry = entry?;
            let path = format!("{above}/{}", entry.name);
            // The file system's own files are not compared, and the root lists itself.
            if entry.file.record < 24 {
                continue;
            }
            if entry.is_directory() && entry.reparse_tag.is_none() {
                pending.push((path.clone(), entry.file));
            }
            println!("{}", line(&volume, &path, entry.file));
        }
    }
    Ok(())
}

fn line(volume: &Volume, path: &str, file: FileRef) -> String {
    let mut fields = format!("{{\"path\":{path:?},\"record\":{}", file.record);
    match volume.file(file) {
        Ok(file) => {
            if let Some(standard) = file.standard() {
                let times = &standard.times;
                fields += &format!(
                    ",\"created\":{},\"modified\":{},\"changed\":{},\"accessed\":{}",
                    times.created, times.modified, times.record_changed, times.accessed
                );
            }
            if !file.is_directory() {
                match file.data().map_err(|error| error.to_string()).and_then(|data| digest(&data)) {
                    Ok((size, sha256)) => fields += &format!(",\"size\":{size},\"sha256\":\"{sha256}\""),
                    Err(error) => fields += &format!(",\"error\":{error:?}"),
                }
            }
        }
        Err(error) => fields += &format!(",\"error\":{:?}", error.to_string()),
    }
    fields + "}"
}

fn digest(data: &dyn ReadAt) -> Result<(u64, String), String> {
    let mut hash = Sha256::new();
    let mut chunk = vec![0; 1 << 16];
    let mut at = 0;
    while at < data.len() {
        let count = data.read_at(at, &mut chunk).map_err(|error| error.to_string())?;
        hash.update(chunk.get(..count).unwrap_or_default());
        at += count as u64;
    }
    Ok((at, hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()))
}
