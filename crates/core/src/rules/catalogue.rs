//! The catalogue of rules as Markdown, one page for all.

use std::fmt::Write;

use super::page::markdown_page;
use super::{Group, all};
use crate::markdown::cell;

/// Version of the catalogue. A new rule, or one that fires on more, raises the second number; a rule that is dropped or
/// means something else raises the first.
pub const CATALOGUE_VERSION: &str = "1.0";

/// The catalogue that stands in `docs/rules.md`.
pub fn markdown() -> String {
    let mut page = format!(
        "# Rules\n\nGenerated from the rules themselves (`UPDATE_FIXTURES=1 cargo test -p iiskeys`); a test fails when this \
         page is stale. `iiskeys rules NAME` shows the same text at a terminal.\n\nVersion of the catalogue: \
         {CATALOGUE_VERSION}. Reports state it as `tool.catalogue`.\n\nA rule that lacks its evidence is \
         `not-evaluated`, never `clear`.\n"
    );
    for group in Group::ALL {
        let _ =
            writeln!(page, "\n## {}\n\n| rule | severity | fires when |\n| --- | --- | --- |", group.name());
        for info in all().iter().map(|rule| rule.info()).filter(|info| info.group == group) {
            let _ =
                writeln!(page, "| [`{0}`](#{0}) | {1} | {2} |", info.name, info.severity, cell(info.summary));
        }
    }
    for info in all().iter().map(|rule| rule.info()) {
        let _ = write!(page, "\n### {}\n\n", info.name);
        page.push_str(&markdown_page(info, true));
    }
    page
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

    use super::*;
    use crate::rules::by_name;
    use crate::terminal::Look;

    /// The words of a Markdown text, without its marks.
    fn words(markdown: &str) -> Vec<String> {
        let mut text = String::new();
        for event in Parser::new_ext(markdown, Options::ENABLE_TABLES) {
            match event {
                Event::Text(piece) | Event::Code(piece) => text.push_str(&piece),
                Event::SoftBreak | Event::End(TagEnd::Paragraph | TagEnd::Item) => text.push('\n'),
                Event::Html(html) | Event::InlineHtml(html) => panic!("{html}"),
                _ => {}
            }
        }
        letters(&text)
    }

    /// Words without the stops that only one of the two forms has: after headings and between names.
    fn letters(text: &str) -> Vec<String> {
        let bare = |word: &str| word.trim_matches(['.', ',', '-']).to_owned();
        text.split_whitespace().map(bare).filter(|word| !word.is_empty()).collect()
    }

    #[test]
    fn the_terminal_shows_the_words_of_the_page() {
        for info in all().iter().map(|rule| rule.info()) {
            for width in [40, 100] {
                let shown = info.to_text(&Look::of_width(width));
                let (name, shown) = shown.split_once('\n').expect("lines");
                assert_eq!(name, info.name);
                assert_eq!(letters(shown), words(&info.page()), "{name}");
                assert_eq!(letters(shown), words(&markdown_page(info, true)), "{name}");
            }
        }
    }

    #[test]
    fn every_link_of_the_catalogue_leads_to_a_rule_on_it() {
        let page = markdown();
        let (mut anchors, mut links) = (BTreeSet::new(), BTreeSet::new());
        let mut inside = false;
        for event in Parser::new_ext(&page, Options::ENABLE_TABLES) {
            match event {
                Event::Start(Tag::Heading { level, .. }) => inside = level == HeadingLevel::H3,
                Event::End(TagEnd::Heading(_)) => inside = false,
                Event::Text(text) if inside => {
                    assert!(anchors.insert(text.to_string()), "{text} stands twice")
                }
                Event::Start(Tag::Link { dest_url, .. }) => {
                    links.insert(dest_url.strip_prefix('#').expect("a link within the page").to_owned());
                }
                _ => {}
            }
        }
        let names: BTreeSet<String> = all().iter().map(|rule| rule.info().name.to_owned()).collect();
        assert_eq!(anchors, names);
        assert!(links.is_subset(&anchors) && links.len() == names.len(), "{links:?}");
        assert!(page.contains(CATALOGUE_VERSION));
    }

    #[test]
    fn mentions_are_links_in_both_directions() {
        let page = |name: &str| markdown_page(by_name(name).expect("a rule").info(), true);
        let changed = page("machine-guid-changed");
        assert!(changed.contains("**What it explains.** ["), "{changed}");
        assert!(changed.contains("[container-orphaned](#container-orphaned)"), "{changed}");
        let orphaned = page("container-orphaned");
        assert!(
            orphaned.contains("**Explained by.** ") && orphaned.contains("(#machine-guid-changed)"),
            "{orphaned}"
        );
        for info in all().iter().map(|rule| rule.info()) {
            assert!(!page(info.name).contains(&format!("(#{})", info.name)), "{} leads to itself", info.name);
            for name in info.explains {
                assert!(by_name(name).is_some(), "{} explains {name}, which is no rule", info.name);
            }
        }
    }

    #[test]
    fn the_list_fits_the_terminal_and_names_every_rule() {
        for width in [40, 60, 80, 120] {
            let list = crate::rules::list(&Look::of_width(width));
            assert!(list.lines().all(|line| line.chars().count() <= width), "{list}");
            assert!(all().iter().all(|rule| list.contains(rule.info().name)));
        }
    }
}
