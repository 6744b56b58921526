//! Certificates in real hives of other projects: what the blob says of itself must hold.

use std::path::{Path, PathBuf};

use iiskeys_core::artifact::certificate::{CertificateBody, StoreBlob};
use iiskeys_core::artifact::hive::{Hive, HiveFile, is_hive};

/// Hives longer than this take too long under the development profile.
const LARGEST: u64 = 64 << 20;

fn files(folder: &Path, found: &mut Vec<PathBuf>, depth: usize) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && depth > 0 {
            files(&path, found, depth - 1);
        } else if entry.metadata().is_ok_and(|data| data.len() <= LARGEST) {
            found.push(path);
        }
    }
}

fn bytes(path: &Path) -> Option<Vec<u8>> {
    let bytes = std::fs::read(path).ok()?;
    if path.extension().is_some_and(|end| end == "xz") {
        let mut out = Vec::new();
        let mut reader = lzma_rust2::XzReader::new(bytes.as_slice(), true);
        std::io::Read::read_to_end(&mut reader, &mut out).ok()?;
        return Some(out);
    }
    Some(bytes)
}

/// Thumbprint and blob of every certificate below a key with stores.
fn blobs(hive: &Hive<'_>, root: &str) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let Ok(Some(stores)) = hive.key(root) else { return found };
    for store in stores.subkeys().flatten().filter_map(|store| store.name().ok()) {
        let Ok(Some(certificates)) = hive.key(&format!("{root}\\{store}\\Certificates")) else { continue };
        for key in certificates.subkeys().flatten() {
            if let (Ok(name), Ok(Some(value))) = (key.name(), key.value("Blob"))
                && let Ok(data) = value.data()
            {
                found.push((name, data.into_owned()));
            }
        }
    }
    found
}

#[test]
fn certificates_of_real_hives_are_read() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    if !corpus.is_dir() {
        println!("skipped: the corpus is not here");
        return;
    }
    let mut paths = Vec::new();
    files(&corpus, &mut paths, 4);
    paths.sort();
    let (mut read, mut linked, mut hives) = (0, 0, 0);
    for path in paths {
        let Some(bytes) = bytes(&path).filter(|bytes| is_hive(bytes)) else { continue };
        let Ok(file) = HiveFile::open(bytes) else { continue };
        let Ok(hive) = file.view() else { continue };
        let before = read;
        for root in ["", "Software\\", "Policies\\", "Software\\Policies\\"] {
            for (name, blob) in blobs(&hive, &format!("{root}Microsoft\\SystemCertificates")) {
                let blob = StoreBlob::parse(&blob);
                assert_eq!(blob.trouble, None, "{} {name}", path.display());
                let body = CertificateBody::parse(blob.der().expect("a certificate"));
                let body = body.unwrap_or_else(|error| panic!("{} {name}: {error}", path.display()));
                assert_eq!(data_encoding::HEXUPPER.encode(&body.sha1), name.to_uppercase());
                assert!(blob.sha1().is_none_or(|sha1| sha1 == body.sha1));
                if let Some(link) = blob.link() {
                    assert!(!link.expect("a link").container.is_empty());
                    linked += 1;
                }
                read += 1;
            }
        }
        if read > before {
            hives += 1;
            println!("{}: {}", path.display(), read - before);
        }
    }
    println!("{read} certificates in {hives} hives, {linked} with a link");
    assert!(read > 0);
}
