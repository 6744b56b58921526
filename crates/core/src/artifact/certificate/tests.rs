use iiskeys_fixtures::certificate::{
    CertificateSpec, FRIENDLY_NAME, KEY_PROVIDER_INFO, LinkSpec, PublicKeySpec, StoredSpec, blob,
};
use iiskeys_fixtures::container::{CapiSpec, CngSpec, PairSpec, modulus};
use iiskeys_fixtures::rng::Rng;
use iiskeys_fixtures::time::filetime;
use proptest::prelude::*;

use super::*;
use crate::artifact::container::{Container, moduli_at};

fn rsa(seed: &str, bits: u32) -> PublicKeySpec {
    PublicKeySpec::Rsa(modulus(seed, bits), 65537)
}

fn spec(seed: &str) -> StoredSpec {
    StoredSpec::new(CertificateSpec::new("www.example.test", rsa(seed, 2048)))
        .link(LinkSpec::capi("le-WebServer-1"))
        .friendly_name("The shop")
}

/// Makers of certificates that know no time begin at the first second of 1970.
#[test]
fn a_certificate_may_be_valid_from_the_first_second_of_1970() {
    let start = filetime((1970, 1, 1), (0, 0, 0));
    let certificate = CertificateSpec::new("www.example.test", rsa("epoch", 1024))
        .valid(start, filetime((2038, 1, 1), (0, 0, 0)));
    let bytes = StoredSpec::new(certificate).blob();
    let body = CertificateBody::parse(StoreBlob::parse(&bytes).der().expect("DER")).expect("X.509");
    assert_eq!(body.not_before.to_string(), "1970-01-01T00:00:00Z");
}

proptest! {
    #[test]
    fn what_the_forge_writes_is_read_back(
        subject in "[A-Za-z0-9 .,+=\"\u{e4}\u{4e2d}-]{1,40}",
        names in prop::collection::vec("[a-z*][a-z0-9.-]{0,30}", 0..5),
        container in "[ -~\u{e4}]{1,60}",
        friendly in prop::option::of("[ -~\u{4e2d}]{1,40}"),
        bits in prop::sample::select(vec![512_u32, 1024, 2048, 4096]),
        for_servers in prop::option::of(any::<bool>()),
        days in (0_u64..60_000, 1_u64..60_000),
        link in prop::option::of(any::<(bool, u32, u32)>()),
    ) {
        let start = filetime((1970, 1, 1), (0, 0, 0)) + days.0 * 864_000_000_000;
        let mut certificate = CertificateSpec::new(&subject, rsa(&subject, bits))
            .valid(start, start + days.1 * 864_000_000_000);
        (certificate.dns_names, certificate.for_servers) = (names, for_servers);
        let mut stored = StoredSpec::new(certificate);
        stored.friendly_name = friendly;
        stored.link = link.map(|(cng, flags, key_spec)| {
            let base = if cng { LinkSpec::cng(&container) } else { LinkSpec::capi(&container) };
            LinkSpec { flags, key_spec, ..base }
        });
        let bytes = stored.blob();
        let read = StoreBlob::parse(&bytes);
        prop_assert_eq!(&read.trouble, &None);
        prop_assert_eq!(read.sha1(), Some(stored.certificate.sha1()));
        prop_assert_eq!(read.friendly_name(), stored.friendly_name.clone());
        let found = read.link().transpose().expect("a link");
        let expected = stored.link.as_ref().map(|link| KeyLink {
            container: link.container.clone(),
            provider: link.provider.clone(),
            provider_type: link.provider_type,
            flags: link.flags,
            key_spec: link.key_spec,
        });
        prop_assert_eq!(found, expected);
        let body = CertificateBody::parse(read.der().expect("DER")).expect("X.509");
        let expected = &stored.certificate;
        prop_assert_eq!(body.sha1, expected.sha1());
        let plain = body.subject.trim_start_matches("CN=").trim_matches('"').replace("\"\"", "\"");
        prop_assert_eq!(plain.trim_matches('"'), subject.trim_matches('"'));
        prop_assert_eq!(&body.dns_names, &expected.dns_names);
        prop_assert_eq!(body.not_before.filetime(), expected.not_before);
        prop_assert_eq!(body.not_after.filetime(), expected.not_after);
        prop_assert_eq!(body.for_servers, for_servers);
        prop_assert_eq!(body.key_bits, Some(bits));
    }
}

