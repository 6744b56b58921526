//! One rule, one file, one page of explanation. A rule is a pure function of the [`Machine`].

mod catalogue;
mod certificates;
mod finding;
mod page;
mod proofs;
mod support;
mod symptoms;

pub mod binding_certificate_missing;
pub mod certificate_key_in_user_store;
pub mod certificate_key_mismatch;
pub mod certificate_key_missing;
pub mod certificate_key_orphaned;
pub mod certificate_key_unlinked;
pub mod config_backup_usable;
pub mod config_mixed_keys;
pub mod config_provider_missing;
pub mod config_unreadable;
pub mod container_access;
pub mod container_corrupt;
pub mod container_duplicated;
pub mod container_empty;
pub mod container_incomplete;
pub mod container_misnamed;
pub mod container_missing;
pub mod container_orphaned;
pub mod container_relocated;
pub mod container_set_aside;
pub mod dpapi_foreign;
pub mod dpapi_secret_rotated;
pub mod encrypted_value_unreadable;
pub mod evidence_damaged;
pub mod evidence_mixed;
pub mod hive_dirty;
pub mod hives_inconsistent;
pub mod hotfix_884872_missing;
pub mod machine_guid_changed;
pub mod machine_guid_malformed;
pub mod machine_guid_missing;
pub mod machine_guid_pending;
pub mod machine_guid_view_differs;
pub mod machinekeys_folder_bloated;
pub mod machinekeys_folder_missing;
pub mod master_key_missing;
pub mod metabase_key_mismatch;
pub mod recovery_export_present;
pub mod session_key_mismatch;
pub mod session_key_missing;
pub mod shared_configuration;
pub mod symptom_app_pool_identity;
pub mod symptom_dpapi;
pub mod symptom_iisadmin_failed;
pub mod symptom_schannel_key;
pub mod symptom_service_timeout;
pub mod timestamps_lost;

pub use catalogue::{CATALOGUE_VERSION, markdown};
pub(crate) use config_backup_usable::lost;
pub(crate) use finding::finding_id;
pub use finding::{Cite, Confidence, Finding, Grant, Place, Remedy, Severity};
pub(crate) use machine_guid_changed::{is_in_use, was_cloned, window};
pub(crate) use master_key_missing::missing as missing_master_keys;
pub use page::list;
pub(crate) use proofs::Fit;
pub(crate) use session_key_mismatch::foreign_since;
pub(crate) use support::join;

use crate::machine::{Machine, Need};

/// A family of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Group {
    /// The MachineGuid.
    Identity,
    /// Key containers.
    Containers,
    /// What protects the private keys (DPAPI).
    Protection,
    /// The configuration of IIS and its keys.
    Configuration,
    /// Certificates and what is bound to them.
    Certificates,
    /// What was seen to fail.
    Symptoms,
    /// The evidence itself.
    Evidence,
}

impl Group {
    /// All groups of this build.
    pub const ALL: [Self; 7] = [
        Self::Identity,
        Self::Containers,
        Self::Protection,
        Self::Configuration,
        Self::Certificates,
        Self::Symptoms,
        Self::Evidence,
    ];

    /// The name on the command line and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Containers => "containers",
            Self::Protection => "protection",
            Self::Configuration => "configuration",
            Self::Certificates => "certificates",
            Self::Symptoms => "symptoms",
            Self::Evidence => "evidence",
        }
    }
}

/// What a rule is, apart from its condition.
#[derive(Debug, Clone, Copy)]
pub struct RuleInfo {
    /// Its name, which is its identity.
    pub name: &'static str,
    /// Its group.
    pub group: Group,
    /// The severity of its worst finding.
    pub severity: Severity,
    /// When that severity is lower.
    pub lowered: &'static str,
    /// One line: when it fires.
    pub summary: &'static str,
    /// Whether its group counts as evaluated only when this rule was.
    pub core: bool,
    /// The rules whose findings it explains.
    pub explains: &'static [&'static str],
    /// What it means.
    pub meaning: &'static str,
    /// How it is proved.
    pub proof: &'static str,
    /// How it is repaired.
    pub repair: &'static str,
    /// Where to read on.
    pub references: &'static [&'static str],
}

/// What a rule says about a machine.
#[derive(Debug, Default)]
pub struct Judgement {
    /// What it found.
    pub findings: Vec<Finding>,
    /// What it could not look at, and what to collect.
    pub gaps: Vec<(String, Need)>,
    /// Why it does not apply, if so.
    pub not_applicable: Option<String>,
    /// One phrase: what it looked at, for a `clear` outcome.
    pub examined: String,
}

impl Judgement {
    /// A judgement that the rule does not apply.
    pub fn not_applicable(why: impl Into<String>) -> Self {
        Self { not_applicable: Some(why.into()), ..Self::default() }
    }

    /// A judgement that looked at `what` and has found nothing yet.
    pub fn examined(what: impl Into<String>) -> Self {
        Self { examined: what.into(), ..Self::default() }
    }

    /// Adds something that could not be looked at.
    pub fn gap(&mut self, reason: impl Into<String>, need: Need) {
        let gap = (reason.into(), need);
        if !self.gaps.contains(&gap) {
            self.gaps.push(gap);
        }
    }

