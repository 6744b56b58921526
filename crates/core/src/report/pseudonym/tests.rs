use proptest::prelude::*;

use super::names::folded;
use super::*;

fn finder(names: &[&str]) -> Finder {
    let mut finder = Finder::default();
    for (at, name) in names.iter().enumerate() {
        finder.add(name, at);
    }
    finder
}

fn replaced(names: &[&str], text: &str) -> String {
    let tokens: Vec<String> = (0..names.len()).map(|at| format!("<{at}>")).collect();
    finder(names).replace(Place::Name, text, &|at| tokens[at].as_str())
}

#[test]
fn whole_words_are_replaced_the_longest_first_in_any_case() {
    let names = ["shop", "shop.contoso.com", "Contoso"];
    assert_eq!(replaced(&names, "SHOP.Contoso.com, shop, workshop, shops"), "<1>, <0>, workshop, shops");
    assert_eq!(replaced(&names, "contoso\\shop_1 and (Contoso)"), "<2>\\<0>_1 and (<2>)");
}

#[test]
fn a_name_is_found_however_it_is_written() {
    let names = ["R&D <one>", "C:\\Ünïcode"];
    for text in ["R&amp;D &lt;one&gt;", "R%26D%20%3Cone%3E", "r%26d%20%3cONE%3e", "R&D <one>"] {
        assert_eq!(replaced(&names, text), "<0>", "{text}");
    }
    assert_eq!(replaced(&names, "c:\\\\ünÏcode"), "<1>");
    assert_eq!(replaced(&["a\u{202e}bc"], "see a\\u{202e}bc"), "see <0>");
}

#[test]
fn short_names_are_found_only_where_they_stand_alone() {
    assert_eq!(replaced(&["it"], "it"), "<0>");
    assert_eq!(replaced(&["it"], "C:\\it\\x: it is 'it'"), "C:\\<0>\\x: it is '<0>'");
}

#[test]
fn a_token_is_never_a_name_of_the_machine() {
    let mut map = PseudonymMap::default();
    let reserved = ["host-1", "host-2"].map(str::to_owned).into();
    assert_eq!(map.token(Kind::Host, "WEB01", &reserved), "host-3");
    assert_eq!(map.token(Kind::Host, "web01", &reserved), "host-3", "case is no difference");
    assert_eq!(map.token(Kind::Site, "WEB01", &reserved), "host-3", "one name, one token");
}

#[test]
fn a_map_is_read_back_and_goes_on_where_it_stopped() {
    let mut map = PseudonymMap::default();
    let none = BTreeSet::new();
    map.token(Kind::Site, "Shop \u{202e}", &none);
    map.remember_finding("rule-2", "rule-1");
    let text = map.to_json();
    assert!(!text.contains('\u{202e}'), "{text}");
    let mut read = PseudonymMap::from_json(&text).expect("a map");
    assert_eq!(read, map);
    assert_eq!(read.token(Kind::Site, "Other", &none), "site-2");
    assert_eq!(read.name("site-1"), Some("Shop \u{202e}"));
}

#[test]
fn what_is_no_map_is_refused() {
    for (text, why) in [
        ("[]", "invalid type"),
        ("{\"secret\": {}}", "kinds of names"),
        ("{\"host\": {\"host-18446744073709551615\": \"zzz\"}}", "no token"),
        ("{\"host\": {\"host-01\": \"x\"}}", "no token"),
        ("{\"host\": {\"host-1\": \"x\", \"host-2\": \"X\"}}", "second token"),
    ] {
        let told = PseudonymMap::from_json(text).unwrap_err().to_string();
        assert!(told.contains(why), "{told}");
    }
}

#[test]
fn well_known_parts_of_paths_stay() {
    let mut names = Names::default();
    for path in [
        "C:\\Windows\\System32\\inetsrv\\config\\applicationHost.config",
        "C:\\ProgramData\\Microsoft\\Crypto\\RSA\\MachineKeys\\76944fb33636aeddb9590521c2e8815a_9790b371-96e4-4554-8f72-c2e0b12e99d2",
        "C:\\Documents and Settings\\All Users\\Application Data",
        "uploads/ntfs/%5C%5C.%5CC%3A/inetpub/history/CFGHISTORY_0000000012",
        "disk.raw/partition-2/Windows",
        "C:\\Users\\Public",
        "%ALLUSERSPROFILE%\\Application Data\\Microsoft\\Crypto",
        "dir-created.txt",
        "acl-folder.txt",
    ] {
        names.path(path);
        assert!(names.sorted().is_empty(), "{path}: {:?}", names.sorted());
    }
    names.path("D:\\Contoso\\shop.zip\\Users\\jdoe\\S-1-5-21-1-2-3-1001");
    let found: Vec<(Kind, &str)> = names.sorted();
    let wanted = [
        (Kind::Path, "Contoso"),
        (Kind::Account, "jdoe"),
        (Kind::Account, "S-1-5-21-1-2-3-1001"),
        (Kind::Path, "shop"),
    ];
    assert_eq!(found, wanted);
}

