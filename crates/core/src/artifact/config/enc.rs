//! Encrypted values in attributes: `[enc:PROVIDER:BASE64:enc]`.

use data_encoding::BASE64;

const OPEN: &str = "[enc:";
const CLOSE: &str = ":enc]";

/// One encrypted value, borrowed from an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) provider: &'a str,
    pub(super) payload: &'a str,
}

impl Token<'_> {
    /// The decoded payload; `None` when it is not base64.
    pub(super) fn decoded(&self) -> Option<Vec<u8>> {
        decode(self.payload)
    }
}

/// Every encrypted value in an attribute; one without an end is not counted.
pub(super) fn tokens(value: &str) -> impl Iterator<Item = Token<'_>> {
    let mut rest = value;
    std::iter::from_fn(move || {
        let (_, after) = rest.split_once(OPEN)?;
        let (inner, behind) = after.split_once(CLOSE)?;
        rest = behind;
        // Base64 holds no colon, a provider's name may.
        let (provider, payload) = inner.rsplit_once(':').unwrap_or((inner, ""));
        Some(Token { provider, payload })
    })
}

/// Decodes base64 with white space in it, as XML attributes may have it.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    if text.bytes().any(|b| b.is_ascii_whitespace()) {
        let packed: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
        return BASE64.decode(&packed).ok();
    }
    BASE64.decode(text.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_wherever_they_stand() {
        let found: Vec<_> = tokens("a [enc:P:QUJD:enc] b [enc:Q::enc][enc:R").collect();
        assert_eq!(found, [Token { provider: "P", payload: "QUJD" }, Token { provider: "Q", payload: "" }]);
        assert_eq!((found[0].decoded().unwrap().len(), found[1].decoded().unwrap().len()), (3, 0));
        assert_eq!(tokens("[enc:P:***:enc]").next().unwrap().decoded(), None);
        assert_eq!(tokens("[enc:P:enc]").next(), Some(Token { provider: "P", payload: "" }));
        assert_eq!(tokens("[enc:a:b:QUJD:enc]").next().unwrap().provider, "a:b");
    }
}
