//! Where logs lie: folders and files that can be listed and read, on this machine or in a bucket. Paths
//! are names only; what a folder of logs looks like is decided in `layout`.

use std::fmt::Debug;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::Skipped;

/// A place that holds logs.
pub trait Store: Debug {
    /// What is at a path.
    ///
    /// # Errors
    /// Where there is nothing, or it cannot be asked.
    fn kind(&self, path: &Path) -> io::Result<Kind>;

    /// What a folder holds, in the order of names.
    ///
    /// # Errors
    /// Where it cannot be listed.
    fn list(&self, folder: &Path) -> io::Result<Vec<Entry>>;

    /// A file's bytes, from its first.
    ///
    /// # Errors
    /// Where it cannot be opened.
    fn open(&self, file: &Path) -> io::Result<Box<dyn Read>>;
}

/// What a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It holds others.
    Folder,
    /// It holds so many bytes.
    File {
        /// Size in bytes.
        bytes: u64,
    },
    /// A pipe, a device.
    Other,
}

/// One line of a folder's list.
#[derive(Debug)]
pub struct Entry {
    /// Its whole path.
    pub path: PathBuf,
    /// What it is, or why that cannot be told.
    pub kind: io::Result<Kind>,
}

/// The place that a path is of: a bucket by its scheme, else this machine.
///
/// # Errors
/// Where it is a bucket, and buckets are not built in or this one cannot be asked.
pub fn of(path: &Path) -> Result<Rc<dyn Store>, Skipped> {
    let text = path.to_string_lossy();
    let Some((scheme, _)) = text.split_once("://") else {
        return Ok(Rc::new(Machine));
    };
    match scheme {
        "s3" | "s3a" | "s3n" => bucket(path),
        "file" => Err(Skipped::new(path, "is a URL; name the path alone")),
        _ => {
            let reason = format!("cannot be read from {scheme}://; copy it here, or to s3://");
            Err(Skipped::new(path, reason))
        }
    }
}

#[cfg(feature = "s3")]
fn bucket(path: &Path) -> Result<Rc<dyn Store>, Skipped> {
    let bucket = super::bucket::Bucket::of(path).map_err(|error| {
        let reason = format!("cannot be reached ({error}); check the bucket and AWS_ variables");
        Skipped::new(path, reason)
    })?;
    Ok(Rc::new(bucket))
}

#[cfg(not(feature = "s3"))]
fn bucket(path: &Path) -> Result<Rc<dyn Store>, Skipped> {
    let reason = "is in a bucket, which this build does not read; build it with \
                  cargo build --release -p sparkwright-sim --features s3";
    Err(Skipped::new(path, reason))
}

/// This machine's files.
#[derive(Debug)]
struct Machine;

impl Store for Machine {
    fn kind(&self, path: &Path) -> io::Result<Kind> {
        fs::metadata(path).map(|data| kind(&data))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<Entry>> {
        let mut entries = fs::read_dir(folder)?
            .map(|entry| {
                let path = entry?.path();
                let kind = self.kind(&path);
                Ok(Entry { path, kind })
            })
            .collect::<io::Result<Vec<_>>>()?;
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(entries)
    }

    fn open(&self, file: &Path) -> io::Result<Box<dyn Read>> {
        Ok(Box::new(File::open(file)?))
    }
}

fn kind(data: &Metadata) -> Kind {
    if data.is_dir() {
        Kind::Folder
    } else if data.is_file() {
        Kind::File { bytes: data.len() }
    } else {
        Kind::Other
    }
}
