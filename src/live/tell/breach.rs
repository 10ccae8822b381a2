//! What cannot be promised of pods that no gate holds: that a gang starts whole, in one zone, executors away
//! from drivers, and that nobody else buys for them. Where it comes about otherwise it is told, once for
//! each application; nothing is done about it.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::Cluster;
use crate::cluster::app::App;
use crate::cluster::event::{Event, Fact};
use crate::cluster::node::Node;
use crate::cluster::state::app_of;
use crate::model::name::{AppId, NodeId, PodId};
use crate::model::node::MANAGED;
use crate::model::offering::ZoneId;
use crate::model::pool::ZonePolicy;
use crate::model::spark::{PodPhase, PodTemplate, Role};
use crate::plan::Plan;

/// Applications that are remembered as told of, before those that are over are forgotten.
const MOST_TOLD: usize = 10_000;

/// What came about otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A part of a gang has nodes, and the rest cannot be placed.
    GangSplit,
    /// An application is in several zones, and its pools do not spread.
    SeveralZones,
    /// An executor is on a driver's node, which it keeps from becoming empty.
    BesideDriver,
    /// Another autoscaler may buy for the same pods.
    OtherAutoscaler,
}

impl Kind {
    /// Stable name, for machines.
    pub const fn code(self) -> &'static str {
        match self {
            Kind::GangSplit => "gang-split",
            Kind::SeveralZones => "several-zones",
            Kind::BesideDriver => "beside-driver",
            Kind::OtherAutoscaler => "other-autoscaler",
        }
    }

    /// What came about, and what would help.
    pub const fn note(self) -> &'static str {
        match self {
            Kind::GangSplit => {
                "pods of the application run, and others that it needs cannot be placed; give its pods the \
                 scheduling gate sparkwright.dev/placement to have it start whole"
            }
            Kind::SeveralZones => {
                "the application runs in several zones; give its pods the scheduling gate \
                 sparkwright.dev/placement, or select topology.kubernetes.io/zone, to keep it in one"
            }
            Kind::BesideDriver => {
                "an executor runs on a driver's node, which cannot leave before both end; have executors \
                 select sparkwright.dev/purpose: work"
            }
            Kind::OtherAutoscaler => {
                "Karpenter is installed too and may launch nodes for this pod; have it select \
                 sparkwright.dev/managed: \"true\", or give it the scheduling gate sparkwright.dev/placement"
            }
        }
    }
}

/// Something to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// The application.
    pub app: AppId,
    /// One of its pods.
    pub pod: PodId,
    /// What came about.
    pub kind: Kind,
}

/// What has been told, and what may have to be.
#[derive(Debug, Default)]
pub struct Breaches {
    /// Applications of which something has changed since the last look.
    changed: BTreeSet<AppId>,
    told: BTreeSet<(AppId, Kind)>,
    /// Karpenter's resources are served by the API server.
    pub others: bool,
}

impl Breaches {
    /// An event has been folded.
    pub fn event(&mut self, event: &Event) {
        if let Fact::PodApplied(pod) = &event.fact
            && pod.template.role != Role::Other
            && let Some(app) = app_of(pod)
        {
            self.changed.insert(app);
        }
    }

    /// What is to be told when the planner has looked.
    pub fn round(&mut self, cluster: &Cluster, plan: &Plan) -> Vec<Breach> {
        let waiting = observed(cluster, plan);
        let mut changed = std::mem::take(&mut self.changed);
        changed.extend(waiting.keys().cloned());
        let mut found = Vec::new();
        for id in changed {
            let Some(app) = cluster.apps.get(&id) else {
                continue;
            };
            let kinds = [
                (Kind::GangSplit, split(app, waiting.get(&id))),
                (Kind::SeveralZones, in_several_zones(cluster, app)),
                (Kind::BesideDriver, beside_driver(cluster, app)),
                (Kind::OtherAutoscaler, self.contested(cluster, app)),
            ];
            for (kind, pod) in kinds {
                if let Some(pod) = pod.filter(|_| self.told.insert((id.clone(), kind))) {
                    let app = id.clone();
                    found.push(Breach { app, pod, kind });
                }
            }
        }
        if self.told.len() > MOST_TOLD {
            self.told.retain(|(app, _)| cluster.apps.contains_key(app));
        }
        found
    }

