//! An AdmissionReview to its answer, bytes to bytes. What cannot be read as a review is refused; what can
//! is always allowed, with a patch or without.

use base64::{Engine, prelude::BASE64_STANDARD};
use k8s_openapi::api::core::v1::Pod;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::live::effects::place::driver_toleration;
use crate::model::spark::GATE;

use super::decide::{Verdict, Why, decide};
use super::standing::Standing;

/// The only edition that is served; the configuration asks for no other.
const EDITION: &str = "admission.k8s.io/v1";

/// What is answered, and in a word for metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The AdmissionReview with a response.
    pub body: Vec<u8>,
    /// `gated`, or why the pod stays as it is.
    pub code: &'static str,
}

/// It is no AdmissionReview.
#[derive(Debug, thiserror::Error)]
pub enum Malformed {
    /// It is not JSON, or lacks what a review has.
    #[error("body is no AdmissionReview: {0}")]
    Json(#[from] serde_json::Error),
    /// It is of another edition.
    #[error("apiVersion is {0:?}; only admission.k8s.io/v1 is served")]
    Edition(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Review<'a> {
    api_version: String,
    #[serde(borrow)]
    request: Request<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    uid: String,
    #[serde(default)]
    operation: String,
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    resource: Kind,
    sub_resource: Option<String>,
    #[serde(borrow)]
    object: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
struct Kind {
    #[serde(default)]
    group: String,
    #[serde(default)]
    resource: String,
}

/// Answers a review by what is known.
///
/// # Errors
/// Where the body is no AdmissionReview.
pub fn answer(body: &[u8], standing: &Standing) -> Result<Answer, Malformed> {
    let review: Review = serde_json::from_slice(body)?;
    if review.api_version != EDITION {
        return Err(Malformed::Edition(review.api_version));
    }
    let request = review.request;
    Ok(match judged(&request, standing) {
        Ok((pod, toleration)) => respond(&request.uid, "gated", Some(patch(&pod, toleration))),
        Err(why) => respond(&request.uid, why.code(), None),
    })
}

fn judged(request: &Request, standing: &Standing) -> Result<(Pod, bool), Why> {
    if !standing.places() {
        return Err(Why::NoLeader);
    }
    let part = request.sub_resource.as_deref().unwrap_or_default();
    let Kind { group, resource } = &request.resource;
    let created = request.operation == "CREATE" && part.is_empty();
    let object = request.object.filter(|_| created);
    let object = object.filter(|_| group.is_empty() && resource == "pods");
    let object = object.ok_or(Why::NotCreated)?;
    let pod: Pod = serde_json::from_str(object.get()).map_err(|_| Why::Unreadable)?;
    match decide(&request.namespace, &pod, &standing.usable()) {
        Verdict::Gate { toleration } => Ok((pod, toleration)),
        Verdict::Leave(why) => Err(why),
    }
}

fn patch(pod: &Pod, toleration: bool) -> Vec<Value> {
    let spec = pod.spec.as_ref();
    let gates = spec.and_then(|spec| spec.scheduling_gates.as_ref());
    let mut operations = vec![added(
        "schedulingGates",
        gates.is_some(),
        json!({"name": GATE}),
    )];
    if toleration {
        let held = spec.and_then(|spec| spec.tolerations.as_ref());
        operations.push(added(
            "tolerations",
            held.is_some(),
            json!(driver_toleration()),
        ));
    }
    operations
}

/// Puts something at the end of a list of the spec, or makes the list.
fn added(list: &str, is_there: bool, value: Value) -> Value {
    match is_there {
        true => json!({"op": "add", "path": format!("/spec/{list}/-"), "value": value}),
        false => json!({"op": "add", "path": format!("/spec/{list}"), "value": [value]}),
    }
}

fn respond(uid: &str, code: &'static str, patch: Option<Vec<Value>>) -> Answer {
    let mut response = json!({"uid": uid, "allowed": true});
    if let Some(patch) = patch {
        let patch = Value::from(patch).to_string();
        response["patchType"] = json!("JSONPatch");
        response["patch"] = json!(BASE64_STANDARD.encode(patch));
    }
    let review = json!({"apiVersion": EDITION, "kind": "AdmissionReview", "response": response});
    Answer {
        body: review.to_string().into_bytes(),
        code,
    }
}

#[cfg(test)]
mod tests;
