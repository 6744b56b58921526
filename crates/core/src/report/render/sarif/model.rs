//! The parts of SARIF 2.1.0 that are written, with the names of the specification.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

/// A whole file.
#[derive(Serialize)]
pub(super) struct Log<'a> {
    #[serde(rename = "$schema")]
    pub schema: &'static str,
    pub version: &'static str,
    pub runs: [Run<'a>; 1],
}

/// One diagnosis.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Run<'a> {
    pub tool: Tool<'a>,
    pub invocations: [Invocation<'a>; 1],
    pub original_uri_base_ids: BTreeMap<&'static str, BaseId>,
    pub artifacts: Vec<Artifact<'a>>,
    pub results: Vec<Outcome<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub taxonomies: Vec<Component<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub redaction_tokens: Vec<&'a str>,
    pub properties: Bag,
}

/// Free fields.
pub(super) type Bag = serde_json::Map<String, Value>;

#[derive(Serialize)]
pub(super) struct Tool<'a> {
    pub driver: Component<'a>,
}

/// The program, or a classification that results refer to.
#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct Component<'a> {
    pub name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub semantic_version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub short_description: Option<Text>,
    pub information_uri: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Descriptor<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub taxa: Vec<Descriptor<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_comprehensive: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub supported_taxonomies: Vec<ComponentRef>,
    #[serde(skip_serializing_if = "Bag::is_empty")]
    pub properties: Bag,
}

#[derive(Serialize, Clone, Copy)]
pub(super) struct ComponentRef {
    pub name: &'static str,
    pub index: usize,
}

/// A rule, or a code of a taxonomy.
#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor<'a> {
    pub id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub short_description: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_description: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_configuration: Option<Configuration>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub relationships: Vec<Relationship>,
    #[serde(skip_serializing_if = "Bag::is_empty")]
    pub properties: Bag,
}

#[derive(Serialize)]
pub(super) struct Configuration {
    pub level: &'static str,
}

/// What a rule's findings may lead to.
#[derive(Serialize)]
pub(super) struct Relationship {
    pub target: DescriptorRef<'static>,
    pub kinds: [&'static str; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DescriptorRef<'a> {
    pub id: &'a str,
    pub index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_component: Option<ComponentRef>,
}

/// A message, plain and perhaps in Markdown.
#[derive(Serialize)]
pub(super) struct Text {
    pub text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub markdown: Option<String>,
}

impl Text {
    /// A message that shows `text` as it is. Braces are doubled, because single ones are placeholders (3.11.5); brackets
    /// before a parenthesis would be a link (3.11.6).
    pub(super) fn plain(text: &str) -> Self {
        let mut text = text.replace('{', "{{").replace('}', "}}");
        if text.contains("](") {
            text = text.replace('\\', "\\\\").replace('[', "\\[").replace(']', "\\]");
        }
        Self { text, markdown: None }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Invocation<'a> {
    pub execution_successful: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time_utc: Option<&'a str>,
    pub tool_execution_notifications: Vec<Notification<'a>>,
}

/// Something that hindered the reading.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Notification<'a> {
    pub level: &'static str,
    pub message: Text,
    pub associated_rule: DescriptorRef<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub locations: Vec<Location<'a>>,
}

#[derive(Serialize)]
pub(super) struct BaseId {
    pub description: Text,
}

/// A file of evidence.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Artifact<'a> {
    pub location: ArtifactLocation,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    pub roles: [&'static str; 1],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub hashes: BTreeMap<&'static str, &'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_modified_time_utc: Option<&'a str>,
    pub properties: Bag,
}

#[derive(Serialize, Clone)]
#[serde(rename_all = "camelCase")]
pub(super) struct ArtifactLocation {
    pub uri: String,
    pub uri_base_id: &'static str,
    pub index: usize,
}

/// What a rule came to. The specification calls it a result.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Outcome<'a> {
    pub rule_id: &'a str,
    pub rule_index: usize,
    pub kind: &'static str,
    pub level: &'static str,
    pub message: Text,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub locations: Vec<Location<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub related_locations: Vec<Location<'a>>,
    pub partial_fingerprints: BTreeMap<&'static str, &'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub taxa: Vec<DescriptorRef<'a>>,
    pub properties: Bag,
}

/// A place in the evidence.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Location<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub physical_location: Option<PhysicalLocation>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub logical_locations: Vec<LogicalLocation<'a>>,
    pub message: Text,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PhysicalLocation {
    pub artifact_location: ArtifactLocation,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Region {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub byte_offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_line: Option<u64>,
}

/// A place that is not told by bytes: a registry value, a node of an XML document.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LogicalLocation<'a> {
    pub name: &'a str,
    pub fully_qualified_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'static str>,
}
