//! Opening the private keys of containers with master keys.
//!
//! Which entropy Windows adds to which part: mimikatz `kull_m_key.c`, SharpDPAPI, DPAPIck3.

use std::ops::Range;

use thiserror::Error;

use super::Secret;
use super::blob::{self, BlobFailure};
use super::master_key::MasterKey;
use crate::artifact::bytes::{slice, u32_le};
use crate::artifact::container::capi::{self, CapiHeader};
use crate::artifact::container::cng::{self, CngHeader};
use crate::artifact::container::{Container, Family, Guid, Spec, State};
use crate::artifact::dpapi_blob::DpapiBlob;

/// Entropy of the export flags of CAPI keys.
const EXPORT_FLAG: &[u8] = b"Hj1diQ6kpUx7VC4m\0";
/// Entropy of the private properties of CNG keys.
const PRIVATE_PROPERTIES: &[u8] = b"6jnkd5J3ZdQDtrsu\0";
/// Entropy of the private key of CNG keys.
const PRIVATE_KEY: &[u8] = b"xT5rZW5qVVbrvpuA\0";
/// The bit of an export flag and of an export policy that allows the export.
const EXPORTABLE: u32 = 1;
/// Length in bytes of a CNG property before its name.
const PROPERTY_LEN: usize = 20;

/// The master key with a GUID, when it could be opened.
pub type Lookup<'l, 'k> = &'l dyn Fn(Guid) -> Option<&'k MasterKey>;

/// An opened private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedPair {
    /// What the pair is for.
    pub purpose: Spec,
    /// The private key in clear; its form is that of CAPI or of CNG.
    pub secret: Secret,
    /// Whether Windows lets the key be exported; `None` when that part is absent or did not open.
    pub exportable: Option<bool>,
    /// Whether the clear text of the export flag was needed as entropy of the private key.
    pub flag_as_entropy: bool,
}

/// Why a private key does not open.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PairFailure {
    /// There is no private key.
    #[error("there is no private key")]
    Absent,
    /// The file is shorter than the header says.
    #[error("the private key at offset {offset:#x} with {len} bytes reaches past the end of the file")]
    CutOff {
        /// Offset in bytes from the start of the file.
        offset: u64,
        /// Length in bytes from the header.
        len: u64,
    },
    /// The master key is not there or did not open.
    #[error("the master key {0} is not there or does not open")]
    NoMasterKey(Guid),
    /// The blob does not open.
    #[error("the private key at offset {offset:#x}: {source}")]
    Blob {
        /// Offset in bytes from the start of the file.
        offset: u64,
        /// Why not.
        source: BlobFailure,
    },
    /// The key lives in a TPM.
    #[error("the key lives in the machine's TPM and cannot be moved")]
    Hardware,
    /// The key is isolated by virtualisation-based security.
    #[error("the key is isolated by virtualisation-based security and cannot be moved")]
    VirtualIsolation,
}

impl PairFailure {
    /// Whether the key is bound to one machine by design.
    pub fn is_not_portable(&self) -> bool {
        matches!(self, Self::Hardware | Self::VirtualIsolation)
    }
}

/// What opening one pair came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairProof {
    /// What the pair is for.
    pub purpose: Spec,
    /// The master key that the private key needs, when its blob can be read.
    pub master_key: Option<Guid>,
    /// The master key that the export flag or the private properties need.
    pub flag_master_key: Option<Guid>,
    /// The opened key, or why it does not open.
    pub outcome: Result<OpenedPair, PairFailure>,
    /// Why the export flag or the private properties do not open; `None` when they do or are absent.
    pub flag_failure: Option<PairFailure>,
}

/// Opens every pair of a container file; nothing comes back for bytes that are no container or have no pair.
pub fn open(file: &[u8], lookup: Lookup<'_, '_>) -> Vec<PairProof> {
    let container = Container::parse(file);
    match container.family {
        Some(Family::Capi) => open_capi(file, lookup),
        Some(Family::Cng) => open_cng(file, &container, lookup).into_iter().collect(),
        None => Vec::new(),
    }
}

/// A part of a file: where it must be.
#[derive(Clone, Copy)]
struct Place {
    offset: u64,
    len: u64,
}

impl Place {
    fn bytes(self, file: &[u8]) -> Result<&[u8], PairFailure> {
        if self.len == 0 {
            return Err(PairFailure::Absent);
        }
        let cut = PairFailure::CutOff { offset: self.offset, len: self.len };
        let offset = usize::try_from(self.offset).map_err(|_| cut.clone())?;
        let len = usize::try_from(self.len).map_err(|_| cut.clone())?;
        slice(file, offset, len).map_err(|_| cut)
    }

    fn master_key(self, file: &[u8]) -> Option<Guid> {
        DpapiBlob::parse_prefix(self.bytes(file).ok()?).ok().map(|blob| blob.header.master_key)
    }

    fn open(self, file: &[u8], entropy: &[u8], lookup: Lookup<'_, '_>) -> Result<Secret, PairFailure> {
        let bytes = self.bytes(file)?;
        let failed = |source| PairFailure::Blob { offset: self.offset, source };
        let guid = DpapiBlob::parse_prefix(bytes).map_err(|error| failed(error.into()))?.header.master_key;
        let key = lookup(guid).ok_or(PairFailure::NoMasterKey(guid))?;
        blob::open(bytes, key, entropy).map_err(failed)
    }
}

/// Hands out places one after the other.
struct Places(u64);

impl Places {
    fn next(&mut self, len: u32) -> Place {
        let place = Place { offset: self.0, len: u64::from(len) };
        self.0 = self.0.saturating_add(place.len);
        place
    }
}

