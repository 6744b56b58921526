//! A tree made in memory, for tests and for callers that already hold the bytes.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::Arc;

use crate::time::Timestamp;
use crate::tree::{Completeness, Detail, EntryKind, NodeId, Rows, Tree, TreeEntry, TreeKind};

/// Directories and files in memory, with settable times.
#[derive(Clone)]
pub struct MemoryTree {
    nodes: Arc<Vec<Node>>,
    completeness: Completeness,
    creation_times: bool,
}

#[derive(Clone, Default)]
struct Node {
    name: String,
    children: BTreeMap<String, usize>,
    data: Option<Arc<[u8]>>,
    created: Option<Timestamp>,
    modified: Option<Timestamp>,
    security: Option<Arc<[u8]>>,
}

impl Default for MemoryTree {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryTree {
    /// An empty tree that behaves like a copied folder but keeps creation times.
    pub fn new() -> Self {
        Self {
            nodes: Arc::new(vec![Node::default()]),
            completeness: Completeness::Copy,
            creation_times: true,
        }
    }

    /// The same tree with another completeness.
    #[must_use]
    pub fn with_completeness(mut self, completeness: Completeness) -> Self {
        self.completeness = completeness;
        self
    }

    /// The same tree, with or without the creation times of its files.
    #[must_use]
    pub fn with_creation_times(mut self, kept: bool) -> Self {
        self.creation_times = kept;
        self
    }

    /// Adds a directory and the ones above it; `path` with either slash.
    #[must_use]
    pub fn dir(mut self, path: &str) -> Self {
        self.make(path);
        self
    }

    /// Adds a file without times.
    #[must_use]
    pub fn file(self, path: &str, data: &[u8]) -> Self {
        self.file_at(path, data, None, None)
    }

    /// Adds a file with a creation and a modification time.
    #[must_use]
    pub fn file_at(
        mut self,
        path: &str,
        data: &[u8],
        created: Option<Timestamp>,
        modified: Option<Timestamp>,
    ) -> Self {
        self.insert(path, data, created, modified);
        self
    }

    /// Gives a file or a folder a security descriptor; a folder that is not there is made.
    #[must_use]
    pub fn with_security(mut self, path: &str, descriptor: &[u8]) -> Self {
        let index = self.make(path);
        if let Some(node) = Arc::make_mut(&mut self.nodes).get_mut(index) {
            node.security = Some(descriptor.into());
        }
        self
    }

    /// Adds a file in place.
    pub fn insert(
        &mut self,
        path: &str,
        data: &[u8],
        created: Option<Timestamp>,
        modified: Option<Timestamp>,
    ) {
        let index = self.make(path);
        if let Some(node) = Arc::make_mut(&mut self.nodes).get_mut(index) {
            node.data = Some(data.into());
            node.created = created;
            node.modified = modified;
        }
    }

    fn make(&mut self, path: &str) -> usize {
        let nodes = Arc::make_mut(&mut self.nodes);
        let mut at = 0;
        // A drive such as `C:` is an ordinary directory name here, as in `fs/C:/Windows`.
        for name in path.split(['/', '\\']).filter(|name| !name.is_empty() && *name != ".") {
            let next = nodes.len();
            let Some(node) = nodes.get_mut(at) else { break };
            let child = *node.children.entry(name.to_owned()).or_insert(next);
            if child == next {
                nodes.push(Node { name: name.to_owned(), ..Node::default() });
            }
            at = child;
        }
        at
    }

    fn node(&self, id: &NodeId) -> io::Result<&Node> {
        let NodeId::Number(number) = id else { return Err(io::ErrorKind::InvalidInput.into()) };
        usize::try_from(*number)
            .ok()
            .and_then(|at| self.nodes.get(at))
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn row(&self, index: usize) -> Option<TreeEntry> {
        let node = self.nodes.get(index)?;
        Some(TreeEntry {
            id: NodeId::Number(index as u64),
            name: node.name.clone(),
            kind: if node.data.is_some() { EntryKind::File } else { EntryKind::Dir },
            linked: false,
            size: node.data.as_ref().map_or(0, |data| data.len() as u64),
            created: node.created.filter(|_| self.creation_times),
            modified: node.modified,
            record: None,
        })
    }
}

/// Every file of a path-to-bytes list, for example what the forge's layouts return.
impl<'a> FromIterator<(&'a str, &'a [u8])> for MemoryTree {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a [u8])>>(files: I) -> Self {
        files.into_iter().fold(Self::new(), |tree, (path, data)| tree.file(path, data))
    }
}

impl Tree for MemoryTree {
    fn kind(&self) -> TreeKind {
        TreeKind::Memory
    }

    fn creation_times_kept(&self) -> bool {
        self.creation_times
    }

    fn completeness(&self) -> Completeness {
        self.completeness
    }

    fn root(&self) -> NodeId {
        NodeId::Number(0)
    }

    fn list(&self, dir: &NodeId, _detail: Detail) -> io::Result<Rows> {
        let node = self.node(dir)?;
        if node.data.is_some() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        let children: Vec<usize> = node.children.values().copied().collect();
        let tree = self.clone();
        Ok(Box::new(children.into_iter().filter_map(move |index| tree.row(index).map(Ok))))
    }

    fn lookup(&self, dir: &NodeId, name: &str) -> io::Result<Option<TreeEntry>> {
        Ok(self.node(dir)?.children.get(name).and_then(|index| self.row(*index)))
    }

    fn complete(&self, entry: TreeEntry) -> io::Result<TreeEntry> {
        Ok(entry)
    }

    fn open(&self, file: &NodeId) -> io::Result<Box<dyn Read + Send>> {
        let data = self.node(file)?.data.clone().ok_or(io::ErrorKind::IsADirectory)?;
        Ok(Box::new(io::Cursor::new(data)))
    }

    fn security(&self, node: &NodeId) -> io::Result<Option<Vec<u8>>> {
        Ok(self.node(node)?.security.as_ref().map(|bytes| bytes.to_vec()))
    }
}
