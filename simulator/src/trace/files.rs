//! Which files are a log: a single file, a rolled folder of parts, or every log below any other
//! folder, in the order of names. Says nothing of what is in them.

use std::fs;
use std::path::{Path, PathBuf};

use super::Skipped;

/// Folders within folders that are followed; more is a loop of links.
const MAX_DEPTH: u32 = 16;

/// One application's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// The file, or the rolled folder.
    pub path: PathBuf,
    /// The files to read, in order.
    pub parts: Vec<PathBuf>,
}

/// The logs at or below a path, and what there is no reading.
pub fn logs(path: &Path) -> Vec<Result<Log, Skipped>> {
    let mut found = Vec::new();
    gather(path, MAX_DEPTH, &mut found);
    found
}

fn gather(path: &Path, depth: u32, found: &mut Vec<Result<Log, Skipped>>) {
    let skip = |reason: String| Err(Skipped::new(path, reason));
    match fs::metadata(path) {
        Err(error) => found.push(skip(format!("cannot be read ({error}); check the path"))),
        Ok(_) if depth == 0 => found.push(skip(format!(
            "is more than {MAX_DEPTH} folders deep; name it directly"
        ))),
        Ok(data) if data.is_dir() => match entries(path) {
            Err(error) => found.push(skip(format!("cannot be listed ({error})"))),
            Ok(entries) if is_rolled(path, &entries) => found.push(rolled(path, &entries)),
            Ok(entries) if entries.is_empty() => found.push(skip("is an empty folder".into())),
            Ok(entries) => entries
                .iter()
                .for_each(|entry| gather(entry, depth - 1, found)),
        },
        Ok(data) if !data.is_file() => found.push(skip("is not a regular file".into())),
        Ok(data) if data.len() == 0 => found.push(skip("is empty".into())),
        Ok(_) => found.push(Ok(Log {
            path: path.to_owned(),
            parts: vec![path.to_owned()],
        })),
    }
}

/// What a folder holds, by name; hidden files (Hadoop's checksums) are no input.
fn entries(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut entries = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<Vec<_>>>()?;
    entries.retain(|entry| !name(entry).starts_with('.'));
    entries.sort();
    Ok(entries)
}

fn name(path: &Path) -> &str {
    path.file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default()
}

fn is_rolled(folder: &Path, entries: &[PathBuf]) -> bool {
    name(folder).starts_with("eventlog_v2_") || entries.iter().any(|entry| part(entry).is_some())
}

/// Number of a part, and whether it is the compacted form of itself and all before it.
fn part(path: &Path) -> Option<(u64, bool)> {
    let (number, _) = name(path).strip_prefix("events_")?.split_once('_')?;
    Some((number.parse().ok()?, name(path).ends_with(".compact")))
}

fn rolled(folder: &Path, entries: &[PathBuf]) -> Result<Log, Skipped> {
    let mut parts: Vec<((u64, bool), PathBuf)> = entries
        .iter()
        .filter_map(|entry| Some((part(entry)?, entry.clone())))
        .collect();
    parts.sort();
    if let Some(last) = parts.iter().rposition(|((_, compact), _)| *compact) {
        parts.drain(..last);
    }
    if parts.is_empty() {
        let reason = "holds no part named events_<number>_<application>";
        return Err(Skipped::new(folder, reason));
    }
    Ok(Log {
        path: folder.to_owned(),
        parts: parts.into_iter().map(|(_, path)| path).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rolled_parts_are_read_by_number_from_the_last_compaction_on() {
        let folder = tempfile::tempdir().unwrap();
        let rolled = folder.path().join("eventlog_v2_app-1");
        fs::create_dir(&rolled).unwrap();
        for name in [
            "appstatus_app-1.inprogress",
            ".events_1_app-1.crc",
            "events_1_app-1",
            "events_2_app-1",
            "events_2_app-1.compact",
            "events_3_app-1.zstd",
            "events_10_app-1.zstd",
        ] {
            fs::write(rolled.join(name), "x").unwrap();
        }
        let logs = logs(folder.path());
        let names: Vec<_> = logs[0]
            .as_ref()
            .unwrap()
            .parts
            .iter()
            .map(|p| name(p))
            .collect();
        let expected = [
            "events_2_app-1.compact",
            "events_3_app-1.zstd",
            "events_10_app-1.zstd",
        ];
        assert_eq!((logs.len(), names.as_slice()), (1, expected.as_slice()));
    }

    #[test]
    fn what_is_missing_or_empty_is_skipped_with_its_reason() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a-log"), "").unwrap();
        fs::create_dir(folder.path().join("b-folder")).unwrap();
        fs::create_dir(folder.path().join("eventlog_v2_c")).unwrap();
        let reason = |entry: &Result<Log, Skipped>| entry.clone().unwrap_err().reason;
        let reasons: Vec<_> = logs(folder.path()).iter().map(reason).collect();
        let expected = [
            "is empty",
            "is an empty folder",
            "holds no part named events_<number>_<application>",
        ];
        assert_eq!(reasons, expected);
        let missing = reason(&logs(&folder.path().join("nowhere"))[0]);
        assert!(missing.contains("check the path"), "{missing}");
    }
}
