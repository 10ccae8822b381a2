//! The only things a plan can ask for, and the plan that holds them together with what waits. Nothing
//! in an effect is left to choose for those who carry it out, but what EC2 must choose.

use serde::{Deserialize, Serialize};

use crate::cluster::event::{Held, Intent};
use crate::model::money::UsdPerHour;
use crate::model::name::{NodeId, PodId};
use crate::model::node::Purpose;
use crate::model::offering::{CapacityType, ZoneId};
use crate::model::performance::Performance;
use crate::model::spark::Role;
use crate::model::time::Timestamp;

use super::check::Violation;
use super::reason::Reason;

/// How EC2 chooses among the types of a launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AllocationStrategy {
    /// On-demand: the cheapest that is available; expected to be the first.
    LowestPrice,
    /// On-demand: in the order of the intent's types; expected to be the first. For where the planned
    /// type is not the cheapest by list price, but by the work that it does.
    Prioritized,
    /// Spot: deep capacity first, then price. Which pools are deep is EC2's knowledge alone, so each
    /// type is taken to be equally likely.
    PriceCapacityOptimized,
}

/// One call to EC2.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launch {
    /// What is asked for.
    pub intent: Intent,
    /// How EC2 is to choose.
    pub strategy: AllocationStrategy,
    /// List price of the planned (first) type, per node.
    pub planned: UsdPerHour,
    /// Mean list price under the strategy's model, per node.
    pub expected: UsdPerHour,
    /// What the planned type was compared at, per node.
    pub compared: UsdPerHour,
    /// How fast the planned type does what it is bought for.
    pub performance: Performance,
    /// Pods that each node is for, in the order of `intent.nodes`; expected pods under the names
    /// they are expected to have.
    pub pods: Vec<Vec<PodId>>,
    /// With fewer of its first nodes than these no gang has its part of the call whole; None where each
    /// node is of use by itself. EC2 is to give none rather than fewer (`MinTargetCapacity`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<u32>,
    /// Why.
    pub reason: Reason,
    /// Why EC2 has fewer types to choose from than is well; None where it has enough.
    pub narrow: Option<Box<Reason>>,
}

/// Lift a pod's gate, and name the set of nodes that it may go to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The pod.
    pub pod: PodId,
    /// Its application's zone; None where zones are free.
    pub zone: Option<ZoneId>,
    /// Spot or on-demand, where its nodes are of one kind.
    pub capacity_type: Option<CapacityType>,
    /// Nodes of this purpose; None for nodes that are not ours.
    pub purpose: Option<Purpose>,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Ask EC2 for nodes.
    Launch(Launch),
    /// Let a pod go to the scheduler.
    Place(Place),
    /// Let nothing new onto a node.
    Cordon {
        /// The node.
        node: NodeId,
        /// Why.
        reason: Reason,
    },
    /// Ask a pod to go, as its disruption budget allows: its node is being taken away.
    Evict {
        /// The pod.
        pod: PodId,
        /// Why, and why at this moment.
        reason: Reason,
    },
    /// Give a node back to EC2.
    Terminate {
        /// The node.
        node: NodeId,
        /// Why.
        reason: Reason,
    },
}

/// A pod that stays where it is, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Waiting {
    /// The pod; an expected pod under the name it is expected to have.
    pub pod: PodId,
    /// Why.
    pub reason: Reason,
}

/// Everything decided in one round.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What to do, in this order.
    pub effects: Vec<Effect>,
    /// Room to be kept on nodes that are there, beside what launches keep: nothing to do but to say so.
    pub holds: Vec<(NodeId, Held)>,
    /// Pods that nodes which exist or boot have room for, by node.
    pub existing: Vec<(NodeId, Vec<PodId>)>,
    /// Pods that wait for more than a node's boot.
    pub waiting: Vec<Waiting>,
    /// No plan for the same pods costs less, at list price, though nodes could be had in fractions; zero says
    /// nothing.
    pub bound: UsdPerHour,
    /// No plan of whole nodes for the same pods costs less; the bound where it is not known better.
    pub whole_bound: UsdPerHour,
    /// No plan for the same pods costs less, at the prices at which offerings are compared: what was
    /// sought is [`Plan::compared`], and this is the least that it could be.
    pub compared_bound: UsdPerHour,
    /// When to look again even if nothing happens.
    pub next_look: Option<Timestamp>,
    /// Effects that were taken out, since they would have broken an invariant: a fault of the planner.
    pub broken: Vec<Violation>,
}

impl AllocationStrategy {
    /// EC2's own name for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            AllocationStrategy::LowestPrice => "lowest-price",
            AllocationStrategy::Prioritized => "prioritized",
            AllocationStrategy::PriceCapacityOptimized => "price-capacity-optimized",
        }
    }
}

impl Waiting {
    /// True of a pod that is none of ours: not Spark's, and no NodePool's `podSelector` names it. It is no
    /// business of a controller's to speak of it.
    pub fn is_foreign(&self) -> bool {
        matches!(self.reason, Reason::NoPool { role: Role::Other })
    }
}

impl Plan {
    /// The launches among the effects.
    pub fn launches(&self) -> impl Iterator<Item = &Launch> {
        self.effects.iter().filter_map(|effect| match effect {
            Effect::Launch(launch) => Some(launch),
            _ => None,
        })
    }

    /// List price of what is launched, each node at its planned type.
    pub fn planned(&self) -> UsdPerHour {
        self.launches()
            .map(|launch| launch.planned.times(launch.count()))
            .sum()
    }

    /// What is launched at the prices at which it was compared, each node at its planned type.
    pub fn compared(&self) -> UsdPerHour {
        self.launches()
            .map(|launch| launch.compared.times(launch.count()))
            .sum()
    }

    /// Mean price of what is launched under each launch's strategy.
    pub fn expected(&self) -> UsdPerHour {
        self.launches()
            .map(|launch| launch.expected.times(launch.count()))
            .sum()
    }
}

impl Launch {
    /// Number of nodes asked for.
    pub fn count(&self) -> u32 {
        u32::try_from(self.intent.nodes.len()).unwrap_or(u32::MAX)
    }
}
