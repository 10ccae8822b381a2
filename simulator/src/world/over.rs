//! Forgetting: an application that is over is put away as a record once nothing more can come of it. Until
//! then it is known by name, because a round may still count it, and nodes on which it ran may owe for it.

use sparkwright::model::money::Cost;
use sparkwright::model::name::AppId;

use super::phase::Watched;
use super::record::{Ran, Runs};
use super::run::World;
use super::workload::Running;

/// Applications that are over and known by name, besides those for which nodes owe, before they are looked
/// through: a look goes over all nodes of the ledger, and some thousand applications take a megabyte.
const MOST_OVER: usize = 1_000;

/// Applications that are over and not put away.
#[derive(Debug)]
pub(super) struct Over {
    known: Vec<(usize, AppId)>,
    /// How many of them were left by the latest look.
    left: usize,
    most: usize,
}

impl Default for Over {
    fn default() -> Self {
        Over {
            known: Vec::new(),
            left: 0,
            most: MOST_OVER,
        }
    }
}

impl Over {
    /// There are enough to be looked through: at least twice as many as the latest look left, so that looks cost
    /// about the same for each application.
    fn are_many(&self) -> bool {
        let most = self.left.saturating_mul(2).saturating_add(self.most);
        self.known.len() >= most
    }
}

impl World {
    /// An application has ended: how it went is kept, and its name for a while.
    pub(super) fn finish(&mut self, i: usize) {
        let running = &mut self.applications[i];
        if let Some(app) = running.app() {
            self.finished += 1;
            (self.watch)(Watched::Finished(self.finished));
            self.over.known.push((i, app.clone()));
            *running = Running::Over(Box::new(running.progress()));
        }
    }

    /// Puts away those of which nothing more can come, once there are enough to be looked through.
    pub(super) fn put_away(&mut self) {
        if !self.over.are_many() {
            return;
        }
        let collected = self.ledger.collect(self.now);
        self.charge(collected);
        let owing = self.ledger.debtors();
        let over = std::mem::take(&mut self.over.known).into_iter();
        let (gone, kept): (Vec<_>, Vec<_>) =
            over.partition(|(i, app)| !owing.contains(app) && !self.tally.is_waiting(*i));
        self.over.left = kept.len();
        self.over.known = kept;
        for (i, app) in gone {
            self.tally.forget(i, &app);
            self.write_down(i);
        }
    }

    /// The run is over: how each application went, as far as it came.
    pub(super) fn put_all_away(&mut self) -> Runs {
        let collected = self.ledger.collect(self.now);
        self.charge(collected);
        let owed = self.ledger.balance(self.now).apps;
        self.charge(owed);
        let begins = (0..self.applications.len()).map(|i| self.write_down(i));
        let begins = begins.collect();
        Runs::new(std::mem::take(&mut self.records), begins)
    }

    fn charge(&mut self, costs: Vec<(AppId, Cost)>) {
        for (app, cost) in costs {
            let i = self.tally.position(&app);
            let i = i.expect("an application is known by name as long as nodes owe for it");
            self.tally.app(i).cost += cost;
        }
    }

    /// Where its record begins.
    fn write_down(&mut self, i: usize) -> usize {
        if let Running::PutAway(begin) = self.applications[i] {
            return begin;
        }
        let begin = self.records.add(&Ran {
            progress: self.applications[i].progress(),
            tally: self.tally.take(i),
        });
        self.applications[i] = Running::PutAway(begin);
        begin
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use sparkwright::model::nodepool;
    use sparkwright::model::pool::Pool;

    use super::*;
    use crate::catalog::{Source, ZonePrices};
    use crate::trace;
    use crate::world::conditions::Conditions;
    use crate::world::run::{ExecutorSource, Outcome, Simulation};
    use crate::world::scheduler::Scoring;
    use crate::world::submission::Submission;
    use crate::world::submissions::Submissions;
    use crate::world::workload::Workload;

    /// Of these, most are over and their nodes gone while others still come.
    const COPIES: u32 = 30;

    #[test]
    fn applications_that_are_put_away_early_went_as_those_that_are_kept() {
        let (early, over_early, begun) = outcome(1);
        let (late, over_late, none) = outcome(usize::MAX);
        let copies = usize::try_from(COPIES).unwrap();
        assert_eq!((over_late, none), (copies, false));
        assert!(begun && over_early < copies / 2, "{over_early}");
        let told = |outcome: &Outcome| -> Vec<String> {
            outcome.runs.iter().map(|ran| format!("{ran:?}")).collect()
        };
        assert_eq!(told(&early), told(&late));
        let apps: Cost = early.runs.iter().map(|ran| ran.tally.cost).sum();
        assert!(early.runs.iter().all(|ran| ran.tally.cost > Cost::ZERO));
        let balance = early.ledger.balance(early.ended);
        let nodes: Cost = balance.nodes.iter().map(|(_, cost)| *cost).sum();
        let rest = [balance.idle, balance.boot, balance.system];
        assert_eq!(rest.into_iter().sum::<Cost>() + apps, nodes);
    }

    /// What came of a run that keeps at least so many that are over, how many were still known by name at its
    /// end, and whether any had been put away.
    fn outcome(most: usize) -> (Outcome, usize, bool) {
        let mut world = World::new(simulation(), Box::new(|_| ()));
        world.over.most = most;
        world.run();
        let away = world.applications.iter();
        let away = away.filter(|running| matches!(running, Running::PutAway(_)));
        let any = away.count() > 0;
        let over = world.over.known.len();
        (world.outcome(), over, any)
    }

    fn simulation() -> Simulation {
        let log = "data/logs/eventlog_v2_spark-110be3a8424d4a2789cb88134418217b";
        let log = Path::new(env!("CARGO_MANIFEST_DIR")).join(log);
        let recorded = trace::open(&log).find_map(Result::ok).unwrap();
        let original = Workload::Spark(Box::new(Submission::new(&recorded).unwrap()));
        let source = Source {
            dir: None,
            region: None,
            zone_prices: ZonePrices::List,
            zone_map: Vec::new(),
        };
        let arrivals = "every=300s".parse().unwrap();
        Simulation {
            catalog: Arc::new(source.load().unwrap()),
            pools: pools(),
            daemons: Vec::new(),
            referents: Vec::new(),
            submissions: Arc::new(Submissions::new(vec![original], COPIES, arrivals, 0)),
            executors: ExecutorSource::Simulated,
            conditions: Conditions::default(),
            scoring: Scoring::default(),
            seed: 0,
        }
    }

    /// Those that count where none are given.
    fn pools() -> Vec<Pool> {
        let shipped = [
            include_str!("../../../nodepools/drivers-on-demand.yaml"),
            include_str!("../../../nodepools/executors.yaml"),
        ];
        let read = |text| nodepool::read(serde_saphyr::from_str(text).unwrap()).unwrap();
        shipped.map(|text| read(text).0).into()
    }
}
