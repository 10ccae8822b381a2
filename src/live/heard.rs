//! Everything that reaches the loop: what watches say, what EC2 answers, who leads. Each is turned into
//! facts there and nowhere else, so that facts have one order.

use serde_json::Value;

use crate::cluster::event::{Fact, Intent};
use crate::cluster::kubernetes::Refusal;
use crate::cluster::kubernetes::shape::{Aside, Make, Speech};
use crate::model::cni::Cni;
use crate::model::daemon::Daemon;
use crate::model::name::PodId;
use crate::model::nodeclaim::NodeClaim;
use crate::model::offering::Catalog;
use crate::model::referent::{Referent, ReferentKind};
use crate::model::spark::Pod;

use super::driver_conf::Configs;
use super::ec2::{ClassProblem, Instance, Notice, Refusal as Refused, Resolved};
use super::effects::launch::Given;

/// Where facts come from. They are taken in in this order after a start, so that none waits for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// What the region sells, from EC2.
    Catalog,
    /// NodeClasses.
    Classes,
    /// NodePools.
    Pools,
    /// DaemonSets.
    Daemons,
    /// Objects that pods' rules refer to.
    Referents(ReferentKind),
    /// NodeClaims.
    Claims,
    /// Nodes.
    Nodes,
    /// The Spark Operator's SparkApplications.
    Applications,
    /// Its ScheduledSparkApplications.
    Schedules,
    /// Apache's SparkApplications.
    ApacheApplications,
    /// PodGroups of one make.
    Groups(Make),
    /// PodTemplates.
    Templates,
    /// ProvisioningRequests.
    Requests,
    /// Pods.
    Pods,
}

impl Source {
    /// True of kinds that nobody waits for where we may not see them: those that other projects bring, and
    /// PodTemplates, which these projects write.
    pub const fn is_of_others(self) -> bool {
        matches!(
            self,
            Source::Applications
                | Source::Schedules
                | Source::ApacheApplications
                | Source::Groups(_)
                | Source::Templates
                | Source::Requests
        )
    }
}

/// What a watch says of its objects, by `namespace/name` or name.
#[derive(Debug)]
pub enum Said {
    /// All objects follow, from the beginning.
    Began,
    /// One that is there, or has changed.
    Applied(String, Box<Object>),
    /// One that is gone.
    Gone(String),
    /// Those since the beginning were all.
    Complete,
}

/// An object as far as it was read where it arrived.
#[derive(Debug)]
pub enum Object {
    /// A NodeClass as it is written.
    Class(Value),
    /// A NodePool as it is written.
    Pool(Value),
    /// A DaemonSet, and of the VPC CNI's what it says of addresses.
    Daemon(Result<Daemon, Refusal>, Result<Option<Cni>, Refusal>),
    /// Something that pods' rules refer to.
    Referent(Result<Referent, Refusal>),
    /// A NodeClaim.
    Claim(Box<NodeClaim>),
    /// A node.
    Node(Box<k8s_openapi::api::core::v1::Node>),
    /// One that speaks of applications' shapes.
    Speaker(Result<Speech, Refusal>),
    /// A pod; None does not count.
    Pod {
        /// Its own id.
        uid: String,
        /// It has been asked to go.
        leaving: bool,
        /// What it says.
        read: Result<Option<Pod>, Refusal>,
        /// What it says beside.
        aside: Box<Aside>,
    },
}

/// Something that reaches the loop.
#[derive(Debug)]
pub enum Heard {
    /// A watch said something.
    Watched(Source, Said),
    /// What the region sells.
    Catalog(Catalog),
    /// Something that is a fact as it comes.
    Fact(Fact),
    /// What a driver's ConfigMaps hold, or why they cannot be had.
    Configured(PodId, Result<Configs, String>),
    /// What a NodeClass names in AWS at present.
    Resolved(String, Result<Resolved, ClassProblem>),
    /// EC2 has answered a call.
    Answered(Answered),
    /// All our instances, as EC2 listed them when it was asked at this time.
    Instances(Vec<Instance>, crate::model::time::Timestamp),
    /// EC2 tells of an instance.
    Notice(Notice),
    /// Whether another autoscaler is installed too.
    OtherAutoscaler(bool),
    /// Whether this replica leads, and in which epoch.
    Leads(Option<u64>),
    /// Something that was being done is done, or given up for now.
    Done(Hand),
}

/// What came of a call to EC2.
#[derive(Debug)]
pub struct Answered {
    /// The call.
    pub intent: Intent,
    /// Nodes that EC2 gave instances for.
    pub given: Vec<Given>,
    /// What it said of the others.
    pub refusals: Vec<Refused>,
    /// Why the call as a whole failed, for people; None where EC2 answered it.
    pub failed: Option<String>,
}

/// Something that is being done, and need not be begun again meanwhile.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hand {
    /// A call to EC2, by its token.
    Launch(String),
    /// A pod's gate is being lifted.
    Place(String),
    /// A pod is being asked to go.
    Evict(String),
    /// Pods are told that their instance is gone; by claim.
    Mourn(String),
    /// A driver that came without our gate is let onto nodes for drivers, by pod.
    Tolerate(String),
    /// A node is being cordoned; by claim.
    Cordon(String),
    /// A node is being looked at again before it goes; by claim.
    Leave(String),
    /// A node's labels and taints are being completed; by claim.
    Register(String),
    /// A claim is being brought to its end.
    End(String),
    /// A claim's status is being written.
    Status(String),
    /// An instance that nobody claims is being ended.
    Stray(String),
}
