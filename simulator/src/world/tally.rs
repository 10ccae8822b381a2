//! What went wrong in a run and whom it hit, counted as it happens: for the report, which says what a
//! bill and a length of time would have been without it only by another run. Decides nothing.

use std::collections::BTreeMap;

use sparkwright::model::money::Cost;
use sparkwright::model::name::{AppId, PodId, Table};
use sparkwright::model::offering::{TypeId, ZoneId};
use sparkwright::model::time::{Span, Timestamp};
use sparkwright::plan::effect::Waiting;

use super::fleet::{Code, FleetError};

/// What went wrong in all.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Instances that EC2 took back, by what ran on them.
    pub interruptions: Interruptions,
    /// Pools that EC2 had none of, by zone and by type.
    pub capacity_errors: (BTreeMap<ZoneId, u64>, BTreeMap<TypeId, u64>),
    /// Refusals for a vCPU quota.
    pub quota_errors: u64,
    /// Refusals for want of addresses.
    pub address_errors: u64,
    /// Pods that had a node and waited for an address.
    pub pods_without_address: u64,
    /// Calls that were throttled, wholly or in part.
    pub throttled_calls: u64,
    /// Nodes that were asked for and refused.
    pub refused_nodes: u64,
    /// Spot prices that changed.
    pub price_changes: u64,
    /// By position among the submissions, from when something is told of it until it is taken.
    apps: Vec<Option<Box<AppTally>>>,
    /// Those that may still be hit.
    index: Table<AppId, usize>,
    waiting: BTreeMap<(usize, &'static str), Timestamp>,
}

/// Instances that EC2 took back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interruptions {
    /// Notices.
    pub nodes: u64,
    /// Drivers that ran on them at the end.
    pub drivers: u64,
    /// Executors that ran on them at the end.
    pub executors: u64,
}

/// What became of one application.
#[derive(Clone, Debug, Default)]
pub struct AppTally {
    /// Zones in which nodes were asked for it, in order.
    pub zones: Vec<ZoneId>,
    /// Where its driver ran.
    pub zone: Option<ZoneId>,
    /// Executors that it lost with their nodes.
    pub lost_executors: u32,
    /// When it lost its driver with its node.
    pub lost_driver: Option<Timestamp>,
    /// How long at least one of its pods waited, by reason; under `""` for any reason.
    pub waited: BTreeMap<&'static str, Span>,
    /// Σ executor pod start to end.
    pub executor_time: Span,
    /// What nodes owe for it, as far as it was collected.
    pub cost: Cost,
}

impl Tally {
    /// An application is submitted, by its position.
    pub fn begins(&mut self, i: usize, app: &AppId) {
        self.index.insert(app.clone(), i);
    }

    /// Where an application is among the submissions, as long as it is known by name.
    pub fn position(&self, app: &AppId) -> Option<usize> {
        self.index.get(app).copied()
    }

    /// What became of an application so far.
    pub fn app(&mut self, i: usize) -> &mut AppTally {
        if self.apps.len() <= i {
            self.apps.resize_with(i + 1, || None);
        }
        self.apps[i].get_or_insert_default()
    }

    /// True where one of its pods waited at the latest round.
    pub fn is_waiting(&self, i: usize) -> bool {
        let mut waits = self.waiting.range((i, "")..);
        waits.next().is_some_and(|((app, _), _)| *app == i)
    }

    /// Nothing can hit the application any more.
    pub fn forget(&mut self, i: usize, app: &AppId) {
        if self.position(app) == Some(i) {
            self.index.swap_remove(app);
        }
    }

    /// What became of an application, to be kept elsewhere.
    pub fn take(&mut self, i: usize) -> AppTally {
        let tally = self.apps.get_mut(i).and_then(Option::take);
        tally.map_or_else(AppTally::default, |tally| *tally)
    }

    /// EC2 refused something.
    pub fn refused(&mut self, error: &FleetError) {
        match error.code {
            Code::InsufficientInstanceCapacity => {
                *self.capacity_errors.0.entry(error.of.1).or_default() += 1;
                *self.capacity_errors.1.entry(error.of.0).or_default() += 1;
            }
            Code::VcpuLimitExceeded | Code::MaxSpotInstanceCountExceeded => self.quota_errors += 1,
            Code::InsufficientFreeAddressesInSubnet => self.address_errors += 1,
        }
    }

    /// Nodes are asked for an application in a zone.
    pub fn asked(&mut self, app: &AppId, zone: ZoneId) {
        if let Some(i) = self.position(app)
            && self.app(i).zones.last() != Some(&zone)
        {
            self.app(i).zones.push(zone);
        }
    }

    /// A round has told which pods wait: time passes for those that did so before.
    pub fn waits(&mut self, waiting: &[Waiting], now: Timestamp) {
        if waiting.is_empty() && self.waiting.is_empty() {
            return;
        }
        let mut present = BTreeMap::new();
        for waiting in waiting {
            if let Some(&app) = app_of(&waiting.pod).and_then(|app| self.index.get(app)) {
                present.insert((app, waiting.reason.code()), now);
                present.insert((app, ""), now);
            }
        }
        for (key, since) in std::mem::take(&mut self.waiting) {
            match present.get_mut(&key) {
                Some(begun) => *begun = since,
                None => self.end_wait(key, since, now),
            }
        }
        self.waiting = present;
    }

    fn end_wait(&mut self, (app, reason): (usize, &'static str), since: Timestamp, now: Timestamp) {
        let waited = self.app(app).waited.entry(reason).or_default();
        *waited = *waited + (now - since);
    }
}

/// The application that a pod's name tells: what stands before `-driver` or `-exec-`.
fn app_of(pod: &PodId) -> Option<&str> {
    let name = pod.as_str();
    name.strip_suffix("-driver")
        .or_else(|| name.rfind("-exec-").map(|end| &name[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sparkwright::plan::reason::Reason;

    #[test]
    fn waits_are_added_up_by_reason_and_once_for_all_reasons() {
        let app = AppId::from("default/spark-1");
        let mut tally = Tally::default();
        tally.begins(0, &app);
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1000);
        let until = at(500);
        let waiting = |pod: &str, reason: Reason| Waiting {
            pod: pod.into(),
            reason,
        };
        let driver = waiting("default/spark-1-driver", Reason::NoCapacity { until });
        let spot = Reason::WaitingForSpot { until: None };
        let executor = waiting("default/spark-1-exec-7", spot);
        tally.waits(&[driver.clone(), executor.clone()], at(0));
        tally.waits(&[driver, executor.clone()], at(10));
        tally.waits(&[executor], at(40));
        tally.waits(&[waiting("other/pod", Reason::DriverPinnedSpot)], at(100));
        assert!(!tally.is_waiting(0));
        let waited = tally.take(0).waited;
        let seconds = |reason: &str| waited[reason].millis() / 1000;
        assert_eq!(
            (
                seconds("no-capacity"),
                seconds("waiting-for-spot"),
                seconds("")
            ),
            (40, 100, 100)
        );
    }
}
