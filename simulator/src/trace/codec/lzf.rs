//! LZF as Ning's Java library frames it, which Spark writes under the name lzf (the default of Spark
//! 1.0): chunks of at most 64 KiB, each `ZV`, a type, and big-endian lengths. No Rust library is kept
//! for it; the compression itself is a page.

use std::io::{self, BufRead};

use super::blocks::{Buffer, broken, header};

const STORED_AS_IT_IS: u8 = 0;
const STORED_AS_LZF: u8 = 1;

pub(super) fn next_block(input: &mut dyn BufRead, buffer: &mut Buffer) -> io::Result<bool> {
    let mut head = [0; 5];
    if !header(input, &mut head)? {
        return Ok(false);
    }
    let [b'Z', b'V', form, high, low] = head else {
        return Err(broken("bytes between lzf chunks are none"));
    };
    let stored = u32::from(u16::from_be_bytes([high, low]));
    match form {
        STORED_AS_IT_IS => {
            buffer.store(input, stored)?;
            buffer.copy();
        }
        STORED_AS_LZF => {
            let mut length = [0; 2];
            input.read_exact(&mut length)?;
            buffer.store(input, stored)?;
            buffer.content.clear();
            let length = usize::from(u16::from_be_bytes(length));
            if expand(&buffer.stored, &mut buffer.content, length).is_none() {
                return Err(broken("an lzf chunk is broken"));
            }
        }
        _ => return Err(broken("an lzf chunk has an unknown form")),
    }
    Ok(true)
}

/// Literal runs and back references, until there are `length` bytes; None where they do not add up.
fn expand(stored: &[u8], content: &mut Vec<u8>, length: usize) -> Option<()> {
    let mut input = stored.iter().copied();
    while let Some(control) = input.next() {
        let control = usize::from(control);
        if control < 32 {
            for _ in 0..=control {
                content.push(input.next()?);
            }
        } else {
            let mut run = control >> 5;
            if run == 7 {
                run += usize::from(input.next()?);
            }
            let back = ((control & 31) << 8 | usize::from(input.next()?)) + 1;
            let from = content.len().checked_sub(back)?;
            for at in from..from + run + 2 {
                content.push(content[at]);
            }
        }
        if content.len() > length {
            return None;
        }
    }
    (content.len() == length).then_some(())
}
