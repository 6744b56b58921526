//! The configuration of IIS: whether it can be read, and which of its keys and values.

mod support;

use iiskeys_core::report::Level;
use iiskeys_fixtures::cases::{power_loss, protected_healthy, protected_healthy_cng, protected_metabase};
use iiskeys_fixtures::config::{ConfigSpec, Sealer, SessionKey};
use iiskeys_fixtures::crypto::SessionAlg;
use iiskeys_fixtures::machine::{Machine, Os, Secrets, in_use};
use iiskeys_fixtures::time::filetime;
use support::drive::{check, clear, lacks, on_drive, plan, without};
use support::{finding, findings, outcome};

const UNREADABLE: &str = "config-unreadable";
const PROVIDER: &str = "config-provider-missing";
const NO_KEY: &str = "session-key-missing";
const VALUE: &str = "encrypted-value-unreadable";
const MIXED: &str = "config-mixed-keys";
const LIVE: [&str; 6] = [UNREADABLE, PROVIDER, NO_KEY, "session-key-mismatch", VALUE, MIXED];

fn at() -> u64 {
    filetime((2021, 1, 25), (10, 0, 0))
}

fn base() -> ConfigSpec {
    in_use(ConfigSpec::iis7(2048), "IISWASOnlyAesProvider", "AesProvider")
}

/// Server 2012 R2 in good order with this configuration, and one copy of the good one.
fn with(config: &ConfigSpec) -> Machine {
    let mut machine = protected_healthy();
    machine.set_config_at(config, at());
    machine
}

/// The same with the text of the live configuration changed.
fn edited(edit: impl Fn(&str) -> String) -> Machine {
    let mut machine = protected_healthy();
    let live = machine.live_config();
    let text = String::from_utf8(machine.files()[&live].bytes.clone()).expect("UTF-8");
    let changed = edit(&text);
    assert_ne!(changed, text, "nothing was changed");
    machine.put(&live, changed.into_bytes(), at());
    machine
}

#[test]
fn configurations_in_good_order_raise_no_alarm() {
    for machine in [protected_healthy(), protected_healthy_cng()] {
        clear(&on_drive(&machine), &LIVE);
    }
}

#[test]
fn iis_before_version_7_has_no_such_configuration() {
    let report = on_drive(&protected_metabase());
    for rule in LIVE {
        assert_eq!(outcome(&report, rule), "not-applicable", "{rule}");
    }
}

#[test]
fn a_client_without_iis_has_none_either() {
    let report = on_drive(&Machine::new(Os::Client));
    for rule in LIVE {
        assert_eq!(outcome(&report, rule), "not-applicable", "{rule}");
    }
}

#[test]
fn without_the_file_every_rule_asks_for_it() {
    let mut machine = protected_healthy();
    machine.remove(&machine.live_config());
    let report = on_drive(&machine);
    for rule in LIVE {
        lacks(&report, rule, "applicationHost.config is not in evidence", "config\\applicationHost.config");
    }
}

#[test]
fn a_power_loss_is_repaired_with_the_newest_copy_that_fits() {
    let report = on_drive(&power_loss());
    let row = finding(&report, UNREADABLE);
    assert_eq!((row.severity, row.confidence.as_str()), (Level::Error, "proven"));
    assert_eq!(row.subject, "file:applicationHost.config");
    assert!(row.explanation.contains("WAS and W3SVC do not start"), "{}", row.explanation);
    assert_eq!(row.evidence.len(), 1);
    assert_eq!(row.affects, ["service W3SVC", "service WAS"]);
    let plan = plan(&report);
    assert!(plan.resolves.contains(&row.id), "{:?}", plan.resolves);
    let step = plan.steps.iter().find(|step| step.action == "restore-configuration").expect("the step");
    let text = format!("{} {} {}", step.target, step.detail, step.commands.join(" "));
    assert!(text.contains("CFGHISTORY_0000000008"), "{text}");
    for rule in [PROVIDER, NO_KEY, "session-key-mismatch", VALUE, MIXED] {
        lacks(&report, rule, "applicationHost.config cannot be read", "another copy of the damaged file");
    }
}

