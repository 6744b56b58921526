//! Files and the places in them, as SARIF names them.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::json;

use super::model::*;
use crate::report::{CiteRow, EvidenceRow, FindingRow, Report, SourceRow};

/// What all paths are relative to: the evidence as it was given, wherever that is.
pub(super) const EVIDENCE: &str = "EVIDENCE";

/// The files of a report by the identifiers of their rows.
pub(super) struct Files<'a>(BTreeMap<&'a str, ArtifactLocation>);

impl<'a> Files<'a> {
    /// The files and, behind them, the images and archives that they came in.
    pub(super) fn of(report: &'a Report) -> (Self, Vec<Artifact<'a>>) {
        let mut files = BTreeMap::new();
        let mut artifacts = Vec::new();
        for (index, row) in report.evidence.iter().enumerate() {
            let location =
                ArtifactLocation { uri: uri(&row.path, is_folder(row)), uri_base_id: EVIDENCE, index };
            files.insert(row.id.as_str(), location.clone());
            artifacts.push(artifact(row, location));
        }
        for (row, index) in report.sources.iter().zip(report.evidence.len()..) {
            artifacts.push(source(row, index));
        }
        (Self(files), artifacts)
    }

    /// The place that a citation names.
    pub(super) fn place(&self, cite: &'a CiteRow, id: Option<usize>) -> Location<'a> {
        let (region, logical) = split(&cite.locator);
        let physical_location = self
            .0
            .get(cite.evidence.as_str())
            .map(|location| PhysicalLocation { artifact_location: location.clone(), region });
        let logical_locations = logical.into_iter().collect();
        Location { id, physical_location, logical_locations, message: Text::plain(&cite.observed) }
    }

    /// Where a finding is, and what else it rests on. The specification wants one place there: the one of the subject.
    pub(super) fn places(&self, finding: &'a FindingRow) -> (Vec<Location<'a>>, Vec<Location<'a>>) {
        let identity = finding.subject.split_once(':').map_or("", |(_, identity)| identity);
        let name = identity.rsplit('/').next().unwrap_or_default();
        let encoded = uri(name, false);
        let is_subject = |cite: &CiteRow| {
            let uri = self.0.get(cite.evidence.as_str()).map_or("", |location| location.uri.as_str());
            // A value's identity names the hive before the path that the locator has.
            let inside = cite.locator.strip_prefix("value ").filter(|path| !path.is_empty());
            (!name.is_empty() && uri.trim_end_matches('/').rsplit('/').next() == Some(&encoded))
                || inside.is_some_and(|path| identity.ends_with(path))
        };
        let main = finding.evidence.iter().position(is_subject).unwrap_or_default();
        let mut locations = Vec::new();
        let mut related = Vec::new();
        for (at, cite) in finding.evidence.iter().enumerate() {
            if at == main {
                locations.push(self.place(cite, None));
            } else {
                related.push(self.place(cite, Some(related.len() + 1)));
            }
        }
        (locations, related)
    }
}

fn is_folder(row: &EvidenceRow) -> bool {
    row.enumerated.is_some() || row.kind.ends_with("-folder")
}

fn artifact(row: &EvidenceRow, location: ArtifactLocation) -> Artifact<'_> {
    let mut properties = Bag::new();
    properties.insert("kind".to_owned(), json!(row.kind));
    let folder = is_folder(row);
    let mut hashes = BTreeMap::new();
    match row.sha256.as_deref() {
        // The digest of a folder is one of names and sizes, not of bytes that could be hashed again.
        Some(digest) if folder => {
            properties.insert("sha256OfNamesAndSizes".to_owned(), json!(digest));
        }
        Some(digest) => {
            hashes.insert("sha-256", digest);
        }
        None => {}
    }
    for (name, value) in [
        ("created", row.created.as_ref().map(|time| json!(time))),
        ("container", row.container.as_ref().map(|path| json!(path))),
        ("record", row.record.as_ref().map(|record| json!(record))),
        ("enumerated", row.enumerated.map(|count| json!(count))),
    ] {
        properties.extend(value.map(|value| (name.to_owned(), value)));
    }
    Artifact {
        location,
        length: row.size,
        roles: [if folder { "directory" } else { "analysisTarget" }],
        hashes,
        last_modified_time_utc: row.modified.as_deref().filter(|time| super::is_time(time)),
        properties,
    }
}

fn source(row: &SourceRow, index: usize) -> Artifact<'_> {
    let mut properties = Bag::new();
    properties.insert("kind".to_owned(), json!("source"));
    properties.insert("source".to_owned(), json!(row));
    Artifact {
        location: ArtifactLocation { uri: uri(&row.path, false), uri_base_id: EVIDENCE, index },
        length: Some(row.size),
        roles: ["analysisTarget"],
        // The digests of an image are those of the disk in it, not of this file.
        hashes: BTreeMap::new(),
        last_modified_time_utc: None,
        properties,
    }
}

