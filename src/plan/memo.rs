//! Answers of earlier rounds. A steady stream of like applications asks the same again and again: what
//! their pods may be bought, how so many of them pack. Each answer follows from its question alone, so
//! that a plan with a memo is the plan without; the questions are those of one market, and a new
//! market makes a new memo.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::cluster::View;
use crate::cluster::market::Market;
use crate::model::offering::ZoneId;
use crate::model::resources::Resources;

use super::alternatives::{self, Alike};
use super::class::Class;
use super::expected::Expected;
use super::launch::Common;
use super::menu::Answer;
use super::pack::{Bin, Priced, Problem};

/// Answers of each sort beyond which all are forgotten: a bound on memory, met by no steady stream.
const MOST_ANSWERS: usize = 20_000;
/// Classes of pods beyond which all is forgotten: they are looked through one after the other.
const MOST_CLASSES: usize = 1_000;

/// What is remembered between rounds.
#[derive(Debug, Default)]
pub struct Memo {
    market: Option<Arc<Market>>,
    pub(super) classes: RefCell<Vec<Class>>,
    /// What they may be bought, by class and zone.
    pub(super) answers: RefCell<Vec<Vec<Option<Answer>>>>,
    pub(super) units: RefCell<BTreeMap<(usize, ZoneId, u32), i128>>,
    pub(super) everywhere: RefCell<BTreeMap<(usize, Option<ZoneId>), Kinds>>,
    /// How sorts of pods pack, by what they ask for and which kinds they may be bought, whatever their number.
    pub(super) problems: RefCell<BTreeMap<Sorts, Problem>>,
    pub(super) packs: RefCell<BTreeMap<Lots, Arc<[Bin]>>>,
    pub(super) bounds: RefCell<BTreeMap<(Prices, Lots), Arc<Priced>>>,
    pub(super) expected: RefCell<BTreeMap<(usize, ZoneId, u32), Expected>>,
    /// Kinds that could take a draft's place.
    pub(super) suitable: RefCell<BTreeMap<Alike, Arc<[alternatives::Priced]>>>,
    /// What nodes have in common whichever of these kinds they are.
    pub(super) common: RefCell<BTreeMap<Vec<usize>, Arc<Common>>>,
}

/// Which prices a bound is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Prices {
    Listed,
    Compared,
}

/// Kinds that may be bought for pods of one class, as places in the market.
pub(super) type Kinds = Arc<[usize]>;

/// Sorts of pods to be packed: as [`Lots`], without their number.
pub(super) type Sorts = Vec<(Resources, usize)>;

/// Pods to be packed: what they ask for, which kinds they may be bought (the address of a remembered
/// list), and how many there are.
pub(super) type Lots = Vec<(Resources, usize, u32)>;

impl Memo {
    /// Forgets what was answered under another market, or too much of it.
    pub(super) fn open(&mut self, view: &View<'_>) {
        let market = view.cluster.shared_market();
        let same = self
            .market
            .as_ref()
            .is_some_and(|known| Arc::ptr_eq(known, market));
        let full = self.size() > MOST_ANSWERS || self.classes.borrow().len() > MOST_CLASSES;
        if !same || full {
            *self = Memo {
                market: Some(market.clone()),
                ..Memo::default()
            };
        }
    }

    fn size(&self) -> usize {
        self.units.borrow().len()
            + self.expected.borrow().len()
            + self.packs.borrow().len()
            + self.problems.borrow().len()
            + self.bounds.borrow().len()
            + self.common.borrow().len()
            + self.suitable.borrow().len()
    }
}
