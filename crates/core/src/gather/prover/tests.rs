use iiskeys_fixtures::container::Cipher;
use iiskeys_fixtures::dpapi::{DpapiSystem, MasterKey as Forged, MasterKeyForm};

use super::*;
use crate::gather::blank;
use crate::proof::Secret;
use crate::proof::lsa;

fn system(seed: &str) -> lsa::DpapiSystem {
    let forged = DpapiSystem::named(seed);
    let bytes = [&[1, 0, 0, 0], &forged.machine[..], &forged.user].concat();
    lsa::DpapiSystem::from_secret(&Secret::new(bytes)).unwrap()
}

fn guid() -> Guid {
    Guid::parse(&Forged::named("x").guid.to_string()).unwrap()
}

fn file(seed: &str) -> Vec<u8> {
    let form = MasterKeyForm { cipher: Cipher::Aes256Sha512, rounds: 10 };
    Forged::named("x").file(form, &DpapiSystem::named(seed).machine)
}

fn prover(previous_is_unreadable: bool) -> Prover {
    let secrets = SystemSecrets { current: Some(system("own")), previous: None, previous_is_unreadable };
    Prover::new(&blank(), secrets, false)
}

fn state(prover: &mut Prover, files: &[Vec<u8>]) -> &'static str {
    for file in files {
        prover.add_master_key(guid(), 0, file.clone());
    }
    prover.unlock(guid());
    match prover.slots.get(&guid()).and_then(|slot| slot.state.as_ref()) {
        Some(Opened::Yes(..)) => "opened",
        Some(Opened::Unknown(_)) => "unknown",
        Some(Opened::Neither) => "neither",
        Some(Opened::Damaged(_)) => "damaged",
        None => "none",
    }
}

#[test]
fn a_previous_secret_that_cannot_be_read_may_be_the_one_that_opens() {
    assert_eq!(state(&mut prover(false), &[file("own")]), "opened");
    assert_eq!(state(&mut prover(false), &[file("other")]), "neither");
    assert_eq!(state(&mut prover(true), &[file("other")]), "unknown");
    assert_eq!(state(&mut prover(true), &[file("own")]), "opened");
}

#[test]
fn of_several_files_for_one_key_the_best_counts_in_any_order() {
    let damaged = file("own")[..200].to_vec();
    for (files, expected) in [
        ([damaged.clone(), file("own")], "opened"),
        ([file("other"), file("own")], "opened"),
        ([file("other"), damaged.clone()], "neither"),
        ([damaged.clone(), file("other")], "neither"),
        ([damaged.clone(), damaged.clone()], "damaged"),
    ] {
        assert_eq!(state(&mut prover(false), &files), expected);
    }
    let mut unread = prover(false);
    unread.add_unread_master_key(guid(), "too large");
    assert_eq!(state(&mut unread, &[file("other")]), "unknown");
}

#[test]
fn a_key_is_not_missing_while_files_were_left_out() {
    let mut facts = blank();
    facts.protection.folders.push(crate::machine::ProtectFolder {
        path: "S-1-5-18".to_owned(),
        file: crate::machine::FileId(0),
        coverage: crate::machine::facts::Coverage::Complete,
    });
    let secrets = || SystemSecrets { current: Some(system("own")), ..SystemSecrets::default() };
    let mut prover = Prover::new(&facts, secrets(), false);
    let failure = PairFailure::NoMasterKey(guid());
    assert_eq!(prover.refused(&failure), KeyProof::MasterKeyMissing);
    prover.leave_out_master_keys();
    assert!(matches!(prover.refused(&failure), KeyProof::Unsupported(_)));
    // One that is there and could not be read is not missing either.
    let mut prover = Prover::new(&facts, secrets(), false);
    prover.add_unread_master_key(guid(), "too large");
    prover.unlock(guid());
    assert_eq!(prover.refused(&failure), KeyProof::Unsupported("too large".to_owned()));
}

#[test]
fn wrapped_keys_are_limited_and_the_report_says_so() {
    let mut facts = blank();
    let mut prover = prover(false);
    for number in 0..MOST_WRAPS + 5 {
        let mut sha256 = [0; 32];
        sha256[..8].copy_from_slice(&number.to_le_bytes());
        let at = prover
            .add(&mut facts, WrapKind::CentralStore, "iisWasKey", 2048, sha256, || Locked::Store(Vec::new()));
        assert_eq!(at, (number < MOST_WRAPS).then_some(number));
    }
    assert_eq!(prover.locked.len(), MOST_WRAPS);
    prover.finish(&mut facts);
    assert!(facts.damage[0].what.starts_with("5 more wrapped keys"), "{:?}", facts.damage);
}

#[test]
fn work_grows_with_the_third_power_of_the_size_and_ends() {
    let mut work = Work { left: MOST_WORK, kept: 0, spent: false };
    assert_eq!((0..).take_while(|_| work.take(2048)).count(), 5000);
    let mut work = Work { left: MOST_WORK, kept: 0, spent: false };
    assert_eq!((0..).take_while(|_| work.take(16_384)).count(), 9);
    assert!(work.spent);
    let mut work = Work { left: MOST_WORK, kept: MOST_WORK / 2, spent: false };
    assert_eq!((0..).take_while(|_| work.take(2048)).count(), 2500);
    work.kept = 0;
    assert!(work.take(2048), "what matters has a half of its own");
}
