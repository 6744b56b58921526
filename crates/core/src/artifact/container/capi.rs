//! CAPI containers: the files in `Crypto\RSA` and `Crypto\DSS`.
//!
//! A header of ten little-endian 32-bit numbers, then name, a hash of unknown making, and for each pair its public key in
//! clear, its private key and its export flag as DPAPI blobs. Format facts: mimikatz `kull_m_key.h`, SharpDPAPI
//! `Dpapi.cs`, DPAPIck3 `DPAPI-Certificate.bt`.

use super::damage::{Block, Damage, Note, Part};
use super::front::{BlockLengths, Container, Glance, KeyPair, Spec, State, zero_tail};
use super::name::{Family, KeyName};
use super::public_key::{Algorithm, PublicKey};
use crate::artifact::bytes::{array, u32_le};
use crate::artifact::dpapi_blob::DpapiBlobHeader;

/// Length in bytes of the header.
pub const HEADER_LEN: usize = 40;
/// The version that all known files have.
pub const VERSION: u32 = 2;
/// Length in bytes of the hash when there are keys.
const HASH_LEN: u32 = 20;
/// No real block is longer than this; longer ones are believed only when the lengths add up.
const PLAUSIBLE_LEN: u32 = 0x1_0000;

/// The header of a CAPI container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CapiHeader {
    /// 2 in all known files.
    pub version: u32,
    /// Unknown; 0 in all known files.
    pub flags: u32,
    /// Length in bytes of the name with its NUL.
    pub name_len: u32,
    /// Length in bytes of the hash.
    pub hash_len: u32,
    /// The `AT_SIGNATURE` pair.
    pub signature: BlockLengths,
    /// The `AT_KEYEXCHANGE` pair.
    pub exchange: BlockLengths,
}

impl CapiHeader {
    /// Reads the header from the beginning of a file of `size` bytes.
    ///
    /// # Errors
    /// [`Damage::Empty`] or [`Damage::HeaderTruncated`] when there is not enough of it.
    pub fn read(head: &[u8], size: u64) -> Result<Self, Damage> {
        if size == 0 {
            return Err(Damage::Empty);
        }
        let Ok(header) = array::<HEADER_LEN>(head, 0) else {
            return Err(Damage::HeaderTruncated {
                expected: HEADER_LEN as u64,
                found: size.min(head.len() as u64),
            });
        };
        let number = |at| u32_le(&header, at).unwrap_or_default();
        Ok(Self {
            version: number(0),
            flags: number(4),
            name_len: number(8),
            hash_len: number(28),
            signature: BlockLengths { public: number(12), private: number(16), flag: number(32) },
            exchange: BlockLengths { public: number(20), private: number(24), flag: number(36) },
        })
    }

    /// Size in bytes that the file must have.
    pub fn total(&self) -> u64 {
        [
            self.name_len,
            self.hash_len,
            self.signature.public,
            self.signature.private,
            self.signature.flag,
            self.exchange.public,
            self.exchange.private,
            self.exchange.flag,
        ]
        .iter()
        .fold(HEADER_LEN as u64, |sum, &len| sum + u64::from(len))
    }

    /// Whether neither pair has any block.
    pub fn is_name_only(&self) -> bool {
        self.signature.is_absent() && self.exchange.is_absent()
    }

    /// What the size of the file says against the header.
    pub fn size_damage(&self, size: u64) -> Option<Damage> {
        let expected = self.total();
        match size.cmp(&expected) {
            std::cmp::Ordering::Less => Some(Damage::Truncated { expected, found: size }),
            std::cmp::Ordering::Equal => None,
            std::cmp::Ordering::Greater => Some(Damage::Tail { expected, found: size }),
        }
    }

