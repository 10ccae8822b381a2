//! Which offerings a pod may be bought: the pools that serve it, highest weight first, the capacity
//! type its role prefers, and what EC2 has left. Says why when there is none. Prices play no part.

use std::collections::BTreeSet;

use crate::cluster::View;
use crate::cluster::market::{Kind, purpose_of};
use crate::model::name::PoolName;
use crate::model::node::CAPACITY_TYPE;
use crate::model::offering::{CapacityType, ZoneId};
use crate::model::pool::Pool;
use crate::model::quota::QuotaClass;
use crate::model::requirement::{Constraints, Requirement};
use crate::model::spark::{PodTemplate, Role};
use crate::model::time::Timestamp;

use super::explain;
use super::reason::Reason;
use super::width;

/// Kinds of nodes that a pod may be bought in one zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Positions in the market; never empty.
    pub kinds: Vec<usize>,
    /// Why these and not what the role prefers.
    pub note: Option<Reason>,
}

/// A pod for which offerings are sought.
#[derive(Clone, Copy, Debug)]
pub struct Seeker<'a> {
    /// What it is like.
    pub template: &'a PodTemplate,
    /// Since when it has waited.
    pub since: Timestamp,
    /// Pools that are out of the question, since their limits are reached.
    pub barred: &'a BTreeSet<PoolName>,
}

/// What may be bought for the pod in a zone, or why nothing may.
pub fn options(view: &View<'_>, seeker: Seeker<'_>, zone: ZoneId) -> Result<Options, Reason> {
    let pools = usable_pools(view, seeker)?;
    let market = view.cluster.market();
    let shelf = market.shelf(zone, purpose_of(seeker.template.role));
    let mut refusal = None;
    let mut weights: Vec<u32> = pools.iter().map(|pool| pool.weight).collect();
    weights.dedup();
    for weight in weights {
        let mut found = Options {
            kinds: Vec::new(),
            note: None,
        };
        for pool in pools.iter().filter(|pool| pool.weight == weight) {
            let accepted: Vec<usize> = shelf
                .clone()
                .filter(|&i| market.kinds[i].pool.name == pool.name)
                .filter(|&i| market.kinds[i].accepts(&view.cluster.catalog, seeker.template))
                .collect();
            match by_capacity_type(view, seeker, pool, &accepted) {
                Ok((kinds, note)) => {
                    let (kinds, too_narrow) = width::wide_enough(view, pool, kinds);
                    refusal = refusal.or(too_narrow);
                    found.kinds.extend(kinds);
                    found.note = found.note.or(note);
                }
                Err(reason) => refusal = refusal.or(reason),
            }
        }
        if !found.kinds.is_empty() {
            return Ok(found);
        }
    }
    Err(refusal.unwrap_or_else(|| explain::explain(view, seeker.template, &pools, zone)))
}

/// Pools that serve the pod and may launch, highest weight first.
fn usable_pools<'a>(view: &View<'a>, seeker: Seeker<'_>) -> Result<Vec<&'a Pool>, Reason> {
    let template = seeker.template;
    if let Some(what) = template.not_understood.first() {
        return Err(Reason::NotUnderstood(*what));
    }
    let serving: Vec<&Pool> = view
        .cluster
        .pools
        .values()
        .map(AsRef::as_ref)
        .filter(|pool| pool.serves(template))
        .collect();
    let Some(first) = serving.first() else {
        return Err(Reason::NoPool {
            role: template.role,
        });
    };
    let mut usable: Vec<&Pool> = serving
        .iter()
        .copied()
        .filter(|pool| !pool.paused && !seeker.barred.contains(&pool.name))
        .collect();
    if usable.is_empty() {
        return Err(Reason::PoolPaused(first.name.clone()));
    }
    usable.sort_by(|a, b| (b.weight, &a.name).cmp(&(a.weight, &b.name)));
    Ok(usable)
}

type Chosen = (Vec<usize>, Option<Reason>);

