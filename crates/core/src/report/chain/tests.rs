use std::path::{Path, PathBuf};

use super::*;
use crate::report::{ConfigRow, ContainerRow, GroupRow, NeededRow, ProviderRow};
use crate::{Options, Quiet};
use iiskeys_evidence::{Evidence, OpenOptions};

/// The reports of all fixtures, by name.
pub(crate) fn fixtures() -> Vec<(String, Report)> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir(top).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.retain(|folder| folder.join("evidence").is_dir());
    folders.sort();
    assert!(folders.len() > 10);
    folders
        .iter()
        .map(|folder| {
            let evidence = Evidence::open(&[folder.join("evidence")], &OpenOptions::default()).unwrap();
            let report = crate::diagnose(&evidence, &Options::default(), &mut Quiet).unwrap();
            (folder.file_name().unwrap().to_string_lossy().into_owned(), report)
        })
        .collect()
}

/// The report of one fixture.
pub(crate) fn fixture(name: &str) -> Report {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(name).join("evidence");
    let evidence = Evidence::open(&[folder], &OpenOptions::default()).unwrap();
    crate::diagnose(&evidence, &Options::default(), &mut Quiet).unwrap()
}

fn count(chain: &Chain, kind: Kind) -> usize {
    chain.nodes.iter().filter(|node| node.kind == kind).count()
}

fn find<'c>(chain: &'c Chain, kind: Kind, label: &str) -> Vec<&'c Node> {
    chain.nodes.iter().filter(|node| node.kind == kind && node.label == label).collect()
}

/// "from > to: state" of every link, in words.
fn links(chain: &Chain) -> Vec<String> {
    let label = |at: usize| chain.nodes[at].label.as_str();
    chain
        .links
        .iter()
        .map(|link| format!("{} > {}: {}", label(link.from), label(link.to), link.state.word()))
        .collect()
}

fn check_sound(name: &str, chain: &Chain) {
    for link in &chain.links {
        let (from, to) = (&chain.nodes[link.from], &chain.nodes[link.to]);
        assert!(from.column < to.column, "{name}: {} > {}", from.label, to.label);
        assert!(!link.why.is_empty());
        if link.state == State::Works {
            assert_ne!(from.state, State::Idle, "{name}: nothing works through {}", from.label);
        }
    }
    let ends: BTreeSet<_> = chain.links.iter().map(|link| (link.from, link.to)).collect();
    assert_eq!(ends.len(), chain.links.len(), "{name}: a link is drawn once");
    let subjects: BTreeSet<_> = chain.nodes.iter().map(|node| (node.kind, &node.subject)).collect();
    assert_eq!(subjects.len(), chain.nodes.len(), "{name}: a fact has one node");
    assert!(chain.nodes.windows(2).all(|pair| pair[0].column <= pair[1].column), "{name}");
    assert!(chain.nodes.len() <= MOST.iter().sum(), "{name}");
}

#[test]
fn every_fixture_has_one_node_for_each_fact_and_draws_the_same_when_it_is_read_back() {
    for (name, report) in fixtures() {
        let chain = Chain::of(&report);
        check_sound(&name, &chain);
        assert!(count(&chain, Kind::Guid) >= report.guid_census.len().max(1), "{name}");
        assert_eq!(
            count(&chain, Kind::Provider),
            report.config.as_ref().map_or(0, |it| it.providers.len()),
            "{name}"
        );
        assert_eq!(count(&chain, Kind::Binding), report.bindings.len(), "{name}");
        let rows = report.key_containers.iter().filter(|row| row.well_known.is_some()).count();
        assert!(count(&chain, Kind::Container) >= rows, "{name}");
        let again = Report::from_json(report.to_json().as_bytes()).unwrap();
        assert_eq!(Chain::of(&again), chain, "{name}");
    }
}

