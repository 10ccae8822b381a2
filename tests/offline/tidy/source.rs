//! Text as the walls see it: Rust with comments and literals blanked out, line by line, and where a
//! file's implementation ends and its tests begin. Knows the lexical grammar and nothing above it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One Rust file.
pub struct Source {
    /// Path from the repository's root, with `/`.
    pub path: String,
    /// As written.
    pub text: String,
    /// As written, but comments and the insides of literals are spaces. Line for line the same.
    pub code: String,
}

impl Source {
    pub fn read(path: &str) -> Self {
        let text = fs::read_to_string(root().join(path)).expect("git lists it");
        Self::of(path, &text)
    }

    pub fn of(path: &str, text: &str) -> Self {
        Source {
            path: path.to_owned(),
            text: text.to_owned(),
            code: blanked(text),
        }
    }

    /// True for files that hold nothing but tests and their worlds.
    pub fn is_test(&self) -> bool {
        self.path.starts_with("tests/")
            || self.path.contains("/tests/")
            || self.path.ends_with("/tests.rs")
    }

    /// Lines of code with their numbers.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code.lines().enumerate().map(|(i, line)| (i + 1, line))
    }

    /// Number of the line at which tests begin; behind the last line where there are none.
    pub fn tests_begin(&self) -> usize {
        let test = self.lines().find(|(_, line)| *line == "#[cfg(test)]");
        test.map_or(self.code.lines().count() + 1, |(number, _)| number)
    }

    /// Lines of code before the tests, none in a test file.
    pub fn implementation(&self) -> impl Iterator<Item = (usize, &str)> {
        let end = if self.is_test() {
            0
        } else {
            self.tests_begin()
        };
        self.lines().take_while(move |(number, _)| *number < end)
    }

    /// The first segments of its place in its crate: `["plan", "pack"]` for `src/plan/pack/mod.rs`.
    pub fn module(&self) -> Vec<&str> {
        let inside = self
            .path
            .split_once("src/")
            .map_or("", |(_, inside)| inside);
        let stem = inside.strip_suffix(".rs").unwrap_or(inside);
        let stem = stem.strip_suffix("/mod").unwrap_or(stem);
        stem.split('/').collect()
    }
}

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// Files of the repository: those that git knows or would take in; where there is no git, all but
/// what builds leave behind.
pub fn tracked() -> Vec<String> {
    let arguments = [
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
        "-z",
    ];
    let listed = Command::new("git")
        .args(arguments)
        .current_dir(root())
        .output();
    let mut paths = match listed {
        Ok(listed) if listed.status.success() => String::from_utf8(listed.stdout)
            .expect("paths are UTF-8")
            .split_terminator('\0')
            .filter(|path| root().join(path).is_file())
            .map(str::to_owned)
            .collect(),
        _ => walked(&root()),
    };
    paths.sort();
    paths.dedup();
    paths
}

fn walked(folder: &Path) -> Vec<String> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder of the repository") {
        let path = entry.expect("a folder of the repository").path();
        let name = path
            .file_name()
            .expect("entries have names")
            .to_string_lossy()
            .into_owned();
        if path.is_dir() {
            if name != "target" && name != ".git" {
                paths.extend(walked(&path));
            }
        } else {
            let inside = path.strip_prefix(root()).expect("below the root");
            paths.push(inside.to_string_lossy().replace('\\', "/"));
        }
    }
    paths
}

/// The text with a space for every character of a comment or inside a literal; line ends stay.
fn blanked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut before = ' ';
    while let Some(next) = rest.chars().next() {
        let in_word = before.is_alphanumeric() || before == '_';
        let length = skipped(rest, in_word).unwrap_or(0);
        if length == 0 {
            out.push(next);
            rest = &rest[next.len_utf8()..];
            before = next;
        } else {
            let gone = rest[..length].chars();
            out.extend(gone.map(|c| if c == '\n' { '\n' } else { ' ' }));
            rest = &rest[length..];
            before = ' ';
        }
    }
    out
}

/// Length of the comment or literal that the text begins with.
fn skipped(text: &str, in_word: bool) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if text.starts_with("/*") {
        return Some(block_comment(text));
    }
    if let Some(inside) = text.strip_prefix('"') {
        return Some(1 + quoted(inside, '"'));
    }
    if let Some(prefix) = ["br", "cr", "r"]
        .iter()
        .find(|prefix| text.starts_with(**prefix))
    {
        let hashes = text[prefix.len()..]
            .bytes()
            .take_while(|b| *b == b'#')
            .count();
        let body = prefix.len() + hashes;
        if !in_word && text[body..].starts_with('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            let inside = text[body + 1..].find(&end).map(|at| at + end.len());
            return Some(inside.map_or(text.len(), |inside| body + 1 + inside));
        }
    }
    // A quote is a character where it ends after one character or an escape, else a lifetime.
    let mut after = text.strip_prefix('\'')?.chars();
    match (after.next()?, after.next()) {
        ('\\', _) => Some(1 + quoted(&text[1..], '\'')),
        (one, Some('\'')) => Some(2 + one.len_utf8()),
        _ => None,
    }
}

/// Length up to and with the closing quote.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

#[test]
fn comments_and_literals_are_blank_and_lines_keep_their_numbers() {
    let text = "let a = \"x // {\\\"\"; // }\nlet b = r#\"\"}\"#;\n/* {\n /* } */ */ fn c<'a>(d: char) { '{'; '\\''; br\"}\" }\n";
    let code = blanked(text);
    assert_eq!(code.lines().count(), text.lines().count());
    let words: Vec<&str> = code.split_whitespace().collect();
    let expected = "let a = ; let b = ; fn c<'a>(d: char) { ; ; }";
    assert_eq!(words.join(" "), expected);
}
