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

#[test]
fn the_examples_are_what_the_program_prints() {
    let readme = fs::read_to_string(support::workspace().join("README.md")).unwrap();
    let examples: Vec<&str> =
        readme.split("```text\n").skip(1).filter_map(|rest| Some(rest.split_once("\n```")?.0)).collect();
    assert_eq!(examples.len(), 2);
    let command =
        commands().into_iter().find(|command| command.contains("--format text")).expect("a command");
    let (_, words) = command.split_once(" -- ").expect("what the program is given");
    let run = support::run_in(&support::workspace(), words.split(' '));
    assert!(run.stdout.starts_with(examples[0]));
    for example in examples {
        assert!(
            run.stdout.contains(example),
            "the README shows:\n{example}\nthe program prints:\n{}",
            run.stdout
        );
    }
}
