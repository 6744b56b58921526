//! Decides how an answer looks: as wide as the terminal and in colour there, plain everywhere else.

use std::env;
use std::ffi::OsStr;
use std::io::{self, IsTerminal};

use crate::args::{Colour, LookArgs};
use crate::engine::Look;

/// How an answer looks that goes to stdout, or to a file.
pub fn look(args: &LookArgs, to_file: bool) -> Look {
    decide(args, &Surroundings::read(to_file))
}

/// What the decision rests on.
#[derive(Debug, Default)]
struct Surroundings {
    /// Whether a terminal shows the answer.
    terminal: bool,
    /// Whether the terminal understands colours.
    colours: bool,
    /// Its columns, as it says or as the user does.
    columns: Option<usize>,
}

impl Surroundings {
    fn read(to_file: bool) -> Self {
        let terminal = !to_file && io::stdout().is_terminal();
        if !terminal {
            return Self::default();
        }
        let (no_color, term) = (env::var_os("NO_COLOR"), env::var_os("TERM"));
        // Asked first: `--color always` needs what it sets up, whatever the environment says.
        let colours = understands_colours() && allows_colours(no_color.as_deref(), term.as_deref());
        let measured = terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0));
        let told = || env::var("COLUMNS").ok().and_then(|text| text.trim().parse().ok());
        Self { terminal, colours, columns: measured.filter(|width| *width > 0).or_else(told) }
    }
}

/// What the environment says: `NO_COLOR` that is set and not empty (no-color.org), or a terminal that calls itself dumb.
fn allows_colours(no_color: Option<&OsStr>, term: Option<&OsStr>) -> bool {
    no_color.is_none_or(OsStr::is_empty) && term.is_none_or(|term| term != "dumb")
}

/// Consoles of Windows understand ANSI sequences since Windows 10, but only after the program has asked for it.
fn understands_colours() -> bool {
    anstyle_query::windows::enable_ansi_colors().unwrap_or(true)
}

fn decide(args: &LookArgs, around: &Surroundings) -> Look {
    let colour = match args.color {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto => around.terminal && around.colours,
    };
    let told = args.width.map(usize::from);
    let width = told.or(around.columns.filter(|_| around.terminal));
    width.map_or_else(Look::default, Look::of_width).in_colour(colour)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(color: Colour, width: Option<u16>, around: Surroundings) -> (usize, bool) {
        let look = decide(&LookArgs { color, width }, &around);
        (look.width, look.colour)
    }

    fn terminal(columns: Option<usize>) -> Surroundings {
        Surroundings { terminal: true, colours: true, columns }
    }

    #[test]
    fn pipes_and_files_are_plain_and_a_hundred_columns_wide() {
        assert_eq!(decided(Colour::Auto, None, Surroundings::default()), (100, false));
        let told = Surroundings { terminal: false, colours: true, columns: Some(60) };
        assert_eq!(decided(Colour::Auto, None, told), (100, false));
    }

    #[test]
    fn a_terminal_gives_its_width_and_its_colours() {
        assert_eq!(decided(Colour::Auto, None, terminal(Some(72))), (72, true));
        assert_eq!(decided(Colour::Auto, None, terminal(None)), (100, true));
        let dumb = Surroundings { colours: false, ..terminal(Some(72)) };
        assert_eq!(decided(Colour::Auto, None, dumb), (72, false));
    }

    #[test]
    fn what_the_user_says_goes_before() {
        assert_eq!(decided(Colour::Never, Some(50), terminal(Some(72))), (50, false));
        assert_eq!(decided(Colour::Always, Some(50), Surroundings::default()), (50, true));
    }

    #[test]
    fn the_environment_can_refuse_colours() {
        let cases: [(Option<&str>, Option<&str>, bool); 5] = [
            (None, None, true),
            (Some(""), Some("xterm"), true),
            (Some("1"), Some("xterm"), false),
            (Some("0"), Some("xterm"), false),
            (None, Some("dumb"), false),
        ];
        for (no_color, term, expected) in cases {
            let allowed = allows_colours(no_color.map(OsStr::new), term.map(OsStr::new));
            assert_eq!(allowed, expected, "{no_color:?} {term:?}");
        }
    }
}
