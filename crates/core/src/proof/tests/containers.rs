//! Containers with sealed keys, and what stands in the way of opening them.

use super::super::container::{self, PairFailure, PairProof};
use super::seal::{self, AES_256, Suite, TRIPLE_DES};
use super::*;
use crate::artifact::container::Spec;

const GUID_BYTES: [u8; 16] =
    [0xd4, 0xc3, 0xb2, 0xa1, 0x01, 0x00, 0x02, 0x00, 0x00, 0x03, 0, 0, 0, 0, 0, 0x0f];
const CLEAR: &[u8] = b"RSA2 and the rest of a private key";

fn key() -> MasterKey {
    master_key(v::MASTER_KEY)
}

fn sealed(entropy: &[u8], clear: &[u8], suite: Suite) -> Vec<u8> {
    seal::blob(GUID_BYTES, key().hash(), entropy, clear, suite)
}

/// Public block, private blob and flag blob of a pair.
type Blocks = [Vec<u8>; 3];

fn pair(private_entropy: &[u8], flag: u8, suite: Suite) -> Blocks {
    let flag = sealed(b"Hj1diQ6kpUx7VC4m\0", &[flag, 0, 0, 0], suite);
    [b"RSA1 public".to_vec(), sealed(private_entropy, CLEAR, suite), flag]
}

fn capi(signature: &Blocks, exchange: &Blocks) -> Vec<u8> {
    let len = |bytes: &Vec<u8>| bytes.len() as u32;
    let numbers = [
        2,
        0,
        5,
        len(&signature[0]),
        len(&signature[1]),
        len(&exchange[0]),
        len(&exchange[1]),
        20,
        len(&signature[2]),
        len(&exchange[2]),
    ];
    let mut file: Vec<u8> = numbers.iter().flat_map(|number: &u32| number.to_le_bytes()).collect();
    file.extend(b"name\0");
    file.extend([9; 20]);
    // The flag lies behind the private key of its pair.
    signature.iter().chain(exchange).for_each(|block| file.extend(block));
    file
}

fn property(name: &str, value: &[u8]) -> Vec<u8> {
    let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let numbers = [20 + name.len() + value.len(), 0, 0, name.len(), value.len()];
    let mut bytes: Vec<u8> = numbers.iter().flat_map(|&number| (number as u32).to_le_bytes()).collect();
    bytes.extend(name);
    bytes.extend(value);
    bytes
}

fn cng(public: &[u8], private_properties: &[u8], private_key: &[u8]) -> Vec<u8> {
    let name = b"k\0e\0y\0";
    let lens = [public.len(), private_properties.len(), private_key.len()];
    let mut file: Vec<u8> = [1, 0, name.len(), 0, lens[0], lens[1], lens[2]]
        .iter()
        .flat_map(|&number| (number as u32).to_le_bytes())
        .collect();
    file.resize(44, 0);
    [&file, &name[..], public, private_properties, private_key].concat()
}

fn open(file: &[u8]) -> Vec<PairProof> {
    let key = key();
    container::open(file, &|guid| (guid == key.guid()).then_some(&key))
}

#[test]
fn both_pairs_of_a_container_open_whichever_entropy_was_used() {
    let file = capi(&pair(b"", 1, TRIPLE_DES), &pair(&[0, 0, 0, 0], 0, AES_256));
    let [signature, exchange] = &open(&file)[..] else { panic!() };
    assert_eq!((signature.purpose, exchange.purpose), (Spec::Signature, Spec::Exchange));
    let opened = signature.outcome.as_ref().unwrap();
    assert_eq!(
        (opened.secret.expose(), opened.exportable, opened.flag_as_entropy),
        (CLEAR, Some(true), false)
    );
    let opened = exchange.outcome.as_ref().unwrap();
    assert_eq!(
        (opened.secret.expose(), opened.exportable, opened.flag_as_entropy),
        (CLEAR, Some(false), true)
    );
    assert!(!format!("{opened:?}").contains("RSA2"));
    assert_eq!(signature.master_key, Some(key().guid()));
}

