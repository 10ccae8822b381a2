//! All that can happen. The live shell and the simulated world speak to the core in these words only;
//! a recorded stream of them is a trace.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::cni::Cni;
use crate::model::daemon::Daemon;
use crate::model::money::UsdPerHour;
use crate::model::name::{AppId, NodeId, PodId, PoolName};
use crate::model::node::{Purpose, Taint};
use crate::model::offering::{CapacityType, Catalog, TypeId, ZoneId};
use crate::model::pool::Pool;
use crate::model::quota::QuotaClass;
use crate::model::referent::{Referent, ReferentKind};
use crate::model::requirement::Labels;
use crate::model::resources::Resources;
use crate::model::spark::{Pod, PodTemplate, Role, Shape};
use crate::model::time::Timestamp;

/// Something that happened, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// What.
    pub fact: Fact,
}

/// What happened. Nearly all facts are of pods: what is larger than a pod lies elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fact {
    /// What the region sells, whole; replaces what was known.
    CatalogListed(Arc<Catalog>),
    /// A NodePool is there, or has changed.
    PoolApplied(Arc<Pool>),
    /// A NodePool is gone.
    PoolDeleted(PoolName),
    /// A DaemonSet is there, or has changed.
    DaemonApplied(Box<Daemon>),
    /// A DaemonSet is gone; by `namespace/name`.
    DaemonDeleted(String),
    /// An object that pods' rules refer to is there, or has changed.
    ReferentApplied {
        /// `namespace/name`, or the name alone where there are no namespaces.
        name: String,
        /// The object.
        referent: Box<Referent>,
    },
    /// Such an object is gone.
    ReferentDeleted(ReferentKind, String),
    /// An application says what it will ask for.
    ShapeDeclared {
        /// The application.
        app: AppId,
        /// What it will ask for.
        shape: Box<Shape>,
    },
    /// An application will not come, or its declaration is gone.
    ShapeWithdrawn(AppId),
    /// A pod that counts is there, or has changed.
    PodApplied(Pod),
    /// A pod has been asked to go; it holds its room until it is gone.
    PodLeaving(PodId),
    /// A pod has finished, failed, or is gone.
    PodEnded(PodId),
    /// A node object is there, or has changed.
    NodeApplied(Box<NodeFacts>),
    /// A node object is gone, and its instance with it.
    NodeGone(NodeId),
    /// We are about to ask EC2 for these nodes.
    LaunchAsked(Box<Intent>),
    /// We keep room on a node that is there, for pods that will come to it.
    RoomHeld {
        /// The node.
        node: NodeId,
        /// The room.
        held: Box<Held>,
    },
    /// EC2 gave an instance for a node that we asked for; billing runs from here.
    NodeLaunched {
        /// The node.
        node: NodeId,
        /// The type that EC2 chose.
        instance_type: TypeId,
        /// What it costs.
        price: UsdPerHour,
    },
    /// EC2 gave nothing for a node that we asked for.
    NodeRefused(NodeId),
    /// EC2 has no more of an offering for now.
    OfferingUnavailable {
        /// The type.
        instance_type: TypeId,
        /// The zone.
        zone: ZoneId,
        /// Spot or on-demand.
        capacity_type: CapacityType,
        /// When to believe in it again.
        until: Timestamp,
    },
    /// EC2 runs no more vCPUs of these families for this account: the quota is used up.
    QuotaReached {
        /// Families that share the quota.
        class: QuotaClass,
        /// Spot or on-demand.
        capacity_type: CapacityType,
        /// When to ask again.
        until: Timestamp,
    },
    /// How many addresses a zone's subnets have left.
    ZoneAddresses {
        /// The zone.
        zone: ZoneId,
        /// Free ones.
        free: u32,
    },
    /// How many addresses the CNI takes for each node.
    CniConfigured(Cni),
    /// EC2 asks for other prices than before; running spot instances pay them from here.
    PricesChanged(Arc<[PriceChange]>),
    /// A node is to be emptied and then ended, since somebody deletes its claim.
    NodeDraining {
        /// The node.
        node: NodeId,
        /// When it ends at the latest.
        until: Timestamp,
    },
    /// We have told EC2 to take an instance away.
    NodeLeaving(NodeId),
    /// EC2 has said that it will take an instance back.
    NodeInterrupted {
        /// The node.
        node: NodeId,
        /// When at the earliest.
        until: Timestamp,
    },
    /// EC2 has taken an instance back. In its first hour it costs nothing.
    NodeReclaimed(NodeId),
}

/// An offering's price from here on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceChange {
    /// The type.
    pub instance_type: TypeId,
    /// The zone.
    pub zone: ZoneId,
    /// Spot or on-demand.
    pub capacity_type: CapacityType,
    /// What it costs.
    pub price: UsdPerHour,
}

/// A node object as far as planning cares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeFacts {
    /// Its name.
    pub id: NodeId,
    /// Labels.
    pub labels: Labels,
    /// Taints, cordon apart.
    pub taints: Vec<Taint>,
    /// Room for pods, those that run there included.
    pub allocatable: Resources,
    /// Cordoned.
    pub unschedulable: bool,
    /// The kubelet says that it is ready.
    pub ready: bool,
}

/// One request to EC2 to be: every node in it is interchangeable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// The pool that pays.
    pub pool: PoolName,
    /// Drivers, or everything else.
    pub purpose: Purpose,
    /// The zone.
    pub zone: ZoneId,
    /// Spot or on-demand.
    pub capacity_type: CapacityType,
    /// Types that EC2 may choose from, the planned one first; never empty.
    pub types: Vec<TypeId>,
    /// Labels that the nodes will carry whatever type EC2 chooses.
    pub labels: Labels,
    /// Taints that the nodes will carry once they are initialised.
    pub taints: Vec<Taint>,
    /// The nodes.
    pub nodes: Vec<AwaitedNode>,
}

/// A node that we await, and the pods that it was planned for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwaitedNode {
    /// Name of its claim.
    pub id: NodeId,
    /// Least room that it will have, whatever type EC2 chooses, DaemonSets taken off.
    pub room: Resources,
    /// Room that is kept for pods, there or expected.
    pub held: Vec<Held>,
}

/// Pods of one kind that a node is kept for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Held {
    /// Their application.
    pub app: AppId,
    /// What is alike about them.
    pub slot: Slot,
    /// How many.
    pub count: u32,
}

/// What makes two pods of an application interchangeable for room: role and requests.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Slot {
    /// Role.
    pub role: Role,
    /// Requests.
    pub requests: Resources,
}

impl Slot {
    /// True where pods of this template are of this slot.
    #[inline]
    pub fn is_of(&self, template: &PodTemplate) -> bool {
        template.role == self.role && template.requests == self.requests
    }
}
