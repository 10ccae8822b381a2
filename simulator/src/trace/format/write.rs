//! Writes a trace: each row as it comes, to its table's file, and the manifest last. Equal templates
//! become one; names are hidden on the way where the trace is anonymised.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::anonymise::Names;
use super::tables::Template;
use super::{FORMAT, MANIFEST, Manifest, Row};

/// zstd's level for tables: 3 is its default, within some per cent of the best and fast.
const LEVEL: i32 = 3;

enum Output {
    Plain(BufWriter<File>),
    Zstd(zstd::stream::write::Encoder<'static, BufWriter<File>>),
}

/// A trace that is being written.
pub struct Writer {
    folder: PathBuf,
    zstd: bool,
    names: Option<Names>,
    tables: BTreeMap<&'static str, Output>,
    templates: BTreeMap<String, String>,
    /// The manifest as it will be; rows are counted by the writer.
    pub manifest: Manifest,
}

impl Writer {
    /// A trace in a folder of its own, which is made where it is missing.
    ///
    /// # Errors
    /// Where the folder holds anything, or cannot be made.
    pub fn create(folder: &Path, zstd: bool, names: Option<Names>) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        if fs::read_dir(folder)?.next().is_some() {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "holds files already; name a new folder",
            ));
        }
        Ok(Writer {
            folder: folder.to_owned(),
            zstd,
            names,
            tables: BTreeMap::new(),
            templates: BTreeMap::new(),
            manifest: Manifest {
                format: FORMAT.to_owned(),
                recorder: concat!("sparkwright-sim ", env!("CARGO_PKG_VERSION")).to_owned(),
                anonymised: names.is_some(),
                ..Manifest::default()
            },
        })
    }

    /// Writes a row.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn put<R: Row>(&mut self, mut row: R) -> io::Result<()> {
        if let Some(names) = &self.names {
            row.anonymise(names);
        }
        *self.manifest.rows.entry(R::TABLE.to_owned()).or_default() += 1;
        let output = match self.tables.entry(R::TABLE) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(new) => {
                new.insert(Output::create(&self.folder, R::TABLE, self.zstd)?)
            }
        };
        serde_json::to_writer(&mut *output, &row)?;
        output.write_all(b"\n")
    }

    /// The name of a template that is like this one but for its own name; it is written the first time.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn template(&mut self, mut template: Template) -> io::Result<String> {
        template.template = String::new();
        let key = serde_json::to_string(&template)?;
        if let Some(name) = self.templates.get(&key) {
            return Ok(name.clone());
        }
        let name = format!("t{}", self.templates.len() + 1);
        self.templates.insert(key, name.clone());
        template.template = name.clone();
        self.put(template)?;
        Ok(name)
    }

    /// The name by which an application goes in the trace.
    pub fn shown(&self, app: &str) -> String {
        (self.names).map_or_else(|| app.to_owned(), |names| names.hide(app))
    }

    /// Ends the tables and writes the manifest.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn finish(self) -> io::Result<Manifest> {
        for output in self.tables.into_values() {
            output.finish()?;
        }
        let mut text = serde_json::to_string_pretty(&self.manifest)?;
        text.push('\n');
        fs::write(self.folder.join(MANIFEST), text)?;
        Ok(self.manifest)
    }
}

impl Output {
    fn create(folder: &Path, table: &str, zstd: bool) -> io::Result<Self> {
        let ending = if zstd { "jsonl.zst" } else { "jsonl" };
        let file = BufWriter::new(File::create(folder.join(format!("{table}.{ending}")))?);
        Ok(match zstd {
            true => Output::Zstd(zstd::stream::write::Encoder::new(file, LEVEL)?),
            false => Output::Plain(file),
        })
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Output::Plain(mut file) => file.flush(),
            Output::Zstd(encoder) => encoder.finish()?.flush(),
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Output::Plain(file) => file.write(bytes),
            Output::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Output::Plain(file) => file.flush(),
            Output::Zstd(encoder) => encoder.flush(),
        }
    }
}
