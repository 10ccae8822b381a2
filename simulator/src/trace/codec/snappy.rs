//! The framing of snappy-java's `SnappyOutputStream`, which Spark writes under the name snappy: a header
//! of 16 bytes, then blocks with their stored length, big-endian, before them. A header may come again
//! where a further stream begins.

use std::io::{self, BufRead};

use super::blocks::{Buffer, broken, header};

/// Begins a stream; two version numbers follow it.
pub(super) const MAGIC: &[u8] = b"\x82SNAPPY\x00";

pub(super) fn next_block(input: &mut dyn BufRead, buffer: &mut Buffer) -> io::Result<bool> {
    let mut head = [0; 4];
    while header(input, &mut head)? {
        if MAGIC.starts_with(&head) {
            let mut rest = [0; 12];
            input.read_exact(&mut rest)?;
            if !rest.starts_with(&MAGIC[4..]) {
                return Err(broken("a snappy header is broken"));
            }
            continue;
        }
        buffer.store(input, u32::from_be_bytes(head))?;
        decompress(buffer).map_err(|error| broken(format!("a snappy block is broken: {error}")))?;
        return Ok(true);
    }
    Ok(false)
}

fn decompress(buffer: &mut Buffer) -> io::Result<()> {
    let length = snap::raw::decompress_len(&buffer.stored)?;
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    let (stored, content) = buffer.room(length)?;
    snap::raw::Decoder::new().decompress(stored, content)?;
    Ok(())
}