    /// The name from the beginning of the file, and what is wrong with it.
    ///
    /// `None` when there is no name or it does not lie within `head`.
    pub fn name(&self, head: &[u8]) -> (Option<KeyName>, Option<Damage>) {
        let end = HEADER_LEN.saturating_add(self.name_len as usize);
        let Some((&last, name)) = head.get(HEADER_LEN..end).and_then(<[u8]>::split_last) else {
            return (None, None);
        };
        if last != 0 {
            let offset = end.saturating_sub(1) as u64;
            return (None, Some(Damage::NameUnterminated { offset, found: last }));
        }
        match name.iter().position(|&b| b < 0x20 || b == 0x7f) {
            None if name.is_empty() => (None, None),
            None => (Some(KeyName::capi(name)), None),
            Some(at) => {
                let found = name.get(at).copied().unwrap_or_default();
                (None, Some(Damage::NameUnprintable { offset: (HEADER_LEN + at) as u64, found }))
            }
        }
    }

    /// The parts that a pair lacks although it has others.
    pub fn half_pairs(&self) -> impl Iterator<Item = Damage> {
        let offsets =
            [(Spec::Signature, self.signature, [12, 16, 32]), (Spec::Exchange, self.exchange, [20, 24, 36])];
        offsets.into_iter().filter(|(_, lengths, _)| !lengths.is_absent()).flat_map(
            |(spec, lengths, offsets)| {
                [(Part::Public, lengths.public), (Part::Private, lengths.private), (Part::Flag, lengths.flag)]
                    .into_iter()
                    .zip(offsets)
                    .filter(|((_, len), _)| *len == 0)
                    .map(move |((part, _), offset)| Damage::HalfPair {
                        missing: Block { spec, part },
                        offset,
                    })
            },
        )
    }

    fn state(&self) -> State {
        if self.is_name_only() {
            State::NameOnly
        } else {
            State::Complete { signature: self.signature.is_full(), exchange: self.exchange.is_full() }
        }
    }

    pub(super) fn adds_up(head: &[u8], size: u64) -> bool {
        Self::read(head, size).is_ok_and(|header| header.total() == size && header.version <= 0xffff)
    }

    pub(super) fn is_plausible(head: &[u8]) -> bool {
        Self::read(head, u64::MAX).is_ok_and(|h| {
            let blocks = [h.signature.public, h.signature.private, h.signature.flag];
            let more = [h.exchange.public, h.exchange.private, h.exchange.flag];
            [h.name_len, h.hash_len].iter().chain(&blocks).chain(&more).all(|&len| len <= PLAUSIBLE_LEN)
        })
    }
}

/// Reads a CAPI container; what cannot be read is in its damage list.
pub fn parse(data: &[u8]) -> Container {
    let size = data.len() as u64;
    let header = match CapiHeader::read(data, size) {
        Ok(header) => header,
        Err(damage) => return Container::unreadable(size, damage),
    };
    let (name, name_damage) = header.name(data);
    let mut damage: Vec<Damage> = header.half_pairs().chain(name_damage).collect();
    let mut notes = header_notes(&header, name.as_ref());
    damage.extend(header.size_damage(size));
    if !header.is_name_only() {
        damage.extend(zero_tail(data, header.total()).map(|from| Damage::ZeroFilled { from, size }));
    }

    let mut at = u64::from(header.name_len) + u64::from(header.hash_len) + HEADER_LEN as u64;
    let mut pairs = Vec::new();
    for (spec, lengths) in [(Spec::Signature, header.signature), (Spec::Exchange, header.exchange)] {
        let mut body = Body { data, at, damage: &mut damage, notes: &mut notes };
        let pair = body.pair(spec, lengths);
        at = body.at;
        pairs.extend(pair);
    }
    damage.sort_by_key(Damage::offset);
    let state = if damage.is_empty() { header.state() } else { State::Damaged };
    Container {
        family: Some(Family::Capi),
        size,
        version: header.version,
        flags: header.flags,
        name,
        pairs,
        state,
        damage,
        notes,
    }
}

fn header_notes(header: &CapiHeader, name: Option<&KeyName>) -> Vec<Note> {
    let mut notes = Vec::new();
    if header.version != VERSION {
        notes.push(Note::Version(header.version));
    }
    if header.hash_len != if header.is_name_only() { 0 } else { HASH_LEN } {
        notes.push(Note::HashLength(header.hash_len));
    }
    match name {
        Some(name) if !name.bytes().is_ascii() => notes.push(Note::NameNotAscii),
        None if header.name_len <= 1 => notes.push(Note::NoName),
        _ => {}
    }
    notes
}