#[test]
fn what_keeps_a_pair_shut_is_named() {
    let none: Blocks = Default::default();
    let whole = pair(b"", 1, TRIPLE_DES);
    let file = capi(&none, &whole);
    let proofs = container::open(&file, &|_| None);
    assert_eq!(proofs[0].outcome, Err(PairFailure::NoMasterKey(key().guid())));
    assert_eq!(proofs[0].flag_failure, Some(PairFailure::NoMasterKey(key().guid())));
    assert_eq!(proofs[0].flag_master_key, Some(key().guid()));

    let other = MasterKey::from_secret(key().guid(), &Secret::new(vec![1; 64]));
    let proofs = container::open(&file, &|_| Some(&other));
    let wrong = |outcome: &Result<_, PairFailure>| {
        matches!(outcome, Err(PairFailure::Blob { source: BlobFailure::WrongKey, .. }))
    };
    assert_eq!(proofs.len(), 1);
    assert!(wrong(&proofs[0].outcome));

    let [public, mut private, flag] = whole;
    let last = private.len() - 1;
    private[last] ^= 1;
    let proofs = open(&capi(&none, &[public.clone(), private.clone(), flag]));
    assert!(wrong(&proofs[0].outcome));
    assert_eq!(proofs[0].flag_failure, None);

    let proofs = open(&capi(&none, &[public, Vec::new(), Vec::new()]));
    assert_eq!((&proofs[0].outcome, &proofs[0].flag_failure), (&Err(PairFailure::Absent), &None));
    let proofs = open(&file[..file.len() - 100]);
    assert!(proofs[0].outcome.is_ok());
    assert!(matches!(proofs[0].flag_failure, Some(PairFailure::CutOff { .. })));
    assert_eq!(open(b"neither of the two"), []);
}

#[test]
fn a_cng_key_opens_with_its_own_entropies() {
    let policy = [property("Modified", &[1; 8]), property("Export Policy", &[3, 0, 0, 0])].concat();
    let properties = sealed(b"6jnkd5J3ZdQDtrsu\0", &policy, AES_256);
    let private = sealed(b"xT5rZW5qVVbrvpuA\0", CLEAR, AES_256);
    let proofs = open(&cng(&property("Modified", &[2; 8]), &properties, &private));
    let opened = proofs[0].outcome.as_ref().unwrap();
    assert_eq!((opened.purpose, opened.secret.expose(), opened.exportable), (Spec::Cng, CLEAR, Some(true)));

    let proofs = open(&cng(&[], &private, &properties));
    assert!(matches!(proofs[0].outcome, Err(PairFailure::Blob { source: BlobFailure::WrongKey, .. })));
    assert!(proofs[0].flag_failure.is_some());
}

#[test]
fn keys_that_are_bound_to_the_machine_are_named_as_such() {
    let private = sealed(b"xT5rZW5qVVbrvpuA\0", CLEAR, AES_256);
    let isolated = property("Virtual Iso", &[1, 0, 0, 0]);
    let inside = sealed(b"6jnkd5J3ZdQDtrsu\0", &isolated, AES_256);
    for file in [cng(&isolated, &[], &private), cng(&[], &inside, &private)] {
        let proofs = open(&file);
        assert_eq!(proofs[0].outcome, Err(PairFailure::VirtualIsolation));
        assert_eq!(proofs[0].master_key, Some(key().guid()));
    }
    let behind = cng(&[], b"", b"PSKP and more, and more than a header has, so that it is a file");
    for file in [&b"PSKP....PCPM...."[..], &behind] {
        let proofs = open(file);
        assert_eq!(proofs[0].outcome, Err(PairFailure::Hardware));
        assert!(proofs[0].outcome.as_ref().is_err_and(PairFailure::is_not_portable));
    }
}
