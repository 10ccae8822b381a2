//! EC2 as a state machine on a virtual clock: what a CreateFleet call is given or refused, and what
//! becomes of the instances. It knows no pod, no plan and no agenda: whoever drives it says what time it
//! is, and is told when something will happen. What it does at random comes from seeded streams.

pub mod address;
pub mod capacity;
mod create;
pub mod interrupt;
pub mod pick;
pub mod price;
pub mod quota;
pub mod throttle;

use std::collections::BTreeMap;
use std::sync::Arc;

use sparkwright::cluster::Cluster;
use sparkwright::cluster::event::{Fact, Intent, NodeFacts, PriceChange};
use sparkwright::cluster::shortage::{OfferingKey, QuotaKey};
use sparkwright::model::money::UsdPerHour;
use sparkwright::model::name::{NodeId, Table};
use sparkwright::model::node::INSTANCE_TYPE;
use sparkwright::model::offering::{CapacityType, Catalog, TypeId, ZoneId};
use sparkwright::model::quota::QuotaClass;
use sparkwright::model::requirement::Labels;
use sparkwright::model::time::{Span, Timestamp};

use super::conditions::Conditions;
use super::delays::Delays;
use super::stream::stream;
use address::Addresses;
use capacity::Capacity;
use interrupt::Interruptions;
use price::Prices;
use quota::Quotas;
use throttle::Tokens;

pub use create::{Answer, Choice, Code, FleetError, Request};

/// Sorts of nodes whose labels are kept to be shared; beyond it all are forgotten.
const MOST_LABELS: usize = 4_096;

/// An instance, given or running.
#[derive(Clone, Debug)]
struct Instance {
    of: OfferingKey,
    /// What a plan asked for; None where somebody else asked.
    intent: Option<Arc<Intent>>,
    facts: Option<NodeFacts>,
    running: bool,
    /// Given back by us, or about to be taken by EC2.
    ends: bool,
}

/// EC2 in one region, for one account.
#[derive(Clone, Debug)]
pub struct Fleet {
    seed: u64,
    catalog: Arc<Catalog>,
    delays: Delays,
    interruptions: Interruptions,
    capacity: Capacity,
    quotas: Quotas,
    addresses: Addresses,
    prices: Prices,
    calls: Option<Tokens>,
    launches: Option<Tokens>,
    instances: Table<NodeId, Instance>,
    /// Labels of nodes, by those of their call and by type: alike nodes share one map.
    labels: BTreeMap<(Labels, TypeId), Labels>,
}

/// What else will happen in a region, whoever asks: by position among what is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Upheaval {
    /// Instances are taken back as written down.
    Interruption(usize),
    /// Prices move as written down.
    PriceStep(usize),
    /// Prices drift.
    PriceDrift,
}

impl Fleet {
    /// An account without instances.
    pub fn new(catalog: Arc<Catalog>, conditions: &Conditions, seed: u64) -> Self {
        let given = conditions.clone();
        Fleet {
            seed,
            delays: given.delays,
            capacity: Capacity::new(given.droughts, given.spells, seed),
            quotas: Quotas::new(given.quotas),
            addresses: Addresses::new(given.subnets, given.cni),
            prices: Prices::new(given.prices, seed, &catalog),
            interruptions: given.interruptions,
            calls: given.calls.map(Tokens::full),
            launches: given.launches.map(Tokens::full),
            instances: Table::default(),
            labels: BTreeMap::new(),
            catalog,
        }
    }

    /// What will happen by itself, and when.
    pub fn upheavals(&self) -> Vec<(Timestamp, Upheaval)> {
        let scripted = self.interruptions.scripted.iter().enumerate();
        let taken = scripted.map(|(i, scripted)| (scripted.at, Upheaval::Interruption(i)));
        let steps = self.prices.steps();
        let steps = steps.map(|(i, at)| (at, Upheaval::PriceStep(i)));
        let drift = self.prices.next_move(Timestamp::ZERO);
        let drift = drift.map(|at| (at, Upheaval::PriceDrift));
        taken.chain(steps).chain(drift).collect()
    }

