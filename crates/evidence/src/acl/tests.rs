//! Descriptors and listings from the forge, and broken ones.

use iiskeys_fixtures::acl::{
    ADMINISTRATORS, Acl, CREATE, EVERYONE, FULL, IIS_IUSRS, READ, SYSTEM, english, french, german, saved,
    sddl_csv, spanish,
};
use iiskeys_fixtures::rng::Rng;
use proptest::prelude::*;

use super::listing::{AclListingKind, ListedAcl, is_acl_listing, parse, survey};
use super::*;
use crate::path::WindowsPath;

const KEY: &str = "C:\\Documents and Settings\\All Users\\Application Data\\Microsoft\\Crypto\\RSA\\MachineKeys\\c2319c42033a5ca7f44e731bfd3fa2b5_9790b371-34a5-4c0c-b5d1-6d7f4f4c4e4a";

fn token() -> Vec<Sid> {
    vec![Sid::system(), Sid::administrators(), Sid::everyone(), Sid::authenticated_users()]
}

fn read(acl: &Acl) -> SecurityDescriptor {
    SecurityDescriptor::parse(&acl.bytes()).expect("a descriptor")
}

fn check(acl: &Acl) -> Access {
    grants(&read(acl), &token(), AccessMask::FILE_READ)
}

fn rows(bytes: &[u8]) -> (AclListingKind, Vec<ListedAcl>, u64) {
    let found = survey(&mut &*bytes, "acl.txt").expect("readable").expect("a listing of access control");
    let mut rows = Vec::new();
    let tally = parse(&mut &*bytes, &found, &mut |row| rows.push(row)).expect("readable");
    (found.kind, rows, tally.bad_lines)
}

fn entries(descriptor: &SecurityDescriptor) -> Vec<(AceKind, u8, u32, Account)> {
    descriptor.aces().iter().map(|ace| (ace.kind, ace.flags.0, ace.mask.0, ace.account.clone())).collect()
}

#[test]
fn a_descriptor_of_a_container_is_read_whole() {
    let descriptor = read(&Acl::of_container());
    assert_eq!(descriptor.owner, Some(Account::Sid(Sid::administrators())));
    assert_eq!(descriptor.group, Some(Account::Sid(Sid::system())));
    let Dacl::Entries { aces, protected } = &descriptor.dacl else { panic!("a list") };
    assert!(*protected);
    assert_eq!(aces.len(), 2);
    assert_eq!(aces[0].to_string(), "NT AUTHORITY\\SYSTEM is allowed full control");
    assert_eq!(aces[1].account.sid().unwrap().to_string(), ADMINISTRATORS);
}

#[test]
fn identifiers_survive_text_and_bytes() {
    for text in ["S-1-0", "S-1-5-18", "S-1-5-21-1-2-4294967295-1001", "S-1-0x010000000000-7"] {
        assert_eq!(Sid::from_text(text).expect(text).to_string(), text);
    }
    for text in ["", "S-1-", "S-1-5--1", "S-1-5-+1", "S-2-5-18", "S-1-5-4294967296", "S-1-281474976710656-1"]
    {
        assert_eq!(Sid::from_text(text), None, "{text}");
    }
}

#[test]
fn the_default_grants_system_and_an_empty_list_denies_it() {
    assert_eq!(check(&Acl::of_container()), Access::Granted);
    assert_eq!(check(&Acl::null()), Access::Granted);
    assert_eq!(check(&Acl { owner: EVERYONE.to_owned(), ..Acl::new() }), Access::Denied { by: None });
}

#[test]
fn a_denial_wins_where_it_comes_first_and_names_its_entry() {
    let acl = Acl::of_container().deny(READ, EVERYONE);
    assert_eq!(check(&acl), Access::Denied { by: Some(0) });
    // In an order that Windows never writes, rights that were granted stay granted.
    let late = Acl::of_container().entry(1, 0, FULL, SYSTEM);
    assert_eq!(check(&late), Access::Granted);
    // A denial of other rights or of other accounts changes nothing.
    assert_eq!(check(&Acl::of_container().deny(0x2, SYSTEM)), Access::Granted);
    assert_eq!(check(&Acl::of_container().deny(FULL, IIS_IUSRS)), Access::Granted);
}

