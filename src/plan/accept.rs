//! Which nodes take which pods, their room apart: a make of nodes is asked for one pod of a class, and the answer
//! holds for all of them, in later rounds too. Knows neither room nor rules between pods.

use std::sync::Arc;

use crate::cluster::View;
use crate::cluster::market::purpose_of;
use crate::cluster::space::Make;
use crate::model::node::{Purpose, Taint, tolerated};
use crate::model::offering::CapacityType;
use crate::model::placement::HOSTNAME;
use crate::model::spark::{PodTemplate, Role};

use super::demand::Need;
use super::memo::Memo;
use super::offer;

/// Makes beyond which what they answered is forgotten: a bound on memory.
const MOST_MAKES: usize = 10_000;

/// What makes have answered for one class of pods, by their number. Each is held on to, so that another one of the
/// same number, in another cluster, is not taken for it.
pub(super) type Answers = Vec<(usize, Arc<Make>, bool)>;

/// True where nodes of a make take the pods of a need, whatever zone these are bound to; what a template says of the
/// host's name is asked of each node.
pub(super) fn takes(
    view: &View<'_>,
    memo: &Memo,
    (number, make): (usize, &Arc<Make>),
    need: &Need,
) -> bool {
    let mut classes = memo.takes.borrow_mut();
    if classes.len() <= need.class {
        classes.resize(need.class + 1, Answers::new());
    }
    let answers = &mut classes[need.class];
    if answers.len() > MOST_MAKES {
        answers.clear();
    }
    let place = answers.binary_search_by_key(&number, |(number, ..)| *number);
    match place {
        Ok(place) if Arc::ptr_eq(&answers[place].1, make) => answers[place].2,
        _ => {
            let takes = accepts(view, make, &need.template);
            let answer = (number, make.clone(), takes);
            match place {
                Ok(place) => answers[place] = answer,
                Err(place) => answers.insert(place, answer),
            }
            takes
        }
    }
}

fn accepts(view: &View<'_>, make: &Make, template: &PodTemplate) -> bool {
    let purpose = purpose_of(template.role);
    make.purpose.is_none_or(|of_make| of_make == purpose)
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
