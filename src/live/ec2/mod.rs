//! EC2 and what belongs to it: what a region sells, what a NodeClass names, fleets, instances, and the
//! queue of notices. Carries out and tells; what to launch or end is decided elsewhere. Every call goes
//! through a governor of its action and is counted.

mod action;
mod call;
mod catalog;
mod connect;
mod error;
mod filter;
mod fleet;
mod governor;
mod instances;
mod notices;
mod refusal;
mod request;
mod resolve;
mod tags;
mod template;
mod terminate;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

pub use action::Action;
pub use call::{CallCount, CallResult};
pub use catalog::PriceSource;
pub use connect::{ConnectError, Options};
pub use error::Ec2Error;
pub use fleet::{Answer, GivenInstance, LaunchError};
pub use instances::{Instance, InstanceState};
pub use notices::{Notice, NoticeCount, NoticeKind, NoticeResult};
pub use refusal::{Refusal, RefusalKind};
pub use request::{ClusterFacts, FleetRequest, Order, RequestError};
pub use resolve::{ClassProblem, Resolved, Subnet};

/// EC2 for one cluster in one region. Clones are handles to the same.
#[derive(Clone, Debug)]
pub struct Ec2 {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    region: String,
    cluster: String,
    clients: connect::Clients,
    calls: call::Calls,
    /// On-demand prices: from where, and when they were asked for last.
    on_demand: Mutex<Option<catalog::Listed>>,
    /// Launch templates that were made or found, by name.
    templates: Mutex<BTreeMap<String, template::Known>>,
    /// Addresses that launches since the last look at the subnets will take.
    promised: Mutex<BTreeMap<String, u32>>,
    /// Instances that EC2 gave lately, which it may not find yet.
    fresh: Mutex<BTreeMap<String, Instant>>,
    /// Instance profiles by role, and when they were looked up.
    profiles: Mutex<BTreeMap<String, (String, Instant)>>,
    /// The queue, and what has come from it.
    queue: notices::Queue,
}

impl Ec2 {
    /// The region, `us-east-1`.
    pub fn region(&self) -> &str {
        &self.inner.region
    }

    /// How many calls were made, by action and result, and how long they took.
    pub fn calls(&self) -> Vec<CallCount> {
        self.inner.calls.counts()
    }
}

/// What a mutex guards here is whole after every statement, so a panic elsewhere leaves nothing torn.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