#[test]
fn rights_may_come_in_parts_and_from_groups() {
    let acl = Acl::new().allow(0x1, ADMINISTRATORS).allow(READ & !1, EVERYONE);
    assert_eq!(check(&acl), Access::Granted);
    let acl = Acl::new().allow(0x1, ADMINISTRATORS);
    assert_eq!(check(&acl), Access::Denied { by: None });
    assert_eq!(check(&Acl::new().allow(0x1000_0000, SYSTEM)), Access::Granted, "generic rights are mapped");
    assert_eq!(check(&Acl::new().entry(0, 8, FULL, SYSTEM)), Access::Denied { by: None }, "inherit-only");
}

#[test]
fn an_owner_may_read_and_change_the_list_unless_owner_rights_say_otherwise() {
    let wanted = AccessMask::READ_CONTROL | AccessMask::WRITE_DAC;
    assert_eq!(grants(&read(&Acl::new()), &token(), wanted), Access::Granted);
    let limited = Acl::new().allow(0x2_0000, "S-1-3-4");
    assert_eq!(grants(&read(&limited), &token(), wanted), Access::Denied { by: None });
    assert_eq!(grants(&read(&limited), &token(), AccessMask::READ_CONTROL), Access::Granted);
}

#[test]
fn conditional_and_unknown_entries_leave_the_answer_open() {
    for kind in [0x09, 0x15 + 1] {
        let acl = Acl::new().entry(kind, 0, FULL, SYSTEM);
        let Access::Unknown { why } = check(&acl) else { panic!("{kind:#x} settles nothing") };
        assert!(why.to_string().starts_with("entry 1 "), "{why}");
    }
    // Where the rest settles it, they do not matter.
    assert_eq!(check(&Acl::of_container().entry(0x0a, 0, FULL, SYSTEM)), Access::Granted);
    assert_eq!(check(&Acl::new().entry(0x0a, 0, FULL, SYSTEM)), Access::Denied { by: None });
    // An object entry without a type of object is a plain one; an audit entry is none at all.
    assert_eq!(check(&Acl::new().entry(5, 0, FULL, SYSTEM)), Access::Granted);
    assert_eq!(check(&Acl::new().entry(2, 0, FULL, SYSTEM)), Access::Denied { by: None });
}

#[test]
fn sizes_that_lie_are_refused_with_their_place() {
    let good = Acl::of_container().bytes();
    let broken = |at: usize, bytes: &[u8]| {
        let mut copy = good.clone();
        copy[at..at + bytes.len()].copy_from_slice(bytes);
        SecurityDescriptor::parse(&copy).expect_err("broken").to_string()
    };
    assert_eq!(broken(0, &[2]), "security descriptor at offset 0x0: expected revision 1, found 2");
    assert!(broken(2, &[4, 0]).contains("self-relative"));
    assert!(broken(16, &[0xff, 0xff, 0xff, 0xff]).contains("offset 0xffffffff"));
    assert!(broken(22, &[0xff, 0xff]).contains("expected 65535 bytes"));
    assert!(broken(24, &[3, 0]).contains("access control entry"), "more entries than the list has room for");
    assert!(broken(30, &[2, 0]).contains("size of at least 4, found 2"));
    assert_eq!(broken(37, &[16]), "security identifier at offset 0x24: expected at most 15 parts, found 16");
    for length in 0..good.len() {
        assert!(SecurityDescriptor::parse(&good[..length]).is_err(), "{length}");
    }
}

