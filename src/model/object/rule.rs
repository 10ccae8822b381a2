//! Rules that the API server itself checks when an object is written, in CEL. They say what the check
//! behind them says, where it can be said of the object alone.

use serde_json::{Value, json};

/// The value of `x-kubernetes-validations`: each rule with what to write instead when it fails.
pub fn rules(rules: &[(&str, &str)]) -> Value {
    let rule = |(rule, message): &(&str, &str)| json!({"rule": rule, "message": message});
    Value::Array(rules.iter().map(rule).collect())
}
