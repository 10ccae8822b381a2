//! A SparkApplication to the shape of its application: what its driver and executors will ask for,
//! before the operator has submitted anything. What the application sets in code is not known here.

pub mod object;
mod properties;

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::PodSpec;

pub use object::SparkApplication;
use object::{Side, Spec};
use properties::Properties;

use super::{pods, request};
use crate::cluster::kubernetes::fault::{Fault, Refusal};
use crate::cluster::kubernetes::identity::{self, Identity};
use crate::cluster::kubernetes::role::{self, OPERATOR_APP_NAME, OPERATOR_LAUNCHED};
use crate::cluster::kubernetes::template::template;
use crate::model::conf;
use crate::model::name::AppId;
use crate::model::resources::Resources;
use crate::model::spark::{ExecutorGroup, PodTemplate, Role, Shape};
use crate::model::time::Timestamp;

/// States in which nothing more will be asked for, or not before the operator has cleared up: those at the
/// end of a run, and those of an application that is suspended.
const ASKS_NOTHING: [&str; 7] = [
    "COMPLETED",
    "FAILED",
    "SUCCEEDING",
    "FAILING",
    "INVALIDATING",
    "SUSPENDING",
    "SUSPENDED",
];
/// States in which the operator has yet to submit, or to submit again.
const BEGINS: [&str; 4] = ["", "PENDING_RERUN", "SUBMISSION_FAILED", "RESUMING"];

/// The application and its shape, or None where it asks for nothing: suspended, finished, or being
/// deleted.
pub fn shape(object: &SparkApplication) -> Result<Option<(AppId, Shape)>, Refusal> {
    let identity = Identity::namespaced("SparkApplication", &object.metadata)?;
    if asks_for_nothing(object) {
        return Ok(None);
    }
    let labels = object.metadata.labels.clone().unwrap_or_default();
    let mut shape =
        declared(&identity, &object.spec, &labels).map_err(|fault| identity.refuse(fault))?;
    shape.declared = identity::created(&object.metadata);
    let app = role::named(identity.namespace.unwrap_or_default(), identity.name);
    Ok(Some((app, shape)))
}

/// True where no driver of this run has been submitted yet.
pub fn begins(object: &SparkApplication) -> bool {
    let state = object
        .status
        .as_ref()
        .map_or("", |status| status.application_state.state.as_str());
    BEGINS.contains(&state)
}

/// The ProvisioningRequest that its pods come for, by `namespace/name`: Kueue writes it into what pods are
/// made of when it admits the application.
pub fn consumes(object: &SparkApplication) -> Option<String> {
    let sides = [&object.spec.driver, &object.spec.executor];
    let mut annotations = sides.iter().filter_map(|side| side.annotations.as_ref());
    let name = annotations.find_map(request::consumed)?;
    let identity = Identity::namespaced("SparkApplication", &object.metadata).ok()?;
    Some(format!("{}/{name}", identity.namespace.unwrap_or_default()))
}

fn asks_for_nothing(object: &SparkApplication) -> bool {
    let state = object
        .status
        .as_ref()
        .map(|status| &status.application_state.state);
    object.spec.suspend == Some(true)
        || object.metadata.deletion_timestamp.is_some()
        || state.is_some_and(|state| ASKS_NOTHING.contains(&state.as_str()))
}

/// The shape of an application of this spec, whose object carries `labels`. When it was declared is for
/// the caller to say. Paths of faults begin at the object.
pub(super) fn declared(
    identity: &Identity<'_>,
    spec: &Spec,
    labels: &BTreeMap<String, String>,
) -> Result<Shape, Fault> {
    check(spec)?;
    let properties = Properties::of(spec, labels);
    let refuse = |error| properties.fault(error);
    let driver = conf::driver_requests(&properties.conf).map_err(refuse)?;
    let executor = conf::executor_requests(&properties.conf).map_err(refuse)?;
    let count = conf::executor_count(&properties.conf).map_err(refuse)?;
    let side = |role, side, requests| {
        pod_template(identity, spec, side, role, &properties, requests).map(Arc::new)
    };
    let in_cluster = spec.mode.as_deref().is_none_or(|mode| mode == "cluster");
    Ok(Shape {
        name: identity.name.to_owned(),
        namespace: identity.namespace.unwrap_or_default().to_owned(),
        declared: Timestamp::ZERO,
        driver: in_cluster
            .then(|| side(Role::Driver, &spec.driver, &driver))
            .transpose()?,
        executors: vec![ExecutorGroup {
            template: side(Role::Executor, &spec.executor, &executor)?,
            min: count.min,
            initial: count.initial,
            max: count.max,
        }],
        advice: conf::advice(&properties.conf, pods::grace(&spec.executor)),
    })
}

/// Refuses words that the operator does not know.
fn check(spec: &Spec) -> Result<(), Fault> {
    let language = spec.language.as_deref().unwrap_or("Scala");
    if !["Java", "Scala", "Python", "R"].contains(&language) {
        let problem = "is no type of application; write Java, Scala, Python or R";
        return Err(Fault::new("spec.type", language, problem));
    }
    let mode = spec.mode.as_deref().unwrap_or("cluster");
    if !["cluster", "client", "in-cluster-client"].contains(&mode) {
        let problem = "is no deploy mode; write cluster or client";
        return Err(Fault::new("spec.mode", mode, problem));
    }
    for (field, side) in [
        ("spec.driver", &spec.driver),
        ("spec.executor", &spec.executor),
    ] {
        let count = side.gpu.as_ref().map_or(0, |gpu| gpu.quantity);
        if count < 0 {
            let problem = "is negative; write zero or more";
            return Err(Fault::new(
                format!("{field}.gpu.quantity"),
                count.to_string(),
                problem,
            ));
        }
    }
    Ok(())
}

fn pod_template(
    identity: &Identity<'_>,
    spec: &Spec,
    side: &Side,
    role: Role,
    properties: &Properties,
    requests: &Resources,
) -> Result<PodTemplate, Fault> {
    let namespace = identity.namespace.unwrap_or_default();
    let conf = &properties.conf;
    check_template(namespace, side)
        .map_err(|fault| fault.under(format_args!("spec.{role}.template.spec")))?;
    let marks = [
        (OPERATOR_APP_NAME, identity.name),
        (OPERATOR_LAUNCHED, "true"),
    ];
    let labels = pods::labels(side, role, conf, &marks);
    let pod = pods::pod_spec(spec, side, role, conf, requests);
    template(namespace, labels, &pod).map_err(|fault| fault.under(format_args!("spec.{role}")))
}

/// Reads the user's own pod template, so that a fault in it is named where the user wrote it.
fn check_template(namespace: &str, side: &Side) -> Result<(), Fault> {
    let spec: Option<&PodSpec> = side.template.as_ref().and_then(|given| given.spec.as_ref());
    spec.map_or(Ok(()), |spec| {
        template(namespace, [].into(), spec).map(|_| ())
    })
}

#[cfg(test)]
mod tests;
