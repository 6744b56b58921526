//! The password of an archive.

use std::fmt;

/// A password; it never appears in debug output.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// A password from text.
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The first line of a password file, without its end and without a byte order mark.
    ///
    /// `None` when the line is empty or not UTF-8.
    pub fn from_file_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let line = bytes.split(|byte| *byte == b'\n').next()?;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let text = std::str::from_utf8(line).ok()?;
        (!text.is_empty()).then(|| Self::new(text))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_file_gives_its_first_line_and_debug_hides_it() {
        let password = Password::from_file_bytes(b"\xef\xbb\xbfs3cret word\r\nnext").unwrap();
        assert_eq!(password.as_str(), "s3cret word");
        assert_eq!(format!("{password:?}"), "Password(..)");
        assert_eq!(Password::from_file_bytes(b"\n"), None);
        assert_eq!(Password::from_file_bytes(b"\xff\n"), None);
    }
}
