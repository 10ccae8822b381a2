//! The fold from events to money. A node is paid from launch to leaving, by the second and at least a
//! minute (EC2's rule for Linux); until it is ready that is boot, then each pod takes its share while
//! it is bound, DaemonSets' and strangers' shares are system, and the rest is idle.

use std::collections::BTreeMap;

use crate::cluster::event::{Event, Fact, NodeFacts};
use crate::model::money::{Cost, UsdPerHour};
use crate::model::name::{AppId, NodeId, PodId, PoolName};
use crate::model::offering::{CapacityType, TypeId, ZoneId};
use crate::model::spark::{Pod, PodPhase};
use crate::model::time::{Span, Timestamp};

use super::weight::weight;

/// EC2 bills at least this much of each instance
/// (aws.amazon.com/about-aws/whats-new/2017/10/announcing-amazon-ec2-per-second-billing).
pub const BILLED_AT_LEAST: Span = Span::from_secs(60);

/// Where money goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Account {
    /// An application's pods.
    App(AppId),
    /// DaemonSets, and pods of no application.
    System,
}

/// A node that is or was paid for.
#[derive(Clone, Debug)]
pub struct PaidNode {
    /// Its pool.
    pub pool: PoolName,
    /// Its zone.
    pub zone: ZoneId,
    /// Spot or on-demand.
    pub capacity_type: CapacityType,
    /// The type that EC2 chose.
    pub instance_type: TypeId,
    /// What it costs.
    pub price: UsdPerHour,
    /// Since when it is paid for.
    pub launched: Timestamp,
    /// Since when it takes pods.
    pub ready: Option<Timestamp>,
    /// When it was given back.
    pub ended: Option<Timestamp>,
    weight: i128,
    open: BTreeMap<PodId, Tenant>,
    shared_out: Cost,
}

#[derive(Clone, Debug)]
struct Tenant {
    account: Account,
    weight: i128,
    since: Timestamp,
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
    /// Nodes by name, ended ones included.
    pub nodes: BTreeMap<NodeId, PaidNode>,
    orders: BTreeMap<NodeId, Order>,
    homes: BTreeMap<PodId, NodeId>,
    accounts: BTreeMap<Account, Cost>,
    rate: UsdPerHour,
    peak: UsdPerHour,
}

