//! Pods and shapes into the cluster: whose they are, which node they take room on, and whether their
//! application asks for anything that is not on its way.

use std::sync::Arc;

use crate::cluster::app::{App, slot_of};
use crate::cluster::node::{Node, Stage};
use crate::model::name::{AppId, NodeId, PodId};
use crate::model::spark::{Pod, PodPhase, PodTemplate, Role, Shape};
use crate::model::time::Timestamp;

use super::Cluster;

/// Interned templates of pods without an application beyond which those that no pod uses are dropped.
const TEMPLATES_BEFORE_SWEEP: usize = 10_000;

impl Cluster {
    pub(super) fn declare(&mut self, id: &AppId, shape: Shape) {
        let app = self
            .apps
            .entry(id.clone())
            .or_insert_with(|| App::new(shape.declared));
        let shape = app.interned(shape);
        app.first_seen = app.first_seen.min(shape.declared);
        app.shape = Some(shape);
        self.note_demand(id);
    }

    pub(super) fn withdraw(&mut self, id: &AppId) {
        if let Some(app) = self.apps.get_mut(id) {
            app.shape = None;
        }
        self.note_demand(id);
    }

    pub(super) fn apply_pod(&mut self, mut pod: Pod, at: Timestamp) {
        if pod.template.daemon {
            return self.apply_daemon_pod(pod, at);
        }
        if pod.template.app.is_none() {
            pod.template = self.intern(pod.template);
        }
        let of_app = self.place_of_app(&pod);
        let app = &mut self.apps[of_app];
        pod.template = app.intern(pod.template);
        let known = self.pods.get_index_of(&pod.id);
        match known.map(|known| &self.pods[known]) {
            Some(known) if is_same(known, &pod) => return,
            Some(known) => {
                app.remove(known);
                app.add(&pod, at);
            }
            None => app.meet(&pod, at),
        }
        if let PodPhase::Bound(node) = &pod.phase
            && self.interrupted.contains(node)
        {
            app.doom(&pod);
        }
        let holds = !app.held.is_empty();
        let place = match known {
            Some(place) => {
                let old = std::mem::replace(&mut self.pods[place], pod);
                self.unhouse(&old, at);
                place
            }
            None => self.pods.insert_full(pod.id.clone(), pod).0,
        };
        match holds {
            true => self.claim(place),
            false => self.move_in(place),
        }
        self.note_demand_near(of_app, place);
    }

    /// The place of the application that a pod counts towards; None where it is not known, and for daemons.
    fn find_app(&self, pod: &Pod) -> Option<usize> {
        match &pod.template.app {
            _ if pod.template.daemon => None,
            Some(app) => self.apps.get_index_of(app),
            None => self.apps.get_index_of(&AppId::from(&pod.id)),
        }
    }

    /// The same, of a pod that is no daemon: its application is known from here on.
    fn place_of_app(&mut self, pod: &Pod) -> usize {
        self.find_app(pod).unwrap_or_else(|| {
            let id = pod.template.app.clone();
            let id = id.unwrap_or_else(|| AppId::from(&pod.id));
            self.apps.insert_full(id, App::new(pod.created)).0
        })
    }

    /// The node of the pod at this place.
    fn home(&self, place: usize) -> Option<&NodeId> {
        match &self.pods[place].phase {
            PodPhase::Bound(node) => Some(node),
            PodPhase::Gated | PodPhase::Pending => None,
        }
    }

    /// The pod at this place takes room on its node, if it has one, of which none is held for it.
    fn move_in(&mut self, place: usize) {
        if self.house(place)
            && let Some(node) = self.home(place).cloned()
        {
            self.tell_holders(&node);
        }
    }

