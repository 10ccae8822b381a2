//! The invariants, judged on effects alone: none may worsen one. Knows nothing of how the plan came
//! about, so that it can be wrong about none of it. Numbers are those of ARCHITECTURE.md.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::View;
use crate::cluster::event::Held;
use crate::cluster::market::Kind;
use crate::model::name::{AppId, PodId, PoolName};
use crate::model::offering::{CapacityType, TypeId, ZoneId};
use crate::model::placement::{HOSTNAME, are_apart};
use crate::model::pool::ZonePolicy;
use crate::model::resources::Resources;
use crate::model::spark::{PodPhase, Role};

use super::addresses;
use super::effect::{Effect, Launch};
use super::limits::Usage;

/// An effect that would break an invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Position of the effect.
    pub effect: usize,
    /// Number of the invariant.
    pub invariant: u8,
    /// How.
    pub how: String,
}

/// Every effect that would break an invariant.
pub fn violations(view: &View<'_>, effects: &[Effect]) -> Vec<Violation> {
    let mut found = Vec::new();
    if effects.is_empty() {
        return found;
    }
    let launches = effects
        .iter()
        .any(|effect| matches!(effect, Effect::Launch(_)));
    let (mut usage, mut free) = match launches {
        true => (view.cluster.usages.clone(), addresses::free(view)),
        false => Default::default(),
    };
    let mut zones: BTreeMap<AppId, BTreeSet<ZoneId>> = BTreeMap::new();
    for (i, effect) in effects.iter().enumerate() {
        let broken = match effect {
            Effect::Launch(launch) => launch_breaks(view, launch, &mut usage, &mut zones)
                .or_else(|| out_of_addresses(view, launch, &mut free)),
            Effect::Terminate { node, .. } => {
                let node = view.cluster.nodes.get(node);
                let free = node
                    .is_some_and(|node| node.is_ours() && node.unschedulable && node.working == 0);
                (!free).then(|| {
                    (
                        4,
                        "terminates a node that is in use, open, or not ours".into(),
                    )
                })
            }
            Effect::Cordon { node, .. } => {
                let node = view.cluster.nodes.get(node);
                let idle = node.is_some_and(|node| {
                    node.is_ours() && (node.drivers == 0 || node.interrupted.is_some())
                });
                (!idle).then(|| {
                    (
                        1,
                        "cordons a node with a driver, or one that is not ours".into(),
                    )
                })
            }
            Effect::Evict { pod, .. } => (!may_move(view, pod)).then(|| {
                let how = format!("evicts {pod}, a driver or on a node that stays");
                (1, how)
            }),
            Effect::Place(place) => (!view.cluster.pods.contains_key(&place.pod))
                .then(|| (2, format!("places {}, which is not there", place.pod))),
        };
        found.extend(broken.map(|(invariant, how)| Violation {
            effect: i,
            invariant,
            how,
        }));
    }
    found
}

type Broken = Option<(u8, String)>;

/// True for an executor whose node is being taken away.
fn may_move(view: &View<'_>, pod: &PodId) -> bool {
    let pod = view.cluster.pods.get(pod);
    pod.is_some_and(|pod| match &pod.phase {
        PodPhase::Bound(node) => {
            pod.template.role == Role::Executor && view.cluster.interrupted.contains(node)
        }
        PodPhase::Gated | PodPhase::Pending => false,
    })
}

fn launch_breaks(
    view: &View<'_>,
    launch: &Launch,
    usage: &mut BTreeMap<PoolName, Usage>,
    zones: &mut BTreeMap<AppId, BTreeSet<ZoneId>>,
) -> Broken {
    let kinds = kinds(view, launch);
    if kinds.len() != launch.intent.types.len() || kinds.is_empty() {
        return Some((7, "names an offering that the pool may not buy".into()));
    }
    spot_for_driver(view, launch)
        .or_else(|| sold_out(view, &kinds))
        .or_else(|| too_small(launch, &kinds))
        .or_else(|| over_limit(view, launch, &kinds, usage))
        .or_else(|| two_zones(view, launch, zones))
        .or_else(|| crowded(view, launch))
}

/// The kinds that a launch names.
fn kinds<'a>(view: &View<'a>, launch: &Launch) -> Vec<&'a Kind> {
    let intent = &launch.intent;
    let market = view.cluster.market();
    let Some(pool) = view.cluster.pools.get(&intent.pool) else {
        return Vec::new();
    };
    let place = (intent.zone, intent.purpose);
    let types = intent.types.iter();
    let of = |id: &TypeId| market.find(pool, place, (*id, intent.capacity_type));
    types.filter_map(of).collect()
}

