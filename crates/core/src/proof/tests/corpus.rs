//! Real files of other projects, against what independent readers say of them.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::super::crypto::Hash;
use super::*;
use crate::artifact::dpapi_blob::DpapiBlobHeader;
use crate::artifact::hive::HiveFile;
use crate::artifact::lsa::{ALGORITHM_AES, Record, Revision, update_time};
use crate::artifact::master_key::MasterKeyFile;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus")
}

fn dpapick() -> Option<(PathBuf, Value)> {
    let folder = folder().join("dpapi-dpapick");
    let Ok(expected) = std::fs::read(folder.join("expected.json")) else {
        println!("skipped: dpapi-dpapick is not there");
        return None;
    };
    Some((folder, serde_json::from_slice(&expected).unwrap()))
}

#[test]
fn blobs_of_xp_and_windows_8_open_as_independent_readers_open_them() {
    let Some((folder, expected)) = dpapick() else { return };
    let mut opened = 0;
    for (file, said) in expected["files"].as_object().unwrap() {
        if said["kind"] != "DPAPI blob" {
            continue;
        }
        let bytes = std::fs::read(folder.join(file)).unwrap();
        let key = master_key(said["master_key_hex"].as_str().unwrap());
        let entropy = hex(said["entropy_hex"].as_str().unwrap_or_default());
        let clear = blob::open(&bytes, &key, &entropy).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(clear.expose(), hex(said["dpapick3_plaintext_hex"].as_str().unwrap()), "{file}");
        opened += 1;
    }
    println!("{opened} blobs opened");
}

#[test]
fn master_keys_of_users_open_with_what_their_password_derives_to() {
    let Some((folder, expected)) = dpapick() else { return };
    let wide = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    let mut opened = 0;
    for (file, said) in expected["files"].as_object().unwrap() {
        if said["kind"] != "DPAPI master key file" {
            continue;
        }
        let bytes = std::fs::read(folder.join(file)).unwrap();
        let parsed = MasterKeyFile::parse(&bytes).unwrap();
        let readers = &said["impacket"];
        assert_eq!(parsed.guid.as_str(), readers["guid"]);
        assert_eq!(
            (parsed.flags, parsed.key.rounds),
            (number(&readers["flags"]), number(&readers["iterations"]))
        );
        assert_eq!(parsed.backup_key.len(), number(&readers["backup_key_len"]) as usize);
        assert_eq!(parsed.extra, 0);

        let password = Hash::Sha1.digest(&[&wide(said["password"].as_str().unwrap())]);
        let sid = wide(&format!("{}\0", said["sid"].as_str().unwrap()));
        let secret = Secret::new(Hash::Sha1.hmac(&password, &[&sid]).to_vec());
        let key = master_key::open(&bytes, &secret, &mut budget()).unwrap_or_else(|e| panic!("{file}: {e}"));
        assert_eq!(key.hash(), hex(said["decrypted_master_key_sha1"].as_str().unwrap()), "{file}");
        opened += 1;
        for (blob_file, blob_said) in expected["files"].as_object().unwrap() {
            if blob_said["master_key_guid"] == key.guid().as_str() {
                let bytes = std::fs::read(folder.join(blob_file)).unwrap();
                let entropy = hex(blob_said["entropy_hex"].as_str().unwrap_or_default());
                let clear = blob::open(&bytes, &key, &entropy).unwrap();
                assert_eq!(clear.expose(), hex(blob_said["dpapick3_plaintext_hex"].as_str().unwrap()));
                println!(
                    "{file} opens {blob_file} ({})",
                    DpapiBlobHeader::parse(&bytes).unwrap().algorithms()
                );
            }
        }
    }
    println!("{opened} master keys opened");
}

fn number(value: &Value) -> u32 {
    u32::try_from(value.as_u64().unwrap()).unwrap()
}

fn security_hives() -> Vec<(PathBuf, Vec<u8>)> {
    let places = [
        "jerseyctf-2021/config/SECURITY",
        "frnsc-hive/C/Windows/System32/Config/SECURITY",
        "regipy-hives/SECURITY.xz",
        "dfwinreg/SECURITY",
        "ericzimmerman-registry/SECURITY",
    ];
    places
        .iter()
        .filter_map(|place| {
            let path = folder().join(place);
            let mut bytes = std::fs::read(&path).ok()?;
            if place.ends_with(".xz") {
                let mut out = Vec::new();
                let mut reader = lzma_rust2::XzReader::new(bytes.as_slice(), true);
                std::io::Read::read_to_end(&mut reader, &mut out).unwrap();
                bytes = out;
            }
            Some((path, bytes))
        })
        .collect()
}

#[test]
fn real_security_hives_hold_records_whose_parts_belong_together() {
    let hives = security_hives();
    if hives.is_empty() {
        println!("skipped: no SECURITY hive is there");
    }
    for (path, bytes) in hives {
        let file = HiveFile::open(bytes).unwrap();
        let hive = file.view().unwrap();
        let value = |key: &str| -> Option<Vec<u8>> {
            Some(
                hive.key(&format!("Policy\\{key}"))
                    .unwrap()?
                    .value("")
                    .unwrap()?
                    .data()
                    .unwrap()
                    .into_owned(),
            )
        };
        let name = path.display();
        let Some(list) = value("PolEKList") else {
            println!("{name}: no key list");
            continue;
        };
        assert!(Revision::parse(&value("PolRevision").unwrap()).unwrap().has_key_list(), "{name}");
        let list_record = Record::parse(&list, "key list").unwrap();
        assert_eq!((list.len(), list_record.algorithm, list_record.flags), (172, ALGORITHM_AES, 0), "{name}");
        assert!(list_record.key.as_str().starts_with("7be1ffec-"), "{name}: {}", list_record.key);
        let foreign = LsaKeys::from_key_list(&list, &windows_10());
        assert_eq!(foreign.err(), Some(LsaFailure::DoesNotDecode { what: "key list" }));
        let mut guids = Vec::new();
        for which in ["CurrVal", "OldVal"] {
            let Some(secret) = value(&format!("Secrets\\DPAPI_SYSTEM\\{which}")) else { continue };
            let record = Record::parse(&secret, "secret").unwrap();
            assert_eq!((secret.len(), record.algorithm), (124, ALGORITHM_AES), "{name}");
            guids.push(record.key);
        }
        let changed = value("Secrets\\DPAPI_SYSTEM\\CupdTime").map(|time| update_time(&time).unwrap());
        println!("{name}: key {guids:?}, changed {changed:?}");
        assert!(!guids.is_empty(), "{name}");
    }
}