#[test]
fn a_certificate_and_its_container_have_one_modulus() {
    for bits in [512, 1024, 2048, 4096] {
        let pair = PairSpec::new("one").bits(bits);
        let der = CertificateSpec::new("x", PublicKeySpec::Rsa(pair.modulus(), pair.exponent)).der();
        let digest = CertificateBody::parse(&der).unwrap().modulus_sha256;
        let capi = CapiSpec::new("x").exchange(pair.clone()).bytes();
        let cng = CngSpec::new("x").key(pair).bytes();
        for file in [capi, cng] {
            let whole = Container::parse(&file).pairs[0].public.as_ref().unwrap().modulus_sha256;
            assert_eq!(whole, digest);
            let head = &file[..file.len().min(1024)];
            assert_eq!(moduli_at(head, file.len() as u64), Some(digest.into_iter().collect()));
        }
    }
}

#[test]
fn moduli_beyond_the_first_bytes_are_not_denied() {
    let both = CapiSpec::new("x").signature(PairSpec::new("a")).exchange(PairSpec::new("b")).bytes();
    assert_eq!(moduli_at(&both[..1024], both.len() as u64), None);
    assert_eq!(moduli_at(&both, both.len() as u64).map(|found| found.len()), Some(2));
    let cng = CngSpec::new("x").bytes();
    assert_eq!(moduli_at(&cng[..200], cng.len() as u64), None);
    assert_eq!(moduli_at(b"not a container", 15), Some(Vec::new()));
}

#[test]
fn other_keys_are_named() {
    let body = CertificateBody::parse(&CertificateSpec::new("ec.test", PublicKeySpec::Ec).der()).unwrap();
    assert_eq!((body.key_algorithm.as_str(), body.key_bits), ("EC", Some(256)));
    assert_eq!(body.modulus_sha256, None);
}

#[test]
fn names_are_cut_and_quoted() {
    let subject = |text: &str| {
        let der = CertificateSpec::new(text, PublicKeySpec::Ec).der();
        CertificateBody::parse(&der).unwrap().subject
    };
    assert_eq!(subject("Shop, \"the\""), "CN=\"Shop, \"\"the\"\"\"");
    let long = subject(&"x".repeat(50_000));
    assert!(long.len() < 1100 && long.ends_with("..."), "{}", long.len());
}

#[test]
fn serial_numbers_have_no_leading_zeros() {
    let serial = |bytes: &[u8]| {
        let mut spec = CertificateSpec::new("x", PublicKeySpec::Ec);
        spec.serial = bytes.to_vec();
        CertificateBody::parse(&spec.der()).unwrap().serial
    };
    assert_eq!(serial(&[0x9a, 1]), "9A01");
    assert_eq!(serial(&[0]), "00");
}

#[test]
fn bytes_behind_a_certificate_do_not_change_its_hash() {
    let spec = CertificateSpec::new("x", PublicKeySpec::Ec);
    let padded = [spec.der(), vec![0; 7]].concat();
    assert_eq!(CertificateBody::parse(&padded).unwrap().sha1, spec.sha1());
}

#[test]
fn a_cut_blob_gives_what_is_whole() {
    let whole = spec("x").blob();
    for len in 0..whole.len() {
        let read = StoreBlob::parse(&whole[..len]);
        let used = read.properties.last().map_or(0, |last| last.offset + last.value.len());
        assert_eq!(read.trouble.is_none(), used == len, "{len}");
        assert_eq!(read.link().is_some(), len >= 32 + 12 + spec("x").link.unwrap().bytes().len());
        assert!(read.der().is_none());
    }
    let error = StoreBlob::parse(&whole[..20]).trouble.unwrap();
    assert_eq!(
        error.to_string(),
        "a property is cut off: 20 bytes are needed at offset 0xc, the data ends at 0x14"
    );
}