/// The kinds of the first capacity type, in the role's order, of which EC2 has any.
fn by_capacity_type(
    view: &View<'_>,
    seeker: Seeker<'_>,
    pool: &Pool,
    accepted: &[usize],
) -> Result<Chosen, Option<Reason>> {
    let market = view.cluster.market();
    let mut note = None;
    let mut refusal = None;
    let order = preference(pool, seeker.template);
    if order == [CapacityType::Spot] {
        note = Some(Reason::DriverPinnedSpot);
    }
    for (i, &capacity_type) in order.iter().enumerate() {
        let sold: Vec<usize> = accepted
            .iter()
            .copied()
            .filter(|&kind| market.kinds[kind].offering.capacity_type == capacity_type)
            .collect();
        let left: Vec<usize> = sold
            .iter()
            .copied()
            .filter(|&kind| is_available(view, &market.kinds[kind]))
            .collect();
        if !left.is_empty() {
            return Ok((left, note));
        }
        let is_last = i + 1 == order.len();
        if sold.is_empty() {
            let missed = capacity_type == CapacityType::Spot && !is_last;
            note = (missed && wants_spot(view, seeker, pool)).then_some(Reason::SpotNotSold);
            continue;
        }
        let pinned = pins_spot(&seeker.template.constraints);
        if capacity_type == CapacityType::Spot && pinned {
            return Err(Some(pinned_to_dry_spot()));
        }
        if capacity_type == CapacityType::Spot && !is_last {
            match pool.spot.fallback_after {
                Some(patience) if view.now - seeker.since >= patience => {
                    note = Some(Reason::SpotUnavailable { patience });
                }
                patience => {
                    let until = patience.map(|patience| seeker.since + patience);
                    return Err(Some(Reason::WaitingForSpot { until }));
                }
            }
        } else {
            refusal = first_to_end(view, &sold);
        }
    }
    Err(refusal)
}

fn pinned_to_dry_spot() -> Reason {
    Reason::PinnedByUser {
        conflict:
            "the pod selects karpenter.sh/capacity-type: spot, which is unavailable; asked again \
                   shortly, or leave the selector out to fall back to on-demand"
                .to_owned(),
    }
}

/// True where neither the pool's requirements nor the pod's own selectors rule spot out.
fn wants_spot(view: &View<'_>, seeker: Seeker<'_>, pool: &Pool) -> bool {
    let admits = |requirement: &Requirement| {
        requirement.key != CAPACITY_TYPE
            || requirement
                .condition
                .holds(Some(CapacityType::Spot.as_str()))
    };
    let mut kinds = view.cluster.market().kinds.iter();
    seeker.template.constraints.all.iter().all(admits)
        && kinds.any(|kind| {
            kind.offering.capacity_type == CapacityType::Spot && kind.pool.name == pool.name
        })
}

/// Capacity types in the order in which a pool buys them for a pod.
pub fn preference(pool: &Pool, template: &PodTemplate) -> Vec<CapacityType> {
    use CapacityType::{OnDemand, Spot};
    match template.role {
        role if pool.spot.roles.contains(&role) => vec![Spot, OnDemand],
        Role::Driver if pins_spot(&template.constraints) => vec![Spot],
        Role::Driver => vec![OnDemand],
        Role::Executor | Role::Other => vec![OnDemand, Spot],
    }
}

/// True where the pod's own selectors leave spot and rule out on-demand.
pub fn pins_spot(constraints: &Constraints) -> bool {
    let rules_out = |requirement: &Requirement| {
        requirement.key == CAPACITY_TYPE
            && !requirement
                .condition
                .holds(Some(CapacityType::OnDemand.as_str()))
            && requirement
                .condition
                .holds(Some(CapacityType::Spot.as_str()))
    };
    let every_term = !constraints.any.is_empty()
        && constraints
            .any
            .iter()
            .all(|term| term.iter().any(rules_out));
    constraints.all.iter().any(rules_out) || every_term
}

/// True where EC2 is believed to have the offering, and the account the quota for it.
pub fn is_available(view: &View<'_>, kind: &Kind) -> bool {
    refusal(view, kind).is_none()
}

/// Why EC2 is believed to refuse an offering.
fn refusal(view: &View<'_>, kind: &Kind) -> Option<Reason> {
    let shortages = &view.cluster.shortages;
    if !shortages.any(view.now) {
        return None;
    }
    let offering = &kind.offering;
    let (of, zone, capacity_type) = (
        offering.instance_type,
        offering.zone,
        offering.capacity_type,
    );
    if let Some(until) = shortages.offering((of, zone, capacity_type), view.now) {
        return Some(Reason::NoCapacity { until });
    }
    let class = QuotaClass::of(&kind.instance_type(&view.cluster.catalog).family);
    let until = shortages.quota((class, capacity_type), view.now)?;
    Some(Reason::QuotaReached {
        class,
        capacity_type,
        until,
    })
}

/// The refusal that ends first.
fn first_to_end(view: &View<'_>, kinds: &[usize]) -> Option<Reason> {
    let market = view.cluster.market();
    let refusals = kinds
        .iter()
        .filter_map(|&i| refusal(view, &market.kinds[i]));
    refusals.min_by_key(|reason| match reason {
        Reason::NoCapacity { until } | Reason::QuotaReached { until, .. } => *until,
        _ => view.now,
    })
}