/// Names of what errors say is down, with nodes that stand for them.
fn nodes_of<'c>(chain: &'c Chain, name: &str) -> Vec<&'c Node> {
    let label = name.strip_prefix("service ").or(name.strip_prefix("site ")).unwrap_or(name);
    let label = label.strip_prefix("application pool ").unwrap_or(label);
    let is_it = |node: &&Node| match node.kind {
        Kind::Binding => {
            let endpoint = node.detail.trim_start_matches("HTTPS ");
            name == format!("HTTPS of site {} ({endpoint})", node.label)
        }
        Kind::Service | Kind::User => node.label == label,
        _ => false,
    };
    chain.nodes.iter().filter(is_it).collect()
}

#[test]
fn the_picture_is_broken_where_the_verdict_is_and_names_everything_that_is_down() {
    for (name, report) in fixtures() {
        let chain = Chain::of(&report);
        let is_broken = report.verdict == crate::report::Verdict::Broken;
        assert_eq!(chain.broken.0 > 0, is_broken, "{name}");
        for finding in report.findings.iter().filter(|finding| finding.severity == Level::Error) {
            for down in &finding.affects {
                let nodes = nodes_of(&chain, down);
                assert!(!nodes.is_empty(), "{name}: {down} of {} is not drawn", finding.rule);
                assert!(nodes.iter().all(|node| node.state == State::Broken), "{name}: {down}: {nodes:?}");
            }
        }
        for (at, node) in chain.nodes.iter().enumerate() {
            assert!(!node.why.is_empty(), "{name}: {}", node.label);
            let says = |words: &str| node.why.contains(words);
            if node.state == State::Broken {
                assert!(!says("works") && !says("not tested"), "{name}: {}: {}", node.label, node.why);
                let is_service = matches!(node.kind, Kind::User | Kind::Service);
                let hangs = chain.links.iter().any(|link| link.to == at && link.state == State::Broken);
                assert!(!is_service || hangs, "{name}: {} is down from nothing", node.label);
            }
        }
    }
}

#[test]
fn what_an_error_is_about_has_a_node_and_what_is_down_hangs_on_it() {
    let chain = Chain::of(&fixture("server2003-metabase-replaced"));
    check_sound("metabase", &chain);
    let links = links(&chain);
    for link in ["MetaBase.xml > IISADMIN: broken", "IISADMIN > W3SVC: broken"] {
        assert!(links.iter().any(|it| it == link), "{link} in {links:#?}");
    }
    let chain = Chain::of(&fixture("server2012r2-power-loss"));
    let links = self::links(&chain);
    for link in ["applicationHost.config > WAS: broken", "applicationHost.config > W3SVC: broken"] {
        assert!(links.iter().any(|it| it == link), "{link} in {links:#?}");
    }
    // A provider that values name and the configuration does not declare, and hives that do not belong together.
    let mut report = fixture("server2012r2-foreign-config-by-size");
    report.config.as_mut().unwrap().providers.clear();
    let mut hives = report.findings[0].clone();
    hives.subject = "value:SECURITY\\Policy\\Secrets\\DPAPI_SYSTEM".to_owned();
    hives.affects.clear();
    report.findings.push(hives);
    let chain = Chain::of(&report);
    check_sound("undeclared", &chain);
    for (kind, label) in
        [(Kind::Provider, "IISWASOnlyAesProvider"), (Kind::Part, "SECURITY\\Policy\\Secrets\\DPAPI_SYSTEM")]
    {
        let nodes = find(&chain, kind, label);
        assert!(matches!(nodes.as_slice(), [node] if node.state == State::Broken), "{label}: {nodes:?}");
    }
    let links = self::links(&chain);
    assert!(links.iter().any(|it| it == "IISWASOnlyAesProvider > Intranet: broken"), "{links:#?}");
}

#[test]
fn a_machine_guid_that_is_absent_is_broken_and_not_unknown() {
    let mut report = fixture("healthy-server2012r2");
    report.machine.machine_guid = None;
    let mut finding = fixture("server2008r2-guid-changed").findings[0].clone();
    finding.rule = "machine-guid-missing".to_owned();
    finding.title = "The MachineGuid is missing".to_owned();
    report.findings.push(finding);
    let chain = Chain::of(&report);
    let guid = &chain.nodes[0];
    assert_eq!(
        (guid.state, guid.label.as_str(), guid.detail.as_str()),
        (State::Broken, "missing", "the value is absent")
    );
}

