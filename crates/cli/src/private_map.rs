//! The private map of `--pseudonymize`: read where it exists, extended, and put back for its owner alone.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use crate::engine::{PseudonymMap, Report};
use crate::exit::{Failure, quoted, shown};
use crate::output::Target;

/// Largest map that is read, in bytes.
const LARGEST: u64 = 64 << 20;

/// A map and the file that it belongs into.
#[derive(Debug)]
pub struct PrivateMap {
    given: PathBuf,
    target: Target,
    map: PseudonymMap,
}

impl PrivateMap {
    /// Finds the file and reads what it holds, before any work is done.
    ///
    /// `evidence` are real paths, `inputs` other files that are read.
    ///
    /// # Errors
    /// The file lies in the evidence, is where the report goes, or is there and no map.
    pub fn resolve(
        given: &Path,
        evidence: &[PathBuf],
        inputs: &[&Path],
        report: &Target,
    ) -> Result<Self, Failure> {
        let target = Target::resolve(Some(given), evidence, inputs)?;
        if target == *report {
            return Err(Failure::new(format!(
                "the map of names {} is where the report goes; choose another file for one of them",
                quoted(given)
            )));
        }
        let refuse = |why: String| {
            Failure::new(format!(
                "the map of names {} {why}; name a map of an earlier run, or a new file",
                quoted(given)
            ))
        };
        let map = match File::open(given) {
            Err(error) if error.kind() == ErrorKind::NotFound => PseudonymMap::default(),
            Err(error) => return Err(refuse(format!("cannot be opened ({error})"))),
            Ok(file) => {
                let mut text = String::new();
                file.take(LARGEST + 1)
                    .read_to_string(&mut text)
                    .map_err(|error| refuse(format!("cannot be read ({error})")))?;
                PseudonymMap::from_json(&text)
                    .map_err(|error| refuse(format!("cannot be used: {}", shown(&error.to_string()))))?
            }
        };
        Ok(Self { given: given.to_owned(), target, map })
    }

    /// Refuses a file that turned out to belong to a disk image in evidence.
    ///
    /// # Errors
    /// The map is one of them.
    pub fn spare_parts<'a>(
        &self,
        evidence: &[PathBuf],
        parts: impl Iterator<Item = &'a str>,
    ) -> Result<(), Failure> {
        self.target.spare_parts(evidence, parts)
    }

    /// Replaces the names in a report and writes the map, so that no report is without its map.
    ///
    /// # Errors
    /// The map cannot be written.
    pub fn apply(mut self, report: &mut Report) -> Result<(), Failure> {
        let failed = |why: String| {
            Failure::new(format!(
                "the map of names could not be written to {} ({why}); choose another file",
                quoted(&self.given)
            ))
        };
        report.pseudonymize(&mut self.map).map_err(|error| failed(error.to_string()))?;
        self.target.write_private(&self.map.to_json()).map_err(|error| failed(error.to_string()))
    }
}
