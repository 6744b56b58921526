//! The README keeps its word.
//!
//! `UPDATE_FIXTURES=1 cargo test -p iiskeys --test readme` renews its transcripts, for review.

mod support;

use std::fs;
use std::path::PathBuf;

use support::{run_in, workspace};

fn path() -> PathBuf {
    workspace().join("README.md")
}

/// Lines of the README's shell blocks, in order.
fn commands(readme: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut inside = false;
    for line in readme.lines() {
        match line {
            "```sh" => inside = true,
            "```" => inside = false,
            _ if inside => commands.push(line.to_owned()),
            _ => {}
        }
    }
    commands
}

#[test]
fn the_first_two_commands_are_the_diagnosis_and_the_tests() {
    let commands = commands(&fs::read_to_string(path()).unwrap());
    assert_eq!(
        commands.first().map(String::as_str),
        Some(
            "cargo run --release -q -p iiskeys -- diagnose fixtures/win2000-guid-reset/evidence --fail-on never"
        )
    );
    assert_eq!(commands.get(1).map(String::as_str), Some("cargo test --workspace"));
}

/// Lines of `text` from the one that begins with `from` up to the next one that begins with `to`, which is left out.
fn excerpt(text: &str, from: &str, to: &str) -> String {
    let mut lines = text.lines().skip_while(|line| !line.starts_with(from));
    let first = lines.next().unwrap_or_else(|| panic!("no line begins with {from}:\n{text}"));
    let rest = lines.take_while(|line| !line.starts_with(to));
    std::iter::once(first).chain(rest).collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

/// Each transcript has a comment before it, `<!-- from A up to B -->`, and belongs to the command that was shown last.
#[test]
fn the_transcripts_are_what_the_program_prints() {
    let readme = fs::read_to_string(path()).unwrap();
    let mut renewed = String::new();
    let mut rest = readme.as_str();
    let mut seen = 0;
    while let Some(at) = rest.find("```text\n") {
        let (before, block) = rest.split_at(at + "```text\n".len());
        let (shown, after) = block.split_once("\n```").expect("a block that ends");
        renewed.push_str(before);
        let told = before.lines().rev().nth(1).unwrap_or_default();
        let (from, to) = told
            .strip_prefix("<!-- from ")
            .and_then(|told| told.strip_suffix(" -->"))
            .and_then(|told| told.split_once(" up to "))
            .unwrap_or_else(|| panic!("{told:?} does not say which lines"));
        let commands = commands(&renewed);
        let (_, words) =
            commands.last().and_then(|it| it.split_once(" -- ")).expect("a command of the program");
        let run = run_in(&workspace(), words.split(' '));
        assert!(run.stderr.is_empty(), "{words}: {}", run.stderr);
        let printed = excerpt(&run.stdout, from, to);
        if std::env::var_os("UPDATE_FIXTURES").is_none() {
            assert_eq!(shown, printed, "the README shows something else than `{words}` prints");
        }
        renewed.push_str(&printed);
        rest = block.get(shown.len()..).unwrap_or(after);
        seen += 1;
    }
    renewed.push_str(rest);
    assert!(seen >= 3, "three transcripts");
    if renewed != readme {
        fs::write(path(), renewed).unwrap();
    }
}

#[test]
fn what_the_readme_leads_to_is_there() {
    let readme = fs::read_to_string(path()).unwrap();
    let targets = readme.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0));
    for target in targets.filter(|target| !target.contains("://")) {
        let (file, _) = target.split_once('#').unwrap_or((target, ""));
        assert!(file.is_empty() || workspace().join(file).exists(), "{target}");
    }
    for word in readme.split(|letter: char| letter.is_whitespace() || "`()[]|,".contains(letter)) {
        if word.starts_with("fixtures/") && !word.contains('*') {
            assert!(workspace().join(word.trim_end_matches('.')).exists(), "{word}");
        }
    }
}
