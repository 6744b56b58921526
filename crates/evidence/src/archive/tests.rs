use iiskeys_fixtures::archive::{Packed, TarKind, Zip, gzip, tar, tar_end, tar_entry, zstd};
use iiskeys_fixtures::layout::{Files, Layout, place};
use iiskeys_fixtures::rng::Rng;
use proptest::prelude::*;

use super::*;
use crate::memory::MemoryTree;
use crate::skip::SkipReason;
use crate::{Evidence, EvidencePath};

mod heads;

const CREATED: u64 = 131_961_495_671_234_567;
const MODIFIED: u64 = 132_000_000_001_234_567;

fn try_open(bytes: Vec<u8>) -> Result<ArchiveTree, ArchiveError> {
    let kind = recognise(&bytes).expect("recognised");
    ArchiveTree::open(kind, Arc::new(bytes), "case.tar.gz", &ArchiveLimits::default(), None)
}

fn open(bytes: Vec<u8>) -> ArchiveTree {
    try_open(bytes).unwrap()
}

fn sevenz(files: &[Packed], solid: bool, password: Option<&str>) -> Vec<u8> {
    use sevenz_rust2::encoder_options::AesEncoderOptions;
    use sevenz_rust2::{ArchiveEntry, ArchiveWriter, EncoderMethod, NtTime, SourceReader};
    let mut writer = ArchiveWriter::new(io::Cursor::new(Vec::new())).unwrap();
    if let Some(password) = password {
        writer.set_content_methods(vec![
            AesEncoderOptions::new(password.into()).into(),
            EncoderMethod::LZMA2.into(),
        ]);
        writer.set_encrypt_header(false);
    }
    let entry = |file: &Packed| {
        let mut entry = ArchiveEntry::new_file(&file.path);
        entry.has_creation_date = file.created.is_some();
        entry.creation_date = NtTime::new(file.created.unwrap_or_default());
        entry.has_last_modified_date = file.modified.is_some();
        entry.last_modified_date = NtTime::new(file.modified.unwrap_or_default());
        entry
    };
    let reader = |file: &Packed| SourceReader::new(io::Cursor::new(file.bytes.clone()));
    if solid {
        let entries = files.iter().map(entry).collect();
        writer.push_archive_entries(entries, files.iter().map(reader).collect()).unwrap();
    } else {
        for file in files {
            writer.push_archive_entry(entry(file), Some(io::Cursor::new(file.bytes.clone()))).unwrap();
        }
    }
    writer.finish().unwrap().into_inner()
}

/// Every format that the forge writes.
fn formats(files: &[Packed]) -> Vec<(&'static str, Vec<u8>)> {
    let zip = Zip::default();
    vec![
        ("stored zip", Zip { ntfs: true, ..zip }.write(files)),
        ("deflated zip", Zip { deflate: true, ntfs: true, ..zip }.write(files)),
        ("zip64", Zip { deflate: true, ntfs: true, zip64: true, ..zip }.write(files)),
        ("tar", tar(files, true)),
        ("tar.gz", gzip(&tar(files, true))),
        ("tar.zst", zstd(&tar(files, true))),
        ("7z", sevenz(files, false, None)),
        ("solid 7z", sevenz(files, true, None)),
    ]
}

fn find(tree: &ArchiveTree, path: &str) -> Option<TreeEntry> {
    let mut id = tree.root();
    let mut found = None;
    for name in path.split('/') {
        let entry = tree.lookup(&id, name).unwrap()?;
        id = entry.id.clone();
        found = Some(entry);
    }
    found
}

fn read(tree: &ArchiveTree, path: &str) -> io::Result<Vec<u8>> {
    let mut data = Vec::new();
    tree.open(&find(tree, path).expect(path).id)?.read_to_end(&mut data)?;
    Ok(data)
}

/// Every file with its path, in the order of the tree.
fn walk(tree: &ArchiveTree) -> Vec<(String, TreeEntry)> {
    let mut open = vec![(tree.root(), String::new())];
    let mut files = Vec::new();
    while let Some((dir, path)) = open.pop() {
        for row in tree.list(&dir, Detail::Full).unwrap() {
            let row = row.unwrap();
            let shown = format!("{path}/{}", row.name);
            match row.kind {
                EntryKind::Dir if !row.linked => open.push((row.id, shown)),
                _ => files.push((shown, row)),
            }
        }
    }
    files
}