/// The body of a file while its blocks are read one after the other.
pub(super) struct Body<'a> {
    pub(super) data: &'a [u8],
    pub(super) at: u64,
    pub(super) damage: &'a mut Vec<Damage>,
    pub(super) notes: &'a mut Vec<Note>,
}

impl<'a> Body<'a> {
    fn pair(&mut self, spec: Spec, lengths: BlockLengths) -> Option<KeyPair> {
        if lengths.is_absent() {
            return None;
        }
        let public = self.public(spec, lengths.public);
        let private = self.blob(Block { spec, part: Part::Private }, lengths.private);
        let export_flag = self.blob(Block { spec, part: Part::Flag }, lengths.flag);
        Some(KeyPair { spec, lengths, public, private, export_flag })
    }

    /// The next block; `None` when it is absent or cut off, which the size of the file has said already.
    pub(super) fn take(&mut self, len: u32) -> Option<&'a [u8]> {
        let start = usize::try_from(self.at).ok();
        self.at = self.at.saturating_add(u64::from(len));
        let end = usize::try_from(self.at).ok()?;
        self.data.get(start?..end).filter(|block| !block.is_empty())
    }

    fn public(&mut self, spec: Spec, len: u32) -> Option<PublicKey> {
        let offset = self.at;
        let data = self.take(len)?;
        let block = Block { spec, part: Part::Public };
        match PublicKey::from_capi(data) {
            Ok(key) => {
                if key.algorithm != Algorithm::Rsa {
                    self.notes.push(Note::PublicKeyNotRead(block));
                }
                Some(key)
            }
            Err(fault) => {
                self.damage.push(Damage::PublicKey { block, offset, fault });
                None
            }
        }
    }

    pub(super) fn blob(&mut self, block: Block, len: u32) -> Option<DpapiBlobHeader> {
        let offset = self.at;
        let data = self.take(len)?;
        match DpapiBlobHeader::parse_prefix(data) {
            Ok(header) => {
                let extra = data.len().saturating_sub(header.total_len) as u64;
                if extra != 0 {
                    self.notes.push(Note::BlobSlack { block, extra });
                }
                Some(header)
            }
            Err(fault) => {
                self.damage.push(Damage::Blob { block, offset, fault });
                None
            }
        }
    }
}

pub(super) fn glance(head: &[u8], size: u64) -> Glance {
    let header = match CapiHeader::read(head, size) {
        Ok(header) => header,
        Err(damage) => {
            return Glance {
                family: None,
                name: None,
                state: State::Damaged,
                damage: Some(damage),
                bits: None,
            };
        }
    };
    let (name, name_damage) = header.name(head);
    let damage = header.size_damage(size).or(name_damage).or_else(|| header.half_pairs().next());
    let first_key = HEADER_LEN as u64 + u64::from(header.name_len) + u64::from(header.hash_len);
    let bits =
        usize::try_from(first_key).ok().and_then(|at| head.get(at..)).filter(|key| key.starts_with(b"RSA1"));
    Glance {
        family: Some(Family::Capi),
        name,
        state: if damage.is_some() { State::Damaged } else { header.state() },
        damage,
        bits: bits.and_then(|key| u32_le(key, 8).ok()),
    }
}

/// SHA-256 of the RSA moduli; `None` when a public key lies beyond the first bytes.
pub(super) fn moduli(head: &[u8], size: u64) -> Option<Vec<[u8; 32]>> {
    let Ok(header) = CapiHeader::read(head, size) else { return Some(Vec::new()) };
    let mut at = HEADER_LEN as u64 + u64::from(header.name_len) + u64::from(header.hash_len);
    let mut moduli = Vec::new();
    for lengths in [header.signature, header.exchange] {
        let end = at + u64::from(lengths.public);
        if lengths.public != 0 && end <= size {
            let block = head.get(usize::try_from(at).ok()?..usize::try_from(end).ok()?)?;
            moduli.extend(PublicKey::from_capi(block).ok().and_then(|key| key.modulus_sha256));
        }
        at = end + u64::from(lengths.private) + u64::from(lengths.flag);
    }
    Some(moduli)
}