    /// The instance of a node runs; billing begins.
    pub fn launched(&mut self, node: &NodeId) -> Option<Fact> {
        let instance = self.instances.get_mut(node)?;
        instance.running = true;
        let of = instance.of;
        Some(Fact::NodeLaunched {
            node: node.clone(),
            instance_type: of.0,
            price: self.price(of).unwrap_or_default(),
        })
    }

    /// From running to ready.
    pub fn boot(&self, node: &NodeId) -> Span {
        let mut random = stream(self.seed, "boot", node.as_str());
        self.delays.boot.draw(&mut random)
    }

    /// From terminated to gone.
    pub fn shutdown(&self, node: &NodeId) -> Span {
        let mut random = stream(self.seed, "shutdown", node.as_str());
        self.delays.shutdown.draw(&mut random)
    }

    /// How long the instance runs until EC2 wants it back; None: for longer than anybody waits.
    pub fn interrupted_after(&self, node: &NodeId) -> Option<Span> {
        let (instance_type, zone, capacity_type) = self.offering(node)?;
        if capacity_type != CapacityType::Spot {
            return None;
        }
        let mut offerings = self.catalog.offerings_of(instance_type);
        let offering = offerings.find(|o| o.zone == zone && o.capacity_type == CapacityType::Spot);
        let bucket = offering.and_then(|offering| offering.interruption);
        self.interruptions.after(self.seed, node.as_str(), bucket)
    }

    /// From the notice to the end.
    pub fn notice(&self) -> Span {
        self.interruptions.notice
    }

    /// Instances that are taken back as written down: which of those that run is the seed's choice.
    pub fn scripted_interruption(&self, position: usize) -> Vec<NodeId> {
        let Some(scripted) = self.interruptions.scripted.get(position) else {
            return Vec::new();
        };
        let runs = |(_, instance): &(&NodeId, &Instance)| {
            let open = instance.running && !instance.ends;
            open && scripted.of.holds(instance.of) && instance.of.2 == CapacityType::Spot
        };
        let luck = |id: &NodeId| {
            let mut random = stream(self.seed, "scripted interruption", id.as_str());
            super::stream::uniform(&mut random).to_bits()
        };
        let running = self.instances.iter().filter(runs);
        let mut chosen: Vec<(u64, NodeId)> =
            running.map(|(id, _)| (luck(id), id.clone())).collect();
        chosen.sort_unstable();
        chosen.truncate(scripted.share.of(chosen.len()));
        chosen.into_iter().map(|(_, id)| id).collect()
    }

    /// EC2 wants an instance back. None where it is not there any more, or ends already.
    pub fn interrupt(&mut self, node: &NodeId) -> Option<OfferingKey> {
        let instance = self.instances.get_mut(node)?;
        let open = !std::mem::replace(&mut instance.ends, true);
        open.then_some(instance.of)
    }

    /// The notice is over. False where the instance has gone in the meantime.
    pub fn is_there(&self, node: &NodeId) -> bool {
        self.instances.contains_key(node)
    }

    /// Prices move.
    pub fn moved(&mut self, upheaval: Upheaval) -> Arc<[PriceChange]> {
        let changes = match upheaval {
            Upheaval::PriceDrift => self.prices.drift(),
            Upheaval::PriceStep(step) => self.prices.step(step),
            Upheaval::Interruption(_) => Arc::from([]),
        };
        let catalog = Arc::make_mut(&mut self.catalog);
        for change in changes.iter() {
            let (of, zone) = (change.instance_type, change.zone);
            catalog.reprice(of, zone, change.capacity_type, change.price);
        }
        changes
    }

    /// When the drift moves prices next.
    pub fn next_drift(&self, now: Timestamp) -> Option<Timestamp> {
        self.prices.next_move(now)
    }

