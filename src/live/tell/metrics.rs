//! Metrics in Prometheus' form: what rounds cost, what waits and why, which nodes there are and what they
//! cost, what EC2 answers. docs/metrics.md is written from here, and a test holds it to it.

mod list;
mod page;

use std::collections::BTreeMap;
use std::fs;

use prometheus::{Encoder, TextEncoder};

use crate::cluster::Cluster;
use crate::cluster::event::{Event, Fact};
use crate::cluster::node::Stage;
use crate::model::money::UsdPerHour;
use crate::model::offering::CapacityType;
use crate::model::spark::PodPhase;
use crate::model::time::{Span, Timestamp};
use crate::plan::{Effect, Plan};

use super::super::ec2::CallCount;
use super::super::record::Recorded;
use list::List;
pub use page::page;

/// What came of asking EC2 for nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaunchAnswer {
    /// Every node was given.
    Whole,
    /// Some were.
    Partial,
    /// None was: capacity, quota or addresses.
    Refused,
    /// The call failed: configuration, throttling, network.
    Failed,
}

impl LaunchAnswer {
    const fn as_str(self) -> &'static str {
        match self {
            LaunchAnswer::Whole => "whole",
            LaunchAnswer::Partial => "partial",
            LaunchAnswer::Refused => "refused",
            LaunchAnswer::Failed => "failed",
        }
    }
}

/// Everything that is measured. Cheap to clone; every method may be called from any thread.
#[derive(Clone, Debug)]
pub struct Metrics {
    list: List,
}

impl Metrics {
    /// Metrics of a process that has done nothing yet.
    pub fn new() -> Self {
        let list = List::new();
        let version = env!("CARGO_PKG_VERSION");
        list.build_info.with_label_values(&[version]).set(1);
        Metrics { list }
    }

    /// An event was folded.
    pub fn event(&self, event: &Event) {
        let kind = kind(&event.fact);
        self.list.events.with_label_values(&[kind]).inc();
    }

    /// Events wait to be folded.
    pub fn queued(&self, events: usize) {
        self.list
            .queue
            .set(i64::try_from(events).unwrap_or(i64::MAX));
    }

    /// A round was planned, and took so long.
    pub fn round(&self, plan: &Plan, cluster: &Cluster, took: std::time::Duration) {
        let list = &self.list;
        list.rounds.inc();
        list.plan_seconds.observe(took.as_secs_f64());
        for effect in &plan.effects {
            let (what, why) = match effect {
                Effect::Launch(launch) => ("launch", launch.reason.code()),
                Effect::Place(_) => ("place", "room"),
                Effect::Evict { reason, .. } => ("evict", reason.code()),
                Effect::Cordon { reason, .. } => ("cordon", reason.code()),
                Effect::Terminate { reason, .. } => ("terminate", reason.code()),
            };
            list.effects.with_label_values(&[what, why]).inc();
        }
        let broken = u64::try_from(plan.broken.len()).unwrap_or(u64::MAX);
        list.broken.inc_by(broken);
        self.waiting(plan);
        self.gated(plan, cluster);
        self.nodes(cluster);
    }

    /// An application came about otherwise than it should.
    pub fn breach(&self, kind: &str) {
        self.list.breaches.with_label_values(&[kind]).inc();
    }

    /// The answer to one launch.
    pub fn launch_answered(&self, answer: LaunchAnswer) {
        let launches = &self.list.launches;
        launches.with_label_values(&[answer.as_str()]).inc();
    }

    /// From the watch event that completed an application's shape to its CreateFleet on the wire.
    pub fn launch_sent(&self, after: std::time::Duration) {
        self.list.latency.observe(after.as_secs_f64());
    }