#[test]
fn a_property_of_four_gigabytes_is_cut_off() {
    let mut bytes = blob(&[(FRIENDLY_NAME, vec![b'x', 0])]);
    bytes[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(matches!(StoreBlob::parse(&bytes).trouble, Some(BlobError::Truncated(_))));
}

#[test]
fn many_empty_properties_end_the_reading() {
    let properties: Vec<(u32, Vec<u8>)> = (0..5_000).map(|id| (id, Vec::new())).collect();
    let bytes = blob(&properties);
    let read = StoreBlob::parse(&bytes);
    assert_eq!(read.properties.len(), 1024);
    assert_eq!(read.trouble, Some(BlobError::Excessive { offset: 1024 * 12 }));
}

#[test]
fn texts_of_a_link_stay_inside() {
    let whole = LinkSpec::capi("le-WebServer-1").bytes();
    let with = |at: usize, number: u32| {
        let mut bytes = whole.clone();
        bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
        KeyLink::parse(&bytes)
    };
    assert_eq!(with(4, 0).unwrap().provider, "");
    for offset in [4, 27, whole.len() as u32, u32::MAX] {
        let error = LinkError::Text { offset: offset as usize, len: whole.len() };
        assert_eq!(with(0, offset), Err(error));
    }
    // The last text without its end.
    assert!(KeyLink::parse(&whole[..whole.len() - 2]).is_err());
    assert!(matches!(KeyLink::parse(&whole[..27]), Err(LinkError::Truncated(_))));
}

#[test]
fn mutated_blobs_are_read_to_a_bounded_result() {
    let files = [spec("x").blob(), {
        let mut spec =
            StoredSpec::new(CertificateSpec::new("e", PublicKeySpec::Ec)).link(LinkSpec::cng("{C}"));
        spec.certificate.dns_names = (0..20).map(|n| format!("{n}.example.test")).collect();
        spec.blob()
    }];
    let mut rng = Rng::new(0xce27);
    let (mut refused, mut read) = (0, 0);
    for round in 0..20_000 {
        let mut mutant = files[round % files.len()].clone();
        for _ in 0..1 + rng.below(4) {
            let at = rng.below(mutant.len());
            match rng.below(4) {
                0 => mutant.truncate(at.max(12)),
                1 => mutant[at] = [0, 1, 0x7f, 0x80, 0x84, 0xff][rng.below(6)],
                2 => mutant[at] ^= 1 << rng.below(8),
                _ => mutant.splice(at..at, rng.bytes(3)).for_each(drop),
            }
        }
        let blob = StoreBlob::parse(&mutant);
        assert!(blob.properties.iter().map(|property| property.value.len()).sum::<usize>() <= mutant.len());
        assert!(blob.friendly_name().is_none_or(|name| name.len() <= 2 * mutant.len()));
        if let Some(Ok(link)) = blob.link() {
            assert!(link.container.len() + link.provider.len() <= 4 * mutant.len());
        }
        match blob.der().map(CertificateBody::parse) {
            Some(Ok(body)) => {
                read += 1;
                let text = body.subject.len() + body.issuer.len() + body.serial.len();
                let names: usize = body.dns_names.iter().map(String::len).sum();
                assert!(text + names <= 6 * mutant.len());
            }
            Some(Err(error)) => {
                refused += 1;
                assert!(!error.to_string().is_empty());
            }
            None => {}
        }
        assert_eq!(blob.property(KEY_PROVIDER_INFO).is_some(), blob.link().is_some());
    }
    assert!(refused > 1_000 && read > 1_000, "{refused} {read}");
}
