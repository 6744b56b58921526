//! Disk images and archives of the public corpus, against what independent readers say of them.
//!
//! The corpus lies beside the project and is not part of it; without it, these tests say so and pass.

use std::fs;
use std::path::{Path, PathBuf};

use iiskeys_evidence::{Container, ContainerKind, Evidence, Node, OpenOptions, SkipReason, TreeKind};
use serde_json::Value;

fn corpus() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    if !path.is_dir() {
        println!("skipped: there is no corpus at ../shared/corpus");
        return None;
    }
    Some(path)
}

/// Every file of the corpus that independent readers call `kind`, with what they say.
fn described(kind: &str) -> Vec<(PathBuf, Value)> {
    let Some(corpus) = corpus() else { return Vec::new() };
    let mut found = Vec::new();
    for folder in fs::read_dir(corpus).expect("a folder").flatten() {
        let Ok(text) = fs::read_to_string(folder.path().join("expected.json")) else { continue };
        let expected: Value = serde_json::from_str(&text).expect("JSON");
        for (name, about) in expected["files"].as_object().expect("files") {
            if about["kind"] == kind {
                found.push((folder.path().join(name), about.clone()));
            }
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

fn open(path: &Path) -> Evidence {
    // Some images are packed; the largest of them takes a gibibyte.
    let mut options = OpenOptions::default();
    options.unpacked = 1 << 30;
    Evidence::open(&[path.to_path_buf()], &options).expect("evidence")
}

fn image(evidence: &Evidence) -> Option<Container> {
    let mut images = evidence.containers().filter(|(container, _)| container.kind == ContainerKind::Image);
    images.next().map(|(container, _)| container.clone())
}

#[test]
fn disks_and_volumes_are_those_that_others_see() {
    for (path, about) in described("disk image") {
        let shown = path.display();
        let evidence = open(&path);
        let Some(image) = image(&evidence) else {
            let skipped = evidence.skipped();
            assert!(
                skipped.iter().any(|skipped| matches!(skipped.reason, SkipReason::NotOpened(_))),
                "{shown}: not opened, and nobody says why"
            );
            println!("{shown}: {}", skipped[0].reason);
            continue;
        };
        // Where the readers disagree, the tool made for the format is right.
        let tool = about["container_tools"]["fields"]["Media size"].as_str().unwrap_or_default();
        let size = image.media_size.expect("a size");
        let agrees = about["media_size"] == size || tool.contains(&format!("({size} bytes)"));
        assert!(agrees, "{shown}: {size} bytes, others say {} and {tool}", about["media_size"]);
        for volume in about["volumes"].as_array().expect("volumes") {
            let offset = volume["offset"].as_u64().expect("an offset");
            let Some(row) = image.volumes.iter().find(|row| row.start == offset) else {
                panic!("{shown}: no volume at {offset}, only {:?}", image.volumes);
            };
            if volume["fs"] != "NTFS" {
                assert!(row.skipped.is_some(), "{shown}: {row:?}");
                continue;
            }
            assert_eq!(row.skipped, None, "{shown}");
            // One reader leaves out the last sector of a GPT partition, whose end is inclusive.
            let size = volume["size"].as_u64().expect("a size");
            assert!(
                row.size == size || row.size == size + 512,
                "{shown}: {} bytes, others say {size}",
                row.size
            );
            let label = volume["label"].as_str().unwrap_or_default();
            if !label.is_empty() {
                assert_eq!(row.label, label, "{shown}");
            }
            files(&evidence, row.path.as_str(), volume, &shown.to_string());
        }
    }
}

/// The files of a volume, with the digests on which independent readers agree.
fn files(evidence: &Evidence, volume_path: &str, volume: &Value, shown: &str) {
    let is_it =
        |dir: &&iiskeys_evidence::Dir| dir.kind() == TreeKind::Volume && dir.path().as_str() == volume_path;
    let top = evidence.tops().iter().find(is_it).expect("the volume");
    let mut compared = 0;
    for (name, about) in volume["files"].as_object().into_iter().flatten() {
        // Streams beside the data, the file system's own files, and deleted ones are not shown.
        if about["agree"] != true
            || name.starts_with("$Extend")
            || name.contains(':')
            || about["sha256"].is_null()
        {
            continue;
        }
        let mut at = Some(Node::Dir(top.clone()));
        for part in name.split('/') {
            at = match at {
                Some(Node::Dir(dir)) => dir.child(part).expect("a folder that can be read"),
                _ => None,
            };
        }
        let Some(Node::File(file)) = at else { panic!("{shown}: {name} is not there") };
        let (bytes, sha256) = file.read_all(1 << 30).expect("a file that can be read");
        assert_eq!(Some(bytes.len() as u64), about["size"].as_u64(), "{shown}: {name}");
        let digest: String = sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(about["sha256"], digest.as_str(), "{shown}: {name}");
        compared += 1;
    }
    println!("{shown}: {compared} files compared");
}

#[test]
fn members_of_archives_have_the_digests_that_others_compute() {
    for (path, about) in described("zip").into_iter().chain(described("tar")) {
        let shown = path.display();
        let evidence = open(&path);
        let archive = evidence.tops().iter().find(|dir| dir.kind() == TreeKind::Archive);
        let Some(archive) = archive else {
            assert!(!evidence.skipped().is_empty(), "{shown}: not opened, and nobody says why");
            println!("{shown}: {}", evidence.skipped()[0].reason);
            continue;
        };
        for member in about["members"].as_array().expect("members") {
            let name = member["name"].as_str().expect("a name");
            if name.ends_with('/') || member["sha256"].is_null() {
                continue;
            }
            let Ok(Some(Node::File(file))) = archive.resolve(name) else {
                panic!("{shown}: {name} is not there")
            };
            let (_, sha256) = file.read_all(1 << 30).expect("a member that can be read");
            let digest: String = sha256.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(member["sha256"], digest.as_str(), "{shown}: {name}");
        }
    }
}
