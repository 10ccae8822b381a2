//! What the custom resources have in common: their group, the reading of a document past every bad
//! field, scalars that people write in several ways, conditions, and the definitions as they are
//! applied to a cluster. Knows no kind's own fields.

pub mod condition;
mod decode;
pub(super) mod fault;
pub mod rule;
pub mod scalar;

use kube::CustomResourceExt;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::label::is_subdomain;
use fault::Faults;
pub use fault::FieldError;

/// The version of the API that is read.
pub const API_VERSION: &str = "sparkwright.dev/v1alpha1";
/// The largest object that is read, in bytes of JSON. The API server stores no object above 1.5 MiB;
/// an object of ours of a sixth of that is a mistake already.
pub const MOST_BYTES: usize = 256 << 10;
/// Fields of the document itself.
const FIELDS: [&str; 5] = ["apiVersion", "kind", "metadata", "spec", "status"];

/// Reads an object's name and spec; every bad field is refused, and stands at its default. None where
/// there is no object at all.
pub(super) fn read<R: CustomResourceExt, S: DeserializeOwned + Default>(
    document: Value,
    faults: &mut Faults,
) -> Option<(String, S)> {
    let kind = kind::<R>();
    let size = document.to_string().len();
    if size > MOST_BYTES {
        let problem = format!("is the size of this {kind}; the limit is {MOST_BYTES} bytes");
        faults.refuse("document", format!("{size} bytes"), problem);
        return None;
    }
    let Value::Object(mut root) = document else {
        let problem = format!("is no {kind}; write a mapping of fields");
        faults.refuse("document", fault::json(&document), problem);
        return None;
    };
    let name = header(&kind, &root, faults);
    let spec = match root.remove("spec") {
        None | Some(Value::Null) => {
            faults.refuse("spec", "", "is missing; write spec: {} for all defaults");
            S::default()
        }
        Some(spec) => decode::spec::<R, S>(spec, faults),
    };
    Some((name, spec))
}

/// The kind's name.
fn kind<R: CustomResourceExt>() -> String {
    R::crd().spec.names.kind
}

/// Checks what surrounds the spec; the answer is the name.
fn header(kind: &str, root: &Map<String, Value>, faults: &mut Faults) -> String {
    for (field, expected) in [("apiVersion", API_VERSION), ("kind", kind)] {
        match root.get(field).and_then(Value::as_str) {
            Some(given) if given == expected => {}
            Some(given) => faults.refuse(field, given, format!("is not read; write {expected}")),
            None => faults.refuse(field, "", format!("is missing; write {expected}")),
        }
    }
    let known = FIELDS.map(str::to_owned);
    for (field, value) in root.iter().filter(|(field, _)| !known.contains(field)) {
        let problem = decode::unknown(kind, field, &known);
        faults.refuse(field, fault::json(value), problem);
    }
    let name = root
        .get("metadata")
        .and_then(|metadata| metadata.get("name"));
    match name.map(|name| (name, name.as_str())) {
        Some((_, Some(name))) if is_subdomain(name) => return name.to_owned(),
        Some((name, _)) => faults.refuse(
            "metadata.name",
            fault::json(name),
            "is no object name; write lower-case letters, digits, '-' and '.', \
             beginning and ending with a letter or digit, at most 253",
        ),
        None => faults.refuse("metadata.name", "", format!("is missing; name the {kind}")),
    }
    String::new()
}

/// A kind's definition, as it is applied to a cluster. Fields that may be left out are not nullable:
/// the API server then drops a null as if it were not there, and rules need not look for it.
pub fn definition<R: CustomResourceExt>() -> Value {
    let mut crd = serde_json::to_value(R::crd()).expect("the CRD is JSON");
    without_nullable(&mut crd);
    crd
}

fn without_nullable(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if fields.get("nullable") == Some(&Value::Bool(true)) {
                fields.remove("nullable");
            }
            fields.values_mut().for_each(without_nullable);
        }
        Value::Array(items) => items.iter_mut().for_each(without_nullable),
        _ => {}
    }
}

/// A kind's definition as YAML.
pub fn definition_yaml<R: CustomResourceExt>() -> String {
    serde_saphyr::to_string(&definition::<R>()).expect("JSON is YAML")
}
