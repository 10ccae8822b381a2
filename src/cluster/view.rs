//! What a plan is decided from: the cluster as it is and the time it is. Borrowed, not copied, so that
//! looking costs nothing; the only clock that planning has.

use crate::model::time::Timestamp;

use super::state::Cluster;

/// The cluster at one moment.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The moment.
    pub now: Timestamp,
    /// Everything that is known.
    pub cluster: &'a Cluster,
}

impl Cluster {
    /// The cluster as it is at `now`.
    pub fn view(&self, now: Timestamp) -> View<'_> {
        debug_assert!(
            self.is_settled(),
            "what comes together is settled before it is looked at"
        );
        View { now, cluster: self }
    }
}
