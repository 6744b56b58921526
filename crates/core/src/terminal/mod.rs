//! Text for people: paragraphs wrapped to a width, with colours where they are wanted.
//!
//! Colours are ANSI sequences (ECMA-48, SGR). Whatever they say is said in words as well, so that nothing is lost without
//! them. Consoles of Windows understand them since Windows 10, once the program has asked for it.

mod width;

use std::fmt::Write;

use crate::visible::visible;
pub(crate) use width::columns;

/// How a form that people read shall look. Forms for programs take no notice of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Look {
    /// Columns of a line; [`NARROWEST`](Self::NARROWEST) and [`WIDEST`](Self::WIDEST) bound what is made of it.
    pub width: usize,
    /// Whether ANSI colours may be used.
    pub colour: bool,
}

impl Look {
    /// Fewest columns that text is wrapped to: below that, indents leave no room for words.
    pub const NARROWEST: usize = 40;
    /// Most columns that text is wrapped to: longer lines are hard to read.
    pub const WIDEST: usize = 160;

    /// Lines of `width` columns, without colours.
    pub fn of_width(width: usize) -> Self {
        Self { width, ..Self::default() }
    }

    /// The same with colours, or without.
    #[must_use]
    pub fn in_colour(self, colour: bool) -> Self {
        Self { colour, ..self }
    }
}

impl Default for Look {
    fn default() -> Self {
        Self { width: 100, colour: false }
    }
}

/// What a colour says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Bold,
    Error,
    Warning,
    Note,
    Good,
    Command,
    Faint,
}

impl Style {
    /// Parameters of the sequence that turns it on.
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Bold => "1",
            Self::Error => "1;31",
            Self::Warning => "33",
            Self::Note | Self::Command => "36",
            Self::Good => "32",
            Self::Faint => "2",
        }
    }
}

/// A text that grows line by line. Everything that comes in is made visible first, so that no evidence steers a terminal.
#[derive(Debug)]
pub(crate) struct Page {
    text: String,
    width: usize,
    colour: bool,
}

impl Page {
    /// An empty page.
    pub(crate) fn new(look: &Look) -> Self {
        let width = look.width.clamp(Look::NARROWEST, Look::WIDEST);
        Self { text: String::new(), width, colour: look.colour }
    }

    /// What was written.
    pub(crate) fn into_text(self) -> String {
        self.text
    }

    /// An empty line.
    pub(crate) fn gap(&mut self) {
        self.text.push('\n');
    }

    /// A heading below an empty line.
    pub(crate) fn heading(&mut self, text: &str) {
        self.gap();
        self.spans(0, "", &[(Style::Bold, text)]);
    }

    /// One line that is never broken, whatever its length: commands are copied from it.
    pub(crate) fn line(&mut self, indent: usize, style: Style, text: &str) {
        let _ = write!(self.text, "{:indent$}", "");
        self.styled(style, &visible(text));
        self.text.push('\n');
    }

    /// A wrapped paragraph.
    pub(crate) fn paragraph(&mut self, indent: usize, text: &str) {
        self.item(indent, "", text);
    }

    /// A wrapped paragraph that starts with `mark` and hangs behind it.
    pub(crate) fn item(&mut self, indent: usize, mark: &str, text: &str) {
        self.spans(indent, mark, &[(Style::Plain, text)]);
    }

    /// The same of several pieces, each with its style and with a space between them. A word is never broken: names and
    /// paths are copied from it.
    pub(crate) fn spans(&mut self, indent: usize, mark: &str, spans: &[(Style, &str)]) {
        let hang = indent + columns(mark);
        let start = format!("{:indent$}{mark}", "");
        let mut line: Vec<(Style, String)> = Vec::new();
        let mut used = hang;
        let mut first = true;
        for (style, text) in spans {
            for word in visible(text).split(' ').filter(|word| !word.is_empty()) {
                let length = columns(word);
                if used > hang && used + 1 + length > self.width {
                    self.put(if first { &start } else { "" }, hang, &line);
                    first = false;
                    line.clear();
                    used = hang;
                }
                if used > hang {
                    used += 1;
                }
                used += length;
                match line.last_mut() {
                    // One run for neighbours of one style: the output stays short and can be searched.
                    Some((last, run)) if last == style => {
                        run.push(' ');
                        run.push_str(word);
                    }
                    _ => line.push((*style, word.to_owned())),
                }
            }
        }
        self.put(if first { &start } else { "" }, hang, &line);
    }

