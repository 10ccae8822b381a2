//! The metrics by name, with units, labels and what they mean.
//! What is measured, and when, is for others.

use prometheus::core::Collector;
use prometheus::{
    CounterVec, GaugeVec, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry,
};

/// Bounds of a plan's time, in seconds: from a quiet round to one that is far too slow.
const PLAN_SECONDS: [f64; 12] = [
    0.000_1, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0,
];
/// Bounds of the way from a watch event to EC2, in seconds; 0.15 is the goal at 1,000 executors.
const LATENCY_SECONDS: [f64; 12] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// Bounds of an admission's time, in seconds; the API server waits for one second.
const ADMISSION_SECONDS: [f64; 8] = [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.01, 0.1, 1.0];

/// One metric, for the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// Its name.
    pub name: String,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// Its labels.
    pub labels: Vec<String>,
    /// What it means.
    pub help: String,
}

macro_rules! metrics {
    ($($field:ident: $kind:ident $name:literal [$($label:literal),*] $help:literal;)+) => {
        /// Every metric of the process.
        #[derive(Clone, Debug)]
        pub struct List {
            /// Holds all of them.
            pub registry: Registry,
            /// What they are, in order of this list.
            pub described: Vec<Described>,
            $(#[doc = $help] pub $field: $kind,)+
        }

        impl List {
            /// All of them, at zero.
            pub fn new() -> Self {
                let registry = Registry::new();
                let mut described = Vec::new();
                $(let $field = $kind::made($name, $help, &[$($label),*]);
                enter(&registry, &mut described, $kind::WORD, &$field);)+
                List { registry, described, $($field,)+ }
            }
        }
    };
}

metrics! {
    build_info: IntGaugeVec "sparkwright_build_info" ["version"] "1, by version of the program.";
    memory: IntGauge "sparkwright_resident_memory_bytes" [] "Memory that the process holds, in bytes.";
    leader: IntGauge "sparkwright_leader" [] "1 while this replica leads, else 0.";
    led: IntCounter "sparkwright_lease_acquired_total" [] "How often this replica has become the leader.";
    events: IntCounterVec "sparkwright_events_total" ["kind"] "Events folded into what is known, by kind.";
    queue: IntGauge "sparkwright_event_queue_length" [] "Events that wait to be folded.";
    refused: IntCounterVec "sparkwright_objects_refused_total" ["kind"]
        "Objects of the API server that were passed over because a field has a bad value, by kind.";
    watch_restarts: IntCounterVec "sparkwright_watch_restarts_total" ["kind", "reason"]
        "Watches that began again, by kind of object and why: closed, expired, error.";
    rounds: IntCounter "sparkwright_rounds_total" [] "Looks of the planner.";
    plan_seconds: PlanSeconds "sparkwright_plan_seconds" [] "Wall time of one plan, in seconds.";
    effects: IntCounterVec "sparkwright_effects_total" ["effect", "reason"]
        "What was decided, by effect (launch, place, cordon, terminate) and reason.";
    broken: IntCounter "sparkwright_effects_quarantined_total" []
        "Effects that were taken out because they would have broken an invariant: a fault of the planner.";
    waiting: IntGaugeVec "sparkwright_pods_waiting" ["reason"]
        "Pods that wait for more than a node's boot, expected ones included, by reason.";
    breaches: IntCounterVec "sparkwright_breaches_total" ["kind"]
        "Applications without gates that came about otherwise than they should: gang-split, several-zones, beside-driver, other-autoscaler.";
    nodes: IntGaugeVec "sparkwright_nodes" ["nodepool", "stage", "capacity_type"]
        "Nodes of ours by pool, stage (asked, booting, ready, leaving) and capacity type.";
    usd_per_hour: GaugeVec "sparkwright_usd_per_hour" ["nodepool", "state"]
        "Price of nodes, in USD per hour: running ones at what they cost, asked ones at the dearest they may become.";
    launches: IntCounterVec "sparkwright_launches_total" ["answer"]
        "Launches by EC2's answer: whole, partial, refused (nothing given), failed (no answer).";
    latency: LatencySeconds "sparkwright_watch_to_create_fleet_seconds" []
        "From the watch event that completed an application's shape to its CreateFleet request, in seconds.";
    ec2_calls: IntCounterVec "sparkwright_ec2_calls_total" ["action", "result"]
        "Calls to AWS by action and result (ok, or the error's code).";
    ec2_seconds: CounterVec "sparkwright_ec2_call_seconds_total" ["action", "result"]
        "Time that calls to AWS took, in seconds.";
    told: IntCounterVec "sparkwright_kubernetes_events_total" ["result"]
        "Kubernetes events: published, repeated (the same one within its pause), dropped (over the rate), failed.";
    gated: IntGaugeVec "sparkwright_pods_gated" ["reason"]
        "Pods that our gate holds, by the reason for which they wait; booting: their nodes are on their way.";
    gates_lifted: IntCounterVec "sparkwright_gates_lifted_total" ["why", "result"]
        "Gates lifted without a place, by why (age, no-leader) and result (ok, failed).";
    admissions: IntCounterVec "sparkwright_admissions_total" ["answer"]
        "Pods that the webhook was asked about, by answer: gated, or why the pod was left as it is.";
    admission_seconds: AdmissionSeconds "sparkwright_admission_seconds" []
        "Time from a pod's review being read to its answer, in seconds.";
    certificate: IntGauge "sparkwright_webhook_certificate_expiry_timestamp_seconds" []
        "When the webhook's certificate ends, in seconds since 1970; 0 where there is none.";
    recorded: IntCounterVec "sparkwright_record_entries_total" ["result"]
        "Entries of the recorded stream: written, or lost because the writer could not keep up or failed.";
}

/// How a kind of metric is made.
trait Made: Collector + Clone + 'static {
    const WORD: &'static str;
    fn made(name: &str, help: &str, labels: &[&str]) -> Self;
}

