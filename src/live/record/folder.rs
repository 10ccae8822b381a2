//! The folder of a recording: files by number, ended by size, the oldest removed. What a file begins
//! with comes from outside.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use crate::cluster::snapshot::Snapshot;
use crate::model::time::{Span, Timestamp};
use crate::stream::{Encoder, Entry, Header, VERSION};

use super::RecordOptions;

/// After a failure another file is tried this much later.
const TRY_AGAIN: Span = Span::from_secs(10);

/// Files of a recording.
#[derive(Debug)]
pub struct Folder {
    options: RecordOptions,
    /// Numbers of the files that are there.
    numbers: BTreeSet<u64>,
    file: Option<Open>,
    /// The file is not to be continued: something is missing, or it is full.
    ends: bool,
    /// Since when there is no file.
    failed: Option<Timestamp>,
    /// Entries since then.
    unfiled: u64,
}

/// The file that is written.
#[derive(Debug)]
struct Open {
    to: BufWriter<File>,
    encoder: Encoder,
    lines: Vec<u8>,
    bytes: u64,
}

impl Folder {
    /// The folder with the files that are there already, which are kept like new ones.
    ///
    /// # Errors
    /// Where it cannot be made or listed.
    pub fn open(options: RecordOptions) -> io::Result<Folder> {
        fs::create_dir_all(&options.folder)?;
        let mut numbers = BTreeSet::new();
        for entry in fs::read_dir(&options.folder)? {
            let name = entry?.file_name();
            let name = name.to_string_lossy();
            let middle = name.strip_prefix("stream-");
            let middle = middle.and_then(|rest| rest.strip_suffix(".jsonl"));
            numbers.extend(middle.and_then(|number| number.parse::<u64>().ok()));
        }
        Ok(Folder {
            options,
            numbers,
            file: None,
            ends: false,
            failed: None,
            unfiled: 0,
        })
    }

    /// Begins the next file with all that is known, and removes the oldest.
    ///
    /// # Errors
    /// Where it cannot be made; the one before is ended all the same.
    pub fn begin(&mut self, at: Timestamp, known: Snapshot) -> io::Result<()> {
        self.flush()?;
        self.file = None;
        self.failed = Some(at);
        while self.numbers.len() >= self.options.files.max(2) {
            if let Some(oldest) = self.numbers.pop_first() {
                fs::remove_file(self.path(oldest))?;
            }
        }
        let number = self.numbers.last().map_or(1, |last| last + 1);
        self.file = Some(Open {
            to: BufWriter::new(File::create_new(self.path(number))?),
            encoder: Encoder::default(),
            lines: Vec::new(),
            bytes: 0,
        });
        self.numbers.insert(number);
        self.ends = false;
        let header = Header {
            version: VERSION,
            by: env!("CARGO_PKG_VERSION").to_owned(),
            at,
        };
        self.write(Entry::Begun(header))?;
        if self.unfiled > 0 {
            self.write(Entry::Gap(self.unfiled))?;
            self.unfiled = 0;
            self.ends = false;
        }
        self.write(Entry::Known(known.into()))?;
        self.failed = None;
        Ok(())
    }

    /// Writes an entry; false where there is no file.
    ///
    /// # Errors
    /// Where it cannot be written; the file is ended then.
    pub fn write(&mut self, entry: Entry) -> io::Result<bool> {
        let Some(open) = &mut self.file else {
            self.unfiled += 1;
            return Ok(false);
        };
        self.ends |= matches!(entry, Entry::Gap(_));
        let at = match &entry {
            Entry::Round(round) => round.now,
            Entry::Event(event) => event.at,
            _ => Timestamp::ZERO,
        };
        open.lines.clear();
        let written = open.encoder.write(entry, &mut open.lines);
        let written = written.map_err(io::Error::from);
        let written = written.and_then(|()| open.to.write_all(&open.lines));
        open.bytes += u64::try_from(open.lines.len()).unwrap_or(u64::MAX);
        self.ends |= open.bytes >= self.options.file_bytes;
        if written.is_err() {
            self.file = None;
            self.failed = Some(at);
            self.unfiled += 1;
        }
        written.map(|()| true)
    }

    /// True where the next file should begin.
    pub fn wants_next(&self, now: Timestamp) -> bool {
        match self.failed {
            Some(since) => now - since >= TRY_AGAIN,
            None => self.ends,
        }
    }

    /// What is written reaches the file; a failure is met again at the next line.
    pub fn settle(&mut self) {
        let _ = self.flush();
    }

    /// The same, and tells.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), |open| open.to.flush())
    }

    fn path(&self, number: u64) -> PathBuf {
        let folder = &self.options.folder;
        folder.join(format!("stream-{number:06}.jsonl"))
    }
}
