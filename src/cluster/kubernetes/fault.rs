//! Why an object is refused: the field, what stands there, and what to write instead. One object is
//! refused at a time; what to do with the others is for the reader of the objects.

use std::fmt;

/// Longest stretch of a value, a name or a key that is repeated in a message, in characters.
const SHOWN: usize = 80;

/// A field whose value cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Path of the field from the object's root: `spec.containers[0].resources.requests.cpu`.
    pub field: String,
    /// What stands there; None where something is missing.
    pub value: Option<String>,
    /// What is wrong with it, and what to write instead.
    pub problem: String,
}

/// An object that is not used, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {}: {fault}", shortened(name))]
pub struct Refusal {
    /// `Pod`, `Node`, `DaemonSet` or `SparkApplication`.
    pub kind: &'static str,
    /// `namespace/name`, or the name alone where there are no namespaces.
    pub name: String,
    /// The first thing found wrong with it.
    pub fault: Fault,
}

impl Fault {
    /// A value that cannot be used.
    pub fn new(
        field: impl Into<String>,
        value: impl Into<String>,
        problem: impl Into<String>,
    ) -> Self {
        Fault {
            field: field.into(),
            value: Some(value.into()),
            problem: problem.into(),
        }
    }

    /// A value that should be there and is not.
    pub fn missing(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Fault {
            field: field.into(),
            value: None,
            problem: problem.into(),
        }
    }

    /// The same fault as seen from the object that holds this one at `parent`.
    pub fn under(mut self, parent: impl fmt::Display) -> Self {
        let dot = if self.field.starts_with('[') { "" } else { "." };
        self.field = format!("{parent}{dot}{}", self.field);
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.field)?;
        if let Some(value) = &self.value {
            write!(f, "{:?} ", shortened(value))?;
        }
        f.write_str(&self.problem)
    }
}

/// The step of a path into a map: `.cpu`, or `["nvidia.com/gpu"]` where the key has dots of its own.
pub(super) fn entry(key: &str) -> String {
    if key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        shortened(key)
    } else {
        format!("[{:?}]", shortened(key))
    }
}

/// The text itself, or its beginning where it is long, so that a message stays one line.
pub fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_one_line_with_object_field_value_and_remedy() {
        let fault = Fault::new(entry("nvidia.com/gpu"), "-1\n", "is negative; write zero");
        let refusal = Refusal {
            kind: "Pod",
            name: "analytics/x".into(),
            fault: fault.under("resources.requests").under("spec"),
        };
        assert_eq!(
            refusal.to_string(),
            r#"Pod analytics/x: spec.resources.requests["nvidia.com/gpu"]: "-1\n" is negative; write zero"#
        );
        let long = "x".repeat(1_000_000);
        let long = Fault::new(entry(&long), long, "is long");
        assert!(long.to_string().len() < 200);
    }
}
