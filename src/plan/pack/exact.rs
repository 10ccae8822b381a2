//! Small problems solved outright: the least cost of every number of pods, from the least cost of all
//! smaller ones and one more node, as full as nodes of its price can be. Its cost is the optimum over whole
//! nodes, which the linear programme only bounds.

use super::column::Column;
use super::problem::Problem;

/// Combinations of counts at most where a whole problem is solved: each is held against every full node.
pub(super) const WHOLE: usize = 2_048;
/// Combinations at most where a part of a plan is solved again.
pub(super) const PART: usize = 400;

/// The cheapest nodes that hold these pods; None where there are too many combinations of pods.
pub(super) fn nodes(problem: &Problem, counts: &[u32], limit: usize) -> Option<Vec<Column>> {
    let states = States::of(counts, limit)?;
    let alone: Vec<Option<Column>> = (0..states.count)
        .map(|state| Column::cheapest(problem, states.counts(state)))
        .collect();
    let cost = |node: &Option<Column>| node.as_ref().map_or(f64::INFINITY, |node| node.cost);
    let costs: Vec<f64> = alone.iter().map(cost).collect();
    let full = states.full(&alone);
    // By state: the least cost, and what the last node holds.
    let mut best: Vec<(f64, usize)> = vec![(0.0, 0)];
    for state in 1..states.count {
        let here = states.steps_of(&states.counts(state));
        let first = here.iter().position(|&n| n > 0).unwrap_or(0);
        let mut least = (f64::INFINITY, 0);
        for whole in full.iter().filter(|whole| whole[first] > 0) {
            let common = whole.iter().zip(&here).map(|(one, other)| one.min(other));
            let part: usize = common.sum();
            let total = costs[part] + best[state - part].0;
            if total < least.0 {
                least = (total, part);
            }
        }
        best.push(least);
    }
    let mut nodes = Vec::new();
    let mut left = states.count - 1;
    while left > 0 {
        let (_, part) = best[left];
        nodes.push(alone[part].clone()?);
        left -= part;
    }
    Some(nodes)
}

/// True where these pods have few enough combinations.
pub(super) fn is_small(counts: &[u32], limit: usize) -> bool {
    States::of(counts, limit).is_some()
}

/// All combinations of counts up to those of the problem, as numbers of mixed radix: the difference of
/// two is the number of the difference.
struct States {
    most: Vec<u32>,
    steps: Vec<usize>,
    count: usize,
}

impl States {
    fn of(most: &[u32], limit: usize) -> Option<States> {
        let mut count = 1_usize;
        let mut steps = Vec::new();
        for &n in most {
            steps.push(count);
            count = count.checked_mul(usize::try_from(n).ok()?.checked_add(1)?)?;
            if count > limit {
                return None;
            }
        }
        let most = most.to_vec();
        Some(States { most, steps, count })
    }

    fn counts(&self, state: usize) -> Vec<u32> {
        let digits = self.steps.iter().zip(&self.most);
        let digit = |(step, &most): (&usize, &u32)| {
            let radix = usize::try_from(most).unwrap_or(usize::MAX) + 1;
            u32::try_from(state / step % radix).unwrap_or(most)
        };
        digits.map(digit).collect()
    }

    /// Counts that a node holds to which nothing can be added at the same cost: what any node holds is a part of
    /// one of them that costs no more. In steps.
    fn full(&self, alone: &[Option<Column>]) -> Vec<Vec<usize>> {
        let is_full = |(state, node): &(usize, &Column)| {
            let mut items = self.steps.iter().zip(&self.most).enumerate();
            items.all(|(item, (step, most))| {
                let more = (node.counts[item] < *most).then(|| alone[state + step].as_ref());
                more.flatten().is_none_or(|more| more.cost > node.cost)
            })
        };
        let held = alone.iter().enumerate();
        let held = held.filter_map(|(state, node)| Some((state, node.as_ref()?)));
        let full = held.filter(is_full);
        full.map(|(_, node)| self.steps_of(&node.counts)).collect()
    }

    /// By item, what so many of it add to the number of a combination.
    fn steps_of(&self, counts: &[u32]) -> Vec<usize> {
        let steps = counts.iter().zip(&self.steps);
        let steps = steps.map(|(&n, step)| step * usize::try_from(n).unwrap_or(0));
        steps.collect()
    }
}