#[test]
fn icacls_is_read_in_four_languages_and_in_the_console_code_page() {
    let acl = Acl::of_container().allow(READ, IIS_IUSRS).entry(0, 0x1b, CREATE, EVERYONE).deny(0x1, EVERYONE);
    for name in [english, german, french, spanish] {
        let text = format!(
            "{}{}Successfully processed 2 files\r\n",
            acl.icacls(KEY, &name),
            acl.icacls("MachineKeys", &name)
        );
        let oem: Vec<u8> = text
            .chars()
            .map(|c| match c {
                'Ä' => 0x8e,
                'è' => 0x8a,
                'É' => 0x90,
                c => c as u8,
            })
            .collect();
        let utf16: Vec<u8> =
            [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        for bytes in [text.into_bytes(), oem, utf16] {
            let (kind, rows, bad) = rows(&bytes);
            assert_eq!((kind, rows.len(), bad), (AclListingKind::Icacls, 2, 0));
            assert_eq!(entries(&rows[0].descriptor), entries(&read(&acl)));
            assert_eq!(rows[0].path, WindowsPath::parse(KEY));
            assert_eq!((rows[1].path.names.as_slice(), rows[1].line), (&["MachineKeys".to_owned()][..], 7));
        }
    }
}

#[test]
fn a_single_entry_and_no_access_are_understood() {
    let (_, rows, _) = rows(format!("{KEY} Tout le monde:(N)\r\n\r\n").as_bytes());
    assert_eq!(rows[0].path, WindowsPath::parse(KEY));
    assert_eq!(grants(&rows[0].descriptor, &token(), AccessMask::READ_DATA), Access::Denied { by: Some(0) });
}

#[test]
fn cacls_of_windows_2000_is_read_too() {
    let text = "C:\\WINNT\\key BUILTIN\\Administrators:F \r\n             NT AUTHORITY\\SYSTEM:(OI)(CI)F \r\n             Everyone:R\r\n";
    let (kind, rows, bad) = rows(text.as_bytes());
    assert_eq!((kind, rows.len(), bad), (AclListingKind::Icacls, 1, 0));
    assert_eq!(rows[0].path, WindowsPath::parse("C:\\WINNT\\key"));
    assert_eq!(rows[0].descriptor.aces().len(), 3);
    assert_eq!(rows[0].descriptor.aces()[1].flags.0, 3);
}

#[test]
fn an_account_in_an_unfamiliar_language_is_not_taken_for_a_stranger() {
    let of = |name: &str| {
        let (_, rows, _) = rows(format!("C:\\key {name}:(F)\r\n      WEB01\\Operators:(F)\r\n").as_bytes());
        grants(&rows[0].descriptor, &token(), AccessMask::READ_DATA)
    };
    assert_eq!(of("WEB01\\Administrator"), Access::Denied { by: None });
    assert_eq!(of("IIS APPPOOL\\Shop"), Access::Denied { by: None });
    assert!(matches!(of("NT-HALLINTA\\JÄRJESTELMÄ"), Access::Unknown { .. }));
    assert!(matches!(of("BUILTIN\\Järjestelmänvalvojat"), Access::Unknown { .. }));
}

#[test]
fn the_other_forms_give_the_same_rows() {
    let acl = Acl::of_container().allow(READ, IIS_IUSRS).deny(READ, EVERYONE);
    let list = [(KEY.to_owned(), acl.clone()), ("C:\\ProgramData".to_owned(), Acl::of_folder())];
    let text = |with_sddl| {
        list.iter().map(|(path, acl)| acl.format_list(path, &english, with_sddl)).collect::<String>()
    };
    for (wanted, bytes) in [
        (AclListingKind::Csv, sddl_csv(&list).into_bytes()),
        (AclListingKind::Saved, saved(&list)),
        (AclListingKind::FormatList, text(true).into_bytes()),
        (AclListingKind::FormatList, text(false).into_bytes()),
    ] {
        let (kind, rows, bad) = rows(&bytes);
        assert_eq!((kind, rows.len(), bad), (wanted, 2, 0));
        assert_eq!(entries(&rows[0].descriptor), entries(&read(&acl)), "{wanted:?}");
        assert_eq!(rows[0].path, WindowsPath::parse(KEY), "{wanted:?}");
        assert_eq!(rows[1].descriptor.aces().len(), 2);
    }
}

#[test]
fn a_record_with_line_ends_in_quotes_is_one_record() {
    let text = "#TYPE System.Security.AccessControl.FileSecurity\r\n\"PSPath\",\"AccessToString\",\"Sddl\"\r\n\
                \"Microsoft.PowerShell.Core\\FileSystem::C:\\key\",\"NT AUTHORITY\\SYSTEM Allow  FullControl\r\nEveryone Allow  Read\",\
                \"O:BAG:SYD:PAI(A;;FA;;;SY)(A;;FR;;;WD)\"\r\n\"C:\\open,\"x\r\n";
    let (kind, rows, bad) = rows(text.as_bytes());
    assert_eq!((kind, rows.len(), bad), (AclListingKind::Csv, 1, 1));
    assert_eq!((rows[0].line, rows[0].descriptor.aces().len()), (3, 2));
}

#[test]
fn sddl_with_conditions_and_letters_is_read() {
    let text = "O:S-1-5-21-1-2-3-500G:DUD:PAI(D;;0x1;;;WD)(XA;;FX;;;AU;(@User.Title == \"a ) b\" && (x)))\
                (OA;CI;CCDC;bf967aba-0de6-11d0-a285-00aa003049e2;;BA)(A;OICIIO;GA;;;CO)S:AI(AU;SA;FA;;;WD)";
    let descriptor = sddl::parse(text).expect("SDDL");
    assert_eq!(descriptor.owner.as_ref().unwrap().to_string(), "S-1-5-21-1-2-3-500");
    let kinds: Vec<AceKind> = descriptor.aces().iter().map(|ace| ace.kind).collect();
    assert_eq!(kinds, [AceKind::Deny, AceKind::Other(9), AceKind::Other(5), AceKind::Allow]);
    assert_eq!(sddl::parse("O:SYG:SY").unwrap_err().expected, "the part D:");
    for wrong in ["D:(A;;FA;;SY)", "D:(A;;QQ;;;SY)", "D:(A;;FA;;;SY", "D:(A;;FA;;;sy)", "X:", "O:S"] {
        assert!(sddl::parse(wrong).is_err(), "{wrong}");
    }
    assert_eq!(sddl::parse("D:NO_ACCESS_CONTROL").unwrap().dacl, Dacl::Null);
}

#[test]
fn other_texts_are_no_listings_of_access_control() {
    for text in [
        "",
        " Volume in drive C has no label.\r\n Directory of C:\\\r\n05/05/2012  10:00 AM  5 key\r\n",
        "FullName,Length\r\nC:\\key,1\r\n",
        "2012-05-01 10:00:00 error: the user Everyone:(F) was not found here\r\n",
        "Windows Registry Editor Version 5.00\r\n\r\n[HKEY_LOCAL_MACHINE]\r\n\"a\"=\"b\"\r\n",
        "Path : C:\\key\r\nName : key\r\n",
        "Users:C\r\nSYSTEM:R\r\n",
    ] {
        assert_eq!(is_acl_listing(text.as_bytes(), "a.txt"), None, "{text}");
    }
    assert_eq!(is_acl_listing(&Acl::of_container().bytes(), "a"), None);
}

fn sid_text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(SYSTEM.to_owned()),
        Just(EVERYONE.to_owned()),
        Just(ADMINISTRATORS.to_owned()),
        proptest::collection::vec(any::<u32>(), 1..=15)
            .prop_map(|parts| parts.iter().fold("S-1-5".to_owned(), |all, part| format!("{all}-{part}"))),
    ]
}

