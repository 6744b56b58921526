//! From evidence to facts: finds the pieces by their content, reads them, and writes down what they say.
//!
//! Hives and the configuration are read before folders of containers are streamed, so that what is interesting in a
//! folder of a million files is known by then.

mod access;
mod aspnet;
mod certificates;
mod configuration;
mod containers;
mod copies;
mod deleted;
mod events;
mod history;
mod hives;
mod http_sys;
mod interest;
mod letters;
mod listings;
mod mismatch;
mod names;
mod pieces;
mod places;
mod protect;
mod prover;
mod registry;
mod secrets;
mod sources;
mod stores;
mod symptoms;

use std::collections::BTreeMap;

use iiskeys_evidence::{Evidence, SelectError, SkipReason, Skipped, System};
use thiserror::Error;

use crate::artifact::config::{ApplicationHost, Schema};
use crate::artifact::container::Family;
use crate::machine::facts::{Damage, EvidenceFile, Facts, ProviderKind};
use crate::machine::{Citation, Events, FileId, Known, Locator, Need, Protection, Tls};
use configuration::Part;
use containers::push_file;
use interest::Interest;
use pieces::Pieces;
use prover::Prover;

/// Largest configuration file that is read, in bytes.
const LARGEST_CONFIG: u64 = 64 << 20;

/// Facts could not be gathered.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GatherError {
    /// Nothing in the evidence is of a kind that can be read.
    #[error(
        "no evidence could be read: expected registry hives or exports, key folders, listings or IIS configuration, \
         found none; name the folder, disk image or archive that holds them"
    )]
    Nothing,
    /// Disk images and archives were opened, and nothing in them can be read.
    #[error(
        "no evidence could be read: no registry hive, key folder, listing or IIS configuration in {}; \
         give an image or archive of the server's system volume",
        .0.join("; ")
    )]
    NothingIn(Vec<String>),
    /// Something was given that should be opened and cannot be.
    #[error("no evidence could be read: {}", .0.join("; "))]
    NotOpened(Vec<String>),
    /// Several installed systems, and no choice.
    #[error("the evidence holds {} installed systems ({}); choose one with --windows PATH", .0.len(), .0.join(", "))]
    SeveralSystems(Vec<String>),
    /// The choice is none of the systems.
    #[error("{wanted} is no installed system of this evidence; there are: {}", .found.join(", "))]
    NoSuchSystem {
        /// The choice.
        wanted: String,
        /// The systems.
        found: Vec<String>,
    },
}

/// Hears of long work.
pub trait Progress {
    /// A new piece of work begins.
    fn step(&mut self, what: &str);
    /// So many files were looked at since the step began.
    fn done(&mut self, files: u64);
}

/// Hears nothing.
#[derive(Debug, Default)]
pub struct Quiet;

impl Progress for Quiet {
    fn step(&mut self, _what: &str) {}
    fn done(&mut self, _files: u64) {}
}

/// Gathers the facts of one machine. `windows` chooses among several installed systems.
///
/// # Errors
/// When nothing can be read, or the system is not clear.
pub(crate) fn gather(
    evidence: &Evidence,
    windows: Option<&str>,
    prove_all: bool,
    progress: &mut dyn Progress,
) -> Result<Facts, GatherError> {
    let system = choose(evidence, windows)?;
    progress.step("looking for hives, configuration and listings");
    let mut pieces = Pieces::find(evidence, system, windows)?;
    let mut facts = blank();
    progress.step("reading the registry");
    let hives::ForLater { mounted, secrets, store } = hives::read(&mut facts, &pieces);
    letters::assign(&mut facts, &mut pieces.volumes, &mounted);
    protect::folders(&mut facts, &pieces);
    let mut prover = Prover::new(&facts, secrets, prove_all);
    protect::read(&mut facts, &pieces, &mut prover);
    progress.step("reading the configuration");
    let history = configuration(&mut facts, &pieces, &mut prover);
    copies::read(&mut facts, &pieces, history.as_deref(), &mut prover);
    aspnet::sections(&mut facts, &pieces, &mut prover);
    aspnet::central_store(&mut facts, store, &mut prover);
    let interest = interest(&mut facts);
    let mut listings = listings::read(&mut facts, &pieces);
    prover.add_listed_master_keys(&listings.master_keys);
    let access = access::read(&mut facts, &pieces, &interest);
    progress.step("reading key containers");
    stores::read(&mut facts, &pieces, &interest, &mut prover, &mut listings, progress);
    prover.finish(&mut facts);
    access.add_names(&mut facts);
    access.apply(&mut facts);
    events::read(&mut facts, &pieces, progress);
    listings.apply_to_files(&mut facts);
    mismatch::find(&mut facts, &pieces, &listings);
    facts.damage.extend(evidence.skipped().iter().filter_map(passed_over));
    let more = evidence.skipped_overflow();
    if more > 0 {
        let what = format!("{more} more files and folders were not looked at");
        facts.damage.push(Damage { path: ".".to_owned(), what, citation: None });
    }
    for (path, what) in &pieces.unread {
        facts.damage.push(Damage { path: path.clone(), what: what.clone(), citation: None });
    }
    facts.damage.sort_by(|a, b| (&a.path, &a.what).cmp(&(&b.path, &b.what)));
    facts.damage.dedup();
    sources::add(&mut facts, evidence);
    if facts.files.is_empty() {
        sources::nothing(&facts, evidence)?;
    }
    Ok(facts)
}

