//! What nodes add up to, as limits count it. A node is charged at the largest it may become until EC2
//! has said what it is; the sums by pool are kept by the fold.

use std::collections::BTreeMap;

use crate::model::money::UsdPerHour;
use crate::model::name::PoolName;
use crate::model::offering::{Catalog, TypeId};
use crate::model::resources::{Bytes, Cpu};

use super::market::Kind;
use super::node::Node;

/// A sum over nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// CPU by capacity.
    pub cpu: Cpu,
    /// Memory by capacity.
    pub memory: Bytes,
    /// Nodes.
    pub nodes: u32,
    /// List price.
    pub usd_per_hour: UsdPerHour,
}

/// What each pool has, nodes on their way included.
pub type Usages = BTreeMap<PoolName, Usage>;

impl Usage {
    /// The usage of one node of a kind.
    pub fn of(catalog: &Catalog, kind: &Kind) -> Usage {
        let instance_type = kind.instance_type(catalog);
        Usage {
            cpu: instance_type.cpu,
            memory: instance_type.memory,
            nodes: 1,
            usd_per_hour: kind.offering.price,
        }
    }

    /// Both together.
    pub fn plus(self, other: Usage) -> Usage {
        Usage {
            cpu: self.cpu + other.cpu,
            memory: self.memory + other.memory,
            nodes: self.nodes + other.nodes,
            usd_per_hour: self.usd_per_hour + other.usd_per_hour,
        }
    }

    /// The larger of each: what either may come to.
    pub fn or(self, other: Usage) -> Usage {
        Usage {
            cpu: self.cpu.max(other.cpu),
            memory: self.memory.max(other.memory),
            nodes: self.nodes.max(other.nodes),
            usd_per_hour: self.usd_per_hour.max(other.usd_per_hour),
        }
    }

    fn less(self, other: Usage) -> Usage {
        Usage {
            cpu: self.cpu - other.cpu,
            memory: self.memory - other.memory,
            nodes: self.nodes.saturating_sub(other.nodes),
            usd_per_hour: self.usd_per_hour - other.usd_per_hour,
        }
    }
}

/// Charges a node to its pool as it is now, instead of as it was.
pub(super) fn charge(usages: &mut Usages, catalog: &Catalog, node: &mut Node) {
    discharge(usages, node);
    if let Some(pool) = &node.pool {
        let usage = usage_of(catalog, node);
        let sum = usages.entry(pool.clone()).or_default();
        *sum = sum.plus(usage);
        node.charged = Some((pool.clone(), usage));
    }
}

/// Takes off what a node was charged.
pub(super) fn discharge(usages: &mut Usages, node: &mut Node) {
    let Some((pool, usage)) = node.charged.take() else {
        return;
    };
    if let Some(sum) = usages.get_mut(&pool) {
        *sum = sum.less(usage);
        if sum.nodes == 0 {
            usages.remove(&pool);
        }
    }
}

fn usage_of(catalog: &Catalog, node: &Node) -> Usage {
    let known = Usage {
        cpu: node.allocatable.cpu,
        memory: node.allocatable.memory,
        nodes: 1,
        usd_per_hour: node.price,
    };
    node.types.iter().fold(known, |most, &id| {
        let Some(instance_type) = catalog.known_type(id) else {
            return most;
        };
        let price = if node.price > UsdPerHour::ZERO {
            node.price
        } else {
            list_price(catalog, node, id)
        };
        most.or(Usage {
            cpu: instance_type.cpu,
            memory: instance_type.memory,
            nodes: 1,
            usd_per_hour: price,
        })
    })
}

fn list_price(catalog: &Catalog, node: &Node, id: TypeId) -> UsdPerHour {
    catalog
        .offerings_of(id)
        .filter(|offering| node.zone.is_none_or(|zone| zone == offering.zone))
        .filter(|offering| {
            node.capacity_type
                .is_none_or(|ct| ct == offering.capacity_type)
        })
        .map(|offering| offering.price)
        .max()
        .unwrap_or_default()
}
