use iiskeys_fixtures::listing::{self as forge, CULTURES, CsvStyle, Culture, DirStyle, ENCODINGS, Listed};
use iiskeys_fixtures::rng::Rng;
use proptest::prelude::*;

use super::*;
use crate::time::Precision;

const TICKS_PER_MINUTE: u64 = 600_000_000;
const TICKS_PER_SECOND: u64 = 10_000_000;
/// 2001-01-01 in ticks.
const FIRST: u64 = 126_227_808_000_000_000;

/// A row with everything owned: path, folder?, size, created, modified (ticks in UTC), deleted?
type Row = (String, bool, Option<u64>, Option<u64>, Option<u64>, bool);

fn read(data: &[u8], name: &str, offset: i64) -> (Survey, Vec<Row>, Tally) {
    let survey = survey(&mut &*data, name).unwrap().expect("a listing");
    let mut rows = Vec::new();
    let tally = parse(&mut &*data, &survey, &mut |entry| {
        let ticks = |time: Option<ListedTime>| Some(time?.to_utc(offset)?.filetime());
        rows.push((
            entry.path().to_string(),
            entry.is_dir,
            entry.size,
            ticks(entry.created),
            ticks(entry.modified),
            entry.deleted,
        ));
    })
    .unwrap();
    assert_eq!(tally.entries, rows.len() as u64);
    (survey, rows, tally)
}

fn machine() -> Vec<Listed> {
    let keys = "C:\\ProgramData\\Microsoft\\Crypto\\RSA\\MachineKeys";
    let at = |path: String, is_dir, size, day: u64| Listed {
        path,
        is_dir,
        size,
        created: FIRST + day * 86_400 * TICKS_PER_SECOND + 5 * TICKS_PER_MINUTE,
        modified: FIRST + (day + 20) * 86_400 * TICKS_PER_SECOND + 7_777_777,
    };
    vec![
        at(
            format!("{keys}\\c2319c42033a5ca7f44e731bfd3fa2b5_9790b371-1111-2222-3333-444455556666"),
            false,
            2_345,
            17,
        ),
        at(
            format!("{keys}\\76944fb33636aeddb9590521c2e8815a_9790b371-1111-2222-3333-444455556666"),
            false,
            0,
            3,
        ),
        at("C:\\Users\\Jörg Müller".to_owned(), true, 0, 30),
        at("C:\\Users\\pagefile.sys".to_owned(), false, 17_179_869_184, 31),
    ]
}

fn expected(entries: &[Listed], unit: u64, created: bool, modified: bool) -> Vec<Row> {
    let cut = |ticks: u64| ticks / unit * unit;
    entries
        .iter()
        .map(|entry| {
            (
                entry.path.clone(),
                entry.is_dir,
                (!entry.is_dir).then_some(entry.size),
                created.then_some(cut(entry.created)),
                modified.then_some(cut(entry.modified)),
                false,
            )
        })
        .collect()
}

#[test]
fn dir_reads_back_in_every_language_and_encoding() {
    let entries = machine();
    for culture in CULTURES {
        for encoding in ENCODINGS {
            for owner in [false, true] {
                let style = DirStyle { culture, creation: true, command: true, owner, offset_minutes: 60 };
                let data = forge::encode(&forge::dir(&entries, &style), encoding);
                let (survey, rows, tally) = read(&data, "listing.txt", 60);
                assert_eq!(survey.kind, ListingKind::Dir);
                assert_eq!(survey.time_field, TimeField::Creation);
                assert!(!survey.is_ambiguous());
                assert_eq!(tally.bad_lines, 0, "{culture:?} {encoding:?}");
                assert_eq!(
                    rows,
                    expected(&entries, TICKS_PER_MINUTE, true, false),
                    "{culture:?} {encoding:?}"
                );
            }
        }
    }
}

#[test]
fn csv_reads_back_in_every_form() {
    let entries = machine();
    for culture in CULTURES {
        for encoding in ENCODINGS {
            for (utc, iso, delimiter) in
                [(false, false, ','), (true, false, ';'), (false, true, ';'), (true, true, ',')]
            {
                let style = CsvStyle {
                    culture,
                    iso,
                    delimiter,
                    type_line: utc,
                    utc,
                    computer: utc.then(|| "WEB01".to_owned()),
                    offset_minutes: -300,
                };
                let data = forge::encode(&forge::powershell_csv(&entries, &style), encoding);
                let (survey, rows, tally) = read(&data, "x.csv", -300);
                assert_eq!((survey.kind, tally.bad_lines), (ListingKind::Csv, 0));
                assert_eq!(survey.computer.as_deref(), utc.then_some("WEB01"));
                let unit = if iso { 1 } else { TICKS_PER_SECOND };
                assert_eq!(
                    rows,
                    expected(&entries, unit, true, true),
                    "{culture:?} {encoding:?} {utc} {iso}"
                );
            }
        }
    }
}

