//! Every forged machine with real secrets: what its root cause is, and that nothing is said to be wrong without one.

mod support;

use iiskeys_core::report::Level;
use iiskeys_fixtures::cases::protected;
use support::drive::on_drive;

#[test]
fn each_machine_has_the_cause_that_was_forged() {
    let expected = [
        ("damaged-containers-under-protection", Some("container-corrupt")),
        ("foreign-config-by-history", Some("master-key-missing")),
        ("foreign-config-by-size", Some("session-key-mismatch")),
        ("foreign-config-by-unwrapping", Some("session-key-mismatch")),
        ("foreign-containers", Some("master-key-missing")),
        ("inconsistent-security-hive", Some("hives-inconsistent")),
        ("missing-master-key", Some("master-key-missing")),
        ("mixed-security-hive", Some("hives-inconsistent")),
        ("power-loss", Some("config-unreadable")),
        ("protected-healthy", None),
        ("protected-healthy-cng", None),
        ("protected-metabase", None),
        ("recreated-metabase-container", None),
        ("replaced-metabase", Some("metabase-key-mismatch")),
        ("rotated-out-clone", Some("dpapi-foreign")),
        ("sysprepped-clone", Some("machine-guid-changed")),
    ];
    let machines = protected();
    assert_eq!(machines.iter().map(|(name, _)| *name).collect::<Vec<_>>(), expected.map(|(name, _)| name));
    for ((name, machine), (_, cause)) in machines.into_iter().zip(expected) {
        let report = on_drive(&machine);
        let found = report.root_cause.as_ref().map(|cause| cause.rule.as_str());
        assert_eq!(found, cause, "{name}:\n{}", report.to_text());
        let errors = report.findings.iter().filter(|row| row.severity == Level::Error).count();
        assert_eq!(errors > 0, cause.is_some(), "{name}");
        assert!(report.findings.iter().all(|row| !row.evidence.is_empty()), "{name}");
    }
}
