//! Where answers go: stdout, or a file that is whole or not there, and never in the evidence.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use crate::engine;
use crate::entries;
use crate::exit::{Failure, quoted};
use crate::interrupt;

/// Prints an answer on stdout.
///
/// A reader that closed the pipe, such as `head`, has had what it wanted.
///
/// # Errors
/// Stdout does not take it: a full disk, for one.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("stdout does not take the answer ({error}); redirect it elsewhere")))
        }
        _ => Ok(()),
    }
}

/// Where a report goes.
#[derive(Debug, PartialEq, Eq)]
pub enum Target {
    /// Stdout.
    Stdout,
    /// A file, by its real path.
    File(PathBuf),
}

impl Target {
    /// Resolves `--output` before any work is done.
    ///
    /// `evidence` are real paths; `inputs` are other files that are read: a report, a password.
    ///
    /// # Errors
    /// The file lies in the evidence or may be a part of it, is read as well, is no regular file, or its folder is not there.
    pub fn resolve(output: Option<&Path>, evidence: &[PathBuf], inputs: &[&Path]) -> Result<Self, Failure> {
        let Some(given) = output else { return Ok(Self::Stdout) };
        let real = real_path(given)?;
        if inputs.iter().any(|input| real_place(input) == real) {
            return Err(Failure::new(format!(
                "the output {} is a file that this run reads; choose another file for one of them",
                quoted(given)
            )));
        }
        if let Some(source) = evidence.iter().find(|source| real.starts_with(source)) {
            return Err(Failure::new(format!(
                "the output {} lies in the evidence {}, which is never written to; choose a file outside of it",
                quoted(given),
                quoted(source)
            )));
        }
        // What an image consists of is known only once it was read, which may fail; its parts lie beside it.
        for source in evidence.iter().filter(|source| source.parent() == real.parent() && !source.is_dir()) {
            if may_be_a_part(&real, source) {
                return Err(Failure::new(format!(
                    "the output {} may be a part of the evidence {} beside it, which is never written to; choose a new file, or one \
                     in another folder",
                    quoted(given),
                    quoted(source)
                )));
            }
        }
        Ok(Self::File(real))
    }

    /// Refuses a file that turned out to belong to a disk image in evidence: a segment, an extent, a parent.
    ///
    /// `evidence` are canonical paths, `parts` bare names of such files.
    ///
    /// # Errors
    /// The output is one of them.
    pub fn spare_parts<'a>(
        &self,
        evidence: &[PathBuf],
        parts: impl Iterator<Item = &'a str>,
    ) -> Result<(), Failure> {
        let Self::File(real) = self else { return Ok(()) };
        let beside = evidence.iter().any(|source| source.parent() == real.parent());
        let name = real.file_name().and_then(OsStr::to_str).unwrap_or_default();
        for part in parts {
            if beside && part.eq_ignore_ascii_case(name) {
                return Err(Failure::new(format!(
                    "the output {} is a part of the disk image in evidence, which is never written to; choose another file",
                    quoted(real)
                )));
            }
        }
        Ok(())
    }

    /// Writes what nobody but its owner may read.
    ///
    /// # Errors
    /// The place does not take it; what stood there before is then unchanged.
    pub fn write_private(&self, text: &str) -> io::Result<()> {
        match self {
            Self::Stdout => Err(io::Error::other("it is no file")),
            Self::File(path) => replace(path, text.as_bytes(), true),
        }
    }

    /// Writes the whole report.
    ///
    /// # Errors
    /// The place does not take it; what stood there before is then unchanged.
    pub fn write(&self, text: &str) -> Result<(), Failure> {
        match self {
            Self::Stdout => print(text),
            Self::File(path) => {
                replace(path, text.as_bytes(), false).map_err(|error| unwritten(path, &error))
            }
        }
    }
}

/// Where a file is or would be, symbolic links resolved as far as they lead somewhere.
pub fn real_place(given: &Path) -> PathBuf {
    let beside = || {
        let folder = given.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
        Some(folder.canonicalize().ok()?.join(given.file_name()?))
    };
    given.canonicalize().ok().or_else(beside).unwrap_or_else(|| given.to_owned())
}

