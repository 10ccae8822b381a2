//! `replay --open-loop`: a recorded stream folded again, and what is planned at each look beside what
//! was planned then. Nothing is simulated: demand, market and answers are those of the stream.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use sparkwright::stream::{Comparison, Decoder, Difference, StreamError};

use crate::output::{Outcome, Output, printable};

/// Longest line that is read: a catalogue of a region takes some 3 MB.
const LONGEST_LINE: u64 = 256 << 20;
/// Looks that differ of which the differences are told.
const MOST_TOLD: usize = 3;
/// Broken lines that are named one by one.
const MOST_BROKEN: usize = 20;

/// Why there is no comparison.
#[derive(Debug, thiserror::Error)]
pub enum OpenLoopError {
    /// A file cannot be read.
    #[error("{path}: {error}")]
    Read {
        /// The file or folder.
        path: String,
        /// What is wrong with it.
        error: io::Error,
    },
    /// The folder has no streams.
    #[error("{0}: holds no stream-*.jsonl; give the folder of --record, or one of its files")]
    Empty(String),
    /// A file is none of ours.
    #[error("{path}: {error}")]
    Stream {
        /// The file.
        path: String,
        /// What it is instead.
        error: StreamError,
    },
    /// The answer could not be written.
    #[error("the document could not be written: {0}")]
    Write(#[from] io::Error),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    files: usize,
    events: u64,
    rounds: u64,
    effects: u64,
    differing: u64,
    uncompared: u64,
    lost: u64,
    broken_lines: u64,
    cut_off: u64,
    differences: Vec<Told>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    round: u64,
    now_ms: i64,
    lines: Vec<String>,
}

/// A replay under way.
#[derive(Default)]
struct Replay {
    comparison: Comparison,
    differences: Vec<Difference>,
    files: usize,
    /// Lines that could not be read; what follows them is compared from the next snapshot on.
    broken: u64,
    /// Files that end within a line, as those of a process that was killed do.
    cut_off: u64,
}

/// Replays the files at a path. The exit code is 1 where a look differs, or none could be compared.
///
/// # Errors
/// Where a file cannot be read or is no stream of this version.
pub fn run(
    path: &Path,
    output: Output,
    out: &mut dyn Write,
    messages: &mut dyn Write,
) -> Result<Outcome, OpenLoopError> {
    let mut replay = Replay::default();
    for file in files(path)? {
        replay.file(&file, messages)?;
    }
    match output {
        Output::Json => replay.document(out)?,
        Output::Table => replay.table(out)?,
    }
    let tally = replay.comparison.tally;
    Ok(match tally.differing == 0 && tally.rounds > 0 {
        true => Outcome::Done,
        false => Outcome::Refused,
    })
}

/// The file, or a folder's streams in the order in which they were written.
fn files(path: &Path) -> Result<Vec<PathBuf>, OpenLoopError> {
    let failed = |error| OpenLoopError::Read {
        path: path.display().to_string(),
        error,
    };
    if !fs::metadata(path).map_err(failed)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("stream-") && name.ends_with(".jsonl") {
            found.push(path.join(name.as_ref()));
        }
    }
    found.sort();
    match found.is_empty() {
        true => Err(OpenLoopError::Empty(path.display().to_string())),
        false => Ok(found),
    }
}

impl Replay {
    fn file(&mut self, path: &Path, messages: &mut dyn Write) -> Result<(), OpenLoopError> {
        let name = path.display().to_string();
        let failed = |error| OpenLoopError::Read {
            path: name.clone(),
            error,
        };
        let mut lines = BufReader::new(File::open(path).map_err(failed)?);
        let mut decoder = Decoder::default();
        self.files += 1;
        for number in 1_u64.. {
            let mut line = Vec::new();
            let read = lines.by_ref().take(LONGEST_LINE);
            if { read }.read_until(b'\n', &mut line).map_err(failed)? == 0 {
                break;
            }
            if number > 1 && line.last() != Some(&b'\n') {
                self.cut_off += 1;
                self.comparison.tear();
                break;
            }
            match decoder.read(&String::from_utf8_lossy(&line)) {
                Ok(entry) => {
                    let difference = entry.and_then(|entry| self.comparison.take(entry));
                    let room = self.differences.len() < MOST_TOLD;
                    self.differences.extend(difference.filter(|_| room));
                }
                Err(StreamError::Broken(problem)) if number > 1 => {
                    self.broken_line(&format!("{name}:{number}: {problem}"), messages)?;
                }
                Err(error) => return Err(OpenLoopError::Stream { path: name, error }),
            }
        }
        Ok(())
    }

    fn broken_line(&mut self, what: &str, messages: &mut dyn Write) -> io::Result<()> {
        self.broken += 1;
        self.comparison.tear();
        if self.broken <= u64::try_from(MOST_BROKEN).unwrap_or(u64::MAX) {
            writeln!(messages, "broken line {}", printable(what))?;
        }
        Ok(())
    }

    fn table(&self, out: &mut dyn Write) -> io::Result<()> {
        let tally = self.comparison.tally;
        for difference in &self.differences {
            for line in difference.to_string().lines() {
                writeln!(out, "{}", printable(line))?;
            }
        }
        writeln!(
            out,
            "{} files, {} events, {} rounds compared with {} effects: {} differ",
            self.files, tally.events, tally.rounds, tally.effects, tally.differing
        )?;
        if tally.uncompared + tally.lost + self.broken + self.cut_off > 0 {
            writeln!(
                out,
                "the stream is not whole: {} entries lost, {} lines broken, {} files cut off; {} rounds \
                 could not be compared",
                tally.lost, self.broken, self.cut_off, tally.uncompared
            )?;
        }
        Ok(())
    }

    fn document(&self, out: &mut dyn Write) -> io::Result<()> {
        let tally = self.comparison.tally;
        let told = |difference: &Difference| Told {
            round: difference.round,
            now_ms: difference.now.millis(),
            lines: difference.lines.clone(),
        };
        let document = Document {
            files: self.files,
            events: tally.events,
            rounds: tally.rounds,
            effects: tally.effects,
            differing: tally.differing,
            uncompared: tally.uncompared,
            lost: tally.lost,
            broken_lines: self.broken,
            cut_off: self.cut_off,
            differences: self.differences.iter().map(told).collect(),
        };
        serde_json::to_writer_pretty(&mut *out, &document)?;
        writeln!(out)
    }
}
