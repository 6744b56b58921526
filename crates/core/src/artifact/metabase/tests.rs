use data_encoding::HEXLOWER;
use iiskeys_fixtures::rng::Rng;

use super::*;

fn key_property(modulus: usize, filler: usize) -> Vec<u8> {
    let (key, signature) = (12 + modulus, modulus);
    let lengths = [8 + key + filler + signature, key, signature].map(|len| (len as u32).to_le_bytes());
    let mut out = [b"IcKb", &lengths.concat()[..], &[1, 2, 0, 0, 1, 0x68, 0, 0, 0, 0xa4, 0, 0]].concat();
    out.extend(Rng::new(1).bytes(modulus + filler + signature));
    out
}

fn metabase(session_key: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>\r\n<configuration xmlns=\"urn:microsoft-catalog:XML_Metabase_V54_0\">\r\n<MBProperty>\r\n\
         <IIS_Global Location=\".\" ChangeNumber=\"17\" HistoryMajorVersionNumber=\"3\" SessionKey=\"{session_key}\"/>\r\n\
         <IIsWebService Location=\"/LM/W3SVC\" AdminACL=\"49634462f000\" AnonymousUserPass=\"4963446277\"/>\r\n\
         <IIsWebVirtualDir Location=\"/LM/W3SVC/1/ROOT\" UNCPassword=\"4963446200\" Path=\"c:\\\">\r\n\
         <Custom Name=\"MyPassword\" ID=\"9\" Value=\"4963446201\"/></IIsWebVirtualDir>\r\n\
         <IIsSmtpService Location=\"/LM/SMTPSVC\" RelayIpList=\"49634462 no\"/>\r\n</MBProperty></configuration>"
    )
}

#[test]
fn a_metabase_tells_its_key_and_counts_its_secrets() {
    let blob = key_property(64, 4);
    assert_eq!(blob.len(), 160);
    let found = Metabase::parse(metabase(&HEXLOWER.encode(&blob)).as_bytes()).unwrap();
    let key = found.session_key.as_ref().unwrap().as_ref().unwrap();
    assert_eq!((key.key.modulus_bits(), key.signature_bits(), key.signed.len()), (512, 512, 76));
    assert_eq!(key.signed_with_filler.len(), 80);
    assert_eq!((found.change_number, found.history_major), (Some(17), Some(3)));
    let rows: Vec<_> =
        found.secure.iter().map(|row| (row.part.as_str(), row.property.as_str(), row.count)).collect();
    assert_eq!(
        rows,
        [
            ("/LM/W3SVC", "AdminACL", 1),
            ("/LM/W3SVC", "AnonymousUserPass", 1),
            ("/LM/W3SVC", "MyPassword", 1),
            ("/LM/W3SVC", "UNCPassword", 1),
        ]
    );
    assert_eq!(found.secure_values(), 4);
}

#[test]
fn keys_of_every_size_are_read_by_their_lengths() {
    for (modulus, filler) in [(64, 4), (64, 0), (128, 4), (256, 4)] {
        let key = MetabaseKey::parse(&key_property(modulus, filler)).unwrap();
        assert_eq!(key.signature_bits() as usize, modulus * 8);
    }
    assert!(matches!(
        MetabaseKey::parse(&key_property(64, 8)),
        Err(MetabaseKeyError::Length { offset: 8, .. })
    ));
    let whole = key_property(64, 4);
    assert!((0..whole.len()).all(|len| MetabaseKey::parse(&whole[..len]).is_err()));
    assert_eq!(MetabaseKey::from_hex("xyz"), Err(MetabaseKeyError::NotHex { chars: 3 }));
    let wrong = metabase("00112233445566778899");
    let found = Metabase::parse(wrong.as_bytes()).unwrap().session_key.unwrap();
    assert_eq!(found, Err(MetabaseKeyError::Magic { found: [0, 0x11, 0x22, 0x33] }));
}

#[test]
fn kinds_are_told_by_content() {
    assert_eq!(MetabaseKind::of(metabase("").as_bytes()), MetabaseKind::Xml);
    let binary = [&[0xfc; 64][..], b"IcDb", &[0; 9], b"IcKb", b"IcDb"].concat();
    assert_eq!(MetabaseKind::of(&binary), MetabaseKind::Binary { keys: 1, values: 2 });
    assert_eq!(MetabaseKind::of(&[0; 64]), MetabaseKind::Other);
    assert!(Metabase::parse(b"<configuration/>").is_err());
}

#[test]
fn mutated_metabases_are_read_or_refused() {
    let blob = key_property(64, 4);
    let text = metabase(&HEXLOWER.encode(&blob)).into_bytes();
    let mut rng = Rng::new(0x3e7a);
    for _ in 0..5_000 {
        let mut mutant = text.clone();
        let at = rng.below(mutant.len());
        match rng.below(3) {
            0 => mutant.truncate(at),
            1 => drop(mutant.remove(at)),
            _ => mutant[at] = rng.next_u64() as u8,
        }
        if let Ok(found) = Metabase::parse(&mutant) {
            assert!(found.secure_values() <= mutant.len() as u64 / 8);
        }
        let mut mutant = blob.clone();
        let at = rng.below(20);
        mutant[at] = rng.next_u64() as u8;
        if let Ok(key) = MetabaseKey::parse(&mutant) {
            assert!(key.signed_with_filler.len() + key.signature.len() <= mutant.len());
        }
    }
}
