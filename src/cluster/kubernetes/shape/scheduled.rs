//! A ScheduledSparkApplication to what its next run will ask for, and when. The run's own name is not
//! known before it begins, so what is declared for it carries the schedule's.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use serde::Deserialize;

use super::operator::{self, object::Spec};
use crate::cluster::kubernetes::fault::Refusal;
use crate::cluster::kubernetes::identity::Identity;
use crate::cluster::kubernetes::role::named;
use crate::model::name::AppId;
use crate::model::spark::Shape;
use crate::model::time::Timestamp;

/// The Spark Operator's label on runs and their pods: name of their schedule.
pub const SCHEDULED_APP_NAME: &str = "sparkoperator.k8s.io/scheduled-app-name";

/// The Spark Operator's ScheduledSparkApplication.
#[derive(Clone, Debug, Deserialize)]
pub struct ScheduledSparkApplication {
    /// Name, namespace and labels; the labels go to its runs.
    pub metadata: ObjectMeta,
    /// What runs.
    pub spec: ScheduledSpec,
    /// When it runs next.
    pub status: Option<ScheduledStatus>,
}

/// `spec`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ScheduledSpec {
    /// True while nothing is to run.
    pub suspend: Option<bool>,
    /// The `spec` of each run.
    pub template: Spec,
}

/// `status`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ScheduledStatus {
    /// When the next run begins.
    pub next_run: Option<Time>,
}

/// A run to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scheduled {
    /// What it is called until it is there.
    pub app: AppId,
    /// When it begins.
    pub due: Timestamp,
    /// What it will ask for.
    pub shape: Shape,
}

/// The next run; None where none is to come: suspended, being deleted, or not scheduled yet.
///
/// # Errors
/// The first bad value found.
pub fn scheduled(object: &ScheduledSparkApplication) -> Result<Option<Scheduled>, Refusal> {
    let identity = Identity::namespaced("ScheduledSparkApplication", &object.metadata)?;
    let status = object.status.as_ref();
    let Some(Time(due)) = status.and_then(|status| status.next_run.as_ref()) else {
        return Ok(None);
    };
    let suspended = object.spec.suspend == Some(true) || object.spec.template.suspend == Some(true);
    if suspended || object.metadata.deletion_timestamp.is_some() {
        return Ok(None);
    }
    let mut labels = object.metadata.labels.clone().unwrap_or_default();
    labels.insert(SCHEDULED_APP_NAME.into(), identity.name.into());
    let run = format!("{}.next-run", identity.name);
    let of_run = Identity {
        name: &run,
        ..identity
    };
    let mut shape =
        operator::declared(&of_run, &object.spec.template, &labels).map_err(|mut fault| {
            if let Some(field) = fault.field.strip_prefix("spec.") {
                fault.field = format!("spec.template.{field}");
            }
            identity.refuse(fault)
        })?;
    let due = Timestamp::from_millis(due.as_millisecond());
    shape.declared = due;
    let app = named(&shape.namespace, &run);
    Ok(Some(Scheduled { app, due, shape }))
}