fn machine() -> Files {
    let mut files = Files::new();
    let mut rng = Rng::new(7);
    files.insert("C:\\Windows\\System32\\config\\SOFTWARE".into(), rng.bytes(300_000));
    files.insert("C:\\Windows\\System32\\config\\SYSTEM".into(), vec![7; 200_000]);
    files.insert("C:\\Windows\\System32\\inetsrv\\config\\applicationHost.config".into(), b"<c/>".to_vec());
    for number in 0..20 {
        let name = format!("C:\\ProgramData\\Microsoft\\Crypto\\RSA\\MachineKeys\\key{number}");
        files.insert(name, rng.bytes(1_500));
    }
    files
}

#[test]
fn every_layout_in_every_archive_gives_the_systems_of_the_folder() {
    for layout in Layout::all() {
        let placed = place(&machine(), layout);
        let folder = placed.iter().map(|file| (file.path.as_str(), file.data.as_slice()));
        let expected = Evidence::from_tree(folder.collect::<MemoryTree>());
        let files: Vec<Packed> =
            placed.iter().map(|file| Packed::new(&file.path, &file.data).at(CREATED, MODIFIED)).collect();
        for (format, bytes) in formats(&files) {
            let tree = open(bytes);
            assert!(tree.creation_times_kept(), "{format}");
            for file in &placed {
                assert_eq!(read(&tree, &file.path).unwrap(), file.data, "{format} {}", file.path);
            }
            let found = Evidence::from_tree(tree);
            let systems = |evidence: &Evidence| {
                evidence.volumes().iter().map(|volume| format!("{:?}", volume.label())).collect::<Vec<_>>()
            };
            assert_eq!(systems(&found), systems(&expected), "{format} {layout:?}");
            assert_eq!(found.systems().len(), expected.systems().len(), "{format} {layout:?}");
        }
    }
}

#[test]
fn times_keep_the_precision_of_their_source() {
    let files = [Packed::new("a.txt", b"a").at(CREATED, MODIFIED)];
    for (format, bytes) in formats(&files) {
        let entry = find(&open(bytes), "a.txt").unwrap();
        assert_eq!(entry.created.map(|t| t.filetime()), Some(CREATED), "{format}");
        assert_eq!(entry.modified.map(|t| t.filetime()), Some(MODIFIED), "{format}");
    }
    let unix = find(&open(Zip::default().write(&files)), "a.txt").unwrap();
    assert_eq!(unix.modified.unwrap().to_string(), "2019-04-17T18:40:00Z");
    assert_eq!(unix.created.unwrap().to_string(), "2019-03-04T05:06:07Z");
    let plain = find(&open(tar(&files, false)), "a.txt").unwrap();
    assert_eq!((plain.created, plain.modified.unwrap().to_string()), (None, "2019-04-17T18:40:00Z".into()));
    // The time of DOS is local to a machine that nobody knows.
    let dos = open(Zip::default().write(&[Packed::new("a.txt", b"a")]));
    assert_eq!(find(&dos, "a.txt").unwrap().modified, None);
    assert!(!dos.creation_times_kept());
}

#[test]
fn names_cannot_leave_the_archive_and_the_first_of_two_is_read() {
    let files = [
        Packed::new("../../../etc/passwd", b"1"),
        Packed::new("C:\\Windows\\win.ini", b"2"),
        Packed::new("/abs/file", b"3"),
        Packed::new("twice", b"first"),
        Packed::new("twice", b"second"),
        Packed::new("twice/below", b"4"),
        Packed::new(&"d/".repeat(100), b"5"),
    ];
    for (format, bytes) in [("zip", Zip::default().write(&files)), ("tar", tar(&files, false))] {
        let tree = open(bytes);
        let mut paths: Vec<String> = walk(&tree).into_iter().map(|(path, _)| path).collect();
        paths.sort();
        assert_eq!(paths, ["/C:/Windows/win.ini", "/abs/file", "/etc/passwd", "/twice"], "{format}");
        assert_eq!(read(&tree, "twice").unwrap(), b"first");
        assert_eq!(tree.notes().len(), 4, "{format}: {:?}", tree.notes());
    }
}

