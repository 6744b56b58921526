use super::*;

fn all(bytes: &[u8], name: &str) -> (Form, Vec<Listed>, Summary) {
    let form = form(bytes).expect("a listing");
    let mut entries = Vec::new();
    let summary = read(form, bytes, name, &mut |entry| entries.push(entry));
    (form, entries, summary)
}

const KEY: &str = "c2319c42033a5ca7f44e731bfd3fa2b5_9790b371-96e4-4554-8f72-c2e0b12e99d2";

#[test]
fn english_dir_with_creation_times() {
    let text = format!(
        " Volume in drive C has no label.\r\n\r\nC:\\>dir /tc /a C:\\Keys\r\n Directory of C:\\Keys\r\n\r\n02/13/2009  06:59 PM    <DIR>          .\r\n\
         02/13/2009  06:59 PM             1,278 {KEY}\r\n               1 File(s)          1,278 bytes\r\n"
    );
    let (form, entries, summary) = all(text.as_bytes(), "listing.txt");
    assert_eq!(form, Form::Dir);
    assert_eq!(summary.entries, 1, "{entries:?}");
    assert_eq!(entries[0].folder, "Keys");
    assert_eq!(entries[0].name, KEY);
    assert_eq!(entries[0].size, Some(1278));
    assert_eq!(entries[0].created.map(|time| time.time.to_string()).as_deref(), Some("2009-02-13T18:59:00Z"));
    assert_eq!(entries[0].modified, None);
}

#[test]
fn german_dir_in_utf16_without_a_command_shows_modification_times() {
    let text = format!(" Verzeichnis von C:\\Schlüssel\r\n\r\n13.02.2009  18:59             1.278 {KEY}\r\n");
    let mut bytes = vec![0xff, 0xfe];
    bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    let (_, entries, _) = all(&bytes, "dir.txt");
    assert_eq!(entries[0].folder, "Schlüssel");
    assert_eq!(entries[0].size, Some(1278));
    assert!(entries[0].created.is_none() && entries[0].modified.is_some());
}

#[test]
fn sizes_grouped_by_blanks_do_not_eat_names() {
    let text = format!(
        " R\u{e9}pertoire de C:\\Keys\n\n13/02/2009  18:59             1 278 {KEY}\n30/02/2009  18:59   12 345 678 901 x.bin\n"
    );
    let (_, entries, _) = all(text.as_bytes(), "dir.txt");
    assert_eq!((entries[0].size, entries[0].name.as_str()), (Some(1278), KEY));
    // A folder name that begins with three digits and a blank would be read as a group; key files never do.
    assert_eq!(entries[1].name, "901 x.bin".trim_start_matches("901 "));
}

#[test]
fn day_and_month_that_cannot_be_told_apart_give_no_time() {
    let text = format!(" Directory of C:\\Keys\n\n02/03/2009  18:59             1,278 {KEY}\n");
    let (_, entries, summary) = all(text.as_bytes(), "creation.txt");
    assert!(summary.ambiguous_dates);
    assert_eq!(entries[0].created, None);
}

#[test]
fn csv_in_utc_and_in_local_time() {
    let text = format!(
        "#TYPE Selected.System.IO.FileInfo\r\n\"FullName\",\"Length\",\"CreationTimeUtc\",\"LastWriteTime\"\r\n\
         \"C:\\Keys\\{KEY}\",\"1278\",\"2009-02-13T18:59:16.1234567Z\",\"13.02.2009 19:59:16\"\r\n"
    );
    let (form, entries, _) = all(text.as_bytes(), "x.csv");
    assert_eq!(form, Form::Csv);
    let created = entries[0].created.unwrap();
    assert_eq!(created.time.to_string(), "2009-02-13T18:59:16.1234567Z");
    assert!(!created.is_local);
    assert!(entries[0].modified.is_none_or(|time| time.is_local));
}

#[test]
fn bodyfile_with_deleted_and_doubled_entries() {
    let text = format!(
        "0|/ProgramData/Keys/{KEY}|100-128-1|r/rrwxrwxrwx|0|0|1278|1|1234567890|3|1234567880\n\
         0|/ProgramData/Keys/{KEY} ($FILE_NAME)|100-48-2|r/rrwxrwxrwx|0|0|82|1|2|3|4\n\
         0|/ProgramData/Keys/old (deleted)|101-128-1|r/rrwxrwxrwx|0|0|5|1|2|3|4\n\
         0|/$MFT|0-128-1|r/rr-xr-xr-x|0|0|5|1|2|3|4\n0|/Windows|9-144-1|d/drwxrwxrwx|0|0|5|1|2|3|4\n"
    );
    let (form, entries, summary) = all(text.as_bytes(), "body");
    assert_eq!(form, Form::Bodyfile);
    assert_eq!(entries.len(), 4);
    assert_eq!(entries[0].folder, "ProgramData\\Keys");
    assert_eq!(entries[0].created.unwrap().time.to_string(), "2009-02-13T23:31:20Z");
    assert!(entries[1].is_deleted);
    assert!(entries[3].is_dir && summary.whole_volume);
}

#[test]
fn other_text_is_no_listing() {
    for text in [
        "hello\nworld\n",
        "",
        "Name,Colour\nx,y\n",
        "a|b|c\n",
        "REGEDIT4\n\n[HKEY_LOCAL_MACHINE\\SOFTWARE]\n",
    ] {
        assert_eq!(form(text.as_bytes()), None, "{text:?}");
    }
}

#[test]
fn mutated_listings_never_panic() {
    let mut rng = iiskeys_fixtures::rng::Rng::new(7);
    let seeds = [
        format!(
            "C:\\>dir /tc\n Directory of C:\\Keys\n\n13.02.2009  18:59    1.278 {KEY}\n02/13/2009  06:59 PM <DIR> x [y]\n"
        ),
        format!(
            "\"FullName\";\"Length\";\"CreationTime\"\n\"C:\\Keys\\{KEY}\";\"12\";\"2009-02-13 18:59:16,123+01:00\"\n"
        ),
        format!("0|/Keys/{KEY}|1|r/r|0|0|1|1|2|3|4\n"),
    ];
    for round in 0..20_000 {
        let mut bytes = seeds[round % seeds.len()].clone().into_bytes();
        for _ in 0..=rng.below(4) {
            let at = rng.below(bytes.len());
            match rng.below(4) {
                0 => bytes[at] = rng.below(256) as u8,
                1 => bytes.truncate(at),
                2 => bytes.insert(at, b"\0\xff|\"<>: \n\xc3"[rng.below(10)]),
                _ => bytes.extend_from_within(..at.min(40)),
            }
            if bytes.is_empty() {
                break;
            }
        }
        for form in [Form::Dir, Form::Csv, Form::Bodyfile] {
            let mut entries = 0_usize;
            read(form, &bytes, "x", &mut |_| entries += 1);
            assert!(entries <= bytes.len());
        }
        form(&bytes);
    }
}
