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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::nodeclass::Class;
    use crate::model::offering::Catalog;

    /// Holds by compiling: the shell's tasks may be spawned.
    #[test]
    fn every_call_may_be_made_in_a_task_of_its_own() {
        fn spawns<F: Future + Send>(_: impl Fn(&'static Ec2) -> F) {}
        static REQUEST: std::sync::OnceLock<(FleetRequest, Catalog, Class, ClusterFacts)> =
            std::sync::OnceLock::new();
        let given = || REQUEST.get().expect("never called");
        spawns(|ec2| ec2.catalog());
        spawns(|ec2| ec2.prices(&given().1));
        spawns(|ec2| ec2.resolve(&given().2, &given().3));
        spawns(|ec2| ec2.create_fleet(&given().0, "t"));
        spawns(Ec2::instances);
        spawns(|ec2| ec2.instances_of(&[]));
        spawns(|ec2| ec2.terminate(&[]));
        spawns(Ec2::notices);
        fn request(ec2: &Ec2, order: Order<'static>) -> impl Future + Send {
            ec2.request(order)
        }
        let _ = request;
        spawns(|_| Ec2::connect(Options::default()));
    }
}
