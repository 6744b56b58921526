//! The folders of an archive, compact enough for hundreds of thousands of entries.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use super::ArchiveLimits;
use super::error::ArchiveError;
use super::names::clean;
use crate::skip::SkipReason;
use crate::time::Timestamp;

/// Links that one look-up follows.
const MAX_HOPS: u32 = 40;

/// The topmost folder.
pub(super) const ROOT: u32 = 0;

/// What the archive says of one file.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Info {
    pub(super) size: u64,
    pub(super) created: Option<Timestamp>,
    pub(super) modified: Option<Timestamp>,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaf<'a> {
    Dir,
    File,
    /// A symbolic link with its target.
    Link(&'a str),
    /// The same data as an entry before it, by that one's name.
    Same(&'a str),
    Refused(Refusal),
}

/// Reasons to leave an entry alone that fit into a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    Special,
    Broken,
    Unsupported,
}

impl Refusal {
    fn reason(self) -> SkipReason {
        match self {
            Self::Special => SkipReason::Special,
            Self::Broken => SkipReason::LinkBroken,
            Self::Unsupported => SkipReason::NotOpened(
                "an entry in a form that is not read (sparse, split or encrypted): unpack the archive and give the file".to_owned(),
            ),
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Dir,
    File(u32),
    Link(u32),
    Refused(Refusal),
}

#[derive(Debug, Clone, Copy)]
struct Node {
    parent: u32,
    name_at: u32,
    name_len: u32,
    kind: Kind,
}

/// What a node turns out to be, links followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    Dir,
    File(u32),
    Refused(SkipReason),
}

/// How often names needed care.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Care {
    pub(super) changed: u64,
    pub(super) repeated: u64,
    pub(super) conflicting: u64,
    pub(super) too_deep: u64,
    pub(super) too_long: u64,
}

/// Collects entries in the order of the archive.
pub(super) struct Builder<'a> {
    limits: &'a ArchiveLimits,
    nodes: Vec<Node>,
    names: String,
    infos: Vec<Info>,
    links: Vec<Box<str>>,
    by_name: HashMap<u64, u32>,
    hasher: RandomState,
    care: Care,
    declared: u64,
}

/// All folders of an archive.
#[derive(Debug)]
pub(super) struct Directory {
    nodes: Vec<Node>,
    names: String,
    infos: Vec<Info>,
    links: Vec<Box<str>>,
    /// Children of all nodes, those of one node beside each other and by name.
    children: Vec<u32>,
    /// Where the children of each node begin; one more at the end.
    starts: Vec<u32>,
    pub(super) care: Care,
}

impl<'a> Builder<'a> {
    pub(super) fn new(limits: &'a ArchiveLimits) -> Self {
        Self {
            limits,
            nodes: vec![Node { parent: ROOT, name_at: 0, name_len: 0, kind: Kind::Dir }],
            names: String::new(),
            infos: Vec::new(),
            links: Vec::new(),
            by_name: HashMap::new(),
            hasher: RandomState::new(),
            care: Care::default(),
            declared: 0,
        }
    }