/// Whether a file may belong to a disk image that lies beside it: it bears the name of a segment or an extent, or it is there
/// and is nothing that this program writes.
fn may_be_a_part(path: &Path, source: &Path) -> bool {
    let lower =
        |path: &Path| path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let (name, of) = (lower(path), lower(source));
    let mut names: BTreeSet<String> = [name.clone(), of.clone()].into();
    let listed = path.parent().and_then(|folder| fs::read_dir(folder).ok());
    names.extend(listed.into_iter().flatten().flatten().map(|entry| lower(&entry.path())));
    let all: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    if entries::is_part_of_image(&name, &all) {
        return true;
    }
    let stem = |name: &str| name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned();
    let is_named_alike = name.starts_with(&format!("{of}.")) || stem(&name) == stem(&of);
    is_foreign(path, is_named_alike)
}

/// Whether a file begins like text in UTF-8.
pub fn is_text(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(4096).read_to_end(&mut start));
    read.is_ok()
        && std::str::from_utf8(&start).map_or_else(|error| error.error_len().is_none(), |_| true)
        && !start.contains(&0)
}

/// Whether a file is there and not what an earlier run has left. Text that is named like evidence may be its notes.
fn is_foreign(path: &Path, is_named_alike: bool) -> bool {
    let mut start = Vec::new();
    let Ok(file) = File::open(path) else { return path.exists() };
    if file.take(4096).read_to_end(&mut start).is_err() {
        return true;
    }
    let is_text = is_text(path);
    let is_answer = engine::is_json(path)
        || start.starts_with(b"<?xml")
        || start.to_ascii_lowercase().starts_with(b"<!doctype html");
    // The description of a virtual disk is text, too.
    let is_descriptor = start.starts_with(b"# Disk DescriptorFile");
    !start.is_empty() && !is_answer && (is_named_alike || is_descriptor || !is_text)
}

/// The file that writing to `given` would change, symbolic links resolved.
fn real_path(given: &Path) -> Result<PathBuf, Failure> {
    let refuse =
        |why: &str, next: &str| Err(Failure::new(format!("the output {} {why}; {next}", quoted(given))));
    match fs::symlink_metadata(given) {
        Ok(_) => {
            let Ok(metadata) = fs::metadata(given) else {
                return refuse("is a symbolic link that leads nowhere", "name the file itself");
            };
            if metadata.is_dir() {
                return refuse("is a folder", "name a file in it");
            }
            if !metadata.is_file() {
                return refuse("is not a regular file", "leave --output out to write to stdout");
            }
            if has_other_names(&metadata) {
                return refuse(
                    "has other names (hard links), and one may be evidence",
                    "choose another file",
                );
            }
            given
                .canonicalize()
                .or_else(|error| refuse(&format!("cannot be resolved ({error})"), "choose another file"))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let Some(name) = given.file_name() else {
                return refuse("does not name a file", "give a file name");
            };
            let folder = match given.parent() {
                Some(folder) if folder != Path::new("") => folder,
                _ => Path::new("."),
            };
            match folder.canonicalize() {
                Ok(folder) if folder.is_dir() => Ok(folder.join(name)),
                _ => refuse("is in a folder that does not exist", "create the folder or choose another"),
            }
        }
        Err(error) => refuse(&format!("cannot be looked at ({error})"), "choose another file"),
    }
}

#[cfg(unix)]
fn has_other_names(metadata: &Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(metadata) > 1
}

/// The count is not to be had here; replacing a name leaves what other names refer to unchanged anyway.
#[cfg(not(unix))]
fn has_other_names(_: &Metadata) -> bool {
    false
}

/// Creates a new file, for its owner alone where that is asked for.
fn create(path: &Path, is_private: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if is_private {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    // Elsewhere the folder decides who may read it.
    #[cfg(not(unix))]
    let _ = is_private;
    options.open(path)
}

/// Writes beside `path`, then puts the finished file in its place in one step.
fn replace(path: &Path, bytes: &[u8], is_private: bool) -> io::Result<()> {
    let mut file = Unfinished::beside(path, is_private)?;
    file.0.write_all(bytes)?;
    file.finish(path)
}

/// A file that is removed unless it is finished.
struct Unfinished(File, PathBuf);

impl Unfinished {
    fn beside(path: &Path, is_private: bool) -> io::Result<Self> {
        let name = path.file_name().unwrap_or(OsStr::new("report")).to_string_lossy().into_owned();
        let unfinished = path.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
        interrupt::guarded(|slot| {
            let file = create(&unfinished, is_private)?;
            *slot = Some(unfinished.clone());
            Ok(Self(file, unfinished))
        })
    }

    fn finish(self, path: &Path) -> io::Result<()> {
        let written = self.0.sync_all();
        interrupt::guarded(|_| written.and_then(|()| fs::rename(&self.1, path)))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        interrupt::guarded(|slot| {
            *slot = None;
            // A finished one does not bear this name any more.
            let _ = fs::remove_file(&self.1);
        });
    }
}

/// Lines that are written one after the other, as they are known. Each is whole or not there.
pub struct Lines<'a> {
    target: &'a Target,
    file: Option<Unfinished>,
}

