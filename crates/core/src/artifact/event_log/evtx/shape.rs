//! Provider, number and channel of a record without decoding it: where its template has them.
//!
//! A record names a template and gives values for it. The template says once per chunk whether a property of `System`
//! is fixed or which value it is. What is not of this form is left to the full decoder.

use std::collections::HashMap;

use crate::artifact::bytes;

/// Where a property of `System` comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    Fixed(String),
    Value(usize),
}

/// Where a template has what is looked for.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Shape {
    provider: Option<Origin>,
    id: Option<Origin>,
    channel: Option<Origin>,
    record: Option<Origin>,
}

/// What is known of a record by its template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Look<'a> {
    /// Its source.
    pub(super) provider: &'a str,
    /// Number of the event.
    pub(super) id: u32,
    /// The number that the record had in the log where it was written: an exported log counts its records anew.
    pub(super) record: Option<u64>,
}

/// The shapes of the templates of one chunk.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    /// By offset of the definition; `None` where it is not understood.
    known: HashMap<usize, Option<Shape>>,
    provider: String,
}

impl Shapes {
    /// Forgets the templates, for the next chunk.
    pub(super) fn clear(&mut self) {
        self.known.clear();
    }

    /// Provider and numbers of the record whose binary XML is between two offsets of the chunk.
    pub(super) fn look(&mut self, chunk: &[u8], body: (usize, usize)) -> Option<Look<'_>> {
        let instance = Instance::at(chunk, body)?;
        let shape = self
            .known
            .entry(instance.definition)
            .or_insert_with(|| Template::new(chunk, instance.definition).and_then(Template::shape))
            .as_ref()?;
        let id = match shape.id.as_ref()? {
            Origin::Fixed(text) => text.trim().parse().ok()?,
            Origin::Value(index) => u32::try_from(instance.number(*index)?).ok()?,
        };
        let record = match shape.record.as_ref() {
            Some(Origin::Value(index)) => instance.number(*index),
            _ => None,
        };
        let provider = match shape.provider.as_ref()? {
            Origin::Fixed(text) => text.as_str(),
            Origin::Value(index) => {
                self.provider.clear();
                utf16_into(instance.text(*index)?, &mut self.provider);
                self.provider.as_str()
            }
        };
        Some(Look { provider, id, record })
    }

    /// The channel of a record that [`Self::look`] understood.
    pub(super) fn channel(&self, chunk: &[u8], body: (usize, usize)) -> Option<String> {
        let instance = Instance::at(chunk, body)?;
        match self.known.get(&instance.definition)?.as_ref()?.channel.as_ref()? {
            Origin::Fixed(text) => Some(text.clone()),
            Origin::Value(index) => {
                let mut text = String::new();
                utf16_into(instance.text(*index)?, &mut text);
                Some(text)
            }
        }
    }
}

/// UTF-16 text without the NUL that some writers put at its end.
fn utf16_into(data: &[u8], out: &mut String) {
    let units =
        data.as_chunks::<2>().0.iter().map(|unit| u16::from_le_bytes(*unit)).take_while(|unit| *unit != 0);
    out.extend(char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)));
}

/// A record as values for a template.
struct Instance<'a> {
    definition: usize,
    table: &'a [[u8; 4]],
    values: &'a [u8],
}

impl<'a> Instance<'a> {
    fn at(chunk: &'a [u8], (from, to): (usize, usize)) -> Option<Self> {
        let body = chunk.get(..to)?;
        let from = if *body.get(from)? == 0x0f { from + 4 } else { from };
        if *body.get(from)? != 0x0c {
            return None;
        }
        let definition = bytes::u32_le(body, from + 6).ok()? as usize;
        let mut at = from + 10;
        if definition == at {
            let size = bytes::u32_le(body, at + 20).ok()? as usize;
            at = at.checked_add(24)?.checked_add(size)?;
        }
        let count = bytes::u32_le(body, at).ok()? as usize;
        let table = bytes::slice(body, at + 4, count.checked_mul(4)?).ok()?;
        let values = body.get(at + 4 + table.len()..)?;
        Some(Self { definition, table: table.as_chunks::<4>().0, values })
    }

    /// Type and bytes of a value.
    fn value(&self, index: usize) -> Option<(u8, &'a [u8])> {
        let size = |row: &[u8; 4]| usize::from(u16::from_le_bytes([row[0], row[1]]));
        let from: usize = self.table.get(..index)?.iter().map(size).sum();
        let row = self.table.get(index)?;
        Some((row[2], bytes::slice(self.values, from, size(row)).ok()?))
    }

    fn text(&self, index: usize) -> Option<&'a [u8]> {
        self.value(index).and_then(|(kind, value)| (kind == 1).then_some(value))
    }

    fn number(&self, index: usize) -> Option<u64> {
        match self.value(index)? {
            (6, value) => bytes::u16_le(value, 0).ok().map(u64::from),
            (8, value) => bytes::u32_le(value, 0).ok().map(u64::from),
            (10, value) => bytes::u64_le(value, 0).ok(),
            _ => None,
        }
    }
}

