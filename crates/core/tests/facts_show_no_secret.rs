//! The facts of a machine, formatted whole, hold no secret of it.

#[path = "../../../tests/support/needles.rs"]
mod needles;

use iiskeys_core::evidence::{Evidence, MemoryTree};
use iiskeys_core::{Machine, Options, Quiet, read};
use iiskeys_fixtures::cases::protected;
use needles::Needles;

#[test]
fn facts_show_no_secret() {
    for (name, machine) in protected() {
        let mut needles = Needles::default();
        for (secret, bytes) in machine.planted_secrets() {
            needles.add(&secret, &bytes);
        }
        for (key, class) in machine.security_spec().boot_key.class_names() {
            needles.add_text(key, &class);
        }
        let mut tree = MemoryTree::new();
        for (path, file) in machine.files() {
            tree.insert(&path.trim_start_matches("C:\\").replace('\\', "/"), &file.bytes, None, None);
        }
        let mut options = Options::default();
        options.prove_all = true;
        let facts = read(&Evidence::from_tree(tree), &options, &mut Quiet).expect("facts");
        assert_eq!(needles.seen(&format!("{facts:?}")), Vec::<String>::new(), "{name}");
        assert_eq!(needles.seen(&format!("{facts:#?}")), Vec::<String>::new(), "{name}");
        let derived = format!("{:?}", Machine::derive(&facts));
        assert_eq!(needles.seen(&derived), Vec::<String>::new(), "{name}");
    }
}
