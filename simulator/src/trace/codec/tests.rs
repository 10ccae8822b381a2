//! Every codec that Spark writes, whole, cut off, in several streams, and lying about its lengths.

pub mod write;

use std::io::{self, Read};

use write::{Form, lz4, lz4_block};

/// Text with long runs and with noise, of some hundred kilobytes.
fn text() -> Vec<u8> {
    let mut text = Vec::new();
    for i in 0..4000_u32 {
        text.extend(
            format!(
                "{{\"line\":{i},\"hash\":{}}}",
                i.wrapping_mul(2_654_435_761)
            )
            .bytes(),
        );
        text.extend(vec![b' '; usize::try_from(i % 300).unwrap()]);
        text.push(b'\n');
    }
    text
}

fn decode(bytes: &[u8]) -> (Vec<u8>, io::Result<()>) {
    let mut content = Vec::new();
    let read = super::decode(bytes).and_then(|mut read| read.read_to_end(&mut content));
    (content, read.map(|_| ()))
}

#[test]
fn every_codec_gives_back_what_was_written_however_many_streams_it_is_in() {
    let text = text();
    for form in Form::ALL {
        for block in [1000, 32 << 10, 8 << 20] {
            let (content, read) = decode(&form.encode(&text, block));
            assert!(read.is_ok(), "{form:?}: {read:?}");
            assert!(content == text, "{form:?} in blocks of {block}");
        }
        let halves = text.split_at(text.len() / 3);
        let streams = [form.encode(halves.0, 5000), form.encode(halves.1, 7000)].concat();
        let (content, read) = decode(&streams);
        assert!(
            read.is_ok() && content == text,
            "{form:?} in two streams: {read:?}"
        );
    }
}

#[test]
fn a_stream_that_breaks_off_gives_what_could_be_read_and_says_so() {
    let text = text();
    for form in Form::ALL.into_iter().filter(|form| *form != Form::Plain) {
        let whole = form.encode(&text, 10_000);
        for keep in [whole.len() / 2, whole.len() - 1] {
            let (content, read) = decode(&whole[..keep]);
            // The last byte of lz4 belongs to its end mark.
            assert!(read.is_err(), "{form:?} cut at {keep}");
            assert!(text.starts_with(&content), "{form:?}");
            assert!(
                content.len() > keep / 2,
                "{form:?}: {} bytes",
                content.len()
            );
        }
    }
}

#[test]
fn a_block_that_is_not_what_it_says_is_an_error_and_takes_no_memory() {
    let noise = [0x5a_u8; 40];
    let mut blocks = Vec::new();
    let header = |token: u8, stored: u32, length: u32| {
        let mut bytes = b"LZ4Block".to_vec();
        bytes.push(token);
        bytes.extend(stored.to_le_bytes());
        bytes.extend(length.to_le_bytes());
        bytes.extend([0; 4]);
        bytes.extend(noise);
        bytes
    };
    blocks.push((header(0x26, u32::MAX, 100), "4294967295 bytes"));
    blocks.push((header(0x26, 40, u32::MAX), "4294967295 bytes"));
    blocks.push((header(0x26, 40, 65 << 20), "more than 64 MiB"));
    blocks.push((header(0x26, 63 << 20, 100), ""));
    blocks.push((header(0x26, 40, 100), "an lz4 block is broken"));
    blocks.push((header(0x16, 40, 41), "unknown form"));
    blocks.push((header(0x36, 40, 40), "unknown form"));
    let mut other_checksum = Vec::new();
    lz4_block(&mut other_checksum, 0x16, &noise, 40, 1);
    blocks.push((other_checksum, "does not match its checksum"));
    blocks.push((
        [lz4(b"a", 10), b"and then something else".to_vec()].concat(),
        "none",
    ));
    let snappy = |tail: &[u8]| [b"\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01", tail].concat();
    blocks.push((snappy(b"\xff\xff\xff\xff"), "4294967295 bytes"));
    blocks.push((
        snappy(b"\x00\x00\x00\x06\xff\xff\xff\xff\x0f\x00"),
        "more than 64 MiB",
    ));
    blocks.push((
        snappy(b"\x00\x00\x00\x03\x7fzz"),
        "a snappy block is broken",
    ));
    blocks.push((
        snappy(b"\x82SNAnothing of the sort"),
        "a snappy header is broken",
    ));
    blocks.push((
        b"ZV\x01\x00\x03\x00\x09\xe0\xff\xff".to_vec(),
        "an lzf chunk is broken",
    ));
    blocks.push((b"ZV\x00\x00\x01aZV\x07\x00\x01a".to_vec(), "unknown form"));
    for (bytes, words) in blocks {
        let (content, read) = decode(&bytes);
        let error = read.unwrap_err().to_string();
        assert!(error.contains(words), "{error}, not {words}");
        assert!(content.len() <= 1, "{words}");
    }
}

#[test]
fn a_form_that_is_not_read_is_named_with_its_remedy() {
    for (magic, name) in [
        (&b"\x04\x22\x4d\x18"[..], "lz4 frame"),
        (b"BZh91AY", "bzip2"),
    ] {
        let (_, read) = decode(magic);
        let error = read.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Unsupported);
        let error = error.to_string();
        assert!(
            error.contains(name) && error.contains("recompress"),
            "{error}"
        );
    }
}
