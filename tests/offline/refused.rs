//! What the API server is to refuse, our own check refuses too, and names the field. What it says at
//! admission is asked of a real API server in `tests/online/admission.rs`.

use serde_json::Value;
use sparkwright::model::object::FieldError;
use sparkwright::model::{nodeclass, nodepool};

use crate::admission::{Case, good, object};

#[test]
fn each_refused_spec_is_refused_by_field_with_a_remedy() {
    let cases = Case::all();
    assert!(cases.len() >= 60);
    for (case, spec) in cases {
        assert!(!case.refused.is_empty());
        let Some(field) = &case.field else {
            continue;
        };
        let errors = errors(&case.kind, spec);
        let named: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(named, [field.as_str()], "{case:?}: {errors:?}");
        let problem = &errors[0].problem;
        assert!(problem.contains([';', ',']), "no remedy: {problem}");
    }
}

#[test]
fn the_good_specs_are_accepted() {
    let good = good();
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
    match kind {
        "NodePool" => nodepool::read(object(kind, spec)).err(),
        _ => nodeclass::read(object(kind, spec)).err(),
    }
    .unwrap_or_default()
}
