//! The fold from events to money. A node is paid from launch to leaving, by the second and at least a
//! minute (EC2's rule for Linux); until it is ready that is boot, then each pod takes its share while
//! it is bound, DaemonSets' and strangers' shares are system, and the rest is idle. What EC2 takes back
//! in its first hour is free, and so is what ran on it.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};

use indexmap::map::Entry;

use crate::cluster::event::{Event, Fact, NodeFacts, PriceChange};
use crate::model::money::{Cost, UsdPerHour};
use crate::model::name::{AppId, Names, NodeId, PodId, PoolName, Table};
use crate::model::offering::{CapacityType, TypeId, ZoneId};
use crate::model::spark::{Pod, PodPhase};
use crate::model::time::Timestamp;

use super::bygone::{self, Bygone, Sort, Sum};
use super::node::{PaidNode, Tenant};
use super::weight::weight;

/// Nodes beyond which those that end are no longer known by name: as many as a report lists.
pub const MOST_NAMED: usize = 10_000;

/// Where money goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Account {
    /// An application's pods.
    App(AppId),
    /// DaemonSets, and pods of no application.
    System,
}

/// An application's is that of its name.
impl Hash for Account {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Account::App(app) => app.hash(state),
            Account::System => state.write_u64(0),
        }
    }
}

#[derive(Clone, Debug)]
struct Order {
    pool: PoolName,
    zone: ZoneId,
    capacity_type: CapacityType,
}

/// All money so far. Only nodes that we launched are in it.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// Nodes by name: those that run, and those that have ended while there were few.
    pub nodes: Table<NodeId, PaidNode>,
    /// Nodes that have ended since there are [`MOST_NAMED`], by what is alike about them.
    pub bygone: Bygone,
    orders: Table<NodeId, Order>,
    homes: Table<PodId, NodeId>,
    /// What is owed of nodes that have ended, or was written off while they run.
    accounts: Table<Account, Cost>,
    /// What of it was collected.
    collected: Cost,
    /// Spot nodes that run, by what they were bought as.
    running: BTreeMap<(TypeId, ZoneId), Names<NodeId>>,
    rate: UsdPerHour,
    peak: UsdPerHour,
}

/// The ledger added up at one moment: `apps + collected + idle + boot + system` is `nodes + bygone`, exactly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    /// By application, besides what was collected.
    pub apps: Vec<(AppId, Cost)>,
    /// What applications owed and [`Ledger::collect`] handed over.
    pub collected: Cost,
    /// Ready, and not asked for by any pod; the rounding to seconds and the first minute included.
    pub idle: Cost,
    /// Paid, and not ready.
    pub boot: Cost,
    /// DaemonSets and pods of no application.
    pub system: Cost,
    /// By node, in order of name, as far as they are known by it.
    pub nodes: Vec<(NodeId, Cost)>,
    /// All other nodes.
    pub bygone: Cost,
}

impl Ledger {
    /// Takes in one event.
    pub fn apply(&mut self, event: &Event) {
        match &event.fact {
            Fact::LaunchAsked(intent) => {
                for node in &intent.nodes {
                    let order = Order {
                        pool: intent.pool.clone(),
                        zone: intent.zone,
                        capacity_type: intent.capacity_type,
                    };
                    self.orders.insert(node.id.clone(), order);
                }
            }
            Fact::NodeLaunched {
                node,
                instance_type,
                price,
            } => {
                self.open_node(node, *instance_type, *price, event.at);
            }
            Fact::NodeRefused(node) => {
                self.orders.swap_remove(node);
            }
            Fact::NodeApplied(facts) => self.note_ready(facts, event.at),
            Fact::PodApplied(pod) => self.house(pod, event.at),
            Fact::PodEnded(pod) => self.end_pod(pod, event.at),
            Fact::NodeLeaving(node) | Fact::NodeGone(node) => {
                self.close_node(node, event.at, false);
            }
            Fact::NodeReclaimed(node) => self.close_node(node, event.at, true),
            Fact::PricesChanged(changes) => self.reprice(changes, event.at),
            _ => {}
        }
    }

    /// The highest rate at which nodes were paid so far.
    pub fn peak(&self) -> UsdPerHour {
        self.peak
    }

    /// Hands over what applications owe and nothing can change any more, in order of their names, to books that are
    /// kept elsewhere: the ledger keeps the sum, and forgets their names unless they are [`Ledger::debtors`].
    pub fn collect(&mut self, now: Timestamp) -> Vec<(AppId, Cost)> {
        for node in self
            .nodes
            .values_mut()
            .filter(|node| node.is_owed_for_good(now))
        {
            for (account, cost) in node.write_off() {
                *self.accounts.entry(account).or_default() += cost;
            }
        }
        let mut collected = Vec::with_capacity(self.accounts.len());
        for (account, cost) in std::mem::take(&mut self.accounts) {
            match account {
                Account::App(app) => {
                    self.collected += cost;
                    collected.push((app, cost));
                }
                Account::System => {
                    self.accounts.insert(account, cost);
                }
            }
        }
        collected.sort();
        collected
    }