    /// Adds one entry; its number is that of the call.
    pub(super) fn add(&mut self, name: &str, leaf: Leaf<'_>, info: Info) -> Result<(), ArchiveError> {
        let entry = self.infos.len() as u64;
        if entry >= self.limits.entries {
            return Err(too_much("entries", entry + 1, self.limits.entries));
        }
        self.declared = self.declared.saturating_add(info.size);
        if self.declared > self.limits.declared_bytes {
            return Err(too_much("declared bytes of all entries", self.declared, self.limits.declared_bytes));
        }
        self.infos.push(info);
        let entry = u32::try_from(entry).map_err(|_| too_much("entries", entry, u64::from(u32::MAX)))?;
        if name.len() > self.limits.name_bytes {
            self.care.too_long += 1;
            return Ok(());
        }
        let cleaned = clean(name);
        self.care.changed += u64::from(cleaned.changed);
        if cleaned.names.len() > self.limits.depth {
            self.care.too_deep += 1;
            return Ok(());
        }
        let Some((own, folders)) = cleaned.names.split_last() else { return Ok(()) };
        let mut parent = ROOT;
        for folder in folders {
            let Some(next) = self.folder(parent, folder)? else { return Ok(()) };
            parent = next;
        }
        let kind = match leaf {
            Leaf::Dir => {
                self.folder(parent, own)?;
                return Ok(());
            }
            Leaf::File => Kind::File(entry),
            Leaf::Refused(refusal) => Kind::Refused(refusal),
            Leaf::Same(target) => match self.file_called(target) {
                Some(first) => Kind::File(first),
                None => Kind::Refused(Refusal::Broken),
            },
            Leaf::Link(target) => {
                self.links.push(target.into());
                Kind::Link(u32::try_from(self.links.len() - 1).unwrap_or(u32::MAX))
            }
        };
        if self.find(parent, own).is_some() {
            self.care.repeated += 1;
            return Ok(());
        }
        self.push(parent, own, kind).map(drop)
    }

    /// The folder of this name, made when it is not there; `None` when a file has the name.
    fn folder(&mut self, parent: u32, name: &str) -> Result<Option<u32>, ArchiveError> {
        let Some(found) = self.find(parent, name) else {
            return self.push(parent, name, Kind::Dir).map(Some);
        };
        let infos = &self.infos;
        if let Some(node) = self.nodes.get_mut(found as usize) {
            match node.kind {
                Kind::Dir => return Ok(Some(found)),
                // Some tools write a folder as an empty file.
                Kind::File(entry) if infos.get(entry as usize).is_none_or(|info| info.size == 0) => {
                    node.kind = Kind::Dir;
                    return Ok(Some(found));
                }
                _ => {}
            }
        }
        self.care.conflicting += 1;
        Ok(None)
    }

    fn file_called(&self, name: &str) -> Option<u32> {
        let mut at = ROOT;
        for part in &clean(name).names {
            at = self.find(at, part)?;
        }
        match self.nodes.get(at as usize)?.kind {
            Kind::File(entry) => Some(entry),
            _ => None,
        }
    }

    fn find(&self, parent: u32, name: &str) -> Option<u32> {
        let mut key = self.hasher.hash_one((parent, name));
        loop {
            let at = *self.by_name.get(&key)?;
            let node = self.nodes.get(at as usize)?;
            if node.parent == parent && at != ROOT && text(&self.names, node) == name {
                return Some(at);
            }
            key = key.wrapping_add(1);
        }
    }

    fn push(&mut self, parent: u32, name: &str, kind: Kind) -> Result<u32, ArchiveError> {
        let (at, name_at) = (self.nodes.len() as u64, self.names.len() as u64);
        // Folders come on top of the entries: a long path makes many.
        let limit = self.limits.entries.saturating_mul(2).min(u64::from(u32::MAX));
        if at > limit {
            return Err(too_much("folders", at, limit));
        }
        if name_at > self.limits.all_names_bytes {
            return Err(too_much("bytes of names", name_at, self.limits.all_names_bytes));
        }
        let (Ok(at), Ok(name_at)) = (u32::try_from(at), u32::try_from(name_at)) else {
            return Err(too_much("bytes of names", name_at, u64::from(u32::MAX)));
        };
        self.names.push_str(name);
        let name_len = u32::try_from(name.len()).unwrap_or(u32::MAX);
        self.nodes.push(Node { parent, name_at, name_len, kind });
        let mut key = self.hasher.hash_one((parent, name));
        while self.by_name.contains_key(&key) {
            key = key.wrapping_add(1);
        }
        self.by_name.insert(key, at);
        Ok(at)
    }

