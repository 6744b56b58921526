//! A Velociraptor artifact: a table of globs, one source that uploads files and one that lists key files.

use std::fmt::Write;

use super::definition::{Reach, Request};

/// The artifact.
pub(super) fn print(request: &Request) -> String {
    let mut text = String::from(
        "name: Custom.Windows.IIS.MachineKeys\n\
         author: iiskeys\n\
         description: |\n\
         \x20 Gathers what iiskeys needs to say why IIS can no longer open its machine keys.\n\
         \x20 Give the collection, as a folder or zip, to `iiskeys diagnose`.\n\n\
         \x20 The source KeyFiles lists the key files with all their times. Export it as CSV, so that it is read, too.\n\n",
    );
    for note in request.notes(Reach { names: true, times: true, ..Reach::FILES }) {
        let _ = writeln!(text, "  * {note}");
    }
    let _ = write!(
        text,
        "\ntype: CLIENT\n\nparameters:\n\
         \x20 - name: Device\n    description: The drive with Windows.\n    default: \"C:\"\n\
         \x20 - name: Accessor\n    description: auto reads files in use raw; ntfs reads all of them raw.\n    default: auto\n\
         \x20 - name: NamesOnly\n    description: Leave key files on the server, and what opens them.\n    type: bool\n    default: \"{}\"\n\
         \x20 - name: Rules\n    description: What to gather. Secret files are the ones that NamesOnly leaves out.\n    type: csv\n    \
         default: |\n      Item,Glob,Secret\n",
        if request.names_only { "Y" } else { "N" },
    );
    // The parameter can be changed in the GUI, so nothing is left out of the table.
    let all = request.with_secrets();
    for line in all.copied() {
        let secret = if line.place.is_secret() { "Y" } else { "N" };
        let _ = writeln!(text, "      {},{},{secret}", line.item, line.pattern());
    }
    text.push_str("  - name: KeyFolders\n    description: Key files to list.\n    type: csv\n    default: |\n      Glob\n");
    for line in all.listed() {
        let _ = writeln!(text, "      {}", line.pattern());
    }
    text.push_str(QUERIES);
    text
}

const QUERIES: &str = r#"
precondition: SELECT OS FROM info() WHERE OS = 'windows'

sources:
  - name: Files
    query: |
      LET wanted = SELECT Glob FROM Rules
        WHERE NOT (NamesOnly AND Secret = "Y")

      SELECT OSPath, Size, Btime, Mtime, Atime, Ctime,
             upload(file=OSPath, accessor=Accessor,
                    mtime=Mtime, atime=Atime, ctime=Ctime, btime=Btime) AS Upload
      FROM glob(globs=wanted.Glob, root=Device, accessor=Accessor)
      WHERE NOT IsDir

  - name: KeyFiles
    query: |
      SELECT OSPath.String AS FullName, Size AS Length,
             Btime AS CreationTimeUtc, Mtime AS LastWriteTimeUtc,
             Atime AS LastAccessTimeUtc
      FROM glob(globs=KeyFolders.Glob, root=Device, accessor=Accessor)
      WHERE NOT IsDir
"#;
