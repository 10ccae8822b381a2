//! The simulator's binary: arguments in, one document out, exit code 0 done, 1 refused, 2 usage. Knows
//! the commands by name and nothing of what they do.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use sparkwright_sim::bench::{self, BenchArgs};
use sparkwright_sim::calibrate::{self, CalibrateArgs};
use sparkwright_sim::catalog::list::{self, CatalogArgs};
use sparkwright_sim::dry_run::{self, PlanArgs};
#[cfg(feature = "emulator")]
use sparkwright_sim::emulator::{self, EmulatorArgs};
use sparkwright_sim::output::Outcome;
use sparkwright_sim::replay::{self, ReplayArgs};
use sparkwright_sim::traces::{self, TraceArgs};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Sparkwright's planner on simulated EC2.
#[derive(Parser)]
#[command(name = "sparkwright-sim", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measures the planner: cost and CPU time against bounds and against Karpenter's scheduler
    Bench(BenchArgs),
    /// Lists and filters what EC2 sells, with prices per vCPU-hour and GiB-hour
    Catalog(CatalogArgs),
    /// Serves the simulated fleet over EC2's wire protocols, on loopback
    #[cfg(feature = "emulator")]
    EmulateEc2(EmulatorArgs),
    /// Says what would be launched now for Kubernetes manifests, and why
    Plan(PlanArgs),
    /// Replays Spark event logs on simulated EC2: the nodes and why, the bill, how long it took
    Replay(ReplayArgs),
    /// Says how fast instance families are, from logs of the same applications on each of them
    Calibrate(CalibrateArgs),
    /// Imports, shows and checks traces in the open format
    Trace(TraceArgs),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut out = io::BufWriter::new(io::stdout().lock());
    let done = match &cli.command {
        Command::Bench(args) => bench::run(args, &mut out, &mut io::stderr()).map_err(Into::into),
        Command::Catalog(args) => list::run(args, &mut out)
            .map(|()| Outcome::Done)
            .map_err(anyhow::Error::from),
        #[cfg(feature = "emulator")]
        Command::EmulateEc2(args) => emulator::run(args, &mut out)
            .map(|()| Outcome::Done)
            .map_err(anyhow::Error::from),
        Command::Plan(args) => {
            dry_run::run(args, &mut io::stdin(), &mut out, &mut io::stderr()).map_err(Into::into)
        }
        Command::Replay(args) => replay::run(args, &mut out, &mut io::stderr()).map_err(Into::into),
        Command::Calibrate(args) => {
            calibrate::run(args, &mut out, &mut io::stderr()).map_err(Into::into)
        }
        Command::Trace(args) => traces::run(args, &mut out, &mut io::stderr()).map_err(Into::into),
    };
    match done.and_then(|outcome| out.flush().map(|()| outcome).map_err(Into::into)) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Refused) => ExitCode::from(1),
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(1)
        }
    }
}

/// True where the reader of our output has seen enough (`| head`).
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let mut causes = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>());
    causes.any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}
