//! Arguments for acquire, one a line, as its `@FILE` takes them. `sysvol` is its name for the drive with Windows.

use super::definition::Request;

/// The arguments.
pub(super) fn print(request: &Request) -> String {
    let mut text = String::from("--profile=none\n");
    for line in request.copied() {
        let kind = if line.pattern().contains('*') { "glob" } else { "file" };
        text.push_str(&format!("--{kind}=sysvol/{}\n", line.pattern().replace('\\', "/")));
    }
    text
}
