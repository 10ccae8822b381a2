//! Which nodes take which pods, their room apart: a make of nodes is asked for one template, and the answer
//! holds for all that are alike. Knows neither room nor rules between pods.

use crate::cluster::View;
use crate::cluster::market::purpose_of;
use crate::cluster::space::Make;
use crate::model::node::{Purpose, Taint, tolerated};
use crate::model::offering::{CapacityType, ZoneId};
use crate::model::placement::HOSTNAME;
use crate::model::spark::{PodTemplate, Role};

use super::offer;

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
