//! The text that describes a VMDK: what it builds on and which extents it consists of.

use crate::error::DiskError;

use super::damaged;

/// The parent's content id of an image without a parent.
const NO_PARENT: u32 = 0xffff_ffff;

/// Far above any real disk of 64 TiB in pieces of 2 GiB that one would still handle; each extent is an open file.
const MAX_EXTENTS: usize = 4096;

/// What the description says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Descriptor {
    /// Content id: changes when the content does.
    pub(super) cid: Option<u32>,
    pub(super) parent: Option<Parent>,
    pub(super) create_type: String,
    pub(super) extents: Vec<Extent>,
}

/// The image that this one is a snapshot of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parent {
    pub(super) cid: u32,
    /// Empty when the image does not say it.
    pub(super) path: String,
}

/// One run of sectors of the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Extent {
    /// Where the line stands in the file.
    pub(super) line_offset: u64,
    pub(super) access: Access,
    pub(super) sectors: u64,
    /// In capitals: `FLAT`, `SPARSE`, `ZERO`, `VMFS`, `VMFSSPARSE`, ...
    pub(super) kind: String,
    /// Empty for `ZERO`.
    pub(super) path: String,
    /// First sector in the file.
    pub(super) start: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Readable,
    None,
}

impl Descriptor {
    /// Reads a description that stands at `base` of its file.
    pub(super) fn parse(bytes: &[u8], base: u64) -> Result<Self, DiskError> {
        let mut found = Self { cid: None, parent: None, create_type: String::new(), extents: Vec::new() };
        let (mut parent_cid, mut hint) = (NO_PARENT, String::new());
        let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
        let mut at = base;
        for raw in text.split(|byte| *byte == b'\n') {
            let line_offset = at;
            at = at.saturating_add(raw.len() as u64 + 1);
            let line = String::from_utf8_lossy(raw);
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(extent) = extent(line, line_offset)? {
                found.extents.push(extent);
                if found.extents.len() > MAX_EXTENTS {
                    return Err(DiskError::Unsupported {
                        what: format!("VMDK with more than {MAX_EXTENTS} extents"),
                        advice: "convert it into one file with `qemu-img convert`".into(),
                    });
                }
                continue;
            }
            let Some((key, value)) = line.split_once('=') else { continue };
            let value = value.trim().trim_matches('"');
            match key.trim().to_ascii_lowercase().as_str() {
                "cid" => found.cid = Some(content_id(value, line_offset)?),
                "parentcid" => parent_cid = content_id(value, line_offset)?,
                "parentfilenamehint" => value.clone_into(&mut hint),
                "createtype" => value.clone_into(&mut found.create_type),
                key if key.starts_with("encryption.") => {
                    return Err(DiskError::Unsupported {
                        what: "encrypted VMDK".into(),
                        advice: "decrypt the virtual machine in VMware first".into(),
                    });
                }
                _ => {}
            }
        }
        if parent_cid != NO_PARENT {
            found.parent = Some(Parent { cid: parent_cid, path: hint });
        }
        Ok(found)
    }
}

fn content_id(value: &str, offset: u64) -> Result<u32, DiskError> {
    u32::from_str_radix(value, 16)
        .map_err(|_| damaged("content id", offset, "up to 8 hexadecimal digits".into(), shown(value)))
}

/// `RW 4192256 SPARSE "disk-s001.vmdk" 0`; `None` for a line that is no extent.
fn extent(line: &str, line_offset: u64) -> Result<Option<Extent>, DiskError> {
    let (access, rest) = word(line);
    let access = match access.to_ascii_uppercase().as_str() {
        "RW" | "RDONLY" => Access::Readable,
        "NOACCESS" => Access::None,
        _ => return Ok(None),
    };
    let wrong =
        || damaged("extent", line_offset, "access, sectors, type, name, first sector".into(), shown(line));
    let (sectors, rest) = word(rest);
    let sectors = sectors.parse().map_err(|_| wrong())?;
    let (kind, rest) = word(rest);
    if kind.is_empty() {
        return Err(wrong());
    }
    let (path, rest) = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"').ok_or_else(wrong)?,
        None => word(rest),
    };
    let (start, _) = word(rest.trim_start());
    let start = if start.is_empty() { 0 } else { start.parse().map_err(|_| wrong())? };
    let (kind, path) = (kind.to_ascii_uppercase(), path.to_owned());
    Ok(Some(Extent { line_offset, access, sectors, kind, path, start }))
}

/// The first word and what follows it.
fn word(text: &str) -> (&str, &str) {
    let (first, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (first, rest.trim_start())
}

/// Text of the evidence for a message: escaped and short.
fn shown(text: &str) -> String {
    let short: String = text.chars().take(80).collect();
    format!("`{}`", short.escape_debug())
}
