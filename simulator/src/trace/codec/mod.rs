//! How a file is compressed, by its first bytes, since names lie often enough, and its content as a
//! stream. What Spark writes is read: zstd, lz4, snappy and lzf in the framings of its Java libraries,
//! and gzip, which Databricks writes. Knows nothing of what is in it.

mod blocks;
mod lz4;
mod lzf;
mod snappy;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use blocks::{Blocks, Framing};

/// Read ahead: large enough that system calls do not count, small beside an application.
const BUFFER_BYTES: usize = 1 << 18;

/// A compression, told by magic bytes.
#[derive(Clone, Copy)]
enum Codec {
    Plain,
    Zstd,
    Gzip,
    Blocks(Framing),
    NotRead(&'static str),
}

/// The content of a file, decompressed as it is read.
pub fn open(path: &Path) -> io::Result<Box<dyn BufRead>> {
    decode(File::open(path)?)
}

/// The content of what is read, decompressed as it is read. Several streams or frames of one codec
/// behind each other are one content.
pub fn decode<'a>(raw: impl Read + 'a) -> io::Result<Box<dyn BufRead + 'a>> {
    let mut raw = BufReader::with_capacity(BUFFER_BYTES, raw);
    match codec(raw.fill_buf()?) {
        Codec::Plain => Ok(Box::new(raw)),
        Codec::Zstd => {
            let decoder = zstd::stream::read::Decoder::with_buffer(raw)?;
            Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, decoder)))
        }
        Codec::Gzip => {
            let decoder = flate2::bufread::MultiGzDecoder::new(raw);
            Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, decoder)))
        }
        Codec::Blocks(framing) => Ok(Box::new(Blocks::new(raw, framing))),
        Codec::NotRead(name) => Err(io::Error::new(
            io::ErrorKind::Unsupported,
            format!("is compressed with {name}, which is not read; recompress it with zstd"),
        )),
    }
}

fn codec(start: &[u8]) -> Codec {
    let known: [(&[u8], Codec); 8] = [
        (b"\x28\xb5\x2f\xfd", Codec::Zstd),
        (b"\x1f\x8b", Codec::Gzip),
        (lz4::MAGIC, Codec::Blocks(lz4::next_block)),
        (snappy::MAGIC, Codec::Blocks(snappy::next_block)),
        (b"ZV\x00", Codec::Blocks(lzf::next_block)),
        (b"ZV\x01", Codec::Blocks(lzf::next_block)),
        (b"\x04\x22\x4d\x18", Codec::NotRead("an lz4 frame")),
        (b"BZh", Codec::NotRead("bzip2")),
    ];
    known
        .iter()
        .find(|(magic, _)| start.starts_with(magic))
        .map_or(Codec::Plain, |(_, codec)| *codec)
}

#[cfg(test)]
pub(crate) mod tests;
