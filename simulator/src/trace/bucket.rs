//! A bucket as a place of logs: keys as paths, prefixes as folders. Objects are read in ranges of some
//! megabytes, one after the other, so that a log of any size takes little memory. Credentials, region
//! and endpoint come from the usual `AWS_` variables, or from the machine's own role.

use std::fmt::Debug;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::path::Path as Key;
use object_store::{Error, GetOptions, GetRange, ObjectStore, ObjectStoreExt, RetryConfig};
use tokio::runtime::{Builder, Runtime};

use super::store::{Entry, Kind, Store};

/// One request brings so much: fewer requests than S3 would throttle, little memory.
const RANGE_BYTES: u64 = 8 << 20;
/// A bucket that does not answer is given up after this; the library's own three minutes are long for
/// somebody who waits at a terminal.
const PATIENCE: Duration = Duration::from_secs(30);
const MAX_RETRIES: usize = 4;
/// What of an error is told: method, address, status and S3's name of it.
const MAX_ERROR_CHARS: usize = 300;

/// A bucket that can be asked.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// Scheme and bucket, such as `s3://logs`.
    root: PathBuf,
    objects: Arc<dyn ObjectStore>,
    runtime: Rc<Runtime>,
}

impl Bucket {
    /// The bucket of a path such as `s3://logs/spark`.
    ///
    /// # Errors
    /// Where the path names no bucket, or the environment's settings contradict each other.
    pub fn of(path: &Path) -> io::Result<Self> {
        let text = path.to_string_lossy();
        let (scheme, rest) = text.split_once("://").unwrap_or(("s3", &text));
        let name = rest.split('/').next().unwrap_or_default();
        if name.is_empty() {
            return Err(io::Error::other("it names no bucket"));
        }
        let retry = RetryConfig {
            max_retries: MAX_RETRIES,
            retry_timeout: PATIENCE,
            ..RetryConfig::default()
        };
        let builder = AmazonS3Builder::from_env().with_bucket_name(name);
        let objects = builder.with_retry(retry).build().map_err(told)?;
        Bucket::new(&format!("{scheme}://{name}"), Arc::new(objects))
    }

    /// Any store of objects, under a name such as `s3://logs`.
    ///
    /// # Errors
    /// Where there are no descriptors left to wait with.
    pub fn new(root: &str, objects: Arc<dyn ObjectStore>) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(Bucket {
            root: root.into(),
            objects,
            runtime: Rc::new(runtime),
        })
    }

    fn key(&self, path: &Path) -> io::Result<Key> {
        let text = path.to_string_lossy();
        let root = self.root.to_string_lossy();
        let rest = text.strip_prefix(&*root).unwrap_or(&text);
        Key::parse(rest.trim_matches('/')).map_err(|error| told(error.into()))
    }

    fn path(&self, key: &Key) -> PathBuf {
        self.root.join(key.as_ref())
    }
}

impl Store for Bucket {
    fn kind(&self, path: &Path) -> io::Result<Kind> {
        let key = self.key(path)?;
        if key.as_ref().is_empty() {
            return Ok(Kind::Folder);
        }
        match self.runtime.block_on(self.objects.head(&key)) {
            Ok(object) => Ok(Kind::File { bytes: object.size }),
            Err(Error::NotFound { .. }) if !self.list(path)?.is_empty() => Ok(Kind::Folder),
            Err(Error::NotFound { .. }) => Err(io::Error::other("nothing has this key or prefix")),
            Err(error) => Err(told(error)),
        }
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<Entry>> {
        let key = self.key(folder)?;
        let listed = self.objects.list_with_delimiter(Some(&key));
        let listed = self.runtime.block_on(listed).map_err(told)?;
        let folders = (listed.common_prefixes.iter()).map(|key| (key, Kind::Folder));
        let files = (listed.objects.iter())
            // Consoles mark a folder by an object of its own name.
            .filter(|object| object.location != key)
            .map(|object| (&object.location, Kind::File { bytes: object.size }));
        let entry = |(key, kind): (&Key, Kind)| Entry {
            path: self.path(key),
            kind: Ok(kind),
        };
        let mut entries: Vec<Entry> = folders.chain(files).map(entry).collect();
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(entries)
    }

    fn open(&self, file: &Path) -> io::Result<Box<dyn Read>> {
        let key = self.key(file)?;
        let object = self
            .runtime
            .block_on(self.objects.head(&key))
            .map_err(told)?;
        Ok(Box::new(Object {
            bucket: self.clone(),
            key,
            version: object.e_tag,
            rest: 0..object.size,
            range: Vec::new(),
            given: 0,
        }))
    }
}

/// An object while it is read.
struct Object {
    bucket: Bucket,
    key: Key,
    /// What was there when reading began; a log that is replaced meanwhile is no log.
    version: Option<String>,
    rest: Range<u64>,
    range: Vec<u8>,
    given: usize,
}

impl Object {
    fn next_range(&mut self) -> io::Result<()> {
        let end = self
            .rest
            .end
            .min(self.rest.start.saturating_add(RANGE_BYTES));
        let options = GetOptions {
            range: Some(GetRange::Bounded(self.rest.start..end)),
            if_match: self.version.clone(),
            ..GetOptions::default()
        };
        let objects = &self.bucket.objects;
        let bytes = async { objects.get_opts(&self.key, options).await?.bytes().await };
        self.range = self.bucket.runtime.block_on(bytes).map_err(told)?.to_vec();
        self.given = 0;
        self.rest.start = end;
        Ok(())
    }
}

impl Read for Object {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.given == self.range.len() && !self.rest.is_empty() {
            self.next_range()?;
        }
        let read = (&self.range[self.given..]).read(into)?;
        self.given += read;
        Ok(read)
    }
}

/// The library's error on one line; S3 answers with a page of XML behind its name of the error.
fn told(error: Error) -> io::Error {
    let text = error.to_string();
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    io::Error::other(line.chars().take(MAX_ERROR_CHARS).collect::<String>())
}

#[cfg(test)]
mod tests;
