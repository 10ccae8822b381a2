//! What placing adds to a pod: the selectors that name the set of nodes to which it may go, and for
//! drivers the toleration of driver nodes. Pods placed alike share one template.

use std::sync::Arc;

use sparkwright::model::node::{CAPACITY_TYPE, MANAGED, PURPOSE, Purpose, Toleration, ZONE};
use sparkwright::model::offering::{CapacityType, Catalog, ZoneId};
use sparkwright::model::requirement::Requirement;
use sparkwright::model::spark::{PodTemplate, Role};
use sparkwright::plan::effect::Place;

/// Placings of one application that are kept to be shared: most have two, its driver's and its executors'.
const MOST_KEPT: usize = 16;

/// Where pods are placed.
type Where = (Option<ZoneId>, Option<CapacityType>, Option<Purpose>);

/// What the templates of an application became where they were placed lately.
#[derive(Clone, Debug, Default)]
pub struct Placings {
    latest_last: Vec<Placing>,
}

#[derive(Clone, Debug)]
struct Placing {
    of: Arc<PodTemplate>,
    to: Where,
    placed: Arc<PodTemplate>,
}

impl Placings {
    /// What a placed pod's template becomes.
    pub fn placed(
        &mut self,
        of: &Arc<PodTemplate>,
        place: &Place,
        catalog: &Catalog,
    ) -> Arc<PodTemplate> {
        let to = (place.zone, place.capacity_type, place.purpose);
        let mut known = self.latest_last.iter().rev();
        if let Some(known) = known.find(|known| Arc::ptr_eq(&known.of, of) && known.to == to) {
            return known.placed.clone();
        }
        if self.latest_last.len() >= MOST_KEPT {
            self.latest_last.remove(0);
        }
        let placed = Arc::new(placed(of, place, catalog));
        self.latest_last.push(Placing {
            of: of.clone(),
            to,
            placed: placed.clone(),
        });
        placed
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

fn selectors(place: &Place, catalog: &Catalog) -> impl Iterator<Item = Requirement> {
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
    [zone, capacity, purpose, managed].into_iter().flatten()
}
