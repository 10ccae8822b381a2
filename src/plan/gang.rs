//! How many nodes of a call are of use. With a part of a gang alone nothing can run, so a call that holds
//! nothing but gangs says with how few nodes it is worth anything: those of the first gang that is whole.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::name::PodId;

use super::buy::{Draft, Load};
use super::demand::Ask;

/// With fewer than so many of its first nodes a call is of no use; None where each node is. Orders the
/// drafts, so that the gang that is served first has the first nodes: instances are given to them in order.
pub(super) fn minimum(asks: &[Ask<'_>], drafts: &mut [&Draft]) -> Option<u32> {
    let gangs = Gangs::of(asks, drafts);
    let rank = |draft: &&Draft| {
        let mut places = draft.loads.iter();
        let of_gang = places.any(|load| gangs.holds(asks, load));
        let ask = draft.loads.iter().map(|load| load.ask).min();
        (ask, !of_gang)
    };
    drafts.sort_by_cached_key(rank);
    // By application: how many nodes there are up to the last one of its gang.
    let mut whole: BTreeMap<usize, u32> = BTreeMap::new();
    let mut alone: BTreeMap<usize, u32> = BTreeMap::new();
    for (count, draft) in (1..).zip(drafts.iter()) {
        for load in &draft.loads {
            if gangs.holds(asks, load) {
                whole.insert(load.ask, count);
            } else {
                alone.entry(load.ask).or_insert(count);
            }
        }
    }
    // Growth is of no use before the gang that it belongs to.
    alone.retain(|ask, _| !whole.contains_key(ask));
    let least = whole.into_values().chain(alone.into_values()).min();
    least.filter(|least| *least > 1)
}

/// Members of gangs among the pods of a call, where only a part of a need belongs to one.
struct Gangs<'a> {
    some: BTreeMap<(usize, usize), BTreeSet<&'a PodId>>,
}

impl<'a> Gangs<'a> {
    fn of(asks: &'a [Ask<'_>], drafts: &[&Draft]) -> Self {
        let mut some = BTreeMap::new();
        for load in drafts.iter().flat_map(|draft| &draft.loads) {
            let need = &asks[load.ask].needs[load.need];
            if need.gang > 0 && need.gang < need.pods.len() {
                some.entry((load.ask, load.need))
                    .or_insert_with(|| need.pods[..need.gang].iter().collect());
            }
        }
        Gangs { some }
    }

    /// True where a load has a member of its application's gang.
    fn holds(&self, asks: &[Ask<'_>], load: &Load) -> bool {
        match self.some.get(&(load.ask, load.need)) {
            Some(members) => load.pods.iter().any(|pod| members.contains(pod)),
            None => asks[load.ask].needs[load.need].gang > 0,
        }
    }
}
