use data_encoding::BASE64;
use iiskeys_fixtures::config::Encoding;
use iiskeys_fixtures::rng::Rng;

use super::*;

fn file(names: &[&str]) -> String {
    let parts: String = names
        .iter()
        .map(|name| {
            let bytes = if *name == "Exponent" { vec![1, 0, 1] } else { vec![0x8f; 64] };
            format!("<{name}>{}</{name}>", BASE64.encode(&bytes))
        })
        .collect();
    format!("<RSAKeyValue>{parts}</RSAKeyValue>")
}

#[test]
fn private_numbers_are_noticed_and_not_kept() {
    let public = RsaKeyValue::parse(file(&NAMES[..2]).as_bytes()).unwrap();
    assert_eq!((public.bits, public.has_private, public.is_complete_pair), (512, false, false));
    assert_eq!(public.exponent, [1, 0, 1]);
    for encoding in Encoding::ALL {
        let pair = RsaKeyValue::parse(&encoding.encode(&file(&NAMES))).unwrap();
        assert!(pair.has_private && pair.is_complete_pair);
    }
    let some = RsaKeyValue::parse(file(&NAMES[..3]).as_bytes()).unwrap();
    assert!(some.has_private && !some.is_complete_pair);
}

#[test]
fn files_that_are_none_say_why() {
    let error = |text: &str| RsaKeyValue::parse(text.as_bytes()).unwrap_err();
    assert_eq!(error(&file(&["Modulus"])), RsaKeyValueError::Missing { name: "Exponent" });
    assert_eq!(
        error("<RSAKeyValue>\n<Modulus>*</Modulus></RSAKeyValue>"),
        RsaKeyValueError::Number { name: "Modulus", line: 2 }
    );
    let twice = file(&["Modulus", "Modulus"]);
    assert_eq!(error(&twice), RsaKeyValueError::Twice { name: "Modulus", line: 1 });
    assert_eq!(error("<a/>"), RsaKeyValueError::Xml(ConfigError::Root { expected: "RSAKeyValue" }));
    let large = vec![b' '; SIZE_LIMIT + 1];
    assert!(matches!(RsaKeyValue::parse(&large), Err(RsaKeyValueError::Xml(ConfigError::TooLarge { .. }))));
}

#[test]
fn mutated_files_are_read_or_refused() {
    let whole = file(&NAMES).into_bytes();
    let mut rng = Rng::new(0x45a);
    for _ in 0..5_000 {
        let mut mutant = whole.clone();
        let at = rng.below(mutant.len());
        match rng.below(3) {
            0 => mutant.truncate(at),
            1 => drop(mutant.remove(at)),
            _ => mutant[at] = rng.next_u64() as u8,
        }
        if let Ok(found) = RsaKeyValue::parse(&mutant) {
            assert!(found.modulus.len() <= mutant.len() && found.bits <= 16_392);
        }
    }
}
