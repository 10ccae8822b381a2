//! Golden scenarios: each `tests/scenarios/<sentence>.yaml` holds manifests as users write them, and its
//! `.expected.txt` the plan as an operator reads it. `SPARKWRIGHT_BLESS=1 cargo test golden` rewrites
//! the pages; the review is the diff.

mod page;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn every_scenario_is_planned_as_its_page_says() {
    let scenarios = named("yaml");
    assert!(!scenarios.is_empty(), "tests/scenarios holds no scenario");
    let wrong: Vec<String> = scenarios.iter().filter_map(|name| check(name)).collect();
    assert!(
        wrong.is_empty(),
        "{}\nif the new pages are right: SPARKWRIGHT_BLESS=1 cargo test golden, and review the diff",
        wrong.join("\n")
    );
}

#[test]
fn every_page_has_its_scenario() {
    let scenarios: BTreeSet<String> = named("yaml").into_iter().collect();
    let pages: BTreeSet<String> = named("expected.txt").into_iter().collect();
    let orphans: Vec<&String> = pages.difference(&scenarios).collect();
    assert!(orphans.is_empty(), "remove these pages: {orphans:?}");
}

/// What differs from the page, if anything does; a rewritten page does not differ.
fn check(name: &str) -> Option<String> {
    let manifests = fs::read_to_string(file(name, "yaml")).expect("it was listed");
    let found = page::page(&manifests);
    let path = file(name, "expected.txt");
    let expected = fs::read_to_string(&path).unwrap_or_default();
    if found == expected {
        return None;
    }
    if is_blessed() {
        fs::write(&path, &found).expect("the folder of scenarios can be written");
        return None;
    }
    Some(difference(name, &expected, &found))
}

#[expect(
    clippy::disallowed_methods,
    reason = "a person says by the environment that the pages are to be rewritten"
)]
pub fn is_blessed() -> bool {
    std::env::var("SPARKWRIGHT_BLESS").is_ok_and(|value| value == "1")
}

/// Lines between the first and the last that differ, old ones with `-`, new ones with `+`.
fn difference(name: &str, expected: &str, found: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), found.lines().collect());
    let same = |pairs: &mut dyn Iterator<Item = (&&str, &&str)>| {
        pairs.take_while(|(old, new)| old == new).count()
    };
    let head = same(&mut old.iter().zip(&new));
    let rest = same(&mut old[head..].iter().rev().zip(new[head..].iter().rev()));
    let mut lines = vec![format!("tests/scenarios/{name}.expected.txt:{}", head + 1)];
    lines.extend(
        old[head..old.len() - rest]
            .iter()
            .map(|line| format!("- {line}")),
    );
    lines.extend(
        new[head..new.len() - rest]
            .iter()
            .map(|line| format!("+ {line}")),
    );
    lines.join("\n")
}

/// Names of the scenarios' files with this ending, in order.
fn named(ending: &str) -> Vec<String> {
    let ending = format!(".{ending}");
    let files = fs::read_dir(folder()).expect("the repository holds scenarios");
    let mut names: Vec<String> = files
        .map(|file| file.expect("a file of the repository").file_name())
        .filter_map(|file| file.to_str()?.strip_suffix(&ending).map(str::to_owned))
        .collect();
    names.sort();
    names
}

fn file(name: &str, ending: &str) -> PathBuf {
    folder().join(format!("{name}.{ending}"))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios")
}

#[test]
fn a_difference_shows_the_lines_that_differ() {
    let found = difference("x", "a\nb\nc\n", "a\nd\ne\nc\n");
    assert_eq!(found, "tests/scenarios/x.expected.txt:2\n- b\n+ d\n+ e");
}
