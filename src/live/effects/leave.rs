//! Nodes that go. A node that is to leave by the plan is looked at once more by the API server's own word;
//! a claim that is being deleted has its node emptied, its instance ended and confirmed gone, its node
//! object removed, and then it is let go. Every step can be taken again after a restart.

use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{DeleteParams, ListParams};
use kube::{Api, Client};
use tokio::time::sleep;

use crate::cluster::event::Fact;
use crate::cluster::kubernetes;
use crate::model::name::NodeId;
use crate::model::spark::Role;
use crate::model::time::Span;

use super::claims::{self, unless_gone};
use super::evict::{ask, may_move, role};
use super::mourn;
use super::register;
use crate::live::crash;
use crate::live::ec2::{Ec2Error, InstanceState};
use crate::live::heard::{Hand, Heard};
use crate::live::world::{PAUSE, World, wait_before};

/// The longest that a claim's pods may hold it when somebody deletes it; then its instance is ended.
pub const LONGEST_DRAIN: Span = Span::from_secs(600);
/// How long executors are left to the planner, which moves them when there is room for their successors.
const PLANNED_DRAIN: Span = Span::from_secs(300);
/// Between two looks at a node that is being emptied.
const DRAIN_LOOK: Duration = Duration::from_secs(2);
/// Looks at an instance that is being ended: EC2 takes seconds, sometimes minutes.
const CONFIRMATIONS: u32 = 60;
/// Tries of one step before it is left to the next round.
const TRIES: u32 = 8;

/// A node of ours, and what runs behind it.
#[derive(Clone, Debug)]
pub struct Leaving {
    /// Its claim.
    pub claim: String,
    /// Its name, where it has joined.
    pub node: Option<String>,
    /// Its instance, where EC2 has given one.
    pub instance: Option<String>,
    /// The epoch in which this was decided.
    pub epoch: u64,
}

/// Ends a node that the plan found empty, unless a pod has slipped in since.
pub async fn leave(world: World, leaving: Leaving) {
    let hand = Hand::Leave(leaving.claim.clone());
    let empty = match &leaving.node {
        Some(node) => match counted(&world.client, node).await {
            Ok(pods) => pods.is_empty(),
            Err(error) => {
                tracing::warn!(node, %error, "pods of a node that is to go cannot be listed; it stays");
                false
            }
        },
        None => true,
    };
    if empty && world.lease.holds(leaving.epoch) {
        let deleted = claims::delete(&world.client, &leaving.claim).await;
        return world.ended(hand, deleted).await;
    }
    tracing::info!(
        claim = leaving.claim,
        "a pod slipped in, or we do not lead; the node stays"
    );
    sleep(PAUSE).await;
    world.done(hand).await;
}

/// Brings a claim to its end.
pub async fn end(world: World, leaving: Leaving) {
    let hand = Hand::End(leaving.claim.clone());
    if let Err(problem) = ended(&world, &leaving).await {
        tracing::warn!(
            claim = leaving.claim,
            problem,
            "claim is not ended yet; it is tried again"
        );
        sleep(PAUSE).await;
    }
    world.done(hand).await;
}

/// Ends an instance that nobody claims.
pub async fn end_stray(world: World, instance: String, epoch: u64) {
    if world.lease.holds(epoch) {
        tracing::warn!(instance, "instance has no claim and is ended");
        world.ec2.terminate(std::slice::from_ref(&instance)).await;
    }
    world.done(Hand::Stray(instance)).await;
}

