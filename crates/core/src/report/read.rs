//! Reads a report back that an earlier run has written.

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

impl Report {
    /// The report that [`to_json`](Self::to_json) has written. Fields that a later version added are passed over; those that
    /// an earlier version did not have are empty.
    ///
    /// # Errors
    /// The text is no report, or one of another major version.
    pub fn from_json(text: &[u8]) -> Result<Self, ReadError> {
        #[derive(serde::Deserialize)]
        struct Version {
            schema_version: String,
        }
        if text.len() > LARGEST {
            return Err(ReadError::TooLong { found: text.len() });
        }
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let form = |error: serde_json::Error| ReadError::Form { why: error.to_string() };
        let version: Version = serde_json::from_slice(text).map_err(form)?;
        if version.schema_version.split('.').next() != SCHEMA_VERSION.split('.').next() {
            return Err(ReadError::Version { found: version.schema_version });
        }
        serde_json::from_slice(text).map_err(form)
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
    }
}
