//! Lifting a pod's gate: one patch takes our gate away and adds the selectors of the set of nodes that the
//! plan chose; what the user wrote stays. Additions are allowed while a pod is gated, and never after.

use k8s_openapi::api::core::v1::{Pod, Toleration};
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;

use crate::model::node::{CAPACITY_TYPE, MANAGED, PURPOSE, Purpose, ZONE};
use crate::model::offering::Catalog;
use crate::model::spark::GATE;
use crate::plan::effect::Place;

use super::claims::unless_gone;

/// Gates that are lifted at once. A gang's come together, and each takes a connection.
static ROOM: Semaphore = Semaphore::const_new(64);

/// The selectors that a placing adds.
pub fn selectors(place: &Place, catalog: &Catalog) -> Map<String, Value> {
    let zone = place
        .zone
        .map(|zone| (ZONE, catalog.zone(zone).name.as_str()));
    let capacity = place
        .capacity_type
        .map(|kind| (CAPACITY_TYPE, kind.as_str()));
    let purpose = place.purpose.map(|purpose| (PURPOSE, purpose.as_str()));
    let managed = place.purpose.map(|_| (MANAGED, "true"));
    let all = [zone, capacity, purpose, managed].into_iter().flatten();
    all.map(|(key, value)| (key.to_owned(), json!(value)))
        .collect()
}

/// Lifts the gate of a pod, by `namespace` and `name`.
///
/// # Errors
/// The API server's refusal; a pod that is gone or has no gate is none.
pub async fn lift(
    client: &Client,
    (namespace, name): (&str, &str),
    selectors: Map<String, Value>,
    purpose: Option<Purpose>,
) -> Result<(), kube::Error> {
    let _seat = ROOM.acquire().await.expect("it is never closed");
    let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let mut spec = json!({
        "schedulingGates": [{"$patch": "delete", "name": GATE}],
        "nodeSelector": selectors,
    });
    if purpose == Some(Purpose::Driver) {
        // The list of tolerations is replaced as a whole, so it is read first.
        let Some(pod) = api.get_opt(name).await? else {
            return Ok(());
        };
        let held = pod.spec.and_then(|spec| spec.tolerations);
        spec["tolerations"] = json!(with_driver_toleration(held.unwrap_or_default()));
    }
    patch(&api, name, spec).await
}

/// Lifts the gate of a pod, by `namespace` and `name`, and adds nothing: it goes to the scheduler as its
/// user wrote it.
///
/// # Errors
/// The API server's refusal; a pod that is gone or has no gate is none.
pub async fn free(client: &Client, (namespace, name): (&str, &str)) -> Result<(), kube::Error> {
    let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let gates = json!([{"$patch": "delete", "name": GATE}]);
    patch(&api, name, json!({ "schedulingGates": gates })).await
}

/// What the pod has become is told by its watch, so that the answer need not hold it: of a gang of hundreds
/// the answers would be a good part of the work.
async fn patch(api: &Api<Pod>, name: &str, spec: Value) -> Result<(), kube::Error> {
    let patch = Patch::Strategic(json!({ "spec": spec }));
    let ours = PatchParams::default();
    unless_gone(api.patch_metadata(name, &ours, &patch).await)
}

/// Lets a driver onto nodes for drivers that came without our gate, and so without the toleration; that is
/// the one thing that may be added to a pod at any time.
///
/// # Errors
/// The API server's refusal; a pod that is gone is none.
pub async fn tolerate(client: &Client, (namespace, name): (&str, &str)) -> Result<(), kube::Error> {
    let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let Some(pod) = api.get_opt(name).await? else {
        return Ok(());
    };
    let held = pod.spec.and_then(|spec| spec.tolerations);
    let held = held.unwrap_or_default();
    if tolerates_drivers_nodes(&held) {
        return Ok(());
    }
    let patch = Patch::Strategic(json!({
        "metadata": {"resourceVersion": pod.metadata.resource_version},
        "spec": {"tolerations": with_driver_toleration(held)},
    }));
    unless_gone(api.patch(name, &PatchParams::default(), &patch).await)
}

fn with_driver_toleration(mut held: Vec<Toleration>) -> Vec<Toleration> {
    if !tolerates_drivers_nodes(&held) {
        held.push(driver_toleration());
    }
    held
}

/// True where a driver's tolerations let it onto nodes for drivers.
pub fn tolerates_drivers_nodes(held: &[Toleration]) -> bool {
    held.iter().any(|one| one.key.as_deref() == Some(PURPOSE))
}

/// What lets a driver onto nodes for drivers, whose taint keeps executors away.
pub fn driver_toleration() -> Toleration {
    Toleration {
        key: Some(PURPOSE.into()),
        operator: Some("Equal".into()),
        value: Some(Purpose::Driver.as_str().into()),
        effect: Some("NoSchedule".into()),
        ..Toleration::default()
    }
}
