//! An instance as EC2 describes it, beside what the fleet knows of it. Capacity, price and delays are the
//! fleet's; here is what the API shows beside them.

use std::sync::Arc;

use sparkwright::cluster::shortage::OfferingKey;
use sparkwright::model::name::NodeId;
use sparkwright::model::time::Timestamp;

use super::templates::TemplateData;

/// An instance's state. Stopped ones are not served: nodes are terminated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Given, and not running yet.
    Pending,
    /// Runs, and is paid for.
    Running,
    /// Given back, or taken back.
    ShuttingDown,
    /// Gone; still described for an hour.
    Terminated,
}

/// An instance.
#[derive(Clone, Debug)]
pub struct Instance {
    /// `i-…`, and its node's name.
    pub id: NodeId,
    /// Type, zone and capacity type.
    pub of: OfferingKey,
    /// Where it is in its life.
    pub state: State,
    /// When it was given.
    pub launched: Timestamp,
    /// When describing it begins to find it.
    pub visible: Timestamp,
    /// When it was terminated.
    pub ended: Option<Timestamp>,
    /// Why it ends: code and message.
    pub reason: Option<(&'static str, String)>,
    /// The call that it came from.
    pub launch: Arc<Launch>,
    /// Its place among the instances of the call.
    pub index: u32,
    /// Its image.
    pub image: String,
    /// Its subnet.
    pub subnet: String,
    /// Its address in it.
    pub address: String,
    /// Spot: the request that EC2 made for it.
    pub spot_request: Option<String>,
    /// Scheduled maintenance: when it begins.
    pub maintenance: Option<Timestamp>,
}

/// What instances of one call and one launch template have in common.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The fleet.
    pub fleet: String,
    /// The reservation.
    pub reservation: String,
    /// The call's token.
    pub token: Option<String>,
    /// What the launch template says.
    pub data: Arc<TemplateData>,
}

impl State {
    /// EC2's name of it.
    pub const fn name(self) -> &'static str {
        match self {
            State::Pending => "pending",
            State::Running => "running",
            State::ShuttingDown => "shutting-down",
            State::Terminated => "terminated",
        }
    }

    /// EC2's number of it.
    pub const fn code(self) -> u32 {
        match self {
            State::Pending => 0,
            State::Running => 16,
            State::ShuttingDown => 32,
            State::Terminated => 48,
        }
    }

    /// True before its end has begun.
    pub fn is_open(self) -> bool {
        self < State::ShuttingDown
    }
}
