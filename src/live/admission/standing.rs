//! What an admission is answered from: whether a leader is there, and which NodePools can be used. Written
//! by those who learn it, read by the webhook without waiting for anybody.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};

use crate::live::gates::Leader;
use crate::model::pool::Pool;

/// What a replica knows. Every method may be called from any thread.
#[derive(Debug)]
pub struct Standing {
    leader: Arc<Leader>,
    pools: RwLock<Arc<[Arc<Pool>]>>,
    leaving: AtomicBool,
}

impl Standing {
    /// One that knows no NodePool yet.
    pub fn new(leader: Arc<Leader>) -> Self {
        Standing {
            leader,
            pools: RwLock::new(Arc::from([])),
            leaving: AtomicBool::new(false),
        }
    }

    /// The NodePools as they are in force; paused ones, whose NodeClass cannot be used too, serve nobody.
    pub fn pools<'a>(&self, pools: impl Iterator<Item = &'a Arc<Pool>>) {
        let usable = pools.filter(|pool| !pool.paused).cloned().collect();
        *self.pools.write().expect("nobody panics while holding it") = usable;
    }

    /// This replica is about to end: it lets every pod pass.
    pub fn leave(&self) {
        self.leaving.store(true, Ordering::Relaxed);
    }

    /// True while gates may be added: some replica leads, and will lift them.
    pub fn places(&self) -> bool {
        !self.leaving.load(Ordering::Relaxed) && self.leader.is_fresh()
    }

    /// NodePools that can be used.
    pub fn usable(&self) -> Arc<[Arc<Pool>]> {
        let pools = self.pools.read();
        pools.expect("nobody panics while holding it").clone()
    }
}