fn forged() -> impl Strategy<Value = Acl> {
    let entry = (0_u8..2, 0_u8..32, 1_u32..0x20_0000, sid_text());
    (proptest::collection::vec(entry, 0..20), sid_text(), any::<bool>()).prop_map(
        |(entries, owner, protected)| {
            let start = Acl { owner, protected, ..Acl::new() };
            entries
                .into_iter()
                .fold(start, |acl, (kind, flags, mask, sid)| acl.entry(kind, flags, mask, &sid))
        },
    )
}

proptest! {
    #[test]
    fn what_the_forge_writes_is_read_back(acl in forged()) {
        let from_bytes = read(&acl);
        let wanted: Vec<_> = acl.entries.iter().flatten().map(|entry| {
            let kind = if entry.kind == 1 { AceKind::Deny } else { AceKind::Allow };
            let sid = Sid::from_text(&entry.sid).unwrap();
            (kind, entry.flags, entry.mask, Account::Sid(sid))
        }).collect();
        prop_assert_eq!(entries(&from_bytes), wanted);
        prop_assert_eq!(&sddl::parse(&acl.sddl()).unwrap(), &from_bytes);
    }

    /// A check bit by bit, as the specification describes it.
    #[test]
    fn the_check_agrees_with_one_that_looks_at_each_right_alone(acl in forged(), wanted in 1_u32..0x20_0000) {
        let descriptor = read(&acl);
        let holds = |sid: &str| token().iter().any(|own| own.to_string() == sid);
        let plain = |bit: u32| -> bool {
            if holds(&acl.owner) && (bit == 0x2_0000 || bit == 0x4_0000) {
                return true;
            }
            acl.entries.iter().flatten()
                .find(|entry| entry.flags & 8 == 0 && entry.mask & bit != 0 && holds(&entry.sid))
                .is_some_and(|entry| entry.kind == 0)
        };
        let all = (0..32).map(|at| 1_u32 << at).filter(|bit| wanted & bit != 0).all(plain);
        prop_assert_eq!(grants(&descriptor, &token(), AccessMask(wanted)) == Access::Granted, all);
    }
}

