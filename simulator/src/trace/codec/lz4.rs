//! The framing of lz4-java's `LZ4BlockOutputStream`, which Spark writes under the name lz4: before each
//! block a magic, a token, three little-endian numbers (stored length, content length, checksum). A
//! block of nothing ends a stream; another may follow it.

use std::io::{self, BufRead};

use lz4_flex::block::decompress_into;
use twox_hash::XxHash32;

use super::blocks::{Buffer, broken, header};

/// Begins every block.
pub(super) const MAGIC: &[u8] = b"LZ4Block";
/// lz4-java's `DEFAULT_SEED`.
const SEED: u32 = 0x9747_b28c;
/// lz4-java takes its checksums for Java's `Checksum`, and loses the upper bits.
const CHECKSUM_BITS: u32 = 0x0fff_ffff;
/// The token's upper half: how the block is stored.
const STORED_AS_IT_IS: u8 = 0x10;
const STORED_AS_LZ4: u8 = 0x20;

pub(super) fn next_block(input: &mut dyn BufRead, buffer: &mut Buffer) -> io::Result<bool> {
    let mut head = [0; 21];
    while header(input, &mut head)? {
        let [stored, length, checksum] = numbers(&head)?;
        if length == 0 {
            // The end of one stream.
            continue;
        }
        buffer.store(input, stored)?;
        match head[8] & 0xf0 {
            STORED_AS_IT_IS if stored == length => buffer.copy(),
            STORED_AS_LZ4 => {
                let (stored, content) = buffer.room(length)?;
                let written = decompress_into(stored, content)
                    .map_err(|error| broken(format!("an lz4 block is broken: {error}")))?;
                if written != content.len() {
                    return Err(broken("an lz4 block has another length than it says"));
                }
            }
            _ => return Err(broken("an lz4 block has an unknown form")),
        }
        if XxHash32::oneshot(SEED, &buffer.content) & CHECKSUM_BITS != checksum {
            return Err(broken("an lz4 block does not match its checksum"));
        }
        return Ok(true);
    }
    Ok(false)
}

fn numbers(head: &[u8; 21]) -> io::Result<[u32; 3]> {
    if !head.starts_with(MAGIC) {
        return Err(broken("bytes between lz4 blocks are none"));
    }
    let number =
        |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    Ok([number(9), number(13), number(17)])
}