#[test]
fn a_machine_guid_whose_rules_were_not_evaluated_is_not_said_to_work() {
    for rule in
        ["machine-guid-missing", "machine-guid-malformed", "machine-guid-changed", "machine-guid-pending"]
    {
        let mut report = fixture("healthy-server2012r2");
        let check = report.checks.iter_mut().find(|check| check.rule == rule).unwrap();
        check.outcome = "not-evaluated".to_owned();
        let chain = Chain::of(&report);
        assert_eq!(chain.nodes[0].state, State::Unknown, "{rule}");
        assert!(chain.links.iter().all(|link| link.from != 0 || link.state == State::Unknown), "{rule}");
    }
}

#[test]
fn nothing_is_broken_where_only_notes_were_found() {
    let mut report = fixture("server2003-https-after-repair");
    for state in ["not-bound", "no-certificate", "key-missing", "key-orphaned", "certificate-missing"] {
        for finding in &mut report.findings {
            finding.severity = Level::Note;
        }
        report.bindings.iter_mut().for_each(|row| row.state = state.to_owned());
        report.certificates.iter_mut().for_each(|row| row.state = state.to_owned());
        let chain = Chain::of(&report);
        let broken: Vec<_> = chain.nodes.iter().filter(|node| node.state == State::Broken).collect();
        assert_eq!((chain.broken, broken), ((0, 0), Vec::new()), "{state}");
    }
    // The error of a certificate is the binding's too, whatever the binding's own row could tell.
    let mut report = fixture("server2003-https-after-repair");
    report.bindings.iter_mut().for_each(|row| row.state = "user-key-set".to_owned());
    report.findings.retain(|finding| finding.subject.starts_with("certificate:"));
    report.findings.iter_mut().for_each(|finding| finding.affects.clear());
    let chain = Chain::of(&report);
    let of_binding = |node: &&Node| node.kind == Kind::Binding && node.state == State::Broken;
    assert_eq!(chain.nodes.iter().filter(of_binding).count(), 2);
}

#[test]
fn a_report_of_the_first_form_does_not_say_that_nothing_needs_a_container() {
    let mut report = fixture("server2008r2-guid-changed");
    report.schema_version = "1.0".to_owned();
    report.needed.clear();
    let chain = Chain::of(&report);
    check_sound("1.0", &chain);
    assert!(
        !chain.nodes.iter().any(|node| node.why.contains("othing that was examined")),
        "{:#?}",
        chain.nodes
    );
    for name in ["IISADMIN", "SMTPSVC"] {
        assert!(nodes_of(&chain, name).iter().any(|node| node.state == State::Broken), "{name}");
    }
}

#[test]
fn what_is_not_drawn_is_counted_and_shown_by_its_worst() {
    let mut report = fixture("server2008r2-guid-changed");
    let (finding, template) = (report.findings[1].clone(), report.key_containers[0].clone());
    for number in 0..200 {
        let row = container(number, &template);
        let mut finding = finding.clone();
        finding.subject = format!("container:{}", row.id);
        finding.affects = vec![format!("Service{number}")];
        report.findings.push(finding);
        report.key_containers.push(row);
        let guid = format!("00000000-0000-0000-0000-{number:012}");
        let mut seen = report.guid_census[0].clone();
        (seen.guid, seen.is_current) = (guid.clone(), false);
        report.guid_census.push(seen);
        report.container_groups.push(GroupRow {
            store: "rsa-machine".to_owned(),
            guid: Some(guid),
            pattern: "vpn-<n>".to_owned(),
            size_class: "1 to 2 KiB".to_owned(),
            count: 3,
            first_day: None,
            last_day: None,
        });
    }
    let chain = Chain::of(&report);
    check_sound("more", &chain);
    assert!(chain.broken.0 >= 400, "{:?}", chain.broken);
    let more: Vec<_> = chain.nodes.iter().filter(|node| node.kind == Kind::More).collect();
    assert_eq!(
        more.iter().map(|node| node.state).collect::<Vec<_>>(),
        [State::Idle, State::Broken, State::Broken]
    );
    assert!(more[1].detail.contains("of them broken"), "{}", more[1].detail);
    for (at, node) in chain.nodes.iter().enumerate().filter(|(_, node)| node.kind == Kind::Counted) {
        assert!(chain.links.iter().any(|link| link.to == at), "{} hangs on nothing", node.label);
    }
}