    /// What EC2 has been asked so far, in all.
    pub fn ec2_calls(&self, calls: &[CallCount]) {
        for call in calls {
            let labels = [call.action.as_str(), call.result.as_str()];
            let count = self.list.ec2_calls.with_label_values(&labels);
            count.inc_by(call.count.saturating_sub(count.get()));
            let seconds = self.list.ec2_seconds.with_label_values(&labels);
            seconds.inc_by((call.seconds - seconds.get()).max(0.0));
        }
    }

    /// A watch began again: closed by the server, expired, or failed.
    pub fn watch_restarted(&self, kind: &str, why: &str) {
        let restarts = &self.list.watch_restarts;
        restarts.with_label_values(&[kind, why]).inc();
    }

    /// An object was refused: a field of it has a bad value.
    pub fn object_refused(&self, kind: &str) {
        self.list.refused.with_label_values(&[kind]).inc();
    }

    /// Whether this replica leads. A change to true is counted.
    pub fn leads(&self, leads: bool) {
        if leads && self.list.leader.get() == 0 {
            self.list.led.inc();
        }
        self.list.leader.set(i64::from(leads));
    }

    /// What has become of the recording.
    pub fn recorded(&self, recorded: &Recorded) {
        for (result, count) in [("written", recorded.written), ("lost", recorded.lost)] {
            let entries = self.list.recorded.with_label_values(&[result]);
            entries.inc_by(count.saturating_sub(entries.get()));
        }
    }

    /// An event for people was published, dropped or refused.
    pub fn told(&self, result: &str) {
        self.list.told.with_label_values(&[result]).inc();
    }

    /// Gates were lifted without a place.
    pub fn gates_lifted(&self, why: &str, free: usize, failed: usize) {
        for (result, count) in [("ok", free), ("failed", failed)] {
            let lifted = self.list.gates_lifted.with_label_values(&[why, result]);
            lifted.inc_by(u64::try_from(count).unwrap_or(u64::MAX));
        }
    }

    /// The webhook has answered for a pod.
    pub fn admitted(&self, answer: &str, took: std::time::Duration) {
        self.list.admissions.with_label_values(&[answer]).inc();
        self.list.admission_seconds.observe(took.as_secs_f64());
    }

    /// When the webhook's certificate ends.
    pub fn certificate_until(&self, until: Timestamp) {
        self.list.certificate.set(until.millis() / 1000);
    }

    /// All of it as text, in Prometheus' exposition format 0.0.4.
    pub fn text(&self) -> String {
        self.list.memory.set(resident_bytes());
        let mut text = Vec::new();
        // What is registered has a name and labels that Prometheus takes, so there is nothing to fail.
        let _ = TextEncoder::new().encode(&self.list.registry.gather(), &mut text);
        String::from_utf8_lossy(&text).into_owned()
    }

    fn waiting(&self, plan: &Plan) {
        let mut by_reason: BTreeMap<&str, i64> = BTreeMap::new();
        for waiting in plan.waiting.iter().filter(|waiting| !waiting.is_foreign()) {
            *by_reason.entry(waiting.reason.code()).or_default() += 1;
        }
        self.list.waiting.reset();
        for (reason, pods) in by_reason {
            self.list.waiting.with_label_values(&[reason]).set(pods);
        }
    }

    /// Pods that our gate holds: those of which the plan says why, and those whose nodes boot.
    fn gated(&self, plan: &Plan, cluster: &Cluster) {
        let of = |app| {
            cluster
                .apps
                .get(app)
                .map_or(0, |app| i64::from(app.count_gated()))
        };
        let all: i64 = cluster.demanding.iter().map(of).sum();
        let mut by_reason: BTreeMap<&str, i64> = BTreeMap::new();
        for waiting in &plan.waiting {
            let pod = cluster.pods.get(&waiting.pod);
            if pod.is_some_and(|pod| pod.phase == PodPhase::Gated) {
                *by_reason.entry(waiting.reason.code()).or_default() += 1;
            }
        }
        let said: i64 = by_reason.values().sum();
        by_reason.insert("booting", (all - said).max(0));
        self.list.gated.reset();
        for (reason, pods) in by_reason {
            self.list.gated.with_label_values(&[reason]).set(pods);
        }
    }

