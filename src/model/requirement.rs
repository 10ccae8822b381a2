//! Conditions on a node's labels, with Kubernetes' operators and meanings, for pods (node selectors
//! and affinity terms) and for NodePools (requirements).

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

pub use super::labels::Labels;

/// What one label must be. `Gt` and `Lt` are strict and on integers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Condition {
    /// One of these values.
    In(BTreeSet<String>),
    /// None of these values; holds where the label is absent.
    NotIn(BTreeSet<String>),
    /// Present, whatever the value.
    Exists,
    /// Absent.
    DoesNotExist,
    /// Present, an integer, and larger.
    Gt(i64),
    /// Present, an integer, and smaller.
    Lt(i64),
}

/// A label's name and the condition on it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Requirement {
    /// The label.
    pub key: String,
    /// What it must be.
    pub condition: Condition,
}

/// All of `all`, and at least one of the alternatives in `any` unless that is empty: a pod's
/// `nodeSelector` and its required node affinity.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Constraints {
    /// Every one must hold.
    pub all: Vec<Requirement>,
    /// One of these lists must hold whole.
    pub any: Vec<Vec<Requirement>>,
}

/// Something whose labels can be asked for.
pub trait Labelled {
    /// The label's value, if present.
    fn label(&self, key: &str) -> Option<&str>;
}

impl Labelled for Labels {
    fn label(&self, key: &str) -> Option<&str> {
        self.get(key).map(String::as_str)
    }
}

impl Condition {
    /// True where a label with this value (None: absent) meets the condition.
    pub fn holds(&self, value: Option<&str>) -> bool {
        let integer = || value.and_then(|v| v.parse::<i64>().ok());
        match self {
            Condition::In(values) => value.is_some_and(|v| values.contains(v)),
            Condition::NotIn(values) => value.is_none_or(|v| !values.contains(v)),
            Condition::Exists => value.is_some(),
            Condition::DoesNotExist => value.is_none(),
            Condition::Gt(bound) => integer().is_some_and(|n| n > *bound),
            Condition::Lt(bound) => integer().is_some_and(|n| n < *bound),
        }
    }
}

impl Requirement {
    /// The label must have this one value.
    pub fn is(key: impl Into<String>, value: impl Into<String>) -> Self {
        Requirement {
            key: key.into(),
            condition: Condition::In(BTreeSet::from([value.into()])),
        }
    }

    /// True where the labels meet it.
    pub fn holds(&self, labels: &impl Labelled) -> bool {
        self.condition.holds(labels.label(&self.key))
    }
}

impl Constraints {
    /// True where the labels meet all of it.
    pub fn hold(&self, labels: &impl Labelled) -> bool {
        let every = |list: &[Requirement]| list.iter().all(|requirement| requirement.holds(labels));
        every(&self.all) && (self.any.is_empty() || self.any.iter().any(|term| every(term)))
    }

    /// Every requirement named anywhere, for messages.
    pub fn mentions(&self, key: &str) -> bool {
        self.all
            .iter()
            .chain(self.any.iter().flatten())
            .any(|requirement| requirement.key == key)
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |values: &BTreeSet<String>| {
            values
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>()
                .join(", ")
        };
        match &self.condition {
            Condition::In(values) => write!(f, "{} in [{}]", self.key, list(values)),
            Condition::NotIn(values) => write!(f, "{} not in [{}]", self.key, list(values)),
            Condition::Exists => write!(f, "{} exists", self.key),
            Condition::DoesNotExist => write!(f, "{} does not exist", self.key),
            Condition::Gt(bound) => write!(f, "{} > {bound}", self.key),
            Condition::Lt(bound) => write!(f, "{} < {bound}", self.key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(list: &[&str]) -> BTreeSet<String> {
        list.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn operators_mean_what_kubernetes_means() {
        let table = [
            (Condition::In(values(&["a"])), Some("a"), true),
            (Condition::In(values(&["a"])), None, false),
            (Condition::NotIn(values(&["a"])), None, true),
            (Condition::NotIn(values(&["a"])), Some("a"), false),
            (Condition::Exists, Some(""), true),
            (Condition::DoesNotExist, Some(""), false),
            (Condition::Gt(4), Some("4"), false),
            (Condition::Gt(4), Some("5"), true),
            (Condition::Lt(4), Some("x"), false),
            (Condition::Lt(4), None, false),
        ];
        for (condition, value, expected) in table {
            assert_eq!(
                condition.holds(value),
                expected,
                "{condition:?} on {value:?}"
            );
        }
    }

    #[test]
    fn affinity_terms_are_alternatives_to_each_other_and_additions_to_the_selector() {
        let constraints = Constraints {
            all: vec![Requirement::is("zone", "a")],
            any: vec![
                vec![Requirement::is("arch", "arm64")],
                vec![Requirement::is("size", "large")],
            ],
        };
        let labels = |pairs: &[(&str, &str)]| -> Labels {
            pairs
                .iter()
                .map(|(k, v)| (k.to_string(), v.to_string()))
                .collect()
        };
        assert!(constraints.hold(&labels(&[("zone", "a"), ("size", "large")])));
        assert!(!constraints.hold(&labels(&[("zone", "b"), ("size", "large")])));
        assert!(!constraints.hold(&labels(&[("zone", "a")])));
    }
}
