//! What the API server is to refuse, our own check refuses too, and names the field. What it says at
//! admission is asked of a real API server in `tests/online/admission.rs`.

use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};
use sparkwright::model::object::{API_VERSION, FieldError};
use sparkwright::model::{nodeclass, nodepool};

/// A spec that is refused.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    kind: String,
    spec: Value,
    refused: String,
    field: Option<String>,
}

#[test]
fn each_refused_spec_is_refused_by_field_with_a_remedy() {
    let cases: Vec<Case> = read("refused.yaml");
    let good: Value = read("good.yaml");
    assert!(cases.len() >= 60);
    for case in cases {
        assert!(!case.refused.is_empty());
        let Some(field) = &case.field else {
            assert_eq!(case.kind, "NodeClaim", "{case:?}");
            continue;
        };
        let mut spec = good[&case.kind].clone();
        lay_over(&mut spec, &case.spec);
        let errors = errors(&case.kind, spec);
        let named: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(named, [field.as_str()], "{case:?}: {errors:?}");
        let problem = &errors[0].problem;
        assert!(problem.contains([';', ',']), "no remedy: {problem}");
    }
}

#[test]
fn the_good_specs_are_accepted() {
    let good: Value = read("good.yaml");
    for kind in ["NodePool", "NodeClass"] {
        assert_eq!(errors(kind, good[kind].clone()), Vec::new());
    }
    let claim = serde_json::from_value::<sparkwright::model::nodeclaim::NodeClaimSpec>(
        good["NodeClaim"].clone(),
    );
    let claim = claim.expect("it is a claim");
    assert_eq!(serde_json::to_value(claim).unwrap()["zoneID"], "use1-az4");
}

fn errors(kind: &str, spec: Value) -> Vec<FieldError> {
    let document =
        json!({"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": "a"}, "spec": spec});
    match kind {
        "NodePool" => nodepool::read(document).err(),
        _ => nodeclass::read(document).err(),
    }
    .unwrap_or_default()
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

fn read<T: serde::de::DeserializeOwned>(name: &str) -> T {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/admission")
        .join(name);
    let text = fs::read_to_string(path).expect("the cases are there");
    serde_saphyr::from_str(&text).expect("the cases are YAML")
}
