//! `trace validate`: every rule of the format, with each place where one is broken, and what to do. The
//! rules themselves are the format's.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use serde::Serialize;

use super::TraceError;
use crate::output::{Outcome, Output, OutputArgs, printable};
use crate::trace::Work;
use crate::trace::format::{Demand, Finding, Findings, Rule, Tables, demands};

/// Arguments of `trace validate`.
#[derive(Clone, Debug, clap::Args)]
pub struct ValidateArgs {
    /// The trace's folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// A table, or JSON.
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    valid: bool,
    rows: BTreeMap<String, u64>,
    applications: u64,
    findings: Vec<Finding>,
    more: u64,
}

pub(super) fn run(args: &ValidateArgs, out: &mut dyn Write) -> Result<Outcome, TraceError> {
    let document = check(args);
    match args.output.form {
        Output::Json => {
            serde_json::to_writer_pretty(&mut *out, &document).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
        Output::Table => table(&document, out)?,
    }
    Ok(match document.valid {
        true => Outcome::Done,
        false => Outcome::Refused,
    })
}

fn check(args: &ValidateArgs) -> Document {
    let mut findings = Findings::default();
    let mut rows = BTreeMap::new();
    let mut applications = 0;
    match Tables::read(&args.folder) {
        Err(finding) => findings.add(finding),
        Ok(mut tables) => {
            findings = std::mem::take(&mut tables.findings);
            rows = std::mem::take(&mut tables.manifest.rows);
            for demand in demands(&args.folder, tables) {
                match demand.map(|demand| unreadable(&demand)) {
                    Ok(None) => applications += 1,
                    Ok(Some(finding)) | Err(finding) => findings.add(finding),
                }
            }
        }
    }
    Document {
        valid: findings.is_empty(),
        rows,
        applications,
        findings: findings.kept,
        more: findings.more,
    }
}

/// A Spark application whose properties cannot be read cannot be replayed.
fn unreadable(demand: &Demand) -> Option<Finding> {
    let Demand::Spark(recorded) = demand else {
        return None;
    };
    let error = Work::of(recorded).err()?;
    let finding = Finding::new(Rule::Application, "apps", None, error.to_string());
    Some(finding.column("properties").value(&recorded.id))
}

fn table(document: &Document, out: &mut dyn Write) -> std::io::Result<()> {
    for finding in &document.findings {
        writeln!(out, "{}", printable(&finding.to_string()))?;
    }
    if document.more > 0 {
        writeln!(out, "and {} more", document.more)?;
    }
    let count = document.findings.len();
    match document.valid {
        true => writeln!(out, "valid: {} applications", document.applications),
        false => writeln!(
            out,
            "{count} findings; {} applications can be replayed",
            document.applications
        ),
    }
}