#[test]
fn thousands_of_mutants_of_a_descriptor_are_harmless() {
    let seeds =
        [Acl::of_container().deny(READ, EVERYONE).bytes(), Acl::new().entry(5, 0, FULL, SYSTEM).bytes()];
    let mut rng = Rng::new(11);
    for round in 0..20_000 {
        let mut bytes = seeds[round % 2].clone();
        for _ in 0..=rng.below(4) {
            let at = rng.below(bytes.len());
            bytes[at] = rng.next_u64() as u8;
        }
        bytes.truncate(bytes.len() - rng.below(8) * rng.below(4));
        if let Ok(descriptor) = SecurityDescriptor::parse(&bytes) {
            assert!(descriptor.aces().len() * 4 <= bytes.len());
            let _ = grants(&descriptor, &token(), AccessMask::FILE_READ);
        }
    }
}

#[test]
fn thousands_of_mutants_of_listings_are_harmless() {
    let acl = Acl::of_container().deny(READ, EVERYONE);
    let list = [(KEY.to_owned(), acl.clone()), ("C:\\x".to_owned(), acl.clone())];
    let seeds = [
        format!("{}{}", acl.icacls(KEY, &german), acl.icacls("x", &english)).into_bytes(),
        acl.format_list(KEY, &english, true).into_bytes(),
        acl.format_list(KEY, &english, false).into_bytes(),
        sddl_csv(&list).into_bytes(),
        saved(&list),
    ];
    let mut rng = Rng::new(12);
    for round in 0..10_000 {
        let mut bytes = seeds[round % seeds.len()].clone();
        for _ in 0..=rng.below(6) {
            let at = rng.below(bytes.len());
            bytes[at] = *b" :;()\"\r\n\\,AD\xc3\x00Z9".get(rng.below(17)).unwrap_or(&b'F');
        }
        let Ok(Some(found)) = survey(&mut bytes.as_slice(), "x") else { continue };
        let mut count = 0;
        parse(&mut bytes.as_slice(), &found, &mut |row| count += 1 + row.descriptor.aces().len()).unwrap();
        assert!(count <= bytes.len());
    }
}
