//! What a rule reports.

use std::fmt;

use iiskeys_evidence::acl::{AccessMask, Sid};
use sha2::{Digest, Sha256};

use crate::artifact::container::{Guid, Prefix};
use crate::machine::{Citation, Store};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Something will not work, or may not.
    Warning,
    /// Something that this machine needs does not work.
    Error,
}

impl Severity {
    /// The word in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How sure a finding is. Independent of how bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// One explanation among several.
    Weak,
    /// Doubt remains about the completeness of a copy or about what Windows does with the state.
    Strong,
    /// It follows from the bytes alone.
    Proven,
}

impl Confidence {
    /// The word in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Weak => "weak",
            Self::Strong => "strong",
            Self::Proven => "proven",
        }
    }
}

/// A citation with what stands there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cite {
    /// Where.
    pub citation: Citation,
    /// What was observed there.
    pub observed: String,
}

/// What has access control, as an index into the facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A container.
    Container(usize),
    /// A folder of containers.
    Folder(usize),
}

/// An account and the rights that it needs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// The account.
    pub sid: Sid,
    /// What its token holds besides.
    pub token: Vec<Sid>,
    /// The rights.
    pub rights: AccessMask,
}

/// What a finding asks the plan to do, as a typed intent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Remedy {
    /// Make the old GUID the current one again.
    RestoreGuid(Guid),
    /// Give the copy of this container under `from` the current GUID.
    AdoptContainer {
        /// Its store.
        store: Store,
        /// Its prefix.
        prefix: Prefix,
        /// The GUID under which the good copy stands.
        from: Guid,
    },
    /// Put a set-aside copy (an index into the facts' containers) back in its place.
    PutBack {
        /// The copy.
        copy: usize,
    },
    /// Give a container the file name that its inner name asks for.
    RenameToInnerName {
        /// The container.
        container: usize,
    },
    /// Move a container from the other root into the folder that Windows uses.
    MoveToCurrentRoot {
        /// The container.
        container: usize,
    },
    /// Bring a container back from a backup or an export, or else make a new one.
    ReplaceContainer {
        /// Its store.
        store: Store,
        /// Its prefix.
        prefix: Prefix,
        /// Its name.
        name: String,
    },
    /// Give accounts the access that they lack.
    GrantAccess {
        /// To what.
        place: Place,
        /// Who, and what they need.
        grants: Vec<Grant>,
    },
    /// Put a copy of the configuration (an index into the facts' copies) back.
    RestoreConfig {
        /// The copy.
        copy: usize,
    },
    /// Link a certificate to the container that holds its key.
    LinkCertificate {
        /// The certificate, an index into the facts.
        certificate: usize,
        /// The container, an index into the facts.
        container: usize,
    },
    /// Import a certificate with its key from a PFX file.
    ImportCertificate {
        /// The certificate, an index into the facts.
        certificate: usize,
    },
    /// Write a well-formed MachineGuid.
    WriteGuid(Guid),
    /// Nothing that a plan can do; one sentence of advice.
    Advice(String),
}

/// A finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: &'static str,
    /// `kind:identity`.
    pub subject: String,
    /// How bad.
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// One line.
    pub title: String,
    /// A few sentences.
    pub explanation: String,
    /// What it rests on.
    pub evidence: Vec<Cite>,
    /// What would cure it.
    pub remedies: Vec<Remedy>,
    /// Services, sites and pools that are down because of it.
    pub affects: Vec<String>,
}

impl Finding {
    /// An identifier that depends on rule and subject alone.
    pub fn id(&self) -> String {
        finding_id(self.rule, &self.subject)
    }
}

/// The identifier of a finding of this rule about this subject.
pub(crate) fn finding_id(rule: &str, subject: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(rule.as_bytes());
    hash.update([0]);
    hash.update(subject.to_ascii_lowercase().as_bytes());
    let digest = hash.finalize();
    let hex: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    format!("{rule}-{hex}")
}
