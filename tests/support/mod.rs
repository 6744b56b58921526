//! Runs the built binary and looks at what it leaves.

// Every test file is a crate of its own and uses a part of this.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use iiskeys_fixtures::container::{Family, capi_name_only, file_name};
use serde_json::Value;

/// What a run left behind.
#[derive(Debug)]
pub struct Run {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Stdout.
    pub stdout: String,
    /// Stderr.
    pub stderr: String,
}

impl Run {
    /// Stdout as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The one sentence of a run that failed as it should: exit code 2, nothing on stdout, one line on stderr.
    pub fn refusal(&self) -> &str {
        assert_eq!((self.code, self.stdout.as_str()), (Some(2), ""), "{self:?}");
        let line = self.stderr.strip_suffix('\n').unwrap_or_else(|| panic!("{self:?}"));
        assert!(line.starts_with("iiskeys: ") && !line.contains('\n'), "{self:?}");
        line
    }

    /// Stdout of a run that succeeded without a word on stderr.
    pub fn answer(&self) -> &str {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""), "{self:?}");
        &self.stdout
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("stderr is UTF-8"),
        }
    }
}

/// The binary, ready to run in `folder` without a terminal.
pub fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_iiskeys"));
    command.current_dir(folder).stdin(Stdio::null());
    command
}

/// Runs the binary in `folder`.
pub fn run_in<S: AsRef<OsStr>>(folder: &Path, words: impl IntoIterator<Item = S>) -> Run {
    command(folder).args(words).output().expect("the binary runs").into()
}

/// Runs the binary where the tests run.
pub fn run<S: AsRef<OsStr>>(words: impl IntoIterator<Item = S>) -> Run {
    run_in(Path::new("."), words)
}

/// The top of the workspace.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace is there")
}

/// A folder of evidence that every test may break in its own way: a few files with known bytes.
pub fn small_case(folder: &Path) -> PathBuf {
    let case = folder.join("case");
    let keys = case.join("MachineKeys");
    fs::create_dir_all(&keys).unwrap();
    let guid = "9790b371-34a5-4c0c-b5d1-6d7f4f4c4e4a";
    for name in ["iisWasKey", "iisConfigurationKey"] {
        fs::write(keys.join(file_name(name, Family::Capi, guid)), capi_name_only(name)).unwrap();
    }
    case
}

/// Everything about a tree that a program could change: for each entry its size, times, rights and bytes.
pub fn snapshot(root: &Path) -> BTreeMap<PathBuf, String> {
    let mut entries = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        entries.insert(folder.clone(), describe(&folder));
        for entry in fs::read_dir(&folder).expect("a test can read its own tree") {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            } else {
                entries.insert(path.clone(), format!("{} {:?}", describe(&path), fs::read(&path).ok()));
            }
        }
    }
    entries
}

fn describe(path: &Path) -> String {
    let metadata = fs::symlink_metadata(path).unwrap();
    #[cfg(unix)]
    let changed = {
        use std::os::unix::fs::MetadataExt;
        (metadata.ctime(), metadata.ctime_nsec(), metadata.nlink())
    };
    #[cfg(not(unix))]
    let changed = ();
    format!("{} {:?} {:?} {changed:?}", metadata.len(), metadata.modified().unwrap(), metadata.permissions())
}