#[test]
fn a_bodyfile_reads_back_and_file_name_rows_are_left_out() {
    let entries = machine();
    let (survey, rows, tally) = read(forge::bodyfile(&entries, true).as_bytes(), "body.txt", 999);
    assert_eq!((survey.kind, tally.left_out, tally.bad_lines), (ListingKind::Body, 4, 0));
    assert_eq!(rows, expected(&entries, TICKS_PER_SECOND, true, true));
}

#[test]
fn a_bodyfile_s_odd_names_are_understood() {
    let text = "0|/Windows/a|b.txt|7-128-1|r/rrwxrwxrwx|0|0|5|0|1551675967|0|1551675967.5\n\
                0|C:/gone.txt (deleted)|8-128-1|-/rrwxrwxrwx|0|0|5|0|0|0|0\n\
                0|C:/file:Zone.Identifier|8-128-4|r/rrwxrwxrwx|0|0|26|0|0|0|0\n\
                0|C:/short|8\n";
    let (_, rows, tally) = read(text.as_bytes(), "body", 0);
    assert_eq!(rows[0].0, "Windows\\a|b.txt");
    assert_eq!(rows[0].3.unwrap() % TICKS_PER_SECOND, 5_000_000);
    assert_eq!((rows[1].0.as_str(), rows[1].5, rows[1].3), ("C:\\gone.txt", true, None));
    assert_eq!((tally.left_out, tally.bad_lines, tally.first_bad_line), (1, 1, Some(4)));
}

fn dir_text(rows: &str) -> String {
    format!(" Directory of C:\\keys\r\n\r\n{}", rows.replace('\n', "\r\n"))
}

#[test]
fn day_and_month_are_told_apart_by_the_data_or_called_ambiguous() {
    let order = |rows: &str| {
        let survey = survey(&mut dir_text(rows).as_bytes(), "l.txt").unwrap().unwrap();
        (survey.order.unwrap(), survey.basis.unwrap())
    };
    let size = "             2,345 a\n";
    use DateOrder::{DayMonthYear, MonthDayYear, YearMonthDay};
    for (rows, wanted) in [
        (format!("03/04/2019  05:06{size}25/04/2019  05:06{size}"), (DayMonthYear, DateBasis::Value)),
        (format!("03/04/2019  05:06{size}04/25/2019  05:06{size}"), (MonthDayYear, DateBasis::Value)),
        (format!("03.04.2019  05:06{size}"), (DayMonthYear, DateBasis::Separator)),
        (format!("03/04/2019  05:06 AM{size}"), (MonthDayYear, DateBasis::Clock)),
        (format!("03/04/2019  05:06{size}"), (DayMonthYear, DateBasis::Guess)),
        (format!("2019-03-04  05:06{size}"), (YearMonthDay, DateBasis::Value)),
        (format!("25/04/2019  05:06 PM{size}"), (DayMonthYear, DateBasis::Value)),
    ] {
        assert_eq!(order(&rows), wanted, "{rows}");
    }
}

#[test]
fn junctions_and_links_have_names_without_their_targets() {
    let text = dir_text(
        "07/14/2009  05:08 AM    <JUNCTION>     Application Data [C:\\ProgramData]\n\
         07/14/2009  05:08 AM    <SYMLINKD>     All Users [C:\\ProgramData]\n\
         07/14/2009  05:08 AM    <SYMLINK>      link.txt [C:\\x.txt]\n\
         07/14/2009  05:08 AM    <DIR>          plain [folder]\n",
    );
    let (_, rows, _) = read(text.as_bytes(), "l.txt", 0);
    let shown: Vec<_> = rows.iter().map(|row| (row.0.as_str(), row.1)).collect();
    assert_eq!(
        shown,
        [
            ("C:\\keys\\Application Data", true),
            ("C:\\keys\\All Users", true),
            ("C:\\keys\\link.txt", false),
            ("C:\\keys\\plain [folder]", true),
        ]
    );
}

