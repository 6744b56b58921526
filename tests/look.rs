//! How text looks: at a terminal, in a pipe, in a file.

mod support;

use std::fs;
#[cfg(target_os = "linux")]
use std::process::{Command, Stdio};

use support::{command, run, workspace};

fn evidence() -> String {
    workspace().join("fixtures/server2008r2-guid-changed/evidence").to_string_lossy().into_owned()
}

#[test]
fn a_pipe_gets_plain_text_of_a_hundred_columns() {
    let text = run(["diagnose", &evidence(), "--format", "text", "--fail-on", "never"]).stdout;
    assert!(!text.contains('\u{1b}'));
    assert!(text.lines().skip(2).take(3).all(|line| (80..=100).contains(&line.len())), "{text}");
    let narrow =
        run(["diagnose", &evidence(), "--format", "text", "--fail-on", "never", "--width", "60"]).stdout;
    assert!(narrow.lines().count() > text.lines().count());
    assert_eq!(narrow.split_whitespace().collect::<Vec<_>>(), text.split_whitespace().collect::<Vec<_>>());
}

#[test]
fn forms_for_programs_take_no_notice_of_it() {
    let words = ["diagnose", &evidence(), "--fail-on", "never"];
    let plain = run(words).stdout;
    assert_eq!(run(words.into_iter().chain(["--color", "always", "--width", "40"])).stdout, plain);
}

#[test]
fn colours_can_be_asked_for_and_a_width_out_of_range_is_refused() {
    let words = ["diagnose", &evidence(), "--format", "text", "--fail-on", "never"];
    let coloured = run(words.into_iter().chain(["--color", "always"])).stdout;
    assert!(coloured.starts_with("\u{1b}[1mVERDICT:\u{1b}[0m \u{1b}[1;31mBROKEN\u{1b}[0m\n"), "{coloured}");
    for width in ["39", "161", "wide"] {
        assert!(run(words.into_iter().chain(["--width", width])).refusal().contains("--width"), "{width}");
    }
}

/// What the program prints on a pseudo terminal of that many columns; `None` where the tool `script` is not installed.
#[cfg(target_os = "linux")]
fn on_a_terminal(columns: u32, no_color: &str, term: &str, more: &str) -> Option<String> {
    let program = env!("CARGO_BIN_EXE_iiskeys");
    let line = format!(
        "stty cols {columns} rows 24; exec '{program}' diagnose '{}' --format text --fail-on never --no-progress {more}",
        evidence()
    );
    let run = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .env("NO_COLOR", no_color)
        .env("TERM", term)
        .stdin(Stdio::null())
        .output();
    match run {
        Ok(run) if run.status.success() => {
            Some(String::from_utf8(run.stdout).expect("UTF-8").replace('\r', ""))
        }
        _ => {
            println!("skipped: no pseudo terminal is to be had here");
            None
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_gets_its_width_and_colours_unless_it_refuses_them() {
    let Some(coloured) = on_a_terminal(72, "", "xterm", "") else { return };
    assert!(coloured.starts_with("\u{1b}[1mVERDICT:\u{1b}[0m \u{1b}[1;31mBROKEN\u{1b}[0m\n"), "{coloured}");
    let words = ["diagnose", &evidence(), "--format", "text", "--fail-on", "never", "--width", "72"];
    let plain = run(words).stdout;
    for (no_color, term, more) in [("1", "xterm", ""), ("", "dumb", ""), ("", "xterm", "--color never")] {
        assert_eq!(
            on_a_terminal(72, no_color, term, more).as_deref(),
            Some(plain.as_str()),
            "{no_color} {term}"
        );
    }
    assert!(on_a_terminal(72, "1", "xterm", "--color always").is_some_and(|text| text == coloured));
}

#[test]
fn a_file_is_plain_wherever_the_program_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("report.txt");
    let words = ["diagnose", &evidence(), "--format", "text", "--fail-on", "never"];
    #[cfg(target_os = "linux")]
    on_a_terminal(72, "", "xterm", &format!("--output '{}'", path.display()));
    if !path.exists() {
        let run = command(folder.path()).args(words).arg("--output").arg(&path).status().expect("a run");
        assert!(run.success());
    }
    assert_eq!(fs::read_to_string(&path).expect("a report"), run(words).stdout);
}