#[test]
fn the_hash_of_a_private_name_is_private_too() {
    let mut names = Names::default();
    names.path("MachineKeys\\167fb89eaeda0c5b91ee7381d6908124_9790b371-96e4-4554-8f72-c2e0b12e99d2.contoso");
    let kinds: Vec<Kind> = names.sorted().into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, [Kind::KeyFile, Kind::Path]);
}

fn told(kind: Kind, name: &str, place: Place, text: &str) -> String {
    let mut finder = Finder::default();
    finder.add_name(kind, name, 0);
    finder.replace(place, text, &|_| "<0>")
}

#[test]
fn a_name_that_is_an_ordinary_word_is_replaced_where_it_is_a_name() {
    let prose = |kind, name, text| told(kind, name, Place::Prose, text);
    for (text, wanted) in [
        ("Plan, after a backup: export the keys", "Plan, after a backup: export the keys"),
        ("Backup of C:\\iiskeys-backup", "Backup of C:\\iiskeys-backup"),
        ("HTTPS of site Backup is down", "HTTPS of site <0> is down"),
        ("xpath sites/site[@name='Backup']", "xpath sites/site[@name='<0>']"),
        ("site:Backup", "site:<0>"),
    ] {
        assert_eq!(prose(Kind::Site, "Backup", text), wanted);
    }
    assert_eq!(
        prose(Kind::Pool, "Services", "Stop the services that hold keys; application pool Services"),
        "Stop the services that hold keys; application pool <0>"
    );
    assert_eq!(
        prose(Kind::Pool, "Identity", "the application pool identity"),
        "the application pool identity"
    );
    assert_eq!(told(Kind::Site, "Backup", Place::Name, "backup"), "<0>");
    let path = "C:\\Windows\\System32\\inetsrv\\backup";
    assert_eq!(told(Kind::Site, "Backup", Place::Path, path), path);
    assert_eq!(prose(Kind::Site, "Vermilion", "a vermilion wall"), "a <0> wall", "no word of the program");
}

#[test]
fn computers_with_ordinary_names_are_hidden_and_the_prose_stays() {
    for name in ["EXCHANGE", "SERVER", "WEB", "MAIL", "TEST", "DEV"] {
        let mut names = Names::default();
        names.host(name);
        assert_eq!(names.sorted(), [(Kind::Host, name)]);
        let text = format!("event of {name}: the mail server, a web test of dev");
        let told = told(Kind::Host, name, Place::Prose, &text);
        assert!(told.starts_with("event of <0>:"), "{told}");
        let is_word = name != "DEV";
        assert_eq!(told.ends_with("the mail server, a web test of dev"), is_word, "{told}");
    }
    let mut names = Names::default();
    names.host("IIS");
    names.host("localhost");
    assert_eq!(names.sorted(), [(Kind::Host, "IIS")]);
    let text = "IIS on computer IIS cannot open its keys";
    assert_eq!(told(Kind::Host, "IIS", Place::Prose, text), "IIS on computer <0> cannot open its keys");
}

#[test]
fn the_words_of_every_rule_are_ordinary() {
    for rule in crate::rules::all() {
        for word in rule.info().summary.split(|it: char| !it.is_alphabetic()).filter(|it| !it.is_empty()) {
            assert!(ordinary::Guard::of(Kind::Site, word).is_some(), "{word}");
        }
    }
}

proptest! {
    /// Whatever the names and the text, translating back gives the text, but for the case of names.
    #[test]
    fn tokens_translate_back(
        names in proptest::collection::vec("[A-Za-z][A-Za-z0-9 .&<-]{2,12}[a-z]", 1..6),
        words in proptest::collection::vec(0_usize..12, 0..12),
    ) {
        let plain = ["the", "(", ")", "\\", "/", "'"];
        let text: Vec<&str> = words
            .iter()
            .map(|&word| names.get(word).map_or_else(|| plain[word % plain.len()], String::as_str))
            .collect();
        let text = text.join(" ");
        let list: Vec<&str> = names.iter().map(String::as_str).collect();
        let tokens: Vec<String> = (0..list.len()).map(|at| format!("\u{1}{at}\u{2}")).collect();
        let there = finder(&list).replace(Place::Name, &text, &|at| tokens[at].as_str());
        let mut back = there.clone();
        for (token, name) in tokens.iter().zip(&list) {
            back = back.replace(token, name);
        }
        prop_assert_eq!(folded(&back), folded(&text));
        // What was found once is not found again.
        let mut again = 0;
        finder(&list).visit(Place::Name, &there, &mut |_| again += 1);
        prop_assert_eq!(again, 0);
    }
}
