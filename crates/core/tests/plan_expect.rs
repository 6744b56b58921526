//! What a plan expects of the evidence afterwards: a machine that was repaired by the plan's own commands shows it, and the
//! broken one does not.

mod support;

use iiskeys_core::report::{ExpectRow, Report};
use iiskeys_fixtures::cases;
use iiskeys_fixtures::machine::Machine;
use support::{diagnose, outcome};

/// Carries out the commands of the plan.
fn repair(machine: &Machine, report: &Report) -> Machine {
    let mut machine = machine.clone();
    let plan = report.plan.as_ref().expect("a plan");
    for command in plan.steps.iter().flat_map(|step| &step.commands) {
        if let Some(names) = command.strip_prefix("ren ") {
            let mut quoted = names.split('"').filter(|part| !part.trim().is_empty());
            let (from, to) = (quoted.next().unwrap(), quoted.next().unwrap());
            let folder = from.rsplit_once('\\').unwrap().0;
            let file = machine.files().get(from).unwrap_or_else(|| panic!("{from}")).clone();
            machine.remove(from);
            machine.put(&format!("{folder}\\{to}"), file.bytes, file.created);
        }
    }
    for step in plan.steps.iter().filter(|step| step.action == "set-machine-guid") {
        let guid = step.detail.split(" to ").nth(1).and_then(|rest| rest.get(..36)).expect("the GUID to set");
        let now = machine.last_written;
        machine.set_guid(guid, now);
    }
    machine
}

fn is_met(expect: &ExpectRow, report: &Report) -> bool {
    match expect.kind.as_str() {
        "finding-gone" => !report.findings.iter().any(|finding| finding.id == expect.subject),
        "machine-guid" => {
            report.machine.machine_guid.as_ref().map(|guid| &guid.value) == expect.value.as_ref()
        }
        "container" => report
            .key_containers
            .iter()
            .any(|row| row.id == expect.subject && Some(&row.state) == expect.value.as_ref()),
        "group-evaluated" => !report.checks.iter().any(|check| {
            check.group == expect.subject
                && check.rule.starts_with("machine")
                && check.outcome == "not-evaluated"
        }),
        kind => panic!("{kind}"),
    }
}

#[test]
fn a_machine_that_was_repaired_by_the_plans_commands_shows_what_the_plan_expects() {
    for (name, machine) in [("guid changed", cases::guid_changed()), ("guid reset", cases::guid_reset())] {
        let before = diagnose(&machine);
        let plan = before.plan.as_ref().unwrap_or_else(|| panic!("{name} has no plan"));
        let of_kind = |kind: &str| plan.expect.iter().filter(|row| row.kind == kind).collect::<Vec<_>>();
        let gone: Vec<&String> = of_kind("finding-gone").iter().map(|row| &row.subject).collect();
        assert_eq!(gone.len(), plan.resolves.len(), "{name}");
        assert!(plan.resolves.iter().all(|id| gone.contains(&id)), "{name}");
        assert!(
            of_kind("group-evaluated").iter().any(|row| row.subject == "containers"),
            "{name}: {plan:#?}"
        );
        assert!(!of_kind("container").is_empty(), "{name}: {plan:#?}");
        let sets = plan.steps.iter().any(|step| step.action == "set-machine-guid");
        assert_eq!(of_kind("machine-guid").len(), usize::from(sets), "{name}: {:#?}", plan.steps);

        let after = diagnose(&repair(&machine, &before));
        for expect in &plan.expect {
            assert!(is_met(expect, &after), "{name}: {expect:?}\n{}", after.to_text());
        }
        assert!(plan.expect.iter().any(|expect| !is_met(expect, &before)), "{name}");
        assert_eq!(outcome(&after, "container-orphaned"), "clear", "{name}: {}", after.to_text());
    }
}

#[test]
fn expectations_keep_the_order_of_their_kinds_and_end_in_the_last_step() {
    let report = diagnose(&cases::guid_changed());
    let plan = report.plan.expect("a plan");
    let kinds = ["finding-gone", "machine-guid", "container", "group-evaluated"];
    let order: Vec<usize> = plan
        .expect
        .iter()
        .map(|row| kinds.iter().position(|kind| *kind == row.kind).expect("a known kind"))
        .collect();
    assert!(order.is_sorted(), "{:#?}", plan.expect);
    let last = plan.steps.last().expect("a step");
    assert!(
        last.detail.contains("`iiskeys collect`") && last.detail.contains("`iiskeys compare BEFORE AFTER`")
    );
}

#[test]
fn a_machine_without_a_plan_expects_nothing_and_one_without_findings_has_none() {
    assert!(diagnose(&Machine::new(iiskeys_fixtures::machine::Os::Server2012R2)).plan.is_none());
}
