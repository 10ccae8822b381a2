//! The live binary: arguments in, one document out. Knows the commands by name and nothing of what they
//! do.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{fmt, fs, io};

use clap::{Parser, Subcommand};
use sparkwright::live::ask::{self, ExplainArgs};
use sparkwright::live::controller;
use sparkwright::live::dry_run::{self, PlanArgs};
use sparkwright::live::gates::ungate::{self, UngateArgs};
use sparkwright::live::preflight;
use sparkwright::live::settings::ControllerArgs;
use sparkwright::live::tell::logs;
use sparkwright::model::crds;

/// A node autoscaler for Apache Spark on Kubernetes and EC2.
#[derive(Parser)]
#[command(name = "sparkwright", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Brings nodes for Spark's pods and takes them away, until it is told to stop
    Controller(Box<ControllerArgs>),
    /// Prints the custom resource definitions as YAML, for kubectl apply
    Crds {
        /// Writes each into a file of this folder instead
        #[arg(long, value_name = "FOLDER")]
        out: Option<PathBuf>,
    },
    /// Looks at what must be there before the controller can work; changes nothing
    Preflight(Box<ControllerArgs>),
    /// Watches beside a running controller and records what it is told and would decide; changes nothing
    Record {
        /// The folder (docs/recorded-stream.md)
        #[arg(long, value_name = "FOLDER")]
        to: PathBuf,
        /// Where it runs
        #[command(flatten)]
        args: Box<ControllerArgs>,
    },
    /// Says why a pod waits, why a node is there, what holds an application up
    Explain(ExplainArgs),
    /// Says what would be launched now for a cluster as it is, and why; changes nothing
    Plan(PlanArgs),
    /// Frees pods that wait for a controller, without one
    Ungate(UngateArgs),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Crds { out: None } => {
            print!("{}", crds::all().map(|(_, yaml)| yaml).join("---\n"));
            Ok(())
        }
        Command::Crds { out: Some(folder) } => write_crds(&folder),
        Command::Controller(args) => control(*args),
        Command::Record { to, mut args } => {
            args.record = Some(to);
            args.dry_run = true;
            control(*args)
        }
        Command::Preflight(args) => check(&args),
        Command::Explain(args) => awaited(ask::explain(&args)).map(|answer| print!("{answer}")),
        Command::Ungate(args) => awaited(ungate::run(&args)).map(|freed| print!("{freed}")),
        Command::Plan(args) => awaited(async {
            let catalog = dry_run::catalog(&args).await?;
            dry_run::run(&args, catalog, &mut io::stdout(), &mut io::stderr()).await
        }),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(1)
        }
    }
}

/// One thread does: planning is the only work, and everything else waits for the network.
fn control(args: ControllerArgs) -> Result<(), String> {
    let traces = logs::begin(&args.logs)?;
    let done = awaited(async {
        controller::run(args)
            .await
            .map_err(|error| format!("{error:#}"))
    });
    if let Some(traces) = traces {
        traces.finish();
    }
    done
}

/// Prints each check; one that failed is an error.
fn check(args: &ControllerArgs) -> Result<(), String> {
    let checks = awaited(async { Ok::<_, String>(preflight::run(args).await) })?;
    checks.iter().for_each(|check| println!("{check}"));
    let failed = checks
        .iter()
        .filter(|check| check.problem.is_some())
        .count();
    match failed {
        0 => Ok(()),
        _ => Err(format!("{failed} of {} checks failed", checks.len())),
    }
}

/// Waits for one answer of the network, on this thread.
fn awaited<T, E: fmt::Display>(answer: impl Future<Output = Result<T, E>>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| format!("start the runtime: {error}"))?;
    runtime.block_on(answer).map_err(|error| error.to_string())
}

fn write_crds(folder: &Path) -> Result<(), String> {
    for (plural, yaml) in crds::all() {
        fs::write(folder.join(format!("{plural}.yaml")), yaml)
            .map_err(|error| format!("write the definitions: {error}"))?;
    }
    Ok(())
}
