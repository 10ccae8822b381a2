//! The live binary.

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