fn held(launch: &Launch) -> impl Iterator<Item = &Held> {
    launch.intent.nodes.iter().flat_map(|node| &node.held)
}

fn spot_for_driver(view: &View<'_>, launch: &Launch) -> Broken {
    let on_spot = launch.intent.capacity_type == CapacityType::Spot;
    if !on_spot || !held(launch).any(|held| held.slot.role == Role::Driver) {
        return None;
    }
    let pool = view.cluster.pools.get(&launch.intent.pool)?;
    let pinned = launch.pods.iter().flatten().all(|pod| {
        let pod = view.cluster.pods.get(pod);
        pod.is_none_or(|pod| super::offer::pins_spot(&pod.template.constraints))
    });
    let allowed = pinned || pool.spot.roles.contains(&Role::Driver);
    (!allowed).then(|| {
        (
            1,
            "puts a driver on spot that neither it nor its pool asked for".into(),
        )
    })
}

fn sold_out(view: &View<'_>, kinds: &[&Kind]) -> Broken {
    let gone = kinds
        .iter()
        .find(|kind| !super::offer::is_available(view, kind))?;
    let name = &gone.instance_type(&view.cluster.catalog).name;
    Some((7, format!("asks for {name}, which is marked unavailable")))
}

fn out_of_addresses(view: &View<'_>, launch: &Launch, free: &mut BTreeMap<ZoneId, u32>) -> Broken {
    let left = free.get_mut(&launch.intent.zone)?;
    let needed: u32 = launch
        .pods
        .iter()
        .map(|pods| {
            let pods = u32::try_from(pods.len()).unwrap_or(u32::MAX);
            addresses::most(view, &launch.intent.types, pods)
        })
        .sum();
    let zone = &view.cluster.catalog.zone(launch.intent.zone).name;
    let how = format!("needs {needed} addresses in {zone}, which has {left}");
    let short = needed > *left;
    *left = left.saturating_sub(needed);
    short.then_some((7, how))
}

fn too_small(launch: &Launch, kinds: &[&Kind]) -> Broken {
    let small = launch.intent.nodes.iter().find(|node| {
        let mut load = Resources::default();
        node.held
            .iter()
            .for_each(|held| load += &held.slot.requests.times(held.count));
        !kinds.iter().all(|kind| load.fits(&kind.room))
    })?;
    Some((
        2,
        format!("gives {} a type that cannot hold its pods", small.id),
    ))
}

fn over_limit(
    view: &View<'_>,
    launch: &Launch,
    kinds: &[&Kind],
    usage: &mut BTreeMap<PoolName, Usage>,
) -> Broken {
    let pool = view.cluster.pools.get(&launch.intent.pool)?;
    let one = |kind: &&Kind| Usage::of(&view.cluster.catalog, kind);
    let worst = kinds.iter().map(one).fold(Usage::default(), Usage::or);
    let so_far = usage.entry(pool.name.clone()).or_default();
    for _ in 0..launch.count() {
        *so_far = so_far.plus(worst);
    }
    let limit = so_far.over(&pool.limits)?;
    Some((
        2,
        format!("exceeds {} of NodePool {}", limit.field(), pool.name),
    ))
}

/// Two pods on a node to be that refuse each other; pods that are only expected are not asked.
fn crowded(view: &View<'_>, launch: &Launch) -> Broken {
    let pods = &view.cluster.pods;
    let particular = |pod: &&PodId| {
        pods.get(*pod)
            .is_some_and(|pod| pod.template.placement.is_some())
    };
    for node in &launch.pods {
        let templates = || {
            node.iter()
                .filter_map(|pod| Some((pod, &pods.get(pod)?.template)))
        };
        for pod in node.iter().filter(particular) {
            let own = &pods.get(pod)?.template;
            let mut others = templates().filter(|(other, _)| *other != pod);
            let refused =
                others.find(|(_, other)| are_apart(own, other, HOSTNAME, &view.cluster.referents));
            if let Some((other, _)) = refused {
                return Some((
                    11,
                    format!("puts {pod} and {other}, which refuse each other, on one node"),
                ));
            }
        }
    }
    None
}

fn two_zones(
    view: &View<'_>,
    launch: &Launch,
    zones: &mut BTreeMap<AppId, BTreeSet<ZoneId>>,
) -> Broken {
    let pool = view.cluster.pools.get(&launch.intent.pool)?;
    if pool.zone == ZonePolicy::Spread {
        return None;
    }
    let split = held(launch).find(|held| {
        let known = zones.entry(held.app.clone()).or_default();
        known.insert(launch.intent.zone);
        known.len() > 1
    })?;
    Some((
        5,
        format!("puts application {} into a second zone", split.app),
    ))
}
