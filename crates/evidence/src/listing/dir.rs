//! Output of `dir`, in any language: dates and sizes tell the lines apart, paths tell the folders.

use super::dates::{self, Evidence};
use super::{Listed, ListedTime, Summary, split};

/// The folder of a line such as ` Directory of C:\ProgramData`: an indented line that ends in a path.
fn folder(line: &str) -> Option<&str> {
    let text = line.strip_prefix(' ')?.trim_end();
    if text.starts_with(' ') || text.contains('>') {
        return None;
    }
    let local = text.find(":\\").and_then(|at| at.checked_sub(1)).filter(|&at| {
        text.get(at..).is_some_and(|path| path.starts_with(|letter: char| letter.is_ascii_alphabetic()))
            && (at == 0 || text.get(..at).is_some_and(|before| before.ends_with([' ', '\u{a0}', ':'])))
    });
    let start = local.or_else(|| text.find("\\\\"))?;
    Some(&text[start..])
}

pub(super) fn is_folder_line(line: &str) -> bool {
    folder(line).is_some()
}

/// An entry's parts: date, time, what stands for the size, name.
fn parts(line: &str) -> Option<(&str, &str, &str, &str)> {
    if !line.starts_with(|letter: char| letter.is_ascii_digit()) {
        return None;
    }
    let (date, rest) = line.split_once([' ', '\t'])?;
    dates::numbers(date)?;
    let rest = rest.trim_start();
    // The time ends before the run of blanks that leads to the size; AM and PM belong to it.
    let mut end = rest.find([' ', '\t']).unwrap_or(rest.len());
    let after = rest[end..].trim_start();
    let half =
        after.get(..2).is_some_and(|half| half.eq_ignore_ascii_case("AM") || half.eq_ignore_ascii_case("PM"));
    if half && after.get(2..).is_some_and(|rest| rest.starts_with([' ', '\t'])) {
        end = rest.len() - after.len() + 2;
    }
    let time = &rest[..end];
    dates::clock(time)?;
    let rest = rest[end..].trim_start();
    if let Some(after) = rest.strip_prefix('<') {
        let (kind, name) = after.split_once('>')?;
        return Some((date, time, kind, name.trim_start()));
    }
    // A size may be grouped by dots, commas, apostrophes or blanks: digits up to the last group of the run.
    let mut size_end = 0;
    for (at, letter) in rest.char_indices() {
        let grouped =
            |at: usize| rest[at + letter.len_utf8()..].starts_with(|next: char| next.is_ascii_digit());
        match letter {
            '0'..='9' => size_end = at + 1,
            '.' | ',' | '\'' | '\u{a0}' | '\u{202f}' | '\u{2019}' | '\u{ff}' if grouped(at) => {}
            ' ' if is_group(&rest[at + 1..]) => {}
            _ => break,
        }
    }
    let (size, name) = rest.split_at_checked(size_end)?;
    let name = name.strip_prefix(' ')?;
    (!size.is_empty() && !name.is_empty()).then_some((date, time, size, name))
}

/// Whether a text starts with three digits and something other than a further digit or letter: a group of a number that
/// is written with blanks. Names of key files start with more hexadecimal digits.
fn is_group(text: &str) -> bool {
    let mut letters = text.chars();
    let digits = letters.by_ref().take(3).filter(char::is_ascii_digit).count();
    digits == 3 && matches!(letters.next(), Some(' '))
}

pub(super) fn read(text: &str, name: &str, each: &mut dyn FnMut(Listed)) -> Summary {
    let mut summary = Summary::default();
    let mut seen = Evidence::default();
    let mut creation = name_says_creation(name);
    for line in text.lines() {
        if let Some((date, time, _, _)) = parts(line) {
            seen.see(date, dates::clock(time).is_some_and(|(_, half, _)| half));
        } else if let Some(is_creation) = command(line) {
            creation = Some(is_creation);
        }
    }
    let order = seen.order();
    summary.ambiguous_dates = seen.any() && order.is_none();
    let mut at = String::new();
    let mut kind = creation.unwrap_or(false);
    for (line, number) in text.lines().zip(1..) {
        if let Some(is_creation) = command(line) {
            kind = is_creation;
        } else if let Some(path) = folder(line) {
            let (above, last) = split(path);
            at = if above.is_empty() { last } else { format!("{above}\\{last}") };
        } else if let Some((date, time, size, name)) = parts(line) {
            let is_dir = !size.starts_with(|letter: char| letter.is_ascii_digit());
            if name == "." || name == ".." {
                continue;
            }
            // Junctions and links are listed as `name [target]`.
            let name = match name.rsplit_once(" [") {
                Some((name, target)) if is_dir && target.ends_with(']') => name,
                _ => name,
            };
            let listed = order
                .and_then(|order| dates::moment(date, time, order))
                .map(|time| ListedTime { time, is_local: true });
            let digits: String = size.chars().filter(char::is_ascii_digit).collect();
            summary.entries += 1;
            each(Listed {
                folder: at.clone(),
                name: name.to_owned(),
                is_dir,
                is_deleted: false,
                size: if is_dir { None } else { digits.parse().ok() },
                created: listed.filter(|_| kind),
                modified: listed.filter(|_| !kind),
                line: number,
            });
        } else if line.starts_with(|letter: char| letter.is_ascii_digit()) && line.contains(['/', '.', '-']) {
            summary.not_understood += 1;
        }
    }
    summary
}

/// Whether a line shows the `dir` command, and then whether it asked for creation times.
fn command(line: &str) -> Option<bool> {
    let (_, command) = line.split_once('>').filter(|(prompt, _)| prompt.contains(":\\"))?;
    let command = command.trim().to_ascii_lowercase();
    let options = command.strip_prefix("dir")?;
    let compact = options.replace(' ', "");
    Some(compact.contains("/tc") || compact.contains("/t:c"))
}

/// What the file's own name says about the kind of time.
fn name_says_creation(name: &str) -> Option<bool> {
    let name = name.to_ascii_lowercase();
    if name.contains("creat") || name.contains("-tc") || name.contains("_tc") || name.starts_with("tc") {
        return Some(true);
    }
    None
}
