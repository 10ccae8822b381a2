//! Everything that is known, as values that can be written out and read back: a cluster that is rebuilt
//! from them plans as the one that they were taken of. What follows from other parts (room, usage, the
//! market, who waits) is left out and computed again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::daemon::Daemon;
use crate::model::money::UsdPerHour;
use crate::model::name::{AppId, NodeId, PodId, PoolName};
use crate::model::node::{Purpose, Taint};
use crate::model::offering::{CapacityType, Catalog, TypeId, ZoneId};
use crate::model::pairs;
use crate::model::pool::Pool;
use crate::model::referent::Referents;
use crate::model::requirement::Labels;
use crate::model::resources::Resources;
use crate::model::spark::{Pod, Shape};
use crate::model::time::Timestamp;

use super::app::App;
use super::event::Slot;
use super::node::{Node, Stage};
use super::shortage::Shortages;
use super::state::Cluster;

/// A cluster at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// What the region sells.
    pub catalog: Arc<Catalog>,
    /// What has no rows of its own.
    pub rest: Rest,
    /// Applications, in order of name.
    pub apps: Vec<KnownApp>,
    /// Nodes, in order of name.
    pub nodes: Vec<KnownNode>,
    /// Pods, in order of name.
    pub pods: Vec<Pod>,
}

/// What is known beside applications, nodes and pods.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rest {
    /// Pools.
    pub pools: Vec<Arc<Pool>>,
    /// DaemonSets.
    pub daemons: Vec<Daemon>,
    /// Objects that pods' rules refer to.
    pub referents: Referents,
    /// What EC2 has run out of, or refuses.
    pub shortages: Shortages,
    /// Nodes ever asked for.
    pub asked: u64,
}

/// An application, its pods apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownApp {
    /// Its name.
    pub id: AppId,
    /// What it said it will ask for.
    pub shape: Option<Shape>,
    /// Its place in the queue.
    pub first_seen: Timestamp,
    /// How many pods of each kind there have been.
    #[serde(with = "pairs")]
    pub seen: BTreeMap<Slot, u32>,
    /// Since when its driver has had a node.
    pub driver_since: Option<Timestamp>,
    /// Room that awaited nodes hold for it.
    #[serde(with = "pairs")]
    pub held: BTreeMap<Slot, BTreeMap<NodeId, u32>>,
    /// Executors on nodes that are taken away.
    pub doomed: BTreeSet<PodId>,
    /// Pods that have been asked to go.
    pub leaving: BTreeSet<PodId>,
    /// When it gives up executors that never came.
    pub reserved_until: Option<Timestamp>,
    /// It asks for something that is not on its way.
    pub demanding: bool,
}

/// A node, its pods apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownNode {
    /// Its name.
    pub id: NodeId,
    /// The pool it belongs to.
    pub pool: Option<PoolName>,
    /// What it is for.
    pub purpose: Option<Purpose>,
    /// Its zone.
    pub zone: Option<ZoneId>,
    /// Spot or on-demand.
    pub capacity_type: Option<CapacityType>,
    /// Labels.
    pub labels: Labels,
    /// Taints.
    pub taints: Vec<Taint>,
    /// Room in all.
    pub allocatable: Resources,
    /// Room that it holds for pods that are not on it yet.
    pub promised: Resources,
    /// Applications that it holds room for.
    pub held_by: BTreeSet<AppId>,
    /// Where it is in its life.
    pub stage: Stage,
    /// Cordoned.
    pub unschedulable: bool,
    /// The types it may be.
    pub types: Vec<TypeId>,
    /// What it costs.
    pub price: UsdPerHour,
    /// Since when it is paid for.
    pub launched: Option<Timestamp>,
    /// When it is taken away.
    pub interrupted: Option<Timestamp>,
    /// Somebody deletes its claim.
    pub draining: bool,
    /// Since when it has been empty.
    pub empty_since: Option<Timestamp>,
    /// It came otherwise than it was asked for.
    pub strayed: bool,
}

impl Cluster {
    /// What is known at this moment. Costs a copy of each part, templates of pods apart.
    pub fn snapshot(&self) -> Snapshot {
        let mut apps: Vec<KnownApp> = self
            .apps
            .iter()
            .map(|(id, app)| known_app(id, app))
            .collect();
        let mut nodes: Vec<KnownNode> = self.nodes.values().map(known_node).collect();
        let mut pods: Vec<Pod> = self.pods.values().cloned().collect();
        apps.sort_by(|a, b| a.id.cmp(&b.id));
        nodes.sort_by(|a, b| a.id.cmp(&b.id));
        pods.sort_by(|a, b| a.id.cmp(&b.id));
        Snapshot {
            catalog: self.catalog.clone(),
            rest: Rest {
                pools: self.pools.values().cloned().collect(),
                daemons: self.daemons.values().cloned().collect(),
                referents: self.referents.clone(),
                shortages: self.shortages.clone(),
                asked: self.asked,
            },
            apps,
            nodes,
            pods,
        }
    }

