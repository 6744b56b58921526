use iiskeys_fixtures::container::{
    CapiSpec, Cipher, CngSpec, PairSpec, capi_name_only, capi_prefix, cng_prefix, damage as broken, modulus,
};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::public_key::PublicFault;
use super::*;
use crate::artifact::dpapi_blob::BlobError;

const METABASE: &str = "Microsoft Internet Information Server";
const DPAPI: [u8; 20] = crate::artifact::dpapi_blob::MAGIC;
const MASTER_KEY: &str = "a1b2c3d4-0001-0002-0003-00000000000f";

fn metabase() -> Vec<u8> {
    CapiSpec::new(METABASE).both("c23").bytes()
}

fn was_key() -> Vec<u8> {
    CapiSpec::new("iisWasKey").exchange(PairSpec::new("was").master_key(MASTER_KEY)).bytes()
}

#[test]
fn a_whole_container_shows_everything_that_is_in_clear() {
    let container = Container::parse(&was_key());
    assert_eq!(container.family, Some(Family::Capi));
    assert_eq!(container.state, State::Complete { signature: false, exchange: true });
    assert_eq!(container.damage, []);
    assert_eq!(container.notes, []);
    assert_eq!(container.name.as_ref().unwrap().text(), "iisWasKey");
    assert_eq!(container.prefix_from_name().unwrap().to_string(), capi_prefix("iisWasKey"));
    let pair = container.pair(Spec::Exchange).unwrap();
    let public = pair.public.as_ref().unwrap();
    assert_eq!((public.algorithm, public.bits, public.exponent), (Algorithm::Rsa, 2048, Some(65537)));
    assert_eq!(public.modulus_sha256.unwrap(), *Sha256::digest(modulus("was", 2048)));
    let private = pair.private.as_ref().unwrap();
    assert_eq!(private.master_key.as_str(), MASTER_KEY);
    assert_eq!(private.description, "CryptoAPI Private Key");
    assert_eq!(private.algorithms(), "3DES-192/SHA-1");
    assert!(private.is_local_machine());
    assert!(pair.export_flag.is_some());
    assert!(container.pair(Spec::Signature).is_none());
}

#[test]
fn the_metabase_container_has_both_pairs() {
    let container = Container::parse(&metabase());
    assert_eq!(container.state, State::Complete { signature: true, exchange: true });
    let specs: Vec<Spec> = container.pairs.iter().map(|pair| pair.spec).collect();
    assert_eq!(specs, [Spec::Signature, Spec::Exchange]);
}

#[test]
fn name_only_files_have_the_sizes_of_the_table() {
    let table = [
        (METABASE, 78),
        ("MS IIS DCOM Server", 59),
        ("iisWasKey", 50),
        ("iisConfigurationKey", 60),
        ("NetFrameworkConfigurationKey", 69),
        ("TSSecKeySet1", 53),
        ("WMSvc Certificate Key Container", 72),
    ];
    for (name, size) in table {
        let file = capi_name_only(name);
        assert_eq!(file.len(), size);
        let container = Container::parse(&file);
        assert_eq!((container.state, container.pairs.len()), (State::NameOnly, 0));
        assert_eq!(Glance::at(&file, size as u64).state, State::NameOnly);
    }
}

#[test]
fn a_cng_container_has_the_same_modulus_digest_as_a_capi_one() {
    let key = PairSpec::new("shared").cipher(Cipher::Aes256Sha512).master_key(MASTER_KEY);
    let cng = Container::parse(&CngSpec::new("iisCngWasKey").key(key.clone()).bytes());
    let capi = Container::parse(&CapiSpec::new("iisWasKey").exchange(key).bytes());
    assert_eq!((cng.family, cng.state), (Some(Family::Cng), State::CngKey));
    assert_eq!((&cng.damage[..], &cng.notes[..]), (&[][..], &[][..]));
    assert_eq!(cng.prefix_from_name().unwrap().to_string(), cng_prefix("iisCngWasKey"));
    let digest = |container: &Container| container.pairs[0].public.as_ref().unwrap().modulus_sha256;
    assert_eq!(digest(&cng), digest(&capi));
    assert!(digest(&cng).is_some());
    assert_eq!(cng.pairs[0].private.as_ref().unwrap().master_key.as_str(), MASTER_KEY);
    assert_eq!(cng.pairs[0].private.as_ref().unwrap().algorithms(), "AES-256/SHA-512");
}