#[test]
fn an_entry_that_lies_about_its_size_is_an_error() {
    for lie in [0, 1, 999, 1_001, 1 << 40] {
        let files = [Packed::new("good", b"good"), Packed::new("bad", &[b'x'; 1_000]).lying(lie)];
        for deflate in [false, true] {
            for zip64 in [false, true] {
                if !zip64 && lie > u64::from(u32::MAX) {
                    continue;
                }
                let tree = open(Zip { deflate, zip64, ..Zip::default() }.write(&files));
                assert_eq!(read(&tree, "good").unwrap(), b"good");
                assert!(read(&tree, "bad").is_err(), "{lie} {deflate} {zip64}");
            }
        }
    }
}

#[test]
fn a_tar_that_is_cut_off_keeps_what_stands_before_the_cut() {
    let files = [Packed::new("one", &[1; 600]), Packed::new("two", &[2; 600])];
    let mut bytes = tar(&files, false);
    bytes.truncate(512 + 1024 + 512 + 100);
    for bytes in [bytes.clone(), zstd(&bytes)] {
        let tree = open(bytes);
        assert_eq!(read(&tree, "one").unwrap(), [1; 600]);
        assert!(read(&tree, "two").is_err());
        assert!(tree.notes().iter().any(|note| note.contains("cut off")), "{:?}", tree.notes());
    }
}

#[test]
fn links_of_a_tar_stay_inside_it() {
    let mut bytes = Vec::new();
    let empty = |path: &str| Packed::new(path, b"");
    tar_entry(&mut bytes, &Packed::new("dir/file", b"data"), TarKind::File, false);
    tar_entry(&mut bytes, &empty("dir/same"), TarKind::Symlink("../dir/./file"), false);
    tar_entry(&mut bytes, &empty("dir/hard"), TarKind::Hardlink("dir/file"), false);
    tar_entry(&mut bytes, &empty("folder"), TarKind::Symlink("dir"), false);
    tar_entry(&mut bytes, &empty("far"), TarKind::Symlink("folder/same"), false);
    tar_entry(&mut bytes, &empty("out"), TarKind::Symlink("../../etc/passwd"), false);
    tar_entry(&mut bytes, &empty("root"), TarKind::Symlink("/etc/passwd"), false);
    tar_entry(&mut bytes, &empty("loop1"), TarKind::Symlink("loop2"), false);
    tar_entry(&mut bytes, &empty("loop2"), TarKind::Symlink("loop1"), false);
    tar_entry(&mut bytes, &empty("gone"), TarKind::Hardlink("nothing"), false);
    tar_end(&mut bytes);
    let tree = open(bytes);
    for path in ["dir/same", "dir/hard", "folder/file", "far"] {
        assert_eq!(read(&tree, path).unwrap(), b"data", "{path}");
    }
    assert!(find(&tree, "folder").unwrap().linked && find(&tree, "far").unwrap().linked);
    for (path, reason) in [
        ("out", SkipReason::LinkLeadsOut),
        ("root", SkipReason::LinkLeadsOut),
        ("loop1", SkipReason::LinkBroken),
        ("gone", SkipReason::LinkBroken),
    ] {
        assert_eq!(find(&tree, path).unwrap().kind, EntryKind::Refused(reason), "{path}");
    }
}

#[test]
fn an_entry_is_random_access_in_place_or_in_memory() {
    let data = Rng::new(1).bytes(200_000);
    let files = [Packed::new("small", b"s"), Packed::new("disk.vhd", &data)];
    for (format, bytes) in formats(&files) {
        let tree = open(bytes);
        let id = find(&tree, "disk.vhd").unwrap().id;
        let in_place = matches!(format, "stored zip" | "tar");
        match tree.entry_source(&id, 1_000) {
            Ok(source) => assert!(in_place && source.len() == 200_000, "{format}"),
            Err(error) => assert!(
                !in_place && matches!(error, ArchiveError::TooLarge { size: 200_000, cap: 1_000 }),
                "{format}: {error}"
            ),
        }
        let source = tree.entry_source(&id, 1 << 20).unwrap();
        let mut middle = [0; 100];
        source.read_exact_at(150_000, &mut middle).unwrap();
        assert_eq!(middle, data[150_000..150_100], "{format}");
        // Reading again, and what stands before, costs time but works.
        assert_eq!(read(&tree, "disk.vhd").unwrap(), data, "{format}");
        assert_eq!(read(&tree, "small").unwrap(), b"s", "{format}");
    }
}