#[test]
fn an_edit_that_breaks_the_file_is_cited() {
    for machine in [edited(|text| text.replacen("</configProtectedData>", "", 1)), edited(|_| String::new())]
    {
        let row = finding(&on_drive(&machine), UNREADABLE);
        assert_eq!((row.severity, row.confidence.as_str()), (Level::Error, "proven"));
        assert!(!row.evidence[0].observed.is_empty());
    }
}

#[test]
fn a_value_of_an_undeclared_provider_is_an_error() {
    let mut config = base();
    config.providers.retain(|provider| provider.name != "AesProvider");
    let report = on_drive(&with(&config));
    let row = finding(&report, PROVIDER);
    assert_eq!((row.severity, row.confidence.as_str()), (Level::Error, "proven"));
    assert_eq!(row.subject, "provider:AesProvider");
    assert!(row.explanation.contains("1 encrypted value of the live configuration"), "{}", row.explanation);
    assert!(row.evidence[0].locator.contains("anonymousAuthentication"), "{:?}", row.evidence);
    assert!(plan(&report).resolves.contains(&row.id), "{}", report.to_text());
}

#[test]
fn an_empty_value_of_an_undeclared_provider_is_only_suspicious() {
    let mut config = base().anonymous_password("AesProvider", 0);
    config.providers.retain(|provider| provider.name != "AesProvider");
    let row = finding(&on_drive(&with(&config)), PROVIDER);
    assert_eq!((row.severity, row.confidence.as_str()), (Level::Warning, "weak"));
    assert!(row.explanation.contains("without a payload"), "{}", row.explanation);
}

#[test]
fn an_aes_provider_without_a_session_key_is_told_apart_from_a_broken_one() {
    for (value, what) in [(None, "none"), (Some("sessionKey=\"AAAA\""), "not a wrapped key")] {
        let machine = edited(|text| {
            let (before, rest) = text.split_once("name=\"AesProvider\"").expect("the provider");
            let (head, key) = rest.split_once("sessionKey=\"").expect("its key");
            let (_, tail) = key.split_once('"').expect("its end");
            format!("{before}name=\"AesProvider\"{head}{}{tail}", value.unwrap_or_default())
        });
        let report = on_drive(&machine);
        let row = finding(&report, NO_KEY);
        assert_eq!((row.severity, row.confidence.as_str()), (Level::Error, "proven"));
        assert_eq!(row.subject, "provider:AesProvider");
        assert!(row.explanation.contains(what), "{}", row.explanation);
        assert!(row.evidence[0].observed.contains("sessionKey"));
        assert!(plan(&report).resolves.contains(&row.id), "{}", report.to_text());
        assert_eq!(findings(&report, NO_KEY).len(), 1);
        // Nothing was unwrapped, so nothing says that its values are in order.
        lacks(&report, VALUE, "AesProvider has no session key", "inetpub\\history");
    }
}

#[test]
fn a_session_key_that_nothing_uses_is_not_missed() {
    let mut config = ConfigSpec::iis7(2048);
    for provider in &mut config.providers {
        provider.session_key = None;
    }
    clear(&on_drive(&with(&config)), &[NO_KEY, VALUE, MIXED, "session-key-mismatch"]);
}

/// A configuration whose values of one provider were encrypted with another session key.
fn pasted() -> Machine {
    let mut machine = protected_healthy();
    let rsa = machine.exchange_key("iisWasKey").expect("a key");
    let (own, other) =
        (SessionKey::named("own", SessionAlg::Aes128), SessionKey::named("pasted", SessionAlg::Aes128));
    let mut config = base().pool("Pasted", Some("IISWASOnlyAesProvider"));
    for provider in &mut config.providers {
        if provider.name == "IISWASOnlyAesProvider" {
            *provider = provider.clone().session_key_for(&rsa, &own, false);
        }
    }
    let text = |key: &SessionKey, machine: &mut Machine| {
        machine
            .set_config_at(&config.clone().sealed("IISWASOnlyAesProvider", Sealer::Aes(key.clone())), at());
        String::from_utf8(machine.files()[&machine.live_config()].bytes.clone()).expect("UTF-8")
    };
    let (theirs, ours) = (text(&other, &mut machine), text(&own, &mut machine));
    let value = |text: &str| {
        let (_, pool) = text.split_once("<add name=\"Pasted\"").expect("the pool");
        let (_, value) = pool.split_once("[enc:").expect("its password");
        value.split_once(":enc]").expect("its end").0.to_owned()
    };
    let live = machine.live_config();
    machine.put(&live, ours.replace(&value(&ours), &value(&theirs)).into_bytes(), at());
    machine
}

