//! The fold: events in, knowledge out. An event costs about the same however large the cluster is.
//! Facts may come in any order that the sources allow: a pod bound to a node that is not known yet
//! counts from the moment the node is.

mod ec2;
mod nodes;
mod pods;
mod promises;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use crate::model::daemon::Daemon;
use crate::model::name::{AppId, Names, NodeId, PodId, PoolName, Table};
use crate::model::node::{INSTANCE_TYPE, ZONE};
use crate::model::offering::Catalog;
use crate::model::pool::Pool;
use crate::model::referent::Referents;
use crate::model::spark::{Pod, PodTemplate};
use crate::model::time::Timestamp;

use super::app::App;
use super::event::{Event, Fact};
use super::idle::Idle;
use super::market::Market;
use super::node::Node;
use super::shortage::Shortages;
use super::space::Space;
use super::usage::{self, Usages};

pub use pods::app_of;

/// Everything that is known.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    /// What the region sells.
    pub catalog: Arc<Catalog>,
    /// Pools by name.
    pub pools: BTreeMap<PoolName, Arc<Pool>>,
    /// DaemonSets by `namespace/name`.
    pub daemons: BTreeMap<String, Daemon>,
    /// Objects that pods' rules refer to.
    pub referents: Referents,
    /// Pods that count.
    pub pods: Table<PodId, Pod>,
    /// Applications, and single pods that belong to none.
    pub apps: Table<AppId, App>,
    /// Applications that ask for something which is not on its way.
    pub demanding: Names<AppId>,
    /// When applications that are provided for give up executors that never came.
    pub reservations: BTreeSet<(Timestamp, AppId)>,
    /// Nodes, awaited ones included.
    pub nodes: Table<NodeId, Node>,
    /// Nodes with room, by how much.
    pub space: Space,
    /// Nodes of ours that are ready and have nothing to do.
    pub idle: Idle,
    /// What each pool's nodes add up to.
    pub usages: Usages,
    /// Nodes of ours that EC2 takes back, or that somebody ends.
    pub interrupted: Names<NodeId>,
    /// What EC2 has run out of, or refuses.
    pub shortages: Shortages,
    /// Pods that have a node and ask something of their neighbours, of ports or of disks.
    pub particular: BTreeSet<PodId>,
    /// Nodes ever asked for: gives the next ones their names.
    pub asked: u64,
    market: OnceLock<Arc<Market>>,
    /// Pods bound to nodes that are not known.
    homeless: BTreeMap<NodeId, Names<PodId>>,
    /// Places of nodes that what is kept beside them does not follow yet; they hold until a node goes.
    changed: Vec<usize>,
    /// Templates of pods that belong to no application.
    templates: BTreeSet<Arc<PodTemplate>>,
}

impl Cluster {
    /// Takes in one event.
    pub fn apply(&mut self, event: &Event) {
        self.fold(event.clone());
        self.settle();
    }

    /// Takes in one of several events. What is kept beside the nodes is read after [`Cluster::settle`] only.
    pub fn fold(&mut self, event: Event) {
        let at = event.at;
        match event.fact {
            Fact::CatalogListed(catalog) => self.list(&catalog),
            Fact::PoolApplied(pool) => {
                let pool = in_region(pool, &self.catalog.region);
                self.pools.insert(pool.name.clone(), pool);
                self.rethink();
            }
            Fact::PoolDeleted(name) => {
                self.pools.remove(&name);
                self.rethink();
            }
            Fact::DaemonApplied(daemon) => {
                self.daemons.insert(daemon.name.clone(), *daemon);
                self.rethink();
            }
            Fact::DaemonDeleted(name) => {
                self.daemons.remove(&name);
                self.rethink();
            }
            Fact::ReferentApplied { name, referent } => self.referents.insert(&name, *referent),
            Fact::ReferentDeleted(kind, name) => self.referents.remove(kind, &name),
            Fact::ShapeDeclared { app, shape } => self.declare(&app, *shape),
            Fact::ShapeWithdrawn(app) => self.withdraw(&app),
            Fact::PodApplied(pod) => self.apply_pod(pod, at),
            Fact::PodLeaving(pod) => self.leave_pod(&pod),
            Fact::PodEnded(pod) => self.end_pod(&pod, at),
            Fact::NodeApplied(facts) => self.apply_node(&facts, at),
            Fact::NodeGone(node) | Fact::NodeRefused(node) => self.remove_node(&node),
            Fact::LaunchAsked(intent) => self.await_nodes(&intent),
            Fact::RoomHeld { node, held } => self.hold(&node, &held),
            Fact::NodeLaunched {
                node,
                instance_type,
                price,
            } => self.launched(&node, instance_type, price, at),
            Fact::OfferingUnavailable {
                instance_type,
                zone,
                capacity_type,
                until,
            } => {
                let key = (instance_type, zone, capacity_type);
                self.shortages.refuse_offering(key, at, until);
            }
            Fact::QuotaReached {
                class,
                capacity_type,
                until,
            } => self
                .shortages
                .refuse_quota((class, capacity_type), at, until),
            Fact::ZoneAddresses { zone, free } => {
                self.shortages.addresses.insert(zone, free);
            }
            Fact::CniConfigured(cni) => self.shortages.cni = cni,
            Fact::PricesChanged(changes) => self.reprice(&changes),
            Fact::NodeLeaving(node) | Fact::NodeReclaimed(node) => self.leaving(&node),
            Fact::NodeInterrupted { node, until } => self.interrupt(&node, until),
            Fact::NodeDraining { node, until } => self.drain(&node, until),
        }
    }

    /// What could be bought; computed when first asked for after a change of what it derives from.
    pub fn market(&self) -> &Market {
        self.shared_market()
    }

    /// The same, to be held on to: as long as it is the same one, what was read of it holds.
    pub fn shared_market(&self) -> &Arc<Market> {
        let pools = self.pools.values();
        let market = || Market::new(&self.catalog, pools, &self.daemons);
        self.market.get_or_init(|| Arc::new(market()))
    }

    fn list(&mut self, catalog: &Arc<Catalog>) {
        let old = std::mem::replace(&mut self.catalog, catalog.clone());
        for pool in self.pools.values_mut() {
            *pool = in_region(pool.clone(), &catalog.region);
        }
        for node in self.nodes.values_mut() {
            self.space.forget(node);
            node.zone = node
                .labels
                .get(ZONE)
                .and_then(|name| catalog.find_zone(name));
            let named = node
                .types
                .iter()
                .map(|id| old.instance_type(*id).name.as_str());
            let label = node.labels.get(INSTANCE_TYPE).map(String::as_str);
            let names = named.chain(label.filter(|_| node.types.is_empty()));
            node.types = names.filter_map(|name| catalog.find_type(name)).collect();
            self.space.note(node);
            usage::charge(&mut self.usages, catalog, node);
        }
        self.rethink();
    }

    /// What pools allow or nodes offer has changed: nobody is provided for until it is looked at again.
    fn rethink(&mut self) {
        self.market = OnceLock::new();
        let ids: Vec<AppId> = self.apps.keys().cloned().collect();
        ids.iter().for_each(|id| self.note_demand(id));
    }
}

/// The pool with the region's name where it has a placeholder for it, once a catalogue has told it.
fn in_region(pool: Arc<Pool>, region: &str) -> Arc<Pool> {
    if region.is_empty() {
        pool
    } else {
        Arc::new(pool.for_region(region))
    }
}

#[cfg(test)]
mod tests;
