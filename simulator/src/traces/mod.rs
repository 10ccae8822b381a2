//! `trace`: imports traces of others into the open format, shows what is in a trace or a log, and checks
//! a trace against the format's rules. How a trace is replayed is for `replay`.

mod import;
mod show;
mod summary;
mod validate;

use std::io::{self, Write};

use crate::output::Outcome;

/// Arguments of `trace`.
#[derive(Clone, Debug, clap::Args)]
pub struct TraceArgs {
    #[command(subcommand)]
    command: TraceCommand,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum TraceCommand {
    /// Turns event logs, public traces, recordings and lists of pods into a trace
    Import(import::ImportArgs),
    /// Says what is in a trace or an event log
    Show(show::ShowArgs),
    /// Checks a trace against the rules of the format; exits with 1 where one is broken
    Validate(validate::ValidateArgs),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The input cannot be used.
    #[error("{input} {reason}")]
    Input {
        /// The path.
        input: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The trace could not be written.
    #[error("--out {folder}: {error}")]
    Folder {
        /// The path.
        folder: String,
        /// What is wrong with it.
        error: io::Error,
    },
    /// There is nothing to hide names with.
    #[error("no random salt is to be had ({0}); give one with --salt")]
    Salt(io::Error),
    /// The document could not be written.
    #[error("the document could not be written: {0}")]
    Write(#[from] io::Error),
}

/// Does what the arguments say. The document goes to `out`, warnings to `messages`.
///
/// # Errors
/// Where the input cannot be used at all, or something cannot be written.
pub fn run(
    args: &TraceArgs,
    out: &mut dyn Write,
    messages: &mut dyn Write,
) -> Result<Outcome, TraceError> {
    match &args.command {
        TraceCommand::Import(args) => import::run(args, out, messages),
        TraceCommand::Show(args) => show::run(args, out, messages),
        TraceCommand::Validate(args) => validate::run(args, out),
    }
}
