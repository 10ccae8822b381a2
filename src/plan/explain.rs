//! Why no offering will do for a pod: the first of the pools' requirements, their taints, the pod's own
//! conditions one by one, and its size, that leaves nothing. Asked only when a pod waits.

use crate::cluster::View;
use crate::cluster::market::{Kind, purpose_of};
use crate::model::offering::{Catalog, ZoneId};
use crate::model::pool::Pool;
use crate::model::requirement::Requirement;
use crate::model::spark::{PodTemplate, Role};

use super::offer::{pins_spot, preference};
use super::reason::Reason;

/// Why nothing of these pools will do in a zone.
pub fn explain(view: &View<'_>, template: &PodTemplate, pools: &[&Pool], zone: ZoneId) -> Reason {
    let catalog = &view.cluster.catalog;
    let names = pools
        .iter()
        .map(|pool| pool.name.as_str())
        .collect::<Vec<_>>()
        .join(", ");
    let no = |because: String| Reason::NoOffering {
        requests: template.requests.clone(),
        because,
    };
    let mut left = candidates(view, template, pools);
    if left.is_empty() {
        return if pins_spot(&template.constraints) && template.role == Role::Driver {
            pinned(format!(
                "the driver selects spot, which NodePool {names} does not buy"
            ))
        } else {
            no(nothing_offered(catalog, pools))
        };
    }
    left.retain(|kind| kind.is_tolerated_by(template));
    if left.is_empty() {
        return no(format!(
            "the taints of NodePool {names} are not tolerated by the pod"
        ));
    }
    for requirement in &template.constraints.all {
        left.retain(|kind| holds(catalog, kind, requirement));
        if left.is_empty() {
            return pinned(format!(
                "the pod selects {requirement}, which NodePool {names} does not offer"
            ));
        }
    }
    left.retain(|kind| {
        let labels = kind.pool.node_labels(catalog, &kind.offering, kind.purpose);
        template.constraints.hold(&labels)
    });
    if left.is_empty() {
        return pinned(format!(
            "no term of the pod's node affinity is met by NodePool {names}"
        ));
    }
    if left.iter().any(|kind| template.requests.fits(&kind.room)) {
        return no(format!("none is sold in {}", catalog.zone(zone).name));
    }
    no(too_large(template, &left))
}

fn pinned(conflict: String) -> Reason {
    Reason::PinnedByUser { conflict }
}

/// Everything that the pools could buy for the role, whatever the pod itself says.
fn candidates<'a>(view: &View<'a>, template: &PodTemplate, pools: &[&Pool]) -> Vec<&'a Kind> {
    let purpose = purpose_of(template.role);
    let kinds = view.cluster.market().kinds.iter();
    kinds
        .filter(|kind| {
            kind.purpose == purpose && pools.iter().any(|pool| pool.name == kind.pool.name)
        })
        .filter(|kind| preference(&kind.pool, template).contains(&kind.offering.capacity_type))
        .collect()
}

fn holds(catalog: &Catalog, kind: &Kind, requirement: &Requirement) -> bool {
    requirement.holds(&kind.pool.node_labels(catalog, &kind.offering, kind.purpose))
}

/// Which requirement of a pool nothing in the region meets, or that only all of them together do not.
fn nothing_offered(catalog: &Catalog, pools: &[&Pool]) -> String {
    for pool in pools {
        for wanted in &pool.requirements {
            let met = catalog.offerings.iter().any(|offering| {
                let labels = pool.node_labels(catalog, offering, crate::model::node::Purpose::Work);
                wanted.requirement.holds(&labels)
            });
            if !met {
                let (name, region) = (&pool.name, &catalog.region);
                return format!(
                    "NodePool {name} requires {}, which nothing sold in {region} meets; correct it",
                    wanted.requirement
                );
            }
        }
    }
    let names: Vec<&str> = pools.iter().map(|pool| pool.name.as_str()).collect();
    format!(
        "the requirements of NodePool {} leave no offering together; widen them",
        names.join(", ")
    )
}

/// Which resource no allowed type has, or the largest room that there is.
fn too_large(template: &PodTemplate, kinds: &[&Kind]) -> String {
    let missing = template.requests.extended.keys().find(|name| {
        kinds
            .iter()
            .all(|kind| !kind.room.extended.contains_key(name))
    });
    if let Some(name) = missing {
        return format!(
            "no allowed type has {name}; name a family that has in a NodePool's requirements"
        );
    }
    let most = kinds
        .iter()
        .max_by_key(|kind| (kind.room.cpu, kind.room.memory));
    let most = most.map(|kind| kind.room.to_string()).unwrap_or_default();
    format!("it is larger than every allowed type; the largest room is {most}")
}