fn open_capi(file: &[u8], lookup: Lookup<'_, '_>) -> Vec<PairProof> {
    let Ok(header) = CapiHeader::read(file, file.len() as u64) else { return Vec::new() };
    let mut places = Places(capi::HEADER_LEN as u64);
    places.next(header.name_len);
    places.next(header.hash_len);
    let mut proofs = Vec::new();
    for (purpose, lengths) in [(Spec::Signature, header.signature), (Spec::Exchange, header.exchange)] {
        places.next(lengths.public);
        let private = places.next(lengths.private);
        let flag = places.next(lengths.flag);
        if !lengths.is_absent() {
            proofs.push(capi_pair(file, purpose, private, flag, lookup));
        }
    }
    proofs
}

/// The public key block of one pair of a CAPI container.
pub fn public_block(file: &[u8], wanted: Spec) -> Option<&[u8]> {
    let header = CapiHeader::read(file, file.len() as u64).ok()?;
    let mut places = Places(capi::HEADER_LEN as u64);
    places.next(header.name_len);
    places.next(header.hash_len);
    let signature = places.next(header.signature.public);
    places.next(header.signature.private);
    places.next(header.signature.flag);
    let exchange = places.next(header.exchange.public);
    let place = match wanted {
        Spec::Signature => signature,
        Spec::Exchange => exchange,
        Spec::Cng => return None,
    };
    place.bytes(file).ok()
}

fn capi_pair(file: &[u8], purpose: Spec, private: Place, flag: Place, lookup: Lookup<'_, '_>) -> PairProof {
    let opened_flag = flag.open(file, EXPORT_FLAG, lookup);
    let mut flag_as_entropy = false;
    let mut outcome = private.open(file, &[], lookup);
    // Sources disagree on whether the flag is entropy of the key; the signature settles it.
    if let (Err(PairFailure::Blob { source: BlobFailure::WrongKey, .. }), Ok(clear)) =
        (&outcome, &opened_flag)
        && let Ok(secret) = private.open(file, clear.expose(), lookup)
    {
        flag_as_entropy = true;
        outcome = Ok(secret);
    }
    let exportable = opened_flag.as_ref().ok().and_then(|clear| flag_word(clear.expose()));
    PairProof {
        purpose,
        master_key: private.master_key(file),
        flag_master_key: flag.master_key(file),
        outcome: outcome.map(|secret| OpenedPair {
            purpose,
            secret,
            exportable: exportable.map(|word| word & EXPORTABLE != 0),
            flag_as_entropy,
        }),
        flag_failure: opened_flag.err().filter(|failure| *failure != PairFailure::Absent),
    }
}

/// A number of up to four bytes.
fn flag_word(clear: &[u8]) -> Option<u32> {
    (1..=4).contains(&clear.len()).then(|| clear.iter().rev().fold(0, |word, &b| word << 8 | u32::from(b)))
}

fn open_cng(file: &[u8], container: &Container, lookup: Lookup<'_, '_>) -> Option<PairProof> {
    let not_portable = |failure| PairProof {
        purpose: Spec::Cng,
        master_key: None,
        flag_master_key: None,
        outcome: Err(failure),
        flag_failure: None,
    };
    let hardware = container.notes.contains(&crate::artifact::container::Note::Hardware);
    if hardware || container.state == State::Hardware {
        return Some(not_portable(PairFailure::Hardware));
    }
    let header = CngHeader::read(file, file.len() as u64).ok()?;
    let mut places = Places(cng::HEADER_LEN as u64);
    places.next(header.name_len);
    let public = places.next(header.public_properties_len);
    let properties = places.next(header.private_properties_len);
    let private = places.next(header.private_key_len);
    if properties.len == 0 && private.len == 0 {
        return None;
    }
    let opened = properties.open(file, PRIVATE_PROPERTIES, lookup);
    let clear = opened.as_ref().map(Secret::expose).unwrap_or_default();
    let isolated = [public.bytes(file).unwrap_or_default(), clear]
        .iter()
        .any(|properties| property(properties, "Virtual Iso").is_some());
    let policy = property(clear, "Export Policy").and_then(|range| u32_le(clear, range.start).ok());
    // The key's own master key is named even when the key is of no use elsewhere.
    let outcome = match private.open(file, PRIVATE_KEY, lookup) {
        _ if isolated => Err(PairFailure::VirtualIsolation),
        Ok(secret) => Ok(OpenedPair {
            purpose: Spec::Cng,
            secret,
            exportable: policy.map(|policy| policy & EXPORTABLE != 0),
            flag_as_entropy: false,
        }),
        Err(failure) => Err(failure),
    };
    Some(PairProof {
        purpose: Spec::Cng,
        master_key: private.master_key(file),
        flag_master_key: properties.master_key(file),
        outcome,
        flag_failure: opened.err().filter(|failure| *failure != PairFailure::Absent),
    })
}

/// Where the value of a named property lies in a list of CNG properties.
fn property(list: &[u8], wanted: &str) -> Option<Range<usize>> {
    let wanted: Vec<u8> = wanted.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut at = 0_usize;
    while at < list.len() {
        let record_len = u32_le(list, at).ok()? as usize;
        let name_len = u32_le(list, at.checked_add(12)?).ok()? as usize;
        let value_len = u32_le(list, at.checked_add(16)?).ok()? as usize;
        let name_at = at.checked_add(PROPERTY_LEN)?;
        let name = slice(list, name_at, name_len).ok()?;
        let value_at = name_at.checked_add(name_len)?;
        slice(list, value_at, value_len).ok()?;
        if name.strip_suffix(&[0, 0]).filter(|name| name.len() == wanted.len()).unwrap_or(name) == wanted {
            return Some(value_at..value_at.checked_add(value_len)?);
        }
        if record_len < PROPERTY_LEN {
            return None;
        }
        at = at.checked_add(record_len)?;
    }
    None
}
