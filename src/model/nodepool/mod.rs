//! The NodePool custom resource and its checking into a [`Pool`]: what is written becomes what is
//! meant, defaults filled in, or every bad field is named. Knows no catalogue: whether any offering
//! meets the requirements is asked elsewhere.

mod check;
mod contradiction;
mod decode;
mod fault;
mod lifetime;
mod requirement;
pub mod scalar;
pub mod spec;
mod taint;
pub mod template;

use serde_json::{Map, Value};

use super::label::is_subdomain;
use super::pool::Pool;
use fault::Faults;
pub use fault::FieldError;
pub use spec::{NodePool, NodePoolSpec};

/// The version of the API that is read.
pub const API_VERSION: &str = "sparkwright.dev/v1alpha1";
/// The largest NodePool that is read, in bytes of JSON. The API server stores no object above 1.5 MiB;
/// a NodePool of a sixth of that is a mistake already.
pub const MOST_BYTES: usize = 256 << 10;
/// Fields of the document itself.
const FIELDS: [&str; 5] = ["apiVersion", "kind", "metadata", "spec", "status"];

/// Reads and checks a NodePool. The answer is the pool and warnings on what is allowed but probably
/// not meant.
///
/// # Errors
/// Every bad field that can be told, in order of the checks.
pub fn read(document: Value) -> Result<(Pool, Vec<String>), Vec<FieldError>> {
    let mut faults = Faults::default();
    let pool = pool(document, &mut faults);
    match pool {
        Some(pool) if faults.errors.is_empty() => Ok((pool, faults.warnings)),
        _ => Err(faults.errors),
    }
}

fn pool(document: Value, faults: &mut Faults) -> Option<Pool> {
    let size = document.to_string().len();
    if size > MOST_BYTES {
        let problem = format!("is the size of this NodePool; the limit is {MOST_BYTES} bytes");
        faults.refuse("document", format!("{size} bytes"), problem);
        return None;
    }
    let Value::Object(mut root) = document else {
        faults.refuse(
            "document",
            fault::json(&document),
            "is no NodePool; write a mapping of fields",
        );
        return None;
    };
    let name = header(&root, faults);
    let spec = match root.remove("spec") {
        None | Some(Value::Null) => {
            faults.refuse("spec", "", "is missing; write spec: {} for all defaults");
            NodePoolSpec::default()
        }
        Some(spec) => decode::spec(spec, faults),
    };
    Some(check::pool(&name, &spec, faults))
}

/// Checks what surrounds the spec; the answer is the name.
fn header(root: &Map<String, Value>, faults: &mut Faults) -> String {
    for (field, expected) in [("apiVersion", API_VERSION), ("kind", "NodePool")] {
        match root.get(field).and_then(Value::as_str) {
            Some(given) if given == expected => {}
            Some(given) => faults.refuse(field, given, format!("is not read; write {expected}")),
            None => faults.refuse(field, "", format!("is missing; write {expected}")),
        }
    }
    let known = FIELDS.map(str::to_owned);
    for (field, value) in root.iter().filter(|(field, _)| !known.contains(field)) {
        faults.refuse(field, fault::json(value), decode::unknown(field, &known));
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
        None => faults.refuse("metadata.name", "", "is missing; name the NodePool"),
    }
    String::new()
}

/// The custom resource definition as YAML, as it is applied to a cluster.
pub fn crd_yaml() -> String {
    use kube::CustomResourceExt;
    let crd = serde_json::to_value(NodePool::crd()).expect("the CRD is JSON");
    serde_saphyr::to_string(&crd).expect("JSON is YAML")
}

#[cfg(test)]
mod tests;
