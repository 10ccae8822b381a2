//! How a file is compressed, by its first bytes, since names lie often enough, and its content as a
//! stream. Knows nothing of what is in it.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

/// Read ahead: large enough that system calls do not count, small beside an application.
const BUFFER_BYTES: usize = 1 << 18;

/// A compression, told by magic bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Codec {
    Plain,
    Zstd,
    NotRead(&'static str),
}

/// The file's content, decompressed as it is read. Several zstd frames are one content.
pub fn open(path: &Path) -> io::Result<Box<dyn BufRead>> {
    let mut file = BufReader::with_capacity(BUFFER_BYTES, File::open(path)?);
    match codec(file.fill_buf()?) {
        Codec::Plain => Ok(Box::new(file)),
        Codec::Zstd => {
            let decoder = zstd::stream::read::Decoder::with_buffer(file)?;
            Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, decoder)))
        }
        Codec::NotRead(name) => Err(io::Error::new(
            io::ErrorKind::Unsupported,
            format!("is compressed with {name}, which is not read; recompress it with zstd"),
        )),
    }
}

fn codec(start: &[u8]) -> Codec {
    let known: [(&[u8], Codec); 5] = [
        (b"\x28\xb5\x2f\xfd", Codec::Zstd),
        (b"\x1f\x8b", Codec::NotRead("gzip")),
        (b"LZ4Block", Codec::NotRead("lz4")),
        (b"\x04\x22\x4d\x18", Codec::NotRead("lz4")),
        (b"\x82SNAPPY\x00", Codec::NotRead("snappy")),
    ];
    known
        .iter()
        .find(|(magic, _)| start.starts_with(magic))
        .map_or(Codec::Plain, |(_, codec)| *codec)
}
