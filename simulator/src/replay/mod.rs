//! `replay`: recorded applications through the planner on simulated EC2, to a bill. Reads traces one by
//! one, keeps of each what a run needs, runs them together in virtual time, and prints.

mod advice;
mod document;
mod nodes;
mod objects;
mod open_loop;
mod portable;
mod table;
mod tape;
mod work;
mod world;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use indicatif::ProgressBar;
use sparkwright::model::advice::Advice;
use sparkwright::model::conf;
use sparkwright::model::name::AppId;
use sparkwright::model::offering::Catalog;
use sparkwright::model::pool::Pool;
use sparkwright::model::resources::Resources;
use sparkwright::model::spark::Role;

use crate::catalog::CatalogError;
use crate::catalog::args::SourceArgs;
use crate::nodepools;
use crate::output::{Outcome, Output, OutputArgs, printable};
use crate::overhead;
use crate::trace::{self, Skipped, Work, format};
use crate::world::arrivals::Arrivals;
use crate::world::conditions::Conditions;
use crate::world::phase::Watched;
use crate::world::run::{self, ExecutorSource, Simulation};
use crate::world::scheduler::Scoring;
use crate::world::submission::Submission;
use crate::world::submissions::Submissions;
use crate::world::workload::Workload;

use objects::Objects;
use open_loop::OpenLoopError;
use tape::Tape;

/// Skipped inputs that are named one by one on standard error.
const MOST_SKIPPED: usize = 50;
/// Unfinished applications that are named one by one on standard error.
const MOST_UNFINISHED: usize = 50;

/// Arguments of `replay`.
#[derive(Clone, Debug, clap::Args)]
pub struct ReplayArgs {
    /// Event logs (files, folders of parts, or folders of them; s3://bucket/prefix in builds with s3), or
    /// folders of traces as `trace import` writes them
    #[arg(long = "trace", value_name = "PATH", required_unless_present = "open_loop", num_args = 1..)]
    pub traces: Vec<PathBuf>,
    /// A recorded stream: the folder of --record, or one of its files. It is planned again look by look, and
    /// the exit code is 1 where a decision differs from the recorded one
    #[arg(long, value_name = "PATH", conflicts_with_all = ["traces", "nodepools", "copies", "executors", "world", "record"])]
    pub open_loop: Option<PathBuf>,
    /// Writes the run as a stream that --open-loop reads (docs/recorded-stream.md)
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// NodePools: a file or a folder [default: embedded ones]
    #[arg(long, value_name = "PATH")]
    pub nodepools: Option<PathBuf>,
    /// Objects that the pods meet: DaemonSets, PodDisruptionBudgets, Namespaces; files, folders, or - for the
    /// standard input
    #[arg(short = 'f', long = "file", value_name = "FILE", num_args = 1.., conflicts_with = "open_loop")]
    pub files: Vec<PathBuf>,
    /// Which catalogue.
    #[command(flatten)]
    pub source: SourceArgs,
    /// When applications arrive: as-logged, together, every=30s or poisson=12/h
    #[arg(long, value_name = "PATTERN", default_value = "as-logged")]
    pub arrivals: Arrivals,
    /// How often each application is replayed
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub copies: u32,
    /// Where executors come from: simulated, as-recorded or from=LOG
    #[arg(long, value_name = "SOURCE", default_value = "simulated")]
    pub executors: ExecutorsArg,
    /// How kube-scheduler ranks nodes: its default, or `scoringStrategy.type: MostAllocated`
    #[arg(long, value_enum, default_value_t)]
    pub scoring: Scoring,
    /// Seed of delays, EC2's choices, random arrivals and seeded zone prices
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// What EC2 and the cluster are like: delays, interruptions, capacity, quotas, prices (docs/world.md)
    #[arg(long, value_name = "FILE")]
    pub world: Option<PathBuf>,
    /// Instance family of the machines on which the traces were recorded, where they do not tell it
    #[arg(long, value_name = "FAMILY")]
    pub recorded_on: Option<String>,
    /// Exit with 1 when any input was skipped
    #[arg(long)]
    pub strict: bool,
    /// What DaemonSets take from every node: cpu=100m,memory=200Mi,pods=2
    #[arg(long, value_name = "AMOUNTS", value_parser = overhead::amounts)]
    pub daemonset_overhead: Option<Resources>,
    /// A table, or JSON.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// The `--executors` flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExecutorsArg {
    /// Spark asks for them, and simulated nodes decide when they run.
    Simulated,
    /// As each application's own log has them.
    AsRecorded,
    /// As this log has them.
    From(PathBuf),
}

