//! What an X.509 certificate says.

use iiskeys_evidence::Timestamp;
use sha1::{Digest, Sha1};
use sha2::Sha256;
use thiserror::Error;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::{AttributeTypeAndValue, SubjectPublicKeyInfo, X509Name};

use crate::artifact::hive::guard::contained;

/// Certificates longer than this are refused; real ones have one to four KiB.
const SIZE_LIMIT: usize = 1 << 20;
/// Bytes after which a name is cut off.
const LONGEST_TEXT: usize = 1024;
/// Alternative names that are kept, and bytes of each.
const NAMES: usize = 256;
const LONGEST_DNS_NAME: usize = 255;
/// Bytes of a serial number that are kept; RFC 5280 allows 20.
const LONGEST_SERIAL: usize = 64;

/// Why bytes are no certificate.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CertificateError {
    /// Longer than any certificate.
    #[error("the certificate has {size} bytes, more than {SIZE_LIMIT} are not read")]
    TooLarge {
        /// Length in bytes.
        size: usize,
    },
    /// The bytes are not DER of an X.509 certificate.
    #[error("the certificate is not X.509: {what}")]
    NotX509 {
        /// What the reader of the format says.
        what: String,
    },
    /// A moment of the validity lies beyond what Windows can write.
    #[error("the certificate's validity has a time beyond the calendar")]
    Validity,
}

/// What a certificate itself says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateBody {
    /// SHA-1 of its DER form.
    pub sha1: [u8; 20],
    /// Subject, in the order in which Windows shows it.
    pub subject: String,
    /// Issuer.
    pub issuer: String,
    /// Serial number, upper-case hexadecimal without separators.
    pub serial: String,
    /// First moment of its validity.
    pub not_before: Timestamp,
    /// Last moment of its validity.
    pub not_after: Timestamp,
    /// DNS names it is for, from the alternative names.
    pub dns_names: Vec<String>,
    /// Algorithm of its public key: `RSA`, `EC`, `DSS` or `other`.
    pub key_algorithm: String,
    /// Length of that key in bits.
    pub key_bits: Option<u32>,
    /// SHA-256 of the RSA modulus, big-endian without padding, as for containers.
    pub modulus_sha256: Option<[u8; 32]>,
    /// Whether it may authenticate a server; `None` when it does not limit its use.
    pub for_servers: Option<bool>,
}

impl CertificateBody {
    /// Reads a certificate; bytes behind its end are left alone.
    ///
    /// # Errors
    /// [`CertificateError`] when it is none.
    pub fn parse(der: &[u8]) -> Result<Self, CertificateError> {
        if der.len() > SIZE_LIMIT {
            return Err(CertificateError::TooLarge { size: der.len() });
        }
        // The reader of the format is not ours: a panic in it is an error like any other.
        contained(|| read(der)).unwrap_or_else(|what| Err(CertificateError::NotX509 { what }))
    }
}

fn read(der: &[u8]) -> Result<CertificateBody, CertificateError> {
    let (rest, certificate) = X509Certificate::from_der(der).map_err(|error| {
        let what = match error {
            x509_parser::nom::Err::Incomplete(_) => "it is cut off".to_owned(),
            x509_parser::nom::Err::Error(error) | x509_parser::nom::Err::Failure(error) => error.to_string(),
        };
        CertificateError::NotX509 { what }
    })?;
    let time = |time: x509_parser::time::ASN1Time| {
        Timestamp::from_calendar_seconds(time.timestamp()).ok_or(CertificateError::Validity)
    };
    let validity = certificate.validity();
    let key = Key::of(certificate.public_key());
    Ok(CertificateBody {
        sha1: Sha1::digest(der.get(..der.len().saturating_sub(rest.len())).unwrap_or(der)).into(),
        subject: name(certificate.subject()),
        issuer: name(certificate.issuer()),
        serial: serial(certificate.raw_serial()),
        not_before: time(validity.not_before)?,
        not_after: time(validity.not_after)?,
        dns_names: dns_names(&certificate),
        key_algorithm: key.algorithm.to_owned(),
        key_bits: key.bits,
        modulus_sha256: key.modulus_sha256,
        for_servers: for_servers(&certificate),
    })
}

/// What is of interest in a public key.
struct Key {
    algorithm: &'static str,
    bits: Option<u32>,
    modulus_sha256: Option<[u8; 32]>,
}

