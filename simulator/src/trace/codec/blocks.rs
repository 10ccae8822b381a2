//! A file of compressed blocks, each with its lengths before it, as a stream. Lengths are believed up
//! to a limit only, and memory is taken as bytes arrive, so that a hostile length costs nothing.

use std::io::{self, BufRead, Read};

/// The largest block that any of Spark's writers can be told to make is 32 MiB (lz4); twice that.
const MAX_BLOCK_BYTES: usize = 64 << 20;

/// Reads the next block's header from the input, and its content into the buffer. False at the end.
pub(super) type Framing = fn(&mut dyn BufRead, &mut Buffer) -> io::Result<bool>;

/// A block on its way: as it is stored, and its content.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    pub stored: Vec<u8>,
    pub content: Vec<u8>,
}

/// The contents of the blocks, one after the other.
pub(super) struct Blocks<R> {
    input: R,
    framing: Framing,
    buffer: Buffer,
    given: usize,
}

impl<R: BufRead> Blocks<R> {
    pub fn new(input: R, framing: Framing) -> Self {
        Blocks {
            input,
            framing,
            buffer: Buffer::default(),
            given: 0,
        }
    }
}

impl<R: BufRead> BufRead for Blocks<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.given >= self.buffer.content.len() {
            self.given = 0;
            self.buffer.content.clear();
            match (self.framing)(&mut self.input, &mut self.buffer) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    self.buffer.content.clear();
                    return Err(error);
                }
            }
        }
        Ok(self.buffer.content.get(self.given..).unwrap_or_default())
    }

    fn consume(&mut self, amount: usize) {
        self.given += amount;
    }
}

impl<R: BufRead> Read for Blocks<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(into)?;
        self.consume(read);
        Ok(read)
    }
}

impl Buffer {
    /// Reads a block as it is stored.
    pub fn store(&mut self, input: &mut dyn BufRead, length: u32) -> io::Result<()> {
        let length = believable(length)?;
        self.stored.clear();
        let limit = u64::try_from(length).unwrap_or(u64::MAX);
        input.take(limit).read_to_end(&mut self.stored)?;
        if self.stored.len() < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    /// The block is stored as it is.
    pub fn copy(&mut self) {
        self.content.clear();
        self.content.extend_from_slice(&self.stored);
    }

    /// Room for the content, to be filled in; what was stored beside it.
    pub fn room(&mut self, length: u32) -> io::Result<(&[u8], &mut [u8])> {
        self.content.clear();
        self.content.resize(believable(length)?, 0);
        Ok((&self.stored, &mut self.content))
    }
}

fn believable(length: u32) -> io::Result<usize> {
    usize::try_from(length)
        .ok()
        .filter(|&length| length <= MAX_BLOCK_BYTES)
        .ok_or_else(|| {
            let limit = MAX_BLOCK_BYTES >> 20;
            broken(format!(
                "a block of {length} bytes, more than {limit} MiB, cannot be right"
            ))
        })
}

/// Fills `header`, or tells that the input ended just before it.
pub(super) fn header(input: &mut dyn BufRead, header: &mut [u8]) -> io::Result<bool> {
    if input.fill_buf()?.is_empty() {
        return Ok(false);
    }
    input.read_exact(header)?;
    Ok(true)
}

/// What is wrong with the data.
pub(super) fn broken(what: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.into())
}
