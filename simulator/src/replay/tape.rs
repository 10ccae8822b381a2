//! `replay --record`: the simulated world's own stream, in the form in which a controller records its
//! own, so that a simulation can be replayed open-loop too.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use sparkwright::stream::{Encoder, Entry, Header, Round, VERSION};

use crate::world::phase::Watched;

/// A stream that is being written.
#[derive(Debug)]
pub struct Tape {
    file: BufWriter<File>,
    encoder: Encoder,
    lines: Vec<u8>,
    /// The first thing that went wrong; nothing is written after it.
    failed: Option<io::Error>,
}

impl Tape {
    /// Begins a file.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn begin(path: &Path) -> io::Result<Tape> {
        let mut tape = Tape {
            file: BufWriter::new(File::create(path)?),
            encoder: Encoder::default(),
            lines: Vec::new(),
            failed: None,
        };
        tape.write(Entry::Begun(Header {
            version: VERSION,
            by: env!("CARGO_PKG_VERSION").to_owned(),
            at: sparkwright::model::time::Timestamp::ZERO,
        }));
        Ok(tape)
    }

    /// Writes what belongs into a stream.
    pub fn hear(&mut self, watched: Watched<'_>) {
        match watched {
            Watched::Happened(event) => self.write(Entry::Event(event.clone())),
            Watched::Planned(now, plan) => {
                let plan = Arc::new(plan.clone());
                self.write(Entry::Round(Round { now, plan }));
            }
            Watched::Enters(_) | Watched::Finished(_) => {}
        }
    }

    /// The end of the stream.
    ///
    /// # Errors
    /// Where any of it could not be written.
    pub fn end(&mut self) -> io::Result<()> {
        match self.failed.take() {
            Some(error) => Err(error),
            None => self.file.flush(),
        }
    }

    fn write(&mut self, entry: Entry) {
        if self.failed.is_some() {
            return;
        }
        self.lines.clear();
        let written = self.encoder.write(entry, &mut self.lines);
        let written = written.map_err(io::Error::from);
        self.failed = written
            .and_then(|()| self.file.write_all(&self.lines))
            .err();
    }
}