impl FromStr for ExecutorsArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            None if text == "simulated" => Ok(ExecutorsArg::Simulated),
            None if text == "as-recorded" => Ok(ExecutorsArg::AsRecorded),
            Some(("from", log)) if !log.is_empty() => Ok(ExecutorsArg::From(log.into())),
            _ => Err(format!(
                "{text:?} is unknown; write simulated, as-recorded or from=LOG"
            )),
        }
    }
}

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// Nothing to buy from.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// NodePools were given, and some cannot be used; one line each.
    #[error("{}", .0.join("\n"))]
    NodePools(Vec<String>),
    /// Objects were given, and some cannot be used; one line each.
    #[error("{}", .0.join("\n"))]
    Objects(Vec<String>),
    /// The log that executors are to come from cannot be read.
    #[error("--executors from={input}: {reason}")]
    Executors {
        /// The path.
        input: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The family that traces are said to come from is none.
    #[error("--recorded-on {0}: EC2 has no such family; write one such as m5")]
    RecordedOn(String),
    /// The world's conditions cannot be used.
    #[error("--world {0}")]
    World(String),
    /// The stream cannot be replayed.
    #[error("--open-loop {0}")]
    OpenLoop(#[from] OpenLoopError),
    /// The stream cannot be written.
    #[error("--record {0}: {1}")]
    Record(String, io::Error),
    /// The document could not be written.
    #[error("the document could not be written: {0}")]
    Write(#[from] io::Error),
}

/// A finished run with what is needed to tell it.
#[derive(Debug)]
struct Answer {
    catalog: Arc<Catalog>,
    seed: u64,
    pools: Vec<Pool>,
    advice: BTreeMap<AppId, Vec<Advice>>,
    submissions: Arc<Submissions>,
    outcome: run::Outcome,
    skipped: Vec<Skipped>,
    took: Duration,
}

/// Replays what the arguments name. The document goes to `out`, warnings and progress to `messages`.
///
/// # Errors
/// Where there is no catalogue, NodePools are refused, or the document cannot be written. A skipped
/// trace is no error.
pub fn run(
    args: &ReplayArgs,
    out: &mut dyn Write,
    messages: &mut dyn Write,
) -> Result<Outcome, ReplayError> {
    if let Some(path) = &args.open_loop {
        return Ok(open_loop::run(path, args.output.form, out, messages)?);
    }
    let catalog = Arc::new(args.source.source(args.seed).load()?);
    let mut pools = pools(args, messages)?;
    let families = args.source.source(args.seed).families()?;
    let unknown = nodepools::unknown_families(&pools, &families);
    if !unknown.is_empty() {
        return Err(ReplayError::NodePools(unknown));
    }
    if let Some(family) = (args.recorded_on.iter()).find(|family| !families.contains(*family)) {
        return Err(ReplayError::RecordedOn(family.clone()));
    }
    let executors = executors(&args.executors)?;
    let conditions = conditions(args, &catalog)?;
    let objects = objects::read(args, messages)?;
    let (submissions, skipped) = submissions(args, messages)?;
    if args.nodepools.is_none() && submissions.iter().any(portable::has_other_pods) {
        pools.extend(nodepools::imported());
        let line = "note: pods that are not Spark's are served by the embedded NodePools imported-pods and \
                    imported-gpu; give --nodepools to use others";
        writeln!(messages, "{line}")?;
    }
    let answer = simulate(
        args,
        (catalog, conditions, objects),
        pools,
        executors,
        submissions,
        skipped,
    )?;
    warn_of_unfinished(&answer, messages)?;
    match args.output.form {
        Output::Json => document::write(&answer, out)?,
        Output::Table => table::write(&answer, out)?,
    }
    let failed = answer.submissions.is_empty() || (args.strict && !answer.skipped.is_empty());
    Ok(if failed {
        Outcome::Refused
    } else {
        Outcome::Done
    })
}

fn pools(args: &ReplayArgs, messages: &mut dyn Write) -> Result<Vec<Pool>, ReplayError> {
    let given = nodepools::chosen(args.nodepools.as_deref(), &mut io::stdin());
    for line in &given.warnings {
        writeln!(messages, "warning: {line}")?;
    }
    if given.refusals.is_empty() {
        Ok(given.pools)
    } else {
        Err(ReplayError::NodePools(given.refusals))
    }
}

fn executors(args: &ExecutorsArg) -> Result<ExecutorSource, ReplayError> {
    let path = match args {
        ExecutorsArg::Simulated => return Ok(ExecutorSource::Simulated),
        ExecutorsArg::AsRecorded => return Ok(ExecutorSource::AsRecorded),
        ExecutorsArg::From(path) => path,
    };
    let failed = |reason: String| ReplayError::Executors {
        input: path.display().to_string(),
        reason,
    };
    let first = trace::open(path).next();
    let recorded = first
        .ok_or_else(|| failed("holds no event log; name one".into()))?
        .map_err(|skipped| failed(skipped.reason))?;
    if recorded.local_slots.is_some() {
        return Err(failed("ran in one process and had no executors".into()));
    }
    let work = Work::of(&recorded).map_err(|error| failed(error.to_string()))?;
    Ok(ExecutorSource::FromLog(Arc::new(work)))
}

/// Executors that come as they were recorded bring the recorded world with them.
fn conditions(args: &ReplayArgs, catalog: &Catalog) -> Result<Conditions, ReplayError> {
    match (&args.executors, &args.world) {
        (ExecutorsArg::Simulated, None) => Ok(Conditions::default()),
        (ExecutorsArg::Simulated, Some(file)) => {
            Conditions::read(file, catalog).map_err(ReplayError::World)
        }
        (_, None) => Ok(Conditions::still()),
        (_, Some(file)) => Err(ReplayError::World(format!(
            "{}: recorded executors have the delays of their own world in their times; leave --world \
             out, or use --executors simulated",
            file.display()
        ))),
    }
}

/// Every application under the traces.
fn submissions(
    args: &ReplayArgs,
    messages: &mut dyn Write,
) -> Result<(Vec<Workload>, Vec<Skipped>), ReplayError> {
    let bar = bar("reading", None);
    let (mut submissions, mut skipped) = (Vec::new(), Vec::new());
    for path in &args.traces {
        let logs = (!format::is_trace(path)).then(|| trace::open(path));
        for read in logs.into_iter().flatten() {
            bar.inc(1);
            match read.and_then(|recorded| submission(args, path, recorded, messages)) {
                Ok(submission) => submissions.push(Workload::Spark(Box::new(submission))),
                Err(problem) => skipped.push(problem),
            }
        }
        if format::is_trace(path) {
            submissions.extend(portable::read(args, path, &bar, &mut skipped, messages)?);
        }
    }
    bar.finish_and_clear();
    for problem in skipped.iter().take(MOST_SKIPPED) {
        let (input, reason) = (printable(&problem.input), printable(&problem.reason));
        writeln!(messages, "skipped {input}: {reason}")?;
    }
    if let Some(more @ 1..) = skipped.len().checked_sub(MOST_SKIPPED) {
        writeln!(messages, "skipped {more} more; -o json names them")?;
    }
    // The order in which traces are named must not decide who comes first.
    submissions.sort_by(|a, b| (a.logged(), a.app()).cmp(&(b.logged(), b.app())));
    Ok((submissions, skipped))
}

fn submission(
    args: &ReplayArgs,
    path: &Path,
    mut recorded: trace::Recorded,
    messages: &mut dyn Write,
) -> Result<Submission, Skipped> {
    recorded.machine = recorded.machine.or_else(|| args.recorded_on.clone());
    let devices = conf::devices_without_vendor(&recorded.properties, Role::Executor);
    let devices = devices.iter().map(|name| {
        format!("its executors asked for {name} without a vendor; they are replayed without it")
    });
    for note in recorded.notes.iter().cloned().chain(devices) {
        // A warning that cannot be written is no reason to stop.
        let _ = writeln!(
            messages,
            "warning: {}: {}",
            printable(&recorded.id),
            printable(&note)
        );
    }
    Submission::new(&recorded)
        .map_err(|error| Skipped::new(path, format!("application {}: {error}", recorded.id)))
}

#[expect(
    clippy::disallowed_methods,
    reason = "wallSeconds is the wall time of the simulation"
)]
fn simulate(
    args: &ReplayArgs,
    (catalog, conditions, objects): (Arc<Catalog>, Conditions, Objects),
    pools: Vec<Pool>,
    executors: ExecutorSource,
    submissions: Vec<Workload>,
    skipped: Vec<Skipped>,
) -> Result<Answer, ReplayError> {
    let submissions = Submissions::new(submissions, args.copies, args.arrivals, args.seed);
    let submissions = Arc::new(submissions);
    let mut daemons = objects.daemons;
    daemons.extend(args.daemonset_overhead.clone().map(overhead::daemon));
    let advice = advice::of(&catalog, &pools, &daemons, &submissions);
    let simulation = Simulation {
        catalog: catalog.clone(),
        pools: pools.clone(),
        daemons,
        referents: objects.referents,
        submissions: submissions.clone(),
        executors,
        conditions,
        scoring: args.scoring,
        seed: args.seed,
    };
    let bar = bar("replaying", u64::try_from(submissions.len()).ok());
    let begun = std::time::Instant::now();
    let shown = bar.clone();
    let failed = |error| {
        let path = args.record.as_deref().unwrap_or(Path::new(""));
        ReplayError::Record(path.display().to_string(), error)
    };
    let tape = args.record.as_deref().map(Tape::begin).transpose();
    let tape = Rc::new(RefCell::new(tape.map_err(failed)?));
    let recording = tape.clone();
    let outcome = run::run(simulation, move |told| {
        if let Some(tape) = recording.borrow_mut().as_mut() {
            tape.hear(told);
        }
        if let Watched::Finished(applications) = told {
            shown.set_position(u64::try_from(applications).unwrap_or(u64::MAX));
        }
    });
    let took = begun.elapsed();
    bar.finish_and_clear();
    if let Some(tape) = tape.borrow_mut().as_mut() {
        tape.end().map_err(failed)?;
    }
    Ok(Answer {
        catalog,
        advice,
        seed: args.seed,
        pools,
        submissions,
        outcome,
        skipped,
        took,
    })
}

/// An application that never ends says so: its figures are not those of a whole run.
fn warn_of_unfinished(answer: &Answer, messages: &mut dyn Write) -> io::Result<()> {
    let runs = answer.outcome.runs.iter().enumerate();
    let stuck = runs.filter(|(_, ran)| ran.progress.finished.is_none());
    for (place, (i, ran)) in stuck.enumerate() {
        if place == MOST_UNFINISHED {
            writeln!(
                messages,
                "warning: more do not finish; -o json names them all"
            )?;
            break;
        }
        let stuck = match ran.progress.started {
            _ if answer.submissions.original(i).spark().is_none() => {
                "some of its pods never ran; see the pods that wait"
            }
            None => "its driver never ran; see the pods that wait",
            Some(_) if ran.progress.executor_pods == 0 => {
                "it runs without executors, and asks for none"
            }
            Some(_) => "it waits for executors; see the pods that wait",
        };
        writeln!(
            messages,
            "warning: {} does not finish: {stuck}",
            printable(&answer.submissions.id(i))
        )?;
    }
    Ok(())
}

/// Progress on standard error, where that is a terminal.
fn bar(what: &'static str, length: Option<u64>) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = length.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    bar.set_message(what);
    bar
}

#[cfg(test)]
mod tests;
