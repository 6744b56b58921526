//! Ctrl-C ends a run with exit code 130.
#![cfg(target_os = "linux")]

mod support;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

/// Bytes that a pipe takes before a writer must wait.
const PIPE_CAPACITY: usize = 65_536;

/// Whether SIGINT is in a set of signals of a process: `SigCgt` (caught) or `SigIgn` (ignored).
fn has_interrupt(process: u32, set: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let signals = status.lines().find_map(|line| line.strip_prefix(set)).unwrap();
    u64::from_str_radix(signals.trim_start_matches(':').trim(), 16).unwrap() & 0b10 != 0
}

#[test]
fn an_interrupted_run_says_so() {
    // A shell starts background jobs deaf to Ctrl-C, and the program respects that.
    if has_interrupt(std::process::id(), "SigIgn") {
        eprintln!("skipped: SIGINT is ignored where these tests run");
        return;
    }
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(&[b' '; PIPE_CAPACITY]).unwrap();
    let mut child =
        support::command(Path::new(".")).args(["name", "iisWasKey"]).stdout(writer).spawn().unwrap();
    while !has_interrupt(child.id(), "SigCgt") {
        assert_eq!(child.try_wait().unwrap(), None, "nobody reads, so it waits");
        std::thread::yield_now();
    }
    let sent = Command::new("sh").args(["-c", &format!("kill -INT {}", child.id())]).status().unwrap();
    assert!(sent.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    drop(reader);
}
