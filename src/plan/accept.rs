//! Which nodes take which pods, their room apart: a make of nodes is asked for one template, and the answer
//! holds for all that are alike. Knows neither room nor rules between pods.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::cluster::View;
use crate::cluster::market::purpose_of;
use crate::cluster::space::Make;
use crate::model::node::{Purpose, Taint, tolerated};
use crate::model::offering::{CapacityType, ZoneId};
use crate::model::placement::HOSTNAME;
use crate::model::resources::Resources;
use crate::model::spark::{PodTemplate, Role};

use super::constraint::Who;
use super::demand::Ask;
use super::offer;

/// Sorts of pods, in order of application and need: what takes one pod of a sort takes all of it.
pub(super) type Sorts = Rc<[(Who, usize)]>;

/// Numbers the needs so that those whose pods ask for the same, and accept the same, are one sort.
pub(super) fn sorts(asks: &[Ask<'_>]) -> Sorts {
    let mut known: BTreeMap<&Resources, Vec<(usize, &PodTemplate)>> = BTreeMap::new();
    let mut count = 0;
    let mut sorts = Vec::with_capacity(asks.len());
    for (i, ask) in asks.iter().enumerate() {
        for (n, need) in ask.needs.iter().enumerate() {
            let template = &*need.template;
            let alike = known.entry(&template.requests).or_default();
            let same = alike.iter().find(|(_, other)| is_alike(template, other));
            let sort = same.map_or(count, |(sort, _)| *sort);
            if sort == count {
                alike.push((sort, template));
                count += 1;
            }
            sorts.push(((i, n), sort));
        }
    }
    sorts.into()
}

/// True where nodes that take the pods of one template take those of the other.
fn is_alike(one: &PodTemplate, other: &PodTemplate) -> bool {
    one.role == other.role
        && one.requests == other.requests
        && one.constraints == other.constraints
        && one.tolerations == other.tolerations
        && one.not_understood == other.not_understood
}

/// True where nodes of a make take the pods of a template; what a template says of the host's name is
/// asked of each node.
pub(super) fn accepts(
    view: &View<'_>,
    make: &Make,
    template: &PodTemplate,
    zone: Option<ZoneId>,
) -> bool {
    let in_zone = zone.is_none() || zone == make.zone;
    let for_role = || {
        let purpose = purpose_of(template.role);
        make.purpose.is_none_or(|of_make| of_make == purpose)
    };
    in_zone
        && for_role()
        && template.not_understood.is_empty()
        && is_safe(view, make, template)
        && (names_host(template) || template.constraints.hold(&make.labels))
        && tolerated(
            make.taints.iter().filter(|taint| !is_own(taint, template)),
            &template.tolerations,
        )
}

/// A driver goes onto spot only where its pool or its own selectors say so.
fn is_safe(view: &View<'_>, make: &Make, template: &PodTemplate) -> bool {
    make.capacity_type != Some(CapacityType::Spot)
        || template.role != Role::Driver
        || has_spot_for_drivers(view, make)
        || offer::pins_spot(&template.constraints)
}

pub(super) fn names_host(template: &PodTemplate) -> bool {
    let constraints = &template.constraints;
    let mut all = constraints
        .all
        .iter()
        .chain(constraints.any.iter().flatten());
    all.any(|requirement| *requirement.key == *HOSTNAME)
}

/// Drivers may go there although it is spot: its pool says so.
fn has_spot_for_drivers(view: &View<'_>, make: &Make) -> bool {
    let pool = make.pool.as_ref();
    let pool = pool.and_then(|name| view.cluster.pools.get(name));
    pool.is_some_and(|pool| pool.spot.roles.contains(&Role::Driver))
}

/// The taint of driver nodes is tolerated by every driver, since placing adds the toleration.
fn is_own(taint: &Taint, template: &PodTemplate) -> bool {
    template.role == Role::Driver && Purpose::Driver.taint().as_ref() == Some(taint)
}
