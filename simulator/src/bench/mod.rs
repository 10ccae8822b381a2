//! `bench plan`: the yardstick. Seeded scenarios are planned, the plans judged from outside, held against
//! bounds that are found in another way, and put side by side with Karpenter's own scheduler on the same
//! pods and machines.

pub mod bound;
pub mod figure;
pub mod goods;
pub mod judge;
pub mod karpenter;
pub mod ours;
pub mod report;
pub mod rounds;
pub mod scenario;
mod table;
pub mod trial;

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;

use crate::output::{Outcome, Output, OutputArgs};

use karpenter::PeerError;
use report::report;
use scenario::Setting;
use trial::{Rules, TrialError};

/// Arguments of `bench`.
#[derive(Clone, Debug, clap::Args)]
pub struct BenchArgs {
    /// What is measured.
    #[command(subcommand)]
    pub command: BenchCommand,
}

/// What can be measured.
#[derive(Clone, Debug, Subcommand)]
pub enum BenchCommand {
    /// Cost, bounds and CPU time of plans over seeded scenarios
    Plan(PlanBenchArgs),
    /// CPU time of rounds: cold plans of 10,000 and 100,000 pods, a steady round beside 100,000
    Rounds(RoundsArgs),
}

/// Arguments of `bench plan`.
#[derive(Clone, Debug, clap::Args)]
pub struct PlanBenchArgs {
    /// How many scenarios
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub scenarios: u32,
    /// Only the scenario of this number; may be repeated
    #[arg(long, value_name = "NUMBER")]
    pub only: Vec<u32>,
    /// Leave out scenarios of more pods
    #[arg(long, value_name = "N", default_value_t = u32::MAX)]
    pub most_pods: u32,
    /// Seed of the set
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// How often each is planned; the median of CPU time counts
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub runs: u32,
    /// Ask this scheduler too; it is built into the cache folder where it is not there
    #[arg(long, value_enum, value_name = "WHO")]
    pub against: Option<Rival>,
    /// How often the other scheduler plans each
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub rival_runs: u32,
    /// The other scheduler is not asked for more pods than this
    #[arg(long, value_name = "N", default_value_t = u32::MAX)]
    pub rival_pods: u32,
    /// Seconds after which the other scheduler is stopped
    #[arg(long, value_name = "SECONDS", default_value_t = 900)]
    pub rival_timeout: u64,
    /// A folder for each scenario as a document that the other scheduler reads
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
    /// A table, or JSON.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Arguments of `bench rounds`.
#[derive(Clone, Debug, clap::Args)]
pub struct RoundsArgs {
    /// Seed of the pods
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// How many cold plans of 10,000 pods
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub cold: u32,
    /// A table, or JSON.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// The values of `--against`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Rival {
    /// Karpenter's scheduler from its Go module.
    Karpenter,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A scenario could not be run.
    #[error(transparent)]
    Trial(#[from] TrialError),
    /// The other scheduler is not to be had.
    #[error(transparent)]
    Peer(#[from] PeerError),
    /// The report or a scenario could not be written.
    #[error("the report could not be written: {0}")]
    Write(#[from] io::Error),
}

/// Runs what the arguments name. The report goes to `out`, a line for each scenario to `messages`.
///
/// # Errors
/// Where a catalogue cannot be read, the other scheduler fails, or nothing can be written. A plan that
/// fails its judgement is no error; the outcome says so.
pub fn run(
    args: &BenchArgs,
    out: &mut dyn Write,
    messages: &mut dyn Write,
) -> Result<Outcome, BenchError> {
    match &args.command {
        BenchCommand::Plan(args) => plans(args, out, messages),
        BenchCommand::Rounds(args) => rounds(args, out),
    }
}

fn rounds(args: &RoundsArgs, out: &mut dyn Write) -> Result<Outcome, BenchError> {
    let rounds = rounds::measure(args.seed, args.cold)?;
    match args.output.form {
        Output::Json => json(&rounds, out)?,
        Output::Table => rounds::write(&rounds, out)?,
    }
    Ok(Outcome::Done)
}

fn plans(
    args: &PlanBenchArgs,
    out: &mut dyn Write,
    messages: &mut dyn Write,
) -> Result<Outcome, BenchError> {
    let peer = match args.against {
        Some(Rival::Karpenter) => Some(karpenter::build(messages)?),
        None => None,
    };
    let rules = Rules {
        runs: args.runs,
        peer,
        peer_runs: args.rival_runs,
        peer_pods: args.rival_pods,
        peer_timeout: Duration::from_secs(args.rival_timeout),
    };
    let mut trials = Vec::new();
    for setting in settings(args) {
        if let Some(folder) = &args.keep {
            keep(folder, setting.clone())?;
        }
        let trial = trial::run(setting, &rules)?;
        tell(&trial, messages)?;
        trials.push(trial);
    }
    let report = report(&trials);
    match args.output.form {
        Output::Json => json(&report, out)?,
        Output::Table => table::write(&report, out)?,
    }
    Ok(match report.failures.is_empty() {
        true => Outcome::Done,
        false => Outcome::Refused,
    })
}

fn json(document: &impl serde::Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, document)?;
    writeln!(out)
}

fn settings(args: &PlanBenchArgs) -> impl Iterator<Item = Setting> {
    let numbers: Vec<u32> = match args.only.is_empty() {
        true => (0..args.scenarios).collect(),
        false => args.only.clone(),
    };
    let (seed, most) = (args.seed, args.most_pods);
    let settings = numbers
        .into_iter()
        .map(move |number| Setting::new(seed, number));
    settings.filter(move |setting| setting.pods <= most)
}

fn keep(folder: &std::path::Path, setting: Setting) -> Result<(), BenchError> {
    let (scenario, goods, _) = trial::scenario(setting)?;
    std::fs::create_dir_all(folder)?;
    let name = format!("scenario-{:03}.json", scenario.setting.number);
    let text = karpenter::question(&scenario, &goods).to_string();
    Ok(std::fs::write(folder.join(name), text)?)
}

/// A line as each scenario ends, so that a long run shows how it goes.
fn tell(trial: &trial::Trial, messages: &mut dyn Write) -> io::Result<()> {
    let (setting, (low, high)) = (&trial.scenario.setting, trial.programme());
    let cost = figure::float(trial.verdict.total());
    let theirs = trial.peer().map_or(String::new(), |answer| {
        format!(", karpenter {:.4} USD/h", answer.hourly_cost)
    });
    writeln!(
        messages,
        "scenario {:>3}: {:>5} pods, {:>4.4} × programme (bracket {:.6}), own bound {:.5}{theirs}",
        setting.number,
        setting.pods,
        cost / low,
        high / low,
        figure::float(trial.own_bound) / high
    )
}
