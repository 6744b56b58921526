//! Session keys that do not belong to their containers, in three grades of certainty.

mod support;

use iiskeys_core::report::Level;
use iiskeys_fixtures::cases::{
    foreign_config_by_history, foreign_config_by_size, foreign_config_by_unwrapping, protected_healthy,
};
use iiskeys_fixtures::config::ConfigSpec;
use iiskeys_fixtures::machine::{GUID, Machine, Os, Secrets, WAS_KEY, in_use};
use iiskeys_fixtures::time::filetime;
use support::drive::{CHAIN, actions, check, clear, lacks, listed_without, on_drive, plan, without};
use support::{finding, findings, outcome};

const RULE: &str = "session-key-mismatch";

#[test]
fn the_size_alone_proves_it_without_any_secret() {
    let report = without(&foreign_config_by_size(), &CHAIN);
    let row = finding(&report, RULE);
    assert_eq!((row.severity, row.confidence.as_str()), (Level::Error, "proven"));
    assert!(row.explanation.contains("needs an RSA key of 1024 bits, and the one in"), "{}", row.explanation);
    assert!(row.explanation.contains("has 2048"), "{}", row.explanation);
    assert!(row.explanation.contains("1 encrypted value of"), "{}", row.explanation);
    assert!(row.evidence.iter().any(|cite| cite.observed.contains("for an RSA key of 1024 bits")));
    assert!(row.evidence.iter().any(|cite| cite.observed.contains("complete")), "{:?}", row.evidence);
    let subjects: Vec<_> = findings(&report, RULE).into_iter().map(|row| row.subject).collect();
    assert_eq!(subjects, ["provider:AesProvider", "provider:IISWASOnlyAesProvider"]);
    lacks(&report, "encrypted-value-unreadable", "was not unwrapped", "inetpub\\history");
}

#[test]
fn a_configuration_of_elsewhere_is_put_back_or_its_containers_imported() {
    let report = on_drive(&foreign_config_by_size());
    let plan = plan(&report);
    let step = plan.steps.iter().find(|step| step.action == "restore-configuration").expect("the step");
    let text = format!("{} {} {}", step.target, step.detail, step.commands.join(" "));
    assert!(text.contains("CFGHISTORY_0000000009"), "{text}");
    let names: Vec<&str> = plan.alternatives.iter().map(|other| other.name.as_str()).collect();
    assert!(names.contains(&"import-containers"), "{names:?}");
    for row in findings(&report, RULE) {
        assert!(plan.resolves.contains(&row.id), "{:?}", plan.leaves);
    }
    assert!(!actions(plan).iter().any(|action| action.contains("rename")), "{:?}", actions(plan));
}

#[test]
fn unwrapping_proves_it_where_the_sizes_agree() {
    let report = on_drive(&foreign_config_by_unwrapping());
    let row = finding(&report, RULE);
    assert_eq!((row.severity, row.confidence.as_str()), (Level::Error, "proven"));
    assert!(row.explanation.contains("was opened, and it does not unwrap"), "{}", row.explanation);
    assert!(row.evidence.len() >= 2);
    assert_eq!(report.root_cause.as_ref().map(|cause| cause.rule.as_str()), Some(RULE));
    assert!(plan(&report).resolves.contains(&row.id));
    clear(&report, &["dpapi-foreign", "master-key-missing"]);
}

#[test]
fn copies_that_are_newer_than_the_container_support_it_and_prove_nothing() {
    for machine in [foreign_config_by_history(), foreign_config_by_unwrapping()] {
        let report = listed_without(&machine, &CHAIN);
        let row = finding(&report, RULE);
        assert_eq!((row.severity, row.confidence.as_str()), (Level::Error, "weak"), "{}", row.explanation);
        assert!(row.explanation.contains("3 copies newer than the container"), "{}", row.explanation);
        assert!(row.explanation.contains("CFGHISTORY_0000000009"), "{}", row.explanation);
        assert!(
            row.explanation.contains("If so, 1 encrypted value of"),
            "a suspicion says no more than it knows: {}",
            row.explanation
        );
        assert!(row.evidence.iter().any(|cite| cite.observed.contains("has another session key")));
        let planned = report.plan.iter().flat_map(actions).filter(|step| *step == "restore-configuration");
        assert_eq!(planned.count(), 0, "nothing is put back on a suspicion");
    }
}

#[test]
fn copies_without_a_time_of_the_container_say_nothing() {
    let report = without(&foreign_config_by_unwrapping(), &CHAIN);
    lacks(&report, RULE, "was not tried", "Protect\\S-1-5-18");
}

#[test]
fn copies_that_are_older_than_the_container_say_nothing() {
    let mut machine = foreign_config_by_unwrapping();
    let made = filetime((2021, 1, 24), (9, 0, 0));
    for name in ["iisWasKey", "iisConfigurationKey"] {
        machine.remove_container(name, GUID);
        machine.add_container(name, GUID, made);
    }
    lacks(&listed_without(&machine, &CHAIN), RULE, "was not tried", "Protect\\S-1-5-18");
}

