//! Attributes of a file record.

use crate::bytes::{slice, u8_at, u16_at, u32_at, u64_at, utf16};
use crate::error::NtfsError;
use crate::runs::{Run, decode};

pub(crate) const STANDARD_INFORMATION: u32 = 0x10;
pub(crate) const ATTRIBUTE_LIST: u32 = 0x20;
pub(crate) const FILE_NAME: u32 = 0x30;
pub(crate) const SECURITY_DESCRIPTOR: u32 = 0x50;
pub(crate) const VOLUME_NAME: u32 = 0x60;
pub(crate) const VOLUME_INFORMATION: u32 = 0x70;
pub(crate) const DATA: u32 = 0x80;
pub(crate) const INDEX_ROOT: u32 = 0x90;
pub(crate) const INDEX_ALLOCATION: u32 = 0xa0;
pub(crate) const BITMAP: u32 = 0xb0;
pub(crate) const REPARSE_POINT: u32 = 0xc0;

/// Mask of the compression method in the flags of an attribute.
pub(crate) const COMPRESSION: u16 = 0x00ff;
/// Flag of an attribute that EFS encrypted.
pub(crate) const ENCRYPTED: u16 = 0x4000;

/// One attribute as it stands in a record.
#[derive(Debug, Clone)]
pub(crate) struct Attribute<'a> {
    pub code: u32,
    pub name: Vec<u16>,
    pub flags: u16,
    pub form: Form<'a>,
}

/// Where the value of an attribute stands.
#[derive(Debug, Clone)]
pub(crate) enum Form<'a> {
    Resident(&'a [u8]),
    Clusters(Extent<'a>),
}

/// One part of a value that stands in clusters.
#[derive(Debug, Clone)]
pub(crate) struct Extent<'a> {
    pub first_vcn: u64,
    pub last_vcn: u64,
    /// Exponent of the clusters of a compression unit.
    pub unit: u16,
    pub size: u64,
    pub initialised: u64,
    pub pairs: &'a [u8],
}

impl Extent<'_> {
    /// The runs, which must end where the attribute says.
    pub fn runs(&self, what: &str) -> Result<Vec<Run>, NtfsError> {
        let runs = decode(self.pairs, self.first_vcn, what)?;
        let end = runs.last().map_or(self.first_vcn, Run::end);
        if end != self.last_vcn.wrapping_add(1) {
            let expected = format!("runs up to cluster {}", self.last_vcn as i64);
            return Err(NtfsError::damaged(format!("{what}, run list"), 0, expected, end as i64 - 1));
        }
        Ok(runs)
    }
}

/// Iterates over the attributes of a record.
pub(crate) struct Attributes<'a> {
    data: &'a [u8],
    at: usize,
    number: u64,
}

impl<'a> Attributes<'a> {
    pub fn new(data: &'a [u8], at: usize, number: u64) -> Self {
        Self { data, at, number }
    }

    fn parse(&self, len: usize) -> Option<Attribute<'a>> {
        let data = slice(self.data, self.at, len)?;
        let name_len = usize::from(u8_at(data, 9)?) * 2;
        let name = slice(data, usize::from(u16_at(data, 10)?), name_len).filter(|_| name_len > 0);
        if name.is_none() && name_len > 0 {
            return None;
        }
        let form = match u8_at(data, 8)? {
            0 => {
                let value = slice(data, usize::from(u16_at(data, 0x14)?), u32_at(data, 0x10)? as usize)?;
                Form::Resident(value)
            }
            1 => Form::Clusters(Extent {
                first_vcn: u64_at(data, 0x10)?,
                last_vcn: u64_at(data, 0x18)?,
                unit: u16_at(data, 0x22)?,
                size: u64_at(data, 0x30)?,
                initialised: u64_at(data, 0x38)?,
                pairs: data.get(usize::from(u16_at(data, 0x20)?)..)?,
            }),
            _ => return None,
        };
        Some(Attribute {
            code: u32_at(data, 0)?,
            name: name.map(utf16).unwrap_or_default(),
            flags: u16_at(data, 12)?,
            form,
        })
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<Attribute<'a>, NtfsError>;

    fn next(&mut self) -> Option<Self::Item> {
        // A record that ends without the end mark has no further attribute either.
        let code = u32_at(self.data, self.at).filter(|code| *code != u32::MAX)?;
        let len = u32_at(self.data, self.at + 4).unwrap_or(0) as usize;
        let attribute = if len >= 0x18 { self.parse(len) } else { None };
        let Some(attribute) = attribute else {
            let what = format!("MFT record {}", self.number);
            let at = self.at as u64;
            self.at = self.data.len();
            return Some(Err(NtfsError::damaged(
                what,
                at,
                "a whole attribute",
                format!("type {code:#x}, length {len}"),
            )));
        };
        self.at = self.at.saturating_add(len);
        Some(Ok(attribute))
    }
}
