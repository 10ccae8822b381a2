//! Lifts gates that nobody will lift: those that are older than they may be, and all of them where nobody
//! leads. Runs in every replica, whoever leads and whether or not EC2 can be reached.

use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use tokio::time::{Instant, sleep};

use crate::live::clock;
use crate::live::tell::Metrics;
use crate::live::tell::kubernetes::{Note, Publisher, Regarding};
use crate::model::time::Span;

use super::held::{self, Ages, Held};
use super::leader::Leader;
use super::lift;

/// Between two looks at whether somebody leads.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Bounds of the time between two lists of pods; within them it is a twentieth of what a gate may take.
const LIST_EVERY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// Between two lists while nobody leads.
const LIST_ALONE: Duration = Duration::from_secs(2);

/// Why a gate is lifted without a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is older than `--max-gate`.
    Age,
    /// Nobody leads.
    NoLeader,
}

impl Why {
    /// For metrics: `age`, `no-leader`.
    pub const fn code(self) -> &'static str {
        match self {
            Why::Age => "age",
            Why::NoLeader => "no-leader",
        }
    }
}

/// What the watchdog needs.
pub struct Watchdog {
    /// Kubernetes.
    pub client: Client,
    /// Whether somebody leads.
    pub leader: Arc<Leader>,
    /// How old a gate may become.
    pub max_gate: Span,
    /// What is measured.
    pub metrics: Metrics,
    /// Who tells pods' users.
    pub publisher: Publisher,
}

impl Watchdog {
    /// Watches, until it is dropped.
    pub async fn watch(self) {
        let mut ages = Ages::default();
        let mut listed: Option<Instant> = None;
        loop {
            sleep(LOOK_EVERY).await;
            let silent = self.leader.is_silent();
            let every = if silent { LIST_ALONE } else { self.every() };
            if listed.is_some_and(|listed| listed.elapsed() < every) {
                continue;
            }
            match held::list(&self.client, None).await {
                Ok(held) => {
                    let old = ages.too_old(clock::now(), &held, self.max_gate);
                    let (due, why) = if silent {
                        (held, Why::NoLeader)
                    } else {
                        (old, Why::Age)
                    };
                    self.lift(due, why).await;
                }
                Err(error) => {
                    tracing::warn!(%error, "gated pods cannot be listed; they are asked again")
                }
            }
            listed = Some(Instant::now());
        }
    }

    fn every(&self) -> Duration {
        let longest = u64::try_from(self.max_gate.millis()).unwrap_or(0);
        Duration::from_millis(longest / 20).clamp(LIST_EVERY.0, LIST_EVERY.1)
    }

    async fn lift(&self, due: Vec<Held>, why: Why) {
        if due.is_empty() {
            return;
        }
        let lifted = lift::all(&self.client, due).await;
        let (free, failed) = (lifted.free.len(), lifted.failed.len());
        tracing::warn!(
            free,
            failed,
            why = why.code(),
            "gates lifted without a place"
        );
        if let Some((pod, error)) = lifted.failed.first() {
            tracing::warn!(
                namespace = pod.namespace,
                pod = pod.name,
                error,
                "a gate could not be lifted"
            );
        }
        self.metrics.gates_lifted(why.code(), free, failed);
        for pod in lifted.free {
            let note = self.note(&pod, why);
            self.publisher.publish(note, pod.uid);
        }
    }

    fn note(&self, pod: &Held, why: Why) -> Note {
        let minutes = self.max_gate.millis() / 60_000;
        let text = match why {
            Why::Age => format!(
                "no place was found within {minutes} min (--max-gate); the pod goes to the scheduler as it is"
            ),
            Why::NoLeader => {
                "no controller leads; the pod goes to the scheduler as it is".to_owned()
            }
        };
        Note {
            regarding: Regarding::Pod,
            name: format!("{}/{}", pod.namespace, pod.name),
            reason: "GateLifted".to_owned(),
            action: "Ungate",
            warning: true,
            note: text,
        }
    }
}
