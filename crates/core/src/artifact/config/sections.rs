//! Sections that say which configuration is live and where copies of it are, and secrets in clear text.

use roxmltree::Node;
use serde::Serialize;

use super::enc;

/// `configurationRedirection`: whether the live configuration is elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Redirection {
    /// Whether it is in force; `false` when nothing is said.
    pub enabled: bool,
    /// Folder of the live configuration.
    pub path: Option<String>,
    /// Whether an account is named.
    pub has_user_name: bool,
    /// Provider that encrypted the account's password.
    pub password_provider: Option<String>,
    /// Whether the password stands there in clear text.
    pub plain_password: bool,
    /// Line of the element.
    pub line: usize,
}

impl Redirection {
    pub(super) fn read(node: Node<'_, '_>, line: usize) -> Self {
        let password = node.attribute("password").unwrap_or_default();
        let password_provider = enc::tokens(password).next().map(|token| token.provider.to_owned());
        Self {
            enabled: flag(node, "enabled").unwrap_or(false),
            path: text(node, "path"),
            has_user_name: text(node, "userName").is_some(),
            plain_password: password_provider.is_none() && !password.is_empty(),
            password_provider,
            line,
        }
    }
}

/// `configHistory`: where copies of the configuration are kept. What is not said is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConfigHistory {
    /// Whether copies are made; they are when nothing is said.
    pub enabled: Option<bool>,
    /// Folder of the copies.
    pub path: Option<String>,
    /// Copies that are kept; ten when nothing is said.
    pub max_histories: Option<u32>,
    /// Time between two copies as written.
    pub period: Option<String>,
}

impl ConfigHistory {
    pub(super) fn read(node: Node<'_, '_>) -> Self {
        Self {
            enabled: flag(node, "enabled"),
            path: text(node, "path"),
            max_histories: text(node, "maxHistories").and_then(|number| number.trim().parse().ok()),
            period: text(node, "period"),
        }
    }
}

/// A secret in clear text: where it stands, never what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlainValue {
    /// Citation of the attribute.
    pub xpath: String,
    /// Line of the attribute.
    pub line: usize,
    /// The configuration section.
    pub section: String,
    /// Name of the attribute.
    pub attribute: String,
}

/// Whether the schema of IIS encrypts this attribute, so that its text is a secret.
pub(super) fn is_secret(parent: &str, element: &str, attribute: &str) -> bool {
    let known = matches!(
        element,
        "processModel"
            | "virtualDirectory"
            | "virtualDirectoryDefaults"
            | "anonymousAuthentication"
            | "odbcLogging"
            | "configurationRedirection"
    );
    let mapping = element == "add" && matches!(parent, "oneToOneMappings" | "manyToOneMappings");
    attribute == "password" && (known || mapping)
}

fn text(node: Node<'_, '_>, name: &str) -> Option<String> {
    node.attribute(name).filter(|value| !value.is_empty()).map(str::to_owned)
}

fn flag(node: Node<'_, '_>, name: &str) -> Option<bool> {
    node.attribute(name).and_then(|value| value.trim().to_ascii_lowercase().parse().ok())
}
