//! The most valuable set of pods that one node can hold: a bounded knapsack over several resources. One
//! resource, in which requests have a coarse common grain (CPU, as a rule), is solved by tables, whose
//! promise bounds every partial filling. Partial fillings grow item by item; one that another beats in
//! room and value is dropped, and beyond a width the least promising. The bound holds even then.

use super::sack::Sack;
use super::table::Tables;

/// Partial fillings kept where a good filling will do.
pub(super) const NARROW: usize = 24;
/// Fillings handed out of one search.
const FILLINGS: usize = 4;

/// What a search found.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// Fillings that are worth more than was asked for, the best first: pods by item, and their value.
    pub fillings: Vec<(Vec<u32>, f64)>,
    /// No filling is worth more.
    pub at_most: f64,
}

/// A partial filling.
#[derive(Clone, Copy, Debug)]
struct Partial {
    /// Room left in the tables' resource.
    units: usize,
    /// Room left of all shared resources, by position in the rooms.
    room: usize,
    /// What its pods are worth.
    value: f64,
    /// What it could come to at most.
    promise: f64,
    /// How it came about, by position in the trail.
    last: usize,
}

/// How many of an item were added to which partial filling.
type Trail = Vec<(usize, u32)>;

struct Search<'a> {
    sack: &'a Sack<'a>,
    tables: Tables,
    width: usize,
    /// What a filling must be worth to be of interest.
    floor: f64,
    /// The most that what was dropped unseen could have come to.
    dropped: f64,
    trail: Trail,
    /// Rooms of partial fillings, one behind the other.
    rooms: Vec<u64>,
}

/// The best fillings that are worth more than `floor`.
pub(super) fn best(sack: &Sack<'_>, floor: f64, width: usize) -> Found {
    let nothing = |at_most: f64| Found {
        fillings: Vec::new(),
        at_most,
    };
    if sack.at_most <= floor {
        return nothing(sack.at_most);
    }
    let tables = Tables::new(sack, floor);
    let most = tables.at_most.min(sack.at_most);
    if most <= floor {
        return nothing(most);
    }
    let start = rounded(sack);
    let grain = most * 1e-6;
    let mut search = Search {
        sack,
        tables,
        width,
        floor: start.1.max(floor) + grain,
        dropped: 0.0,
        trail: Vec::new(),
        rooms: sack.shelf.tight.clone(),
    };
    let mut fillings = search.run();
    fillings.extend((start.1 > floor).then_some(start));
    fillings.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    fillings.dedup();
    fillings.truncate(FILLINGS);
    let value = fillings.first().map_or(floor, |(_, value)| *value);
    let at_most = search.dropped.max(value + grain).min(most);
    let spread = |(counts, value): (Vec<u32>, f64)| (spread_out(sack, &counts), value);
    Found {
        fillings: fillings.into_iter().map(spread).collect(),
        at_most,
    }
}

/// Counts by item of the problem.
fn spread_out(sack: &Sack<'_>, counts: &[u32]) -> Vec<u32> {
    let mut all = vec![0; sack.shelf.copies.len()];
    for (&item, &count) in sack.items.iter().zip(counts) {
        all[item] = count;
    }
    all
}

/// The whole part of the solution with cut pods, filled up with what gains most.
fn rounded(sack: &Sack<'_>) -> (Vec<u32>, f64) {
    let mut room = sack.shelf.tight.clone();
    let mut counts = vec![0; sack.items.len()];
    let mut order: Vec<usize> = (0..sack.items.len()).collect();
    order.sort_by(|&a, &b| {
        let gain = |i: usize| sack.gains[i] / sack.values[i];
        gain(b).total_cmp(&gain(a)).then(a.cmp(&b))
    });
    for is_first in [true, false] {
        for &i in &order {
            let size = &sack.problem.tight[sack.items[i]];
            let wanted = if is_first {
                floor(sack.amounts[i])
            } else {
                u32::MAX
            };
            let most = wanted.min(sack.limits[i] - counts[i]);
            let taken = copies(size, &room, most);
            counts[i] += taken;
            take(&mut room, size, taken);
        }
    }
    let values = sack.values.iter().zip(&counts);
    let value = values.map(|(value, &n)| value * f64::from(n)).sum();
    (counts, value)
}

/// How many copies fit, `limit` at most.
fn copies(size: &[u64], room: &[u64], limit: u32) -> u32 {
    let mut fit = u64::from(limit);
    for (need, have) in size.iter().zip(room) {
        if need.saturating_mul(fit) > *have {
            fit = have / need;
        }
    }
    u32::try_from(fit).unwrap_or(limit)
}

