//! Asking a pod to go, by the Eviction API, so that disruption budgets hold and Spark's decommission has
//! its time.

use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::Eviction;
use kube::api::PostParams;
use kube::{Api, Client, ResourceExt};
use serde_json::json;
use tokio::time::sleep;

use crate::cluster::kubernetes;
use crate::model::name::PodId;
use crate::model::spark::Role;

use super::claims::unless_gone;
use crate::live::heard::Hand;
use crate::live::world::World;

/// Says that a pod is not to be moved (Karpenter).
const DO_NOT_DISRUPT: &str = "karpenter.sh/do-not-disrupt";
/// Says `false` of a pod that is not to be moved (Cluster Autoscaler).
const SAFE_TO_EVICT: &str = "cluster-autoscaler.kubernetes.io/safe-to-evict";
/// Between two tries of an eviction that a disruption budget refuses.
const AGAIN: Duration = Duration::from_secs(2);
/// The longest that a pod is asked to go; then its node is gone, or somebody wants it to stay.
const LONGEST: Duration = Duration::from_secs(600);

/// Asks a pod to go until it does. What its owner says of moving it counts unless it goes `whatever` he says.
pub async fn evict(world: World, id: PodId, whatever: bool) {
    let began = Instant::now();
    while began.elapsed() < LONGEST && !asked(&world, &id, whatever).await {
        sleep(AGAIN).await;
    }
    world.done(Hand::Evict(id.to_string())).await;
}

/// True where the pod goes, or is gone.
async fn asked(world: &World, id: &PodId, whatever: bool) -> bool {
    let Some((namespace, name)) = id.as_str().split_once('/') else {
        return true;
    };
    let api: Api<Pod> = Api::namespaced(world.client.clone(), namespace);
    match api.get_opt(name).await {
        Ok(Some(pod)) if pod.metadata.deletion_timestamp.is_some() => true,
        Ok(Some(pod)) if whatever && !is_vital(&pod) || may_move(&pod) => {
            ask(&world.client, &pod).await
        }
        Ok(Some(_)) => false,
        Ok(None) => true,
        Err(error) => {
            tracing::info!(pod = %id, %error, "pod cannot be looked at; it is asked again");
            false
        }
    }
}

/// What a pod is in its application.
pub fn role(pod: &Pod) -> Role {
    kubernetes::role::role(&pod.labels().clone().into())
}

fn is_vital(pod: &Pod) -> bool {
    kubernetes::role::is_vital(&pod.labels().clone().into())
}

/// What an application's life hangs on is never moved, nor what its owner says is not to be.
pub fn may_move(pod: &Pod) -> bool {
    let says = |key: &str, value: &str| pod.annotations().get(key).is_some_and(|is| is == value);
    !is_vital(pod) && !says(DO_NOT_DISRUPT, "true") && !says(SAFE_TO_EVICT, "false")
}

/// Asks for an eviction. True where it is granted, or the pod is gone; a disruption budget may refuse it.
pub async fn ask(client: &Client, pod: &Pod) -> bool {
    let namespace = pod.namespace().unwrap_or_default();
    let name = pod.name_any();
    let api: Api<Pod> = Api::namespaced(client.clone(), &namespace);
    let eviction: Eviction =
        serde_json::from_value(json!({"metadata": {"name": name, "namespace": namespace}}))
            .expect("it is an eviction");
    let asked: Result<serde_json::Value, _> = api
        .create_subresource("eviction", &name, &PostParams::default(), &eviction)
        .await;
    match unless_gone(asked) {
        Ok(()) => true,
        Err(error) => {
            tracing::info!(namespace, name, %error, "pod is not evicted yet");
            false
        }
    }
}
