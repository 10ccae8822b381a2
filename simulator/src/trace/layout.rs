//! Which files are a log: a single file, or the parts that Spark rolls, that Spark 1.2 and before laid
//! into a folder, or that Databricks cuts by the hour; in any other folder every log below it, in the
//! order of names. Goes by names alone and says nothing of what is in the files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::Skipped;
use super::store::{self, Entry, Kind, Store};

/// Folders within folders that are followed; more is a loop of links.
const MAX_DEPTH: u32 = 16;

/// Endings by which Spark and Databricks name a codec. Only names are cut by them.
const CODECS: [&str; 6] = [".zstd", ".zst", ".lz4", ".snappy", ".lzf", ".gz"];

/// One application's log.
#[derive(Clone, Debug)]
pub struct Log {
    /// The file, or the folder of the parts.
    pub path: PathBuf,
    /// The files to read, in order.
    pub parts: Vec<PathBuf>,
    /// Spark's version, where a file beside the parts says it.
    pub version: Option<String>,
    /// What is missing, in words.
    pub notes: Vec<String>,
    /// Where the files lie.
    pub store: Rc<dyn Store>,
}

/// The logs at or below a path, and what there is no reading.
pub fn logs(path: &Path) -> Vec<Result<Log, Skipped>> {
    match store::of(path) {
        Ok(store) => logs_in(&store, path),
        Err(skipped) => vec![Err(skipped)],
    }
}

/// The same in a store.
pub fn logs_in(store: &Rc<dyn Store>, path: &Path) -> Vec<Result<Log, Skipped>> {
    let entry = Entry {
        path: path.to_owned(),
        kind: store.kind(path),
    };
    let mut found = Vec::new();
    gather(store, entry, MAX_DEPTH, &mut found);
    found
}

fn gather(store: &Rc<dyn Store>, entry: Entry, depth: u32, found: &mut Vec<Result<Log, Skipped>>) {
    let path = &entry.path;
    let skip = |reason: String| Err(Skipped::new(path, reason));
    match entry.kind {
        Err(error) => found.push(skip(format!("cannot be read ({error}); check the path"))),
        Ok(_) if depth == 0 => found.push(skip(format!(
            "is more than {MAX_DEPTH} folders deep; name it directly"
        ))),
        Ok(Kind::Folder) => match store.list(path) {
            Err(error) => found.push(skip(format!("cannot be listed ({error})"))),
            Ok(entries) => folder(store, path, entries, depth, found),
        },
        Ok(Kind::Other) => found.push(skip("is not a regular file".into())),
        Ok(Kind::File { bytes: 0 }) => found.push(skip("is empty".into())),
        Ok(Kind::File { .. }) => found.push(Ok(Log {
            parts: vec![path.clone()],
            ..Log::new(store, path)
        })),
    }
}

/// The logs of a folder. Hidden files (Hadoop's checksums) and what lies beside parts are no input.
fn folder(
    store: &Rc<dyn Store>,
    path: &Path,
    mut entries: Vec<Entry>,
    depth: u32,
    found: &mut Vec<Result<Log, Skipped>>,
) {
    entries.retain(|entry| !is_hidden(name(&entry.path)));
    if entries.is_empty() {
        return found.push(Err(Skipped::new(path, "is an empty folder")));
    }
    let before = found.len();
    let mut grouped: BTreeMap<String, Vec<(Place, PathBuf)>> = BTreeMap::new();
    let mut version = None;
    for entry in entries {
        let name = name(&entry.path);
        let is_folder = matches!(entry.kind, Ok(Kind::Folder));
        if let Some((log, place)) = part(name).filter(|_| !is_folder) {
            grouped.entry(log).or_default().push((place, entry.path));
        } else if let Some(said) = name.strip_prefix("SPARK_VERSION_") {
            version = Some(said.to_owned());
        } else if !is_beside_parts(name) || is_folder {
            gather(store, entry, depth - 1, found);
        }
    }
    if grouped.is_empty() && name(path).starts_with("eventlog_v2_") {
        let reason = "holds no part named events_<number>_<application>";
        found.push(Err(Skipped::new(path, reason)));
    }
    let alone = grouped.len() == 1 && found.len() == before;
    for parts in grouped.into_values() {
        let (parts, notes) = in_order(parts);
        let named = if alone { path } else { &parts[0] }.to_owned();
        found.push(Ok(Log {
            parts,
            notes,
            version: version.clone(),
            ..Log::new(store, &named)
        }));
    }
}