impl<'a> Lines<'a> {
    /// Begins; a file gets its name only at the end.
    ///
    /// # Errors
    /// No file can be made there.
    pub fn begin(target: &'a Target) -> Result<Self, Failure> {
        let file = match target {
            Target::Stdout => None,
            Target::File(path) => {
                Some(Unfinished::beside(path, false).map_err(|error| unwritten(path, &error))?)
            }
        };
        Ok(Self { target, file })
    }

    /// Writes a line, which ends with a line feed. False when nobody reads any more.
    ///
    /// # Errors
    /// The place does not take it.
    pub fn line(&mut self, text: &str) -> Result<bool, Failure> {
        if let (Some(file), Target::File(path)) = (&mut self.file, self.target) {
            return file.0.write_all(text.as_bytes()).map(|()| true).map_err(|error| unwritten(path, &error));
        }
        // An interruption waits for the end of the line.
        interrupt::whole(|| {
            let mut stdout = io::stdout().lock();
            match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
                Ok(()) => Ok(true),
                Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
                Err(error) => Err(Failure::new(format!(
                    "stdout does not take the answer ({error}); redirect it elsewhere"
                ))),
            }
        })
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// The place does not take it.
    pub fn finish(self) -> Result<(), Failure> {
        match (self.file, self.target) {
            (Some(file), Target::File(path)) => file.finish(path).map_err(|error| unwritten(path, &error)),
            _ => Ok(()),
        }
    }
}

fn unwritten(path: &Path, error: &io::Error) -> Failure {
    Failure::new(format!(
        "the report could not be written to {} ({error}); choose another file with --output",
        quoted(path)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_report_replaces_an_older_one_and_leaves_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        for text in ["first", "second"] {
            Target::resolve(Some(&path), &[], &[]).unwrap().write(text).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(names(folder.path()), ["report.json"]);
    }

    #[test]
    fn a_failed_write_leaves_the_folder_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken");
        fs::create_dir_all(path.join("full")).unwrap();
        let told = Target::File(path).write("text").unwrap_err().to_string();
        assert!(told.contains("taken'"), "{told}");
        assert_eq!(names(folder.path()), ["taken"]);
    }

    #[test]
    fn what_is_not_a_plain_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let cases =
            [(folder.path().to_owned(), "a folder"), (folder.path().join("no/report"), "does not exist")];
        for (path, why) in cases {
            let told = Target::resolve(Some(&path), &[], &[]).unwrap_err().to_string();
            assert!(told.contains(why), "{told}");
        }
        #[cfg(unix)]
        {
            let told = Target::resolve(Some(Path::new("/dev/null")), &[], &[]).unwrap_err().to_string();
            assert!(told.contains("not a regular file"), "{told}");
            let link = folder.path().join("link");
            std::os::unix::fs::symlink(folder.path().join("gone"), &link).unwrap();
            let told = Target::resolve(Some(&link), &[], &[]).unwrap_err().to_string();
            assert!(told.contains("leads nowhere"), "{told}");
        }
    }

    #[test]
    fn no_path_into_the_evidence_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let evidence = root.join("case");
        fs::create_dir_all(evidence.join("deep")).unwrap();
        fs::write(evidence.join("SOFTWARE"), "regf").unwrap();
        let mut into = vec![
            evidence.join("new.json"),
            evidence.join("deep/new.json"),
            evidence.join("SOFTWARE"),
            root.join("case/deep/../SOFTWARE"),
        ];
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(&evidence, root.join("alias")).unwrap();
            std::os::unix::fs::symlink(evidence.join("SOFTWARE"), root.join("soft")).unwrap();
            fs::hard_link(evidence.join("SOFTWARE"), root.join("hard")).unwrap();
            into.extend([root.join("alias/new.json"), root.join("soft"), root.join("hard")]);
        }
        for path in into {
            Target::resolve(Some(&path), std::slice::from_ref(&evidence), &[])
                .expect_err(&path.display().to_string());
        }
        let beside = root.join("case.json");
        assert_eq!(Target::resolve(Some(&beside), &[evidence], &[]), Ok(Target::File(beside)));
    }
}
