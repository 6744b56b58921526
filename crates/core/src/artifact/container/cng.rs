//! CNG containers: the files in `Crypto\Keys`, `Crypto\SystemKeys` and `Crypto\PCPKSP`.
//!
//! A header of 44 bytes, then the name in UTF-16LE, public properties in clear, private properties and private key as
//! DPAPI blobs. Format facts: mimikatz `kull_m_key.h`, dploot `crypto.py`, SharpDPAPI `Dpapi.cs`; no public source says
//! what the unknown fields mean, so nothing is concluded from them.

use super::capi::Body;
use super::damage::{Block, Damage, Note, Part};
use super::front::{BlockLengths, Container, Glance, KeyPair, Spec, State, zero_tail};
use super::name::{Family, KeyName};
use super::public_key::{PublicFault, PublicKey};
use crate::artifact::bytes::{array, slice, u32_le};
use crate::artifact::dpapi_blob::{DpapiBlobHeader, MAGIC};

/// Length in bytes of the header.
pub const HEADER_LEN: usize = 44;
/// The version that all known files have.
pub const VERSION: u32 = 1;
/// Length in bytes of a property record before its name.
const PROPERTY_LEN: usize = 20;
/// No real part is longer than this; longer ones are believed only when the lengths add up.
const PLAUSIBLE_LEN: u32 = 0x1_0000;

/// The header of a CNG container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CngHeader {
    /// 1 in all known files.
    pub version: u32,
    /// Unknown.
    pub flags: u32,
    /// Length in bytes of the name.
    pub name_len: u32,
    /// Unknown.
    pub kind: u32,
    /// Length in bytes of the public properties.
    pub public_properties_len: u32,
    /// Length in bytes of the private properties.
    pub private_properties_len: u32,
    /// Length in bytes of the private key.
    pub private_key_len: u32,
}

impl CngHeader {
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
            kind: number(12),
            public_properties_len: number(16),
            private_properties_len: number(20),
            private_key_len: number(24),
        })
    }

    /// Size in bytes that the file must have.
    pub fn total(&self) -> u64 {
        [self.name_len, self.public_properties_len, self.private_properties_len, self.private_key_len]
            .iter()
            .fold(HEADER_LEN as u64, |sum, &len| sum + u64::from(len))
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

    /// The name from the beginning of the file, and what is wrong with it; a terminator is optional.
    pub fn name(&self, head: &[u8]) -> (Option<KeyName>, Option<Damage>) {
        let end = HEADER_LEN.saturating_add(self.name_len as usize);
        let Some(name) = head.get(HEADER_LEN..end) else { return (None, None) };
        let name = name.strip_suffix(&[0, 0]).filter(|rest| rest.len() % 2 == 0).unwrap_or(name);
        if name.len() % 2 != 0 {
            let found = name.last().copied().unwrap_or_default();
            return (None, Some(Damage::NameUnterminated { offset: end.saturating_sub(1) as u64, found }));
        }
        let control = name.chunks(2).position(|unit| matches!(unit, [0..=0x1f | 0x7f, 0]));
        match control {
            None if name.is_empty() => (None, None),
            None => (Some(KeyName::cng(name)), None),
            Some(at) => {
                let found = name.get(at * 2).copied().unwrap_or_default();
                (None, Some(Damage::NameUnprintable { offset: (HEADER_LEN + at * 2) as u64, found }))
            }
        }
    }

    fn state(&self) -> State {
        if self.private_key_len == 0 && self.private_properties_len == 0 {
            State::NameOnly
        } else {
            State::CngKey
        }
    }

    pub(super) fn adds_up(head: &[u8], size: u64) -> bool {
        Self::read(head, size).is_ok_and(|h| h.total() == size && h.version <= 0xffff && h.name_len % 2 == 0)
    }

    pub(super) fn is_plausible(head: &[u8]) -> bool {
        Self::read(head, u64::MAX).is_ok_and(|h| {
            [h.name_len, h.public_properties_len, h.private_properties_len, h.private_key_len]
                .iter()
                .all(|&len| len <= PLAUSIBLE_LEN)
        })
    }
}