impl Log {
    fn new(store: &Rc<dyn Store>, path: &Path) -> Self {
        Log {
            path: path.to_owned(),
            parts: Vec::new(),
            version: None,
            notes: Vec::new(),
            store: Rc::clone(store),
        }
    }
}

fn name(path: &Path) -> &str {
    path.file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default()
}

fn is_hidden(name: &str) -> bool {
    name.starts_with('.') || name.ends_with("_$folder$")
}

fn is_beside_parts(name: &str) -> bool {
    let beginnings = ["appstatus_", "COMPRESSION_CODEC_", "APPLICATION_COMPLETE"];
    beginnings.iter().any(|known| name.starts_with(known))
}

/// Where a part belongs in its log.
#[derive(Clone, Copy)]
enum Place {
    /// By number.
    Numbered(u64),
    /// The compacted form of this number and all before it.
    Compacted(u64),
    /// By name, which is a time.
    Named,
    /// The one that is still written to.
    Current,
}

/// The log that a part is of, and its place there.
fn part(name: &str) -> Option<(String, Place)> {
    let stem = |name: &str| {
        let cut = CODECS.iter().find_map(|codec| name.strip_suffix(codec));
        cut.unwrap_or(name).to_owned()
    };
    if let Some(rest) = name.strip_prefix("events_") {
        let (number, rest) = rest.split_once('_')?;
        let number = number.parse().ok()?;
        return Some(match rest.strip_suffix(".compact") {
            Some(rest) => (stem(rest), Place::Compacted(number)),
            None => (stem(rest), Place::Numbered(number)),
        });
    }
    if let Some(number) = name.strip_prefix("EVENT_LOG_") {
        return Some((
            "EVENT_LOG".to_owned(),
            Place::Numbered(number.parse().ok()?),
        ));
    }
    let time = stem(name);
    match time.strip_prefix("eventlog-") {
        Some(time) if is_hour(time) => Some(("eventlog".to_owned(), Place::Named)),
        None if name == "eventlog" => Some((time, Place::Current)),
        _ => None,
    }
}

/// `2026-11-21--08-00`, as Databricks names an hour.
fn is_hour(text: &str) -> bool {
    let shape = text
        .bytes()
        .map(|b| if b.is_ascii_digit() { b'0' } else { b });
    shape.eq(b"0000-00-00--00-00".iter().copied())
}

/// The parts to read, in order: from the last compaction on. Says where numbers are missing.
fn in_order(mut parts: Vec<(Place, PathBuf)>) -> (Vec<PathBuf>, Vec<String>) {
    let number = |place: &Place| match *place {
        Place::Numbered(n) => (n, false),
        Place::Compacted(n) => (n, true),
        Place::Named => (0, false),
        Place::Current => (u64::MAX, false),
    };
    parts.sort_by(|a, b| (number(&a.0), &a.1).cmp(&(number(&b.0), &b.1)));
    let mut notes = Vec::new();
    let is_compacted = |place: &Place| matches!(place, Place::Compacted(_));
    if let Some(last) = parts.iter().rposition(|(place, _)| is_compacted(place)) {
        parts.drain(..last);
        notes.push("compacted: events of jobs that had ended then are gone from it".to_owned());
    }
    for pair in parts.windows(2) {
        let ((before, _), (after, _)) = (number(&pair[0].0), number(&pair[1].0));
        if matches!(pair[1].0, Place::Numbered(_)) && after - before > 1 {
            notes.push(format!(
                "nothing is there between part {before} and part {after}"
            ));
        }
    }
    (parts.into_iter().map(|(_, path)| path).collect(), notes)
}

#[cfg(test)]
mod tests;
