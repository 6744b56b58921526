use super::*;
mod containers;
mod corpus;
mod mutants;
mod seal;
mod shown;
mod vectors;

use self::vectors as v;
use super::blob::BlobFailure;
use super::lsa::{DpapiSystem, LsaFailure, LsaKeys};
use super::master_key::{MAX_ROUNDS, MasterKey, MasterKeyFailure, Rounds, SystemSecret, SystemSecrets};
use crate::artifact::boot_key::ClassNames;
use crate::artifact::container::Guid;
use crate::artifact::lsa::LsaFault;

const GUID: &str = "a1b2c3d4-0001-0002-0003-00000000000f";

fn hex(text: &str) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap()
}

fn boot_key(jd: &str, skew1: &str, gbg: &str, data: &str) -> BootKey {
    let names = ClassNames { jd: Some(jd), skew1: Some(skew1), gbg: Some(gbg), data: Some(data) };
    BootKey::from_classes(&names).unwrap()
}

fn windows_10() -> BootKey {
    boot_key("51fe8c74", "3e14f655", "7bf5e093", "3b03ce4f")
}

fn windows_xp() -> BootKey {
    boot_key("8397b619", "9dfad6c8", "36ec555b", "0e1eaddb")
}

fn master_key(hex_key: &str) -> MasterKey {
    MasterKey::from_secret(Guid::parse(GUID).unwrap(), &Secret::new(hex(hex_key)))
}

fn budget() -> Rounds {
    Rounds::up_to(1_000_000)
}

#[test]
fn the_secret_of_a_windows_10_opens() {
    assert_eq!(windows_10().expose(), hex(v::WIN10_BOOT_KEY));
    let keys = LsaKeys::from_key_list(&hex(v::WIN10_KEY_LIST), &windows_10()).unwrap();
    assert_eq!(keys.ids().len(), 1);
    assert_eq!(keys.only_key(), hex(v::WIN10_LSA_KEY));
    let secret = keys.open_secret(&hex(v::WIN10_SECRET)).unwrap();
    assert_eq!(secret.expose(), hex(v::WIN10_DPAPI_SYSTEM));
    let system = keys.open_dpapi_system(&hex(v::WIN10_SECRET)).unwrap();
    assert_eq!(system.user_key().as_slice(), &hex(v::WIN10_DPAPI_SYSTEM)[24..]);
    assert_eq!(format!("{system:?} {:?}", windows_10()), "DpapiSystem(..) BootKey(Secret(16 bytes))");
}

#[test]
fn the_secret_of_a_windows_xp_opens() {
    assert_eq!(windows_xp().expose(), hex(v::XP_BOOT_KEY));
    let keys = LsaKeys::from_policy_key(&hex(v::XP_POLICY_KEY), &windows_xp()).unwrap();
    assert_eq!(keys.only_key(), hex(v::XP_LSA_KEY));
    let secret = keys.open_secret(&hex(v::XP_SECRET)).unwrap();
    assert_eq!(secret.expose(), hex(v::XP_DPAPI_SYSTEM));
    let system = keys.open_dpapi_system(&hex(v::XP_SECRET)).unwrap();
    assert_eq!(system.machine_key().as_slice(), &hex(v::XP_DPAPI_SYSTEM)[4..24]);
}

#[test]
fn the_boot_key_of_another_machine_never_opens_anything() {
    let new = LsaKeys::from_key_list(&hex(v::WIN10_KEY_LIST), &windows_xp());
    assert_eq!(new.err(), Some(LsaFailure::DoesNotDecode { what: "key list" }));
    let old = LsaKeys::from_policy_key(&hex(v::XP_POLICY_KEY), &windows_10()).unwrap();
    let secret = old.open_dpapi_system(&hex(v::XP_SECRET));
    assert_eq!(secret.err(), Some(LsaFailure::DoesNotDecode { what: "secret" }));
}