/// Whether bytes start like a record of the TPM provider rather than a software key.
pub(super) fn is_hardware_record(data: &[u8]) -> bool {
    data.starts_with(b"PSKP") || data.starts_with(b"PCPM")
}

/// Reads a CNG container; what cannot be read is in its damage list.
pub fn parse(data: &[u8]) -> Container {
    let size = data.len() as u64;
    let header = match CngHeader::read(data, size) {
        _ if is_hardware_record(data) => return hardware(size),
        Ok(header) => header,
        Err(damage) => return Container::unreadable(size, damage),
    };
    let (name, name_damage) = header.name(data);
    let mut damage: Vec<Damage> = name_damage.into_iter().chain(header.size_damage(size)).collect();
    let mut notes = Vec::new();
    if header.version != VERSION {
        notes.push(Note::Version(header.version));
    }
    if name.is_none() && header.name_len <= 2 {
        notes.push(Note::NoName);
    }

    let at = HEADER_LEN as u64 + u64::from(header.name_len);
    let mut body = Body { data, at, damage: &mut damage, notes: &mut notes };
    let public = public_key(&mut body, header.public_properties_len);
    let protected = header.private_properties_len != 0 || header.private_key_len != 0;
    let flag_block = Block { spec: Spec::Cng, part: Part::Flag };
    let key_block = Block { spec: Spec::Cng, part: Part::Private };
    let hardware = rest(&body).is_some_and(is_hardware_record)
        || slice_after(&body, header.private_properties_len).is_some_and(is_hardware_record);
    let (export_flag, private) = if hardware {
        body.notes.push(Note::Hardware);
        (None, None)
    } else {
        let flag = protected_block(&mut body, flag_block, header.private_properties_len);
        (flag, protected_block(&mut body, key_block, header.private_key_len))
    };
    if protected && !hardware {
        damage.extend(zero_tail(data, header.total()).map(|from| Damage::ZeroFilled { from, size }));
    }

    let lengths = BlockLengths {
        public: header.public_properties_len,
        private: header.private_key_len,
        flag: header.private_properties_len,
    };
    let pairs = if public.is_some() || protected {
        vec![KeyPair { spec: Spec::Cng, lengths, public, private, export_flag }]
    } else {
        Vec::new()
    };
    damage.sort_by_key(Damage::offset);
    let state = match header.state() {
        _ if !damage.is_empty() => State::Damaged,
        _ if hardware => State::Hardware,
        state => state,
    };
    Container {
        family: Some(Family::Cng),
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

fn hardware(size: u64) -> Container {
    Container {
        family: Some(Family::Cng),
        size,
        version: 0,
        flags: 0,
        name: None,
        pairs: Vec::new(),
        state: State::Hardware,
        damage: Vec::new(),
        notes: vec![Note::Hardware],
    }
}

/// A DPAPI blob, or a structure that is not known: keys isolated by virtualisation may hold one, so only what is zero or
/// still has most of the magic counts as damage.
fn protected_block(body: &mut Body<'_>, block: Block, len: u32) -> Option<DpapiBlobHeader> {
    let start = usize::try_from(body.at).ok();
    let bytes =
        start.and_then(|start| body.data.get(start..start.checked_add(len as usize)?)).unwrap_or_default();
    let alike = MAGIC.iter().zip(bytes).filter(|(expected, found)| expected == found).count();
    if bytes.is_empty() || alike >= MAGIC.len() / 2 || bytes.iter().take(MAGIC.len()).all(|&b| b == 0) {
        return body.blob(block, len);
    }
    body.take(len);
    body.notes.push(Note::ProtectionNotRead(block));
    None
}

fn rest<'a>(body: &Body<'a>) -> Option<&'a [u8]> {
    slice_after(body, 0)
}

