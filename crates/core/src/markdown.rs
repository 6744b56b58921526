//! Text from evidence inside of Markdown: it shows what it is and marks nothing up.
//!
//! After CommonMark and GitHub's additions to it: tables, strike-through, bare links, mentions and references.

use crate::visible::visible;

/// Prose. Words that a renderer would make a link or a mention of become code, where none does.
pub(crate) fn escape(text: &str) -> String {
    let shown = visible(text);
    let mut escaped = String::with_capacity(shown.len());
    for word in shown.split(' ').filter(|word| !word.is_empty()) {
        let first = escaped.is_empty();
        if !first {
            escaped.push(' ');
        }
        if is_link(word) {
            escaped.push_str(&code(word));
        } else {
            word_of_prose(&mut escaped, word, first);
        }
    }
    escaped
}

/// Prose in a cell of a table, which a bar would end.
pub(crate) fn cell(text: &str) -> String {
    escape(&without_bars(text))
}

/// Names in a cell of a table.
pub(crate) fn code_cell(text: &str) -> String {
    code(&without_bars(text))
}

fn without_bars(text: &str) -> String {
    text.replace('|', "\\u{7c}")
}

/// A name as code. Its fence is longer than any run of backticks in it.
pub(crate) fn code(text: &str) -> String {
    let shown = visible(text);
    if shown.trim().is_empty() {
        // Code without letters is no code to CommonMark.
        return "(empty)".to_owned();
    }
    let fence = "`".repeat(longest_run(&shown) + 1);
    // One space at each end is taken off again; it keeps backticks of the name apart from the fence.
    let pad = if shown.starts_with(['`', ' ']) || shown.ends_with(['`', ' ']) { " " } else { "" };
    format!("{fence}{pad}{shown}{pad}{fence}")
}

/// Lines as a block of code in `language`, each behind `indent`.
pub(crate) fn block(indent: &str, language: &str, lines: &[String]) -> String {
    let shown: Vec<String> = lines.iter().map(|line| visible(line)).collect();
    let longest = shown.iter().map(|line| longest_run(line)).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    let mut block = format!("{indent}{fence}{language}\n");
    for line in shown {
        block.push_str(indent);
        block.push_str(&line);
        block.push('\n');
    }
    block + indent + &fence + "\n"
}

fn longest_run(text: &str) -> usize {
    text.split(|letter| letter != '`').map(str::len).max().unwrap_or_default()
}

/// Whether some renderer makes a link or a mention of a bare word: an address, a web site, a person, an issue.
fn is_link(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    let is_issue =
        |(at, _): (usize, &str)| lower[at..].chars().nth(1).is_some_and(|next| next.is_ascii_digit());
    lower.contains(['@'])
        || lower.contains("://")
        || lower.contains("www.")
        || lower.contains("mailto:")
        || lower.contains("xmpp:")
        || lower.match_indices(['#', '!']).any(is_issue)
}

fn word_of_prose(escaped: &mut String, word: &str, first: bool) {
    let letters: Vec<char> = word.chars().collect();
    let is_number = |letters: &[char]| !letters.is_empty() && letters.iter().all(char::is_ascii_digit);
    for (at, letter) in letters.iter().enumerate() {
        let beside =
            |at: Option<usize>| at.and_then(|at| letters.get(at)).is_some_and(|it| it.is_alphanumeric());
        let special = match letter {
            // Before letters it stands for itself, as in the paths of Windows.
            '\\' => letters.get(at + 1).is_none_or(char::is_ascii_punctuation),
            '`' | '*' | '[' | ']' | '<' | '>' | '|' | '~' | '&' | '#' | '$' => true,
            // Between letters it marks nothing, and file names of keys are full of them.
            '_' => !(beside(at.checked_sub(1)) && beside(Some(at + 1))),
            // At the start of a line these begin lists, underline headings or draw rules.
            '+' | '-' | '=' | ':' => first && at == 0,
            '.' | ')' => first && letters.get(..at).is_some_and(is_number),
            _ => false,
        };
        if special {
            escaped.push('\\');
        }
        escaped.push(*letter);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_escaped_and_plain_names_stay_readable() {
        for (text, expected) in [
            ("a*b_c_ _d c2_9790", "a\\*b_c\\_ \\_d c2_9790"),
            ("# x", "\\# x"),
            ("12. x 12.", "12\\. x 12."),
            ("- x - y", "\\- x - y"),
            ("  a   b ", "a b"),
            ("C:\\Windows\\ \\_ <b> &lt; | $x$", "C:\\Windows\\\\ \\\\\\_ \\<b\\> \\&lt; \\| \\$x\\$"),
            ("two\nlines", "two\\u{a}lines"),
            ("ask @admin or #12, wow!", "ask `@admin` or `#12,` wow!"),
            ("see http://a.b www.c", "see `http://a.b` `www.c`"),
        ] {
            assert_eq!(escape(text), expected);
        }
    }

    #[test]
    fn no_name_ends_its_code() {
        for (text, expected) in [
            ("plain", "`plain`"),
            ("a``b", "```a``b```"),
            ("`a", "`` `a ``"),
            (" a ", "`  a  `"),
            ("", "(empty)"),
            ("a\nb", "`a\\u{a}b`"),
        ] {
            assert_eq!(code(text), expected);
        }
        let lines = ["echo ````".to_owned(), "two\n```".to_owned()];
        assert_eq!(block("  ", "bat", &lines), "  `````bat\n  echo ````\n  two\\u{a}```\n  `````\n");
    }
}