#[test]
fn a_zip_behind_other_bytes_is_read() {
    let zip = Zip { prefix: 1_000, deflate: true, ..Zip::default() };
    let bytes = zip.write(&[Packed::new("a", b"content")]);
    assert_eq!(recognise(&bytes), None);
    let tree =
        ArchiveTree::open(ArchiveKind::Zip, Arc::new(bytes), "x", &ArchiveLimits::default(), None).unwrap();
    assert_eq!(read(&tree, "a").unwrap(), b"content");
}

#[test]
fn a_compressed_file_that_is_no_tar_stands_alone() {
    let data = Rng::new(3).bytes(100_000);
    for (name, bytes) in [("SOFTWARE.gz", gzip(&data)), ("SOFTWARE.zst", zstd(&data))] {
        let kind = recognise(&bytes).unwrap();
        let tree = ArchiveTree::open(kind, Arc::new(bytes), name, &ArchiveLimits::default(), None).unwrap();
        assert_eq!(find(&tree, "SOFTWARE").unwrap().size, 100_000);
        assert_eq!(read(&tree, "SOFTWARE").unwrap(), data);
    }
}

#[test]
fn an_encrypted_seven_zip_is_listed_and_opens_with_the_password() {
    let bytes: Arc<Vec<u8>> = Arc::new(sevenz(&[Packed::new("a", &[b'a'; 100_000])], false, Some("pw")));
    let open = |password: Option<&Password>| {
        let limits = ArchiveLimits::default();
        ArchiveTree::open(ArchiveKind::SevenZ, bytes.clone(), "x.7z", &limits, password).unwrap()
    };
    let locked = open(None);
    assert!(locked.encrypted());
    assert!(read(&locked, "a").unwrap_err().to_string().contains("--password-file"));
    assert!(read(&open(Some(&Password::new("no"))), "a").is_err());
    assert_eq!(read(&open(Some(&Password::new("pw"))), "a").unwrap(), [b'a'; 100_000]);
}

#[test]
fn limits_end_a_bomb() {
    let files: Vec<Packed> = (0..20).map(|n| Packed::new(&format!("f{n}"), &[0; 100_000])).collect();
    let limits = ArchiveLimits { entries: 10, ..ArchiveLimits::default() };
    for (format, bytes) in formats(&files) {
        let kind = recognise(&bytes).unwrap();
        let opened = ArchiveTree::open(kind, Arc::new(bytes), "x", &limits, None).map(drop);
        assert!(matches!(opened, Err(ArchiveError::TooMuch { .. })), "{format}");
    }
    let limits = ArchiveLimits { streamed_bytes: 1_000_000, ..ArchiveLimits::default() };
    let bomb = gzip(&tar(&files, false));
    let opened = ArchiveTree::open(ArchiveKind::Gzip, Arc::new(bomb), "x", &limits, None).map(drop);
    assert!(matches!(opened, Err(ArchiveError::TooMuch { limit: 1_000_000, .. })));
}

