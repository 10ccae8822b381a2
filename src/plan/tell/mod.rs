//! A plan told whole: as a document for programs and as a table for people. Writes to what it is given;
//! what was planned, and whether it is carried out, is for others.

pub mod document;
pub mod table;

use std::sync::Arc;
use std::time::Duration;

use crate::model::advice::Advice;
use crate::model::name::AppId;
use crate::model::offering::Catalog;

use super::Plan;

/// A plan with what is needed to tell it.
#[derive(Debug)]
pub struct Answer {
    /// What EC2 sells.
    pub catalog: Arc<Catalog>,
    /// The plan.
    pub plan: Plan,
    /// Advice on the applications that are there.
    pub advice: Vec<(AppId, Vec<Advice>)>,
    /// Wall time of planning, folding included.
    pub took: Duration,
}

/// Text from an input as it may go to a terminal: control characters, which could rewrite the screen or
/// break a row, become a replacement mark.
pub fn printable(text: &str) -> String {
    let mark = |c: char| match c.is_control() {
        true => char::REPLACEMENT_CHARACTER,
        false => c,
    };
    text.chars().map(mark).collect()
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
