//! EC2 and the nodes that it gives: which type a launch gets, when it runs, when its node is ready,
//! when it is gone. Every launch is fulfilled.

use std::collections::BTreeMap;

use sparkwright::cluster::Cluster;
use sparkwright::cluster::event::{AwaitedNode, Fact, Intent, NodeFacts};
use sparkwright::model::money::UsdPerHour;
use sparkwright::model::name::NodeId;
use sparkwright::model::node::INSTANCE_TYPE;
use sparkwright::model::offering::{Catalog, TypeId};
use sparkwright::plan::effect::{AllocationStrategy, Launch};

use super::agenda::{Agenda, Due};
use super::delays::Delays;
use sparkwright::model::time::Timestamp;

/// An instance, asked for or running.
#[derive(Clone, Debug)]
struct Instance {
    intent: Intent,
    instance_type: TypeId,
    price: UsdPerHour,
    facts: Option<NodeFacts>,
}

/// All instances that are asked for or run.
#[derive(Clone, Debug, Default)]
pub struct Fleet {
    instances: BTreeMap<NodeId, Instance>,
}

impl Fleet {
    /// Takes a launch: every node of it will run.
    pub fn launch(
        &mut self,
        launch: &Launch,
        catalog: &Catalog,
        now: Timestamp,
        delays: &mut Delays,
        agenda: &mut Agenda,
    ) {
        for node in &launch.intent.nodes {
            let (instance_type, price) = allocate(launch, catalog, delays);
            agenda.add(now + delays.launch(), Due::Launched(node.id.clone()));
            let intent = one_of(&launch.intent, node);
            let instance = Instance {
                intent,
                instance_type,
                price,
                facts: None,
            };
            self.instances.insert(node.id.clone(), instance);
        }
    }

    /// The instance of a node runs.
    pub fn launched(&self, node: &NodeId) -> Option<Fact> {
        let instance = self.instances.get(node)?;
        Some(Fact::NodeLaunched {
            node: node.clone(),
            instance_type: instance.instance_type,
            price: instance.price,
        })
    }

    /// The node is ready.
    pub fn ready(&mut self, node: &NodeId, cluster: &Cluster) -> Option<NodeFacts> {
        let instance = self.instances.get_mut(node)?;
        let facts = facts(node, instance, cluster);
        instance.facts = Some(facts.clone());
        Some(facts)
    }

    /// The node takes no more pods.
    pub fn cordon(&mut self, node: &NodeId) -> Option<NodeFacts> {
        let facts = self.instances.get_mut(node)?.facts.as_mut()?;
        facts.unschedulable = true;
        Some(facts.clone())
    }

    /// The instance is gone.
    pub fn gone(&mut self, node: &NodeId) {
        self.instances.remove(node);
    }

    /// True while anything runs or is asked for.
    pub fn is_empty(&self) -> bool {
        self.instances.is_empty()
    }
}

/// What EC2 chooses: on-demand the cheapest; spot any, since which pools are deep is its knowledge
/// alone. This is the model under which plans state their expected price.
fn allocate(launch: &Launch, catalog: &Catalog, delays: &mut Delays) -> (TypeId, UsdPerHour) {
    let intent = &launch.intent;
    let price = |id: TypeId| price(catalog, intent, id).unwrap_or(launch.planned);
    let chosen = match launch.strategy {
        AllocationStrategy::LowestPrice => intent.types.iter().copied().min_by_key(|id| price(*id)),
        AllocationStrategy::PriceCapacityOptimized => {
            intent.types.get(delays.pick(intent.types.len())).copied()
        }
    };
    let chosen = chosen.unwrap_or(intent.types[0]);
    (chosen, price(chosen))
}

fn price(catalog: &Catalog, intent: &Intent, id: TypeId) -> Option<UsdPerHour> {
    catalog
        .offerings_of(id)
        .find(|o| o.zone == intent.zone && o.capacity_type == intent.capacity_type)
        .map(|offering| offering.price)
}

fn one_of(intent: &Intent, node: &AwaitedNode) -> Intent {
    Intent {
        nodes: vec![node.clone()],
        ..intent.clone()
    }
}

fn facts(node: &NodeId, instance: &Instance, cluster: &Cluster) -> NodeFacts {
    let instance_type = cluster.catalog.instance_type(instance.instance_type);
    let pool = cluster.pools.get(&instance.intent.pool);
    let mut labels = instance_type.labels.clone();
    labels.extend(instance.intent.labels.clone());
    labels.insert(INSTANCE_TYPE.into(), instance_type.name.clone());
    let mut allocatable = instance_type.allocatable.clone();
    allocatable.storage =
        instance_type.storage(pool.is_some_and(|pool| pool.min_local_storage.is_some()));
    let most = pool.and_then(|pool| pool.max_pods).unwrap_or(u32::MAX);
    allocatable.pods = allocatable.pods.min(most);
    NodeFacts {
        id: node.clone(),
        labels,
        taints: instance.intent.taints.clone(),
        allocatable,
        unschedulable: false,
        ready: true,
    }
}
