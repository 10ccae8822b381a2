//! Walls around the repository as a whole: formatting, what the simulator drags in, reasons of
//! dependencies, no trace of the machine it was written on, and documents that name what is there.

use std::fs;
use std::process::Command;

use super::report;
use super::source::{root, tracked};

/// Crates of the live shell, by the beginning of their name.
const LIVE: [&str; 8] = [
    "tokio",
    "hyper",
    "reqwest",
    "aws-",
    "kube-client",
    "kube-runtime",
    "rustls",
    "tower",
];

/// Folders that documents may name files in.
const FOLDERS: [&str; 6] = [
    "src/",
    "simulator/",
    "tests/",
    "deploy/",
    "docs/",
    "nodepools/",
];

/// Most lines of a document, so that a newcomer reads it whole.
const DOCUMENTS: [(&str, usize); 2] = [("README.md", 150), ("ARCHITECTURE.md", 150)];

/// Crates that need no comment of their own; they stand together under one.
const USUAL: [&str; 4] = ["clap", "serde", "serde_json", "thiserror"];

#[test]
fn the_code_is_formatted() {
    if !succeeds(&["fmt", "--version"]) {
        println!("skipped: cargo fmt is not installed; rustup component add rustfmt");
        return;
    }
    let checked = cargo(&["fmt", "--all", "--check"]);
    let differences = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(
        checked.status.success(),
        "run cargo fmt --all:\n{differences}"
    );
}

#[test]
fn the_simulator_builds_without_the_live_shell() {
    let arguments = [
        "tree",
        "-p",
        "sparkwright-sim",
        "-e",
        "normal",
        "--prefix",
        "none",
    ];
    let listed = cargo(
        &[
            &arguments[..],
            &["--offline", "--locked", "--format", "{p}"],
        ]
        .concat(),
    );
    let problem = String::from_utf8_lossy(&listed.stderr).into_owned();
    assert!(listed.status.success(), "cargo tree: {problem}");
    let tree = String::from_utf8(listed.stdout).unwrap();
    assert!(
        tree.lines().any(|line| line.starts_with("sparkwright v")),
        "{tree}"
    );
    let live = tree
        .lines()
        .filter(|line| LIVE.iter().any(|name| line.starts_with(name)));
    let breaches: Vec<String> = live
        .map(|line| format!("simulator/Cargo.toml: {line}: put it behind the feature live"))
        .collect();
    report(&breaches);
}

#[test]
fn nothing_names_a_folder_of_a_machine_or_a_package_registry() {
    let patterns = [
        concat!("/ho", "me/"),
        concat!("/ro", "ot/"),
        concat!("/Us", "ers/"),
        concat!("index.", "crates.io"),
        concat!("static.", "crates.io"),
        concat!("proxy.", "golang.org"),
        concat!("registry.", "npmjs.org"),
        concat!("files.", "pythonhosted.org"),
    ];
    let mut breaches = Vec::new();
    for path in tracked() {
        let Ok(text) = fs::read_to_string(root().join(&path)) else {
            continue;
        };
        for (i, line) in text.lines().enumerate() {
            for pattern in patterns.iter().filter(|pattern| line.contains(**pattern)) {
                breaches.push(format!("{path}:{}: {pattern}: leave it out", i + 1));
            }
        }
    }
    report(&breaches);
}

#[test]
fn every_dependency_says_why() {
    let manifests: Vec<String> = tracked()
        .into_iter()
        .filter(|path| path.ends_with("Cargo.toml"))
        .collect();
    assert!(manifests.len() >= 2, "{manifests:?}");
    let mut breaches = Vec::new();
    for path in manifests {
        let text = fs::read_to_string(root().join(&path)).unwrap();
        breaches.extend(unexplained(&path, &text));
    }
    report(&breaches);
}

/// Dependencies without a comment above them. The usual ones may stand together under one.
fn unexplained(path: &str, text: &str) -> Vec<String> {
    let mut breaches = Vec::new();
    let (mut in_dependencies, mut above, mut depth) = (false, "", 0_usize);
    for (i, line) in text.lines().enumerate() {
        let name = line.split(['=', '.', ' ']).next().unwrap_or("");
        if line.starts_with('[') {
            in_dependencies = line.contains("dependencies");
        } else if in_dependencies && depth == 0 && !line.starts_with('#') && !name.is_empty() {
            let grouped = USUAL.contains(&name) && USUAL.contains(&above);
            if above != "#" && !grouped {
                let number = i + 1;
                breaches.push(format!(
                    "{path}:{number}: {name}: say why in a comment above it"
                ));
            }
        }
        depth = (depth + line.matches(['[', '{']).count()) - line.matches([']', '}']).count();
        above = if line.starts_with('#') { "#" } else { name };
    }
    breaches
}

#[test]
fn a_dependency_without_a_reason_is_found() {
    let text = "[package]\nname = 1\n[dependencies]\n# Why.\na = \"1\"\nb = { version = \"1\" }\n\n# Usual.\nserde = \"1\"\n\
                thiserror = \"2\"\nc.workspace = true\n[dev-dependencies]\nserde = \"1\"\n";
    let found = unexplained("Cargo.toml", text);
    let names: Vec<&str> = found
        .iter()
        .filter_map(|line| line.split(": ").nth(1))
        .collect();
    assert_eq!(names, ["b", "c", "serde"]);
}

#[test]
fn documents_are_short_and_name_what_is_there() {
    let mut breaches = Vec::new();
    for (document, most) in DOCUMENTS {
        let Ok(text) = fs::read_to_string(root().join(document)) else {
            breaches.push(format!("{document}: is missing; write it"));
            continue;
        };
        let lines = text.lines().count();
        if lines > most {
            breaches.push(format!(
                "{document}:{lines}: at most {most} lines; move the rest to docs/"
            ));
        }
        for (number, path) in named(&text) {
            if !root().join(&path).exists() {
                breaches.push(format!(
                    "{document}:{number}: {path} is not there; name what is"
                ));
            }
        }
    }
    report(&breaches);
}

/// Paths in backticks, with their lines. Words with a placeholder in them name no single file.
fn named(text: &str) -> Vec<(usize, String)> {
    let mut named = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let spans = line.split('`').skip(1).step_by(2);
        for span in spans.filter(|span| FOLDERS.iter().any(|folder| span.starts_with(folder))) {
            if !span.contains(['<', '*', '{', '…', ' ']) {
                named.push((i + 1, span.to_owned()));
            }
        }
    }
    named
}

#[test]
fn paths_in_backticks_are_seen() {
    let text = "a `src/plan` and src/no\nb `cargo test`, `docs/<x>.md`, `tests/offline/main.rs`\n";
    let expected = [
        (1, "src/plan".to_owned()),
        (2, "tests/offline/main.rs".to_owned()),
    ];
    assert_eq!(named(text), expected);
}

fn succeeds(arguments: &[&str]) -> bool {
    cargo(arguments).status.success()
}

fn cargo(arguments: &[&str]) -> std::process::Output {
    let mut command = Command::new(env!("CARGO"));
    command
        .args(arguments)
        .current_dir(root())
        .output()
        .expect("cargo ran this test")
}
