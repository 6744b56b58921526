//! Reads a report back that an earlier run has written.

use std::borrow::Cow;

use super::{Report, SCHEMA_VERSION};

/// Largest report that is read, in bytes.
pub const LARGEST: usize = 256 << 20;

/// Why a text is no report that this version understands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// It is too long.
    #[error("it has {found} bytes, and reports of up to {LARGEST} are read")]
    TooLong {
        /// Its length in bytes.
        found: usize,
    },
    /// It is no JSON, or JSON of another form.
    #[error("it is not a JSON report of iiskeys ({why})")]
    Form {
        /// What is wrong, and where.
        why: String,
    },
    /// Its form is one that this version does not know.
    #[error(
        "its schema_version is {found:?}, and this version reads 1.x up to {SCHEMA_VERSION} and what was added later"
    )]
    Version {
        /// The version that it states.
        found: String,
    },
}

/// The text in UTF-8, without its byte order mark. What Windows PowerShell saves with `>` is UTF-16.
pub fn as_utf8(text: &[u8]) -> Cow<'_, [u8]> {
    match encoding_rs::Encoding::for_bom(text) {
        Some((encoding, mark)) if encoding == encoding_rs::UTF_8 => {
            Cow::Borrowed(text.get(mark..).unwrap_or_default())
        }
        Some((encoding, _)) => match encoding.decode_with_bom_removal(text).0 {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        },
        None => Cow::Borrowed(text),
    }
}

/// As much of a text as tells what it is: a report, or one line of many cases.
#[derive(serde::Deserialize)]
struct Head {
    schema_version: Option<String>,
    report: Option<Version>,
    error: Option<String>,
}

#[derive(serde::Deserialize)]
struct Version {
    schema_version: String,
}

/// One line of many cases.
#[derive(serde::Deserialize)]
struct Line {
    report: Report,
}

impl Report {
    /// The report that [`to_json`](Self::to_json) has written. Fields that a later version added are passed over; those that
    /// an earlier version did not have are empty. One line of many cases, which holds a report, is taken as well, and so is
    /// UTF-16 with a byte order mark.
    ///
    /// # Errors
    /// The text is no report, or one of another major version.
    pub fn from_json(text: &[u8]) -> Result<Self, ReadError> {
        if text.len() > LARGEST {
            return Err(ReadError::TooLong { found: text.len() });
        }
        let text = as_utf8(text);
        let form = |error: serde_json::Error| ReadError::Form { why: error.to_string() };
        let head: Head = serde_json::from_slice(&text).map_err(form)?;
        let is_line = head.schema_version.is_none() && head.report.is_some();
        let version = head.schema_version.or(head.report.map(|report| report.schema_version));
        let Some(version) = version else {
            let why = head.error.map_or_else(
                || "it has no schema_version".to_owned(),
                |error| format!("it is the line of a case that could not be diagnosed: {error}"),
            );
            return Err(ReadError::Form { why });
        };
        if version.split('.').next() != SCHEMA_VERSION.split('.').next() {
            return Err(ReadError::Version { found: version });
        }
        if is_line {
            return serde_json::from_slice(&text).map(|line: Line| line.report).map_err(form);
        }
        serde_json::from_slice(&text).map_err(form)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_report_is_refused_with_its_reason() {
        for text in ["", "[]", "{}", "{\"schema_version\": \"1.0\"}", "\u{feff}null"] {
            assert!(matches!(Report::from_json(text.as_bytes()), Err(ReadError::Form { .. })), "{text}");
        }
        let other = Report::from_json(b"{\"schema_version\": \"2.0\"}").unwrap_err();
        assert_eq!(other, ReadError::Version { found: "2.0".to_owned() });
        let line = Report::from_json(b"{\"case\": \"a\", \"error\": \"no disk\"}").unwrap_err();
        assert!(line.to_string().contains("could not be diagnosed: no disk"), "{line}");
        let line =
            Report::from_json(b"{\"case\": \"a\", \"report\": {\"schema_version\": \"2.0\"}}").unwrap_err();
        assert_eq!(line, ReadError::Version { found: "2.0".to_owned() });
    }
}