#[test]
fn formats_that_are_not_read_are_named() {
    assert_eq!(refused(b"Rar!\x1a\x07\x01\0"), Some("a RAR archive"));
    assert_eq!(refused(b"MSCF\0\0\0\0"), Some("a CAB archive"));
    assert_eq!(refused(b"\xfd7zXZ\0"), Some("an xz archive"));
    assert_eq!(refused(b"BZh91AY&SY"), Some("a bzip2 archive"));
    assert_eq!(refused(b"PK\x03\x04"), None);
    assert_eq!(recognise(&[0; 512]), None);
    assert_eq!(recognise(b"MZ"), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn what_the_forge_packs_comes_out(
        contents in prop::collection::btree_map("[a-z]{1,8}(/[A-Z]{1,8}){0,3}\\.[a-z]", prop::collection::vec(any::<u8>(), 0..70_000), 1..6)
    ) {
        let files: Vec<Packed> = contents.iter().map(|(path, data)| Packed::new(path, data)).collect();
        for (format, bytes) in formats(&files) {
            let tree = open(bytes);
            for (path, data) in &contents {
                prop_assert_eq!(&read(&tree, path).unwrap(), data, "{} {}", format, path);
            }
        }
    }
}

#[test]
fn damaged_archives_end_in_errors_and_bounded_work() {
    let files = [
        Packed::new("C/Windows/System32/config/SOFTWARE", &[5; 3_000]).at(CREATED, MODIFIED),
        Packed::new("C/key", &Rng::new(2).bytes(700)),
        Packed::new("C/empty", b""),
    ];
    let mut rng = Rng::new(2024);
    for (_, original) in formats(&files) {
        for _ in 0..700 {
            let mut bytes = original.clone();
            for _ in 0..=rng.below(4) {
                let at = rng.below(bytes.len());
                match rng.below(4) {
                    0 => bytes.truncate(at.max(1)),
                    1 => bytes[at] = 0xff,
                    2 => bytes[at] = bytes[at].wrapping_add(1),
                    _ => bytes[at] = rng.next_u64() as u8,
                }
            }
            let Some(kind) = recognise(&bytes) else { continue };
            let len = bytes.len() as u64;
            let limits = ArchiveLimits { decoder_bytes: 64 << 20, ..ArchiveLimits::default() };
            let Ok(tree) = ArchiveTree::open(kind, Arc::new(bytes), "x", &limits, None) else { continue };
            assert!(tree.entries() as u64 <= len);
            for (_, entry) in walk(&tree) {
                let Ok(mut reader) = tree.open(&entry.id) else { continue };
                let read = io::copy(&mut reader, &mut io::sink()).unwrap_or_default();
                assert!(read <= entry.size && read <= len.saturating_mul(1_100));
            }
        }
    }
}

fn corpus(path: &str) -> Option<Vec<u8>> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let found = std::fs::read(root.join(path)).ok();
    if found.is_none() {
        println!("skipped: {path} is not there");
    }
    found
}

#[test]
fn tars_of_acquire_show_their_drives() {
    for (path, volume) in [
        ("dissect-target-tars/test-windows-fs-c-relative.tar", "fs/c:"),
        ("dissect-target-tars/test-windows-fs-x.tar", "fs/x:"),
        ("dissect-target-tars/test-windows-sysvol-absolute.tar", "sysvol"),
    ] {
        let Some(bytes) = corpus(path) else { return };
        let tree = open(bytes);
        assert_eq!(read(&tree, &format!("{volume}/Windows/System32/foo.txt")).unwrap().len(), 12);
        assert_eq!(tree.notes(), [] as [&str; 0]);
        let evidence = Evidence::from_tree(tree);
        let labels: Vec<EvidencePath> = evidence.volumes().iter().map(|found| found.label()).collect();
        assert_eq!(labels, [EvidencePath::new(volume)]);
    }
}

#[test]
fn collections_of_velociraptor_open_and_the_encrypted_one_is_named() {
    let Some(bytes) = corpus("velociraptor/unencrypted_collector.zip") else { return };
    let tree = open(bytes);
    assert_eq!(read(&tree, "Generic.Client.Info/BasicInformation.json").unwrap().len(), 388);
    assert!(!tree.encrypted() && !tree.is_encrypted_velociraptor());
    let Some(bytes) = corpus("velociraptor/encrypted_collector_password.zip") else { return };
    let tree = open(bytes);
    assert!(tree.encrypted() && tree.is_encrypted_velociraptor());
    assert!(read(&tree, "data.zip").unwrap_err().to_string().contains("--password-file"));
    let Some(bytes) = corpus("velociraptor/test.vhdx.zip") else { return };
    let tree = open(bytes);
    let id = find(&tree, "test.vhdx").unwrap().id;
    assert_eq!(tree.entry_source(&id, 64 << 20).unwrap().len(), 37_748_736);
}
