//! How large a file and a function may be. What is over a wall needs an allowance of exactly its size,
//! so that allowances can only shrink; there should be none. Tests do not count.

use super::source::Source;
use super::{report, sources};

/// Most lines of implementation in a file.
const FILE: usize = 500;
/// Most lines of a function.
const FUNCTION: usize = 70;
/// Files and functions over a wall, as `(path or path::function, lines)`.
const ALLOWED: [(&str, usize); 0] = [];

#[test]
fn no_file_is_longer_than_its_wall() {
    let sizes: Vec<(String, String, usize)> = sources()
        .iter()
        .filter(|source| !source.is_test())
        .map(|source| {
            (
                source.path.clone(),
                source.path.clone(),
                source.implementation().count(),
            )
        })
        .collect();
    tell("files", &sizes);
    report(&over(&sizes, FILE, "two ideas? give each a file"));
}

#[test]
fn no_function_is_longer_than_its_wall() {
    let mut sizes = Vec::new();
    for source in sources() {
        for function in functions(&source) {
            let name = format!("{}::{}", source.path, function.name);
            let place = format!("{}:{} fn {}", source.path, function.line, function.name);
            sizes.push((name, place, function.lines));
        }
    }
    assert!(sizes.len() > 300, "only {} functions are seen", sizes.len());
    tell("functions", &sizes);
    report(&over(
        &sizes,
        FUNCTION,
        "name its parts, as functions or nouns",
    ));
}

#[test]
fn tests_stand_at_the_end_of_a_file() {
    let mut breaches = Vec::new();
    for source in sources().iter().filter(|source| !source.is_test()) {
        let code: Vec<&str> = source.code.lines().skip(source.tests_begin()).collect();
        let mut items = code.iter().filter(|line| {
            let tests = line
                .trim_start_matches("pub(crate) ")
                .starts_with("mod tests");
            line.starts_with(|c: char| c.is_alphabetic()) && !tests
        });
        if let Some(item) = items.next() {
            breaches.push(format!(
                "{}: `{}` stands behind #[cfg(test)]; move it above",
                source.path, item
            ));
        }
    }
    report(&breaches);
}

fn over(sizes: &[(String, String, usize)], wall: usize, remedy: &str) -> Vec<String> {
    let mut breaches = Vec::new();
    for (name, place, lines) in sizes {
        let allowance = ALLOWED.iter().find(|(known, _)| known == name);
        match allowance {
            Some((_, allowed)) if allowed == lines && *lines > wall => {}
            Some((_, allowed)) if lines < allowed => {
                breaches.push(format!(
                    "{place}: {lines} lines; lower its allowance of {allowed}"
                ));
            }
            _ if *lines > wall => {
                breaches.push(format!(
                    "{place}: {lines} lines, more than {wall}: {remedy}"
                ));
            }
            _ => {}
        }
    }
    breaches
}

/// Prints the middle and the tail; shown with `cargo test -- --nocapture`.
fn tell(what: &str, sizes: &[(String, String, usize)]) {
    let mut lines: Vec<usize> = sizes.iter().map(|(_, _, lines)| *lines).collect();
    lines.sort_unstable();
    let at = |percent: usize| lines[(lines.len() - 1) * percent / 100];
    let count = lines.len();
    println!(
        "{count} {what}: median {}, p90 {}, most {}",
        at(50),
        at(90),
        at(100)
    );
}

#[derive(Debug, PartialEq, Eq)]
struct Function {
    name: String,
    line: usize,
    lines: usize,
}

/// Functions of a file's implementation that have a body.
fn functions(source: &Source) -> Vec<Function> {
    let lines: Vec<(usize, &str)> = source.implementation().collect();
    let mut found = Vec::new();
    for (i, (line, text)) in lines.iter().enumerate() {
        if let Some(name) = begun(text) {
            let count = length(lines[i..].iter().map(|(_, text)| *text));
            found.extend(count.map(|lines| Function {
                name,
                line: *line,
                lines,
            }));
        }
    }
    found
}

/// The name of the function that a line begins.
fn begun(line: &str) -> Option<String> {
    let (before, after) = line.split_once("fn ")?;
    let qualifies = |word: &str| {
        matches!(word, "const" | "async" | "unsafe" | "extern" | "default")
            || word.starts_with("pub")
    };
    let name = after
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .next()?;
    let is_item = before.replace("in ", "").split_whitespace().all(qualifies);
    (is_item && !name.is_empty()).then(|| name.to_owned())
}

/// Lines from a function's first to the one with its closing brace; None where it has no body.
fn length<'a>(lines: impl Iterator<Item = &'a str>) -> Option<usize> {
    let (mut open, mut round) = (0_usize, 0_usize);
    for (i, line) in lines.enumerate() {
        for c in line.chars() {
            match c {
                '(' | '[' => round += 1,
                ')' | ']' => round -= 1,
                '{' => open += 1,
                '}' => open -= 1,
                ';' if open == 0 && round == 0 => return None,
                _ => {}
            }
            if c == '}' && open == 0 {
                return Some(i + 1);
            }
        }
    }
    None
}

#[test]
fn functions_are_measured_from_their_first_line_to_their_closing_brace() {
    let text = "fn a() {}\n\npub(crate) const fn b(\n    x: [u8; 2],\n) -> u8 {\n    \"}\";\n    if x {\n    }\n}\n\
                trait T {\n    fn c(&self);\n    fn d() {\n    }\n}\nlet e: fn (u8) = f;\n#[cfg(test)]\nfn g() {}\n";
    let found = functions(&Source::of("src/plan/x.rs", text));
    let found: Vec<(&str, usize, usize)> = found
        .iter()
        .map(|f| (f.name.as_str(), f.line, f.lines))
        .collect();
    assert_eq!(found, [("a", 1, 1), ("b", 3, 7), ("d", 12, 2)]);
}

#[test]
fn what_is_over_a_wall_is_found() {
    let size = |lines| ("a".to_owned(), "a:1".to_owned(), lines);
    assert!(over(&[size(70)], 70, "").is_empty());
    assert_eq!(over(&[size(71)], 70, "").len(), 1);
}
