//! A master key file: its sections lie inside the input, and opening it stays within the budget.
#![no_main]

use iiskeys_core::artifact::master_key::{MasterKeyFile, Preferred};
use iiskeys_core::proof::Secret;
use iiskeys_core::proof::lsa::DpapiSystem;
use iiskeys_core::proof::master_key::{Rounds, SystemSecrets};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = Preferred::parse(data);
    if let Ok(file) = MasterKeyFile::parse(data) {
        assert!(file.key.data.end <= file.backup_key.start && file.backup_key.end <= data.len());
        assert_eq!(file.domain_key.end + file.extra, data.len());
    }
    let mut secret = vec![1, 0, 0, 0];
    secret.extend([5; 40]);
    let current = DpapiSystem::from_secret(&Secret::new(secret)).ok();
    let mut rounds = Rounds::up_to(40_000);
    let opened = SystemSecrets { current, ..SystemSecrets::default() }.open(data, &mut rounds);
    assert!(opened.is_err() && rounds.spent <= rounds.limit);
});
