//! Forgetting: an application that is over is put away as a record once nothing more can come of it. Until
//! then it is known by name, because a round may still count it, and nodes on which it ran may owe for it.

use sparkwright::model::money::Cost;
use sparkwright::model::name::AppId;

use super::record::{Ran, Runs};
use super::run::World;
use super::workload::Running;

/// Applications that are over and known by name, besides those for which nodes owe, before they are looked
/// through: a look goes over all nodes of the ledger, and some thousand applications take a megabyte.
pub(super) const MOST_OVER: usize = 1_000;

impl World {
    /// Puts away those of which nothing more can come, once there are enough to be looked through.
    pub(super) fn put_away(&mut self) {
        if self.over.len() < self.look_through_at {
            return;
        }
        let collected = self.ledger.collect();
        self.charge(collected);
        let owing = self.ledger.debtors();
        let over = std::mem::take(&mut self.over).into_iter();
        let (gone, kept): (Vec<_>, Vec<_>) =
            over.partition(|(i, app)| !owing.contains(app) && !self.tally.is_waiting(*i));
        self.over = kept;
        for (i, app) in gone {
            self.tally.forget(&app);
            self.write_down(i);
        }
        self.look_through_at = 2 * self.over.len() + MOST_OVER;
    }

    /// The run is over: how each application went, as far as it came.
    pub(super) fn put_all_away(&mut self) -> Runs {
        let collected = self.ledger.collect();
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