/// A relative URI (RFC 3986) of a path with slashes. Whatever is no plain letter is encoded, the colon too, so that nothing
/// is taken for a scheme; no segment leads upwards.
pub(super) fn uri(path: &str, folder: bool) -> String {
    let mut uri = String::with_capacity(path.len());
    for segment in path.split('/').filter(|segment| !matches!(*segment, "" | "." | "..")) {
        if !uri.is_empty() {
            uri.push('/');
        }
        for byte in segment.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                uri.push(char::from(byte));
            } else {
                let _ = write!(uri, "%{byte:02X}");
            }
        }
    }
    if uri.is_empty() {
        uri.push('.');
    }
    if folder {
        uri.push('/');
    }
    uri
}

/// What a locator says: a region of the bytes, or a logical place. A file as a whole is neither.
fn split(locator: &str) -> (Option<Region>, Option<LogicalLocation<'_>>) {
    let (kind, name) = locator.split_once(' ').unwrap_or((locator, ""));
    let place = |kind, name, whole| LogicalLocation { name, fully_qualified_name: whole, kind };
    let key = |path: &'static str| {
        let last = name.rsplit('\\').next().filter(|last| !last.is_empty()).unwrap_or(name);
        (None, Some(place(Some(path), last, name)))
    };
    match kind {
        "file" => (None, None),
        "key" => key("registryKey"),
        "value" => key("registryValue"),
        "offset" => {
            let offset = name.strip_prefix("0x").and_then(|digits| u64::from_str_radix(digits, 16).ok());
            let region = offset.map(|offset| Region { byte_offset: Some(offset), start_line: None });
            let logical = region.is_none().then(|| place(None, locator, locator));
            (region, logical)
        }
        "line" => {
            let line = name.parse().ok().filter(|line| *line > 0);
            let region = line.map(|line| Region { byte_offset: None, start_line: Some(line) });
            let logical = region.is_none().then(|| place(None, locator, locator));
            (region, logical)
        }
        "xpath" => {
            let last = name.rsplit('/').next().unwrap_or(name);
            // These two kinds are the specification's own (3.33.7).
            let kind = if last.starts_with('@') { "attribute" } else { "element" };
            (None, Some(place(Some(kind), last, name)))
        }
        "record" => (None, Some(place(Some("eventRecord"), name, locator))),
        "entry" => (None, Some(place(Some("listingEntry"), name, locator))),
        "security" => (None, Some(place(Some("securityDescriptor"), locator, locator))),
        "file," => (None, Some(place(Some("fileRecord"), name, locator))),
        _ => (None, Some(place(None, locator, locator))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_relative_uris_that_lead_nowhere_else() {
        for (path, expected) in [
            ("C/Windows/System32/config/SOFTWARE", "C/Windows/System32/config/SOFTWARE"),
            ("C:/Program Files/a#b?.x", "C%3A/Program%20Files/a%23b%3F.x"),
            ("//host/../../etc/./passwd", "host/etc/passwd"),
            ("http://x", "http%3A/x"),
            ("größe\u{202e}%41", "gr%C3%B6%C3%9Fe%E2%80%AE%2541"),
            ("", "."),
        ] {
            assert_eq!(uri(path, false), expected);
        }
        assert_eq!(uri("MachineKeys", true), "MachineKeys/");
    }

    #[test]
    fn locators_become_regions_or_logical_places() {
        let region = |locator| split(locator).0.map(|region| (region.byte_offset, region.start_line));
        assert_eq!(region("offset 0x1f0"), Some((Some(0x1f0), None)));
        assert_eq!(region("line 7"), Some((None, Some(7))));
        let logical =
            |locator| split(locator).1.map(|place| (place.kind, place.name, place.fully_qualified_name));
        assert_eq!(logical("file"), None);
        assert_eq!(
            logical("value Microsoft\\Cryptography\\MachineGuid"),
            Some((Some("registryValue"), "MachineGuid", "Microsoft\\Cryptography\\MachineGuid"))
        );
        assert_eq!(logical("xpath /a/@b"), Some((Some("attribute"), "@b", "/a/@b")));
        assert_eq!(
            logical("file, record 57-1"),
            Some((Some("fileRecord"), "record 57-1", "file, record 57-1"))
        );
        for odd in ["", "line 0", "offset x", "somewhere else"] {
            assert_eq!(logical(odd), Some((None, odd, odd)));
        }
    }
}
