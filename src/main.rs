//! The live binary: arguments in, one document out. Knows the commands by name and nothing of what they
//! do.

use clap::{Parser, Subcommand};
use sparkwright::model::nodepool;

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
    Crds,
}

fn main() {
    match Cli::parse().command {
        Command::Crds => print!("{}", nodepool::crd_yaml()),
    }
}
