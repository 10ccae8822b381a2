//! Lifting many gates without a place: the pods go to the scheduler as their users wrote them. Some at once
//! and so many a second at most, so that the API server hardly notices.

use std::time::Duration;

use futures::StreamExt;
use futures::stream;
use kube::Client;
use tokio::time::{Instant, sleep_until};

use crate::live::effects::place;

use super::held::Held;

/// Patches under way at once.
const AT_ONCE: usize = 64;
/// Gates between two looks at the clock, and the least time that they take: a thousand a second at most.
const BATCH: usize = 100;
const BATCH_TIME: Duration = Duration::from_millis(100);

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Lifted {
    /// Pods whose gate is gone.
    pub free: Vec<Held>,
    /// Pods whose gate could not be lifted, and why.
    pub failed: Vec<(Held, String)>,
}

/// Lifts our gate of each pod. One that fails stops no other.
pub async fn all(client: &Client, held: Vec<Held>) -> Lifted {
    let mut lifted = Lifted::default();
    for batch in held.chunks(BATCH) {
        let earliest = Instant::now() + BATCH_TIME;
        let patches = batch.iter().cloned().map(|pod| async move {
            let freed = place::free(client, (&pod.namespace, &pod.name)).await;
            (pod, freed)
        });
        let mut patched = stream::iter(patches).buffer_unordered(AT_ONCE);
        while let Some((pod, freed)) = patched.next().await {
            match freed {
                Ok(()) => lifted.free.push(pod),
                Err(error) => lifted.failed.push((pod, error.to_string())),
            }
        }
        if batch.len() == BATCH {
            sleep_until(earliest).await;
        }
    }
    lifted
}
