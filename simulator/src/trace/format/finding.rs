//! What is wrong with a trace: a rule with a stable name, and the table, row, column and value where it
//! is broken, with the remedy. How it is printed is for the commands.

use std::fmt;

use serde::Serialize;

/// Findings that are kept one by one; the rest is counted.
const MOST_KEPT: usize = 1_000;
/// Longest value that is repeated in a finding, in characters.
const SHOWN: usize = 80;

/// A rule of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// The manifest is there, of this format, and counts the rows that are there.
    Manifest,
    /// Each line is a row: an object whose columns have their types.
    Row,
    /// Names are given once.
    Unique,
    /// What a row refers to is there.
    Reference,
    /// Times go forward.
    Order,
    /// Amounts are possible.
    Amount,
    /// A pod that is to be replayed says when and for how long.
    Replay,
    /// Work of one application stands together and can be put together.
    Work,
    /// An application can be replayed.
    Application,
}

/// One breach of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule's name: `T001` and so on.
    pub rule: &'static str,
    /// The table, or the manifest.
    pub table: &'static str,
    /// Line in the table's file, from 1; None where it concerns the whole.
    pub row: Option<u64>,
    /// The column; empty where it concerns the whole row.
    pub column: Box<str>,
    /// What stands there, shortened; None where something is missing.
    pub value: Option<Box<str>>,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub remedy: Box<str>,
}

/// All findings of a trace, bounded in number.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// Those that are kept, in the order in which they were found.
    pub kept: Vec<Finding>,
    /// How many there are beyond those.
    pub more: u64,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Rule; 9] = [
        Rule::Manifest,
        Rule::Row,
        Rule::Unique,
        Rule::Reference,
        Rule::Order,
        Rule::Amount,
        Rule::Replay,
        Rule::Work,
        Rule::Application,
    ];

    /// Stable name, for machines.
    pub const fn code(self) -> &'static str {
        match self {
            Rule::Manifest => "T001",
            Rule::Row => "T002",
            Rule::Unique => "T003",
            Rule::Reference => "T004",
            Rule::Order => "T005",
            Rule::Amount => "T006",
            Rule::Replay => "T007",
            Rule::Work => "T008",
            Rule::Application => "T009",
        }
    }
}

impl Finding {
    /// A breach of `rule` by a table's row.
    pub fn new(
        rule: Rule,
        table: &'static str,
        row: Option<u64>,
        problem: impl Into<String>,
    ) -> Self {
        Finding {
            rule: rule.code(),
            table,
            row,
            column: "".into(),
            value: None,
            problem: problem.into(),
            remedy: "".into(),
        }
    }

    /// In this column.
    pub fn column(mut self, column: impl Into<Box<str>>) -> Self {
        self.column = column.into();
        self
    }

    /// With this value.
    pub fn value(mut self, value: impl fmt::Display) -> Self {
        let value = value.to_string();
        let mut shown: String = value.chars().take(SHOWN).collect();
        if shown.len() < value.len() {
            shown.push('…');
        }
        self.value = Some(shown.into());
        self
    }

    /// With this remedy.
    pub fn remedy(mut self, remedy: impl Into<Box<str>>) -> Self {
        self.remedy = remedy.into();
        self
    }

    /// Where it is: `pods line 7`.
    pub fn place(&self) -> String {
        match self.row {
            Some(row) => format!("{} line {row}", self.table),
            None => self.table.to_owned(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: ", self.rule, self.place())?;
        if !self.column.is_empty() {
            write!(f, "{} ", self.column)?;
        }
        if let Some(value) = &self.value {
            write!(f, "{value:?} ")?;
        }
        f.write_str(&self.problem)?;
        match &*self.remedy {
            "" => Ok(()),
            remedy => write!(f, "; {remedy}"),
        }
    }
}

impl Findings {
    /// Takes one in.
    pub fn add(&mut self, finding: Finding) {
        if self.kept.len() < MOST_KEPT {
            self.kept.push(finding);
        } else {
            self.more += 1;
        }
    }

    /// True where nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }
}