#[test]
fn a_pasted_value_does_not_decrypt_beside_others_that_do() {
    let report = on_drive(&pasted());
    let row = finding(&report, VALUE);
    assert_eq!((row.severity, row.confidence.as_str()), (Level::Error, "strong"));
    assert_eq!(row.subject, "provider:IISWASOnlyAesProvider");
    assert!(row.explanation.contains("Of its values, 1 decrypt to text; 1 cannot be"), "{}", row.explanation);
    assert!(row.evidence.iter().any(|cite| cite.observed == "does not decrypt to text"));
    let mixed = finding(&report, MIXED);
    assert_eq!((mixed.severity, mixed.confidence.as_str()), (Level::Warning, "strong"));
    assert_eq!(mixed.subject, row.subject);
    assert!(mixed.evidence.iter().any(|cite| cite.locator.contains("Pasted")), "{:?}", mixed.evidence);
    clear(&report, &["session-key-mismatch"]);
    let silent = without(&pasted(), &["\\config\\SECURITY"]);
    lacks(&silent, VALUE, "was not unwrapped", "Protect\\S-1-5-18");
    lacks(&silent, MIXED, "was not unwrapped", "Protect\\S-1-5-18");
}

#[test]
fn a_payload_that_no_key_could_have_made_is_told_apart() {
    let machine = edited(|text| {
        let (before, rest) = text.split_once("[enc:AesProvider:").expect("a value");
        let (_, tail) = rest.split_once(":enc]").expect("its end");
        format!("{before}[enc:AesProvider:QUJDRA==:enc]{tail}")
    });
    let row = finding(&on_drive(&machine), VALUE);
    assert_eq!((row.severity, row.subject.as_str()), (Level::Error, "provider:AesProvider"));
    assert!(row.evidence.iter().any(|cite| cite.observed.contains("made by no key")), "{:?}", row.evidence);
}

#[test]
fn a_cng_part_of_another_server_shows_without_any_secret() {
    let mut machine = protected_healthy_cng();
    let config = in_use(ConfigSpec::cng_only(), "IISWASOnlyCngProvider", "IISCngProvider")
        .pool("Pasted", Some("IISWASOnlyCngProvider"));
    machine.set_config_at(&config, at());
    let live = machine.live_config();
    let text = |machine: &Machine| String::from_utf8(machine.files()[&live].bytes.clone()).expect("UTF-8");
    let ours = text(&machine);
    clear(&on_drive(&machine), &[MIXED]);
    let mut other = Machine::new(Os::Server2022);
    other.protect(&Secrets::new("another server"));
    other.set_config_at(&config, at());
    let value = |text: &str| {
        let (_, pool) = text.split_once("<add name=\"Pasted\"").expect("the pool");
        let (_, value) = pool.split_once("[enc:").expect("its password");
        value.split_once(":enc]").expect("its end").0.to_owned()
    };
    machine.put(&live, ours.replace(&value(&ours), &value(&text(&other))).into_bytes(), at());
    let report = without(&machine, &["\\config\\SECURITY", "\\Protect\\"]);
    let row = finding(&report, MIXED);
    assert_eq!((row.severity, row.confidence.as_str()), (Level::Warning, "strong"));
    assert_eq!(row.subject, "provider:IISWASOnlyCngProvider");
    assert!(row.explanation.contains("2 groups"), "{}", row.explanation);
    assert_eq!(row.evidence.len(), 2);
    assert!(check(&report, VALUE).outcome != "found");
}
