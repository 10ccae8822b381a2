//! What free room could be worth to the pods of a problem at most: the least, over the resources, of what
//! it would be worth if only that one counted.

use crate::model::resources::Resources;

use super::knapsack::float;
use super::problem::Problem;

/// No filling of a free room is worth more than this.
pub(super) fn worth(problem: &Problem, values: &[f64], room: &Resources) -> f64 {
    let room = problem.vector(room);
    let everything: f64 = values
        .iter()
        .zip(&problem.counts)
        .map(|(v, &n)| v * f64::from(n))
        .sum();
    let density = |r: usize| {
        let sizes = problem.sizes.iter().map(|size| size[r]);
        let densities = sizes.zip(values).map(|(need, value)| {
            if need == 0 {
                f64::INFINITY
            } else {
                value / float(need)
            }
        });
        densities.fold(0.0, f64::max)
    };
    let by_resource = room.iter().enumerate().map(|(r, &free)| {
        let density = density(r);
        if density.is_infinite() {
            f64::INFINITY
        } else {
            float(free) * density
        }
    });
    by_resource.fold(everything, f64::min)
}
