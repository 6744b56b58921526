//! Typed actions and their effect on the facts.

use crate::artifact::container::{Family, Guid, Prefix};
use crate::machine::facts::{ContainerFile, Content, FolderRole, GuidValue, Inside, KeyFolder, Pair};
use crate::machine::{Cited, Facts, KeyLink, KeyProof, Known, Need, Opens, Origin, Store};
use crate::rules::{Grant, Place};
use iiskeys_evidence::acl::{Account, Ace, AceFlags, AceKind, Dacl, SecurityDescriptor};

/// Where a replaced container comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A backup of the file, or an export from the server that the configuration comes from: the same key.
    Original,
    /// A new key of the same name: what was encrypted with the old one is lost.
    New,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Write this MachineGuid.
    SetGuid(Guid),
    /// Rename a container file so that Windows no longer sees it.
    SetAside {
        /// The container, an index into the facts.
        container: usize,
    },
    /// Rename a container file to `to`, which Windows looks for.
    Rename {
        /// The container, an index into the facts.
        container: usize,
        /// The new file name.
        to: String,
        /// Its prefix.
        prefix: Prefix,
        /// Its GUID.
        guid: Guid,
    },
    /// Move a container file into the folder that Windows uses.
    Move {
        /// The container, an index into the facts.
        container: usize,
        /// That folder, an index into the facts.
        folder: usize,
    },
    /// Put a container into place whose bytes are not in evidence.
    Replace {
        /// Its store.
        store: Store,
        /// Its prefix.
        prefix: Prefix,
        /// Its name.
        name: String,
        /// Where it comes from.
        source: Source,
    },
    /// Put a copy of the configuration in place of the live one.
    RestoreConfig {
        /// The copy, an index into the facts.
        copy: usize,
    },
    /// Link a certificate to the container that holds its key.
    LinkCertificate {
        /// The certificate, an index into the facts.
        certificate: usize,
        /// The container, an index into the facts.
        container: usize,
    },
    /// Import a certificate with its key, which makes a container of a name of its own.
    ImportCertificate {
        /// The certificate, an index into the facts.
        certificate: usize,
        /// Where the key comes from.
        source: Source,
    },
    /// Take entries away that deny accounts their access, and grant it to them.
    GrantAccess {
        /// Of what.
        place: Place,
        /// To whom.
        grants: Vec<Grant>,
    },
}

impl Action {
    /// Whether the facts allow it.
    pub fn is_possible(&self, facts: &Facts) -> bool {
        let exists = |index: &usize| facts.containers.get(*index).is_some();
        match self {
            Self::SetGuid(guid) => {
                facts.identity.guid.value().and_then(|value| value.guid.as_ref()) != Some(guid)
            }
            Self::SetAside { container } => exists(container),
            Self::Rename { container, to, .. } => {
                let folder = facts.containers.get(*container).map(|container| container.folder);
                // A name that is taken must be set aside first: nothing is ever overwritten.
                exists(container)
                    && !facts
                        .containers
                        .iter()
                        .any(|other| Some(other.folder) == folder && other.name.eq_ignore_ascii_case(to))
            }
            Self::Move { container, folder } => {
                exists(container)
                    && facts.folders.get(*folder).is_some_and(|folder| folder.role == FolderRole::Current)
            }
            Self::GrantAccess { place, .. } => access_of(facts, *place).is_some(),
            Self::RestoreConfig { copy } => {
                let planned = matches!(&facts.config, Known::Read(Cited { origin: Origin::Planned(_), .. }));
                !planned && facts.copies.get(*copy).is_some_and(|copy| copy.content.is_ok())
            }
            Self::LinkCertificate { certificate, container } => {
                exists(container) && is_as_found(facts, *certificate)
            }
            Self::ImportCertificate { certificate, .. } => {
                is_as_found(facts, *certificate) && current_machine_keys(facts).is_some()
            }
            Self::Replace { store, .. } => facts
                .folders
                .iter()
                .any(|folder| folder.store == *store && folder.role == FolderRole::Current),
        }
    }

