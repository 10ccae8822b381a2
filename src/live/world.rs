//! What those need who carry effects out: the way to Kubernetes and to EC2, whether we still lead, and
//! where outcomes are told.

use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use tokio::sync::mpsc::Sender;

use super::ec2::{ClusterFacts, Ec2};
use super::heard::{Hand, Heard};
use super::lease::Lease;
use super::tell::Metrics;

/// Waits between tries of something that must come about in the end: the first, and the longest.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(20);
/// Wait after something failed that the next round would try again at once.
pub const PAUSE: Duration = Duration::from_secs(1);

/// The world as those see it who act on it.
#[derive(Clone)]
pub struct World {
    /// Kubernetes.
    pub client: Client,
    /// EC2.
    pub ec2: Ec2,
    /// Whether we lead.
    pub lease: Arc<Lease>,
    /// The loop.
    pub inbox: Sender<Heard>,
    /// What is measured.
    pub metrics: Metrics,
    /// The cluster that nodes join.
    pub cluster: Arc<ClusterFacts>,
}

impl World {
    /// Tells the loop; false where it has ended.
    pub async fn tell(&self, heard: Heard) -> bool {
        self.inbox.send(heard).await.is_ok()
    }

    /// Tells the loop that something is done.
    pub async fn done(&self, hand: Hand) {
        self.tell(Heard::Done(hand)).await;
    }

    /// Tells the loop that something is done; where it failed says so, after a pause, since the next round
    /// may try it again.
    pub async fn ended<T>(&self, hand: Hand, came: Result<T, kube::Error>) {
        if let Err(error) = came {
            tracing::warn!(?hand, %error, "failed; it is tried again");
            tokio::time::sleep(PAUSE).await;
        }
        self.done(hand).await;
    }
}

/// How long to wait before a try, the first being number 1: doubled each time.
pub fn wait_before(attempt: u32) -> Duration {
    let doubled = FIRST_WAIT * 2_u32.saturating_pow(attempt.min(10).saturating_sub(1));
    doubled.min(LONGEST_WAIT)
}
