//! A saved report, read back and compared with itself and with one that has nothing in its lists.
#![no_main]

use iiskeys_core::Report;
use iiskeys_core::across::{Identity, join};
use iiskeys_core::compare::{against, junit, reports};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let report = match Report::from_json(data) {
        Ok(report) => report,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let itself = reports(&report, &report);
    assert!(itself.containers.is_empty() && itself.findings.appeared.is_empty());
    assert!(itself.findings.vanished.is_empty() && itself.guids.is_empty());
    assert!(against(&report, &report).is_empty());
    let mut bare = report.clone();
    bare.key_containers.clear();
    bare.findings.clear();
    bare.checks.clear();
    bare.plan = None;
    for (a, b) in [(&report, &bare), (&bare, &report)] {
        let drift = against(a, b);
        let _ = (reports(a, b).to_text(), drift.to_text(), junit(a, b, &drift));
    }
    let _ = join(&[("a".to_owned(), Identity::of(&report)), ("b".to_owned(), Identity::of(&bare))], 0);
});
