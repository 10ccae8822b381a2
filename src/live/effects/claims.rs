//! NodeClaim objects: written before EC2 is asked, with all that a restart must know; their status is
//! ours alone, so what was last written is what counts.

use std::collections::BTreeMap;

use futures::StreamExt;
use k8s_openapi::api::core::v1;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::json;

use crate::cluster::event::{AwaitedNode, Intent};
use crate::model::node::{MANAGED, NODEPOOL, Taint, TaintEffect};
use crate::model::nodeclaim::spec::IntentSpec;
use crate::model::nodeclaim::{NodeClaim, NodeClaimSpec, NodeClaimStatus};
use crate::model::nodepool::template::{Effect, NodeClassRef, TaintSpec};
use crate::model::object::condition::{self, Condition, ConditionStatus};
use crate::model::object::scalar::Quantity;
use crate::model::offering::Catalog;
use crate::model::pool::Pool;
use crate::model::requirement::Labels;
use crate::model::resources::Resources;

use crate::live::clock;

/// Keeps a claim until its instance is ended.
pub const FINALIZER: &str = "sparkwright.dev/termination";
/// Annotation of a claim: the epoch of the leader that wrote it.
pub const EPOCH: &str = "sparkwright.dev/epoch";
/// Writes to the API server at one time, for one call to EC2.
const AT_ONCE: usize = 16;
/// Who writes, in managed fields.
pub const WRITER: &str = "sparkwright";

/// The labels that a claim's node carries whatever type it is.
pub fn labels_of(spec: &NodeClaimSpec) -> Labels {
    spec.labels.clone().unwrap_or_default().into()
}

/// Taints as they are written to what they mean.
pub fn taints_of(written: Option<&[TaintSpec]>) -> Vec<Taint> {
    let one = |taint: &TaintSpec| Taint {
        key: taint.key.clone().unwrap_or_default(),
        value: taint.value.clone().unwrap_or_default(),
        effect: match taint.effect {
            Some(Effect::PreferNoSchedule) => TaintEffect::PreferNoSchedule,
            Some(Effect::NoExecute) => TaintEffect::NoExecute,
            _ => TaintEffect::NoSchedule,
        },
    };
    written.unwrap_or_default().iter().map(one).collect()
}

fn written(taints: &[Taint]) -> Vec<TaintSpec> {
    let one = |taint: &Taint| TaintSpec {
        key: Some(taint.key.clone()),
        value: Some(taint.value.clone()).filter(|value| !value.is_empty()),
        effect: Some(match taint.effect {
            TaintEffect::NoSchedule => Effect::NoSchedule,
            TaintEffect::PreferNoSchedule => Effect::PreferNoSchedule,
            TaintEffect::NoExecute => Effect::NoExecute,
        }),
    };
    taints.iter().map(one).collect()
}

/// True for a node's taint of this key.
pub fn is_taint(taint: &v1::Taint, key: &str) -> bool {
    taint.key == key
}

/// The claims of a call; the first one holds the request.
pub fn of_intent(
    intent: &Intent,
    pool: &Pool,
    class: &str,
    catalog: &Catalog,
    (token, epoch, request): (&str, u64, String),
) -> Vec<NodeClaim> {
    let zone = catalog.zone(intent.zone);
    let types = intent.types.iter();
    let types: Vec<String> = types
        .map(|id| catalog.instance_type(*id).name.clone())
        .collect();
    let mut request = Some(request);
    let one = |node: &AwaitedNode| {
        let spec = NodeClaimSpec {
            node_pool: pool.name.as_str().to_owned(),
            node_class_ref: NodeClassRef {
                group: Some("sparkwright.dev".into()),
                kind: Some("NodeClass".into()),
                name: Some(class.to_owned()),
            },
            purpose: intent.purpose,
            intent: IntentSpec {
                token: token.to_owned(),
                attempt: 1,
                request: request.take(),
            },
            zone: zone.name.clone(),
            zone_id: Some(zone.id.clone()),
            capacity_type: intent.capacity_type,
            instance_types: types.clone(),
            requests: quantities(&node.room),
            labels: Some(intent.labels.clone().into()),
            taints: Some(written(&pool.taints)),
            startup_taints: Some(written(&pool.startup_taints)),
        };
        let mut claim = NodeClaim::new(node.id.as_str(), spec);
        let labels = [(MANAGED, "true"), (NODEPOOL, pool.name.as_str())];
        claim.metadata.labels = Some(owned(labels));
        claim.metadata.annotations = Some(owned([(EPOCH, epoch.to_string().as_str())]));
        claim.metadata.finalizers = Some(vec![FINALIZER.to_owned()]);
        claim
    };
    intent.nodes.iter().map(one).collect()
}

fn owned<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    let pairs = pairs.into_iter();
    pairs
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

fn quantities(room: &Resources) -> BTreeMap<String, Quantity> {
    let mut quantities = BTreeMap::from([
        (
            "cpu".to_owned(),
            Quantity(format!("{}m", room.cpu.millis())),
        ),
        ("memory".to_owned(), Quantity(room.memory.get().to_string())),
        ("pods".to_owned(), Quantity(room.pods.to_string())),
        (
            "ephemeral-storage".to_owned(),
            Quantity(room.storage.get().to_string()),
        ),
    ]);
    let extended = room.extended.iter();
    quantities.extend(extended.map(|(name, n)| (name.to_string(), Quantity(n.to_string()))));
    quantities
}