#[test]
fn what_is_healthy_and_proven_works_to_its_end() {
    let mut report = fixture("healthy-server2012r2");
    assert_eq!(Chain::of(&report).broken, (0, 0));
    for row in &mut report.key_containers {
        row.protection.as_mut().unwrap().proof = "opened-with-current-secret".to_owned();
    }
    for provider in &mut report.config.as_mut().unwrap().providers {
        provider.session_key = provider.session_key.take().map(|_| "opens".to_owned());
    }
    let chain = Chain::of(&report);
    assert_eq!(chain.broken, (0, 0), "{:#?}", links(&chain));
    let links = links(&chain);
    for link in ["iisWasKey > IISWASOnlyAesProvider: works", "IISWASOnlyAesProvider > Intranet: works"] {
        assert!(links.iter().any(|it| it == link), "{link} in {links:#?}");
    }
}

#[test]
fn a_changed_guid_breaks_the_way_to_the_containers_that_are_looked_for() {
    let chain = Chain::of(&fixture("server2008r2-guid-changed"));
    let links = links(&chain);
    let current = "3E08FB7E-9B1D-4422-9215-C3ECA2A68BFE";
    for link in [
        format!("{current} > MS IIS DCOM Server: broken"),
        "MS IIS DCOM Server > IISADMIN: broken".to_owned(),
        "IISADMIN > SMTPSVC: broken".to_owned(),
        format!("{current} > Microsoft Internet Information Server: works"),
    ] {
        assert!(links.contains(&link), "{link} in {links:#?}");
    }
    let copies = find(&chain, Kind::Container, "Microsoft Internet Information Server");
    assert_eq!(copies.len(), 2);
    let states: Vec<_> = copies.iter().map(|node| (node.state, node.why.contains("better copy"))).collect();
    assert!(states.contains(&(State::Broken, false)) && states.contains(&(State::Idle, true)), "{copies:?}");
    assert!(
        !links.iter().any(|link| link.starts_with(current) && link.contains("TSSecKeySet1")),
        "nobody looks for it"
    );
}

#[test]
fn a_needed_container_without_a_file_is_a_node_too() {
    let chain = Chain::of(&fixture("iis7-keys-missing"));
    for name in ["iisWasKey", "iisConfigurationKey"] {
        let nodes = find(&chain, Kind::Missing, name);
        assert!(matches!(nodes.as_slice(), [node] if node.state == State::Broken), "{name}: {nodes:?}");
    }
    let links = links(&chain);
    assert!(links.iter().any(|link| link == "iisWasKey > IISWASOnlyAesProvider: broken"), "{links:#?}");
}

#[test]
fn a_certificate_is_joined_to_its_container_and_its_bindings() {
    let chain = Chain::of(&fixture("server2003-https-after-repair"));
    let links = links(&chain);
    for link in [
        "le-WebServer-6f0a5d1c-2a31-4b7e-9d57-0c8a1f3b2e44 > CN=shop.example.test: broken",
        "CN=shop.example.test > Shop: broken",
    ] {
        assert!(links.iter().any(|it| it == link), "{link} in {links:#?}");
    }
    assert!(!chain.nodes.iter().any(|node| node.label.starts_with("HTTPS of")), "a binding is drawn once");
}

