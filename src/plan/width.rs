//! `minValues` before anything is bought: a pool may ask that each launch leave EC2 a number of distinct values of a label to
//! choose from. A kind of node is planned only where enough others could take its place, whatever is put
//! on it; that they cost more than `maxPremium` allows does not count against them.

use std::collections::BTreeSet;

use crate::cluster::View;
use crate::model::pool::Pool;
use crate::model::requirement::Labelled;

use super::reason::Reason;

/// True where a pool asks for a number of distinct values.
pub fn is_wanted(pool: &Pool) -> bool {
    let mut requirements = pool.requirements.iter();
    requirements.any(|wanted| wanted.min_values.is_some())
}

/// The kinds that could be replaced by enough others among them, and where none can, which requirement
/// stands against it.
pub fn wide_enough(
    view: &View<'_>,
    pool: &Pool,
    kinds: Vec<usize>,
) -> (Vec<usize>, Option<Reason>) {
    let wanted = pool.requirements.iter().filter_map(|wanted| {
        let least = usize::try_from(wanted.min_values?).unwrap_or(usize::MAX);
        Some((wanted.requirement.key.as_str(), least))
    });
    let mut left = kinds;
    for (key, least) in wanted {
        let wide = left
            .iter()
            .copied()
            .filter(|&kind| values(view, &left, kind, key) >= least);
        left = wide.collect();
        if left.is_empty() {
            let reason = Reason::MinValues {
                pool: pool.name.clone(),
                key: key.to_owned(),
            };
            return (left, Some(reason));
        }
    }
    (left, None)
}

/// Distinct values of a label among the kinds that have at least the room of this one.
fn values(view: &View<'_>, kinds: &[usize], kind: usize, key: &str) -> usize {
    let market = view.cluster.market();
    let room = &market.kinds[kind].room;
    let roomy = kinds
        .iter()
        .filter(|&&other| room.fits(&market.kinds[other].room));
    roomy
        .filter_map(|&other| value(view, other, key))
        .collect::<BTreeSet<String>>()
        .len()
}

/// The value of a label on nodes of a kind.
pub fn value(view: &View<'_>, kind: usize, key: &str) -> Option<String> {
    let (catalog, kind) = (&view.cluster.catalog, &view.cluster.market().kinds[kind]);
    kind.pool
        .node_labels(catalog, &kind.offering, kind.purpose)
        .label(key)
        .map(Into::into)
}
