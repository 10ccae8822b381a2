//! Pods from created to ended, and what placing adds to them: the selectors that name the set of nodes
//! they may go to, and for drivers the toleration of driver nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sparkwright::model::name::{NodeId, PodId, Table};
use sparkwright::model::node::{CAPACITY_TYPE, MANAGED, PURPOSE, Purpose, Toleration, ZONE};
use sparkwright::model::offering::{CapacityType, Catalog, ZoneId};
use sparkwright::model::requirement::Requirement;
use sparkwright::model::spark::{PodPhase, PodTemplate, Role};
use sparkwright::model::time::Timestamp;
use sparkwright::plan::effect::Place;

/// Whose pod it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// An application's driver, by position among the submissions.
    Driver(usize),
    /// An application's executor.
    Executor(usize, u32),
    /// A pod with a life of its own, by place in its application.
    Pod(usize, usize),
}

/// A pod that has not ended.
#[derive(Clone, Debug)]
pub struct SimulatedPod {
    /// Whose it is.
    pub part: Part,
    /// What it is like, placing included.
    pub template: Arc<PodTemplate>,
    /// When it was created.
    pub created: Timestamp,
    /// When its container started.
    pub started: Option<Timestamp>,
    /// Where it is in its life.
    pub phase: PodPhase,
}

/// Placed templates that are kept, so that pods placed alike share one; beyond it all are forgotten.
const MOST_PLACED: usize = 4_096;

/// A template, by its address, and where it is placed.
type Placed = (usize, Option<ZoneId>, Option<CapacityType>, Option<Purpose>);

/// All pods that have not ended, and counts of what happened to all.
#[derive(Clone, Debug, Default)]
pub struct Pods {
    /// By name.
    pub alive: Table<PodId, SimulatedPod>,
    /// Created, bound, started and ended, of all pods together.
    pub events: u64,
    placed: BTreeMap<Placed, (Arc<PodTemplate>, Arc<PodTemplate>)>,
    images: Table<NodeId, BTreeSet<Role>>,
}

impl Pods {
    /// What a placed pod's template becomes: equal pods placed alike share one.
    pub fn placed(
        &mut self,
        template: &Arc<PodTemplate>,
        place: &Place,
        catalog: &Catalog,
    ) -> Arc<PodTemplate> {
        let address = Arc::as_ptr(template).addr();
        let key = (address, place.zone, place.capacity_type, place.purpose);
        if let Some((_, known)) = self.placed.get(&key) {
            return known.clone();
        }
        if self.placed.len() >= MOST_PLACED {
            self.placed.clear();
        }
        let mut placed = PodTemplate::clone(template);
        placed.constraints.all.extend(selectors(place, catalog));
        if template.role == Role::Driver {
            placed.tolerations.push(Toleration {
                key: Some(PURPOSE.into()),
                value: Some(Purpose::Driver.as_str().into()),
                effect: None,
            });
        }
        let placed = Arc::new(placed);
        self.placed.insert(key, (template.clone(), placed.clone()));
        placed
    }

    /// True where an image for this role has been pulled on the node; from then on it is.
    pub fn pull(&mut self, node: &NodeId, role: Role) -> bool {
        match self.images.get_mut(node) {
            Some(roles) => !roles.insert(role),
            None => {
                self.images.insert(node.clone(), BTreeSet::from([role]));
                false
            }
        }
    }

    /// A node is gone, and the images on it.
    pub fn forget_node(&mut self, node: &NodeId) {
        self.images.swap_remove(node);
    }
}

fn selectors(place: &Place, catalog: &Catalog) -> Vec<Requirement> {
    let zone = place
        .zone
        .map(|zone| Requirement::is(ZONE, &catalog.zone(zone).name));
    let capacity = place
        .capacity_type
        .map(|ct| Requirement::is(CAPACITY_TYPE, ct.as_str()));
    let purpose = place
        .purpose
        .map(|purpose| Requirement::is(PURPOSE, purpose.as_str()));
    let managed = place.purpose.map(|_| Requirement::is(MANAGED, "true"));
    zone.into_iter()
        .chain(capacity)
        .chain(purpose)
        .chain(managed)
        .collect()
}
