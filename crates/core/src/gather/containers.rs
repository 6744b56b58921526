//! Streams a folder of key containers into facts: one pass, memory that does not grow with the names.

use std::collections::BTreeMap;

use iiskeys_evidence::acl::SecurityDescriptor;
use iiskeys_evidence::{File, Timestamp};
use sha2::{Digest, Sha256};

use super::access;
use super::interest::{Interest, moduli};
use super::names::{Guids, Listed, Listing};
use super::prover::{self, Prover};
use crate::artifact::container::{
    Algorithm, Container, Family, FileName, Glance, Guid, NamePattern, Prefix, PrefixCheck, Spec, State,
    moduli_at,
};
use crate::machine::facts::{ContainerFile, Content, EvidenceFile, Facts, GroupKey, Inside, Oddity, Pair};
use crate::machine::{Citation, FileId, FolderRole, KeyProof, Known, Locator, Need, Opens, Origin, Store};

/// Up to this many files, every file of a folder has a row and is read whole.
pub(super) const ROWS: usize = 500;
/// In larger folders, so many damaged or misnamed containers of others have a row.
const OUTLIERS: usize = 100;
/// So many GUIDs of a folder are told apart; containers of others under further ones are counted together.
const TOLD_APART: u16 = 256;
/// So many sets of GUIDs under which containers of others stand are told apart.
const SETS: usize = 512;
/// Names kept as examples of an oddity.
const EXAMPLES: usize = 3;
/// A container file larger than this is not read: real ones take a few KiB.
pub(super) const LARGEST: u64 = 1 << 20;
/// First bytes of a file that tell what it is.
pub(super) const HEAD: usize = crate::artifact::container::GLANCE_LEN;

/// First bytes of a file in which its public key stands, unless it is unusually long.
const KEY_HEAD: usize = 2 * HEAD;
/// Files of one folder that are followed for their public key alone.
const BY_MODULUS: usize = 2_000;

/// A file of the folder that is read, as the evidence layer offers it.
pub(super) trait KeyFile {
    /// The file.
    fn file(&self) -> &File;
    /// Reads the first bytes into `buffer` and says how many there were.
    fn head(&self, buffer: &mut [u8]) -> Result<usize, String>;
    /// All bytes with their SHA-256, read in one pass.
    fn read(&self) -> Result<(Vec<u8>, [u8; 32]), String>;
    /// Its security descriptor; `None` where the evidence keeps none.
    fn security(&self) -> Result<Option<Vec<u8>>, String>;
}

/// Takes the files of one folder in.
pub(super) struct Intake<'a> {
    facts: &'a mut Facts,
    interest: &'a Interest,
    prover: &'a mut Prover,
    folder: usize,
    store: Store,
    listing: Listing,
    guids: Guids,
    spread: Vec<(Prefix, u16)>,
    waiting: Vec<Box<dyn KeyFile + 'a>>,
    /// Takes the first bytes of one file after the other.
    head: [u8; KEY_HEAD],
    /// How many files are followed for their public key alone.
    by_modulus: usize,
    outliers: BTreeMap<String, Box<dyn KeyFile + 'a>>,
    digest: Multiset,
    large: bool,
}

impl<'a> Intake<'a> {
    /// Starts with a folder that is already in the facts.
    pub fn new(
        facts: &'a mut Facts,
        interest: &'a Interest,
        prover: &'a mut Prover,
        folder: usize,
        listing: Listing,
    ) -> Self {
        let store = facts.folders[folder].store;
        let mut guids = Guids::default();
        if let Some(current) = facts.identity.guid.value().and_then(|value| value.guid) {
            guids.number(current);
        }
        Self {
            facts,
            interest,
            prover,
            folder,
            store,
            listing,
            guids,
            spread: Vec::new(),
            waiting: Vec::new(),
            head: [0; KEY_HEAD],
            by_modulus: 0,
            outliers: BTreeMap::new(),
            digest: Multiset::default(),
            large: false,
        }
    }

    /// Takes a file in. Until the folder turns out to be large, files wait to be read whole.
    pub fn add(&mut self, file: Box<dyn KeyFile + 'a>) {
        self.digest.add(&file.file().name, file.file().size);
        if self.large {
            self.glance(file);
            return;
        }
        self.waiting.push(file);
        if self.waiting.len() > ROWS {
            self.large = true;
            for file in std::mem::take(&mut self.waiting) {
                self.glance(file);
            }
        }
    }

