//! The most valuable set of pods that one node can hold: a bounded knapsack over several resources, by
//! depth-first search with a fractional bound, stopped after a number of steps. The bound that it
//! returns holds even when it was stopped.

use crate::model::resources::Resources;

use super::problem::{Problem, Shelf};
use super::relaxation;

/// Search steps for one node. Fillings of a few kinds of pods are searched out well below it.
const STEPS: u32 = 2_000;
/// Kinds of pods among which the search looks for the best filling. An optimal fractional filling
/// mixes no more kinds than there are scarce resources, so those near it are enough.
const CORE: usize = 6;

/// What one node can hold.
#[derive(Clone, Debug)]
pub(super) struct Filling {
    /// Pods by item.
    pub counts: Vec<u32>,
    /// Their value.
    pub value: f64,
    /// No filling is worth more.
    pub at_most: f64,
}

struct Search<'a> {
    problem: &'a Problem,
    values: &'a [f64],
    caps: &'a [u32],
    /// Items in order of value per share of the node, best first.
    order: Vec<usize>,
    /// By depth and resource: the best value per unit among the items from there on.
    densities: Vec<Vec<f64>>,
    counts: Vec<u32>,
    best: Vec<u32>,
    best_value: f64,
    steps: u32,
}

/// The best filling of a node at these values, with at most `caps` pods of each item.
pub(super) fn fill(problem: &Problem, shelf: &Shelf, values: &[f64], caps: &[u32]) -> Filling {
    let order = order(problem, shelf, values, caps);
    let balanced = balanced(problem, shelf, values, caps, &order);
    let start = (value(values, &balanced), balanced);
    let (best, is_complete) = search(problem, shelf, values, caps, &order, start);
    if is_complete {
        return Filling {
            at_most: best.0,
            value: best.0,
            counts: best.1,
        };
    }
    let core = core(&order, &best.1);
    let (best, _) = search(problem, shelf, values, caps, &core, best);
    let at_most = relaxation::at_most(problem, &shelf.room, values, caps, &order);
    Filling {
        at_most: at_most.max(best.0),
        value: best.0,
        counts: best.1,
    }
}

type Found = (f64, Vec<u32>);

/// Searches the fillings of the given items for one that is worth more; true where all were searched.
fn search(
    problem: &Problem,
    shelf: &Shelf,
    values: &[f64],
    caps: &[u32],
    items: &[usize],
    start: Found,
) -> (Found, bool) {
    let mut search = Search {
        problem,
        values,
        caps,
        densities: densities(problem, values, items),
        order: items.to_vec(),
        counts: vec![0; values.len()],
        best_value: start.0,
        best: start.1,
        steps: 0,
    };
    search.descend(0, &mut shelf.room.clone(), 0.0);
    ((search.best_value, search.best), search.steps < STEPS)
}

fn value(values: &[f64], counts: &[u32]) -> f64 {
    values
        .iter()
        .zip(counts)
        .map(|(value, &n)| value * f64::from(n))
        .sum()
}

/// A filling pod by pod: always the one that is worth most for its share of what is still free, so that
/// scarce resources run out together.
fn balanced(
    problem: &Problem,
    shelf: &Shelf,
    values: &[f64],
    caps: &[u32],
    order: &[usize],
) -> Vec<u32> {
    let mut counts = vec![0; values.len()];
    let mut room = shelf.room.clone();
    loop {
        let worth = |item: usize| {
            let size = &problem.sizes[item];
            let taken = size.iter().zip(&room).filter(|(need, _)| **need > 0);
            let share: f64 = taken.map(|(need, free)| float(*need) / float(*free)).sum();
            values[item] / share.max(f64::MIN_POSITIVE)
        };
        let fits = |item: usize| {
            problem.sizes[item]
                .iter()
                .zip(&room)
                .all(|(need, free)| need <= free)
        };
        let next = order
            .iter()
            .copied()
            .filter(|&item| counts[item] < caps[item] && fits(item))
            .max_by(|&a, &b| worth(a).total_cmp(&worth(b)).then(b.cmp(&a)));
        let Some(item) = next else { return counts };
        counts[item] += 1;
        room.iter_mut()
            .zip(&problem.sizes[item])
            .for_each(|(free, need)| *free -= need);
    }
}

/// Few items among which a search gets far: those of the best filling so far, and then the best ones.
fn core(order: &[usize], filling: &[u32]) -> Vec<usize> {
    let (used, others): (Vec<usize>, Vec<usize>) =
        order.iter().copied().partition(|&item| filling[item] > 0);
    let chosen: Vec<usize> = used.into_iter().chain(others).take(CORE).collect();
    order
        .iter()
        .copied()
        .filter(|item| chosen.contains(item))
        .collect()
}

