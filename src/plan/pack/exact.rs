//! Small problems solved outright: the least cost of every number of pods, from the least cost of all
//! smaller ones and one more node. Its cost is the optimum over whole nodes, which the linear programme
//! only bounds.

use super::column::Column;
use super::problem::Problem;

/// Combinations of counts at most where a whole problem is solved: each is compared with each.
pub(super) const WHOLE: usize = 2_048;
/// Combinations at most where a part of a plan is solved again.
pub(super) const PART: usize = 400;

/// The cheapest nodes that hold these pods; None where there are too many combinations of pods.
pub(super) fn nodes(problem: &Problem, counts: &[u32], limit: usize) -> Option<Vec<Column>> {
    let states = States::of(counts, limit)?;
    let alone: Vec<Option<Column>> = (0..states.count)
        .map(|state| Column::cheapest(problem, states.counts(state)))
        .collect();
    // By state: the least cost, and what the last node holds.
    let mut best: Vec<(f64, usize)> = vec![(0.0, 0)];
    for state in 1..states.count {
        let counts = states.counts(state);
        let first = counts.iter().position(|&n| n > 0).unwrap_or(0);
        let mut least = (f64::INFINITY, 0);
        states.each_part(&counts, first, |part| {
            if let Some(node) = &alone[part] {
                let total = node.cost + best[state - part].0;
                if total < least.0 {
                    least = (total, part);
                }
            }
        });
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

    /// Calls with each part of these counts that has some of the first item.
    fn each_part(&self, counts: &[u32], first: usize, mut call: impl FnMut(usize)) {
        let mut part: Vec<u32> = vec![0; counts.len()];
        part[first] = 1;
        let mut state = self.steps[first];
        loop {
            call(state);
            let Some(item) = (first..counts.len()).find(|&item| part[item] < counts[item]) else {
                return;
            };
            for (lower, count) in part.iter_mut().enumerate().take(item).skip(first) {
                let least = u32::from(lower == first);
                state -= self.steps[lower] * usize::try_from(*count - least).unwrap_or(0);
                *count = least;
            }
            part[item] += 1;
            state += self.steps[item];
        }
    }
}