/// The ledger added up at one moment: `apps + idle + boot + system` is `nodes`, exactly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    /// By application.
    pub apps: Vec<(AppId, Cost)>,
    /// Ready, and not asked for by any pod; the rounding to seconds and the first minute included.
    pub idle: Cost,
    /// Paid, and not ready.
    pub boot: Cost,
    /// DaemonSets and pods of no application.
    pub system: Cost,
    /// By node.
    pub nodes: Vec<(NodeId, Cost)>,
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
                self.orders.remove(node);
            }
            Fact::NodeApplied(facts) => self.note_ready(facts, event.at),
            Fact::PodApplied(pod) => self.house(pod, event.at),
            Fact::PodEnded(pod) => self.end_pod(pod, event.at),
            Fact::NodeLeaving(node) | Fact::NodeGone(node) => self.close_node(node, event.at),
            _ => {}
        }
    }

    /// The highest rate at which nodes were paid so far.
    pub fn peak(&self) -> UsdPerHour {
        self.peak
    }

    /// Adds up everything until `now`; nodes that still run are paid until then.
    pub fn balance(&self, now: Timestamp) -> Balance {
        let mut accounts = self.accounts.clone();
        let (mut idle, mut boot) = (Cost::ZERO, Cost::ZERO);
        let mut nodes = Vec::with_capacity(self.nodes.len());
        for (id, node) in &self.nodes {
            let total = node.total(now);
            let open = node.open.values().map(|tenant| {
                let cost = node.share(tenant, now);
                *accounts.entry(tenant.account.clone()).or_default() += cost;
                cost
            });
            let shared_out = node.shared_out + open.sum();
            let booting = node.boot(now);
            boot += booting;
            idle += total - booting - shared_out;
            nodes.push((id.clone(), total));
        }
        let system = accounts.remove(&Account::System).unwrap_or_default();
        let apps = accounts
            .into_iter()
            .filter_map(|(account, cost)| match account {
                Account::App(app) => Some((app, cost)),
                Account::System => None,
            });
        Balance {
            apps: apps.collect(),
            idle,
            boot,
            system,
            nodes,
        }
    }

    fn open_node(&mut self, id: &NodeId, instance_type: TypeId, price: UsdPerHour, at: Timestamp) {
        let Some(order) = self.orders.remove(id) else {
            return;
        };
        self.rate += price;
        self.peak = self.peak.max(self.rate);
        let node = PaidNode {
            pool: order.pool,
            zone: order.zone,
            capacity_type: order.capacity_type,
            instance_type,
            price,
            launched: at,
            ready: None,
            ended: None,
            weight: 0,
            open: BTreeMap::new(),
            shared_out: Cost::ZERO,
        };
        self.nodes.insert(id.clone(), node);
    }

    fn note_ready(&mut self, facts: &NodeFacts, at: Timestamp) {
        if let Some(node) = self.nodes.get_mut(&facts.id).filter(|_| facts.ready) {
            node.ready.get_or_insert(at);
            if node.weight == 0 {
                node.weight = weight(&facts.allocatable);
            }
        }
    }

    fn house(&mut self, pod: &Pod, at: Timestamp) {
        let PodPhase::Bound(id) = &pod.phase else {
            return;
        };
        if self.homes.contains_key(&pod.id) {
            return;
        }
        let Some(node) = self.nodes.get_mut(id).filter(|node| node.ended.is_none()) else {
            return;
        };
        let account = match &pod.template.app {
            Some(app) if !pod.template.daemon => Account::App(app.clone()),
            _ => Account::System,
        };
        let tenant = Tenant {
            account,
            weight: weight(&pod.template.requests),
            since: at,
        };
        node.open.insert(pod.id.clone(), tenant);
        self.homes.insert(pod.id.clone(), id.clone());
    }

    fn end_pod(&mut self, pod: &PodId, at: Timestamp) {
        let Some(home) = self.homes.remove(pod) else {
            return;
        };
        let Some(node) = self.nodes.get_mut(&home) else {
            return;
        };
        let Some(tenant) = node.open.remove(pod) else {
            return;
        };
        let cost = node.share(&tenant, at);
        node.shared_out += cost;
        *self.accounts.entry(tenant.account).or_default() += cost;
    }

    fn close_node(&mut self, id: &NodeId, at: Timestamp) {
        let Some(node) = self.nodes.get_mut(id).filter(|node| node.ended.is_none()) else {
            return;
        };
        self.rate = self.rate - node.price;
        let pods: Vec<PodId> = node.open.keys().cloned().collect();
        for pod in pods {
            self.end_pod(&pod, at);
        }
        if let Some(node) = self.nodes.get_mut(id) {
            node.ended = Some(at);
        }
    }
}

impl PaidNode {
    /// What it has cost until `now`: whole seconds, at least a minute.
    pub fn total(&self, now: Timestamp) -> Cost {
        let lived = self.ended.unwrap_or(now) - self.launched;
        self.price
            .over(lived.round_up_to_seconds().max(BILLED_AT_LEAST))
    }

    fn boot(&self, now: Timestamp) -> Cost {
        let until = self.ready.or(self.ended).unwrap_or(now);
        self.price.over(until - self.launched)
    }

    fn share(&self, tenant: &Tenant, until: Timestamp) -> Cost {
        self.price
            .over(until - tenant.since)
            .share(tenant.weight, self.weight)
    }
}

#[cfg(test)]
#[path = "cost/tests.rs"]
mod tests;