    /// The same, and room that is held for it is given up: before that, so that the node does not seem to promise too
    /// much in between.
    fn claim(&mut self, place: usize) {
        let Some(node) = self.home(place).cloned() else {
            return;
        };
        let pod = &self.pods[place];
        let slot = slot_of(&pod.template);
        let from = app_of(pod).and_then(|id| self.release(&id, &slot, &node));
        let Some(from) = from.filter(|from| *from != node) else {
            return self.move_in(place);
        };
        let kept = self.keeps_promises(&node);
        self.house(place);
        self.trade(&slot, &node, &from);
        if !kept && self.keeps_promises(&node) {
            self.tell_holders(&node);
        }
        self.renote(&node);
    }

    fn apply_daemon_pod(&mut self, pod: Pod, at: Timestamp) {
        let pod = self.with_known_template(pod);
        let known = self.pods.get(&pod.id);
        if known.is_some_and(|known| is_same(known, &pod)) {
            return;
        }
        let (place, old) = self.pods.insert_full(pod.id.clone(), pod);
        if let Some(old) = &old {
            self.unhouse(old, at);
        }
        self.move_in(place);
    }

    /// The pod with the one copy of its template that is kept: its application's, or for pods of none
    /// the cluster's.
    pub(in crate::cluster) fn with_known_template(&mut self, mut pod: Pod) -> Pod {
        if pod.template.app.is_none() {
            pod.template = self.intern(pod.template);
        }
        if let Some(place) = self.find_app(&pod) {
            pod.template = self.apps[place].intern(pod.template);
        }
        pod
    }

    pub(super) fn leave_pod(&mut self, id: &PodId) {
        let Some(app_id) = self.pods.get(id).and_then(app_of) else {
            return;
        };
        if let Some(app) = self.apps.get_mut(&app_id)
            && app.bound.contains_key(id)
        {
            app.leaving.insert(id.clone());
        }
    }

    pub(super) fn end_pod(&mut self, id: &PodId, at: Timestamp) {
        let Some(pod) = self.pods.swap_remove(id) else {
            return;
        };
        self.unhouse(&pod, at);
        if let Some(place) = self.find_app(&pod) {
            let app = &mut self.apps[place];
            app.remove(&pod);
            if pod.template.role == Role::Driver {
                app.shape = None;
            }
            self.note_demand_at(place);
        }
    }

    /// The pod at this place takes room on its node, if it has one; true where the node cannot keep what it promised.
    pub(in crate::cluster) fn house(&mut self, place: usize) -> bool {
        let pod = &self.pods[place];
        let PodPhase::Bound(id) = &pod.phase else {
            return false;
        };
        if pod.template.placement.is_some() {
            self.particular.insert(pod.id.clone());
        }
        match self.nodes.get_index_of(id) {
            Some(node) => {
                self.nodes[node].take(pod);
                self.note_change(node);
                self.nodes[node].breaks_promises()
            }
            None => {
                let pods = self.homeless.entry(id.clone()).or_default();
                pods.insert(pod.id.clone());
                false
            }
        }
    }

    fn unhouse(&mut self, pod: &Pod, at: Timestamp) {
        let PodPhase::Bound(id) = &pod.phase else {
            return;
        };
        if pod.template.placement.is_some() {
            self.particular.remove(&pod.id);
        }
        let place = self.nodes.get_index_of(id);
        match place {
            Some(place) if self.nodes[place].give_back(pod, at) => {
                self.note_change(place);
                if self.nodes[place].breaks_promises() {
                    self.tell_holders(id);
                }
            }
            _ => self.forget_homeless(pod, id),
        }
    }

    fn forget_homeless(&mut self, pod: &Pod, id: &NodeId) {
        if let Some(pods) = self.homeless.get_mut(id) {
            pods.swap_remove(&pod.id);
            if pods.is_empty() {
                self.homeless.remove(id);
            }
        }
    }

    /// Keeps `demanding` and `reservations` true, gives back room that is held for nobody, and forgets
    /// applications of which nothing is left.
    pub(super) fn note_demand(&mut self, id: &AppId) {
        if let Some(place) = self.apps.get_index_of(id) {
            self.note_demand_at(place);
        }
    }

