//! Users of keys beside IIS itself: encrypted sections of ASP.NET, and the passwords of the central certificate store.
//!
//! Where these stand is documented by Microsoft for `aspnet_regiis -pe` and for the Centralized SSL Certificate feature.

use data_encoding::BASE64;
use iiskeys_evidence::{File, Node};

use super::pieces::Pieces;
use super::places::settled;
use super::prover::Prover;
use super::registry::StoreValue;
use super::{file_row, unread, unreadable};
use crate::artifact::config::{ApplicationHost, EncryptedSection, Provider, ProviderKind};
use crate::machine::facts::{Damage, Facts};
use crate::machine::{AspNetSection, Citation, Known, Locator};

/// The container of ASP.NET when no provider names another.
const ASPNET: &str = "NetFrameworkConfigurationKey";
/// The container of the central certificate store.
const CENTRAL_STORE: &str = "iisWasKey";
/// Largest file that is read, in bytes: a real `machine.config` has some 40 KiB.
const LARGEST: u64 = 4 << 20;
/// Lengths in bytes that an RSA ciphertext may have: of keys from 384 to 16384 bits.
const CIPHERTEXT: std::ops::RangeInclusive<usize> = 48..=2048;

/// Reads the sections that ASP.NET keeps encrypted in the files that every application inherits, and in the default site.
pub(super) fn sections(facts: &mut Facts, pieces: &Pieces, prover: &mut Prover) {
    let Some(windows) = &pieces.windows else { return };
    let Some(home) = pieces.volumes.first() else { return };
    let letter = home.letter.unwrap_or('C');
    let mut paths = Vec::new();
    // The machine's files first: the others inherit their providers.
    for name in ["machine.config", "web.config"] {
        for bits in ["Framework", "Framework64"] {
            for version in ["v2.0.50727", "v4.0.30319"] {
                paths.push(format!("{windows}\\Microsoft.NET\\{bits}\\{version}\\CONFIG\\{name}"));
            }
        }
    }
    paths.push("inetpub\\wwwroot\\web.config".to_owned());
    let mut inherited: Vec<Provider> = Vec::new();
    let mut not_looked = Vec::new();
    for path in paths {
        let file = settled(home.resolve(&path), &mut not_looked).and_then(Node::into_file);
        let Some(file) = file else { continue };
        let found = one_file(facts, &file, &format!("{letter}:\\{path}"), &inherited, prover);
        if path.ends_with("machine.config") {
            inherited.extend(found);
        }
    }
    facts.damage.extend(not_looked.into_iter().map(|(path, what)| Damage { path, what, citation: None }));
}

/// Reads one file; gives back the providers that it declares.
fn one_file(
    facts: &mut Facts,
    file: &File,
    windows_path: &str,
    inherited: &[Provider],
    prover: &mut Prover,
) -> Vec<Provider> {
    let (bytes, sha256) = match file.read_all(LARGEST) {
        Ok(read) => read,
        Err(error) => {
            let _: Known<()> = unread(facts, &file.path().to_string(), error.to_string());
            return Vec::new();
        }
    };
    let id = file_row(facts, file, "aspnet-config", sha256);
    let parsed = match ApplicationHost::parse(&bytes) {
        Ok(parsed) => parsed,
        Err(error) => {
            let citation = Citation::new(id, Locator::File);
            let _: Known<()> = unreadable(facts, &file.path().to_string(), error.to_string(), citation);
            return Vec::new();
        }
    };
    for section in &parsed.encrypted_sections {
        let Some(container) = container(section, &parsed.providers, inherited) else { continue };
        let Some(wrap) = prover.add_section(facts, &container, section.clone()) else { continue };
        facts.aspnet.push(AspNetSection {
            windows_path: windows_path.to_owned(),
            section: section.section.clone(),
            wrap,
            citation: Citation::new(id, Locator::XPath(section.xpath.as_str().into())),
        });
    }
    parsed.providers
}

/// The container in the machine's store that a section is encrypted with; `None` when it is in a user's store or of
/// another kind.
fn container(section: &EncryptedSection, own: &[Provider], inherited: &[Provider]) -> Option<String> {
    let declared = section
        .provider
        .as_ref()
        .and_then(|name| own.iter().chain(inherited).find(|provider| provider.name == *name));
    let Some(provider) = declared else { return Some(ASPNET.to_owned()) };
    if provider.kind != ProviderKind::Rsa || provider.use_machine_container == Some(false) {
        return None;
    }
    let name = provider.key_container_name.as_deref().filter(|name| !name.is_empty());
    Some(name.unwrap_or(ASPNET).to_owned())
}

/// Hands the passwords of the central certificate store to the prover.
pub(super) fn central_store(facts: &mut Facts, values: Vec<StoreValue>, prover: &mut Prover) {
    for value in values {
        match ciphertext(&value).and_then(|bytes| Some((u32::try_from(bytes.len() * 8).ok()?, bytes))) {
            Some((bits, bytes)) => {
                if let Some(wrap) = prover.add_store_value(facts, CENTRAL_STORE, bits, bytes) {
                    facts.central_store.push((value.name.to_owned(), wrap, value.citation));
                }
            }
            None => {
                let file = usize::try_from(value.citation.file.0).ok().and_then(|at| facts.files.get(at));
                let path = file.map_or_else(|| ".".to_owned(), |file| file.path.clone());
                let what = format!(
                    "the value {} of the central certificate store is not encrypted with an RSA key",
                    value.name
                );
                facts.damage.push(Damage { path, what, citation: Some(value.citation) });
            }
        }
    }
}

fn ciphertext(value: &StoreValue) -> Option<Vec<u8>> {
    let bytes = match &value.text {
        Some(text) => BASE64.decode(text.trim().as_bytes()).ok()?,
        None => value.data.clone(),
    };
    (CIPHERTEXT.contains(&bytes.len()) && bytes.len() % 8 == 0).then_some(bytes)
}
