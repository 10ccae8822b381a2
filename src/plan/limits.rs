//! What a pool has, and whether it may have more. A node is charged at the largest it may become until
//! EC2 has said what it is.

use std::collections::BTreeMap;

use crate::cluster::View;
use crate::cluster::market::Kind;
use crate::cluster::node::Node;
use crate::model::money::UsdPerHour;
use crate::model::name::PoolName;
use crate::model::offering::{Catalog, TypeId};
use crate::model::pool::Limits;
use crate::model::resources::{Bytes, Cpu};

use super::reason::Limit;

/// What nodes add up to, as limits count it.
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

    /// The first limit that is exceeded.
    pub fn over(&self, limits: &Limits) -> Option<Limit> {
        let table = [
            (
                limits.nodes.is_some_and(|most| self.nodes > most),
                Limit::Nodes,
            ),
            (limits.cpu.is_some_and(|most| self.cpu > most), Limit::Cpu),
            (
                limits.memory.is_some_and(|most| self.memory > most),
                Limit::Memory,
            ),
            (
                limits
                    .usd_per_hour
                    .is_some_and(|most| self.usd_per_hour > most),
                Limit::UsdPerHour,
            ),
        ];
        table
            .into_iter()
            .find_map(|(over, limit)| over.then_some(limit))
    }
}

/// What each pool has, nodes on their way included.
pub fn in_use(view: &View<'_>) -> BTreeMap<PoolName, Usage> {
    let mut pools: BTreeMap<PoolName, Usage> = BTreeMap::new();
    for node in view.cluster.nodes.values() {
        if let Some(pool) = &node.pool {
            let usage = pools.entry(pool.clone()).or_default();
            *usage = usage.plus(usage_of(&view.cluster.catalog, node));
        }
    }
    pools
}

fn usage_of(catalog: &Catalog, node: &Node) -> Usage {
    let known = Usage {
        cpu: node.allocatable.cpu,
        memory: node.allocatable.memory,
        nodes: 1,
        usd_per_hour: node.price,
    };
    node.types.iter().fold(known, |most, &id| {
        let instance_type = catalog.instance_type(id);
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
