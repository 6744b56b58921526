//! The forms in which a definition is printed. Each is one file and one line in [`FORMS`].

use super::definition::Request;
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
        if self.has_notes || !request.names_only { Vec::new() } else { request.notes(true) }
    }
}

/// Every form of this build.
pub static FORMS: &[Form] = &[
    Form { name: "kape", about: "a KAPE target (.tkape)", has_notes: true, print: kape::print },
    Form {
        name: "velociraptor",
        about: "a Velociraptor artifact",
        has_notes: true,
        print: velociraptor::print,
    },
    Form {
        name: "acquire",
        about: "arguments for `acquire @FILE TARGET -o OUTPUT`",
        has_notes: false,
        print: acquire::print,
    },
    Form {
        name: "azure",
        about: "manifest lines for Azure disk inspection",
        has_notes: true,
        print: azure::print,
    },
    Form {
        name: "powershell",
        about: "a script for Windows PowerShell 2 and later",
        has_notes: true,
        print: powershell::print,
    },
    Form { name: "list", about: "paths and commands for people", has_notes: true, print: list::print },
];
