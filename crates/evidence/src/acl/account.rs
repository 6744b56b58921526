//! Account names as Windows shows them, in several languages.
//!
//! The names of accounts that every machine has are translated; their identifiers are not. Names that are in no table
//! stay names, and the access check does not pretend to know them.

use super::{Account, Sid};

/// Names without their authority, folded by [`fold`], and what they stand for.
const NAMES: [(&str, u64, &[u32]); 53] = [
    ("everyone", 1, &[0]),
    ("jeder", 1, &[0]),
    ("tout le monde", 1, &[0]),
    ("todos", 1, &[0]),
    ("iedereen", 1, &[0]),
    ("alla", 1, &[0]),
    ("alle", 1, &[0]),
    ("wszyscy", 1, &[0]),
    ("system", 5, &[18]),
    ("systeme", 5, &[18]),
    ("sistema", 5, &[18]),
    ("systeem", 5, &[18]),
    ("local service", 5, &[19]),
    ("lokaler dienst", 5, &[19]),
    ("service local", 5, &[19]),
    ("servicio local", 5, &[19]),
    ("servizio locale", 5, &[19]),
    ("servico local", 5, &[19]),
    ("network service", 5, &[20]),
    ("netzwerkdienst", 5, &[20]),
    ("service reseau", 5, &[20]),
    ("servicio de red", 5, &[20]),
    ("servizio di rete", 5, &[20]),
    ("servico de rede", 5, &[20]),
    ("authenticated users", 5, &[11]),
    ("authentifizierte benutzer", 5, &[11]),
    ("utilisateurs authentifies", 5, &[11]),
    ("usuarios autentificados", 5, &[11]),
    ("usuarios autenticados", 5, &[11]),
    ("service", 5, &[6]),
    ("dienst", 5, &[6]),
    ("servicio", 5, &[6]),
    ("interactive", 5, &[4]),
    ("interaktiv", 5, &[4]),
    ("interactif", 5, &[4]),
    ("administrators", 5, &[32, 544]),
    ("administratoren", 5, &[32, 544]),
    ("administrateurs", 5, &[32, 544]),
    ("administradores", 5, &[32, 544]),
    ("administratorer", 5, &[32, 544]),
    ("users", 5, &[32, 545]),
    ("benutzer", 5, &[32, 545]),
    ("utilisateurs", 5, &[32, 545]),
    ("usuarios", 5, &[32, 545]),
    ("iis_iusrs", 5, &[32, 568]),
    ("backup operators", 5, &[32, 551]),
    ("sicherungs-operatoren", 5, &[32, 551]),
    ("creator owner", 3, &[0]),
    ("ersteller-besitzer", 3, &[0]),
    ("createur proprietaire", 3, &[0]),
    ("owner rights", 3, &[4]),
    ("iusr", 5, &[17]),
    ("this organization", 5, &[15]),
];

/// The account of a name as a listing shows it, or of an identifier.
pub(super) fn account(text: &str) -> Account {
    let text = text.trim();
    if let Some(sid) = Sid::from_text(text) {
        return Account::Sid(sid);
    }
    let name = match text.rsplit_once('\\') {
        Some((authority, name)) if is_authority(authority) => name,
        Some(_) => return Account::Name(text.into()),
        None => text,
    };
    let folded = fold(name);
    let known = NAMES.iter().find(|(name, _, _)| *name == folded);
    match known {
        Some((_, authority, parts)) => Account::Sid(Sid::new(*authority, parts)),
        None => Account::Name(text.into()),
    }
}

/// Whether a name that is in no table may still be one of the accounts that every machine has.
pub(super) fn may_be_well_known(name: &str) -> bool {
    match name.rsplit_once('\\') {
        Some((authority, _)) => is_authority(authority),
        None => true,
    }
}

/// Whether the part before the backslash is that of Windows itself rather than of a machine or a domain.
fn is_authority(authority: &str) -> bool {
    let folded = fold(authority);
    if ["nt service", "iis apppool"].contains(&folded.as_str()) {
        return false;
    }
    // Every translation of NT AUTHORITY keeps the letters NT as a word.
    let has_nt = folded.split([' ', '-']).any(|word| word == "nt");
    has_nt || ["builtin", "vordefiniert", "predefinito"].contains(&folded.as_str()) || !folded.is_ascii()
}

/// Lower case without accents, so that a listing that lost them is still understood.
fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.trim().chars().flat_map(char::to_lowercase) {
        folded.push(match c {
            'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' => 'a',
            'è' | 'é' | 'ê' | 'ë' => 'e',
            'ì' | 'í' | 'î' | 'ï' => 'i',
            'ò' | 'ó' | 'ô' | 'õ' | 'ö' => 'o',
            'ù' | 'ú' | 'û' | 'ü' => 'u',
            'ç' => 'c',
            'ñ' => 'n',
            other => other,
        });
    }
    folded
}

/// Whether a text is an account that is known for sure.
pub(super) fn is_known(text: &str) -> bool {
    matches!(account(text), Account::Sid(_))
}
