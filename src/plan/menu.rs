//! What each kind of pod may be bought in each zone, asked once: pods of a thousand applications are of
//! a few kinds, and the answer for one holds for all of its kind.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::cluster::View;
use crate::model::name::PoolName;
use crate::model::offering::ZoneId;
use crate::model::pool::{Pool, ZonePolicy};
use crate::model::spark::PodTemplate;
use crate::model::time::Timestamp;

use super::demand::Need;
use super::expected::{self, Expected};
use super::memo::Memo;
use super::offer::{self, Options, Seeker};
use super::reason::Reason;
use super::zone;

/// Beyond this many pods the largest types are full, and the cost per pod does not change.
const FULL: u32 = 256;

/// The answer for one kind of pod in one zone.
pub type Answer = Arc<Result<Options, Reason>>;

/// Answers so far. While nothing is sold out and no pool is barred they come from the memo.
#[derive(Clone, Debug)]
pub struct Menu<'a> {
    view: View<'a>,
    memo: &'a Memo,
    barred: BTreeSet<PoolName>,
    /// What is asked under today's circumstances alone: by class, since when pods wait where patience counts,
    /// and zone.
    own: BTreeMap<(usize, Option<Timestamp>, ZoneId), Answer>,
}

impl<'a> Menu<'a> {
    /// A menu over all pools but `barred`.
    pub fn new(view: View<'a>, memo: &'a Memo, barred: BTreeSet<PoolName>) -> Self {
        Menu {
            view,
            memo,
            barred,
            own: BTreeMap::new(),
        }
    }

    /// What is planned from.
    pub(super) fn view(&self) -> &View<'a> {
        &self.view
    }

    /// What is remembered between rounds.
    pub(super) fn memo(&self) -> &'a Memo {
        self.memo
    }

    /// True where answers hold in any round under this market.
    pub(super) fn is_plain(&self) -> bool {
        !self.view.cluster.shortages.any(self.view.now) && self.barred.is_empty()
    }

    /// Since when pods of a need have waited, where that decides what they may be bought: patience counts only
    /// while something is sold out.
    pub(super) fn patience(&self, need: &Need) -> Option<Timestamp> {
        let refused = self.view.cluster.shortages.any(self.view.now);
        refused.then_some(need.since)
    }

    /// What pods of a need may be bought in a zone.
    pub fn options(&mut self, need: &Need, zone: ZoneId) -> Answer {
        if !self.is_plain() {
            let key = (need.class, self.patience(need), zone);
            let known = self.own.get(&key).cloned();
            return known.unwrap_or_else(|| {
                let answer = self.ask(need, zone);
                self.own.insert(key, answer.clone());
                answer
            });
        }
        let mut answers = self.memo.answers.borrow_mut();
        let (class, place) = (need.class, usize::from(zone.0));
        if answers.len() <= class {
            answers.resize(class + 1, Vec::new());
        }
        let zones = &mut answers[class];
        if zones.len() <= place {
            zones.resize(place + 1, None);
        }
        let answer = zones[place].get_or_insert_with(|| self.ask(need, zone));
        answer.clone()
    }

    fn ask(&self, need: &Need, zone: ZoneId) -> Answer {
        let seeker = Seeker {
            template: &need.template,
            since: need.since,
            barred: &self.barred,
        };
        Arc::new(offer::options(&self.view, seeker, zone))
    }

    /// Kinds that pods of a need may be bought in a zone, or in any of them.
    pub fn kinds(&mut self, need: &Need, zone: Option<ZoneId>) -> Arc<[usize]> {
        let key = (need.class, zone);
        let plain = self.is_plain();
        if let Some(known) = self.memo.everywhere.borrow().get(&key).filter(|_| plain) {
            return known.clone();
        }
        let zones = zone.map_or_else(|| zone::all(&self.view), |zone| vec![zone]);
        let mut kinds = Vec::new();
        for zone in zones {
            if let Ok(options) = self.options(need, zone).as_ref() {
                kinds.extend(&options.kinds);
            }
        }
        kinds.sort_unstable();
        let kinds: Arc<[usize]> = kinds.into();
        if plain {
            let mut everywhere = self.memo.everywhere.borrow_mut();
            everywhere.insert(key, kinds.clone());
        }
        kinds
    }

    /// True where some pool is for such pods; others are none of our business, whatever room there is.
    pub fn is_served(&self, need: &Need) -> bool {
        !self.memo.classes.borrow()[need.class].pools.is_empty()
    }

    /// The highest weight among the pools that serve such pods.
    pub fn highest_weight(&self, need: &Need) -> u32 {
        let classes = self.memo.classes.borrow();
        let pools = classes[need.class].pools.iter();
        pools.map(|pool| pool.weight).max().unwrap_or(0)
    }

    /// True where every pool that serves these needs spreads.
    pub fn is_spread(&self, needs: &[Need]) -> bool {
        let classes = self.memo.classes.borrow();
        let mut serving = needs.iter().flat_map(|need| &classes[need.class].pools);
        let spreads = |pool: &Arc<Pool>| pool.zone == ZonePolicy::Spread;
        serving.next().is_some_and(spreads) && serving.all(spreads)
    }

    /// The weight of the pools from which these options would be bought.
    pub fn weight(&self, options: &Options) -> u32 {
        let kinds = &self.view.cluster.market().kinds;
        options
            .kinds
            .first()
            .map_or(0, |&kind| kinds[kind].pool.weight)
    }

    /// True where a node of one of these kinds holds so many pods together.
    pub fn holds(&self, options: &Options, template: &PodTemplate, count: u32) -> bool {
        let kinds = &self.view.cluster.market().kinds;
        let all = template.requests.times(count);
        options
            .kinds
            .iter()
            .any(|&kind| all.fits(&kinds[kind].room))
    }

    /// What one of `count` such pods costs in a zone in nodes of their own, in thousandths of a
    /// micro-dollar per hour; None where none may be bought.
    pub fn unit_cost(&mut self, need: &Need, zone: ZoneId, count: u32) -> Option<i128> {
        let answer = self.options(need, zone);
        let options = answer.as_ref().as_ref().ok()?;
        let count = count.clamp(1, FULL);
        let key = (need.class, zone, count);
        let plain = self.is_plain();
        if let Some(&unit) = self.memo.units.borrow().get(&key).filter(|_| plain) {
            return Some(unit);
        }
        let market = self.view.cluster.market();
        let unit = options
            .kinds
            .iter()
            .map(|&i| {
                let kind = &market.kinds[i];
                let copies = need.template.requests.copies_in(&kind.room, count).max(1);
                i128::from(kind.cost.micros()) * 1000 / i128::from(copies)
            })
            .min()?;
        if plain {
            self.memo.units.borrow_mut().insert(key, unit);
        }
        Some(unit)
    }

    /// What one of `count` such pods is expected to cost in a zone.
    pub(super) fn unit_expected(&mut self, need: &Need, zone: ZoneId, count: u32) -> Expected {
        let count = count.clamp(1, FULL);
        let key = (need.class, zone, count);
        let plain = self.is_plain();
        if let Some(&known) = self.memo.expected.borrow().get(&key).filter(|_| plain) {
            return known;
        }
        let expected = expected::of_pod(self, need, zone, count);
        if plain {
            self.memo.expected.borrow_mut().insert(key, expected);
        }
        expected
    }
}
