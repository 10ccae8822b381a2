//! What every command that prints a document shares: the form it prints, and what its exit code says.
//! What a document holds is for the command alone.

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

/// Text from an input as it may go to a terminal: control characters, which could rewrite the screen or
/// break a row, become a replacement mark.
pub fn printable(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_control() {
                char::REPLACEMENT_CHARACTER
            } else {
                c
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(
            printable("a\u{1b}[31m\nb\u{0}c é"),
            "a\u{fffd}[31m\u{fffd}b\u{fffd}c é"
        );
    }
}
