//! What each kind of pod may be bought in each zone, asked once: pods of a thousand applications are of
//! a few kinds, and the answer for one holds for all of its kind.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::cluster::View;
use crate::model::name::PoolName;
use crate::model::node::Toleration;
use crate::model::offering::ZoneId;
use crate::model::requirement::Constraints;
use crate::model::resources::Resources;
use crate::model::spark::{NotUnderstood, PodTemplate, Role};
use crate::model::time::Timestamp;

use super::demand::Need;
use super::offer::{self, Options, Seeker};
use super::reason::Reason;

/// Everything about a pod that decides what it may be bought. `since` is part of it only while
/// something is sold out, since only then patience counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Class {
    role: Role,
    requests: Resources,
    constraints: Constraints,
    tolerations: Vec<Toleration>,
    not_understood: Vec<NotUnderstood>,
    pools: Vec<PoolName>,
    since: Option<Timestamp>,
}

/// The answer for one kind of pod in one zone.
pub type Answer = Rc<Result<Options, Reason>>;

/// Answers so far.
#[derive(Clone, Debug)]
pub struct Menu<'a> {
    view: View<'a>,
    barred: BTreeSet<PoolName>,
    classes: BTreeMap<Class, usize>,
    by_template: BTreeMap<(*const PodTemplate, Option<Timestamp>), usize>,
    answers: BTreeMap<(usize, ZoneId), Answer>,
    units: BTreeMap<(usize, ZoneId, u32), i128>,
}

impl<'a> Menu<'a> {
    /// An empty menu over all pools but `barred`.
    pub fn new(view: View<'a>, barred: BTreeSet<PoolName>) -> Self {
        Menu {
            view,
            barred,
            classes: BTreeMap::new(),
            by_template: BTreeMap::new(),
            answers: BTreeMap::new(),
            units: BTreeMap::new(),
        }
    }

    /// What pods of a need may be bought in a zone.
    pub fn options(&mut self, need: &Need, zone: ZoneId) -> Answer {
        let class = self.class(need);
        let (view, barred) = (self.view, &self.barred);
        let answer = self.answers.entry((class, zone)).or_insert_with(|| {
            let seeker = Seeker {
                template: &need.template,
                since: need.since,
                barred,
            };
            Rc::new(offer::options(&view, seeker, zone))
        });
        answer.clone()
    }

    /// True where some pool is for such pods; others are none of our business, whatever room there is.
    pub fn is_served(&self, need: &Need) -> bool {
        self.view
            .cluster
            .pools
            .values()
            .any(|pool| pool.serves(&need.template))
    }

    /// The highest weight among the pools that serve such pods.
    pub fn highest_weight(&self, need: &Need) -> u32 {
        let pools = self
            .view
            .cluster
            .pools
            .values()
            .filter(|pool| pool.serves(&need.template));
        pools.map(|pool| pool.weight).max().unwrap_or(0)
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

    /// The number by which pods that may be bought the same nodes are known in this menu.
    pub fn class(&mut self, need: &Need) -> usize {
        let since = (!self.view.cluster.unavailable.is_empty()).then_some(need.since);
        let key = (std::sync::Arc::as_ptr(&need.template), since);
        if let Some(&class) = self.by_template.get(&key) {
            return class;
        }
        let template = &need.template;
        let pools = self
            .view
            .cluster
            .pools
            .values()
            .filter(|pool| pool.serves(template));
        let class = Class {
            role: template.role,
            requests: template.requests.clone(),
            constraints: template.constraints.clone(),
            tolerations: template.tolerations.clone(),
            not_understood: template.not_understood.clone(),
            pools: pools.map(|pool| pool.name.clone()).collect(),
            since,
        };
        let next = self.classes.len();
        let class = *self.classes.entry(class).or_insert(next);
        self.by_template.insert(key, class);
        class
    }

    /// What one of `count` such pods costs in a zone in nodes of their own, in thousandths of a
    /// micro-dollar per hour; None where none may be bought.
    pub fn unit_cost(&mut self, need: &Need, zone: ZoneId, count: u32) -> Option<i128> {
        let answer = self.options(need, zone);
        let options = answer.as_ref().as_ref().ok()?;
        // Beyond this many pods the largest types are full, and the cost per pod no longer changes.
        let count = count.clamp(1, 256);
        let key = (self.class(need), zone, count);
        if let Some(&unit) = self.units.get(&key) {
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
        self.units.insert(key, unit);
        Some(unit)
    }
}