    /// Ends the folder: reads what waits, adds names that only a listing has, and sums up.
    pub fn finish(mut self) {
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.sort_by(|a, b| a.file().name.cmp(&b.file().name));
        for file in waiting {
            let listed = self.listing.take(&file.file().name);
            self.whole(file.as_ref(), listed);
        }
        for (_, file) in std::mem::take(&mut self.outliers) {
            let listed = self.listing.take(&file.file().name);
            self.row(file.as_ref(), listed, false);
        }
        let rest = std::mem::take(&mut self.listing).rest();
        let many = self.large || rest.len() > ROWS;
        for (name, listed) in rest {
            self.name_only(&name, listed, many);
        }
        self.sum_up();
    }

    fn sum_up(mut self) {
        self.spread.sort_unstable();
        self.spread.dedup();
        let mut at = 0;
        while let Some(&(prefix, _)) = self.spread.get(at) {
            let mut guids: Vec<Guid> = Vec::new();
            while let Some(&(other, number)) = self.spread.get(at) {
                if other != prefix {
                    break;
                }
                guids.extend(self.guids.get(number));
                at += 1;
            }
            guids.sort_unstable();
            let mut key = (self.store, guids);
            if self.facts.spread.len() >= SETS && !self.facts.spread.contains_key(&key) {
                key.1.clear();
            }
            *self.facts.spread.entry(key).or_default() += 1;
        }
        let id = self.facts.folders[self.folder].file;
        if let Some(file) = self.facts.files.get_mut(id.0 as usize)
            && file.enumerated.is_some()
        {
            file.enumerated = Some(self.digest.count);
            file.sha256 = Some(self.digest.sum);
        }
    }

    /// A file of a small folder: read whole, with a row.
    fn whole(&mut self, file: &dyn KeyFile, listed: Option<Listed>) {
        self.row(file, listed, true);
    }

    /// A file of a large folder: read whole only when it matters.
    fn glance(&mut self, file: Box<dyn KeyFile + 'a>) {
        let name = file.file().name.clone();
        let parsed = FileName::parse(&name);
        let family = self.store.family();
        if parsed.is_some_and(|name| self.interest.holds(family, name.prefix)) {
            let listed = self.listing.take(&name);
            self.row(file.as_ref(), listed, true);
            return;
        }
        let wanted = if !self.interest.has_keys() { HEAD } else { KEY_HEAD };
        let buffer = self.head.get_mut(..wanted).unwrap_or_default();
        let glance = match file.head(buffer) {
            Ok(filled) => {
                let head = buffer.get(..filled).unwrap_or_default();
                if self.by_modulus < BY_MODULUS && has_key(self.interest, file.as_ref(), head) {
                    self.by_modulus += 1;
                    let listed = self.listing.take(&name);
                    self.row(file.as_ref(), listed, true);
                    return;
                }
                Glance::at(head, file.file().size)
            }
            Err(why) => {
                self.unreadable(&name, &why);
                return;
            }
        };
        if parsed.is_none() && glance.family.is_none() {
            // Neither the name nor the content of a container: not counted as one.
            return;
        }
        let inner = glance.prefix_from_name();
        if inner.is_some_and(|prefix| self.interest.holds(family, prefix)) {
            let listed = self.listing.take(&name);
            self.row(file.as_ref(), listed, true);
            return;
        }
        let odd = odd_glance(&glance, parsed);
        if matches!(odd, Some(Oddity::Damaged | Oddity::Misnamed)) {
            let listed = self.listing_times(&name);
            self.count(
                &name,
                file.as_ref(),
                listed,
                pattern(glance.name.as_ref().map(|name| name.pattern())),
                odd,
            );
            self.outliers.insert(name.clone(), file);
            if self.outliers.len() > OUTLIERS
                && let Some((name, _)) = self.outliers.pop_last()
            {
                self.listing.take(&name);
            }
            return;
        }
        let listed = self.listing.take(&name);
        let pattern = pattern(glance.name.as_ref().map(|name| name.pattern()));
        self.count(&name, file.as_ref(), listed, pattern, odd);
    }

    fn listing_times(&mut self, name: &str) -> Option<Listed> {
        let listed = self.listing.take(name)?;
        self.listing.add(name, listed);
        Some(listed)
    }