/// The tokens of a template definition.
struct Template<'a> {
    /// The chunk up to the end of the definition, so that offsets of names are offsets here.
    chunk: &'a [u8],
    at: usize,
    end: usize,
}

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaf {
    Provider,
    Id,
    Channel,
    Record,
}

impl<'a> Template<'a> {
    fn new(chunk: &'a [u8], definition: usize) -> Option<Self> {
        let size = bytes::u32_le(chunk, definition.checked_add(20)?).ok()? as usize;
        let at = definition.checked_add(24)?;
        let end = at.checked_add(size).filter(|end| *end <= chunk.len())?;
        Some(Self { chunk, at, end })
    }

    /// Where `Event/System` has its properties; `None` for anything that is not plain.
    fn shape(mut self) -> Option<Shape> {
        let mut shape = Shape::default();
        let mut depth = 0_usize;
        let mut in_system = false;
        let mut leaf: Option<Leaf> = None;
        let mut attribute: Option<bool> = None;
        while self.at < self.end {
            let token = self.u8()?;
            match token {
                0x0f => self.at += 3,
                0x01 | 0x41 => {
                    self.at += 6;
                    let name = self.name()?;
                    if token == 0x41 {
                        self.at += 4;
                    }
                    depth += 1;
                    attribute = None;
                    match depth {
                        2 => in_system = self.is(name, "System"),
                        3 if in_system => leaf = self.leaf(name),
                        _ => leaf = None,
                    }
                }
                0x06 | 0x46 => {
                    let name = self.name()?;
                    attribute = Some(self.is(name, "Name"));
                }
                0x02 => attribute = None,
                0x03 | 0x04 => {
                    if in_system && depth == 2 {
                        return Some(shape);
                    }
                    depth = depth.checked_sub(1)?;
                    (leaf, attribute) = (None, None);
                }
                0x05 | 0x45 => {
                    let kind = self.u8()?;
                    let text = self.text()?;
                    if kind != 1 {
                        return None;
                    }
                    if depth == 3 {
                        let mut fixed = String::new();
                        utf16_into(text, &mut fixed);
                        shape.put(leaf, attribute, Origin::Fixed(fixed))?;
                    }
                }
                0x0d | 0x0e => {
                    let index = self.u16()?;
                    self.at += 1;
                    if depth == 3 {
                        shape.put(leaf, attribute, Origin::Value(usize::from(index)))?;
                    }
                }
                _ => return None,
            }
        }
        None
    }

    fn leaf(&self, name: usize) -> Option<Leaf> {
        [
            ("Provider", Leaf::Provider),
            ("EventID", Leaf::Id),
            ("Channel", Leaf::Channel),
            ("EventRecordID", Leaf::Record),
        ]
        .into_iter()
        .find_map(|(text, leaf)| self.is(name, text).then_some(leaf))
    }

    fn u8(&mut self) -> Option<u8> {
        let value = *self.chunk.get(self.at)?;
        self.at += 1;
        Some(value)
    }

    fn u16(&mut self) -> Option<u16> {
        let value = bytes::u16_le(self.chunk, self.at).ok()?;
        self.at += 2;
        Some(value)
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let len = 2 * usize::from(self.u16()?);
        let text = bytes::slice(self.chunk, self.at, len).ok()?;
        self.at += len;
        Some(text)
    }

    /// The offset of a name, which may be written here.
    fn name(&mut self) -> Option<usize> {
        let offset = bytes::u32_le(self.chunk, self.at).ok()? as usize;
        self.at += 4;
        if offset == self.at {
            let len = usize::from(bytes::u16_le(self.chunk, offset + 6).ok()?);
            self.at += 10 + 2 * len;
        }
        Some(offset)
    }

    fn is(&self, name: usize, text: &str) -> bool {
        let len =
            name.checked_add(6).and_then(|at| bytes::u16_le(self.chunk, at).ok()).map_or(0, usize::from);
        len == text.len()
            && bytes::slice(self.chunk, name + 8, 2 * len)
                .is_ok_and(|found| found.iter().copied().eq(text.encode_utf16().flat_map(u16::to_le_bytes)))
    }
}

impl Shape {
    /// Notes where a property comes from; `None` when it comes from two places.
    fn put(&mut self, leaf: Option<Leaf>, attribute: Option<bool>, origin: Origin) -> Option<()> {
        let place = match (leaf, attribute) {
            (Some(Leaf::Provider), Some(true)) => &mut self.provider,
            (Some(Leaf::Id), None) => &mut self.id,
            (Some(Leaf::Channel), None) => &mut self.channel,
            (Some(Leaf::Record), None) => &mut self.record,
            _ => return Some(()),
        };
        place.replace(origin).is_none().then_some(())
    }
}
