//! The forms in which a definition is printed. Each is one file and one line in [`FORMS`].

use super::definition::{Reach, Request};
use super::{acquire, azure, kape, list, powershell, velociraptor};

/// A form of a collector's definition.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Form {
    /// Its name on the command line.
    pub name: &'static str,
    /// One phrase: what it is and how it is run.
    pub about: &'static str,
    /// Whether the definition itself has room for notes to people.
    pub has_notes: bool,
    /// What it gathers beside files.
    reach: Reach,
    print: fn(&Request) -> String,
}

impl Form {
    /// The form of that name.
    pub fn by_name(name: &str) -> Option<&'static Self> {
        FORMS.iter().find(|form| form.name == name)
    }

    /// The definition, with a newline at its end. The same request gives the same bytes.
    pub fn print(&self, request: &Request) -> String {
        (self.print)(request)
    }

    /// What to tell people beside the definition, one sentence each: what is left out, where it has no room to say so.
    pub fn notes(&self, request: &Request) -> Vec<String> {
        let beyond = if self.name == "list" { Vec::new() } else { request.beyond(self.reach) };
        let more = if self.has_notes || !request.names_only { Vec::new() } else { request.notes(self.reach) };
        beyond.into_iter().chain(more).collect()
    }

    /// Why there is no definition in this form: nothing of what is asked for would be gathered by it.
    pub fn refusal(&self, request: &Request) -> Option<String> {
        // What is nowhere on a server is still told by a list for people.
        if self.name == "list" || request.has_work(self.reach) {
            return None;
        }
        let names: Vec<&str> = request.items().iter().map(|item| item.name).collect();
        let by_hand: Vec<&str> = request.items().iter().flat_map(|item| item.commands(None)).collect();
        let instead = if by_hand.is_empty() {
            String::new()
        } else {
            format!(", on the server: {}", by_hand.join(" & "))
        };
        Some(format!(
            "the form {} gathers nothing of {}; take --for list, which says how to come by it{instead}",
            self.name,
            names.join(", ")
        ))
    }
}

/// Every form of this build.
pub static FORMS: &[Form] = &[
    Form {
        name: "kape",
        about: "a KAPE target (.tkape)",
        has_notes: true,
        reach: Reach::FILES,
        print: kape::print,
    },
    Form {
        name: "velociraptor",
        about: "a Velociraptor artifact",
        has_notes: true,
        reach: Reach { names: true, times: true, ..Reach::FILES },
        print: velociraptor::print,
    },
    Form {
        name: "acquire",
        about: "arguments for `acquire @FILE TARGET -o OUTPUT`",
        has_notes: false,
        reach: Reach::FILES,
        print: acquire::print,
    },
    Form {
        name: "azure",
        about: "manifest lines for Azure disk inspection",
        has_notes: true,
        reach: Reach { names: true, ..Reach::FILES },
        print: azure::print,
    },
    Form {
        name: "powershell",
        about: "a script for Windows PowerShell 2 and later",
        has_notes: true,
        reach: Reach::ALL,
        print: powershell::print,
    },
    Form {
        name: "list",
        about: "paths and commands for people",
        has_notes: true,
        reach: Reach::ALL,
        print: list::print,
    },
];