/// The installed system that is meant; none when no drive in evidence has Windows.
fn choose<'e>(evidence: &'e Evidence, windows: Option<&str>) -> Result<Option<&'e System>, GatherError> {
    let has_windows = |system: &System| system.system_volume().is_some_and(|volume| volume.windows.is_some());
    if !evidence.systems().iter().any(has_windows) {
        // The choice may name a hive that lies loose; the pieces know.
        return Ok(None);
    }
    let labels =
        |choices: &[iiskeys_evidence::EvidencePath]| choices.iter().map(ToString::to_string).collect();
    evidence.select(windows).map_err(|error| match error {
        SelectError::Several { choices } => GatherError::SeveralSystems(labels(&choices)),
        SelectError::NoSuch { wanted, choices } => {
            GatherError::NoSuchSystem { wanted, found: labels(&choices) }
        }
    })
}

/// Damage for what was left alone; none for what was given twice and is looked at once.
fn passed_over(skipped: &Skipped) -> Option<Damage> {
    let what = match &skipped.reason {
        SkipReason::AlreadyGiven
        | SkipReason::PartOf(_)
        | SkipReason::OtherVolume(_)
        | SkipReason::Elsewhere(_) => return None,
        SkipReason::NotOpened(why) => why.clone(),
        reason @ (SkipReason::TooDeep(_) | SkipReason::TooManyEntries(_)) => {
            format!("not looked at to its end: {reason}")
        }
        reason => format!("not looked at: {reason}"),
    };
    Some(Damage { path: skipped.path.to_string(), what, citation: None })
}

fn blank() -> Facts {
    use crate::machine::facts::{Identity, Iis, Os};
    fn open<T>(need: Need) -> Known<T> {
        Known::NotInEvidence(need)
    }
    let (software, system) = (Need::SoftwareHive, Need::SystemHive);
    Facts {
        sources: Vec::new(),
        letters: BTreeMap::new(),
        files: Vec::new(),
        software: open(software),
        system: open(system),
        identity: Identity {
            guid: open(software),
            key_written: open(software),
            unreplayed: None,
            wow64: open(software),
            earlier: Vec::new(),
            rivals: Vec::new(),
        },
        os: Os {
            product: open(software),
            version: open(software),
            build: open(software),
            edition: open(software),
            installation_type: open(software),
            product_type: open(system),
            service_pack: open(software),
            installed: open(software),
            earlier_installs: Vec::new(),
            system_root: open(software),
            hostname: open(system),
            active_hostname: open(system),
            time_zone: open(system),
            image_state: open(software),
            setup_in_progress: open(system),
            is_64_bit: open(software),
            common_app_data: open(software),
            user_common_app_data: open(software),
            hotfix_884872: open(software),
            image_layer: false,
        },
        iis: Iis { version: open(software), components: open(software), services: open(system) },
        folders: Vec::new(),
        missing_folders: Vec::new(),
        containers: Vec::new(),
        deleted: Vec::new(),
        groups: BTreeMap::new(),
        oddities: BTreeMap::new(),
        spread: BTreeMap::new(),
        config: open(Need::ApplicationHost),
        schema: open(Need::Schema),
        protection: Protection::default(),
        wraps: Vec::new(),
        copies: Vec::new(),
        shared: open(Need::Redirection),
        metabases: Vec::new(),
        recovery: Vec::new(),
        central_store: Vec::new(),
        registry_containers: Vec::new(),
        aspnet: Vec::new(),
        tls: Tls::unknown(),
        events: Events::default(),
        damage: Vec::new(),
        mismatches: Vec::new(),
        assumptions: Vec::new(),
    }
}

