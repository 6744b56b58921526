use super::*;

#[test]
fn what_is_listed_is_bounded_and_says_how_much_more_there_is() {
    let all: Vec<String> = (1..=5).map(|number| number.to_string()).collect();
    assert_eq!(some(&all[..3], "reason"), ["1", "2", "3"]);
    assert_eq!(some(&all[..4], "reason"), ["1", "2", "3", "1 reason"]);
    assert_eq!(some(&all, "reason"), ["1", "2", "3", "2 reasons"]);
}

#[test]
fn only_patterns_that_tell_their_maker_have_a_product() {
    assert!(maker("le-<template>-<GUID>").is_some_and(|(product, _)| product.is_some()));
    assert!(maker("{<GUID>}").is_some_and(|(product, _)| product.is_none()));
    for chosen in ["other", "path", "name not readable", "MS IIS DCOM Client<user><SID>"] {
        assert!(maker(chosen).is_none(), "{chosen}");
    }
}

#[test]
fn a_flood_is_told_from_a_few() {
    let day = |text: &str| Some(text.to_owned());
    let sum = |count| Sum { count, first: day("2020-01-01"), last: day("2020-01-10"), ..Sum::default() };
    assert!(basis(&sum(5_000), "", false).contains("About 500 a day"));
    for few in [sum(50), Sum { last: day("2029-01-10"), ..sum(500) }] {
        assert!(!basis(&few, "", false).contains("a day"), "{}", basis(&few, "", false));
    }
    assert!(basis(&sum(1), "", true).contains("settle first whether that GUID comes back"));
    assert!(!basis(&sum(1), "", false).contains("delete"));
}
