//! The live binary: arguments in, one document out. Knows the commands by name and nothing of what they
//! do.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{fs, io};

use clap::{Parser, Subcommand};
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
        Command::Crds { out: Some(folder) } => write_crds(&folder),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: write the definitions: {error}");
            ExitCode::from(1)
        }
    }
}

fn write_crds(folder: &Path) -> io::Result<()> {
    for (plural, yaml) in crds::all() {
        fs::write(folder.join(format!("{plural}.yaml")), yaml)?;
    }
    Ok(())
}
