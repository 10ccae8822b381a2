//! A NodePool after checking: the same intent as the custom resource, with every default filled in
//! and every value in its own type. Only [`super::nodepool`] makes one from a manifest.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::money::UsdPerHour;
use super::name::PoolName;
use super::node::{Purpose, Taint};
use super::offering::INTERRUPTION_BUCKETS;
use super::performance::{Performance, Performances};
use super::requirement::{Labels, Requirement};
use super::resources::{Bytes, Cpu};
use super::spark::{PodTemplate, Role};
use super::time::Span;

/// How an application's pods may be spread over zones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ZonePolicy {
    /// Each application in one zone, chosen for it.
    #[default]
    PerApplication,
    /// Every application in this zone, given by name or id.
    Fixed(String),
    /// Each application evenly over the zones that can hold it.
    Spread,
}

/// When spot is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpotPolicy {
    /// Roles that go to spot first.
    pub roles: BTreeSet<Role>,
    /// How long a pod waits for spot that is unavailable before on-demand is bought; None: for ever.
    pub fallback_after: Option<Span>,
    /// Offerings of a higher interruption bucket are not bought.
    pub max_interruption: u8,
    /// Added to a spot price when offerings are compared, by interruption bucket.
    pub penalty: [UsdPerHour; INTERRUPTION_BUCKETS],
}

/// The most that a pool may have, launched and in flight together. None is without limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// CPU of its nodes, by capacity.
    pub cpu: Option<Cpu>,
    /// Memory of its nodes, by capacity.
    pub memory: Option<Bytes>,
    /// Nodes.
    pub nodes: Option<u32>,
    /// What its nodes cost together.
    pub usd_per_hour: Option<UsdPerHour>,
}

/// How long a node stays empty before it is taken away. None is for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmptyTtl {
    /// Nodes for drivers.
    pub driver: Option<Span>,
    /// Nodes for executors.
    pub executor: Option<Span>,
    /// Nodes that serve other pods only.
    pub other: Option<Span>,
}

/// A requirement on offerings, and how many different values a launch must leave EC2 to choose from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolRequirement {
    /// The condition.
    pub requirement: Requirement,
    /// Least number of distinct values of the label among the types of a launch.
    pub min_values: Option<u32>,
}

/// A pod selector: labels that a pod must have.
pub type PodSelector = Vec<Requirement>;

/// A NodePool: which pods it serves, from which offerings, within which limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// Its name.
    pub name: PoolName,
    /// Pools of higher weight are tried first.
    pub weight: u32,
    /// No launches while true.
    pub paused: bool,
    /// Roles it serves.
    pub roles: BTreeSet<Role>,
    /// Serves only pods that match. Pods of role `other` are served only by pools that have one.
    pub pod_selector: Option<PodSelector>,
    /// Labels for its nodes, beside the well-known ones.
    pub labels: Labels,
    /// Taints of its nodes for good.
    pub taints: Vec<Taint>,
    /// Taints of its nodes until they are initialised; pods need not tolerate them.
    pub startup_taints: Vec<Taint>,
    /// Which offerings it may buy.
    pub requirements: Vec<PoolRequirement>,
    /// Zones.
    pub zone: ZonePolicy,
    /// Spot.
    pub spot: SpotPolicy,
    /// How much dearer than the planned type an alternative in the same launch may be, in per cent.
    pub max_premium_percent: u32,
    /// How fast families do executors' work.
    pub performance: Performances,
    /// Least local NVMe per node; when set, the disks hold the node's ephemeral storage.
    pub min_local_storage: Option<Bytes>,
    /// Least time between empty and gone.
    pub empty_ttl: EmptyTtl,
    /// Limits.
    pub limits: Limits,
    /// Caps pods per node below the ENI rule.
    pub max_pods: Option<u32>,
}

impl Pool {
    /// How fast a family does what nodes of this purpose are bought for: executors' work alone is
    /// known to be faster on a faster machine.
    pub fn performance_for(&self, family: &str, purpose: Purpose) -> Performance {
        if purpose == Purpose::Work && self.roles.contains(&Role::Executor) {
            self.performance.of(family)
        } else {
            Performance::ONE
        }
    }

    /// True where neither penalties nor performance come between an offering's price and the price at
    /// which it is compared.
    pub fn compares_at_list_price(&self) -> bool {
        let harmless = self.spot.penalty.iter().all(|usd| *usd == UsdPerHour::ZERO);
        harmless && self.performance.are_one()
    }

    /// True where the pool is for pods such as this one, whatever nodes it may buy.
    pub fn serves(&self, template: &PodTemplate) -> bool {
        let selected = self.pod_selector.as_ref().map(|selector| {
            selector
                .iter()
                .all(|requirement| requirement.holds(&template.labels))
        });
        self.roles.contains(&template.role) && selected.unwrap_or(template.role != Role::Other)
    }
}
