use std::collections::BTreeSet;

use super::*;

/// All rules that the report's contract names.
const RULES: &str = "machine-guid-missing machine-guid-malformed machine-guid-changed machine-guid-pending \
    machine-guid-view-differs container-duplicated container-orphaned container-missing container-corrupt container-empty \
    container-incomplete container-misnamed container-relocated container-access container-set-aside \
    machinekeys-folder-missing machinekeys-folder-bloated master-key-missing dpapi-secret-rotated dpapi-foreign \
    hives-inconsistent config-unreadable config-provider-missing session-key-missing session-key-mismatch \
    encrypted-value-unreadable config-mixed-keys config-backup-usable recovery-export-present shared-configuration \
    metabase-key-mismatch binding-certificate-missing certificate-key-missing certificate-key-orphaned \
    certificate-key-unlinked certificate-key-mismatch certificate-key-in-user-store symptom-iisadmin-failed \
    symptom-service-timeout symptom-schannel-key symptom-app-pool-identity symptom-dpapi hotfix-884872-missing hive-dirty \
    timestamps-lost evidence-damaged evidence-mixed";

fn codes(input: &str) -> Vec<String> {
    explain(input).into_iter().map(|explanation| explanation.code).collect()
}

#[test]
fn one_code_is_known_in_every_form() {
    for form in [
        "0x80090006",
        "80090006",
        "2148073478",
        "-2146893818",
        "0X80090006",
        " (0x80090006) ",
        "NTE_BAD_SIGNATURE",
    ] {
        assert_eq!(codes(form), ["0x80090006"], "{form}");
    }
    let explanation = &explain("80090006")[0];
    assert_eq!((explanation.unsigned, explanation.signed), (Some(2148073478), Some(-2146893818)));
    assert!(explanation.rules.contains(&"metabase-key-mismatch"));
}

#[test]
fn the_published_decimal_forms_are_read() {
    for (form, name) in [
        ("-2146893819", "NTE_BAD_DATA"),
        ("2148073477", "NTE_BAD_DATA"),
        ("-2146893813", "NTE_BAD_KEY_STATE"),
        ("-2146893809", "NTE_EXISTS"),
        ("2148073494", "NTE_BAD_KEYSET"),
        ("-2147023584", "ERROR_NO_SUCH_LOGON_SESSION"),
        ("0x80070520", "ERROR_NO_SUCH_LOGON_SESSION"),
        ("0x80070008", "ERROR_NOT_ENOUGH_MEMORY"),
        ("0x800CC81D", "MD_ERROR_NO_SESSION_KEY"),
    ] {
        assert_eq!(explain(form)[0].name, name, "{form}");
    }
}

#[test]
fn events_are_known_with_and_without_the_word() {
    assert_eq!(codes("7024"), ["Service Control Manager 7024"]);
    assert_eq!(codes("event 36870"), ["Schannel 36870"]);
    assert_eq!(codes("Event ID: 7024"), ["Service Control Manager 7024"]);
    assert_eq!(codes("error 1053"), ["1053"]);
}

#[test]
fn a_bare_number_may_be_a_code_and_an_event() {
    assert_eq!(codes("13"), ["13", "Microsoft-IIS-Configuration 13"]);
    assert_eq!(codes("event 13"), ["Microsoft-IIS-Configuration 13"]);
    assert_eq!(codes("error 13"), ["13"]);
}

#[test]
fn words_of_a_message_are_enough() {
    for (words, code) in [
        ("The handle is invalid.", "6"),
        ("Bad Data", "0x80090005"),
        ("Invalid Signature", "0x80090006"),
        ("Not enough  storage is available to process this command", "8"),
        ("An attempt was made to reference a token that does not exist", "1008"),
        ("The service did not respond to the start or control request in a timely fashion", "1053"),
        ("Keyset does not exist", "0x80090016"),
        ("The system cannot find the file specified.", "2"),
    ] {
        assert_eq!(codes(words), [code], "{words}");
    }
    assert!(codes("Invalid identity").contains(&"Microsoft-Windows-WAS 5021".to_owned()));
}

