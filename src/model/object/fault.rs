//! What is wrong with a custom resource: every bad field with its value and the remedy, collected so that a
//! person mends a manifest in one go.

use std::fmt;

use serde_json::Value;

/// Longest value shown in a message, in characters.
const SHOWN: usize = 80;

/// One bad field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The field, such as `spec.template.spec.requirements[2].operator`.
    pub field: String,
    /// Its value as written; empty where it is absent.
    pub value: String,
    /// What is wrong and what to write instead: `is above 100; write 0 to 100`.
    pub problem: String,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.value.is_empty() {
            write!(f, "{} {}", self.field, self.problem)
        } else {
            write!(f, "{}: {} {}", self.field, self.value, self.problem)
        }
    }
}

impl std::error::Error for FieldError {}

/// The faults found so far.
#[derive(Debug, Default)]
pub(in crate::model) struct Faults {
    /// Fields for which the object is refused.
    pub errors: Vec<FieldError>,
    /// What is allowed and probably not meant.
    pub warnings: Vec<String>,
}

impl Faults {
    /// Refuses a field, unless a fault of it or of something inside it is known: a list that lost an
    /// element of the wrong form is not also too short.
    pub fn refuse(&mut self, field: &str, value: impl fmt::Display, problem: impl Into<String>) {
        let inside = |error: &FieldError| {
            let rest = error.field.strip_prefix(field);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        if !self.errors.iter().any(inside) {
            self.errors.push(FieldError {
                field: field.to_owned(),
                value: shown(&value.to_string()),
                problem: problem.into(),
            });
        }
    }

    /// Keeps a good value, refuses a bad one.
    pub fn keep<T>(
        &mut self,
        field: &str,
        value: impl fmt::Display,
        result: Result<T, impl fmt::Display>,
    ) -> Option<T> {
        match result {
            Ok(kept) => Some(kept),
            Err(problem) => {
                self.refuse(field, value, problem.to_string());
                None
            }
        }
    }
}

/// A value as one line of JSON, cut where it is long.
pub(in crate::model) fn json(value: &Value) -> String {
    shown(&value.to_string())
}

fn shown(text: &str) -> String {
    let line = text.replace(['\n', '\r'], " ");
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
