//! `IIS_schema.xml`: which provider new values get.

use std::collections::BTreeMap;

use serde::Serialize;

use super::xml::{self, Lines};
use super::{ConfigError, enc};

/// How often a section's encrypted attributes name a provider as their default.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct DefaultProvider {
    /// Name of the section.
    pub section: String,
    /// Name of the provider.
    pub provider: String,
    /// Number of attributes.
    pub attributes: u64,
}

/// What a schema file says about encrypted attributes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Schema {
    /// Default providers by section, sorted by section and provider.
    pub defaults: Vec<DefaultProvider>,
    /// Encrypted attributes whose default names no provider.
    pub without_default: u64,
}

impl Schema {
    /// Reads a file with the root element `configSchema`.
    ///
    /// # Errors
    /// [`ConfigError`] when it is empty, zero-filled, not text, not well-formed, beyond a limit, or something else.
    pub fn parse(data: &[u8]) -> Result<Self, ConfigError> {
        let text = xml::decode(data)?;
        let lines = Lines::of(&text);
        let document = xml::parse(&text, &lines, "configSchema")?;
        let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        let mut without_default = 0;
        xml::walk(&document, &lines, |path| {
            let Some(node) = path.last().filter(|node| node.tag_name().name() == "attribute") else { return };
            if !node.attribute("encrypted").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
                return;
            }
            let section = path.iter().find(|node| node.tag_name().name() == "sectionSchema");
            let section = section.and_then(|node| node.attribute("name")).unwrap_or_default();
            match node.attribute("defaultValue").and_then(|value| enc::tokens(value).next()) {
                Some(token) => *counts.entry((section, token.provider)).or_default() += 1,
                None => without_default += 1,
            }
        })?;
        let defaults = counts
            .into_iter()
            .map(|((section, provider), attributes)| DefaultProvider {
                section: section.to_owned(),
                provider: provider.to_owned(),
                attributes,
            })
            .collect();
        Ok(Self { defaults, without_default })
    }

    /// Default providers of all sections with the number of attributes.
    pub fn providers(&self) -> BTreeMap<&str, u64> {
        self.defaults.iter().fold(BTreeMap::new(), |mut all, default| {
            *all.entry(default.provider.as_str()).or_default() += default.attributes;
            all
        })
    }
}
