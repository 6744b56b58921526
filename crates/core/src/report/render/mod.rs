//! The forms in which a report is given. Each is one file and one line in [`FORMATS`]; all start from the same typed
//! [`Report`] and know nothing of each other.

mod bodyfile;
mod bounds;
mod html;
mod json;
mod markdown;
#[cfg(test)]
mod sample;
mod sarif;
mod text;
mod timeline;
mod words;

use super::{Look, Report};

/// A form of the report.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Format {
    /// Its name on the command line.
    pub name: &'static str,
    /// One phrase: what it is for.
    pub about: &'static str,
    render: fn(&Report, &Look) -> String,
}

impl Format {
    /// The form of that name.
    pub fn by_name(name: &str) -> Option<&'static Self> {
        FORMATS.iter().find(|format| format.name == name)
    }

    /// The report in this form, with a newline at its end. The same report and look give the same bytes.
    pub fn render(&self, report: &Report, look: &Look) -> String {
        (self.render)(report, look)
    }
}

/// Every form of this build.
pub static FORMATS: &[Format] = &[
    Format { name: "json", about: "for programs", render: json::render },
    Format { name: "html", about: "for people, as one file with pictures", render: html::render },
    Format { name: "text", about: "for people at a terminal", render: text::render },
    Format { name: "markdown", about: "for tickets", render: markdown::render },
    Format { name: "sarif", about: "SARIF 2.1.0, for code scanning and viewers", render: sarif::render },
    Format {
        name: "timeline",
        about: "only what happened when, as Timesketch JSONL",
        render: timeline::render,
    },
    Format { name: "bodyfile", about: "times of files and moments, for mactime", render: bodyfile::render },
];

/// A report in the form of that name, which this crate has.
pub(super) fn in_form(report: &Report, name: &str) -> String {
    Format::by_name(name).map(|format| format.render(report, &Look::default())).unwrap_or_default()
}