    /// Reads a file whole and gives it a row. Containers of others are counted too, unless that happened before.
    fn row(&mut self, file: &dyn KeyFile, listed: Option<Listed>, count: bool) {
        let name = file.file().name.clone();
        let parsed = FileName::parse(&name);
        let mut sha256 = None;
        let content = if file.file().size > LARGEST {
            Content::Unreadable(format!(
                "it has {} bytes, where a key container has a few KiB; it was not read",
                file.file().size
            ))
        } else {
            match file.read() {
                Ok((bytes, digest)) => {
                    let container = Container::parse(&bytes);
                    if parsed.is_none() && container.family.is_none() {
                        return;
                    }
                    sha256 = Some(digest);
                    let mut inside = inside(&container, self.store.family(), parsed);
                    self.prove(&bytes, &container, parsed, &mut inside);
                    Content::Read(Box::new(inside))
                }
                Err(why) => Content::Unreadable(why),
            }
        };
        let tracked = self.is_tracked(parsed, &content);
        if let Content::Unreadable(why) = &content {
            self.unreadable(&name, why);
        }
        let (created, modified) = times(file, listed);
        let row =
            EvidenceFile { created, modified, ..EvidenceFile::of(file.file(), "key-container", sha256) };
        let path = row.path.clone();
        let id = push_file(self.facts, row);
        // A look at the access control costs more than the file itself: only for what may be judged.
        let access = if tracked {
            access::of_bytes(self.facts, &path, id, file.security())
        } else {
            Known::NotInEvidence(Need::AccessRights)
        };
        if !tracked && count {
            let (label, odd) = describe(&content, parsed);
            self.count(&name, file, listed, label, odd);
        } else if tracked {
            self.note_times(created);
        }
        self.push(
            &name,
            parsed,
            tracked,
            Some(file.file().size),
            created,
            modified,
            content,
            access,
            Citation::new(id, Locator::File),
        );
    }

    /// Tries the private keys of a container that matters, while its bytes are at hand.
    fn prove(
        &mut self,
        bytes: &[u8],
        container: &Container,
        name: Option<FileName<'_>>,
        inside: &mut Inside,
    ) {
        let family = self.store.family();
        let prefix = name.map(|name| name.prefix).or(inside.prefix);
        let names = [prefix, inside.prefix].into_iter().flatten();
        let matters = names.into_iter().any(|prefix| self.interest.proves(family, prefix));
        if matters || self.prover.prove_all {
            let examined = self.prover.examine(self.facts, bytes, container, prefix, matters);
            prover::apply(&mut inside.pairs, &examined.pairs);
            inside.opens = examined.opens;
        }
    }

    /// A name that only a listing has.
    fn name_only(&mut self, name: &str, listed: Listed, many: bool) {
        let Some(parsed) = FileName::parse(name) else { return };
        let tracked = self.interest.holds(self.store.family(), parsed.prefix);
        if !tracked {
            let odd = if parsed.is_set_aside() {
                Some(Oddity::SetAside)
            } else if listed.size == Some(0) {
                Some(Oddity::Damaged)
            } else {
                None
            };
            self.tally(name, Some(parsed), listed.size, listed.created, "name not in evidence", odd);
            if many {
                return;
            }
        } else {
            self.note_times(listed.created);
            self.facts.folders[self.folder].count += 1;
        }
        let citation = Citation::new(listed.file, Locator::Line(listed.line));
        self.push(
            name,
            Some(parsed),
            tracked,
            listed.size,
            listed.created,
            listed.modified,
            Content::NameOnly,
            Known::NotInEvidence(Need::AccessRights),
            citation,
        );
    }

    #[allow(clippy::too_many_arguments)]
    fn push(
        &mut self,
        name: &str,
        parsed: Option<FileName<'_>>,
        tracked: bool,
        size: Option<u64>,
        created: Option<Timestamp>,
        modified: Option<Timestamp>,
        content: Content,
        access: Known<SecurityDescriptor>,
        citation: Citation,
    ) {
        if tracked && !matches!(content, Content::NameOnly) {
            self.facts.folders[self.folder].count += 1;
        }
        self.facts.containers.push(ContainerFile {
            folder: self.folder,
            name: name.to_owned(),
            prefix: parsed.map(|name| name.prefix),
            guid: parsed.and_then(|name| name.guid),
            set_aside: parsed.is_none_or(|name| name.is_set_aside() || name.guid.is_none()),
            tracked,
            size,
            created,
            modified,
            content,
            access,
            origin: Origin::Bytes(citation),
        });
    }