fn slice_after<'a>(body: &Body<'a>, len: u32) -> Option<&'a [u8]> {
    body.data.get(usize::try_from(body.at.saturating_add(u64::from(len))).ok()?..)
}

/// The first property that is a public key; a structure that is not known is noted, never damage.
fn public_key(body: &mut Body<'_>, len: u32) -> Option<PublicKey> {
    let start = body.at;
    let block = Block { spec: Spec::Cng, part: Part::Public };
    let properties = body.take(len)?;
    let mut at = 0;
    let mut key = None;
    while at < properties.len() {
        let offset = start.saturating_add(at as u64);
        let Some((value_at, value, record_len)) = property(properties, at) else {
            body.notes.push(Note::PropertiesNotRead { offset });
            break;
        };
        if key.is_none() && matches!(value, [b'R', b'S', b'A', b'1', ..] | [b'E', b'C', b'S' | b'K', _, ..]) {
            match PublicKey::from_bcrypt(value) {
                Ok(found) => key = Some(found),
                Err(PublicFault::Magic { .. }) => {}
                Err(fault) => {
                    let offset = start.saturating_add(value_at as u64);
                    body.damage.push(Damage::PublicKey { block, offset, fault });
                }
            }
        }
        at = at.saturating_add(record_len);
    }
    if key.is_none() {
        body.notes.push(Note::PublicKeyNotRead(block));
    }
    key
}

/// One property record: where its value starts, the value, and the length of the record.
fn property(properties: &[u8], at: usize) -> Option<(usize, &[u8], usize)> {
    let record_len = u32_le(properties, at).ok()? as usize;
    let name_len = u32_le(properties, at.checked_add(12)?).ok()? as usize;
    let value_len = u32_le(properties, at.checked_add(16)?).ok()? as usize;
    let value_at = at.checked_add(PROPERTY_LEN)?.checked_add(name_len)?;
    let used = value_at.checked_add(value_len)?.checked_sub(at)?;
    if record_len < used || record_len < PROPERTY_LEN {
        return None;
    }
    slice(properties, at, record_len).ok()?;
    Some((value_at, slice(properties, value_at, value_len).ok()?, record_len))
}

pub(super) fn glance(head: &[u8], size: u64) -> Glance {
    let nothing =
        Glance { family: Some(Family::Cng), name: None, state: State::Hardware, damage: None, bits: None };
    if is_hardware_record(head) {
        return nothing;
    }
    let header = match CngHeader::read(head, size) {
        Ok(header) => header,
        Err(damage) => return Glance { state: State::Damaged, damage: Some(damage), ..nothing },
    };
    let (name, name_damage) = header.name(head);
    let damage = header.size_damage(size).or(name_damage);
    let state = if damage.is_some() { State::Damaged } else { header.state() };
    Glance { name, state, damage, ..nothing }
}

/// SHA-256 of the RSA modulus; `None` when the public key may lie beyond the first bytes.
pub(super) fn moduli(head: &[u8], size: u64) -> Option<Vec<[u8; 32]>> {
    if is_hardware_record(head) {
        return Some(Vec::new());
    }
    let Ok(header) = CngHeader::read(head, size) else { return Some(Vec::new()) };
    let start = HEADER_LEN as u64 + u64::from(header.name_len);
    let end = start + u64::from(header.public_properties_len);
    if end > size {
        return Some(Vec::new());
    }
    let (start, end) = (usize::try_from(start).ok()?, usize::try_from(end).ok()?);
    let properties = head.get(start..end.min(head.len()))?;
    let mut at = 0;
    while let Some((_, value, record_len)) = property(properties, at) {
        if value.starts_with(b"RSA1") {
            return Some(
                PublicKey::from_bcrypt(value).ok().and_then(|key| key.modulus_sha256).into_iter().collect(),
            );
        }
        at = at.saturating_add(record_len);
    }
    (end <= head.len()).then(Vec::new)
}