#[test]
fn a_cng_file_without_a_key_is_name_only() {
    let file = CngSpec::new("iisCngWasKey").name_only().bytes();
    let container = Container::parse(&file);
    assert_eq!((container.family, container.state), (Some(Family::Cng), State::NameOnly));
}

#[test]
fn files_without_content_say_so() {
    assert_eq!(Container::parse(&[]).damage, [Damage::Empty]);
    let zeros = broken::zeroed(&metabase());
    let size = zeros.len() as u64;
    for len in [1, 39, 40, 44, 78] {
        assert_eq!(
            Container::parse(&zeros[..len]).damage,
            [Damage::ZeroFilled { from: 0, size: len as u64 }]
        );
    }
    assert_eq!(Container::parse(&zeros).damage, [Damage::ZeroFilled { from: 0, size }]);
    assert_eq!(Glance::at(&zeros[..512], size).damage, Some(Damage::ZeroFilled { from: 0, size }));
}

#[test]
fn zeros_from_the_middle_on_are_found_where_they_start() {
    let file = was_key();
    let container = Container::parse(&broken::zeroed_from(&file, 512));
    let from = file[..512].iter().rposition(|&b| b != 0).unwrap() as u64 + 1;
    assert!(
        container.damage.contains(&Damage::ZeroFilled { from, size: file.len() as u64 }),
        "{:?}",
        container.damage
    );
    assert!(container.is_damaged());
}

#[test]
fn every_truncation_is_damage_and_none_keeps_a_block_that_is_cut() {
    for file in [metabase(), was_key(), CngSpec::new("iisCngWasKey").bytes(), capi_name_only("iisWasKey")] {
        for len in 0..file.len() {
            let container = Container::parse(&broken::truncated(&file, len));
            assert_eq!(container.state, State::Damaged, "{len}");
            if len >= 44 {
                let expected = file.len() as u64;
                assert!(
                    container.damage.contains(&Damage::Truncated { expected, found: len as u64 }),
                    "{len}"
                );
            }
            let glance = Glance::at(&file[..len.min(512)], len as u64);
            assert_eq!(glance.state, State::Damaged);
        }
    }
}

#[test]
fn a_tail_is_counted() {
    let file = metabase();
    let expected = file.len() as u64;
    let container = Container::parse(&broken::with_tail(&file, b"garbage"));
    assert_eq!(container.damage, [Damage::Tail { expected, found: expected + 7 }]);
    assert_eq!(container.pairs.len(), 2);
    assert!(container.damage[0].to_string().contains("7 too many"));
}

#[test]
fn half_a_pair_is_damage_with_its_place_in_the_header() {
    let file = broken::without_exchange_private_key(&metabase());
    let missing = Block { spec: Spec::Exchange, part: Part::Private };
    assert_eq!(Container::parse(&file).damage, [Damage::HalfPair { missing, offset: 24 }]);
    assert_eq!(Glance::at(&file, file.len() as u64).damage, Some(Damage::HalfPair { missing, offset: 24 }));
}

#[test]
fn blocks_without_their_magic_are_named() {
    let file = was_key();
    let public_at = 40 + 10 + 20;
    let container = Container::parse(&broken::patched(&file, public_at, b"RSB1"));
    let block = Block { spec: Spec::Exchange, part: Part::Public };
    let fault = PublicFault::Magic { found: *b"RSB1" };
    assert_eq!(container.damage, [Damage::PublicKey { block, offset: public_at as u64, fault }]);

    let container = Container::parse(&broken::patched(&file, public_at + 8, &4096u32.to_le_bytes()));
    let fault = PublicFault::Bits { claimed: 4096, found: 2048 };
    assert_eq!(container.damage, [Damage::PublicKey { block, offset: public_at as u64, fault }]);

    let private_at = public_at + 20 + 264;
    let container = Container::parse(&broken::patched(&file, private_at, &[2]));
    let block = Block { spec: Spec::Exchange, part: Part::Private };
    let fault = BlobError::NoMagic { found: [2, 0, 0, 0] };
    assert_eq!(container.damage, [Damage::Blob { block, offset: private_at as u64, fault }]);
    assert!(container.pairs[0].public.is_some());
}

