//! The catalogue of rules as Markdown, one page for all.

use std::fmt::Write;

use super::{Group, all};

/// Version of the catalogue. A new rule, or one that fires on more, raises the second number; a rule that is dropped or
/// means something else raises the first.
pub const CATALOGUE_VERSION: &str = "1.0";

/// The catalogue that stands in `docs/rules.md`.
pub fn markdown() -> String {
    let mut page = String::from(
        "# Rules\n\nGenerated from the rules themselves (`UPDATE_FIXTURES=1 cargo test -p iiskeys`); a test fails when this \
         page is stale.\n\nA rule that lacks its evidence is `not-evaluated`, never `clear`.\n",
    );
    for group in Group::ALL {
        let _ =
            writeln!(page, "\n## {}\n\n| rule | severity | fires when |\n| --- | --- | --- |", group.name());
        for info in all().iter().map(|rule| rule.info()).filter(|info| info.group == group) {
            let _ = writeln!(page, "| [`{0}`](#{0}) | {1} | {2} |", info.name, info.severity, info.summary);
        }
    }
    for info in all().iter().map(|rule| rule.info()) {
        let _ = write!(page, "\n### {}\n\n", info.name);
        page.push_str(&info.page());
    }
    page
}

impl super::RuleInfo {
    /// The rule's page: what it means, how it is proved, how it is repaired, references.
    pub fn page(&self) -> String {
        let mut page = format!(
            "{}\n\nGroup: {}. Severity: {} (lowered: {}).\n\n**What it means.** {}\n\n**How it is proved.** {}\n\n\
             **How it is repaired.** {}\n",
            self.summary,
            self.group.name(),
            self.severity,
            self.lowered,
            self.meaning,
            self.proof,
            self.repair
        );
        if !self.explains.is_empty() {
            let _ = write!(page, "\n**What it explains.** {}.\n", self.explains.join(", "));
        }
        if !self.references.is_empty() {
            page.push_str("\n**References.**\n\n");
            for reference in self.references {
                let _ = writeln!(page, "- {reference}");
            }
        }
        page
    }
}