    /// Applications that have pods on nodes that run, or owe of such nodes what was not collected. What any
    /// other owes does not change until it has a pod again.
    pub fn debtors(&self) -> BTreeSet<&AppId> {
        let running = self.nodes.values().filter(|node| node.ended.is_none());
        let accounts = running.flat_map(PaidNode::debtors);
        let apps = accounts.filter_map(|account| match account {
            Account::App(app) => Some(app),
            Account::System => None,
        });
        apps.collect()
    }

    /// Adds up everything until `now`; nodes that still run are paid until then.
    pub fn balance(&self, now: Timestamp) -> Balance {
        let mut accounts: BTreeMap<&Account, Cost> = self
            .accounts
            .iter()
            .map(|(account, cost)| (account, *cost))
            .collect();
        let (mut idle, mut boot) = (Cost::ZERO, Cost::ZERO);
        let mut nodes = Vec::with_capacity(self.nodes.len());
        for (id, node) in &self.nodes {
            let total = node.total(now);
            let booting = node.boot(now);
            boot += booting;
            idle += total - booting - node.written_off();
            for (account, cost) in node.owed(now) {
                *accounts.entry(account).or_default() += cost;
                idle = idle - cost;
            }
            nodes.push((id.clone(), total));
        }
        nodes.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut bygone = Cost::ZERO;
        for sum in self.bygone.values() {
            boot += sum.boot;
            idle += sum.cost - sum.boot - sum.written_off;
            bygone += sum.cost;
        }
        let system = accounts.remove(&Account::System).unwrap_or_default();
        let apps = accounts
            .into_iter()
            .filter_map(|(account, cost)| match account {
                Account::App(app) => Some((app.clone(), cost)),
                Account::System => None,
            });
        Balance {
            apps: apps.collect(),
            collected: self.collected,
            idle,
            boot,
            system,
            nodes,
            bygone,
        }
    }

    fn open_node(&mut self, id: &NodeId, instance_type: TypeId, price: UsdPerHour, at: Timestamp) {
        let Some(order) = self.orders.swap_remove(id) else {
            return;
        };
        self.rate += price;
        self.peak = self.peak.max(self.rate);
        if order.capacity_type == CapacityType::Spot {
            let bought = (instance_type, order.zone);
            self.running.entry(bought).or_default().insert(id.clone());
        }
        let order = (order.pool, order.zone, order.capacity_type);
        let node = PaidNode::new(order, instance_type, price, at);
        self.nodes.insert(id.clone(), node);
    }

    fn note_ready(&mut self, facts: &NodeFacts, at: Timestamp) {
        if let Some(node) = self.nodes.get_mut(&facts.id).filter(|_| facts.ready) {
            node.becomes_ready(at);
            if node.weight == 0 {
                node.weight = weight(&facts.allocatable);
            }
        }
    }

    fn house(&mut self, pod: &Pod, at: Timestamp) {
        let PodPhase::Bound(id) = &pod.phase else {
            return;
        };
        let Some(node) = self.nodes.get_mut(id).filter(|node| node.ended.is_none()) else {
            return;
        };
        let Entry::Vacant(home) = self.homes.entry(pod.id.clone()) else {
            return;
        };
        home.insert(id.clone());
        let account = match &pod.template.app {
            Some(app) if !pod.template.daemon => Account::App(app.clone()),
            _ => Account::System,
        };
        node.open.push(Tenant {
            pod: pod.id.clone(),
            account,
            weight: weight(&pod.template.requests),
            since: at,
        });
    }

    fn end_pod(&mut self, pod: &PodId, at: Timestamp) {
        let Some(home) = self.homes.swap_remove(pod) else {
            return;
        };
        if let Some(node) = self.nodes.get_mut(&home) {
            node.leaves(pod, at);
        }
    }

    fn reprice(&mut self, changes: &[PriceChange], at: Timestamp) {
        let spot = |change: &&PriceChange| change.capacity_type == CapacityType::Spot;
        for change in changes.iter().filter(spot) {
            let bought = (change.instance_type, change.zone);
            for id in self.running.get(&bought).into_iter().flatten() {
                if let Some(node) = self.nodes.get_mut(id) {
                    self.rate = self.rate - node.price + change.price;
                    node.reprice(change.price, at);
                }
            }
        }
        self.peak = self.peak.max(self.rate);
    }

    fn close_node(&mut self, id: &NodeId, at: Timestamp, reclaimed: bool) {
        let Some(node) = self.nodes.get_mut(id).filter(|node| node.ended.is_none()) else {
            return;
        };
        self.rate = self.rate - node.price;
        for tenant in &node.open {
            self.homes.swap_remove(&tenant.pod);
        }
        node.ends(at, reclaimed);
        for (account, cost) in node.write_off() {
            *self.accounts.entry(account).or_default() += cost;
        }
        let bought = (node.instance_type, node.zone);
        if let Some(nodes) = self.running.get_mut(&bought) {
            nodes.swap_remove(id);
            if nodes.is_empty() {
                self.running.remove(&bought);
            }
        }
        if self.nodes.len() > MOST_NAMED
            && let Some(node) = self.nodes.swap_remove(id)
        {
            bygone::add(&mut self.bygone, Sort::of(&node), Sum::of(&node, at));
        }
    }
}

#[cfg(test)]
#[path = "cost/tests.rs"]
mod tests;
