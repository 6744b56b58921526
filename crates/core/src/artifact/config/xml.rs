//! From bytes to a document: encoding, limits, well-formedness.

use std::borrow::Cow;

use roxmltree::{Document, Error, Node, ParsingOptions};

use super::{ATTRIBUTE_LIMIT, ConfigError, DEPTH_LIMIT, NODE_LIMIT, SIZE_LIMIT};

/// A run of zeros at the end of a file that is long enough to be lost data.
const ZERO_RUN: usize = 16;

/// The text of a configuration file, without its byte order mark.
pub(crate) fn decode(data: &[u8]) -> Result<Cow<'_, str>, ConfigError> {
    if data.len() > SIZE_LIMIT {
        return Err(ConfigError::TooLarge { size: data.len() });
    }
    let from = data.iter().rposition(|&b| b != 0).map_or(0, |last| last + 1);
    if data.len() - from >= ZERO_RUN || (from == 0 && !data.is_empty()) {
        return Err(ConfigError::ZeroFilled { from, size: data.len() });
    }
    let text = match data {
        [0xef, 0xbb, 0xbf, text @ ..] => utf8(text, 3)?,
        [0xff, 0xfe, text @ ..] => utf16(text, 2, u16::from_le_bytes, "UTF-16LE")?,
        [0xfe, 0xff, text @ ..] => utf16(text, 2, u16::from_be_bytes, "UTF-16BE")?,
        [b'<', 0, ..] => utf16(data, 0, u16::from_le_bytes, "UTF-16LE")?,
        [0, b'<', ..] => utf16(data, 0, u16::from_be_bytes, "UTF-16BE")?,
        _ => match declared_encoding(data) {
            Some(encoding) => encoding.decode_without_bom_handling(data).0,
            None => utf8(data, 0)?,
        },
    };
    if text.trim().is_empty() { Err(ConfigError::Empty) } else { Ok(text) }
}

fn utf8(text: &[u8], skipped: usize) -> Result<Cow<'_, str>, ConfigError> {
    std::str::from_utf8(text)
        .map(Cow::Borrowed)
        .map_err(|error| ConfigError::Encoding { offset: skipped + error.valid_up_to(), encoding: "UTF-8" })
}

fn utf16(
    bytes: &[u8],
    skipped: usize,
    unit: fn([u8; 2]) -> u16,
    encoding: &'static str,
) -> Result<Cow<'static, str>, ConfigError> {
    let mut text = String::with_capacity(bytes.len() / 2);
    let (units, rest) = bytes.as_chunks::<2>();
    let mut offset = skipped;
    for c in char::decode_utf16(units.iter().map(|&pair| unit(pair))) {
        let c = c.map_err(|_| ConfigError::Encoding { offset, encoding })?;
        offset += 2 * c.len_utf16();
        text.push(c);
    }
    if rest.is_empty() { Ok(Cow::Owned(text)) } else { Err(ConfigError::Encoding { offset, encoding }) }
}

/// An encoding other than UTF-8 that the XML declaration names; only ones of single bytes reach this place.
fn declared_encoding(data: &[u8]) -> Option<&'static encoding_rs::Encoding> {
    let head = data.get(..data.len().min(200))?.strip_prefix(b"<?xml")?;
    let head = head.split(|&b| b == b'>').next()?;
    let at = head.windows(8).position(|window| window == b"encoding")?;
    let label = head.get(at..)?.split(|&b| b == b'"' || b == b'\'').nth(1)?;
    encoding_rs::Encoding::for_label(label).filter(|encoding| encoding.is_single_byte())
}

/// Where lines start, so that a position costs a binary search and not a scan of the file.
pub(crate) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub(crate) fn of(text: &'t str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    /// Line and column of a byte offset, both from 1; the column counts characters.
    pub(crate) fn position(&self, offset: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|&start| start <= offset);
        let start = line.checked_sub(1).and_then(|at| self.starts.get(at)).copied().unwrap_or_default();
        // A line can be the whole file; columns beyond this count bytes.
        const COUNTED: usize = 4096;
        let column = match self.text.get(start..offset) {
            Some(before) if before.len() <= COUNTED => before.chars().count(),
            _ => offset - start,
        };
        (line, column + 1)
    }

    fn offset(&self, line: usize, column: usize) -> usize {
        let start = line.checked_sub(1).and_then(|at| self.starts.get(at)).copied().unwrap_or_default();
        let rest = self.text.get(start..).unwrap_or_default();
        let within = rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(at, _)| at);
        start + within
    }
}

/// Parses text within the limits; the root element must be called `root`.
pub(crate) fn parse<'t>(
    text: &'t str,
    lines: &Lines<'t>,
    root: &'static str,
) -> Result<Document<'t>, ConfigError> {
    if let Some(offset) = too_many_attributes(text.as_bytes()) {
        return Err(ConfigError::Excessive { what: "attributes", line: lines.position(offset).0 });
    }
    let options = ParsingOptions { nodes_limit: NODE_LIMIT, ..ParsingOptions::default() };
    let document =
        Document::parse_with_options(text, options).map_err(|error| explain(&error, text, lines))?;
    if document.root_element().tag_name().name() == root {
        Ok(document)
    } else {
        Err(ConfigError::Root { expected: root })
    }
}