macro_rules! made {
    ($($kind:ty: $word:literal, |$name:ident, $help:ident, $labels:ident| $new:expr;)+) => {$(
        impl Made for $kind {
            const WORD: &'static str = $word;
            fn made($name: &str, $help: &str, $labels: &[&str]) -> Self {
                let _ = $labels;
                $new.expect("names and labels of this list are ones that Prometheus takes")
            }
        }
    )+};
}

made! {
    IntCounter: "counter", |name, help, labels| IntCounter::new(name, help);
    IntGauge: "gauge", |name, help, labels| IntGauge::new(name, help);
    IntCounterVec: "counter", |name, help, labels| IntCounterVec::new(Opts::new(name, help), labels);
    CounterVec: "counter", |name, help, labels| CounterVec::new(Opts::new(name, help), labels);
    IntGaugeVec: "gauge", |name, help, labels| IntGaugeVec::new(Opts::new(name, help), labels);
    GaugeVec: "gauge", |name, help, labels| GaugeVec::new(Opts::new(name, help), labels);
}

macro_rules! histograms {
    ($($kind:ident: $bounds:expr, $what:literal;)+) => {$(
        #[doc = $what]
        #[derive(Clone, Debug)]
        pub struct $kind(Histogram);

        impl $kind {
            /// Counts one.
            pub fn observe(&self, seconds: f64) {
                self.0.observe(seconds);
            }
        }

        impl Collector for $kind {
            fn desc(&self) -> Vec<&prometheus::core::Desc> {
                self.0.desc()
            }

            fn collect(&self) -> Vec<prometheus::proto::MetricFamily> {
                self.0.collect()
            }
        }

        impl Made for $kind {
            const WORD: &'static str = "histogram";
            fn made(name: &str, help: &str, _: &[&str]) -> Self {
                let options = HistogramOpts::new(name, help).buckets($bounds.to_vec());
                let made = Histogram::with_opts(options);
                $kind(made.expect("bounds of this list rise"))
            }
        }
    )+};
}

histograms! {
    PlanSeconds: PLAN_SECONDS, "Times of plans.";
    AdmissionSeconds: ADMISSION_SECONDS, "Times of admissions.";
    LatencySeconds: LATENCY_SECONDS, "Times from a watch to EC2.";
}

fn enter(
    registry: &Registry,
    described: &mut Vec<Described>,
    kind: &'static str,
    metric: &(impl Collector + Clone + 'static),
) {
    for desc in metric.desc() {
        described.push(Described {
            name: desc.fq_name.clone(),
            kind,
            labels: desc.variable_labels.clone(),
            help: desc.help.clone(),
        });
    }
    let entered = registry.register(Box::new(metric.clone()));
    entered.expect("each name is in this list once");
}
