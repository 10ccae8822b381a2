//! Pods from created to ended, and what placing adds to them: the selectors that name the set of nodes
//! they may go to, and for drivers the toleration of driver nodes.

use std::collections::BTreeSet;
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

/// Templates whose placings are kept, so that pods placed alike share one; beyond it all are forgotten.
const MOST_PLACED: usize = 4_096;

/// Where a template is placed.
type Where = (Option<ZoneId>, Option<CapacityType>, Option<Purpose>);

/// A template, and what it becomes where it was placed so far.
#[derive(Clone, Debug)]
struct Placed {
    /// Held, so that nothing else has its address.
    _of: Arc<PodTemplate>,
    places: Vec<(Where, Arc<PodTemplate>)>,
}

/// All pods that have not ended, and counts of what happened to all.
#[derive(Clone, Debug, Default)]
pub struct Pods {
    /// By name.
    pub alive: Table<PodId, SimulatedPod>,
    /// Created, bound, started and ended, of all pods together.
    pub events: u64,
    /// By the template's address.
    placed: Table<usize, Placed>,
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
        let to = (place.zone, place.capacity_type, place.purpose);
        let address = Arc::as_ptr(template).addr();
        let places = self.placed.get(&address).map(|known| &known.places);
        let mut places = places.into_iter().flatten();
        if let Some((_, known)) = places.find(|(known, _)| *known == to) {
            return known.clone();
        }
        if self.placed.len() >= MOST_PLACED {
            self.placed.clear();
        }
        let placed = Arc::new(placed(template, place, catalog));
        let of = || Placed {
            _of: template.clone(),
            places: Vec::new(),
        };
        let known = self.placed.entry(address).or_insert_with(of);
        known.places.push((to, placed.clone()));
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

fn placed(template: &PodTemplate, place: &Place, catalog: &Catalog) -> PodTemplate {
    let mut placed = template.clone();
    placed.constraints.all.extend(selectors(place, catalog));
    if template.role == Role::Driver {
        placed.tolerations.push(Toleration {
            key: Some(PURPOSE.into()),
            value: Some(Purpose::Driver.as_str().into()),
            effect: None,
        });
    }
    placed
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