#[test]
fn which_time_it_is_comes_from_the_command_or_the_name() {
    let row = "07/14/2009  05:08 AM             2,345 a\n";
    let field = |head: &str, name: &str| {
        let text = format!("{head}{}", dir_text(row));
        survey(&mut text.as_bytes(), name).unwrap().unwrap().time_field
    };
    assert_eq!(field("", "listing.txt"), TimeField::Unknown);
    assert_eq!(field("", "dir_tc.txt"), TimeField::Creation);
    assert_eq!(field("", "batch.txt"), TimeField::Unknown);
    assert_eq!(field("C:\\Users\\x>dir /T:C /a\r\n", "l.txt"), TimeField::Creation);
    assert_eq!(field("C:\\>dir/tw/a > l.txt\r\n", "dir_tc.txt"), TimeField::LastWrite);
    assert_eq!(field("PS C:\\> cmd /c dir /a /tc\r\n", "l.txt"), TimeField::Creation);
    assert_eq!(field("C:\\>dir /a\r\n", "l.txt"), TimeField::LastWrite);
}

#[test]
fn a_share_names_the_computer_and_the_drive() {
    let text = " Directory of \\\\WEB01\\d$\\keys\r\n\r\n07/14/2009  05:08 AM    <DIR>          a\r\n";
    let (survey, rows, _) = read(text.as_bytes(), "l.txt", 0);
    assert_eq!(survey.computer.as_deref(), Some("WEB01"));
    assert_eq!(rows[0].0, "D:\\keys\\a");
}

#[test]
fn a_header_behind_the_path_is_understood() {
    let text = " C:\\keys のディレクトリ\r\n\r\n2009/07/14  05:08    <DIR>          a\r\n";
    assert_eq!(read(text.as_bytes(), "l.txt", 0).1[0].0, "C:\\keys\\a");
}

#[test]
fn other_texts_are_no_listings() {
    for text in [
        "",
        "Windows Registry Editor Version 5.00\r\n\r\n[HKEY_LOCAL_MACHINE\\SOFTWARE]\r\n",
        "2019-03-04 05:06:07 W3SVC1 10.0.0.1 GET / - 80\r\n",
        "2019-03-04 05:06 12 something happened\r\n",
        "Name,Value\r\na,b\r\n",
        "a|b|c\n",
        "<configuration/>\r\n",
    ] {
        assert_eq!(is_listing(text.as_bytes(), "x.txt"), None, "{text}");
    }
    assert_eq!(is_listing(b"regf\0\0\0\0\x01\x02", "SOFTWARE"), None);
    let text = dir_text("07/14/2009  05:08 AM             2,345 a\n");
    assert_eq!(is_listing(text.as_bytes(), "l.txt"), Some(ListingKind::Dir));
    assert_eq!(is_listing(text.as_bytes(), "._l.txt"), None);
}

#[test]
fn a_broken_row_is_counted_and_the_rest_read() {
    let text = dir_text(
        "07/14/2009  05:08 AM             2,345 a\n\
         07/14/2009  05:08 AM             oops\n\
         13/41/2009  05:08 AM             2,345 b\n\
         07/14/2009  05:08 AM             2,345 c\n",
    );
    let (_, rows, tally) = read(text.as_bytes(), "l.txt", 0);
    assert_eq!((rows.len(), tally.bad_lines, tally.first_bad_line), (2, 2, Some(4)));
}

#[test]
fn a_listing_in_the_evidence_is_hashed_while_it_is_read() {
    let text = dir_text("07/14/2009  05:08 AM             2,345 a\n");
    let tree = crate::MemoryTree::new().file("l.txt", text.as_bytes());
    let file = crate::Evidence::from_tree(tree).loose().next().unwrap().files.remove(0);
    let listing = Listing::open(&file).unwrap().unwrap();
    let (tally, hash) = listing.each(&mut |entry| assert_eq!(entry.size, Some(2_345))).unwrap();
    assert_eq!((tally.entries, hash), (1, file.read_all(1_000).unwrap().1));
}

#[test]
fn a_local_time_keeps_its_precision_when_it_becomes_utc() {
    let time = Timestamp::from_civil((2019, 3, 4), (0, 30, 0), Precision::Minute).unwrap();
    let utc = ListedTime { time, zone: Zone::Local }.to_utc(60).unwrap();
    assert_eq!((utc.to_string().as_str(), utc.precision()), ("2019-03-03T23:30:00Z", Precision::Minute));
}

/// Names that Windows allows; spaces inside, never at the ends.
fn names() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9_{}äöüé'&=+;,$%@#()-][a-zA-Z0-9_ .{}äöüé'&=+;,$%@#()-]{0,30}[a-zA-Z0-9_]"
}

