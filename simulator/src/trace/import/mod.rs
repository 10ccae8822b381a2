//! Traces of others to the open format: each source has one file that knows its columns and their units.
//! Rows are written as they are read; one that cannot be used is named by line and column and left out.

mod alibaba;
mod eventlog;
mod lines;
mod object;
mod openb;
mod pods;
mod simkube;

use std::fmt;
use std::io;
use std::path::Path;

use super::format::Writer;
use super::{Recorded, Skipped};

/// Rows that are named one by one; the rest is counted.
const MOST_NAMED: usize = 1_000;
/// Longest value that is repeated in a message, in characters.
const SHOWN: usize = 60;

/// Where a trace comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Source {
    /// Spark event logs: a file, a rolled folder, or a folder of them
    Eventlog,
    /// Alibaba's GPU trace of 2023 (OpenB): the table of pods, or the folder with those of pods and nodes
    Openb,
    /// Alibaba's cluster trace of 2018: the table batch_task
    Alibaba,
    /// SimKube's recordings (.sktrace)
    Simkube,
    /// Pods as JSON lines, or as kubectl prints them (-o json)
    Pods,
}

/// What an import is told beside the path.
pub struct Options<'a> {
    /// Memory of the largest machine of a trace that gives memory as a share of it, in GiB.
    pub machine_memory_gib: Option<u32>,
    /// How far a replay misses an application's own log, in thousandths; None where that is not known.
    pub fidelity: &'a dyn Fn(&Recorded) -> Option<u64>,
}

/// An import under way.
pub struct Import<'a> {
    /// The trace that is being written.
    pub writer: &'a mut Writer,
    /// The input's name.
    pub input: String,
    /// Rows and files that were left out, as far as they are named.
    pub skipped: Vec<Skipped>,
    /// How many more there were.
    pub more: u64,
}

/// Why a value of a row cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// The column.
    pub column: String,
    /// What is wrong with it, its value and what to write included.
    pub problem: String,
}

/// Reads `path` as a trace of this source and writes it. The manifest is for the caller to finish.
///
/// # Errors
/// Where the input cannot be opened, is of another kind, or the disk refuses.
pub fn import(
    source: Source,
    path: &Path,
    options: &Options<'_>,
    import: &mut Import<'_>,
) -> io::Result<()> {
    import.writer.manifest.source = source.to_string();
    match source {
        Source::Eventlog => eventlog::import(path, options, import),
        Source::Openb => openb::import(path, import),
        Source::Alibaba => alibaba::import(path, options, import),
        Source::Simkube => simkube::import(path, import),
        Source::Pods => pods::import(path, import),
    }
}

impl Import<'_> {
    /// An import of `path` into `writer`.
    pub fn new<'a>(path: &Path, writer: &'a mut Writer) -> Import<'a> {
        Import {
            writer,
            input: path.display().to_string(),
            skipped: Vec::new(),
            more: 0,
        }
    }

    /// Leaves something out.
    pub fn skip(&mut self, skipped: Skipped) {
        if self.skipped.len() < MOST_NAMED {
            self.skipped.push(skipped);
        } else {
            self.more += 1;
        }
    }

    /// Leaves out a row.
    fn refuse(&mut self, line: u64, misfit: &Misfit) {
        self.skip(Skipped {
            input: format!("{} line {line}", self.input),
            reason: misfit.to_string(),
        });
    }

    /// Says in the manifest what was assumed or left out.
    fn note(&mut self, note: impl Into<String>) {
        self.writer.manifest.notes.push(note.into());
    }
}

impl Misfit {
    /// A value that cannot be used.
    fn new(column: &str, value: &str, problem: &str) -> Self {
        let value: String = value.chars().take(SHOWN).collect();
        Misfit {
            column: column.to_owned(),
            problem: format!("{value:?} {problem}"),
        }
    }

    /// Something that is wrong with the whole row.
    fn row(problem: impl Into<String>) -> Self {
        Misfit {
            column: String::new(),
            problem: problem.into(),
        }
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.column.is_empty() {
            write!(f, "{} ", self.column)?;
        }
        f.write_str(&self.problem)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Source::Eventlog => "eventlog",
            Source::Openb => "openb",
            Source::Alibaba => "alibaba",
            Source::Simkube => "simkube",
            Source::Pods => "pods",
        })
    }
}

/// An input that is not what it was said to be.
fn unsuitable(problem: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem.into())
}

#[cfg(test)]
mod tests;