    pub(super) fn finish(self) -> Directory {
        let Self { mut nodes, mut names, mut infos, links, by_name, care, .. } = self;
        drop(by_name);
        nodes.shrink_to_fit();
        names.shrink_to_fit();
        infos.shrink_to_fit();
        let mut children: Vec<u32> = (1..u32::try_from(nodes.len()).unwrap_or(u32::MAX)).collect();
        let key = |at: &u32| nodes.get(*at as usize).map(|node| (node.parent, text(&names, node)));
        children.sort_unstable_by(|a, b| key(a).cmp(&key(b)));
        let mut starts = vec![0_u32; nodes.len() + 1];
        for node in nodes.iter().skip(1) {
            if let Some(count) = starts.get_mut(node.parent as usize + 1) {
                *count += 1;
            }
        }
        let mut sum = 0_u32;
        for start in &mut starts {
            sum = sum.saturating_add(*start);
            *start = sum;
        }
        Directory { nodes, names, infos, links, children, starts, care }
    }
}

impl Directory {
    pub(super) fn name(&self, at: u32) -> &str {
        self.nodes.get(at as usize).map_or("", |node| text(&self.names, node))
    }

    pub(super) fn info(&self, entry: u32) -> Info {
        self.infos.get(entry as usize).copied().unwrap_or_default()
    }

    pub(super) fn infos(&self) -> &[Info] {
        &self.infos
    }

    /// What a node is by itself; a link is followed, with the node that it leads to.
    pub(super) fn look(&self, at: u32) -> Option<(Found, u32, bool)> {
        let node = self.nodes.get(at as usize)?;
        Some(match node.kind {
            Kind::Dir => (Found::Dir, at, false),
            Kind::File(entry) => (Found::File(entry), at, false),
            Kind::Refused(refusal) => (Found::Refused(refusal.reason()), at, false),
            Kind::Link(_) => match self.follow(at) {
                Ok(target) => match self.nodes.get(target as usize)?.kind {
                    Kind::File(entry) => (Found::File(entry), target, true),
                    Kind::Dir => (Found::Dir, target, true),
                    _ => (Found::Refused(SkipReason::LinkBroken), at, true),
                },
                Err(reason) => (Found::Refused(reason), at, true),
            },
        })
    }

    /// Follows a link, and links on its way, inside the archive.
    fn follow(&self, link: u32) -> Result<u32, SkipReason> {
        let mut hops = 0;
        let mut at = link;
        // Parts still to walk, the next one last.
        let mut parts: Vec<&str> = Vec::new();
        loop {
            let node = self.nodes.get(at as usize).ok_or(SkipReason::LinkBroken)?;
            if let Kind::Link(target) = node.kind {
                hops += 1;
                if hops > MAX_HOPS {
                    return Err(SkipReason::LinkBroken);
                }
                let target = self.links.get(target as usize).ok_or(SkipReason::LinkBroken)?;
                if target.starts_with(['/', '\\']) || target.as_bytes().get(1) == Some(&b':') {
                    return Err(SkipReason::LinkLeadsOut);
                }
                parts.extend(target.split(['/', '\\']).rev().filter(|part| !matches!(*part, "" | ".")));
                at = node.parent;
                continue;
            }
            match parts.pop() {
                None => return Ok(at),
                Some("..") if at == ROOT => return Err(SkipReason::LinkLeadsOut),
                Some("..") => at = node.parent,
                Some(name) => at = self.child(at, name).ok_or(SkipReason::LinkBroken)?,
            }
        }
    }

    pub(super) fn children(&self, at: u32) -> &[u32] {
        let start = self.starts.get(at as usize).copied().unwrap_or_default() as usize;
        let end = self.starts.get(at as usize + 1).copied().unwrap_or_default() as usize;
        self.children.get(start..end).unwrap_or_default()
    }

    pub(super) fn child(&self, at: u32, name: &str) -> Option<u32> {
        let children = self.children(at);
        let found = children.binary_search_by(|child| self.name(*child).cmp(name)).ok()?;
        children.get(found).copied()
    }
}

fn text<'n>(names: &'n str, node: &Node) -> &'n str {
    let start = node.name_at as usize;
    names.get(start..start.saturating_add(node.name_len as usize)).unwrap_or_default()
}

fn too_much(what: &'static str, found: u64, limit: u64) -> ArchiveError {
    ArchiveError::TooMuch { what, found, limit }
}