/// Adds a file that was read to the evidence table.
fn file_row(
    facts: &mut Facts,
    file: &iiskeys_evidence::File,
    kind: &'static str,
    sha256: [u8; 32],
) -> FileId {
    push_file(facts, EvidenceFile::of(file, kind, Some(sha256)))
}

/// Reads the live configuration and the schema; gives back the folder that is named for the history.
fn configuration(facts: &mut Facts, pieces: &Pieces, prover: &mut Prover) -> Option<String> {
    let mut history = None;
    if let Some(file) = &pieces.config {
        facts.config = match file.read_all(LARGEST_CONFIG) {
            Ok((bytes, sha256)) => {
                let id = file_row(facts, file, "application-host-config", sha256);
                let citation = Citation::new(id, Locator::File);
                match ApplicationHost::parse(&bytes) {
                    Ok(parsed) => {
                        history = parsed.history.as_ref().and_then(|history| history.path.clone());
                        certificates::sites(facts, &parsed, id);
                        let live = configuration::config(facts, prover, &parsed, id, Part::Live);
                        Known::read(live, citation)
                    }
                    Err(error) => unreadable(facts, &file.path().to_string(), error.to_string(), citation),
                }
            }
            Err(error) => unread(facts, &file.path().to_string(), error.to_string()),
        };
        if let Known::Unreadable { why, citation } = &facts.config {
            facts.tls.sites = Known::Unreadable { why: why.clone(), citation: citation.clone() };
        }
    } else if pieces.is_whole_volume {
        facts.config = Known::Absent(Vec::new());
        facts.tls.sites = Known::Absent(Vec::new());
    } else if certificates::is_before_iis7(facts) == Some(true) {
        facts.tls.sites = Known::NotInEvidence(Need::Metabase);
    }
    if let Some(file) = &pieces.schema {
        facts.schema = match file.read_all(LARGEST_CONFIG) {
            Ok((bytes, sha256)) => {
                let id = file_row(facts, file, "iis-schema", sha256);
                let citation = Citation::new(id, Locator::File);
                match Schema::parse(&bytes) {
                    Ok(parsed) => Known::read(configuration::defaults(&parsed), citation),
                    Err(error) => unreadable(facts, &file.path().to_string(), error.to_string(), citation),
                }
            }
            Err(error) => unread(facts, &file.path().to_string(), error.to_string()),
        };
    }
    history
}

fn unreadable<T>(facts: &mut Facts, path: &str, why: String, citation: Citation) -> Known<T> {
    facts.damage.push(Damage {
        path: path.to_owned(),
        what: format!("it was read and not understood: {why}"),
        citation: Some(citation.clone()),
    });
    Known::Unreadable { why, citation: Some(citation) }
}

fn unread<T>(facts: &mut Facts, path: &str, why: String) -> Known<T> {
    facts.damage.push(Damage {
        path: path.to_owned(),
        what: format!("it could not be read: {why}"),
        citation: None,
    });
    Known::Unreadable { why, citation: None }
}

/// The containers that the configurations and certificates name are followed for themselves.
fn interest(facts: &mut Facts) -> Interest {
    let mut interest = Interest::default();
    for provider in facts.config.value().map(|config| config.providers.as_slice()).unwrap_or_default() {
        match provider.kind {
            ProviderKind::Cng => interest.add(Family::Cng, &provider.container),
            _ => interest.add(Family::Capi, &provider.container),
        }
    }
    for wrap in facts.aspnet.iter().filter_map(|section| facts.wraps.get(section.wrap)) {
        interest.add(Family::Capi, &wrap.container);
    }
    certificates::follow(facts, &mut interest);
    interest
}
