//! Containers that were deleted and of which the volume still keeps a trace.

use iiskeys_evidence::{Dir, Remains};
use sha2::{Digest, Sha256};

use super::containers::{inside, join, push_file};
use super::interest::Interest;
use crate::artifact::container::{Container, FileName};
use crate::machine::facts::{Damage, DeletedContainer, EvidenceFile, Facts, FolderRole};
use crate::machine::{Citation, Locator, Store};

/// Traces kept of one folder; the ones last created are the ones that may be missed.
const MOST: usize = 200;

/// Whether the records of the whole volume are searched for containers that once stood in this store, for the price of
/// one pass over the records that are not in use. The stores of accounts hold none that IIS needs.
fn is_searched(store: Store) -> bool {
    matches!(store, Store::RsaMachine | Store::CngMachine)
}

/// Looks for deleted containers of interest in a folder that is in use.
pub(super) fn find(facts: &mut Facts, dir: &Dir, at: usize, interest: &Interest) {
    let Some(folder) = facts.folders.get(at) else { return };
    if folder.role == FolderRole::Copy {
        return;
    }
    let store = folder.store;
    let family = store.family();
    let path = folder.path.clone();
    let wanted =
        |name: &str| FileName::parse(name).is_some_and(|parsed| interest.holds(family, parsed.prefix));
    let mut found = match dir.deleted(is_searched(store), &wanted) {
        Ok(found) => found,
        Err(error) => {
            let what = format!("deleted files could not be looked for: {error}");
            facts.damage.push(Damage { path, what, citation: None });
            return;
        }
    };
    found.sort_by(|a, b| (b.created, &a.name, a.record).cmp(&(a.created, &b.name, b.record)));
    found.truncate(MOST);
    for entry in found {
        let Some(parsed) = FileName::parse(&entry.name) else { continue };
        // A row of the index outlives a rename and a move of its own: the file is there.
        let stands = facts.containers.iter().any(|known| known.folder == at && known.name == entry.name);
        if stands && (entry.remains == Remains::NameOnly || entry.record.is_none()) {
            continue;
        }
        let (content, sha256) = match &entry.remains {
            Remains::Whole(data) => {
                let container = Container::parse(data);
                match container.family {
                    Some(_) => (
                        Ok(Box::new(inside(&container, family, Some(parsed)))),
                        Some(Sha256::digest(data).into()),
                    ),
                    None => (Err("other bytes stand where its data was"), None),
                }
            }
            Remains::Overwritten => (Err("its clusters belong to other files now"), None),
            Remains::RecordReused => (Err("its record belongs to another file now"), None),
            Remains::NameOnly => (Err("only its name is left"), None),
        };
        let row = EvidenceFile {
            kind: "deleted-key-container",
            path: join(&path, &entry.name),
            size: Some(entry.size),
            sha256,
            created: entry.created,
            modified: entry.modified,
            enumerated: None,
            container: dir.container().map(|container| container.path.to_string()),
            record: entry.record,
        };
        let id = push_file(facts, row);
        facts.deleted.push(DeletedContainer {
            folder: at,
            prefix: parsed.prefix,
            guid: parsed.guid,
            record: entry.record,
            size: entry.size,
            created: entry.created,
            content,
            citation: Citation::new(id, Locator::File),
            name: entry.name,
        });
    }
}