    /// The same, of the application of the pod at a place, which was itself at `of_app` when the event came.
    fn note_demand_near(&mut self, of_app: usize, place: usize) {
        let pod = &self.pods[place];
        let known = self.apps.get_index(of_app).map(|(id, _)| id);
        let stays = pod.template.app.is_some() && known == pod.template.app.as_ref();
        let found = match stays {
            true => Some(of_app),
            false => self.find_app(pod),
        };
        if let Some(place) = found {
            self.note_demand_at(place);
        }
    }

    fn note_demand_at(&mut self, place: usize) {
        match self.apps.get_index(place) {
            Some((id, app)) if !app.held.is_empty() => {
                let id = id.clone();
                self.note_holder(&id);
            }
            // Who holds nothing has nothing on its way.
            Some(_) => self.note_asked(place, false),
            None => {}
        }
    }

    /// The same, of one that room is held for.
    fn note_holder(&mut self, id: &AppId) {
        let full = self.trim(id);
        // Others hear of it, and may be forgotten.
        if let Some(place) = self.apps.get_index_of(id) {
            let app = &self.apps[place];
            let provided = full && !app.held.is_empty() && self.is_provided_for(app);
            self.note_asked(place, provided);
        }
    }

    /// The same, where it is known whether all that it asks for is on its way.
    fn note_asked(&mut self, place: usize, provided: bool) {
        let app = &self.apps[place];
        if app.is_over() {
            self.note_asking(place, false, None);
            self.apps.swap_remove_index(place);
            return;
        }
        let gives_up = if provided { app.gives_up_at() } else { None };
        let demanding = !provided && app.is_demanding();
        if app.demanding != demanding || app.reserved_until != gives_up {
            self.note_asking(place, demanding, gives_up);
        }
    }

    /// True where all that is asked for is on its way, and the nodes that it comes with keep what they promised.
    fn is_provided_for(&self, app: &App) -> bool {
        let kept = |node: &NodeId| {
            let node = self.nodes.get(node);
            node.is_some_and(Node::keeps_promises)
        };
        let given = |node: &NodeId| {
            let node = self.nodes.get(node);
            node.is_some_and(|node| node.stage != Stage::Asked)
        };
        let mut holders = app.held.values().flat_map(|nodes| nodes.keys());
        app.waits_for_nodes(given) && holders.all(kept)
    }

    fn note_asking(&mut self, place: usize, demanding: bool, until: Option<Timestamp>) {
        let Some((id, app)) = self.apps.get_index_mut(place) else {
            return;
        };
        if app.demanding != demanding {
            app.demanding = demanding;
            match demanding {
                true => self.demanding.insert(id.clone()),
                false => self.demanding.swap_remove(id),
            };
        }
        if app.reserved_until != until {
            if let Some(old) = std::mem::replace(&mut app.reserved_until, until) {
                self.reservations.remove(&(old, id.clone()));
            }
            self.reservations.extend(until.map(|at| (at, id.clone())));
        }
    }

    /// One copy of equal templates of pods that belong to no application.
    fn intern(&mut self, template: Arc<PodTemplate>) -> Arc<PodTemplate> {
        if let Some(known) = self.templates.get(&template) {
            return known.clone();
        }
        if self.templates.len() >= TEMPLATES_BEFORE_SWEEP {
            self.templates.retain(|known| Arc::strong_count(known) > 1);
        }
        self.templates.insert(template.clone());
        template
    }
}

/// Equal, and of the same interned template.
fn is_same(old: &Pod, new: &Pod) -> bool {
    Arc::ptr_eq(&old.template, &new.template)
        && old.phase == new.phase
        && old.created == new.created
}

/// The application that a pod counts towards: its own, or for other pods one of their own.
pub fn app_of(pod: &Pod) -> Option<AppId> {
    if pod.template.daemon {
        return None;
    }
    Some(
        pod.template
            .app
            .clone()
            .unwrap_or_else(|| AppId::from(&pod.id)),
    )
}