    /// A row of columns: a name, one word in its style, then text that hangs behind both. `space` is what the word has.
    pub(crate) fn table_row(
        &mut self,
        indent: usize,
        name: &str,
        word: (Style, &str),
        space: usize,
        text: &str,
    ) {
        let start = self.text.len();
        let plain = format!("{name}{:<space$}", word.1);
        self.item(indent, &plain, text);
        if self.colour {
            let row = self.text.split_off(start);
            let at = indent + name.len();
            let (before, rest) = row.split_at_checked(at).unwrap_or((&row, ""));
            let after = rest.strip_prefix(word.1).unwrap_or(rest);
            self.text.push_str(before);
            self.styled(word.0, word.1);
            self.text.push_str(after);
        }
    }

    fn put(&mut self, start: &str, hang: usize, line: &[(Style, String)]) {
        let from = self.text.len();
        if start.is_empty() {
            let _ = write!(self.text, "{:hang$}", "");
        } else {
            self.text.push_str(start);
        }
        for (at, (style, run)) in line.iter().enumerate() {
            if at > 0 {
                self.text.push(' ');
            }
            self.styled(*style, run);
        }
        let kept = self.text.trim_end_matches(' ').len().max(from);
        self.text.truncate(kept);
        self.text.push('\n');
    }

    fn styled(&mut self, style: Style, text: &str) {
        if self.colour && style != Style::Plain && !text.is_empty() {
            let _ = write!(self.text, "\u{1b}[{}m{text}\u{1b}[0m", style.code());
        } else {
            self.text.push_str(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(look: &Look) -> String {
        let mut page = Page::new(look);
        page.heading("FINDINGS");
        page.spans(
            2,
            "- ",
            &[
                (Style::Error, "ERROR"),
                (Style::Bold, "a b c"),
                (Style::Plain, "站点 "),
                (Style::Plain, "x\u{1b}[2Jy"),
            ],
        );
        page.item(4, "> ", &"word ".repeat(40));
        page.line(4, Style::Command, &format!("ren \"{}\" x", "long ".repeat(60)));
        page.paragraph(2, "");
        page.into_text()
    }

    /// Without the sequences that `Page` writes.
    fn stripped(text: &str) -> String {
        let mut rest = text.to_owned();
        for code in ["0", "1", "2", "1;31", "32", "33", "36"] {
            rest = rest.replace(&format!("\u{1b}[{code}m"), "");
        }
        rest
    }

    #[test]
    fn colours_add_nothing_but_colours() {
        let plain = page(&Look::default());
        let coloured = page(&Look::default().in_colour(true));
        assert!(plain != coloured && !plain.contains('\u{1b}'));
        assert!(coloured.contains("\u{1b}[1;31mERROR\u{1b}[0m \u{1b}[1ma b c\u{1b}[0m"), "{coloured}");
        assert_eq!(stripped(&coloured), plain, "what evidence would send stays visible");
    }

    #[test]
    fn words_stay_whole_and_lines_within_the_width() {
        for width in [0, 40, 57, 100, 160, 5000] {
            let look = Look::of_width(width);
            let within = width.clamp(Look::NARROWEST, Look::WIDEST);
            for line in page(&look).lines().filter(|line| !line.contains("ren ")) {
                assert!(columns(line) <= within, "{width}: {line}");
                assert!(!line.ends_with(' '), "{width}: {line:?}");
            }
            assert!(page(&look).lines().any(|line| line.ends_with("long \" x")), "commands are not broken");
        }
    }

    #[test]
    fn wide_letters_count_twice() {
        let mut page = Page::new(&Look::of_width(40));
        page.item(0, "- ", &"中中中中 ".repeat(8));
        let text = page.into_text();
        assert!(text.lines().all(|line| columns(line) <= 40) && text.lines().count() == 2, "{text}");
    }
}