impl Search<'_> {
    /// All items, one after the other.
    fn run(&mut self) -> Vec<(Vec<u32>, f64)> {
        let mut partials = vec![Partial {
            units: self.tables.room,
            room: 0,
            value: 0.0,
            promise: f64::INFINITY,
            last: usize::MAX,
        }];
        for depth in 0..self.tables.order.len() {
            let mut grown: Vec<Partial> = Vec::new();
            for partial in &partials {
                self.grow(partial, depth, &mut grown);
            }
            partials = self.kept(grown);
        }
        partials.retain(|partial| partial.value > self.floor);
        partials.sort_by(|a, b| b.value.total_cmp(&a.value));
        partials.truncate(FILLINGS);
        let fillings = partials.iter();
        fillings
            .map(|partial| (self.counts(partial.last), partial.value))
            .collect()
    }

    /// A partial filling with every number of the item at a depth; of the last item as many as fit.
    fn grow(&mut self, partial: &Partial, depth: usize, grown: &mut Vec<Partial>) {
        let i = self.tables.order[depth];
        let size = &self.sack.problem.tight[self.sack.items[i]];
        let mut room = self.room(partial).to_vec();
        let most = copies(size, &room, self.sack.limits[i]);
        let is_last = depth + 1 == self.tables.order.len();
        for count in 0..=most {
            if count > 0 {
                take(&mut room, size, 1);
            }
            if is_last && count < most {
                continue;
            }
            let units = partial.units - self.tables.units(depth, count);
            let value = partial.value + self.sack.values[i] * f64::from(count);
            let enough = self.floor - value;
            let promise = value + self.tables.promise(depth + 1, units, &room, enough);
            if promise > self.floor {
                self.trail.push((partial.last, count));
                grown.push(Partial {
                    units,
                    room: self.rooms.len(),
                    value,
                    promise,
                    last: self.trail.len() - 1,
                });
                self.rooms.extend_from_slice(&room);
            }
        }
    }

    fn room(&self, partial: &Partial) -> &[u64] {
        &self.rooms[partial.room..partial.room + self.sack.shelf.tight.len()]
    }

    /// The most promising that none of as much room in the tables' resource beats.
    fn kept(&mut self, mut grown: Vec<Partial>) -> Vec<Partial> {
        grown.sort_unstable_by(|a, b| {
            (b.promise.total_cmp(&a.promise))
                .then_with(|| b.value.total_cmp(&a.value))
                .then(a.last.cmp(&b.last))
        });
        let mut kept: Vec<Partial> = Vec::with_capacity(self.width.min(grown.len()));
        let mut by_units: Vec<Vec<usize>> = vec![Vec::new(); self.tables.room + 1];
        for partial in grown {
            if kept.len() == self.width {
                self.dropped = self.dropped.max(partial.promise);
                break;
            }
            let alike = &mut by_units[partial.units];
            if !alike.iter().any(|&k| self.beats(&kept[k], &partial)) {
                alike.push(kept.len());
                kept.push(partial);
            }
        }
        kept
    }

    fn beats(&self, better: &Partial, other: &Partial) -> bool {
        let mut rooms = self.room(better).iter().zip(self.room(other));
        better.value >= other.value && rooms.all(|(a, b)| a >= b)
    }

    /// Counts by position, from the last item back to the first.
    fn counts(&self, mut last: usize) -> Vec<u32> {
        let mut counts = vec![0; self.sack.items.len()];
        for &i in self.tables.order.iter().rev() {
            let (before, count) = self.trail[last];
            counts[i] = count;
            last = before;
        }
        counts
    }
}

fn take(room: &mut [u64], size: &[u64], count: u32) {
    for (free, need) in room.iter_mut().zip(size) {
        *free -= need * u64::from(count);
    }
}

/// The whole part, forgiving rounding.
#[expect(
    clippy::as_conversions,
    reason = "the cast saturates, and amounts are counts of pods"
)]
pub(super) fn floor(amount: f64) -> u32 {
    (amount + 1e-6).floor().max(0.0) as u32
}

/// Resources as floating point: values are compared, never added up to a result.
#[expect(
    clippy::as_conversions,
    reason = "u64 to f64 has no From; 53 bits are precise enough to rank"
)]
pub(super) fn float(n: u64) -> f64 {
    n as f64
}