#[test]
fn a_healthy_machine_is_clear_with_secrets_and_open_without() {
    clear(&on_drive(&protected_healthy()), &[RULE]);
    for report in
        [without(&protected_healthy(), &CHAIN), listed_without(&protected_healthy(), &["\\config\\SECURITY"])]
    {
        assert!(findings(&report, RULE).is_empty());
        lacks(&report, RULE, "was not tried", "Protect\\S-1-5-18");
    }
}

#[test]
fn a_container_that_is_not_there_leaves_it_open() {
    let mut machine = protected_healthy();
    machine.remove_container(WAS_KEY, GUID);
    let row = check(&on_drive(&machine), RULE);
    assert_eq!(row.outcome, "not-evaluated", "{}", row.reason);
    assert!(row.reason.contains("the container iisWasKey"), "{}", row.reason);
}

#[test]
fn a_provider_that_nothing_uses_is_a_warning() {
    let mut machine = protected_healthy();
    machine.set_foreign_config(&ConfigSpec::iis7(2048), 2048, filetime((2021, 1, 25), (10, 0, 0)));
    let row = finding(&on_drive(&machine), RULE);
    assert_eq!((row.severity, row.confidence.as_str()), (Level::Warning, "proven"));
    assert!(row.explanation.contains("No value uses"), "{}", row.explanation);
}

#[test]
fn oaep_is_unwrapped_as_well() {
    let mut machine = protected_healthy();
    let mut config =
        iiskeys_fixtures::machine::in_use(ConfigSpec::iis7(2048), "IISWASOnlyAesProvider", "AesProvider");
    for provider in &mut config.providers {
        provider.oaep = true;
    }
    machine.set_config_at(&config, filetime((2021, 1, 25), (10, 0, 0)));
    clear(&on_drive(&machine), &[RULE, "encrypted-value-unreadable"]);
}

#[test]
fn rsa_providers_have_no_session_key_to_belong_anywhere() {
    let mut machine = protected_healthy();
    let config =
        iiskeys_fixtures::machine::in_use(ConfigSpec::rsa_only(), "IISWASOnlyRsaProvider", "IISRsaProvider");
    machine.set_config_at(&config, filetime((2021, 1, 25), (10, 0, 0)));
    clear(&on_drive(&machine), &[RULE]);
}

#[test]
fn a_machine_with_its_old_protection_is_proved_too() {
    for os in [Os::Server2008R2, Os::Server2012R2] {
        for secrets in [Secrets::new("entropy").flag_is_entropy(), Secrets::new("rounds").rounds(4000)] {
            let mut machine = Machine::new(os);
            machine.protect(&secrets);
            let report = on_drive(&machine);
            clear(&report, &[RULE, "encrypted-value-unreadable", "dpapi-foreign"]);
        }
    }
    assert_eq!(outcome(&on_drive(&Machine::new(Os::Server2003)), RULE), "not-applicable");
}

/// A Server 2008 R2 whose values are encrypted by the RSA providers themselves.
fn with_rsa_providers(seed: &str) -> Machine {
    let mut machine = Machine::new(Os::Server2008R2);
    machine.protect(&Secrets::new(seed));
    machine.set_config(&in_use(ConfigSpec::rsa_only(), "IISWASOnlyRsaProvider", "IISRsaProvider"));
    machine
}

#[test]
fn values_of_rsa_providers_carry_keys_of_their_own() {
    let own = with_rsa_providers("here");
    clear(&on_drive(&own), &[RULE, "encrypted-value-unreadable"]);

    let live = format!("{}\\config\\applicationHost.config", own.inetsrv());
    let foreign = with_rsa_providers("elsewhere").files()[&live].bytes.clone();
    let mut mixed = own;
    mixed.put(&live, foreign, filetime((2012, 5, 1), (8, 0, 0)));
    let report = on_drive(&mixed);
    let row = finding(&report, RULE);
    assert_eq!((row.severity, row.confidence.as_str()), (Level::Error, "proven"));
    assert!(row.title.starts_with("The key in each value of IIS"), "{}", row.title);
    assert!(findings(&report, "encrypted-value-unreadable").is_empty());
}

#[test]
fn a_container_of_a_user_is_not_called_right() {
    let mut machine = protected_healthy();
    let live = format!("{}\\config\\applicationHost.config", machine.inetsrv());
    let text = String::from_utf8(machine.files()[&live].bytes.clone()).expect("text");
    assert!(text.contains("useMachineContainer=\"true\""), "{text}");
    let text = text.replace("useMachineContainer=\"true\"", "useMachineContainer=\"false\"");
    machine.put(&live, text.into_bytes(), filetime((2021, 1, 25), (10, 0, 0)));
    let report = on_drive(&machine);
    assert_eq!(outcome(&report, RULE), "not-evaluated");
    assert!(
        check(&report, RULE).reason.contains("a container of some user"),
        "{}",
        check(&report, RULE).reason
    );
}

#[test]
fn a_session_key_that_cannot_be_read_is_not_called_right() {
    let mut machine = protected_healthy();
    let live = format!("{}\\config\\applicationHost.config", machine.inetsrv());
    let text = String::from_utf8(machine.files()[&live].bytes.clone()).expect("text");
    let text = text.replace("sessionKey=\"", "sessionKey=\"*");
    machine.put(&live, text.into_bytes(), filetime((2021, 1, 25), (10, 0, 0)));
    assert_eq!(outcome(&on_drive(&machine), RULE), "not-evaluated");
}
