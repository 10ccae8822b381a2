//! What each file says of itself, and words that no file may hold: a name that says nothing, a stub, a
//! note to somebody later, a test that does not run.

use super::purity::has_word;
use super::source::Source;
use super::{report, sources};

/// Least and most lines of `//!` at the top of a file.
const OPENING: std::ops::RangeInclusive<usize> = 2..=6;

/// Names that hide a missing noun.
const NAMELESS: [&str; 9] = [
    "utils", "util", "common", "helpers", "misc", "types", "manager", "handler", "prelude",
];

/// Code that is not there yet, or does not run.
const STUBS: [&str; 3] = ["todo!", "unimplemented!", "#[ignore"];

#[test]
fn every_file_opens_with_what_it_decides() {
    let mut breaches = Vec::new();
    for source in sources() {
        let lines = source.text.lines();
        let opening = lines.take_while(|line| line.starts_with("//!")).count();
        let least = if source.is_test() {
            1
        } else {
            *OPENING.start()
        };
        if !(least..=*OPENING.end()).contains(&opening) {
            breaches.push(format!(
                "{}:1: opens with {opening} lines of //!; write {least} to {}: \
                 what it decides, from what, what it does not know",
                source.path,
                OPENING.end()
            ));
        }
    }
    report(&breaches);
}

#[test]
fn no_file_holds_a_stub_a_note_for_later_or_a_test_that_does_not_run() {
    let breaches: Vec<String> = sources().iter().flat_map(unfinished).collect();
    report(&breaches);
}

#[test]
fn no_module_has_a_name_that_says_nothing() {
    let mut breaches = Vec::new();
    for source in sources() {
        let parts = source.path.trim_end_matches(".rs").split('/');
        for name in parts.filter(|part| NAMELESS.contains(part)) {
            breaches.push(format!(
                "{}:1: find the noun instead of {name}",
                source.path
            ));
        }
        for (number, line) in source.lines() {
            let name = line.trim().split("mod ").nth(1).unwrap_or("");
            let name = name.trim_end_matches([';', '{', ' ']);
            if NAMELESS.contains(&name) {
                breaches.push(format!(
                    "{}:{number}: find the noun instead of {name}",
                    source.path
                ));
            }
        }
    }
    report(&breaches);
}

fn unfinished(source: &Source) -> Vec<String> {
    let notes = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X"),
        concat!("HA", "CK"),
    ];
    let mut found = Vec::new();
    for ((number, code), text) in source.lines().zip(source.text.lines()) {
        let stubs = STUBS.iter().filter(|stub| code.contains(**stub));
        let notes = notes.iter().filter(|note| has_word(text, note));
        for word in stubs.chain(notes) {
            let path = &source.path;
            found.push(format!(
                "{path}:{number}: {word}: finish it, or leave it out"
            ));
        }
    }
    found
}

#[test]
fn stubs_and_notes_are_found_in_code_and_comments() {
    let text = concat!(
        "fn a() { to",
        "do!() }\n// FIX",
        "ME: b\n#[ignore = \"slow\"]\nlet c = \"todo!\";\n"
    );
    let found = unfinished(&Source::of("src/a.rs", text));
    assert_eq!(found.len(), 3, "{found:?}");
}