impl Key {
    fn of(info: &SubjectPublicKeyInfo<'_>) -> Self {
        let other = Self { algorithm: "other", bits: None, modulus_sha256: None };
        match info.parsed() {
            Ok(PublicKey::RSA(key)) => {
                let zeros = key.modulus.iter().take_while(|&&byte| byte == 0).count();
                let modulus = key.modulus.get(zeros..).unwrap_or_default();
                let Some(first) = modulus.first() else { return Self { algorithm: "RSA", ..other } };
                let bits = modulus.len().saturating_mul(8).saturating_sub(first.leading_zeros() as usize);
                Self {
                    algorithm: "RSA",
                    bits: u32::try_from(bits).ok(),
                    modulus_sha256: Some(Sha256::digest(modulus).into()),
                }
            }
            Ok(PublicKey::EC(point)) => {
                // The point of P-521 fills up its last byte.
                let bits = match point.key_size() {
                    0 => None,
                    528 => Some(521),
                    bits => u32::try_from(bits).ok(),
                };
                Self { algorithm: "EC", bits, ..other }
            }
            Ok(PublicKey::DSA(_)) => Self { algorithm: "DSS", ..other },
            _ => other,
        }
    }
}

/// Without the zeros that only say that the number is positive, as Windows shows it.
fn serial(raw: &[u8]) -> String {
    let zeros = raw.iter().take_while(|&&byte| byte == 0).count();
    let number = raw.get(zeros..).filter(|number| !number.is_empty()).unwrap_or(&[0]);
    data_encoding::HEXUPPER.encode(number.get(..LONGEST_SERIAL).unwrap_or(number))
}

fn dns_names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return Vec::new() };
    let dns = names.value.general_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(cut(name, LONGEST_DNS_NAME)),
        _ => None,
    });
    dns.take(NAMES).collect()
}

fn for_servers(certificate: &X509Certificate<'_>) -> Option<bool> {
    match certificate.extended_key_usage() {
        Ok(Some(uses)) => Some(uses.value.server_auth || uses.value.any),
        // An extension that cannot be read does not say that there is no limit.
        _ => None,
    }
}

/// The most specific part first, as the dialogs of Windows and .NET show it.
fn name(name: &X509Name<'_>) -> String {
    let parts: Vec<_> = name.iter_rdn().collect();
    let mut text = String::new();
    for part in parts.into_iter().rev() {
        if text.len() > LONGEST_TEXT {
            break;
        }
        if !text.is_empty() {
            text.push_str(", ");
        }
        for (at, attribute) in part.iter().take(16).enumerate() {
            if at > 0 {
                text.push_str(" + ");
            }
            text.push_str(&label(attribute));
            text.push('=');
            text.push_str(&quoted(&value(attribute)));
        }
    }
    cut(&text, LONGEST_TEXT)
}

fn label(attribute: &AttributeTypeAndValue<'_>) -> String {
    let id = attribute.attr_type().to_id_string();
    let short = match id.as_str() {
        "2.5.4.3" => "CN",
        "2.5.4.4" => "SN",
        "2.5.4.5" => "SERIALNUMBER",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "S",
        "2.5.4.9" => "STREET",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "2.5.4.12" => "T",
        "2.5.4.42" => "G",
        "1.2.840.113549.1.9.1" => "E",
        "0.9.2342.19200300.100.1.25" => "DC",
        _ => return format!("OID.{}", cut(&id, 128)),
    };
    short.to_owned()
}

fn value(attribute: &AttributeTypeAndValue<'_>) -> String {
    /// BMPString.
    const BMP: u32 = 30;
    /// TeletexString, which is written as Latin-1.
    const TELETEX: u32 = 20;
    let bytes = attribute.as_slice();
    let bytes = bytes.get(..4 * LONGEST_TEXT).unwrap_or(bytes);
    match attribute.attr_value().tag().0 {
        BMP => {
            let units = bytes.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair));
            String::from_utf16_lossy(&units.collect::<Vec<_>>())
        }
        TELETEX => bytes.iter().map(|&byte| char::from(byte)).collect(),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// In quotes where a separator stands in the value, as Windows does.
fn quoted(value: &str) -> String {
    let value = cut(value, LONGEST_TEXT);
    let special = value.contains([',', '+', '=', '"', '\n', '<', '>', '#', ';']);
    if special || value.starts_with(' ') || value.ends_with(' ') {
        format!("\"{}\"", value.replace('"', "\"\""))
    } else {
        value
    }
}

/// At most so many bytes of a text.
fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = text.char_indices().map(|(at, _)| at).take_while(|at| *at <= most).last().unwrap_or_default();
    format!("{}...", text.get(..end).unwrap_or_default())
}