#[test]
fn another_name_inside_is_seen_by_its_prefix() {
    let file = broken::renamed_inside(&was_key(), b"iisConfigurationKey");
    let container = Container::parse(&file);
    assert_eq!(container.damage, []);
    let prefix = Prefix::of_capi("iisWasKey").unwrap();
    let expected = Prefix::of_capi("iisConfigurationKey").unwrap();
    assert_eq!(container.check_prefix(prefix), PrefixCheck::Differs { expected });
    assert_eq!(container.check_prefix(expected), PrefixCheck::Matches);
}

#[test]
fn names_are_checked_for_their_terminator_and_for_control_characters() {
    let file = capi_name_only("iisWasKey");
    let unterminated = Container::parse(&broken::patched(&file, 49, b"x"));
    assert_eq!(unterminated.damage, [Damage::NameUnterminated { offset: 49, found: b'x' }]);
    let unprintable = Container::parse(&broken::patched(&file, 42, b"\x1b"));
    assert_eq!(unprintable.damage, [Damage::NameUnprintable { offset: 42, found: 0x1b }]);
}

#[test]
fn what_is_unusual_is_not_damage() {
    let mut spec = CapiSpec::new("iisWasKey").exchange(PairSpec::new("was"));
    spec.version = 3;
    let container = Container::parse(&spec.bytes());
    assert_eq!((&container.damage[..], &container.notes[..]), (&[][..], &[Note::Version(3)][..]));
    spec.version = 2;
    spec.name = b"Schl\xfcssel".to_vec();
    let container = Container::parse(&spec.bytes());
    assert_eq!(container.notes, [Note::NameNotAscii]);
    assert!(!container.is_damaged());
    let dss = broken::patched(&was_key(), 70, b"DSS4");
    assert!(!Container::parse(&dss).is_damaged());
}

#[test]
fn files_of_another_kind_are_recognised_as_such() {
    let cases: [(&[u8], Foreign); 5] = [
        (b"[.ShellClassInfo]\r\nIconIndex=0\r\n and more text to fill forty bytes", Foreign::Text),
        (b"<?xml version=\"1.0\"?><configuration>......................</configuration>", Foreign::Xml),
        (
            b"PK\x03\x04\x14\x00\x00\x00\x08\x00aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            Foreign::Archive,
        ),
        (&[0x93; 200], Foreign::Unknown),
        (b"regf\x01\x00\x00\x00\x01\x00\x00\x00aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", Foreign::Hive),
    ];
    for (bytes, form) in cases {
        let container = Container::parse(bytes);
        assert_eq!(container.family, None);
        let Damage::NotAContainer { looks_like, .. } = container.damage[0] else { panic!("{container:?}") };
        assert_eq!(looks_like, form);
    }
}

#[test]
fn a_key_in_a_tpm_is_not_damage() {
    let container =
        Container::parse(b"PSKP\x10\x00\x00\x00PCPM and more that nobody has described in public");
    assert_eq!((container.family, container.state), (Some(Family::Cng), State::Hardware));
    assert_eq!(container.notes, [Note::Hardware]);
}

#[test]
fn a_glance_agrees_with_the_full_reading_of_whole_files() {
    for file in [metabase(), was_key(), CngSpec::new("le-Web").bytes(), capi_name_only("MS IIS DCOM Server")]
    {
        let (glance, full) = (Glance::at(&file, file.len() as u64), Container::parse(&file));
        assert_eq!((glance.family, glance.state, &glance.name), (full.family, full.state, &full.name));
    }
    assert_eq!(Glance::at(&was_key(), was_key().len() as u64).bits, Some(2048));
}