fn explain(error: &Error, text: &str, lines: &Lines<'_>) -> ConfigError {
    let position = error.pos();
    let (line, column) = (position.row as usize, position.col as usize);
    match error {
        Error::DtdDetected => {
            let at = text.find("<!DOCTYPE").unwrap_or_default();
            ConfigError::DocumentType { line: lines.position(at).0 }
        }
        Error::NodesLimitReached => ConfigError::Excessive { what: "nodes", line },
        other => ConfigError::NotWellFormed {
            line,
            column,
            offset: lines.offset(line, column),
            reason: reason(other),
        },
    }
}

/// What is wrong, without a word of the file: where quotation marks are broken, the next name is a password.
fn reason(error: &Error) -> &'static str {
    match error {
        Error::DuplicatedNamespace(..) => "a namespace prefix is declared twice",
        Error::UnknownNamespace(..) => "a namespace prefix is not declared",
        Error::UnexpectedCloseTag(..) | Error::UnexpectedEntityCloseTag(_) => {
            "an end tag does not match the element that is open"
        }
        Error::MalformedEntityReference(_) => "an entity reference is malformed",
        Error::UnknownEntityReference(..) | Error::EntityReferenceLoop(_) => "an entity is not known",
        Error::InvalidAttributeValue(_) => "a '<' stands in the value of an attribute",
        Error::DuplicatedAttribute(..) => "an element has the same attribute twice",
        Error::NoRootNode => "there is no root element",
        Error::UnclosedRootNode => "the root element is never closed",
        Error::UnexpectedDeclaration(_) => "an XML declaration is not at the start",
        Error::AttributesLimitReached | Error::NamespacesLimitReached => "there are too many names",
        Error::InvalidName(_) => "a name is expected",
        Error::NonXmlChar(..) => "a character is not allowed in XML",
        Error::InvalidChar(..) | Error::InvalidChar2(..) | Error::InvalidString(..) => {
            "another character is expected"
        }
        Error::InvalidComment(_) => "a comment contains '--'",
        Error::InvalidCharacterData(_) => "']]>' stands in the text of an element",
        Error::UnexpectedEndOfStream => "the file ends too early",
        _ => "the markup is not understood",
    }
}

/// Offset of the first tag with more attributes than [`ATTRIBUTE_LIMIT`]: the XML reader compares each with all others.
fn too_many_attributes(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(open) = find(text, at, b"<") {
        let rest = text.get(open..)?;
        let skipped = [(&b"<!--"[..], &b"-->"[..]), (b"<![CDATA[", b"]]>"), (b"<?", b"?>")]
            .into_iter()
            .find(|(start, _)| rest.starts_with(start));
        if let Some((start, end)) = skipped {
            at = find(text, open + start.len(), end)? + end.len();
            continue;
        }
        let (mut quote, mut attributes) = (None, 0);
        at = text.len();
        for (offset, &byte) in rest.iter().enumerate() {
            match (quote, byte) {
                (None, b'>') => {
                    at = open + offset + 1;
                    break;
                }
                (None, b'"' | b'\'') => {
                    quote = Some(byte);
                    attributes += 1;
                }
                (Some(open_quote), byte) if byte == open_quote => quote = None,
                _ => {}
            }
        }
        if attributes > ATTRIBUTE_LIMIT {
            return Some(open);
        }
    }
    None
}

fn find(text: &[u8], from: usize, needle: &[u8]) -> Option<usize> {
    let rest = text.get(from..)?;
    match needle {
        [byte] => rest.iter().position(|b| b == byte),
        _ => rest.windows(needle.len()).position(|window| window == needle),
    }
    .map(|at| from + at)
}

/// Calls `visit` for every element in document order with the elements above it, the root first.
pub(crate) fn walk<'a, 'i>(
    document: &'a Document<'i>,
    lines: &Lines<'_>,
    mut visit: impl FnMut(&[Node<'a, 'i>]),
) -> Result<(), ConfigError> {
    let mut path = vec![document.root_element()];
    visit(&path);
    let mut next = document.root_element().first_element_child();
    loop {
        match next {
            Some(node) => {
                path.push(node);
                if path.len() > DEPTH_LIMIT {
                    let (line, _) = lines.position(node.range().start);
                    return Err(ConfigError::Excessive { what: "nesting", line });
                }
                visit(&path);
                next = node.first_element_child();
            }
            None => {
                let Some(done) = path.pop() else { return Ok(()) };
                if path.is_empty() {
                    return Ok(());
                }
                next = done.next_sibling_element();
            }
        }
    }
}
