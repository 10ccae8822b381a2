//! What every command that prints a document shares: the form it prints, and what its exit code says.
//! What a document holds is for the command alone.

pub use sparkwright::plan::tell::printable;

/// The flag by which a command says in which form it prints.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct OutputArgs {
    /// A table for people, or JSON
    #[arg(
        short = 'o',
        long = "output",
        value_enum,
        default_value = "table",
        value_name = "FORM"
    )]
    pub form: Output,
}

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
