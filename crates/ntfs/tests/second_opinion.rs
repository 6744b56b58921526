//! An independent reader sees the same names, times, sizes and bytes.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::Arc;

use iiskeys_disk::ReadAt;
use iiskeys_fixtures::ntfs::attribute::Times;
use iiskeys_fixtures::ntfs::{FileOptions, FolderOptions, Layout, Meta, VolumeBuilder};
use iiskeys_fixtures::rng::Rng;
use iiskeys_ntfs::{FileRef, Volume};
use ntfs::structured_values::NtfsFileNamespace;
use ntfs::{Ntfs, NtfsFile, NtfsReadSeek};

/// What both readers tell of a file: times in the order of `$STANDARD_INFORMATION`, and the content.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    times: [u64; 4],
    content: Option<Vec<u8>>,
}

type Tree = BTreeMap<String, Seen>;

fn forge() -> Vec<u8> {
    let mut rng = Rng::new(11);
    let mut times = |at: u64| {
        let mut time = || 130_000_000_000_000_000 + rng.next_u64() % 1_000_000_000_000_000 + at;
        Meta {
            times: Times { created: time(), modified: time(), changed: time(), accessed: time() },
            name_times: Some(Times::all(time())),
            ..Meta::default()
        }
    };
    let mut volume = VolumeBuilder::new().cluster_size(1024).fragmented_mft(1);
    volume.dir_with("Keys", FolderOptions { meta: times(1), runs: 3, ..FolderOptions::default() });
    for at in 0..150_u64 {
        let data = Rng::new(at).bytes(at as usize * 37);
        volume.file_with(&format!("Keys/{at:03} ünïcode name"), &data, times(at));
    }
    let mut sparse = Rng::new(3).bytes(40_000);
    sparse.splice(8192..30_720, vec![0; 22_528]);
    for (name, layout) in [
        ("runs", Layout::Fragmented(9)),
        ("one run", Layout::NonResident),
        ("sparse", Layout::Sparse),
        ("short", Layout::Auto),
    ] {
        let options = FileOptions { meta: times(7), ..FileOptions::layout(layout) };
        let data = if name == "short" { b"in the record".as_slice() } else { &sparse };
        volume.file_with(&format!("Layouts/deep/{name}"), data, options);
    }
    volume.build()
}

fn ours(volume: &Volume, dir: FileRef, path: &str, tree: &mut Tree) {
    for entry in volume.list(dir).expect("a directory") {
        let entry = entry.expect("an entry");
        // The files of the system are not the volume's content, and the root holds itself.
        if entry.name.starts_with('$') || entry.name == "." {
            continue;
        }
        let path = format!("{path}/{}", entry.name);
        let file = volume.file(entry.file).expect("a file");
        let standard = file.standard().expect("times").times;
        let times = [standard.created, standard.modified, standard.record_changed, standard.accessed];
        let content = (!file.is_directory()).then(|| {
            let stream = file.data().expect("a stream");
            assert_eq!(stream.len(), entry.size, "{path}");
            let mut data = vec![0xee; stream.len() as usize];
            stream.read_exact_at(0, &mut data).expect("content");
            data
        });
        tree.insert(path.clone(), Seen { times, content });
        if file.is_directory() {
            ours(volume, entry.file, &path, tree);
        }
    }
}

fn theirs(ntfs: &Ntfs, disk: &mut Cursor<&[u8]>, dir: &NtfsFile<'_>, path: &str, tree: &mut Tree) {
    let index = dir.directory_index(disk).expect("a directory");
    let mut entries = index.entries();
    while let Some(entry) = entries.next(disk) {
        let entry = entry.expect("an entry");
        let key = entry.key().expect("a key").expect("a name");
        let name = key.name().to_string_lossy();
        if key.namespace() == NtfsFileNamespace::Dos || name.starts_with('$') || name == "." {
            continue;
        }
        let path = format!("{path}/{name}");
        let file = entry.file_reference().to_file(ntfs, disk).expect("a file");
        let info = file.info().expect("times");
        let times = [
            info.creation_time(),
            info.modification_time(),
            info.mft_record_modification_time(),
            info.access_time(),
        ]
        .map(|time| time.nt_timestamp());
        let content = (!file.is_directory()).then(|| {
            let item = file.data(disk, "").expect("data").expect("data");
            let attribute = item.to_attribute().expect("data");
            let mut value = attribute.value(disk).expect("data");
            assert_eq!(value.len(), key.data_size(), "{path}");
            let mut data = vec![0; value.len() as usize];
            value.read_exact(disk, &mut data).expect("content");
            data
        });
        tree.insert(path.clone(), Seen { times, content });
        if file.is_directory() {
            theirs(ntfs, disk, &file, &path, tree);
        }
    }
}

#[test]
fn another_reader_sees_the_same_volume() {
    let bytes = forge();
    let mut disk = Cursor::new(bytes.as_slice());
    let ntfs = Ntfs::new(&mut disk).expect("a volume");
    let root = ntfs.root_directory(&mut disk).expect("a root");
    let mut wanted = Tree::new();
    theirs(&ntfs, &mut disk, &root, "", &mut wanted);
    let volume = Volume::open(Arc::new(bytes.clone())).expect("a volume");
    assert_eq!(volume.serial(), ntfs.serial_number());
    let mut found = Tree::new();
    ours(&volume, volume.root(), "", &mut found);
    assert_eq!(found.len(), 157);
    assert!(found.keys().eq(wanted.keys()), "{:?} {:?}", found.keys(), wanted.keys());
    for (path, seen) in &found {
        assert!(wanted.get(path) == Some(seen), "{path}");
    }
    assert_eq!(volume.notes(), Vec::<String>::new());
}
