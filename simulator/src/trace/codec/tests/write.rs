//! Writes what Spark's Java libraries write, for tests to read back.

use std::io::Write;

use lz4_flex::block::compress;
use twox_hash::XxHash32;

/// A codec of event logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Plain,
    Zstd,
    Gzip,
    Lz4,
    Snappy,
    Lzf,
}

impl Form {
    pub const ALL: [Form; 6] = [
        Form::Plain,
        Form::Zstd,
        Form::Gzip,
        Form::Lz4,
        Form::Snappy,
        Form::Lzf,
    ];

    /// One stream of it, in blocks of so many bytes where it has blocks.
    pub fn encode(self, text: &[u8], block: usize) -> Vec<u8> {
        match self {
            Form::Plain => text.to_vec(),
            Form::Zstd => zstd::encode_all(text, 1).unwrap(),
            Form::Gzip => gzip(text),
            Form::Lz4 => lz4(text, block),
            Form::Snappy => snappy(text, block),
            Form::Lzf => lzf(text, block.min(0xffff)),
        }
    }
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// As `LZ4BlockOutputStream` writes it: blocks that do not shrink as they are, and an end mark.
pub fn lz4(text: &[u8], block: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for chunk in text.chunks(block) {
        let compressed = compress(chunk);
        let (form, stored) = if compressed.len() < chunk.len() {
            (0x20, compressed.as_slice())
        } else {
            (0x10, chunk)
        };
        let checksum = XxHash32::oneshot(0x9747_b28c, chunk) & 0x0fff_ffff;
        lz4_block(&mut out, form | 6, stored, chunk.len(), checksum);
    }
    lz4_block(&mut out, 0x10 | 6, &[], 0, 0);
    out
}

/// One block with what its header is to say.
pub fn lz4_block(out: &mut Vec<u8>, token: u8, stored: &[u8], length: usize, checksum: u32) {
    out.extend(b"LZ4Block");
    out.push(token);
    for number in [stored.len(), length] {
        out.extend(u32::try_from(number).unwrap().to_le_bytes());
    }
    out.extend(checksum.to_le_bytes());
    out.extend(stored);
}

/// As `SnappyOutputStream` writes it.
fn snappy(text: &[u8], block: usize) -> Vec<u8> {
    let mut out = b"\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01".to_vec();
    for chunk in text.chunks(block) {
        let stored = snap::raw::Encoder::new().compress_vec(chunk).unwrap();
        out.extend(u32::try_from(stored.len()).unwrap().to_be_bytes());
        out.extend(stored);
    }
    out
}

/// Chunks as they are and compressed ones in turn; those refer back only to runs of one byte.
fn lzf(text: &[u8], block: usize) -> Vec<u8> {
    let length = |bytes: &[u8]| u16::try_from(bytes.len()).unwrap().to_be_bytes();
    let mut out = Vec::new();
    for (i, chunk) in text.chunks(block).enumerate() {
        let stored = lzf_runs(chunk);
        if i % 2 == 0 || stored.len() > 0xffff {
            out.extend(b"ZV\x00");
            out.extend(length(chunk));
            out.extend(chunk);
        } else {
            out.extend(b"ZV\x01");
            out.extend(length(&stored));
            out.extend(length(chunk));
            out.extend(stored);
        }
    }
    out
}

fn lzf_runs(chunk: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for run in chunk.chunk_by(|a, b| a == b) {
        out.extend([0, run[0]]);
        let mut rest = run.len() - 1;
        while rest >= 3 {
            // A reference one byte back: 3 to 8 bytes by its first byte, up to 264 by a further one.
            let some = rest.min(264);
            match u8::try_from(some).unwrap_or(u8::MAX) {
                short @ ..9 => out.extend([(short - 2) << 5, 0]),
                _ => out.extend([7 << 5, u8::try_from(some - 9).unwrap(), 0]),
            }
            rest -= some;
        }
        for _ in 0..rest {
            out.extend([0, run[0]]);
        }
    }
    out
}
