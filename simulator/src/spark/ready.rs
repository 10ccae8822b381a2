//! Which stage's tasks are next: the oldest job's oldest stage under FIFO; under FAIR the pool that
//! runs the fewest tasks first. Weights and minimum shares of pools come from a file that no log
//! holds: every pool weighs 1 and has no minimum, as Spark has it for pools that no file names
//! (FairSchedulingAlgorithm, FairSchedulableBuilder).

/// Stages of one resource profile with tasks that could be launched.
#[derive(Clone, Debug, Default)]
pub(super) struct Ready {
    /// By place, which is the order of their jobs and then their own.
    stages: Vec<u32>,
}

impl Ready {
    pub fn insert(&mut self, stage: u32) {
        if let Err(at) = self.stages.binary_search(&stage) {
            self.stages.insert(at, stage);
        }
    }

    pub fn remove(&mut self, stage: u32) {
        if let Ok(at) = self.stages.binary_search(&stage) {
            self.stages.remove(at);
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = u32> {
        self.stages.iter().copied()
    }

    /// The stage that gets the next slot. `running` counts tasks by pool, and is empty under FIFO;
    /// pools are in the order of their names, which decides among equals.
    #[inline]
    pub fn next(&self, running: &[u32], pool_of: impl Fn(u32) -> usize) -> Option<u32> {
        if running.len() < 2 {
            return self.stages.first().copied();
        }
        self.fairest(running, pool_of)
    }

    #[inline(never)]
    fn fairest(&self, running: &[u32], pool_of: impl Fn(u32) -> usize) -> Option<u32> {
        let turn = |&stage: &u32| (running[pool_of(stage)], pool_of(stage), stage);
        self.stages.iter().copied().min_by_key(turn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifo_serves_the_oldest_stage_and_fair_the_pool_with_the_fewest_tasks() {
        let mut ready = Ready::default();
        [7, 2, 5].into_iter().for_each(|stage| ready.insert(stage));
        let pool_of = |stage| usize::from(stage > 4);
        assert_eq!(ready.next(&[], pool_of), Some(2));
        assert_eq!(ready.next(&[1, 0], pool_of), Some(5));
        assert_eq!(ready.next(&[1, 1], pool_of), Some(2));
        ready.remove(5);
        assert_eq!(ready.next(&[4, 3], pool_of), Some(7));
    }
}
