//! What registry data means. The same bytes come from hives and from exports.

/// Text of a REG_SZ or REG_EXPAND_SZ, up to its first NUL.
pub fn text(data: &[u8]) -> String {
    let units: Vec<u16> = units(data).take_while(|unit| *unit != 0).collect();
    String::from_utf16_lossy(&units)
}

/// Text of a REG_SZ without the NUL that ends it; any other NUL stays.
pub fn whole_text(data: &[u8]) -> String {
    let units: Vec<u16> = units(data).collect();
    String::from_utf16_lossy(units.strip_suffix(&[0]).unwrap_or(&units))
}

/// Texts of a REG_MULTI_SZ.
pub fn multi_text(data: &[u8]) -> Vec<String> {
    let units: Vec<u16> = units(data).collect();
    let texts = units.split(|unit| *unit == 0);
    texts.take_while(|text| !text.is_empty()).map(String::from_utf16_lossy).collect()
}

/// A REG_DWORD; `None` when the data has another length than four bytes.
pub fn dword(data: &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(data.try_into().ok()?))
}

/// A REG_QWORD; `None` when the data has another length than eight bytes.
pub fn qword(data: &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(data.try_into().ok()?))
}

fn units(data: &[u8]) -> impl Iterator<Item = u16> + '_ {
    data.chunks_exact(2).filter_map(|pair| Some(u16::from_le_bytes(pair.try_into().ok()?)))
}