    /// A pod without gate that any autoscaler may serve, where there is another.
    fn contested(&self, cluster: &Cluster, app: &App) -> Option<PodId> {
        if !self.others {
            return None;
        }
        let free = |template: &PodTemplate| {
            let mut all = template.constraints.all.iter();
            template.role != Role::Other && !all.any(|requirement| requirement.key == MANAGED)
        };
        let waiting = app.waiting.iter().filter(|(template, _)| free(template));
        let pods = waiting.flat_map(|(_, pods)| pods);
        let observed = pods.filter(|pod| is_observed(cluster, pod));
        observed.min().cloned()
    }
}

/// Pods that wait without a gate and for more than a node's boot: the first of each application.
fn observed(cluster: &Cluster, plan: &Plan) -> BTreeMap<AppId, PodId> {
    let mut first = BTreeMap::new();
    for waiting in &plan.waiting {
        let pod = cluster.pods.get(&waiting.pod);
        let app = pod
            .filter(|pod| pod.phase == PodPhase::Pending && pod.template.role != Role::Other)
            .and_then(app_of);
        if let Some(app) = app {
            first.entry(app).or_insert_with(|| waiting.pod.clone());
        }
    }
    first
}

fn is_observed(cluster: &Cluster, pod: &PodId) -> bool {
    let pod = cluster.pods.get(pod);
    pod.is_some_and(|pod| pod.phase == PodPhase::Pending)
}

/// The pod that cannot be placed, where others run and the minimum does not: what was declared, or without
/// a declaration one executor.
fn split(app: &App, waits: Option<&PodId>) -> Option<PodId> {
    let waits = waits?;
    let count = |role| app.bound.values().filter(|(of, _)| *of == role).count();
    let declared = app.shape.as_ref().map(|shape| {
        let groups = shape.executors.iter();
        let least: u32 = groups.map(|group| group.min).sum();
        (least, usize::from(shape.driver.is_some()))
    });
    let (executors, drivers) = declared.unwrap_or((1, 0));
    let executors = usize::try_from(executors).unwrap_or(usize::MAX);
    let whole = count(Role::Executor) >= executors && count(Role::Driver) >= drivers;
    (!app.bound.is_empty() && !whole).then(|| waits.clone())
}

/// A pod in another zone than the first, on nodes whose pools keep applications in one.
fn in_several_zones(cluster: &Cluster, app: &App) -> Option<PodId> {
    let spreads = |node: &Node| {
        let pool = node.pool.as_ref();
        let pool = pool.and_then(|name| cluster.pools.get(name));
        pool.is_some_and(|pool| pool.zone == ZonePolicy::Spread)
    };
    let zone = |id: &NodeId| -> Option<ZoneId> {
        let node = cluster.nodes.get(id)?;
        node.zone.filter(|_| !spreads(node))
    };
    let bound = app.bound.iter();
    let zones = bound.filter_map(|(pod, (_, node))| Some((pod, zone(node)?)));
    let (_, first) = zones.clone().min()?;
    let others = zones.filter(|(_, zone)| *zone != first);
    others.min().map(|(pod, _)| pod.clone())
}

/// An executor on a node of ours that a driver is on.
fn beside_driver(cluster: &Cluster, app: &App) -> Option<PodId> {
    let bound = app.bound.iter();
    let beside = bound.filter(|(_, (role, node))| {
        let node = cluster.nodes.get(node);
        *role == Role::Executor && node.is_some_and(|node| node.is_ours() && node.drivers > 0)
    });
    beside.map(|(pod, _)| pod).min().cloned()
}

#[cfg(test)]
mod tests;
