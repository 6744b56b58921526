//! Arguments for acquire, one a line, as its `@FILE` takes them. `sysvol` is its name for the drive with Windows.
//!
//! Every version has `--glob`; newer ones have no `--file`, and drop what they do not know without a word.

use super::definition::Request;

/// The arguments.
pub(super) fn print(request: &Request) -> String {
    let mut text = String::from("--profile=none\n");
    for line in request.copied() {
        text.push_str(&format!("--glob=sysvol/{}\n", line.pattern().replace('\\', "/")));
    }
    text
}