#[test]
fn a_container_that_was_not_opened_is_never_said_to_work() {
    let mut report = fixture("healthy-server2012r2");
    for row in &mut report.key_containers {
        row.protection.as_mut().unwrap().proof = "not-attempted".to_owned();
    }
    let chain = Chain::of(&report);
    assert!(chain.nodes.iter().filter(|node| node.kind != Kind::Guid).all(|node| node.state != State::Works));
    assert!(
        chain
            .links
            .iter()
            .filter(|link| chain.nodes[link.from].column > 0)
            .all(|link| link.state != State::Works)
    );
}

#[test]
fn without_a_guid_nothing_is_said_about_where_windows_looks() {
    let mut report = fixture("healthy-server2012r2");
    report.machine.machine_guid = None;
    for row in &mut report.key_containers {
        row.standing = None;
    }
    let chain = Chain::of(&report);
    check_sound("without a GUID", &chain);
    assert_eq!(chain.nodes[0].state, State::Unknown);
    assert!(chain.links.iter().all(|link| link.state != State::Works), "{:#?}", links(&chain));
}

fn container(number: usize, template: &ContainerRow) -> ContainerRow {
    ContainerRow {
        id: format!("rsa-machine/{number:032x}_x"),
        path: format!("MachineKeys/{number:032x}_x"),
        prefix: Some(format!("{number:032x}")),
        name: Some(format!("vpn-{number}")),
        well_known: None,
        needed_by: Vec::new(),
        ..template.clone()
    }
}

#[test]
fn containers_that_nothing_depends_on_are_one_counted_node() {
    let mut report = fixture("healthy-server2012r2");
    let template = report.key_containers[0].clone();
    let others = (0..300).map(|number| ContainerRow { in_groups: true, ..container(number, &template) });
    report.key_containers.extend(others);
    report.container_groups = vec![GroupRow {
        store: "rsa-machine".to_owned(),
        guid: template.guid.clone(),
        pattern: "vpn-<n>".to_owned(),
        size_class: "1 to 2 KiB".to_owned(),
        count: 5_000,
        first_day: None,
        last_day: None,
    }];
    // One of them is damaged and so drawn by itself.
    report.key_containers[10].state = "damaged".to_owned();
    let chain = Chain::of(&report);
    check_sound("others", &chain);
    let counted: Vec<_> = chain.nodes.iter().filter(|node| node.kind == Kind::Counted).collect();
    assert!(matches!(counted.as_slice(), [node] if node.label == "4999 other containers"), "{counted:?}");
    assert_eq!(count(&chain, Kind::Container), 5);
}

#[test]
fn a_picture_is_bounded_and_keeps_what_is_broken() {
    let mut report = fixture("healthy-server2012r2");
    let template = report.key_containers[0].clone();
    let finding = fixture("iis7-keys-missing").findings[0].clone();
    for number in 0..1_000 {
        let mut row = container(number, &template);
        row.needed_by = vec!["a test needs it".to_owned()];
        if number >= 990 {
            row.state = "damaged".to_owned();
            let mut finding = finding.clone();
            finding.subject = format!("container:{}", row.id);
            report.findings.push(finding);
        }
        report.needed.push(NeededRow {
            name: format!("vpn-{number}"),
            store: "rsa-machine".to_owned(),
            prefix: format!("{number:032x}"),
            reasons: vec!["a test needs it".to_owned()],
            assumed: false,
            users: vec![format!("Service{number}")],
        });
        report.key_containers.push(row);
    }
    let provider: ProviderRow = report.config.as_ref().unwrap().providers[0].clone();
    let many = (0..1_000).map(|number| ProviderRow { name: format!("P{number}"), ..provider.clone() });
    report.config = Some(ConfigRow { providers: many.collect(), ..report.config.take().unwrap() });
    let chain = Chain::of(&report);
    check_sound("many", &chain);
    let damaged =
        chain.nodes.iter().filter(|node| node.kind == Kind::Container && node.state == State::Broken);
    assert_eq!(damaged.count(), 10);
    let more: Vec<_> =
        chain.nodes.iter().filter(|node| node.kind == Kind::More).map(|node| &node.label).collect();
    assert_eq!(more, ["and 925 more", "and 1941 more"]);
}
