//! The live binary: arguments in, one document out. Knows the commands by name and nothing of what they
//! do.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{fs, io};

use anyhow::Context;
use clap::{Parser, Subcommand};
use sparkwright::live::controller;
use sparkwright::live::settings::ControllerArgs;
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
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Crds { out: None } => {
            print!("{}", crds::all().map(|(_, yaml)| yaml).join("---\n"));
            Ok(())
        }
        Command::Crds { out: Some(folder) } => write_crds(&folder).context("write the definitions"),
        Command::Controller(args) => control(*args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(1)
        }
    }
}

/// One thread does: planning is the only work, and everything else waits for the network.
fn control(args: ControllerArgs) -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_writer(io::stderr).init();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("start the runtime")?;
    runtime.block_on(controller::run(args))
}

fn write_crds(folder: &Path) -> io::Result<()> {
    for (plural, yaml) in crds::all() {
        fs::write(folder.join(format!("{plural}.yaml")), yaml)?;
    }
    Ok(())
}