    /// Nodes of ours and what they cost: those that EC2 has given at their price, those that are asked
    /// for at the price of the dearest that they may become.
    fn nodes(&self, cluster: &Cluster) {
        let mut counts: BTreeMap<[&str; 3], i64> = BTreeMap::new();
        let mut running: BTreeMap<&str, UsdPerHour> = BTreeMap::new();
        for node in cluster.nodes.values() {
            let Some(pool) = &node.pool else { continue };
            let capacity = node.capacity_type.map_or("unknown", CapacityType::as_str);
            let labels = [pool.as_str(), stage(node.stage), capacity];
            *counts.entry(labels).or_default() += 1;
            *running.entry(pool.as_str()).or_default() += node.price;
        }
        self.list.nodes.reset();
        for (labels, count) in counts {
            self.list.nodes.with_label_values(&labels).set(count);
        }
        self.list.usd_per_hour.reset();
        for (pool, usage) in &cluster.usages {
            let running = running.get(pool.as_str()).copied().unwrap_or_default();
            let charged = usage.usd_per_hour;
            for (state, usd) in [("running", running), ("asked", charged - running)] {
                let gauge = &self.list.usd_per_hour;
                gauge
                    .with_label_values(&[pool.as_str(), state])
                    .set(dollars(usd));
            }
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Metrics::new()
    }
}

/// For a gauge, which is a float in Prometheus anyway.
fn dollars(usd: UsdPerHour) -> f64 {
    let millis = Span::from_millis(usd.micros()).millis();
    let (whole, rest) = (millis / 1_000_000, millis % 1_000_000);
    let small = |n: i64| f64::from(i32::try_from(n).unwrap_or(i32::MAX));
    small(whole) + small(rest) / 1e6
}

/// Bytes of memory that the process holds, where the system tells (Linux).
fn resident_bytes() -> i64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<i64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Asked => "asked",
        Stage::Booting => "booting",
        Stage::Ready => "ready",
        Stage::Leaving => "leaving",
    }
}

fn kind(fact: &Fact) -> &'static str {
    match fact {
        Fact::CatalogListed(_) => "catalog-listed",
        Fact::PoolApplied(_) => "pool-applied",
        Fact::PoolDeleted(_) => "pool-deleted",
        Fact::DaemonApplied(_) => "daemon-applied",
        Fact::DaemonDeleted(_) => "daemon-deleted",
        Fact::ReferentApplied { .. } => "referent-applied",
        Fact::ReferentDeleted(..) => "referent-deleted",
        Fact::ShapeDeclared { .. } => "shape-declared",
        Fact::ShapeWithdrawn(_) => "shape-withdrawn",
        Fact::PodApplied(_) => "pod-applied",
        Fact::PodEnded(_) => "pod-ended",
        Fact::NodeApplied(_) => "node-applied",
        Fact::NodeGone(_) => "node-gone",
        Fact::LaunchAsked(_) => "launch-asked",
        Fact::RoomHeld { .. } => "room-held",
        Fact::NodeLaunched { .. } => "node-launched",
        Fact::NodeRefused(_) => "node-refused",
        Fact::OfferingUnavailable { .. } => "offering-unavailable",
        Fact::QuotaReached { .. } => "quota-reached",
        Fact::ZoneAddresses { .. } => "zone-addresses",
        Fact::CniConfigured(_) => "cni-configured",
        Fact::PricesChanged(_) => "prices-changed",
        Fact::PodLeaving(_) => "pod-leaving",
        Fact::NodeDraining { .. } => "node-draining",
        Fact::NodeLeaving(_) => "node-leaving",
        Fact::NodeInterrupted { .. } => "node-interrupted",
        Fact::NodeReclaimed(_) => "node-reclaimed",
    }
}

#[cfg(test)]
mod tests;
