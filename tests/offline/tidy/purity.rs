//! The core is pure: what it decides follows from what it is told, so that what was simulated is what
//! runs. Its tests may read files.

use super::paths::paths;
use super::source::Source;
use super::{report, sources};

/// The rooms of the core.
pub const CORE: [&str; 5] = ["model", "cluster", "plan", "ledger", "stream"];

/// Beginnings of paths that the core may not name, and what to do instead.
const PATHS: [(&str, &str); 15] = [
    ("std::time::SystemTime", "time comes in with the view"),
    ("std::time::Instant", "time comes in with the view"),
    (
        "std::net",
        "outcomes return as events; put it into the live shell",
    ),
    (
        "std::fs",
        "facts come in as events; read files in the shell or the simulator",
    ),
    ("std::env", "settings come in with the NodePools"),
    ("std::process", "the core starts and ends nothing"),
    ("std::thread", "one thread keeps the order of everything"),
    ("std::io::stdout", "return a Reason"),
    ("std::io::stderr", "return a Reason"),
    ("rand", "ties break by sorted order"),
    ("rand_pcg", "ties break by sorted order"),
    ("tracing", "return a Reason; the shell logs it"),
    ("log", "return a Reason; the shell logs it"),
    (
        "tokio",
        "the core waits for nothing; put it into the live shell",
    ),
    (
        "futures",
        "the core waits for nothing; put it into the live shell",
    ),
];

/// Words that the core may not use, and what to do instead.
const WORDS: [(&str, &str); 8] = [
    (
        "async",
        "planning is a plain function; put it into the live shell",
    ),
    (
        "await",
        "planning is a plain function; put it into the live shell",
    ),
    ("print!", "return a Reason"),
    ("println!", "return a Reason"),
    ("eprint!", "return a Reason"),
    ("eprintln!", "return a Reason"),
    ("dbg!", "return a Reason"),
    ("env!", "settings come in with the NodePools"),
];

#[test]
fn the_core_has_no_async_clock_network_files_environment_threads_randomness_or_output() {
    let core: Vec<Source> = sources().into_iter().filter(is_core).collect();
    for room in CORE {
        let lives = core.iter().any(|source| source.module()[0] == room);
        assert!(
            lives,
            "room {room} is gone; name the rooms of the core here"
        );
    }
    let breaches: Vec<String> = core.iter().flat_map(breaches).collect();
    report(&breaches);
}

fn is_core(source: &Source) -> bool {
    source.path.starts_with("src/") && CORE.contains(&source.module()[0])
}

fn breaches(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    for named in paths(source.implementation()) {
        let path = named.segments.join("::");
        let banned = PATHS.iter().find(|(banned, _)| begins(&path, banned));
        found.extend(banned.map(|(_, instead)| (named.line, path.clone(), instead)));
    }
    for (number, line) in source.implementation() {
        let banned = WORDS.iter().filter(|(banned, _)| has_word(line, banned));
        found.extend(banned.map(|(banned, instead)| (number, (*banned).to_owned(), instead)));
    }
    found
        .into_iter()
        .map(|(line, what, instead)| format!("{}:{line}: {what}: {instead}", source.path))
        .collect()
}

/// True where the first segments of a path are these.
fn begins(path: &str, segments: &str) -> bool {
    let rest = path.strip_prefix(segments);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// True where the word stands there, and not as a part of another.
pub fn has_word(line: &str, word: &str) -> bool {
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        !line[..at].ends_with(in_word) && !line[at + word.len()..].starts_with(in_word)
    })
}

#[test]
fn impure_lines_are_found_and_pure_ones_are_not() {
    let found = |line: &str| breaches(&Source::of("src/plan/x.rs", line));
    for impure in [
        "async fn a() {}",
        "let a = b.await;",
        "use std::time::Instant;",
        "use std::time::{Duration, SystemTime};",
        "use std::net::TcpStream;",
        "use std::{\n    fs,\n    io,\n};",
        "let a = std::env::var(name);",
        "rand::rng();",
        "tracing::info!(a);",
        "log::warn!(a);",
        "println!();",
    ] {
        assert_eq!(found(impure).len(), 1, "{impure}");
    }
    for pure in [
        "let net = 3; let thread = net.log(2);",
        "// println!, std::fs",
        "let awaited = \"std::fs\";",
        "use std::time::Duration;",
        "#[cfg(test)]\nuse std::fs;",
    ] {
        assert_eq!(found(pure), Vec::<String>::new(), "{pure}");
    }
}
