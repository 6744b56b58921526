use super::*;

#[test]
fn every_need_has_one_item_and_every_name_is_its_own() {
    for need in Need::ALL {
        assert_eq!(ITEMS.iter().filter(|item| item.need == Some(need)).count(), 1, "{need:?}");
    }
    for item in ITEMS {
        assert_eq!(ITEMS.iter().filter(|other| other.name == item.name).count(), 1, "{}", item.name);
        assert!(item.parts().iter().all(|part| !matches!(part.source, Source::Items(_))), "{}", item.name);
    }
}
