//! Drivers that came without our gate, since no webhook was asked or answered: nodes are bought for them as
//! for others, and those carry a taint, so they get the toleration that the webhook would have added.

use crate::live::effects::place;
use crate::live::heard::Hand;
use crate::model::name::PodId;
use crate::model::node::Purpose;
use crate::model::spark::{Pod, PodPhase, Role};

use super::Rounds;

impl Rounds {
    /// All of them that wait; after a change of leader, or where a patch failed.
    pub(super) fn tolerate_all(&mut self) {
        let waiting = self.cluster.pods.values().filter(|pod| is_kept_away(pod));
        let waiting: Vec<PodId> = waiting.map(|pod| pod.id.clone()).collect();
        waiting.iter().for_each(|pod| self.tolerate(pod));
    }

    /// One of them, where a NodePool is for it.
    pub(super) fn tolerate(&mut self, id: &PodId) {
        let pod = self.cluster.pods.get(id.as_str());
        let Some(pod) = pod.filter(|pod| is_kept_away(pod)) else {
            return;
        };
        let mut pools = self.cluster.pools.values();
        if !pools.any(|pool| pool.serves(&pod.template)) {
            return;
        }
        let Some((namespace, name)) = id.as_str().split_once('/') else {
            return;
        };
        let (namespace, name) = (namespace.to_owned(), name.to_owned());
        let hand = Hand::Tolerate(id.as_str().to_owned());
        let (world, done) = (self.world.clone(), hand.clone());
        self.begin(hand, async move {
            let let_in = place::tolerate(&world.client, (&namespace, &name)).await;
            world.ended(done, let_in).await;
        });
    }
}

/// A driver that waits for the scheduler and may not go where we would have it go.
fn is_kept_away(pod: &Pod) -> bool {
    let template = &pod.template;
    let waits = template.role == Role::Driver && pod.phase == PodPhase::Pending;
    if !waits || !template.not_understood.is_empty() {
        return false;
    }
    let mut tolerations = template.tolerations.iter();
    let taint = Purpose::Driver.taint();
    taint.is_some_and(|taint| !tolerations.any(|held| held.tolerates(&taint)))
}
