//! Looks for secrets in what a program printed, in every form in which bytes become text.

// Every test file is a crate of its own and uses a part of this.
#![allow(dead_code)]

use std::collections::{BTreeMap, HashMap};

use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD};

/// Secrets shorter than this are not looked for: they would be found by chance.
const SHORTEST: usize = 6;
/// Of longer secrets every piece of this length is looked for.
const PIECE: usize = 16;

/// Bytes that must not be seen.
#[derive(Default)]
pub struct Needles {
    /// Names by length and bytes of the piece.
    pieces: BTreeMap<usize, HashMap<Vec<u8>, String>>,
    /// Which pairs of bytes a piece begins with.
    starts: Vec<bool>,
}

impl Needles {
    /// Looks for bytes, forwards and backwards, whole or in pieces.
    pub fn add(&mut self, name: &str, secret: &[u8]) {
        if secret.len() < SHORTEST {
            return;
        }
        self.starts.resize(1 << 16, false);
        let reversed: Vec<u8> = secret.iter().rev().copied().collect();
        for bytes in [secret, &reversed] {
            let len = bytes.len().min(PIECE);
            for piece in bytes.windows(len) {
                // Leading zeros of numbers and the like are no secret.
                if piece.iter().filter(|&&byte| byte == piece[0]).count() > len / 2 {
                    continue;
                }
                self.starts[start(piece)] = true;
                self.pieces.entry(len).or_default().insert(piece.to_vec(), name.to_owned());
            }
        }
    }

    /// Looks for a text in UTF-8 and both forms of UTF-16.
    pub fn add_text(&mut self, name: &str, text: &str) {
        self.add(name, text.as_bytes());
        for in_order in [u16::to_le_bytes, u16::to_be_bytes] {
            self.add(name, &text.encode_utf16().flat_map(in_order).collect::<Vec<u8>>());
        }
    }

    /// The names of the secrets that can be seen in a text, with the form in which they stand there.
    pub fn seen(&self, text: &str) -> Vec<String> {
        let mut seen: Vec<String> = views(text)
            .into_iter()
            .flat_map(|(form, bytes)| {
                let names = self.in_bytes(&bytes);
                names.into_iter().map(move |name| format!("{name} as {form}"))
            })
            .collect();
        seen.sort();
        seen.dedup();
        seen
    }

    fn in_bytes(&self, bytes: &[u8]) -> Vec<String> {
        let candidates = (0..bytes.len().saturating_sub(1)).filter(|&at| self.starts[start(&bytes[at..])]);
        let mut names = Vec::new();
        for at in candidates {
            for (len, pieces) in &self.pieces {
                names.extend(bytes.get(at..at + len).and_then(|piece| pieces.get(piece)).cloned());
            }
        }
        names
    }
}

fn start(piece: &[u8]) -> usize {
    usize::from(piece[0]) << 8 | usize::from(piece[1])
}

/// Everything that a text may be the writing of.
fn views(text: &str) -> Vec<(&'static str, Vec<u8>)> {
    let mut views = vec![("bytes", text.as_bytes().to_vec())];
    // A text of 16-bit characters that was taken for one of bytes, raw or escaped.
    let mut without_zeros = text.replace('\0', "");
    for escaped in ["\\u0000", "\\u{0}", "\\x00", "\\0"] {
        without_zeros = without_zeros.replace(escaped, "");
    }
    views.push(("text with zeros", without_zeros.into_bytes()));
    let latin: String = text.chars().filter(|c| u32::from(*c) < 256).collect();
    views.push(("Latin-1", latin.chars().map(|c| c as u8).collect()));
    for digits in runs(text, |c| c.is_ascii_hexdigit()) {
        for from in 0..2 {
            let pairs = digits.as_bytes()[from..].chunks_exact(2);
            let bytes = pairs.filter_map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok());
            views.push(("hexadecimal digits", bytes.collect()));
        }
    }
    for letters in runs(text, |c| c.is_ascii_alphanumeric() || "+/-_".contains(c)) {
        for from in 0..4.min(letters.len()) {
            let part = &letters[from..];
            // A rest of one letter is no byte.
            let part = &part[..part.len() - usize::from(part.len() % 4 == 1)];
            for encoding in [BASE64_NOPAD, BASE64URL_NOPAD] {
                let whole = part.len() / 4 * 4;
                let decoded =
                    encoding.decode(part.as_bytes()).or_else(|_| encoding.decode(&part.as_bytes()[..whole]));
                views.extend(decoded.ok().map(|bytes| ("base64", bytes)));
            }
        }
    }
    for (form, radix) in [("list of numbers", 10), ("list of hexadecimal numbers", 16)] {
        let mut list = Vec::new();
        for word in text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
            let word = word.trim_start_matches("0x");
            match u8::from_str_radix(word, radix).ok().filter(|_| word.len() <= 3) {
                Some(byte) => list.push(byte),
                None => views.push((form, std::mem::take(&mut list))),
            }
        }
        views.push((form, list));
    }
    views.retain(|(_, bytes)| bytes.len() >= SHORTEST);
    views
}

fn runs(text: &str, belongs: impl Fn(char) -> bool) -> Vec<String> {
    // Line breaks inside of a long base64 do not hide it.
    text.split(|c: char| !belongs(c)).filter(|run| run.len() >= 2 * SHORTEST - 4).map(str::to_owned).collect()
}
