//! Specs that are good, and changes of them that are to be refused: one table for the API server and for our
//! own check. `good.yaml` has a spec of each kind, `refused.yaml` what is laid over it.

use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sparkwright::model::object::API_VERSION;

/// A spec that is refused.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The object's kind.
    pub kind: String,
    /// Fields that are laid over the good spec.
    spec: Value,
    /// A part of what the API server says.
    pub refused: String,
    /// The field that our own check names; None for what only the API server checks.
    pub field: Option<String>,
}

impl Case {
    /// Every case, with its whole spec.
    pub fn all() -> Vec<(Case, Value)> {
        let good = good();
        let cases: Vec<Case> = read("refused.yaml");
        let whole = |case: Case| {
            // Claims are written by us alone: only the API server checks them.
            assert_eq!(case.field.is_none(), case.kind == "NodeClaim", "{case:?}");
            let mut spec = good[&case.kind].clone();
            lay_over(&mut spec, &case.spec);
            (case, spec)
        };
        cases.into_iter().map(whole).collect()
    }
}

/// A good spec of each kind.
pub fn good() -> Value {
    read("good.yaml")
}

/// The object of a spec.
pub fn object(kind: &str, spec: Value) -> Value {
    json!({"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": "a"}, "spec": spec})
}

/// Lays fields over others; null takes a field out.
fn lay_over(below: &mut Value, above: &Value) {
    let (Value::Object(below), Value::Object(above)) = (below, above) else {
        return;
    };
    for (key, value) in above {
        match value {
            Value::Null => below.remove(key),
            value => below.insert(key.clone(), value.clone()),
        };
    }
}

fn read<T: DeserializeOwned>(name: &str) -> T {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/admission")
        .join(name);
    let text = fs::read_to_string(path).expect("the cases are there");
    serde_saphyr::from_str(&text).expect("the cases are YAML")
}