    fn is_tracked(&self, parsed: Option<FileName<'_>>, content: &Content) -> bool {
        let family = self.store.family();
        let inner = match content {
            Content::Read(inside) if self.interest.holds_key(moduli(inside)) => return true,
            Content::Read(inside) => inside.prefix,
            _ => None,
        };
        [parsed.map(|name| name.prefix), inner]
            .into_iter()
            .flatten()
            .any(|prefix| self.interest.holds(family, prefix))
    }

    fn unreadable(&mut self, name: &str, why: &str) {
        let path = join(&self.facts.folders[self.folder].path, name);
        self.facts.damage.push(crate::machine::facts::Damage {
            path,
            what: format!("the key container could not be read: {why}"),
            citation: None,
        });
    }

    fn count(
        &mut self,
        name: &str,
        file: &dyn KeyFile,
        listed: Option<Listed>,
        pattern: &'static str,
        odd: Option<Oddity>,
    ) {
        let (created, _) = times(file, listed);
        self.tally(name, FileName::parse(name), Some(file.file().size), created, pattern, odd);
    }

    /// Counts a container of others.
    fn tally(
        &mut self,
        name: &str,
        parsed: Option<FileName<'_>>,
        size: Option<u64>,
        created: Option<Timestamp>,
        pattern: &'static str,
        odd: Option<Oddity>,
    ) {
        let number =
            parsed.and_then(|name| self.guids.number(name.guid?)).filter(|number| *number < TOLD_APART);
        let guid = number.and_then(|number| self.guids.get(number).copied());
        let key = GroupKey { folder: self.folder, guid, pattern, size_class: size_class(size) };
        let group = self.facts.groups.entry(key).or_default();
        group.count += 1;
        group.first = group.first.into_iter().chain(created).min();
        group.last = group.last.into_iter().chain(created).max();
        self.facts.folders[self.folder].count += 1;
        self.note_times(created);
        if let Some(odd) = odd {
            let counted = self.facts.oddities.entry((self.folder, guid, odd)).or_default();
            counted.count += 1;
            if counted.examples.len() < EXAMPLES
                || counted.examples.last().is_some_and(|last| name < last.as_str())
            {
                counted.examples.push(name.to_owned());
                counted.examples.sort();
                counted.examples.truncate(EXAMPLES);
            }
        }
        let is_current_folder = self.facts.folders[self.folder].role == FolderRole::Current;
        if let (Some(parsed), Some(number), true) = (parsed, number, is_current_folder)
            && !parsed.is_set_aside()
        {
            self.spread.push((parsed.prefix, number));
        }
    }

    fn note_times(&mut self, created: Option<Timestamp>) {
        let folder = &mut self.facts.folders[self.folder];
        if let Some(created) = created {
            folder.with_created += 1;
            folder.first_created = folder.first_created.into_iter().chain([created]).min();
            folder.last_created = folder.last_created.into_iter().chain([created]).max();
        }
    }
}

/// Whether a file of a large folder holds a public key that is looked for. Where the first bytes do not tell, all are
/// read: that is so for files with two pairs, of which there are few.
fn has_key(interest: &Interest, file: &dyn KeyFile, head: &[u8]) -> bool {
    if !interest.has_keys() {
        return false;
    }
    match moduli_at(head, file.file().size) {
        Some(moduli) => interest.holds_key(moduli),
        None if file.file().size > LARGEST => false,
        None => file.read().is_ok_and(|(bytes, _)| {
            let pairs = Container::parse(&bytes).pairs;
            interest.holds_key(pairs.iter().filter_map(|pair| pair.public.as_ref()?.modulus_sha256))
        }),
    }
}

/// Times of a file: those of a listing before those of a copy.
fn times(file: &dyn KeyFile, listed: Option<Listed>) -> (Option<Timestamp>, Option<Timestamp>) {
    match listed {
        Some(listed) => (listed.created.or(file.file().created), listed.modified.or(file.file().modified)),
        None => (file.file().created, file.file().modified),
    }
}

pub(super) fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// Adds a row to the evidence table.
pub(super) fn push_file(facts: &mut Facts, file: EvidenceFile) -> FileId {
    facts.files.push(file);
    FileId(u32::try_from(facts.files.len() - 1).unwrap_or(u32::MAX))
}

fn size_class(size: Option<u64>) -> &'static str {
    match size {
        None => "unknown",
        Some(0) => "0 bytes",
        Some(1..128) => "under 128 bytes",
        Some(128..1024) => "under 1 KiB",
        Some(1024..2048) => "1 to 2 KiB",
        Some(2048..4096) => "2 to 4 KiB",
        Some(4096..8192) => "4 to 8 KiB",
        Some(_) => "8 KiB and more",
    }
}