    /// Carries it out on the facts, as step number `step`. Changed facts carry no byte citation any more.
    pub fn apply(&self, facts: &mut Facts, step: u16) {
        match self {
            Self::SetGuid(guid) => {
                let value = GuidValue {
                    text: guid.as_str().to_owned(),
                    kind: 1,
                    guid: Some(*guid),
                    problems: Vec::new(),
                };
                facts.identity.guid = Known::Read(Cited { value, origin: Origin::Planned(step) });
                facts.identity.unreplayed = None;
            }
            Self::SetAside { container } => {
                if let Some(container) = facts.containers.get_mut(*container) {
                    container.name = aside(&container.name);
                    container.set_aside = true;
                    container.origin = Origin::Planned(step);
                }
            }
            Self::Rename { container, to, prefix, guid } => {
                if let Some(container) = facts.containers.get_mut(*container) {
                    container.name.clone_from(to);
                    container.prefix = Some(*prefix);
                    container.guid = Some(*guid);
                    container.set_aside = false;
                    container.origin = Origin::Planned(step);
                }
            }
            Self::Move { container, folder } => {
                if let Some(container) = facts.containers.get_mut(*container) {
                    container.folder = *folder;
                    container.origin = Origin::Planned(step);
                }
            }
            Self::GrantAccess { place, grants } => {
                let Some(access) = access_mut(facts, *place) else { return };
                let Some(value) = access.value().map(|before| granted(before, grants)) else { return };
                *access = Known::Read(Cited { value, origin: Origin::Planned(step) });
            }
            Self::RestoreConfig { copy } => {
                let Some(Ok(value)) = facts.copies.get(*copy).map(|copy| copy.content.clone()) else {
                    return;
                };
                facts.config = Known::Read(Cited { value, origin: Origin::Planned(step) });
            }
            Self::LinkCertificate { certificate, container } => link(facts, *certificate, *container, step),
            Self::ImportCertificate { certificate, .. } => import(facts, *certificate, step),
            Self::Replace { store, prefix, name, .. } => replace(facts, *store, *prefix, name, step),
        }
    }
}

/// The access control of a place, where it was read.
pub(super) fn access_of(facts: &Facts, place: Place) -> Option<&SecurityDescriptor> {
    match place {
        Place::Container(index) => facts.containers.get(index)?.access.value(),
        Place::Folder(index) => facts.folders.get(index)?.access.value(),
    }
}

fn access_mut(facts: &mut Facts, place: Place) -> Option<&mut Known<SecurityDescriptor>> {
    match place {
        Place::Container(index) => facts.containers.get_mut(index).map(|file| &mut file.access),
        Place::Folder(index) => facts.folders.get_mut(index).map(|folder| &mut folder.access),
    }
}

/// The entries that stand in the way of a grant: they deny one of its rights to one of its identifiers.
pub(super) fn obstacles<'d>(
    descriptor: &'d SecurityDescriptor,
    grants: &'d [Grant],
) -> impl Iterator<Item = &'d Ace> {
    descriptor.aces().iter().filter(|ace| {
        ace.kind == AceKind::Deny
            && !ace.flags.is_inherit_only()
            && ace.account.sid().is_some_and(|sid| {
                let hits = |grant: &&Grant| !ace.mask.for_files().and(grant.rights).is_empty();
                grants.iter().filter(hits).any(|grant| grant.token.contains(sid))
            })
    })
}

fn granted(before: &SecurityDescriptor, grants: &[Grant]) -> SecurityDescriptor {
    let Dacl::Entries { aces, protected } = &before.dacl else { return before.clone() };
    let gone: Vec<&Ace> = obstacles(before, grants).collect();
    let mut aces: Vec<Ace> = aces.iter().filter(|ace| !gone.contains(ace)).cloned().collect();
    aces.extend(grants.iter().map(|grant| Ace {
        kind: AceKind::Allow,
        flags: AceFlags(0),
        mask: grant.rights,
        account: Account::Sid(grant.sid.clone()),
    }));
    SecurityDescriptor { dacl: Dacl::Entries { aces, protected: *protected }, ..before.clone() }
}

