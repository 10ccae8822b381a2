//! Reads tables line by line: a line that is no row is a finding and is left out, the others count.
//! Memory is bounded by what is kept: lines and tables beyond any honest size are refused.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::marker::PhantomData;
use std::path::Path;

use sparkwright::cluster::kubernetes::decode::type_fault;

use super::check;
use super::tables::{App, Market, Node, Pod, Template};
use super::{Finding, Findings, Manifest, Row, Rule, manifest};

/// A longer line is no row: an application with all its properties takes some kilobytes.
const MOST_LINE_BYTES: u64 = 16 << 20;
/// Most of a table that is kept in memory; a small zstd file can hold far more than was ever recorded.
const MOST_KEPT_BYTES: u64 = 4 << 30;
/// Most of a table that is read a row at a time.
const MOST_STREAMED_BYTES: u64 = 1 << 40;

/// A trace but for its work, which is read an application at a time.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    /// The manifest.
    pub manifest: Manifest,
    /// Applications.
    pub apps: Vec<App>,
    /// Templates.
    pub templates: Vec<Template>,
    /// Pods.
    pub pods: Vec<Pod>,
    /// Nodes.
    pub nodes: Vec<Node>,
    /// The market.
    pub market: Vec<Market>,
    /// What is wrong with them; rows that cannot be used are left out.
    pub findings: Findings,
}

/// The rows of a table, one after the other, with their lines' numbers.
pub struct Rows<R> {
    input: Option<Box<dyn BufRead>>,
    line: u64,
    left: u64,
    text: Vec<u8>,
    row: PhantomData<R>,
}

impl Tables {
    /// Reads and checks the tables of a folder.
    ///
    /// # Errors
    /// Where there is no manifest of this format.
    pub fn read(folder: &Path) -> Result<Tables, Finding> {
        let mut tables = Tables {
            manifest: manifest::read(folder)?,
            ..Tables::default()
        };
        let findings = &mut tables.findings;
        let counts = &tables.manifest;
        tables.apps = kept(folder, counts, findings);
        tables.templates = kept(folder, counts, findings);
        tables.pods = kept(folder, counts, findings);
        tables.nodes = kept(folder, counts, findings);
        tables.market = kept(folder, counts, findings);
        check::references(&mut tables);
        Ok(tables)
    }
}

/// The rows of a table that can be used.
fn kept<R: check::Checked>(folder: &Path, manifest: &Manifest, findings: &mut Findings) -> Vec<R> {
    let mut rows = Rows::<R>::open(folder, MOST_KEPT_BYTES);
    let mut names = check::Names::default();
    let mut kept = Vec::new();
    for row in &mut rows {
        let checked = row.and_then(|(line, row)| check::row(&row, line, &mut names).map(|()| row));
        match checked {
            Ok(row) => kept.push(row),
            Err(finding) => findings.add(finding),
        }
    }
    rows.counted(manifest)
        .into_iter()
        .for_each(|f| findings.add(f));
    kept
}

impl<R: Row> Rows<R> {
    /// The rows of a table that is read a row at a time.
    pub fn streamed(folder: &Path) -> Self {
        Rows::open(folder, MOST_STREAMED_BYTES)
    }

    fn open(folder: &Path, most: u64) -> Self {
        let input = ["jsonl", "jsonl.zst"]
            .iter()
            .map(|ending| folder.join(format!("{}.{ending}", R::TABLE)))
            .find(|path| path.is_file())
            .map(|path| content(&path));
        let input = input.map(|input| match input {
            Ok(input) => input,
            Err(error) => Box::new(BufReader::new(Unreadable(Some(error)))),
        });
        Rows {
            input,
            line: 0,
            left: most,
            text: Vec::new(),
            row: PhantomData,
        }
    }

    /// A finding where the manifest counts other rows than there are lines.
    pub fn counted(&self, manifest: &Manifest) -> Option<Finding> {
        let said = *manifest.rows.get(R::TABLE)?;
        (said != self.line).then(|| {
            let problem = format!("counts {said} rows, and there are {} lines", self.line);
            Finding::new(Rule::Manifest, R::TABLE, None, problem)
                .remedy("fetch the trace again, or mend rows in manifest.json")
        })
    }

    fn next_line(&mut self) -> io::Result<bool> {
        let Some(input) = &mut self.input else {
            return Ok(false);
        };
        self.text.clear();
        let length = input
            .take(MOST_LINE_BYTES)
            .read_until(b'\n', &mut self.text)?;
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        if length == MOST_LINE_BYTES && self.text.last() != Some(&b'\n') {
            input.skip_until(b'\n')?;
        }
        self.line += u64::from(length > 0);
        self.left = self.left.saturating_sub(length);
        Ok(length > 0)
    }

    fn parse(&self) -> Result<R, Finding> {
        serde_json::from_slice(&self.text).map_err(|error| {
            // Twice where the first time fails: keeping track of the column is for failures only.
            let mut again = serde_json::Deserializer::from_slice(&self.text);
            let (path, error) = match serde_path_to_error::deserialize::<_, R>(&mut again) {
                Ok(_) => (String::new(), error),
                Err(error) => (error.path().to_string(), error.into_inner()),
            };
            self.misfit(&path, &error)
        })
    }

    /// A line that is no row: what stands in which column, in the words of all readers.
    fn misfit(&self, path: &str, error: &serde_json::Error) -> Finding {
        let finding = |problem: &str| Finding::new(Rule::Row, R::TABLE, Some(self.line), problem);
        if !error.is_data() {
            return finding(&format!("is no JSON ({error})"))
                .remedy("write one object on each line");
        }
        let fault = type_fault(path, &error.to_string());
        let (problem, remedy) = match fault.problem.split_once("; ") {
            Some((problem, remedy)) => (problem, remedy),
            None => (fault.problem.as_str(), ""),
        };
        finding(problem).column(fault.field).remedy(remedy)
    }
}

impl<R: Row> Iterator for Rows<R> {
    type Item = Result<(u64, R), Finding>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let finding = |line, problem: String| Finding::new(Rule::Row, R::TABLE, line, problem);
            match self.next_line() {
                Ok(false) => return None,
                Ok(true) if self.left == 0 => {
                    self.input = None;
                    let problem = "holds more than is read; the rest is left out";
                    return Some(Err(finding(None, problem.to_owned())));
                }
                Ok(true) if self.text.trim_ascii().is_empty() => {}
                Ok(true) => return Some(self.parse().map(|row| (self.line, row))),
                Err(error) => {
                    self.input = None;
                    let line = Some(self.line + 1);
                    return Some(Err(finding(line, format!("cannot be read ({error})"))));
                }
            }
        }
    }
}

fn content(path: &Path) -> io::Result<Box<dyn BufRead>> {
    let file = BufReader::new(File::open(path)?);
    Ok(if path.extension().is_some_and(|ending| ending == "zst") {
        let decoder = zstd::stream::read::Decoder::with_buffer(file)?;
        Box::new(BufReader::new(decoder))
    } else {
        Box::new(file)
    })
}

/// A file that could not be opened: its first read says why.
struct Unreadable(Option<io::Error>);

impl Read for Unreadable {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}
