//! Nodes that have ended, summed up by what is alike about them: a bill of a million nodes is kept in as
//! much memory as there are sorts of them. Every sum is exact.

use std::collections::BTreeMap;

use crate::model::money::{Cost, UsdPerHour};
use crate::model::name::PoolName;
use crate::model::offering::{CapacityType, TypeId, ZoneId};
use crate::model::time::{Span, Timestamp};

use super::node::PaidNode;

/// What is alike about nodes that are summed up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sort {
    /// Their pool.
    pub pool: PoolName,
    /// The type.
    pub instance_type: TypeId,
    /// The zone.
    pub zone: ZoneId,
    /// Spot or on-demand.
    pub capacity_type: CapacityType,
    /// What one costs; the latest of its prices.
    pub price: UsdPerHour,
}

/// Nodes of one sort, together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sum {
    /// How many there were.
    pub nodes: u64,
    /// Σ launch to end.
    pub time: Span,
    /// When the first was launched.
    pub first: Timestamp,
    /// When the last ended.
    pub last: Timestamp,
    /// What they have cost.
    pub cost: Cost,
    /// What of it was paid before they were ready.
    pub boot: Cost,
    /// What of it was owed by accounts.
    pub written_off: Cost,
    /// How many EC2 took back in their first hour, and what they would have cost.
    pub forgiven: (u64, Cost),
}

/// Sums by sort.
pub type Bygone = BTreeMap<Sort, Sum>;

impl Sort {
    /// What a node is counted among.
    pub fn of(node: &PaidNode) -> Self {
        Sort {
            pool: node.pool.clone(),
            instance_type: node.instance_type,
            zone: node.zone,
            capacity_type: node.capacity_type,
            price: node.price,
        }
    }
}

impl Sum {
    /// One node until `now`, or until its end.
    pub fn of(node: &PaidNode, now: Timestamp) -> Self {
        let last = node.ended.unwrap_or(now);
        let forgiven = u64::from(node.forgiven.is_some());
        Sum {
            nodes: 1,
            time: last - node.launched,
            first: node.launched,
            last,
            cost: node.total(now),
            boot: node.boot(now),
            written_off: node.written_off(),
            forgiven: (forgiven, node.forgiven.unwrap_or_default()),
        }
    }

    /// Both together.
    pub fn plus(self, other: Sum) -> Sum {
        let both = |a: Cost, b: Cost| [a, b].into_iter().sum();
        Sum {
            nodes: self.nodes + other.nodes,
            time: self.time + other.time,
            first: self.first.min(other.first),
            last: self.last.max(other.last),
            cost: both(self.cost, other.cost),
            boot: both(self.boot, other.boot),
            written_off: both(self.written_off, other.written_off),
            forgiven: (
                self.forgiven.0 + other.forgiven.0,
                both(self.forgiven.1, other.forgiven.1),
            ),
        }
    }
}

/// Adds to a sort.
pub fn add(sums: &mut Bygone, sort: Sort, sum: Sum) {
    let known = sums.remove(&sort);
    sums.insert(sort, known.map_or(sum, |known| known.plus(sum)));
}