    /// What it comes to.
    pub fn outcome(&self) -> Outcome {
        if !self.findings.is_empty() {
            Outcome::Found
        } else if self.not_applicable.is_some() {
            Outcome::NotApplicable
        } else if self.gaps.is_empty() {
            Outcome::Clear
        } else {
            Outcome::NotEvaluated
        }
    }
}

/// The outcome of one rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It fired.
    Found,
    /// It looked at everything and nothing is wrong.
    Clear,
    /// It has nothing to say about such a machine.
    NotApplicable,
    /// Evidence is missing, damaged or over a budget.
    NotEvaluated,
}

impl Outcome {
    /// The word in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Clear => "clear",
            Self::NotApplicable => "not-applicable",
            Self::NotEvaluated => "not-evaluated",
        }
    }
}

/// A rule.
pub trait Rule: Sync {
    /// What it is.
    fn info(&self) -> &'static RuleInfo;
    /// What it says about `machine`.
    fn judge(&self, machine: &Machine<'_>) -> Judgement;
}

/// Every rule of this build, in the order of the catalogue.
pub fn all() -> &'static [&'static dyn Rule] {
    &[
        &machine_guid_missing::MachineGuidMissing,
        &machine_guid_malformed::MachineGuidMalformed,
        &machine_guid_changed::MachineGuidChanged,
        &machine_guid_pending::MachineGuidPending,
        &machine_guid_view_differs::MachineGuidViewDiffers,
        &container_duplicated::ContainerDuplicated,
        &container_orphaned::ContainerOrphaned,
        &container_missing::ContainerMissing,
        &container_corrupt::ContainerCorrupt,
        &container_empty::ContainerEmpty,
        &container_incomplete::ContainerIncomplete,
        &container_misnamed::ContainerMisnamed,
        &container_relocated::ContainerRelocated,
        &container_access::ContainerAccess,
        &container_set_aside::ContainerSetAside,
        &machinekeys_folder_missing::MachineKeysFolderMissing,
        &machinekeys_folder_bloated::MachineKeysFolderBloated,
        &master_key_missing::MasterKeyMissing,
        &dpapi_secret_rotated::DpapiSecretRotated,
        &dpapi_foreign::DpapiForeign,
        &hives_inconsistent::HivesInconsistent,
        &config_unreadable::ConfigUnreadable,
        &config_provider_missing::ConfigProviderMissing,
        &session_key_missing::SessionKeyMissing,
        &session_key_mismatch::SessionKeyMismatch,
        &encrypted_value_unreadable::EncryptedValueUnreadable,
        &config_mixed_keys::ConfigMixedKeys,
        &config_backup_usable::ConfigBackupUsable,
        &recovery_export_present::RecoveryExportPresent,
        &shared_configuration::SharedConfiguration,
        &metabase_key_mismatch::MetabaseKeyMismatch,
        &binding_certificate_missing::BindingCertificateMissing,
        &certificate_key_missing::CertificateKeyMissing,
        &certificate_key_orphaned::CertificateKeyOrphaned,
        &certificate_key_unlinked::CertificateKeyUnlinked,
        &certificate_key_mismatch::CertificateKeyMismatch,
        &certificate_key_in_user_store::CertificateKeyInUserStore,
        &symptom_iisadmin_failed::SymptomIisAdminFailed,
        &symptom_service_timeout::SymptomServiceTimeout,
        &symptom_schannel_key::SymptomSchannelKey,
        &symptom_app_pool_identity::SymptomAppPoolIdentity,
        &symptom_dpapi::SymptomDpapi,
        &hotfix_884872_missing::Hotfix884872Missing,
        &hive_dirty::HiveDirty,
        &timestamps_lost::TimestampsLost,
        &evidence_damaged::EvidenceDamaged,
        &evidence_mixed::EvidenceMixed,
    ]
}

/// How a wrapped key and the container that Windows opens under that name stand to each other.
pub(crate) fn live_fit(machine: &Machine<'_>, wrap: usize, container: &str) -> Option<Fit> {
    proofs::live_fit(machine, wrap, container).map(|(_, fit)| fit)
}

/// Whether a container holds a certificate's key; `None` where that cannot be compared.
pub(crate) fn certificate_holds_key(
    machine: &Machine<'_>,
    certificate: &crate::machine::Certificate,
    view: &crate::machine::CertificateView,
    container: usize,
) -> Option<bool> {
    certificates::holds_key(machine, &certificates::Seen { index: 0, certificate, view }, container)
}

/// Whether Windows cannot open a container: it is damaged, or provably not protected by this machine's secrets.
pub(crate) fn is_beyond_opening(machine: &Machine<'_>, container: usize) -> bool {
    machine.condition(container) == crate::machine::Condition::Damaged || support::is_dead(machine, container)
}

/// The rule of that name.
pub fn by_name(name: &str) -> Option<&'static dyn Rule> {
    all().iter().copied().find(|rule| rule.info().name == name)
}

/// Every rule with what it says about `machine`, in the order of the catalogue.
pub fn judge(machine: &Machine<'_>) -> Vec<(&'static dyn Rule, Judgement)> {
    all().iter().map(|rule| (*rule, rule.judge(machine))).collect()
}
