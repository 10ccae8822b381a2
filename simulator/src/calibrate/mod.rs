//! `calibrate`: how fast instance families are for executors, from logs of the same applications on
//! machines of each, as a NodePool's `performance` takes it. Refuses logs that are not of the same work:
//! a wrong factor costs money with every plan.

mod estimate;
mod measure;
mod print;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::str::FromStr;

use crate::catalog::{CatalogError, Source};
use crate::output::{Outcome, printable};

pub use estimate::Estimate;
use measure::Measured;

/// Arguments of `calibrate`.
#[derive(Clone, Debug, clap::Args)]
pub struct CalibrateArgs {
    /// Event logs or a trace, and the family of the machines under its executors; at least two families,
    /// of which the first counts as 1 unless --reference says otherwise
    #[arg(long = "trace", value_name = "PATH=FAMILY", required = true, num_args = 1..)]
    pub traces: Vec<TraceOf>,
    /// The family that counts as 1
    #[arg(long, value_name = "FAMILY")]
    pub reference: Option<String>,
    /// YAML for a NodePool, with what it rests on as comments, or JSON
    #[arg(
        short = 'o',
        long = "output",
        value_enum,
        default_value = "yaml",
        value_name = "FORM"
    )]
    pub output: Form,
}

/// How the answer is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// `performance:` with comments.
    Yaml,
    /// A document for programs.
    Json,
}

/// A trace and the family that it was recorded on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceOf {
    /// Event logs, or a trace in the open format.
    pub path: PathBuf,
    /// The family.
    pub family: String,
}

impl FromStr for TraceOf {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.rsplit_once('=') {
            Some((path, family)) if !path.is_empty() && !family.is_empty() => Ok(TraceOf {
                path: path.into(),
                family: family.to_owned(),
            }),
            _ => Err(format!(
                "{text:?} does not say on which machines it was recorded; write PATH=FAMILY, such as \
                 logs=m5"
            )),
        }
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum CalibrateError {
    /// The families that EC2 has cannot be read.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// A family that EC2 does not have.
    #[error("{0}: EC2 has no such family; write one such as m7g")]
    Family(String),
    /// Nothing to compare.
    #[error("all traces are of {0}; name a trace of another family, too")]
    OneFamily(String),
    /// The reference has no trace.
    #[error("--reference {0}: no trace is of it; name one of the families of --trace")]
    Reference(String),
    /// A trace cannot be used.
    #[error("{path}={family} {reason}")]
    Trace {
        /// The trace.
        path: String,
        /// Its family.
        family: String,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// Two families did not do the same work.
    #[error("{family} beside {reference}: {reason}")]
    Unlike {
        /// The family.
        family: String,
        /// The family that counts as 1.
        reference: String,
        /// How they differ, and what to do.
        reason: String,
    },
    /// The answer could not be written.
    #[error("the answer could not be written: {0}")]
    Write(#[from] io::Error),
}

/// Reads the traces and prints the factors.
///
/// # Errors
/// Where a trace cannot be used, or two families did not do the same work.
pub fn run(
    args: &CalibrateArgs,
    out: &mut dyn Write,
    messages: &mut dyn Write,
) -> Result<Outcome, CalibrateError> {
    let reference = families(args)?;
    let mut measured: BTreeMap<&str, Measured> = BTreeMap::new();
    for trace in &args.traces {
        let own = measured.entry(&trace.family).or_default();
        let warnings = own.read(trace).map_err(|reason| CalibrateError::Trace {
            path: trace.path.display().to_string(),
            family: trace.family.clone(),
            reason,
        })?;
        for line in warnings {
            writeln!(messages, "warning: {}", printable(&line))?;
        }
    }
    let Some(base) = measured.remove(reference) else {
        return Err(CalibrateError::Reference(reference.to_owned()));
    };
    let mut estimates = Vec::new();
    for (family, own) in &measured {
        let estimate = estimate::estimate(&base, own).map_err(|reason| CalibrateError::Unlike {
            family: (*family).to_owned(),
            reference: reference.to_owned(),
            reason,
        })?;
        if base.versions != own.versions {
            writeln!(
                messages,
                "warning: {family} ran Spark {}, {reference} {}: part of the difference may be Spark's",
                list(&own.versions),
                list(&base.versions)
            )?;
        }
        estimates.push(((*family).to_owned(), estimate));
    }
    print::write(args.output, reference, &estimates, out)?;
    Ok(Outcome::Done)
}

fn list(versions: &std::collections::BTreeSet<String>) -> String {
    let all: Vec<&str> = versions.iter().map(String::as_str).collect();
    all.join(", ")
}

/// Checks the families; the answer is the one that counts as 1.
fn families(args: &CalibrateArgs) -> Result<&str, CalibrateError> {
    let known = Source::default().families()?;
    let named = args.traces.iter().map(|trace| trace.family.as_str());
    let all = || named.clone().chain(args.reference.as_deref());
    if let Some(unknown) = all().find(|family| !known.contains(*family)) {
        return Err(CalibrateError::Family(unknown.to_owned()));
    }
    let first = named.clone().next().unwrap_or_default();
    if named.clone().all(|family| family == first) {
        return Err(CalibrateError::OneFamily(first.to_owned()));
    }
    match args.reference.as_deref() {
        Some(reference) if named.clone().all(|family| family != reference) => {
            Err(CalibrateError::Reference(reference.to_owned()))
        }
        Some(reference) => Ok(reference),
        None => Ok(first),
    }
}
