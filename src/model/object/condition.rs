//! Conditions of an object's status, in Kubernetes' standard form: what deployment tools (Argo CD,
//! Flux, `kubectl wait`) read to tell whether what was asked for has come about.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The condition that sums the others up.
pub const READY: &str = "Ready";

/// One thing that is or is not so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What, such as Ready.
    #[serde(rename = "type")]
    #[schemars(length(min = 1, max = 316))]
    pub kind: String,
    /// Whether it is so.
    pub status: ConditionStatus,
    /// Why, in one word for programs.
    #[schemars(
        length(min = 1, max = 1024),
        regex(pattern = "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$")
    )]
    pub reason: String,
    /// Why, for people.
    #[schemars(length(max = 32768))]
    pub message: String,
    /// When the status last changed, RFC 3339.
    #[schemars(extend("format" = "date-time"))]
    pub last_transition_time: String,
    /// The generation of the object's spec that this was said of.
    #[schemars(range(min = 0), extend("format" = "int64"))]
    pub observed_generation: Option<i64>,
}

impl Condition {
    /// One that is so, or is not. `at`: RFC 3339; `generation`: the spec's that this is said of.
    pub fn new(
        kind: &str,
        is: bool,
        (reason, message): (&str, &str),
        at: String,
        generation: Option<i64>,
    ) -> Self {
        Condition {
            kind: kind.to_owned(),
            status: match is {
                true => ConditionStatus::True,
                false => ConditionStatus::False,
            },
            reason: reason.to_owned(),
            message: message.to_owned(),
            last_transition_time: at,
            observed_generation: generation,
        }
    }
}

/// Whether something is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ConditionStatus {
    /// It is.
    True,
    /// It is not.
    False,
    /// Nobody knows.
    Unknown,
}

/// Sets a condition: one of the same kind is replaced, and keeps the time of its last transition where
/// its status stays. True where anything changed.
pub fn set(conditions: &mut Vec<Condition>, mut given: Condition) -> bool {
    match conditions.iter_mut().find(|held| held.kind == given.kind) {
        None => conditions.push(given),
        Some(held) => {
            if held.status == given.status {
                given
                    .last_transition_time
                    .clone_from(&held.last_transition_time);
            }
            if *held == given {
                return false;
            }
            *held = given;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_keeps_its_time_until_its_status_changes() {
        let at = |status, time: &str, message: &str| Condition {
            kind: READY.into(),
            status,
            reason: "Checked".into(),
            message: message.into(),
            last_transition_time: time.into(),
            observed_generation: Some(1),
        };
        let mut held = Vec::new();
        assert!(set(&mut held, at(ConditionStatus::True, "one", "a")));
        assert!(!set(&mut held, at(ConditionStatus::True, "two", "a")));
        assert!(set(&mut held, at(ConditionStatus::True, "two", "b")));
        assert_eq!(
            (
                held[0].last_transition_time.as_str(),
                held[0].message.as_str()
            ),
            ("one", "b")
        );
        assert!(set(&mut held, at(ConditionStatus::False, "three", "b")));
        assert_eq!(
            (held[0].last_transition_time.as_str(), held.len()),
            ("three", 1)
        );
    }
}
