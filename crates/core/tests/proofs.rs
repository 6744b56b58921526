//! Machines with real secrets: what is proved, what breaks, and what is said when a piece is missing.

mod support;

use iiskeys_core::evidence::{Evidence, MemoryTree};
use iiskeys_core::report::Report;
use iiskeys_core::{Options, Quiet};
use iiskeys_fixtures::cases::protected;
use iiskeys_fixtures::machine::Machine;
use iiskeys_fixtures::ntfs::VolumeBuilder;
use support::of_tree;

fn on_drive(machine: &Machine) -> Report {
    let mut tree = MemoryTree::new();
    for (path, file) in machine.files() {
        let path = path.trim_start_matches("C:\\").replace('\\', "/");
        tree.insert(&path, &file.bytes, None, None);
    }
    of_tree(tree)
}

#[test]
fn look() {
    let _ = (Options::default(), Quiet, VolumeBuilder::new());
    let _: Option<Evidence> = None;
    for (name, machine) in protected() {
        let report = on_drive(&machine);
        println!("=== {name}\n{}", report.to_text());
        for check in &report.checks {
            println!("   {} {} {}", check.rule, check.outcome, check.reason);
        }
    }
}
