//! Forges a machine, puts it into a tree, and diagnoses it.

#![allow(dead_code, reason = "each test file uses its part")]

pub mod drive;

use iiskeys_core::evidence::{Evidence, MemoryTree};
use iiskeys_core::report::{FindingRow, Report};
use iiskeys_core::{Options, Quiet};
use iiskeys_fixtures::hive::{dirty, new_log};
use iiskeys_fixtures::layout::Layout;
use iiskeys_fixtures::listing::{bodyfile, volume_rows};
use iiskeys_fixtures::machine::Machine;

/// Parts of a machine's evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// SOFTWARE and SYSTEM.
    Hives,
    /// Key folders.
    Keys,
    /// applicationHost.config and the schema.
    Config,
    /// A listing of the key folders.
    Listing,
    /// A listing of the whole volume.
    VolumeListing,
    /// `reg export` of the Cryptography key.
    Export,
}

fn is_key(path: &str) -> bool {
    path.contains("\\Microsoft\\Crypto\\")
}

fn is_config(path: &str) -> bool {
    path.contains("\\inetsrv\\")
}

/// Diagnoses a tree.
pub fn of_tree(tree: MemoryTree) -> Report {
    let evidence = Evidence::from_tree(tree);
    iiskeys_core::diagnose(&evidence, &Options::default(), &mut Quiet).expect("a diagnosis")
}

fn add(tree: &mut MemoryTree, path: &str, bytes: Vec<u8>) {
    tree.insert(path, &bytes, None, None);
}

/// Everything, with a listing beside the copied files.
pub fn diagnose(machine: &Machine) -> Report {
    diagnose_kept(machine, &[Kept::Hives, Kept::Keys, Kept::Config, Kept::Listing])
}

/// Only some of the evidence.
pub fn diagnose_kept(machine: &Machine, kept: &[Kept]) -> Report {
    let mut tree = MemoryTree::new();
    for (path, file) in machine.files() {
        let part = if is_key(&path) {
            Kept::Keys
        } else if is_config(&path) {
            Kept::Config
        } else {
            Kept::Hives
        };
        if kept.contains(&part) {
            add(&mut tree, &Layout::Kape.place(&path), file.bytes);
        }
    }
    if kept.contains(&Kept::Listing) {
        let listed: Vec<_> = machine.listed().into_iter().filter(|file| is_key(&file.path)).collect();
        add(&mut tree, "listing.txt", bodyfile(&listed, false).into_bytes());
    }
    if kept.contains(&Kept::VolumeListing) {
        let rows: Vec<_> = volume_rows().into_iter().chain(machine.listed()).collect();
        add(&mut tree, "listing.txt", bodyfile(&rows, false).into_bytes());
    }
    if kept.contains(&Kept::Export) {
        add(&mut tree, "cryptography.reg", machine.export());
    }
    of_tree(tree)
}

/// The registry of `before` with a log that brings that of `after`, and the files of `after`.
pub fn diagnose_dirty(before: &Machine, after: &Machine, with_logs: bool) -> Report {
    let mut tree = MemoryTree::new();
    for (path, file) in after.files() {
        let place = Layout::Kape.place(&path);
        if path.ends_with("\\SOFTWARE") {
            let old = dirty(&before.software());
            if with_logs {
                add(&mut tree, &format!("{place}.LOG1"), new_log(&old, &after.software(), 8));
            }
            add(&mut tree, &place, old);
        } else {
            add(&mut tree, &place, file.bytes);
        }
    }
    of_tree(tree)
}

/// What a rule came to.
pub fn outcome(report: &Report, rule: &str) -> String {
    let check =
        report.checks.iter().find(|check| check.rule == rule).unwrap_or_else(|| panic!("no rule {rule}"));
    check.outcome.clone()
}

/// The findings of a rule.
pub fn findings(report: &Report, rule: &str) -> Vec<FindingRow> {
    report.findings.iter().filter(|finding| finding.rule == rule).cloned().collect()
}

/// The worst finding of a rule, which must have one.
pub fn finding(report: &Report, rule: &str) -> FindingRow {
    findings(report, rule)
        .into_iter()
        .max_by_key(|finding| finding.severity)
        .unwrap_or_else(|| panic!("{rule} did not fire:\n{}", report.to_text()))
}