#[test]
fn a_secret_of_another_key_list_is_told_by_its_guid() {
    let keys = LsaKeys::from_key_list(&hex(v::WIN10_KEY_LIST), &windows_10()).unwrap();
    let mut secret = hex(v::WIN10_SECRET);
    secret[4] ^= 1;
    let Err(LsaFailure::KeyNotInList { wanted, known }) = keys.open_secret(&secret) else { panic!() };
    assert_ne!(wanted, known[0]);
    assert_eq!(known, keys.ids());
    secret[4] ^= 1;
    secret[40] ^= 1;
    assert_eq!(keys.open_secret(&secret), Err(LsaFailure::DoesNotDecode { what: "secret" }));
    secret[20] = 4;
    let unknown = LsaFailure::UnsupportedAlgorithm { what: "secret", algorithm: 4 };
    assert_eq!(keys.open_secret(&secret), Err(unknown));
    let cut = keys.open_secret(&secret[..100]);
    assert!(matches!(cut, Err(LsaFailure::Malformed(LsaFault::Blocks { found: 40, .. }))));
}

#[test]
fn another_secret_is_not_taken_for_dpapi_system() {
    let mut bytes = hex(v::DPAPI_SYSTEM);
    assert!(DpapiSystem::from_secret(&Secret::new(bytes.clone())).is_ok());
    bytes[0] = 2;
    let wrong = LsaFailure::NotDpapiSystem { len: 44 };
    assert_eq!(DpapiSystem::from_secret(&Secret::new(bytes.clone())), Err(wrong));
    let wrong = LsaFailure::NotDpapiSystem { len: 40 };
    assert_eq!(DpapiSystem::from_secret(&Secret::new(bytes[..40].to_vec())), Err(wrong));
}

fn system_secrets() -> SystemSecrets {
    let system = |text| Some(DpapiSystem::from_secret(&Secret::new(hex(text))).unwrap());
    SystemSecrets {
        current: system(v::DPAPI_SYSTEM),
        previous: system(v::WIN10_DPAPI_SYSTEM),
        ..SystemSecrets::default()
    }
}

#[test]
fn a_master_key_of_the_system_opens_with_the_user_half() {
    let file = hex(v::MASTER_KEY_FILE);
    let mut rounds = budget();
    let (key, which) = system_secrets().open(&file, &mut rounds).unwrap();
    assert_eq!(which, SystemSecret::CurrentUser);
    assert_eq!(key.guid().as_str(), "ea95eba8-ba00-4e1a-b43f-51ea30171d11");
    assert_eq!(key.hash(), master_key(v::MASTER_KEY).hash());
    assert_eq!(rounds.spent, 2 * 17_400);
    assert_eq!(format!("{key:?}"), "MasterKey(ea95eba8-ba00-4e1a-b43f-51ea30171d11)");
    let half = Secret::new(hex(v::DPAPI_SYSTEM)[24..].to_vec());
    assert_eq!(master_key::open(&file, &half, &mut budget()), Ok(key));
}

#[test]
fn a_master_key_from_before_the_last_change_says_so() {
    let SystemSecrets { current, previous, .. } = system_secrets();
    let swapped = SystemSecrets { current: previous, previous: current, ..SystemSecrets::default() };
    let (_, which) = swapped.open(&hex(v::MASTER_KEY_FILE), &mut budget()).unwrap();
    assert_eq!(which, SystemSecret::PreviousUser);
    assert!(which.is_previous());
}

#[test]
fn secrets_that_do_not_fit_are_each_tried_once() {
    let other = system_secrets().previous;
    let secrets = SystemSecrets { current: other.clone(), previous: other, ..SystemSecrets::default() };
    let mut rounds = budget();
    let opened = secrets.open(&hex(v::MASTER_KEY_FILE), &mut rounds);
    assert_eq!(opened, Err(MasterKeyFailure::WrongSecret));
    assert_eq!(rounds.spent, 2 * 17_400);
    let opened = SystemSecrets::default().open(&hex(v::MASTER_KEY_FILE), &mut rounds);
    assert_eq!(opened, Err(MasterKeyFailure::NoSecret));
}

