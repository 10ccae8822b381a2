//! Every path that Rust code names, imports taken apart: `use a::{b, c::d}` names `a::b` and `a::c::d`,
//! `a::b(c::d)` does too. Paths are as written; what `super` means is for those who ask.

use super::source::Source;

/// A path and the line on which its last segment stands.
#[derive(Debug, PartialEq, Eq)]
pub struct Named {
    pub line: usize,
    pub segments: Vec<String>,
}

/// Paths of two segments and more in the given lines of a file.
pub fn paths<'a>(lines: impl Iterator<Item = (usize, &'a str)>) -> Vec<Named> {
    let tokens: Vec<(usize, &str)> = lines
        .flat_map(|(number, line)| tokens(line).into_iter().map(move |token| (number, token)))
        .collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        at = match is_word(tokens[at].1) {
            true => tree(&tokens, at, &[], &mut found),
            false => at + 1,
        };
    }
    found.retain(|named| named.segments.len() > 1);
    found
}

/// Rooms of its own crate that a file names, with the lines: by `crate::…`, or by `super` from the top.
pub fn rooms(source: &Source) -> Vec<(usize, String)> {
    let depth = source.module().len();
    let inner = source.tests_begin();
    paths(source.lines())
        .into_iter()
        .filter_map(|named| {
            let climbs = named
                .segments
                .iter()
                .take_while(|segment| *segment == "super")
                .count();
            let depth = depth + usize::from(named.line > inner);
            let room = match named.segments[0].as_str() {
                "crate" => named.segments.get(1),
                "super" if climbs >= depth => named.segments.get(climbs),
                _ => None,
            };
            room.map(|room| (named.line, room.clone()))
        })
        .collect()
}

/// Takes in the path that begins at a word, and returns where what follows it begins.
fn tree(tokens: &[(usize, &str)], at: usize, prefix: &[String], found: &mut Vec<Named>) -> usize {
    let mut segments = prefix.to_vec();
    let mut at = at;
    let text = |at: usize| tokens.get(at).map_or("", |(_, token)| *token);
    loop {
        segments.push(text(at).to_owned());
        let line = tokens[at].0;
        at += 1;
        if text(at) != "::" {
            found.push(Named { line, segments });
            return at;
        }
        match text(at + 1) {
            "{" => {
                at += 2;
                while !matches!(text(at), "}" | "") {
                    at = match text(at) {
                        "as" => at + 2,
                        word if is_word(word) => tree(tokens, at, &segments, found),
                        _ => at + 1,
                    };
                }
                return at + 1;
            }
            word if is_word(word) => at += 1,
            _ => {
                found.push(Named { line, segments });
                return at + 1;
            }
        }
    }
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '*')
}

/// Words, `::`, and single characters.
fn tokens(line: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        let word = rest
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        let length = match word {
            0 if rest.starts_with("::") => 2,
            0 => first.len_utf8(),
            length => length,
        };
        tokens.push(&rest[..length]);
        rest = rest[length..].trim_start();
    }
    tokens
}

#[test]
fn imports_are_taken_apart() {
    let text =
        "use a::{self, b,\n    c::{d, e as f}, g::*};\nlet x: Vec<h::I> = j::<k::L>(2 * m);\n";
    let source = Source::of("src/plan/x.rs", text);
    let found: Vec<String> = paths(source.lines())
        .iter()
        .map(|named| format!("{} {}", named.line, named.segments.join("::")))
        .collect();
    let expected = [
        "1 a::self",
        "1 a::b",
        "2 a::c::d",
        "2 a::c::e",
        "2 a::g::*",
        "3 h::I",
        "3 k::L",
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_room_is_named_from_the_crate_or_by_climbing_to_the_top() {
    let text = "use crate::{model, cluster::View};\nuse super::x;\nuse super::super::ledger::y;\n\
                #[cfg(test)]\nmod tests {\n    use super::super::z;\n    use super::super::super::live::w;\n}\n";
    let source = Source::of("src/plan/x.rs", text);
    let rooms = rooms(&source);
    let expected = [(1, "model"), (1, "cluster"), (3, "ledger"), (7, "live")];
    assert_eq!(rooms, expected.map(|(line, room)| (line, room.to_owned())));
}
