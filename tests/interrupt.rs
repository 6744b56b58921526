//! Ctrl-C ends a run with exit code 130.
#![cfg(target_os = "linux")]

mod support;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

/// Bytes that a pipe takes before a writer must wait.
const PIPE_CAPACITY: usize = 65_536;

/// Whether the process catches SIGINT by now.
fn catches_interrupts(process: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
    u64::from_str_radix(caught.trim(), 16).unwrap() & 0b10 != 0
}

#[test]
fn an_interrupted_run_says_so() {
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(&[b' '; PIPE_CAPACITY]).unwrap();
    let mut child =
        support::command(Path::new(".")).args(["name", "iisWasKey"]).stdout(writer).spawn().unwrap();
    while !catches_interrupts(child.id()) {
        assert_eq!(child.try_wait().unwrap(), None, "nobody reads, so it waits");
        std::thread::yield_now();
    }
    let sent = Command::new("sh").args(["-c", &format!("kill -INT {}", child.id())]).status().unwrap();
    assert!(sent.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    drop(reader);
}
