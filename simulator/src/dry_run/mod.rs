//! `plan`: what would be launched now for a set of manifests, and why. Reads, folds, plans once and
//! prints; nothing is carried out, and the moment is the manifests' own, so that the answer is the same
//! tomorrow.

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;

use sparkwright::cluster::Cluster;
use sparkwright::cluster::event::{Event, Fact};
use sparkwright::model::offering::Catalog;
use sparkwright::model::resources::Resources;
use sparkwright::plan::advise::advise_all;
use sparkwright::plan::plan;
use sparkwright::plan::tell::{Answer, document, table};

use crate::catalog::CatalogError;
use crate::catalog::args::SourceArgs;
use crate::manifests::{self, Manifests};
use crate::nodepools;
use crate::output::{Outcome, Output, OutputArgs, printable};
use crate::overhead;

/// Arguments of `plan`.
#[derive(Clone, Debug, clap::Args)]
pub struct PlanArgs {
    /// Manifests: files, folders, or - for the standard input; YAML or JSON, also lists and streams
    #[arg(short = 'f', long = "file", value_name = "FILE", required = true, num_args = 1..)]
    pub files: Vec<PathBuf>,
    /// NodePools where the manifests hold none: a file or a folder [default: embedded ones]
    #[arg(long, value_name = "PATH")]
    pub nodepools: Option<PathBuf>,
    /// Which catalogue.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Seed of seeded zone prices
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// What DaemonSets take from every node, beside those in the manifests: cpu=100m,memory=200Mi,pods=2
    #[arg(long, value_name = "AMOUNTS", value_parser = overhead::amounts)]
    pub daemonset_overhead: Option<Resources>,
    /// A table, or JSON.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// Nothing to buy from.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The document could not be written.
    #[error("the document could not be written: {0}")]
    Write(#[from] io::Error),
}

/// Plans for the manifests that the arguments name. The document goes to `out`, a line for each input
/// that was refused or passed over to `messages`.
///
/// # Errors
/// Where there is no catalogue, or the document cannot be written. A refused input is no error.
pub fn run(
    args: &PlanArgs,
    stdin: &mut dyn Read,
    out: &mut dyn Write,
    messages: &mut dyn Write,
) -> Result<Outcome, PlanError> {
    let catalog = Arc::new(args.source.source(args.seed).load()?);
    let mut manifests = manifests::read(&args.files, stdin);
    add_pools(args, stdin, &mut manifests);
    refuse_unknown_families(args, &mut manifests)?;
    let daemon = args.daemonset_overhead.clone().map(overhead::daemon);
    manifests
        .facts
        .extend(daemon.map(Box::new).map(Fact::DaemonApplied));
    for line in &manifests.refusals {
        writeln!(messages, "{}", printable(line))?;
    }
    for line in &manifests.warnings {
        writeln!(messages, "warning: {}", printable(line))?;
    }
    let outcome = match manifests.refusals.is_empty() {
        true => Outcome::Done,
        false => Outcome::Refused,
    };
    let answer = answer(catalog, manifests);
    match args.output.form {
        Output::Json => document::write(&answer, out)?,
        Output::Table => table::write(&answer, out)?,
    }
    Ok(outcome)
}

/// NodePools of the manifests, else of `--nodepools`, else the embedded ones; where some were given
/// and all are refused, none.
fn add_pools(args: &PlanArgs, stdin: &mut dyn Read, manifests: &mut Manifests) {
    if manifests.has_pools {
        if let Some(path) = &args.nodepools {
            let line = format!(
                "{} is not read: the manifests hold NodePools",
                path.display()
            );
            manifests.warnings.push(line);
        }
        return;
    }
    let chosen = nodepools::chosen(args.nodepools.as_deref(), stdin);
    manifests.refusals.extend(chosen.refusals);
    manifests.warnings.extend(chosen.warnings);
    manifests.facts.splice(
        0..0,
        chosen
            .pools
            .into_iter()
            .map(|pool| Fact::PoolApplied(pool.into())),
    );
}

/// A NodePool whose performance names a family that EC2 does not have is left out, as any that is refused.
fn refuse_unknown_families(args: &PlanArgs, manifests: &mut Manifests) -> Result<(), CatalogError> {
    let families = args.source.source(args.seed).families()?;
    let refusals = &mut manifests.refusals;
    manifests.facts.retain(|fact| {
        let unknown = match fact {
            Fact::PoolApplied(pool) => nodepools::unknown_families([pool.as_ref()], &families),
            _ => Vec::new(),
        };
        refusals.extend(unknown.iter().map(|line| format!("refused {line}")));
        unknown.is_empty()
    });
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "planSeconds is the wall time of planning"
)]
fn answer(catalog: Arc<Catalog>, manifests: Manifests) -> Answer {
    let begun = std::time::Instant::now();
    let at = manifests.latest;
    let mut cluster = Cluster::default();
    let listed = Fact::CatalogListed(catalog.clone());
    for fact in std::iter::once(listed).chain(manifests.facts) {
        cluster.apply(&Event { at, fact });
    }
    let plan = plan(&cluster.view(at));
    Answer {
        catalog,
        advice: advise_all(&cluster.view(at)),
        plan,
        took: begun.elapsed(),
    }
}
