//! `trace import`: reads a trace of another kind and writes it in the open format; each row that was left
//! out is told by line and column.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::TraceError;
use crate::output::{Outcome, printable};
use crate::spark::fidelity;
use crate::trace::format::Writer;
use crate::trace::format::anonymise::Names;
use crate::trace::import::{self, Import, Options, Source};
use crate::trace::{Recorded, Work};

/// Rows that were left out and are named on standard error.
const MOST_NAMED: usize = 50;

/// Arguments of `trace import`.
#[derive(Clone, Debug, clap::Args)]
pub struct ImportArgs {
    /// What the input is
    #[arg(long, value_name = "SOURCE")]
    from: Source,
    /// The input: a file, or a folder where the source has several
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// The folder to write the trace to; it must be new or empty
    #[arg(short = 'o', long = "out", value_name = "DIR")]
    folder: PathBuf,
    /// Hide names of applications, pods, nodes, namespaces and labels' values, and leave out all
    /// properties but those that decide what is asked for
    #[arg(long)]
    anonymise: bool,
    /// Hide names with these words, so that the same name is hidden alike in several traces [default: random]
    #[arg(long, value_name = "WORDS", requires = "anonymise")]
    salt: Option<String>,
    /// Compress the tables with zstd
    #[arg(long)]
    zstd: bool,
    /// Memory of the largest machine, in GiB, for sources that give memory as a share of it (alibaba)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    machine_memory_gib: Option<u32>,
    /// Exit with 1 when any row or file was left out
    #[arg(long)]
    strict: bool,
}

pub(super) fn run(
    args: &ImportArgs,
    out: &mut dyn Write,
    messages: &mut dyn Write,
) -> Result<Outcome, TraceError> {
    let names = match (&args.salt, args.anonymise) {
        (_, false) => None,
        (Some(salt), true) => Some(Names::salted(salt.as_bytes())),
        (None, true) => Some(Names::salted(&random().map_err(TraceError::Salt)?)),
    };
    let folder_error = |error| TraceError::Folder {
        folder: args.folder.display().to_string(),
        error,
    };
    let input_error = |error: io::Error| TraceError::Input {
        input: args.path.display().to_string(),
        reason: error.to_string(),
    };
    // A source that cannot be opened must not leave a folder behind.
    std::fs::metadata(&args.path).map_err(input_error)?;
    let mut writer = Writer::create(&args.folder, args.zstd, names).map_err(folder_error)?;
    let options = Options {
        machine_memory_gib: args.machine_memory_gib,
        fidelity: &error_permille,
    };
    let mut import = Import::new(&args.path, &mut writer);
    import::import(args.from, &args.path, &options, &mut import).map_err(input_error)?;
    let (skipped, more) = (import.skipped, import.more);
    for problem in skipped.iter().take(MOST_NAMED) {
        let (input, reason) = (printable(&problem.input), printable(&problem.reason));
        writeln!(messages, "skipped {input}: {reason}")?;
    }
    let all = u64::try_from(skipped.len())
        .unwrap_or(u64::MAX)
        .saturating_add(more);
    let named = u64::try_from(MOST_NAMED).unwrap_or(u64::MAX);
    if all > named {
        writeln!(messages, "skipped {} more", all - named)?;
    }
    let manifest = writer.finish().map_err(folder_error)?;
    for note in &manifest.notes {
        writeln!(messages, "note: {}", printable(note))?;
    }
    tell(&args.folder, &manifest.rows, all, out)?;
    let empty = manifest.rows.is_empty();
    Ok(match empty || (args.strict && all > 0) {
        true => Outcome::Refused,
        false => Outcome::Done,
    })
}

fn tell(
    folder: &Path,
    rows: &std::collections::BTreeMap<String, u64>,
    skipped: u64,
    out: &mut dyn Write,
) -> io::Result<()> {
    let tables: Vec<String> = rows
        .iter()
        .map(|(table, rows)| format!("{rows} {table}"))
        .collect();
    let tables = match tables.is_empty() {
        true => "nothing".to_owned(),
        false => tables.join(", "),
    };
    writeln!(out, "{}: {tables}; {skipped} skipped", folder.display())
}

/// How far a replay with the recorded executors misses the log; None where it cannot be replayed.
fn error_permille(recorded: &Recorded) -> Option<u64> {
    let work = Arc::new(Work::of(recorded).ok()?);
    fidelity(recorded, &work).error_permille
}

/// Words that nobody can guess.
fn random() -> io::Result<[u8; 16]> {
    let mut words = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut words)?;
    Ok(words)
}
