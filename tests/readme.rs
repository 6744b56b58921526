//! The README keeps its word.

mod support;

use std::fs;

/// Lines of the README's shell blocks, in order.
fn commands() -> Vec<String> {
    let readme = fs::read_to_string(support::workspace().join("README.md")).unwrap();
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
    let commands = commands();
    assert_eq!(
        commands.first().map(String::as_str),
        Some(
            "cargo run --release -q -p iiskeys -- diagnose fixtures/win2000-guid-reset/evidence --fail-on never"
        )
    );
    assert_eq!(commands.get(1).map(String::as_str), Some("cargo test --workspace"));
}
