use iiskeys_fixtures::hive::{Data, HiveBuilder};
use iiskeys_fixtures::rng::Rng;
use proptest::prelude::*;

use super::*;
use crate::artifact::hive;

const ROOT: &str = "HKEY_LOCAL_MACHINE\\SOFTWARE";
const KEY: &str = "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Cryptography";

fn builder() -> HiveBuilder {
    let mut hive = HiveBuilder::new("SOFTWARE");
    let _ = hive
        .key("Microsoft\\Cryptography")
        .value("MachineGuid", Data::Sz("9790b371-96e4-4554-8f72-c2e0b12e99d2".into()))
        .value("", Data::Sz("de\"fa\\ult".into()))
        .value("Expand", Data::ExpandSz("%windir%\\x".into()))
        .value("Multi", Data::MultiSz(vec!["one".into(), "two".into()]))
        .value("Number", Data::Dword(0xdead_beef))
        .value("Long", Data::Binary((0..200).collect()));
    let _ = hive.key("Microsoft\\Cryptography\\Below").value("x", Data::Dword(1));
    hive
}

fn check(bytes: &[u8]) {
    assert!(is_reg_export(bytes));
    let export = RegExport::parse(bytes).unwrap();
    assert_eq!(export.error_count, 0, "{:?}", export.errors);
    let key = export.key(&KEY.to_lowercase()).unwrap();
    let value = |name: &str| key.value(name).unwrap();
    assert_eq!(hive::text(&value("machineguid").data), "9790b371-96e4-4554-8f72-c2e0b12e99d2");
    assert_eq!(value("MachineGuid").data.len(), 74);
    assert_eq!(hive::text(&value("").data), "de\"fa\\ult");
    assert_eq!((value("Expand").kind, hive::text(&value("Expand").data)), (2, "%windir%\\x".to_owned()));
    assert_eq!(hive::multi_text(&value("Multi").data), ["one", "two"]);
    assert_eq!(hive::dword(&value("Number").data), Some(0xdead_beef));
    assert_eq!(value("Long").data, (0..200).collect::<Vec<u8>>());
    assert!(export.covers(&format!("{KEY}\\Absent")));
    assert!(!export.covers("HKEY_LOCAL_MACHINE\\SYSTEM"));
}

#[test]
fn both_versions_and_utf_8_read_alike() {
    let new = builder().export(ROOT, "Microsoft\\Cryptography");
    check(&new);
    check(&builder().export_v4(ROOT, "Microsoft\\Cryptography"));
    check(&builder().export(ROOT, ""));
    let text = String::from_utf16(
        &new[2..].chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect::<Vec<_>>(),
    )
    .unwrap();
    check(text.as_bytes());
    check(format!("\u{feff}{}", text.replace("\r\n", "\n")).as_bytes());
}

#[test]
fn abbreviated_roots_deletions_and_comments_are_understood() {
    let text =
        "REGEDIT4\n; comment\n[HKLM\\SOFTWARE\\A]\n\"x\"=-\n\"y\"=\"1\"\n[-HKLM\\SOFTWARE\\B]\n\"z\"=\"2\"\n";
    let export = RegExport::parse(text.as_bytes()).unwrap();
    assert_eq!(export.keys().len(), 1);
    assert_eq!(export.keys()[0].path, "HKEY_LOCAL_MACHINE\\SOFTWARE\\A");
    assert_eq!(export.keys()[0].values.len(), 1);
}

#[test]
fn bad_lines_are_named_and_do_not_end_the_file() {
    let text =
        "REGEDIT4\n[HKLM\\A]\n\"x\"=dword:zz\nnonsense\n\"open\n[HKLM\\B\n\"y\"=hex:01,q\n\"ok\"=dword:1\n";
    let export = RegExport::parse(text.as_bytes()).unwrap();
    assert_eq!(export.error_count, 5);
    assert_eq!(export.errors[0].line, 3);
    assert!(export.keys()[0].value("ok").is_some());
    assert_eq!(RegExport::parse(b"hello"), Err(NotAnExport));
}

#[test]
fn a_filter_keeps_only_what_is_wanted() {
    let export =
        RegExport::parse_filtered(&builder().export(ROOT, ""), |path| path.ends_with("Below")).unwrap();
    assert_eq!(export.keys().len(), 1);
    assert_eq!(export.roots(), [ROOT]);
}

proptest! {
    #[test]
    fn what_the_forge_writes_is_read_back(
        values in prop::collection::btree_map("[a-zA-Z\\\\\" =]{1,12}", prop::collection::vec(any::<u8>(), 0..80), 0..8),
        texts in prop::collection::btree_map("t[a-z]{1,6}", "[^\\x00\\r\\n]{0,20}", 0..5),
    ) {
        let mut hive = HiveBuilder::new("SOFTWARE");
        let mut key = hive.key("K");
        for (name, data) in &values {
            key = key.value(name, Data::Binary(data.clone()));
        }
        for (name, text) in &texts {
            key = key.value(name, Data::Sz(text.clone()));
        }
        let _ = key;
        let export = RegExport::parse(&hive.export(ROOT, "")).unwrap();
        prop_assert_eq!(export.error_count, 0);
        let key = export.key(&format!("{ROOT}\\K")).unwrap();
        for (name, text) in &texts {
            prop_assert_eq!(&key.value(name).unwrap().data, &Data::Sz(text.clone()).bytes());
        }
    }
}

#[test]
fn mutants_never_panic_and_stay_in_proportion() {
    let mut rng = Rng::new(11);
    let seeds = [builder().export(ROOT, ""), builder().export_v4(ROOT, "")];
    for round in 0..10_000 {
        let mut bytes = seeds[round % 2].clone();
        for _ in 0..=rng.below(6) {
            if bytes.is_empty() {
                break;
            }
            let at = rng.below(bytes.len());
            match rng.below(3) {
                0 => bytes[at] = rng.below(256) as u8,
                1 => bytes.truncate(at),
                _ => bytes.insert(at, b"\"\\[]=@-,(\n"[rng.below(10)]),
            }
        }
        if let Ok(export) = RegExport::parse(&bytes) {
            let kept: usize =
                export.keys().iter().flat_map(|key| &key.values).map(|value| value.data.len()).sum();
            assert!(kept <= bytes.len() * 4 && export.errors.len() <= 16);
        }
    }
}
