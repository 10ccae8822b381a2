//! Which texts a command was given: files, folders of them, and the standard input. Knows nothing of
//! what is in them but that it must be text.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Endings of the files that count in a folder.
const ENDINGS: [&str; 4] = ["yaml", "yml", "json", "jsonl"];

/// A text and where it came from.
#[derive(Clone, Debug)]
pub struct Text {
    /// The path as given, `folder/name`, or `stdin`.
    pub name: String,
    /// The text, or why there is none.
    pub text: Result<String, String>,
}

/// Opens the inputs one after the other, in the order given, and a folder's files in order of name.
/// `-` is the standard input.
pub fn texts<'a>(
    paths: &'a [PathBuf],
    stdin: &'a mut dyn Read,
) -> impl Iterator<Item = Text> + use<'a> {
    paths
        .iter()
        .flat_map(|path| files(path))
        .map(move |file| match file {
            Err(refused) => refused,
            Ok(path) if path == Path::new("-") => {
                let mut bytes = Vec::new();
                let read = stdin.read_to_end(&mut bytes).map(|_| bytes);
                text("stdin".to_owned(), read)
            }
            Ok(path) => text(path.display().to_string(), fs::read(&path)),
        })
}

/// The file itself, or the files of a folder; a folder that cannot be used is one refusal.
fn files(path: &Path) -> Vec<Result<PathBuf, Text>> {
    if !path.is_dir() {
        return vec![Ok(path.to_owned())];
    }
    let refuse = |problem: String| {
        vec![Err(Text {
            name: path.display().to_string(),
            text: Err(problem),
        })]
    };
    let entries = match fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
        Ok(entries) => entries,
        Err(error) => return refuse(format!("cannot be read: {error}")),
    };
    let is_manifest = |path: &PathBuf| {
        let ending = path.extension().and_then(|ending| ending.to_str());
        path.is_file() && ending.is_some_and(|ending| ENDINGS.contains(&ending))
    };
    let mut found: Vec<PathBuf> = entries
        .into_iter()
        .map(|entry| entry.path())
        .filter(is_manifest)
        .collect();
    found.sort();
    if found.is_empty() {
        return refuse(
            "holds no .yaml, .yml, .json or .jsonl file; name another folder".to_owned(),
        );
    }
    found.into_iter().map(Ok).collect()
}

fn text(name: String, bytes: io::Result<Vec<u8>>) -> Text {
    let text = match bytes.map(String::from_utf8) {
        Err(error) => Err(format!("cannot be read: {error}; check the path")),
        Ok(Err(_)) => Err("is not UTF-8 text; write YAML or JSON".to_owned()),
        Ok(Ok(text)) if text.contains('\0') => {
            Err("is binary, not text; write YAML or JSON".to_owned())
        }
        Ok(Ok(text)) => Ok(text),
    };
    Text { name, text }
}