fn pattern(pattern: Option<NamePattern>) -> &'static str {
    pattern.map_or("name not readable", NamePattern::label)
}

fn odd_glance(glance: &Glance, parsed: Option<FileName<'_>>) -> Option<Oddity> {
    if parsed.is_some_and(|name| name.is_set_aside()) {
        return Some(Oddity::SetAside);
    }
    if glance.damage.is_some() {
        return Some(Oddity::Damaged);
    }
    if parsed.is_some_and(|name| matches!(glance.check_prefix(name.prefix), PrefixCheck::Differs { .. })) {
        return Some(Oddity::Misnamed);
    }
    (glance.state == State::NameOnly).then_some(Oddity::Empty)
}

fn describe(content: &Content, parsed: Option<FileName<'_>>) -> (&'static str, Option<Oddity>) {
    let Content::Read(inside) = content else { return ("name not readable", None) };
    let label = pattern(inside.name.as_deref().map(NamePattern::of));
    let misnamed = || inside.prefix.is_some_and(|inner| parsed.is_some_and(|name| name.prefix != inner));
    let odd = if parsed.is_none_or(|name| name.is_set_aside()) {
        Some(Oddity::SetAside)
    } else if !inside.damage.is_empty() {
        Some(Oddity::Damaged)
    } else if misnamed() {
        Some(Oddity::Misnamed)
    } else if inside.pairs.is_empty() && !inside.hardware {
        Some(Oddity::Empty)
    } else {
        None
    };
    (label, odd)
}

/// A parsed container as a fact.
pub(super) fn inside(container: &Container, family: Family, parsed: Option<FileName<'_>>) -> Inside {
    let mut damage: Vec<(u64, String)> =
        container.damage.iter().map(|damage| (damage.offset(), damage.to_string())).collect();
    if let Some(found) = container.family.filter(|found| *found != family) {
        damage.push((0, format!("a {found} container in a folder of {family} containers")));
    }
    let prefix = match parsed.map(|name| container.check_prefix(name.prefix)) {
        Some(PrefixCheck::CannotVerify) => None,
        _ => container.prefix_from_name(),
    };
    Inside {
        family: container.family.unwrap_or(family),
        name: container.name.as_ref().map(|name| name.text().into_owned()),
        prefix,
        pairs: container
            .pairs
            .iter()
            .filter(|pair| pair.lengths.is_full())
            .map(|pair| Pair {
                signature: pair.spec == Spec::Signature,
                algorithm: pair
                    .public
                    .as_ref()
                    .map_or_else(|| "unknown".to_owned(), |public| algorithm(public.algorithm).to_owned()),
                bits: pair.public.as_ref().map_or(0, |public| public.bits),
                modulus_sha256: pair.public.as_ref().and_then(|public| public.modulus_sha256),
                master_key: pair.private.as_ref().map(|blob| blob.master_key.to_string()),
                protection: pair.private.as_ref().map(|blob| blob.algorithms()),
                proof: KeyProof::default(),
            })
            .collect(),
        hardware: container.state == State::Hardware,
        damage,
        opens: Opens::default(),
    }
}

fn algorithm(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Rsa => "RSA",
        Algorithm::Dss => "DSS",
        Algorithm::Ec => "EC",
        Algorithm::Other => "other",
    }
}

/// A digest of many items that does not depend on their order: the sum of their hashes modulo 2^256.
#[derive(Debug, Default)]
struct Multiset {
    sum: [u8; 32],
    count: u64,
}

impl Multiset {
    fn add(&mut self, name: &str, size: u64) {
        let mut hash = Sha256::new();
        hash.update(name.as_bytes());
        hash.update([0]);
        hash.update(size.to_le_bytes());
        let mut carry = 0u16;
        for (to, from) in self.sum.iter_mut().zip(hash.finalize()) {
            let total = u16::from(*to) + u16::from(from) + carry;
            *to = (total & 0xff) as u8;
            carry = total >> 8;
        }
        self.count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_does_not_depend_on_the_order() {
        let (mut a, mut b) = (Multiset::default(), Multiset::default());
        a.add("x", 1);
        a.add("y", 2);
        b.add("y", 2);
        b.add("x", 1);
        assert_eq!(a.sum, b.sum);
        b.add("x", 1);
        assert_ne!(a.sum, b.sum);
    }
}
