//! What every command that prints a document shares: the form it prints, and what its exit code says.
//! What a document holds is for the command alone.

pub use sparkwright::plan::tell::printable;

/// The values of `-o`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// Whether every input was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done: exit code 0. Some inputs may have said nothing that matters.
    Done,
    /// An input was refused: exit code 1. The document is of the rest.
    Refused,
}