async fn ended(world: &World, leaving: &Leaving) -> Result<(), String> {
    if let Some(instance) = &leaving.instance {
        // An instance that EC2 does not find may be too new to be found: it is ended all the same.
        let state = state(world, instance).await.ok().flatten();
        if let (Some(node), Some(true)) = (&leaving.node, state.map(runs)) {
            drain(&world.client, node).await?;
        }
        let gone = Fact::NodeLeaving(NodeId::from(leaving.claim.as_str()));
        world.tell(Heard::Fact(gone)).await;
        if state.is_none_or(runs) {
            terminate(world, leaving, instance).await?;
        }
        if let Some(node) = &leaving.node {
            mourn::mourn(&world.client, node).await;
        }
    }
    if let Some(node) = &leaving.node {
        let api: Api<Node> = Api::all(world.client.clone());
        let deleted = unless_gone(api.delete(node, &DeleteParams::default()).await);
        deleted.map_err(|error| format!("delete node {node}: {error}"))?;
    }
    crash::point("before-finalizer");
    let released = claims::release(&world.client, &leaving.claim).await;
    crash::point("after-finalizer");
    released.map_err(|error| format!("let the claim go: {error}"))
}

/// Cordons a node, evicts what may be moved and waits for the rest, for as long as pods may hold it.
async fn drain(client: &Client, node: &str) -> Result<(), String> {
    let began = Instant::now();
    let past =
        |limit: Span| began.elapsed().as_millis() > u128::from(limit.millis().unsigned_abs());
    let cordoned = register::cordon(client, node).await;
    cordoned.map_err(|error| format!("cordon node {node}: {error}"))?;
    loop {
        let pods = counted(client, node).await;
        let pods = pods.map_err(|error| format!("list pods of node {node}: {error}"))?;
        if pods.is_empty() || past(LONGEST_DRAIN) {
            return Ok(());
        }
        let ours = |pod: &&Pod| role(pod) != Role::Executor || past(PLANNED_DRAIN);
        for pod in pods.iter().filter(|pod| may_move(pod)).filter(ours) {
            ask(client, pod).await;
        }
        sleep(DRAIN_LOOK).await;
    }
}

/// Pods of a node that count, by the API server's own word and not a watch's.
async fn counted(client: &Client, node: &str) -> Result<Vec<Pod>, kube::Error> {
    let api: Api<Pod> = Api::all(client.clone());
    let on_node = ListParams::default().fields(&format!("spec.nodeName={node}"));
    let listed = api.list(&on_node).await?;
    let counts = |pod: &Pod| {
        kubernetes::pod(pod)
            .ok()
            .flatten()
            .is_some_and(|pod| !pod.template.daemon)
    };
    Ok(listed.items.into_iter().filter(counts).collect())
}

async fn terminate(world: &World, leaving: &Leaving, instance: &String) -> Result<(), String> {
    for attempt in 1..=TRIES {
        if !world.lease.holds(leaving.epoch) {
            return Err("another replica may lead".into());
        }
        crash::point("before-terminate");
        let outcomes = world.ec2.terminate(std::slice::from_ref(instance)).await;
        crash::point("after-terminate");
        match outcomes.into_iter().next() {
            None | Some((_, Ok(()))) => return confirm(world, instance).await,
            Some((_, Err(error @ Ec2Error::Refused { .. }))) => return Err(error.to_string()),
            Some((_, Err(_))) => sleep(wait_before(attempt)).await,
        }
    }
    Err(format!("instance {instance} cannot be ended"))
}

/// Waits until EC2 says that an instance does not run any more.
async fn confirm(world: &World, instance: &str) -> Result<(), String> {
    for attempt in 1..=CONFIRMATIONS {
        match state(world, instance).await {
            Ok(state) if !state.is_some_and(runs) => return Ok(()),
            Ok(_) => {}
            Err(error) => tracing::info!(instance, %error, "instance cannot be looked at"),
        }
        sleep(wait_before(attempt.min(4))).await;
    }
    Err(format!("instance {instance} still runs"))
}

async fn state(world: &World, instance: &str) -> Result<Option<InstanceState>, Ec2Error> {
    let found = world.ec2.instances_of(&[instance.to_owned()]).await?;
    let found = found.into_iter().find(|one| one.id == instance);
    Ok(found.map(|one| one.state))
}

fn runs(state: InstanceState) -> bool {
    matches!(state, InstanceState::Pending | InstanceState::Running)
}
