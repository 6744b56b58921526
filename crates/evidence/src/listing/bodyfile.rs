//! TSK bodyfile, version 3: `md5|name|inode|mode|uid|gid|size|atime|mtime|ctime|crtime`, times in seconds since 1970.

use super::{Listed, ListedTime, Summary, split};
use crate::time::Timestamp;

/// Whether a line has the form of a bodyfile.
pub(super) fn is_line(line: &str) -> bool {
    fields(line).is_some_and(|fields| {
        fields[4..].iter().all(|field| field.parse::<f64>().is_ok())
            && fields[2].contains(['/', 'r', 'd', '-'])
    })
}

/// The fields around the name, which may itself hold `|`: md5, name, mode and the seven numbers.
fn fields(line: &str) -> Option<[&str; 10]> {
    let (md5, rest) = line.split_once('|')?;
    let mut tail = rest.rsplitn(10, '|');
    let mut numbers = [""; 9];
    for slot in numbers.iter_mut().rev() {
        *slot = tail.next()?;
    }
    let name = tail.next()?;
    let [inode, mode, uid, gid, size, accessed, modified, changed, created] = numbers;
    let _ = inode;
    Some([md5, name, mode, mode, uid, gid, size, accessed, modified, created]).filter(|_| !changed.is_empty())
}

pub(super) fn read(text: &str, each: &mut dyn FnMut(Listed)) -> Summary {
    let mut summary = Summary::default();
    let (mut has_mft, mut has_windows) = (false, false);
    for (line, number) in text.lines().zip(1..) {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let Some([_, name, mode, _, _, _, size, _, modified, created]) = fields(line) else {
            summary.not_understood += 1;
            continue;
        };
        // The same file again, with the times of its name attribute.
        let Some(name) = (!name.ends_with(" ($FILE_NAME)")).then_some(name) else { continue };
        let (name, is_deleted) = match name.strip_suffix(" (deleted)") {
            Some(name) => (name, true),
            None => (name, false),
        };
        let name = name.split(" -> ").next().unwrap_or(name);
        let (folder, name) = split(name);
        if name.is_empty() {
            continue;
        }
        has_mft |= name == "$MFT";
        has_windows |=
            folder.is_empty() && ["windows", "winnt"].contains(&name.to_ascii_lowercase().as_str());
        summary.entries += 1;
        each(Listed {
            folder,
            name,
            is_dir: mode.starts_with("d/") || mode.ends_with('d') || mode.starts_with('d'),
            is_deleted,
            size: size.parse().ok(),
            created: time(created),
            modified: time(modified),
            line: number,
        });
    }
    // fls lists the master file table only when it walks a whole volume.
    summary.whole_volume = has_mft && has_windows;
    summary
}

fn time(field: &str) -> Option<ListedTime> {
    let seconds = field.split('.').next()?.parse().ok()?;
    Some(ListedTime { time: Timestamp::from_unix_seconds(seconds)?, is_local: false })
}