fn entries() -> impl Strategy<Value = Vec<Listed>> {
    let span = 0..100_000_000u64;
    let entry = (names(), names(), any::<bool>(), 0..10_000_000_000u64, span.clone(), span);
    prop::collection::vec(entry, 1..20).prop_map(|mut rows| {
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        rows.into_iter()
            .map(|(folder, name, is_dir, size, created, modified)| Listed {
                path: format!("C:\\{folder}\\{name}"),
                is_dir,
                size,
                created: FIRST + created * TICKS_PER_MINUTE / 10,
                modified: FIRST + modified * TICKS_PER_MINUTE / 10,
            })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn what_is_forged_reads_back(
        entries in entries(),
        culture in prop::sample::select(CULTURES.to_vec()),
        encoding in prop::sample::select(ENCODINGS.to_vec()),
        flags in any::<[bool; 4]>(),
        offset_minutes in -720..840i64,
    ) {
        let [creation, command, utc, iso] = flags;
        // A date that says nothing of its order is read day first, so one row settles it.
        let mut entries = entries;
        entries.push(Listed { path: "C:\\zz\\zz".to_owned(), is_dir: false, size: 1,
            created: FIRST + 26 * 86_400 * TICKS_PER_SECOND, modified: FIRST + 26 * 86_400 * TICKS_PER_SECOND });

        let style = DirStyle { culture, creation, command, owner: false, offset_minutes };
        let data = forge::encode(&forge::dir(&entries, &style), encoding);
        let name = if creation { "dir-tc.txt" } else { "dir.txt" };
        let (_, rows, tally) = read(&data, name, offset_minutes);
        prop_assert_eq!(tally.bad_lines, 0);
        prop_assert_eq!(rows, expected(&entries, TICKS_PER_MINUTE, creation, !creation));

        let style = CsvStyle { culture, iso, utc, delimiter: if iso { ';' } else { ',' }, type_line: command,
            computer: None, offset_minutes };
        let data = forge::encode(&forge::powershell_csv(&entries, &style), encoding);
        let (_, rows, _) = read(&data, "x.csv", offset_minutes);
        prop_assert_eq!(rows, expected(&entries, if iso { 1 } else { TICKS_PER_SECOND }, true, true));

        let data = forge::encode(&forge::bodyfile(&entries, command), encoding);
        let (_, rows, _) = read(&data, "body", 0);
        prop_assert_eq!(rows, expected(&entries, TICKS_PER_SECOND, true, true));
    }
}

#[test]
fn mutants_never_panic_and_never_grow() {
    let entries = machine();
    let mut originals = vec![forge::bodyfile(&entries, true).into_bytes()];
    for culture in [Culture::English, Culture::French, Culture::Swedish] {
        let dir = DirStyle { culture, creation: true, command: true, owner: true, offset_minutes: 0 };
        let csv = CsvStyle {
            culture,
            iso: culture == Culture::Swedish,
            delimiter: ';',
            type_line: true,
            utc: false,
            computer: Some("WEB".to_owned()),
            offset_minutes: 0,
        };
        for encoding in ENCODINGS {
            originals.push(forge::encode(&forge::dir(&entries, &dir), encoding));
            originals.push(forge::encode(&forge::powershell_csv(&entries, &csv), encoding));
        }
    }
    let mut rng = Rng::named("listing mutants");
    let mut understood = 0;
    for _ in 0..24_000 {
        let mut data = originals[rng.below(originals.len())].clone();
        for _ in 0..=rng.below(6) {
            let at = rng.below(data.len());
            match rng.below(5) {
                0 => data[at] = rng.next_u64() as u8,
                1 => data[at] ^= 1 << rng.below(8),
                2 => data.truncate(at.max(1)),
                3 => data.insert(at, b"|\"<\\:;,. 0/\n"[rng.below(12)]),
                _ => {
                    let end = (at + rng.below(40)).min(data.len());
                    let piece = data[at..end].to_vec();
                    let to = rng.below(data.len());
                    data.splice(to..to, piece);
                }
            }
        }
        let Some(survey) = survey(&mut data.as_slice(), "x_tc.txt").unwrap() else { continue };
        let mut text = 0;
        let tally = parse(&mut data.as_slice(), &survey, &mut |entry| text += entry.name.len()).unwrap();
        let lines = data.iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
        assert!(tally.entries + tally.bad_lines + tally.left_out <= lines);
        assert!(text <= data.len() * 3);
        understood += 1;
    }
    assert!(understood > 12_000, "{understood}");
}