fn any_pair() -> impl Strategy<Value = Option<PairSpec>> {
    let sizes = prop::sample::select(vec![512u32, 1024, 2048, 4096]);
    let ciphers = prop::sample::select(vec![Cipher::TripleDesSha1, Cipher::Aes256Sha512]);
    prop::option::of(("[a-z]{1,8}", sizes, ciphers).prop_map(|(seed, bits, cipher)| {
        PairSpec::new(&seed).bits(bits).cipher(cipher).master_key(MASTER_KEY)
    }))
}

fn public_matches(pair: Option<&KeyPair>, spec: Option<&PairSpec>) -> bool {
    match (pair, spec) {
        (None, None) => true,
        (Some(pair), Some(spec)) => pair.public.as_ref().is_some_and(|key| {
            key.bits == spec.bits && key.modulus_sha256 == Some(Sha256::digest(spec.modulus()).into())
        }),
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn what_the_forge_writes_is_read_back(name in "[ -~]{1,80}", signature in any_pair(), exchange in any_pair()) {
        let mut spec = CapiSpec::new(&name);
        (spec.signature, spec.exchange) = (signature, exchange);
        let container = Container::parse(&spec.bytes());
        prop_assert_eq!(&container.damage[..], &[][..]);
        prop_assert_eq!(container.name.as_ref().unwrap().text(), name.as_str());
        prop_assert_eq!(container.prefix_from_name().unwrap().to_string(), capi_prefix(&name));
        prop_assert!(public_matches(container.pair(Spec::Signature), spec.signature.as_ref()));
        prop_assert!(public_matches(container.pair(Spec::Exchange), spec.exchange.as_ref()));
    }

    #[test]
    fn cng_files_are_read_back(name in "[ -~äöß漢]{1,60}", key in any_pair()) {
        let mut spec = CngSpec::new(&name);
        spec.key = key;
        let container = Container::parse(&spec.bytes());
        prop_assert_eq!(&container.damage[..], &[][..]);
        prop_assert_eq!(container.name.as_ref().unwrap().text(), name.as_str());
        prop_assert_eq!(container.prefix_from_name().unwrap().to_string(), cng_prefix(&name));
        prop_assert!(public_matches(container.pair(Spec::Cng), spec.key.as_ref()));
    }
}

#[test]
fn a_tpm_blob_inside_a_container_is_hardware_and_foreign_protection_is_only_noted() {
    let file = CngSpec::new("iisCngWasKey").bytes();
    let private = file.windows(DPAPI.len()).rposition(|window| window == DPAPI).unwrap();
    let hardware = Container::parse(&broken::patched(&file, private, b"PCPM"));
    assert_eq!((hardware.state, &hardware.damage[..]), (State::Hardware, &[][..]));
    let isolated = Container::parse(&broken::patched(&file, private, &[0x5a; 20]));
    assert_eq!((isolated.state, &isolated.damage[..]), (State::CngKey, &[][..]));
    let block = Block { spec: Spec::Cng, part: Part::Private };
    assert_eq!(isolated.notes, [Note::ProtectionNotRead(block)]);
    let broken = Container::parse(&broken::patched(&file, private, &[0; 4]));
    assert!(matches!(broken.damage[..], [Damage::Blob { fault: BlobError::NoMagic { .. }, .. }]));
}

#[test]
fn properties_of_another_structure_are_only_noted() {
    let file = CngSpec::new("iisCngWasKey").bytes();
    let properties = 44 + 24;
    let container = Container::parse(&broken::patched(&file, properties, &[0xff; 4]));
    assert!(!container.is_damaged());
    let block = Block { spec: Spec::Cng, part: Part::Public };
    assert_eq!(
        container.notes,
        [Note::PropertiesNotRead { offset: properties as u64 }, Note::PublicKeyNotRead(block)]
    );
}

#[test]
fn a_glance_sees_as_much_in_half_a_kilobyte_as_in_the_whole_file() {
    for file in
        [metabase(), was_key(), CngSpec::new("iisCngWasKey").bytes(), broken::with_tail(&was_key(), b"x")]
    {
        let size = file.len() as u64;
        assert_eq!(Glance::at(&file[..512], size), Glance::at(&file, size));
    }
}