/// Whether a certificate is there, and no step has given it another link yet.
fn is_as_found(facts: &Facts, certificate: usize) -> bool {
    let certificate = facts.tls.certificates.value().and_then(|all| all.get(certificate));
    certificate.is_some_and(|certificate| {
        !matches!(&certificate.link, Known::Read(Cited { origin: Origin::Planned(_), .. }))
    })
}

/// The folder of the machine's containers.
fn current_machine_keys(facts: &Facts) -> Option<usize> {
    let is_it = |folder: &KeyFolder| folder.store == Store::RsaMachine && folder.role == FolderRole::Current;
    facts.folders.iter().position(is_it)
}

/// What an import makes: a container with the certificate's key, under a name that nothing else has, and the link to it.
fn import(facts: &mut Facts, at: usize, step: u16) {
    let Some(certificate) = facts.tls.certificates.value().and_then(|all| all.get(at)) else { return };
    let name = format!("imported-{}", certificate.thumbprint);
    let modulus = certificate.body.value().and_then(|body| body.modulus_sha256);
    let Some(prefix) = Prefix::of_capi(&name) else { return };
    let container = facts.containers.len();
    replace(facts, Store::RsaMachine, prefix, &name, step);
    if let Some(ContainerFile { content: Content::Read(inside), .. }) = facts.containers.get_mut(container) {
        for pair in &mut inside.pairs {
            pair.modulus_sha256 = modulus;
        }
        link(facts, at, container, step);
    }
}

/// What certutil writes: the container's name with the software provider of its family, and which pair it is.
fn link(facts: &mut Facts, certificate: usize, container: usize, step: u16) {
    let Some(Content::Read(inside)) = facts.containers.get(container).map(|container| &container.content)
    else {
        return;
    };
    let wanted =
        facts.tls.certificates.value().and_then(|all| all.get(certificate)?.body.value()?.modulus_sha256);
    let holds = |signature: bool| {
        inside.pairs.iter().any(|pair| pair.signature == signature && pair.modulus_sha256 == wanted)
    };
    let is_cng = inside.family == Family::Cng;
    let key_spec = match is_cng {
        true => 0,
        false if holds(true) && !holds(false) => 2,
        false => 1,
    };
    let value = KeyLink {
        container: inside.name.clone().unwrap_or_default(),
        provider: if is_cng {
            "Microsoft Software Key Storage Provider"
        } else {
            "Microsoft RSA SChannel Cryptographic Provider"
        }
        .to_owned(),
        provider_type: if is_cng { 0 } else { 12 },
        flags: 0x20,
        key_spec,
    };
    if let Known::Read(certificates) = &mut facts.tls.certificates
        && let Some(certificate) = certificates.value.get_mut(certificate)
    {
        certificate.link = Known::Read(Cited { value, origin: Origin::Planned(step) });
    }
}

/// The name of a file that was set aside.
pub(super) fn aside(name: &str) -> String {
    format!("{name}.aside")
}

fn replace(facts: &mut Facts, store: Store, prefix: Prefix, name: &str, step: u16) {
    let Some(guid) = facts.identity.guid.value().and_then(|value| value.guid) else { return };
    let folder =
        facts.folders.iter().position(|folder| folder.store == store && folder.role == FolderRole::Current);
    let Some(folder) = folder else { return };
    let pair = |signature| Pair {
        signature,
        algorithm: "RSA".to_owned(),
        bits: 2048,
        modulus_sha256: None,
        master_key: None,
        protection: None,
        proof: KeyProof::default(),
    };
    let pairs =
        if store.family() == Family::Capi { vec![pair(true), pair(false)] } else { vec![pair(false)] };
    facts.containers.push(ContainerFile {
        folder,
        name: format!("{prefix}_{}", guid.as_str()),
        prefix: Some(prefix),
        guid: Some(guid),
        set_aside: false,
        tracked: true,
        size: None,
        created: None,
        modified: None,
        content: Content::Read(Box::new(Inside {
            family: store.family(),
            name: Some(name.to_owned()),
            prefix: Some(prefix),
            pairs,
            hardware: false,
            damage: Vec::new(),
            opens: Opens::default(),
        })),
        access: Known::NotInEvidence(Need::AccessRights),
        origin: Origin::Planned(step),
    });
}
