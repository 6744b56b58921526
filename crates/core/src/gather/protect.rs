//! LocalSystem's master keys: which files there are, for the prover and for the facts.

use iiskeys_evidence::{Completeness, Dir, File, Node};

use super::containers::push_file;
use super::pieces::Pieces;
use super::prover::Prover;
use crate::artifact::container::Guid;
use crate::artifact::master_key::Preferred;
use crate::machine::facts::{Coverage, Damage, EvidenceFile, Facts};
use crate::machine::{MasterKeyFile, MasterKeyState, ProtectFolder};

/// Largest master key file that is read, in bytes: real ones have some hundred.
const LARGEST: u64 = 16 * 1024;
/// Master keys that are looked at: one in three months over decades.
const MOST: usize = 2_000;
/// Entries of a folder that cannot be looked at and are named.
const NAMED: u64 = 20;

/// Finds the folders; what they hold is read by [`read`].
pub(super) fn folders(facts: &mut Facts, pieces: &Pieces) {
    for dir in &pieces.protect {
        let file = push_file(facts, EvidenceFile { kind: "protect-folder", ..EvidenceFile::folder(dir) });
        let is_whole = dir.completeness() == Completeness::Volume;
        facts.protection.folders.push(ProtectFolder {
            path: dir.path().to_string(),
            file,
            coverage: if is_whole { Coverage::Complete } else { Coverage::Copied },
        });
    }
}

/// Reads the master key files of every folder and of `User` in it.
pub(super) fn read(facts: &mut Facts, pieces: &Pieces, prover: &mut Prover) {
    for dir in &pieces.protect {
        let before = facts.protection.master_keys.len();
        files(facts, dir, false, prover);
        match dir.child_dir("User") {
            Ok(Some(user)) => files(facts, &user, true, prover),
            Ok(None) => {}
            Err(error) => damage(facts, dir.path().to_string(), error.to_string()),
        }
        let found = facts.protection.master_keys.len().saturating_sub(before);
        let folder = facts.protection.folders.iter().find(|folder| folder.path == dir.path().as_str());
        if let Some(row) = folder.and_then(|folder| facts.files.get_mut(folder.file.0 as usize)) {
            row.enumerated = Some(found as u64);
        }
    }
}

fn files(facts: &mut Facts, dir: &Dir, is_user: bool, prover: &mut Prover) {
    let mut found: Vec<File> = Vec::new();
    let mut unread = 0_u64;
    match dir.names() {
        Ok(entries) => {
            for node in entries {
                match node {
                    Ok(Node::File(file)) if is_wanted(&file.name) => found.push(file),
                    Ok(Node::File(_) | Node::Dir(_)) => {}
                    Err(error) => {
                        unread += 1;
                        if unread <= NAMED {
                            damage(facts, dir.path().to_string(), error.to_string());
                        }
                    }
                }
            }
        }
        Err(error) => {
            unread += 1;
            damage(facts, dir.path().to_string(), error.to_string());
        }
    }
    if unread > 0 {
        prover.leave_out_master_keys();
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    let preferred = found.iter().find(|file| file.name.eq_ignore_ascii_case("Preferred"));
    let preferred = preferred.and_then(|file| file.clone().complete().ok()?.read_all(LARGEST).ok());
    let preferred =
        preferred.and_then(|(bytes, _)| Preferred::parse(&bytes).ok()).map(|found| found.master_key);
    for file in found {
        let Ok(guid) = Guid::parse(&file.name) else { continue };
        if facts.protection.master_keys.len() >= MOST {
            damage(
                facts,
                dir.path().to_string(),
                format!("more than {MOST} master keys: the rest was not read"),
            );
            prover.leave_out_master_keys();
            return;
        }
        let path = file.path().to_string();
        let complete = file.complete();
        let read = complete.and_then(|file| file.read_all(LARGEST).map(|read| (file, read)));
        let (file, (bytes, sha256)) = match read {
            Ok(read) => read,
            Err(error) => {
                let why = format!("the master key could not be read: {error}");
                prover.add_unread_master_key(guid, &why);
                damage(facts, path, why);
                continue;
            }
        };
        let id = push_file(facts, EvidenceFile::of(&file, "master-key", Some(sha256)));
        let at = facts.protection.master_keys.len();
        facts.protection.master_keys.push(MasterKeyFile {
            guid,
            file: id,
            is_user,
            created: file.created,
            is_preferred: preferred == Some(guid),
            state: MasterKeyState::NotTried,
        });
        prover.add_master_key(guid, at, bytes);
    }
}

fn is_wanted(name: &str) -> bool {
    name.eq_ignore_ascii_case("Preferred") || Guid::parse(name).is_ok()
}

fn damage(facts: &mut Facts, path: String, what: String) {
    facts.damage.push(Damage { path, what, citation: None });
}
