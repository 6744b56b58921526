//! Text in whatever encoding a Windows prompt wrote it.

use std::borrow::Cow;

use encoding_rs::{UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// Decodes UTF-8 and UTF-16 (by mark, or by their zeros), else Windows-1252; every byte gives something.
pub fn decode(bytes: &[u8]) -> Cow<'_, str> {
    if let Some((encoding, mark)) = encoding_rs::Encoding::for_bom(bytes) {
        return encoding.decode_without_bom_handling(&bytes[mark..]).0;
    }
    let zeros = |odd: usize| bytes.iter().take(512).skip(odd).step_by(2).filter(|byte| **byte == 0).count();
    let pairs = bytes.len().min(512) / 2;
    if pairs > 4 && zeros(1) * 2 > pairs {
        return UTF_16LE.decode_without_bom_handling(bytes).0;
    }
    if pairs > 4 && zeros(0) * 2 > pairs {
        return UTF_16BE.decode_without_bom_handling(bytes).0;
    }
    match UTF_8.decode_without_bom_handling_and_without_replacement(bytes) {
        Some(text) => text,
        None => WINDOWS_1252.decode_without_bom_handling(bytes).0,
    }
}
