//! Sections that ASP.NET encrypts as a whole: an `EncryptedData` element in place of their content.
//!
//! Format facts: W3C XML Encryption, and Microsoft's documentation of the protected configuration providers.

use roxmltree::Node;
use serde::Serialize;

use super::enc::decode;

/// How the key of a section is wrapped.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyWrap {
    /// RSA with PKCS#1 v1.5.
    RsaPkcs1,
    /// RSA with OAEP and SHA-1.
    RsaOaep,
    /// Another method, as written.
    Other(String),
}

/// How the content of a section is encrypted; always CBC with the initial block in front.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DataCipher {
    /// Triple DES, the default of .NET Framework.
    TripleDes,
    /// AES-128.
    Aes128,
    /// AES-192.
    Aes192,
    /// AES-256.
    Aes256,
    /// Another method, as written.
    Other(String),
}

/// One encrypted section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EncryptedSection {
    /// Name of the section, such as `connectionStrings`.
    pub section: String,
    /// The provider that it names in `configProtectionProvider`.
    pub provider: Option<String>,
    /// How the content is encrypted; `None` when nothing is said, as by the DPAPI provider.
    pub cipher: Option<DataCipher>,
    /// How the key is wrapped; `None` when no wrapped key is there.
    pub key_wrap: Option<KeyWrap>,
    /// Name of the key, `Rsa Key` in all public samples.
    pub key_name: Option<String>,
    /// The wrapped key, big-endian; `None` when it is missing or no base64.
    #[serde(skip)]
    pub wrapped_key: Option<Vec<u8>>,
    /// The encrypted content; `None` when it is missing or no base64.
    #[serde(skip)]
    pub content: Option<Vec<u8>>,
    /// Line of the `EncryptedData` element.
    pub line: usize,
    /// Citation of the section.
    pub xpath: String,
}

impl EncryptedSection {
    /// Reads the `EncryptedData` element `node`, which stands in the element `section`.
    pub(super) fn read(node: Node<'_, '_>, section: Node<'_, '_>, line: usize, xpath: String) -> Self {
        let key = child(node, "KeyInfo").and_then(|info| child(info, "EncryptedKey"));
        let name = key.and_then(|key| child(key, "KeyInfo")).and_then(|info| child(info, "KeyName"));
        Self {
            section: section.tag_name().name().to_owned(),
            provider: section.attribute("configProtectionProvider").map(str::to_owned),
            cipher: method(node).map(|uri| match fragment(uri) {
                "tripledes-cbc" => DataCipher::TripleDes,
                "aes128-cbc" => DataCipher::Aes128,
                "aes192-cbc" => DataCipher::Aes192,
                "aes256-cbc" => DataCipher::Aes256,
                _ => DataCipher::Other(shortened(uri)),
            }),
            key_wrap: key.and_then(method).map(|uri| match fragment(uri) {
                "rsa-1_5" => KeyWrap::RsaPkcs1,
                "rsa-oaep-mgf1p" => KeyWrap::RsaOaep,
                _ => KeyWrap::Other(shortened(uri)),
            }),
            key_name: name.and_then(|name| name.text()).map(|text| shortened(text.trim())),
            wrapped_key: key.and_then(value),
            content: value(node),
            line,
            xpath,
        }
    }
}

fn child<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    node.children().find(|child| child.is_element() && child.tag_name().name() == name)
}

fn method<'a>(node: Node<'a, '_>) -> Option<&'a str> {
    child(node, "EncryptionMethod").and_then(|method| method.attribute("Algorithm"))
}

fn value(node: Node<'_, '_>) -> Option<Vec<u8>> {
    let value = child(child(node, "CipherData")?, "CipherValue")?;
    decode(value.text()?).filter(|bytes| !bytes.is_empty())
}

fn fragment(uri: &str) -> &str {
    uri.rsplit_once('#').map_or(uri, |(_, name)| name)
}

fn shortened(text: &str) -> String {
    text.chars().take(200).collect()
}