fn order(problem: &Problem, shelf: &Shelf, values: &[f64], caps: &[u32]) -> Vec<usize> {
    let share = |item: usize| {
        let size = &problem.sizes[item];
        let shares = size.iter().zip(&shelf.room).filter(|(need, _)| **need > 0);
        shares
            .map(|(need, have)| float(*need) / float(*have))
            .fold(f64::MIN_POSITIVE, f64::max)
    };
    let mut items: Vec<usize> = (0..values.len())
        .filter(|&i| shelf.accepts[i] && caps[i] > 0 && values[i] > 0.0)
        .collect();
    items.sort_by(|&a, &b| {
        (values[b] / share(b))
            .total_cmp(&(values[a] / share(a)))
            .then(a.cmp(&b))
    });
    // The last item is not tried in every number but filled up, so it is the smallest: a node holds
    // more of it than of any other.
    let smallest = (0..items.len()).min_by(|&a, &b| share(items[a]).total_cmp(&share(items[b])));
    if let Some(smallest) = smallest {
        let item = items.remove(smallest);
        items.push(item);
    }
    items
}

/// Suffix maxima of value per unit of each resource; infinite where an item takes none of it.
fn densities(problem: &Problem, values: &[f64], order: &[usize]) -> Vec<Vec<f64>> {
    let mut suffix = vec![vec![0.0_f64; problem.dimensions()]; order.len() + 1];
    for depth in (0..order.len()).rev() {
        let item = order[depth];
        for (r, &need) in problem.sizes[item].iter().enumerate() {
            let density = if need == 0 {
                f64::INFINITY
            } else {
                values[item] / float(need)
            };
            suffix[depth][r] = suffix[depth + 1][r].max(density);
        }
    }
    suffix
}

impl Search<'_> {
    fn descend(&mut self, depth: usize, room: &mut Vec<u64>, value: f64) {
        if value > self.best_value {
            self.best_value = value;
            self.best.clone_from(&self.counts);
        }
        if depth == self.order.len() || self.steps >= STEPS {
            return;
        }
        if value + self.at_most(depth, room) <= self.best_value * (1.0 + 1e-12) {
            return;
        }
        let item = self.order[depth];
        let most = self.problem.copies(item, room, self.caps[item]);
        let least = if depth + 1 == self.order.len() {
            most
        } else {
            0
        };
        for count in (least..=most).rev() {
            self.steps += 1;
            self.counts[item] = count;
            self.take(item, count, room, false);
            self.descend(
                depth + 1,
                room,
                value + self.values[item] * f64::from(count),
            );
            self.take(item, count, room, true);
        }
        self.counts[item] = 0;
    }

    /// No filling of `room` with the items from `depth` on is worth more than this.
    fn at_most(&self, depth: usize, room: &[u64]) -> f64 {
        let by_count: f64 = self.order[depth..]
            .iter()
            .map(|&item| self.values[item] * f64::from(self.caps[item]))
            .sum();
        let by_resource = room
            .iter()
            .zip(&self.densities[depth])
            .map(|(&free, &density)| {
                if free == 0 && density.is_infinite() {
                    f64::INFINITY
                } else {
                    float(free) * density
                }
            });
        by_resource.fold(by_count, f64::min)
    }

    fn take(&self, item: usize, count: u32, room: &mut [u64], back: bool) {
        for (free, need) in room.iter_mut().zip(&self.problem.sizes[item]) {
            let taken = need * u64::from(count);
            *free = if back { *free + taken } else { *free - taken };
        }
    }
}

/// No filling of a free room is worth more than this: the least, over the resources, of what it would
/// be worth if only that one counted.
pub(super) fn worth(problem: &Problem, values: &[f64], room: &Resources) -> f64 {
    let room = problem.vector(room);
    let order: Vec<usize> = (0..values.len()).collect();
    let everything: f64 = values
        .iter()
        .zip(&problem.counts)
        .map(|(v, &n)| v * f64::from(n))
        .sum();
    let densities = densities(problem, values, &order);
    let by_resource = room.iter().zip(&densities[0]).map(|(&free, &density)| {
        if density.is_infinite() {
            f64::INFINITY
        } else {
            float(free) * density
        }
    });
    by_resource.fold(everything, f64::min)
}

/// Resources as floating point: values are compared, never added up to a result.
#[expect(
    clippy::as_conversions,
    reason = "u64 to f64 has no From; 53 bits are precise enough to rank"
)]
pub(super) fn float(n: u64) -> f64 {
    n as f64
}