#[test]
fn a_pasted_event_gives_its_code_and_its_id() {
    let text = "Event ID: 7024\r\nThe IIS Admin Service service terminated with service-specific error 2148073478 (0x80090006).";
    let found = codes(text);
    assert_eq!(found[0], "0x80090006");
    assert!(found.contains(&"Service Control Manager 7024".to_owned()));
}

#[test]
fn the_unknown_has_no_explanation() {
    for input in
        ["", "  ", "0x", "hello", "0xdeadbeef", "99999999999999", "-", "since 2013 we have 8 servers"]
    {
        assert_eq!(codes(input), [""; 0], "{input}");
    }
}

#[test]
fn tables_are_sorted_and_name_only_rules_that_exist() {
    assert!(statuses::ALL.windows(2).all(|pair| pair[0].code < pair[1].code));
    let key = |event: &Event| (event.source, event.ids[0]);
    let sources: Vec<&str> = events::ALL.iter().map(|event| event.source).collect();
    assert!(sources.is_sorted());
    assert_eq!(events::ALL.iter().map(key).collect::<BTreeSet<_>>().len(), events::ALL.len());
    let known: BTreeSet<&str> = RULES.split_whitespace().collect();
    let named = statuses::ALL
        .iter()
        .flat_map(|status| status.rules)
        .chain(events::ALL.iter().flat_map(|event| event.rules));
    for rule in named {
        assert!(known.contains(rule), "{rule}");
    }
}

#[test]
fn the_value_of_an_event_is_read_in_every_form_and_only_within_the_family() {
    for form in [
        "%%2148073478",
        "2148073478",
        "-2146893818",
        "%%-2146893818",
        "0x80090006",
        "80090006",
        " 0X80090006 ",
    ] {
        assert_eq!(parse_status(form), Some(0x8009_0006), "{form}");
    }
    assert_eq!(parse_status("%%8"), Some(8));
    assert_eq!(parse_status("0x80070005"), Some(0x8007_0005));
    for form in ["", "%%", "0", "0x0", "%%1066", "2147942402000", "0x80092023", "server", "%%2499"] {
        assert_eq!(parse_status(form), None, "{form}");
    }
    assert_eq!(status(0x8007_0005).map(|known| known.name), Some("ERROR_ACCESS_DENIED"));
    assert_eq!(status(0x8009_2023), None);
}

#[test]
fn every_event_that_counts_as_a_symptom_is_explained() {
    for (id, source, rule) in [
        (7024, "Service Control Manager", "symptom-iisadmin-failed"),
        (7001, "Service Control Manager", "symptom-iisadmin-failed"),
        (7009, "Service Control Manager", "symptom-service-timeout"),
        (116, "W3SVC", "symptom-iisadmin-failed"),
        (1057, "W3SVC", "symptom-app-pool-identity"),
        (5021, "Microsoft-Windows-WAS", "symptom-app-pool-identity"),
        (36870, "Schannel", "symptom-schannel-key"),
        (8198, "Microsoft-Windows-Crypto-DPAPI", "symptom-dpapi"),
        (5058, "Security", "symptom-dpapi"),
        (5061, "Security", "symptom-dpapi"),
    ] {
        let wanted = format!("{source} {id}");
        let found = explain(&format!("event {id}"));
        let event = found.iter().find(|explanation| explanation.code == wanted);
        assert!(event.is_some_and(|event| event.rules.contains(&rule)), "{wanted}: {found:?}");
    }
    let look_alike = explain("event 5189");
    assert!(look_alike.iter().all(|event| event.rules.is_empty()), "{look_alike:?}");
}

#[test]
fn an_answer_fits_its_terminal_and_names_only_rules_that_there_are() {
    let answer = &explain("0x80090006")[0];
    let text = answer.to_text(&["container-missing", "timestamps-lost"], &Look::of_width(60));
    assert!(text.starts_with("0x80090006 NTE_BAD_SIGNATURE (2148073478, -2146893818)\n  "), "{text}");
    assert!(text.contains("\n  Rules: container-missing\n") && text.contains("\n  Sources: "), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 60), "{text}");
    assert!(answer.to_text(&[], &Look::default()).contains("\n  Rules: none of this version\n"));
}
