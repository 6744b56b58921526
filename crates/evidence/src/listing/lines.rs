//! Lines of text in the encodings that Windows tools write.
//!
//! PowerShell's redirection writes UTF-16 with a mark, `cmd` the console's code page (437, 850), editors UTF-8 or
//! Windows-1252. All but UTF-16 end lines with the same byte, so a line is taken for UTF-8 when it is valid, and for
//! the code page that the file's bytes speak for otherwise.

use std::borrow::Cow;
use std::io::{self, Read};

use encoding_rs::{UTF_16BE, UTF_16LE, WINDOWS_1252};

/// Longest line in bytes of UTF-8; longer ones are counted as unreadable.
pub const MAX_LINE: usize = 64 * 1024;

/// Bytes read at a time.
const CHUNK: usize = 64 * 1024;

/// Whether the text is UTF-16.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unicode {
    Bytes,
    Utf16Le,
    Utf16Be,
}

impl Unicode {
    /// From the mark, or from every other byte of plain text being zero.
    pub(crate) fn of(head: &[u8]) -> Self {
        match head {
            [0xff, 0xfe, ..] => return Self::Utf16Le,
            [0xfe, 0xff, ..] => return Self::Utf16Be,
            _ => {}
        }
        let sample = head.get(..64).unwrap_or(head);
        let zeros = |first: usize| sample.iter().skip(first).step_by(2).filter(|b| **b == 0).count();
        let most = sample.len() * 3 / 8;
        if sample.len() < 8 || zeros(0).max(zeros(1)) < most {
            Self::Bytes
        } else if zeros(1) > zeros(0) {
            Self::Utf16Le
        } else {
            Self::Utf16Be
        }
    }
}

/// The code page of lines that are not UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Page {
    /// 850, which shares its letters with 437.
    Oem,
    /// Windows-1252.
    Ansi,
}

/// How a whole file is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Encoding {
    pub unicode: Unicode,
    pub page: Page,
}

/// Calls `visit` with the number and the bytes of each line, without its end; `None` stands for a line over
/// [`MAX_LINE`]. Says which code page the bytes speak for.
pub(crate) fn each(
    reader: &mut dyn Read,
    unicode: Unicode,
    visit: &mut dyn FnMut(u64, Option<&[u8]>),
) -> io::Result<Page> {
    let mut decoder = match unicode {
        Unicode::Bytes => None,
        Unicode::Utf16Le => Some(UTF_16LE.new_decoder_with_bom_removal()),
        Unicode::Utf16Be => Some(UTF_16BE.new_decoder_with_bom_removal()),
    };
    let mut raw = vec![0; CHUNK];
    let mut decoded = String::with_capacity(CHUNK * 2);
    let mut splitter = Splitter::default();
    loop {
        let count = match reader.read(&mut raw) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let mut bytes = raw.get(..count).unwrap_or_default();
        match &mut decoder {
            None => splitter.push(bytes, visit),
            Some(decoder) => loop {
                decoded.clear();
                let (result, used, _) = decoder.decode_to_string(bytes, &mut decoded, count == 0);
                splitter.push(decoded.as_bytes(), visit);
                bytes = bytes.get(used..).unwrap_or_default();
                if result == encoding_rs::CoderResult::InputEmpty {
                    break;
                }
            },
        }
        if count == 0 {
            splitter.finish(visit);
            return Ok(if splitter.oem >= splitter.ansi { Page::Oem } else { Page::Ansi });
        }
    }
}

#[derive(Default)]
struct Splitter {
    line: Vec<u8>,
    overlong: bool,
    number: u64,
    oem: u64,
    ansi: u64,
}

impl Splitter {
    fn push(&mut self, mut bytes: &[u8], visit: &mut dyn FnMut(u64, Option<&[u8]>)) {
        while let Some(at) = bytes.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = bytes.split_at(at);
            self.append(line);
            self.emit(visit);
            bytes = rest.get(1..).unwrap_or_default();
        }
        self.append(bytes);
    }

    fn append(&mut self, part: &[u8]) {
        if self.line.len() + part.len() > MAX_LINE {
            self.overlong = true;
        } else if !self.overlong {
            self.line.extend_from_slice(part);
        }
    }

    fn emit(&mut self, visit: &mut dyn FnMut(u64, Option<&[u8]>)) {
        self.number += 1;
        if self.overlong {
            visit(self.number, None);
        } else {
            let mut line = self.line.as_slice();
            while let Some(shorter) = line.strip_suffix(b"\r") {
                line = shorter;
            }
            if self.number == 1 {
                line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
            }
            if !line.is_ascii() && std::str::from_utf8(line).is_err() {
                // Letters of the console's code pages stand low, those of Windows-1252 high; 0xFF and 0xA0 are the
                // spaces between thousands.
                for byte in line {
                    match byte {
                        0x80..=0x9f | 0xe1 | 0xff => self.oem += 1,
                        0xa0 | 0xc0..=0xfe => self.ansi += 1,
                        _ => {}
                    }
                }
            }
            visit(self.number, Some(line));
        }
        self.line.clear();
        self.overlong = false;
    }

    fn finish(&mut self, visit: &mut dyn FnMut(u64, Option<&[u8]>)) {
        if !self.line.is_empty() || self.overlong {
            self.emit(visit);
        }
    }
}

/// The text of one line.
pub(crate) fn text(line: &[u8], page: Page) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(line) {
        return Cow::Borrowed(text);
    }
    match page {
        Page::Ansi => WINDOWS_1252.decode_without_bom_handling(line).0,
        Page::Oem => Cow::Owned(line.iter().map(|byte| oem(*byte)).collect()),
    }
}

/// Upper half of code page 850.
const CP850: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u{ad}±‗¾¶§÷¸°¨·¹³²■\u{a0}";

fn oem(byte: u8) -> char {
    match byte.checked_sub(0x80) {
        None => char::from(byte),
        Some(at) => CP850.chars().nth(usize::from(at)).unwrap_or(char::REPLACEMENT_CHARACTER),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_page_table_is_whole() {
        assert_eq!(CP850.chars().count(), 128);
        assert_eq!(oem(0x84), 'ä');
        assert_eq!(oem(0xe1), 'ß');
        assert_eq!(oem(0xff), '\u{a0}');
    }

    #[test]
    fn an_overlong_line_is_told_and_the_next_one_read() {
        let mut data = vec![b'x'; MAX_LINE + 1];
        data.extend_from_slice(b"\nshort\r\nlast");
        let mut seen = Vec::new();
        each(&mut data.as_slice(), Unicode::Bytes, &mut |n, line| seen.push((n, line.map(<[u8]>::to_vec))))
            .unwrap();
        assert_eq!(seen, [(1, None), (2, Some(b"short".to_vec())), (3, Some(b"last".to_vec()))]);
    }
}
