//! The log of calls: a JSON line each, in the order in which they were answered, in memory for the loopback
//! endpoint and in a file where one is named.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

/// Calls that are kept in memory.
const KEPT: usize = 100_000;

/// A call as it was answered.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// Its number, from 1.
    pub number: u64,
    /// Milliseconds on the emulator's clock.
    pub at_millis: i64,
    /// `ec2`.
    pub service: &'static str,
    /// `CreateFleet`.
    pub action: String,
    /// What it asked.
    pub parameters: Value,
    /// Whether it was a dry run.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// HTTP status of the answer, sent or lost.
    pub status: u16,
    /// AWS's code where it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What the script did to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<&'static str>,
}

/// The log.
#[derive(Debug, Default)]
pub struct CallLog {
    lines: VecDeque<(u64, String)>,
    count: u64,
    file: Option<BufWriter<File>>,
}

impl CallLog {
    /// A log, written to a file too where one is named.
    ///
    /// # Errors
    /// Where the file cannot be made.
    pub fn new(path: Option<&Path>) -> io::Result<Self> {
        let file = path.map(File::create).transpose()?.map(BufWriter::new);
        Ok(CallLog {
            file,
            ..CallLog::default()
        })
    }

    /// Adds a call; its number is given here.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn add(&mut self, mut entry: Entry) -> io::Result<()> {
        self.count += 1;
        entry.number = self.count;
        let line = serde_json::to_string(&entry).map_err(io::Error::other)?;
        if let Some(file) = &mut self.file {
            writeln!(file, "{line}")?;
            file.flush()?;
        }
        if self.lines.len() >= KEPT {
            self.lines.pop_front();
        }
        self.lines.push_back((self.count, line));
        Ok(())
    }

    /// The calls after a number, a line each.
    pub fn after(&self, number: u64) -> String {
        let lines = self.lines.iter().filter(|(of, _)| *of > number);
        lines.flat_map(|(_, line)| [line.as_str(), "\n"]).collect()
    }
}