#[test]
fn a_master_key_file_cannot_ask_for_endless_work() {
    let mut file = hex(v::MASTER_KEY_FILE);
    file[148..152].copy_from_slice(&(MAX_ROUNDS + 1).to_le_bytes());
    let mut rounds = budget();
    let opened = system_secrets().open(&file, &mut rounds);
    assert_eq!(opened, Err(MasterKeyFailure::TooManyRounds { rounds: MAX_ROUNDS + 1, cap: MAX_ROUNDS }));
    assert_eq!(rounds.spent, 0);
    file[148..152].copy_from_slice(&MAX_ROUNDS.to_le_bytes());
    let opened = system_secrets().open(&file, &mut rounds);
    assert_eq!(opened, Err(MasterKeyFailure::BudgetSpent { needed: 2_000_000, left: 1_000_000 }));
}

#[test]
fn a_changed_master_key_file_does_not_open() {
    let whole = hex(v::MASTER_KEY_FILE);
    let mut file = whole.clone();
    file[200] ^= 1;
    assert_eq!(system_secrets().open(&file, &mut budget()), Err(MasterKeyFailure::WrongSecret));
    let mut file = whole.clone();
    file[152..156].copy_from_slice(&0x8003_u32.to_le_bytes());
    let unknown = MasterKeyFailure::UnsupportedAlgorithm { cipher: 0x6610, hash: 0x8003 };
    assert_eq!(system_secrets().open(&file, &mut budget()), Err(unknown));
    let mut file = whole;
    file[96] -= 8;
    let opened = system_secrets().open(&file, &mut budget());
    assert!(matches!(opened, Err(MasterKeyFailure::CipherLength { offset: 160, found: 136, .. })));
}

#[test]
fn published_blobs_open_and_only_with_their_entropy() {
    let key = master_key(v::USER_MASTER_KEY);
    let clear = blob::open(&hex(v::BLOB), &key, b"").unwrap();
    assert_eq!(clear.expose(), b"Some test string");
    let sealed = hex(v::BLOB_WITH_ENTROPY);
    assert_eq!(blob::open(&sealed, &key, b"Some entropy").unwrap().expose(), b"Some test string");
    for wrong in [&b""[..], b"some entropy"] {
        assert_eq!(blob::open(&sealed, &key, wrong), Err(BlobFailure::WrongKey));
    }
    assert_eq!(blob::open(&sealed, &master_key(v::MASTER_KEY), b"Some entropy"), Err(BlobFailure::WrongKey));
}

#[test]
fn a_published_credential_and_a_vault_policy_open() {
    let clear = blob::open(&hex(v::CREDENTIAL_BLOB), &master_key(v::ADMIN_MASTER_KEY), b"").unwrap();
    let name: Vec<u8> = "david.bowie".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(clear.expose().windows(name.len()).any(|part| part == name));
    let clear = blob::open(&hex(v::VAULT_BLOB), &master_key(v::VAULT_MASTER_KEY), b"").unwrap();
    let inner = hex("756ff73b0ee4980e2dd722fbcd0badb9a6be89590304eb6d58b6e8ab7aaaec1d");
    assert!(clear.expose().windows(32).any(|part| part == inner));
}

#[test]
fn a_blob_that_no_key_can_open_says_why() {
    let key = master_key(v::USER_MASTER_KEY);
    let whole = hex(v::BLOB);
    let cut = blob::open(&whole[..whole.len() - 1], &key, b"");
    assert!(matches!(cut, Err(BlobFailure::Malformed(_))));
    let mut other = whole.clone();
    let cipher = other.windows(4).position(|part| part == 0x6610_u32.to_le_bytes()).unwrap();
    other[cipher] = 0x11;
    let unknown = BlobFailure::UnsupportedAlgorithm { cipher: 0x6611, bits: 256, hash: 0x800e };
    assert_eq!(blob::open(&other, &key, b""), Err(unknown));
    let mut changed = whole;
    changed[70] ^= 1;
    assert_eq!(blob::open(&changed, &key, b""), Err(BlobFailure::WrongKey));
}