    /// The node is ready.
    pub fn ready(&mut self, node: &NodeId, cluster: &Cluster) -> Option<NodeFacts> {
        let instance = self.instances.get_mut(node)?;
        let intent = instance.intent.as_ref()?;
        if self.labels.len() >= MOST_LABELS {
            self.labels.clear();
        }
        let key = (intent.labels.clone(), instance.of.0);
        let alike = self.labels.entry(key);
        let labels = alike.or_insert_with_key(|(labels, id)| {
            let instance_type = cluster.catalog.instance_type(*id);
            let mut all = instance_type.labels.clone();
            all.extend(labels.clone());
            all.insert(INSTANCE_TYPE.into(), instance_type.name.clone());
            all
        });
        let facts = facts(node, instance, labels.clone(), cluster)?;
        instance.facts = Some(facts.clone());
        Some(facts)
    }

    /// The node takes no more pods.
    pub fn cordon(&mut self, node: &NodeId) -> Option<NodeFacts> {
        let facts = self.instances.get_mut(node)?.facts.as_mut()?;
        facts.unschedulable = true;
        Some(facts.clone())
    }

    /// We give the instance back.
    pub fn terminate(&mut self, node: &NodeId) {
        if let Some(instance) = self.instances.get_mut(node) {
            instance.ends = true;
        }
    }

    /// The instance is gone, and its vCPUs and addresses are free. Returns its zone.
    pub fn gone(&mut self, node: &NodeId) -> Option<ZoneId> {
        let instance = self.instances.swap_remove(node)?;
        let (quota, vcpus) = self.quota(instance.of);
        self.quotas.give_back(quota, vcpus);
        self.addresses.gone(node);
        Some(instance.of.1)
    }

    /// A pod comes to a node. False where its subnet has no address for it.
    pub fn pod_comes(&mut self, node: &NodeId) -> bool {
        self.addresses.pod_comes(node)
    }

    /// A pod that had an address leaves a node.
    pub fn pod_goes(&mut self, node: &NodeId) {
        self.addresses.pod_goes(node);
    }

    /// True where any zone is bounded.
    pub fn counts_addresses(&self) -> bool {
        self.addresses.zones().next().is_some()
    }

    /// Free addresses of each bounded zone.
    pub fn addresses(&self) -> impl Iterator<Item = (ZoneId, u32)> {
        self.addresses.zones()
    }

    /// What an instance is; None where there is none.
    pub fn offering(&self, node: &NodeId) -> Option<OfferingKey> {
        self.instances.get(node).map(|instance| instance.of)
    }

    /// An offering's price as it stands; None where it is not sold.
    pub fn price(&self, (instance_type, zone, capacity_type): OfferingKey) -> Option<UsdPerHour> {
        self.catalog.price(instance_type, zone, capacity_type)
    }

    /// The quota that an offering counts towards, and how much.
    fn quota(&self, (instance_type, _, capacity_type): OfferingKey) -> (QuotaKey, u64) {
        let machine = self.catalog.instance_type(instance_type);
        let class = QuotaClass::of(&machine.family);
        ((class, capacity_type), machine.cpu.millis() / 1000)
    }
}

/// The node of an instance that a plan asked for.
fn facts(
    node: &NodeId,
    instance: &Instance,
    labels: Labels,
    cluster: &Cluster,
) -> Option<NodeFacts> {
    let intent = instance.intent.as_ref()?;
    let instance_type = cluster.catalog.instance_type(instance.of.0);
    let pool = cluster.pools.get(&intent.pool);
    let mut allocatable = instance_type.allocatable.clone();
    allocatable.storage =
        instance_type.storage(pool.is_some_and(|pool| pool.min_local_storage.is_some()));
    let most = pool.and_then(|pool| pool.max_pods).unwrap_or(u32::MAX);
    allocatable.pods = allocatable.pods.min(most);
    Some(NodeFacts {
        id: node.clone(),
        labels,
        taints: intent.taints.clone(),
        allocatable,
        unschedulable: false,
        ready: true,
    })
}

#[cfg(test)]
mod tests;