/// Writes the claims of a call: the one with the request first, so that what is there can be sent again.
///
/// # Errors
/// The API server's first refusal; claims that were written stay, and are seen by the watch.
pub async fn write(client: &Client, claims: Vec<NodeClaim>) -> Result<(), kube::Error> {
    let api: Api<NodeClaim> = Api::all(client.clone());
    let post = PostParams {
        field_manager: Some(WRITER.into()),
        ..PostParams::default()
    };
    let mut claims = claims.into_iter();
    if let Some(first) = claims.next() {
        api.create(&post, &first).await?;
    }
    let (api, post) = (&api, &post);
    let others = claims.map(|claim| async move { api.create(post, &claim).await });
    let mut written = futures::stream::iter(others).buffer_unordered(AT_ONCE);
    while let Some(answer) = written.next().await {
        answer?;
    }
    Ok(())
}

/// Writes a claim's status as it is to be.
///
/// # Errors
/// The API server's refusal; a claim that is gone is none.
pub async fn write_status(
    client: &Client,
    name: &str,
    status: &NodeClaimStatus,
) -> Result<(), kube::Error> {
    let api: Api<NodeClaim> = Api::all(client.clone());
    let patch = Patch::Merge(json!({ "status": status }));
    unless_gone(
        api.patch_status(name, &PatchParams::default(), &patch)
            .await,
    )
}

/// Asks for a claim to be deleted; its finalizer holds it until its instance is ended.
///
/// # Errors
/// The API server's refusal; a claim that is gone is none.
pub async fn delete(client: &Client, name: &str) -> Result<(), kube::Error> {
    let api: Api<NodeClaim> = Api::all(client.clone());
    unless_gone(api.delete(name, &DeleteParams::default()).await)
}

/// Lets a claim go that is being deleted.
///
/// # Errors
/// The API server's refusal; a claim that is gone is none.
pub async fn release(client: &Client, name: &str) -> Result<(), kube::Error> {
    let api: Api<NodeClaim> = Api::all(client.clone());
    let patch = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    unless_gone(api.patch(name, &PatchParams::default(), &patch).await)
}

/// What is gone already need not be done.
pub fn unless_gone<T>(answer: Result<T, kube::Error>) -> Result<(), kube::Error> {
    match answer {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        answer => answer.map(|_| ()),
    }
}

/// What another leader has written of a claim's end stands, where we have not noted it.
pub fn complete(status: &mut NodeClaimStatus, written: &NodeClaimStatus) {
    if status.ends_at.is_none() {
        status.ends_at.clone_from(&written.ends_at);
    }
    let conditions = status.conditions.get_or_insert_default();
    for one in written.conditions.iter().flatten() {
        if conditions.iter().all(|held| held.kind != one.kind) {
            conditions.push(one.clone());
        }
    }
}

/// Notes a step of a claim's life in its status, and sums up. True where that changed anything.
pub fn note(
    status: &mut NodeClaimStatus,
    kind: &str,
    is: bool,
    reason: &str,
    message: &str,
) -> bool {
    use crate::model::nodeclaim::status::{INITIALIZED, LAUNCHED, REGISTERED};
    let at = clock::rfc3339();
    let conditions = status.conditions.get_or_insert_default();
    let condition = |kind: &str, is: bool, reason: &str, message: &str| {
        Condition::new(kind, is, (reason, message), at.clone(), Some(1))
    };
    let changed = condition::set(conditions, condition(kind, is, reason, message));
    let holds = |kind: &str| {
        let found = conditions.iter().find(|held| held.kind == kind);
        found.is_some_and(|held| held.status == ConditionStatus::True)
    };
    let steps = [LAUNCHED, REGISTERED, INITIALIZED];
    let missing = steps.into_iter().find(|step| !holds(step));
    let ready = match missing {
        None => condition(condition::READY, true, "Initialized", "the node takes pods"),
        Some(step) => {
            let message = format!("the node is not {} yet", step.to_lowercase());
            condition(condition::READY, false, &format!("Not{step}"), &message)
        }
    };
    condition::set(conditions, ready) || changed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::nodeclaim::status::{INTERRUPTED, LAUNCHED};

    #[test]
    fn what_another_leader_wrote_of_an_end_is_kept_and_what_we_noted_stands() {
        let (mut ours, mut written) = (NodeClaimStatus::default(), NodeClaimStatus::default());
        note(&mut ours, LAUNCHED, true, "Launched", "ours");
        note(&mut written, LAUNCHED, true, "Launched", "theirs");
        note(
            &mut written,
            INTERRUPTED,
            true,
            "SpotInterruption",
            "theirs",
        );
        written.ends_at = Some("2026-11-21T00:00:00Z".into());
        complete(&mut ours, &written);
        assert_eq!(ours.ends_at, written.ends_at);
        let message = |kind: &str| {
            let conditions = ours.conditions.iter().flatten();
            let mut of = conditions.filter(|held| held.kind == kind);
            of.next().map(|held| held.message.as_str())
        };
        assert_eq!(message(LAUNCHED), Some("ours"));
        assert_eq!(message(INTERRUPTED), Some("theirs"));
    }
}
