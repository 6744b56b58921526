//! Mutants with fixed seeds: whatever a file was turned into, reading it ends without a panic and in proportion.

use iiskeys_fixtures::container::{BlobSpec, CapiSpec, Cipher, CngSpec, PairSpec, capi_name_only};
use iiskeys_fixtures::rng::Rng;

use super::*;
use crate::artifact::dpapi_blob::DpapiBlobHeader;

/// Values that lengths and magics are most often broken with.
const EXTREMES: [u32; 8] = [0, 1, 0x7f, 0xff, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff];

fn mutate(file: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut out = file.to_vec();
    for _ in 0..1 + rng.below(4) {
        let at = if rng.below(2) == 0 { rng.below(out.len().min(64)) } else { rng.below(out.len()) };
        match rng.below(6) {
            0 => out.truncate(at),
            1 => out.extend(rng.bytes(at.min(64))),
            2 => {
                let number = EXTREMES[rng.below(EXTREMES.len())].to_le_bytes();
                out.iter_mut().skip(at & !3).zip(number).for_each(|(to, from)| *to = from);
            }
            3 => out.iter_mut().skip(at).take(16).for_each(|byte| *byte = 0),
            _ => out.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << (at % 8)),
        }
    }
    out
}

/// Text and lists that one reading kept, in bytes.
fn kept(container: &Container) -> usize {
    let name = container.name.as_ref().map_or(0, |name| name.bytes().len());
    let described = |blob: &Option<DpapiBlobHeader>| blob.as_ref().map_or(0, |blob| blob.description.len());
    let pairs: usize =
        container.pairs.iter().map(|pair| described(&pair.private) + described(&pair.export_flag)).sum();
    name + pairs + 64 * (container.damage.len() + container.notes.len() + container.pairs.len())
}

#[test]
fn mutated_containers_are_read_to_a_bounded_result() {
    let files = [
        CapiSpec::new("Microsoft Internet Information Server").both("c23").bytes(),
        CapiSpec::new("iisWasKey").exchange(PairSpec::new("was").bits(1024)).bytes(),
        capi_name_only("iisConfigurationKey"),
        CngSpec::new("iisCngWasKey").bytes(),
        CngSpec::new("iisCngConfigurationKey").key(PairSpec::new("x").bits(1024)).bytes(),
    ];
    let mut rng = Rng::new(0x0c23);
    let mut damaged = 0;
    for round in 0..40_000 {
        let mutant = mutate(&files[round % files.len()], &mut rng);
        let container = Container::parse(&mutant);
        assert!(kept(&container) <= 3 * mutant.len() + 64 * 32, "{} of {}", kept(&container), mutant.len());
        assert!(container.damage.iter().all(|damage| damage.offset() <= mutant.len() as u64 + (1 << 33)));
        assert_eq!(container.is_damaged(), !container.damage.is_empty());
        let glance = Glance::at(&mutant[..mutant.len().min(512)], mutant.len() as u64);
        if glance.state == State::Damaged {
            damaged += 1;
            assert!(container.is_damaged(), "a glance never condemns what the full reading accepts");
        }
        for damage in &container.damage {
            assert!(damage.to_string().len() < 300);
        }
    }
    assert!(damaged > 10_000, "{damaged}");
}

#[test]
fn mutated_blobs_are_read_or_refused() {
    let blob = BlobSpec {
        master_key: "a1b2c3d4-0001-0002-0003-00000000000f".to_owned(),
        flags: 4,
        description: "CryptoAPI Private Key".to_owned(),
        cipher: Cipher::Aes256Sha512,
        plain_len: 64,
        seed: "blob".to_owned(),
    }
    .bytes();
    let mut rng = Rng::new(0xdba1);
    for _ in 0..20_000 {
        let mutant = mutate(&blob, &mut rng);
        match DpapiBlobHeader::parse(&mutant) {
            Ok(header) => assert_eq!(header.total_len, mutant.len()),
            Err(error) => assert!(error.offset() <= mutant.len() + 64),
        }
    }
    for len in 0..blob.len() {
        assert!(DpapiBlobHeader::parse(&blob[..len]).is_err());
    }
}

#[test]
fn mutated_file_names_are_taken_apart_without_losing_text() {
    let names = [
        "c2319c42033a5ca7f44e731bfd3fa2b5_3E08FB7E-9B1D-4422-9215-C3ECA2A68BFE.OLD",
        "Copy of c2319c42033a5ca7f44e731bfd3fa2b5_3E08FB7E-9B1D-4422-9215-C3ECA2A68BFE (2)",
        "cf5cb1723dccff2c0ea8430f59e66dc5_2ef9f45e-4dc2-48b1-9d10-86f5079e23f1_775090f05efb4712c965fe90ed1ae5ce",
    ];
    let alphabet: Vec<char> = "0aF_-. ~(2)öé漢\u{202e}\"$`\n{}".chars().collect();
    let mut rng = Rng::new(0xf11e);
    let mut recognised = 0;
    for round in 0..20_000 {
        let mut chars: Vec<char> = names[round % names.len()].chars().collect();
        for _ in 0..1 + rng.below(3) {
            let at = rng.below(chars.len());
            let c = alphabet[rng.below(alphabet.len())];
            match rng.below(3) {
                0 => chars[at] = c,
                1 => chars.insert(at, c),
                _ => drop(chars.remove(at)),
            }
        }
        let text: String = chars.iter().collect();
        if let Some(name) = FileName::parse(&text) {
            recognised += 1;
            let third = name.third.map_or(0, |third| third.len() + 1);
            let parts = name.leading.len() + 33 + name.suffix.len() + third + name.trailing.len();
            assert_eq!(parts, text.len(), "{text:?}");
        }
        let _ = Guid::parse(&text);
        let _ = NamePattern::of(&text);
    }
    assert!(recognised > 5_000, "{recognised}");
}