    /// The cluster of which the snapshot was taken.
    pub fn restored(snapshot: &Snapshot) -> Cluster {
        let rest = &snapshot.rest;
        let pools = rest.pools.iter();
        let daemons = rest.daemons.iter();
        let mut cluster = Cluster::default();
        cluster.catalog = snapshot.catalog.clone();
        cluster.pools = pools.map(|p| (p.name.clone(), p.clone())).collect();
        cluster.daemons = daemons.map(|d| (d.name.clone(), d.clone())).collect();
        cluster.referents = rest.referents.clone();
        cluster.shortages = rest.shortages.clone();
        cluster.asked = rest.asked;
        for known in &snapshot.apps {
            cluster.restore_app(known);
        }
        for known in &snapshot.nodes {
            cluster.nodes.insert(known.id.clone(), node_of(known));
        }
        for pod in &snapshot.pods {
            cluster.restore_pod(pod);
        }
        for known in &snapshot.apps {
            cluster.restore_doomed(known);
        }
        for known in &snapshot.nodes {
            cluster.restore_beside(known);
        }
        cluster.settle();
        cluster
    }

    fn restore_app(&mut self, known: &KnownApp) {
        let mut app = App::new(known.first_seen);
        app.shape = known
            .shape
            .as_ref()
            .map(|shape| app.interned(shape.clone()));
        let seen = known.seen.iter();
        app.seen = seen.map(|(slot, count)| (slot.clone(), *count)).collect();
        app.driver_since = known.driver_since;
        app.held.clone_from(&known.held);
        app.demanding = known.demanding;
        app.reserved_until = known.reserved_until;
        let id = &known.id;
        self.apps.insert(id.clone(), app);
        if known.demanding {
            self.demanding.insert(id.clone());
        }
        let until = known.reserved_until;
        self.reservations
            .extend(until.map(|until| (until, id.clone())));
    }

    /// A pod among the known ones, with its application and on its node.
    fn restore_pod(&mut self, pod: &Pod) {
        let pod = self.with_known_template(pod.clone());
        let app = super::state::app_of(&pod).and_then(|id| self.apps.get_mut(&id));
        if let Some(app) = app {
            // When its driver came is known; the moment of the call would not be it.
            let since = app.driver_since;
            app.add(&pod, Timestamp::ZERO);
            app.driver_since = since;
        }
        let (place, _) = self.pods.insert_full(pod.id.clone(), pod);
        self.house(place);
    }

    fn restore_doomed(&mut self, known: &KnownApp) {
        let Some(app) = self.apps.get_mut(&known.id) else {
            return;
        };
        for pod in &known.doomed {
            if let Some(pod) = self.pods.get(pod) {
                app.doom(pod);
            }
        }
        app.leaving.clone_from(&known.leaving);
    }

    /// What is kept beside a node, once its pods are on it.
    fn restore_beside(&mut self, known: &KnownNode) {
        let Some(place) = self.nodes.get_index_of(&known.id) else {
            return;
        };
        let node = &mut self.nodes[place];
        node.empty_since = known.empty_since;
        if node.is_ours() && node.interrupted.is_some() {
            self.interrupted.insert(known.id.clone());
        }
        self.recharge(&known.id);
        self.note_change(place);
    }
}

fn known_app(id: &AppId, app: &App) -> KnownApp {
    let seen = app.seen.iter();
    KnownApp {
        id: id.clone(),
        shape: app.shape.clone(),
        first_seen: app.first_seen,
        seen: seen.map(|(slot, count)| (slot.clone(), count)).collect(),
        driver_since: app.driver_since,
        held: app.held.clone(),
        doomed: app.doomed.keys().cloned().collect(),
        leaving: app.leaving.clone(),
        reserved_until: app.reserved_until,
        demanding: app.demanding,
    }
}

fn known_node(node: &Node) -> KnownNode {
    KnownNode {
        id: node.id.clone(),
        pool: node.pool.clone(),
        purpose: node.purpose,
        zone: node.zone,
        capacity_type: node.capacity_type,
        labels: node.labels.clone(),
        taints: node.taints.clone(),
        allocatable: node.allocatable.clone(),
        promised: node.promised.clone(),
        held_by: node.held_by.clone(),
        stage: node.stage,
        unschedulable: node.unschedulable,
        types: node.types.clone(),
        price: node.price,
        launched: node.launched,
        interrupted: node.interrupted,
        draining: node.draining,
        empty_since: node.empty_since,
        strayed: node.strayed,
    }
}

fn node_of(known: &KnownNode) -> Node {
    Node {
        pool: known.pool.clone(),
        purpose: known.purpose,
        zone: known.zone,
        capacity_type: known.capacity_type,
        labels: known.labels.clone(),
        taints: known.taints.clone(),
        allocatable: known.allocatable.clone(),
        promised: known.promised.clone(),
        held_by: known.held_by.clone(),
        stage: known.stage,
        unschedulable: known.unschedulable,
        types: known.types.clone(),
        price: known.price,
        launched: known.launched,
        interrupted: known.interrupted,
        draining: known.draining,
        strayed: known.strayed,
        ..Node::named(&known.id)
    }
}

impl Snapshot {
    /// True where every type and zone that is named by its position is one of the catalogue's.
    pub fn is_sound(&self) -> bool {
        let catalog = &self.catalog;
        let zone = |zone: ZoneId| usize::from(zone.0) < catalog.zones.len();
        self.nodes.iter().all(|node| {
            node.zone.is_none_or(zone)
                && node
                    .types
                    .iter()
                    .all(|id| catalog.known_type(*id).is_some())
        })
    }
}
