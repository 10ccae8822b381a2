//! Which pods are alike to a planner: those that ask for the same, accept the same and are served by the same
//! pools. They may be bought the same nodes, and what takes one of them takes all. A class is known by its number
//! for as long as the memo lasts; since when a pod waits is no part of it.

use std::sync::Arc;

use crate::cluster::View;
use crate::model::node::Toleration;
use crate::model::pool::Pool;
use crate::model::requirement::Constraints;
use crate::model::resources::Resources;
use crate::model::spark::{NotUnderstood, PodTemplate, Role};

use super::memo::Memo;

/// Everything about a pod that decides what it may be bought, and which nodes take it.
#[derive(Clone, Debug)]
pub(super) struct Class {
    role: Role,
    requests: Resources,
    constraints: Constraints,
    tolerations: Vec<Toleration>,
    not_understood: Vec<NotUnderstood>,
    /// Pools that serve it, by name.
    pub pools: Vec<Arc<Pool>>,
}

/// The number of the class of pods of a template.
pub(super) fn class_of(view: &View<'_>, memo: &Memo, template: &PodTemplate) -> usize {
    let pools = || {
        let pools = view.cluster.pools.values();
        pools.filter(|pool| pool.serves(template))
    };
    let mut classes = memo.classes.borrow_mut();
    let known = classes
        .iter()
        .position(|class| class.is_of(template) && class.pools.iter().eq(pools()));
    known.unwrap_or_else(|| {
        classes.push(Class {
            role: template.role,
            requests: template.requests.clone(),
            constraints: template.constraints.clone(),
            tolerations: template.tolerations.clone(),
            not_understood: template.not_understood.clone(),
            pools: pools().cloned().collect(),
        });
        classes.len() - 1
    })
}

impl Class {
    fn is_of(&self, template: &PodTemplate) -> bool {
        self.requests == template.requests
            && self.role == template.role
            && self.constraints == template.constraints
            && self.tolerations == template.tolerations
            && self.not_understood == template.not_understood
    }
}
