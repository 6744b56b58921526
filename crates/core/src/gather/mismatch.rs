//! Signs that the pieces come from different machines.

use iiskeys_evidence::Timestamp;

use super::listings::Listings;
use super::pieces::Pieces;
use super::registry::{self, Reader};
use crate::machine::events::is_host;
use crate::machine::facts::{Facts, Mismatch};
use crate::machine::{Citation, DAY, Known, Locator};

/// Computers of event logs that are named.
const NAMED: usize = 8;

/// Network cards that SOFTWARE names and SYSTEM does not know at all.
pub(super) fn network_cards(facts: &mut Facts, software: &Reader<'_>, system: &Reader<'_>) {
    let (known, used) = registry::network_cards(software, system);
    if known.is_empty() || used.is_empty() || known.iter().any(|card| used.contains(card)) {
        return;
    }
    let place = |reader: &Reader<'_>, key: &str| Citation::new(reader.file, Locator::Key(key.into()));
    facts.mismatches.push(Mismatch {
        what: "None of the network cards that SOFTWARE names is known to SYSTEM: the two hives come from different \
               machines."
            .to_owned(),
        citations: vec![
            (place(software, "Microsoft\\Windows NT\\CurrentVersion\\NetworkCards"), known.join(", ")),
            (place(system, "Services\\Tcpip\\Parameters\\Interfaces"), used.join(", ")),
        ],
        certain: false,
    });
}

/// A second SYSTEM hive with another computer name.
pub(super) fn hostname(facts: &mut Facts, other: &Known<String>) {
    let own = &facts.os.hostname;
    let (Some(a), Some(b)) = (own.value(), other.value()) else { return };
    if a.eq_ignore_ascii_case(b) {
        return;
    }
    let cite = |known: &Known<String>| known.citation().cloned();
    let citations = [(cite(own), a.clone()), (cite(other), b.clone())];
    facts.mismatches.push(Mismatch {
        what: format!("Two SYSTEM hives name different computers, {a} and {b}."),
        citations: citations
            .into_iter()
            .filter_map(|(citation, observed)| Some((citation?, observed)))
            .collect(),
        certain: true,
    });
}

/// Everything else that must agree on one machine.
pub(super) fn find(facts: &mut Facts, _pieces: &Pieces, listings: &Listings) {
    let identity = &facts.identity;
    if let Some(current) = identity.guid.value() {
        let unreplayed = identity.unreplayed.as_ref().and_then(Known::value);
        for (rival, citation) in &identity.rivals {
            let known = |text: &str| text.eq_ignore_ascii_case(&rival.text);
            let earlier = identity.earlier.iter().any(|earlier| known(earlier.guid.as_str()));
            if known(&current.text) || unreplayed.is_some_and(|value| known(&value.text)) || earlier {
                continue;
            }
            let mut citations = vec![(citation.clone(), rival.text.clone())];
            citations.extend(identity.guid.citation().map(|own| (own.clone(), current.text.clone())));
            facts.mismatches.push(Mismatch {
                what: format!(
                    "Two registries in evidence hold different MachineGuids, {} and {}.",
                    current.text, rival.text
                ),
                citations,
                certain: true,
            });
        }
    }
    if let Some(host) = facts.os.hostname.value() {
        for (computer, file) in &listings.computers {
            if is_host(computer, host) {
                continue;
            }
            let mut citations = vec![(Citation::new(*file, Locator::File), computer.clone())];
            citations.extend(facts.os.hostname.citation().map(|own| (own.clone(), host.clone())));
            facts.mismatches.push(Mismatch {
                what: format!("A listing was made on {computer}, and SYSTEM names the computer {host}."),
                citations,
                certain: true,
            });
        }
    }
    product(facts);
    logs(facts);
}

/// Event logs in which no computer of this machine's name wrote. A renamed machine keeps logs under its old name, so
/// this says something only of a System log that stands where Windows writes it and goes on until the registry was last
/// written: at the start that a new name needs, Windows logs under the new one.
fn logs(facts: &mut Facts) {
    let Some(host) = facts.os.hostname.value() else { return };
    let active = facts.os.active_hostname.value();
    let is_own = |name: &str| is_host(name, host) || active.is_some_and(|active| is_host(name, active));
    let logs = &facts.events.logs;
    let mut computers: Vec<String> = logs.iter().flat_map(|log| log.computers.iter().cloned()).collect();
    computers.sort();
    computers.dedup();
    if computers.is_empty() || computers.iter().any(|computer| is_own(computer)) {
        return;
    }
    computers.truncate(NAMED);
    let names = computers.join(", ");
    let written = facts.system.value().and_then(|hive| hive.last_written);
    let is_late = |last: Timestamp| written.is_some_and(|written| written.seconds_since(last).abs() <= DAY);
    let system = logs.iter().filter(|log| log.channel == "system" && log.is_in_place);
    let late = system.filter(|log| !log.computers.is_empty()).find(|log| log.last.is_some_and(is_late));
    let Some(log) = late else {
        facts.assumptions.push(format!(
            "The event logs name the computer {names} and SYSTEM names {host}; they were taken for logs of this machine \
             from before it was renamed."
        ));
        return;
    };
    let mut citations = vec![(Citation::new(log.file, Locator::File), names.clone())];
    citations.extend(facts.os.hostname.citation().map(|own| (own.clone(), host.clone())));
    let what = format!("The event logs were written on {names}, and SYSTEM names the computer {host}.");
    facts.mismatches.push(Mismatch { what, citations, certain: false });
}

/// A client's SOFTWARE beside a server's SYSTEM, or the reverse.
fn product(facts: &mut Facts) {
    let os = &facts.os;
    let (Some(kind), Some(product)) = (os.installation_type.value(), os.product_type.value()) else { return };
    let client = match kind.to_ascii_lowercase().as_str() {
        "client" => true,
        "server" | "server core" | "nano server" => false,
        _ => return,
    };
    let workstation = match product.to_ascii_lowercase().as_str() {
        "winnt" => true,
        "serverNT" | "servernt" | "lanmannt" => false,
        _ => return,
    };
    if client == workstation {
        return;
    }
    let citations = [
        (os.installation_type.citation().cloned(), kind.clone()),
        (os.product_type.citation().cloned(), product.clone()),
    ];
    facts.mismatches.push(Mismatch {
        what: format!("SOFTWARE is of a {kind} installation, and SYSTEM says {product}: the two come from different machines."),
        citations: citations.into_iter().filter_map(|(citation, observed)| Some((citation?, observed))).collect(),
        certain: true,
    });
}
