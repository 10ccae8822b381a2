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
    pub(super) fn declare(&mut self, id: &AppId, shape: &Shape) {
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

    pub(super) fn apply_pod(&mut self, pod: &Pod, at: Timestamp) {
        if pod.template.daemon {
            return self.apply_daemon_pod(pod, at);
        }
        let place = self.place_of_app(pod);
        let template = match pod.template.app {
            Some(_) => self.apps[place].intern(&pod.template),
            None => {
                let shared = self.intern(&pod.template);
                self.apps[place].intern(&shared)
            }
        };
        let own = Pod {
            template,
            ..pod.clone()
        };
        let app = &mut self.apps[place];
        let known = self.pods.get_index_of(&pod.id);
        match known.map(|known| &self.pods[known]) {
            Some(known) if is_same(known, &own) => return,
            Some(known) => {
                app.remove(known);
                app.add(&own, at);
            }
            None => app.meet(&own, at),
        }
        if let PodPhase::Bound(node) = &own.phase
            && self.interrupted.contains(node)
        {
            app.doom(&own);
        }
        let holds = !app.held.is_empty();
        match known {
            Some(known) => {
                let old = std::mem::replace(&mut self.pods[known], own);
                self.unhouse(&old, at);
            }
            None => {
                self.pods.insert(pod.id.clone(), own);
            }
        }
        match &pod.phase {
            PodPhase::Bound(node) if holds => self.claim(pod, node),
            PodPhase::Bound(node) => self.move_in(pod, node),
            PodPhase::Gated | PodPhase::Pending => {}
        }
        self.note_demand_near(place, pod);
    }

    /// The place of the application that a pod counts towards, which is known from here on.
    fn place_of_app(&mut self, pod: &Pod) -> usize {
        let own: AppId;
        let id = match &pod.template.app {
            Some(app) => app,
            None => {
                own = AppId::from(&pod.id);
                &own
            }
        };
        match self.apps.get_index_of(id) {
            Some(place) => place,
            None => {
                let new = App::new(pod.created);
                self.apps.insert_full(id.clone(), new).0
            }
        }
    }

    /// A pod takes room on its node, of which none is held for it.
    fn move_in(&mut self, pod: &Pod, node: &NodeId) {
        if self.house(pod) {
            self.tell_holders(node);
        }
    }

    /// A pod takes room on its node, and room that is held for it is given up: before that, so that the node does
    /// not seem to promise too much in between.
    fn claim(&mut self, pod: &Pod, node: &NodeId) {
        let slot = slot_of(&pod.template);
        let from = app_of(pod).and_then(|id| self.release(&id, &slot, node));
        let Some(from) = from.filter(|from| from != node) else {
            return self.move_in(pod, node);
        };
        let kept = self.keeps_promises(node);
        self.house(pod);
        self.trade(&slot, node, &from);
        if !kept && self.keeps_promises(node) {
            self.tell_holders(node);
        }
        self.renote(node);
    }

    fn apply_daemon_pod(&mut self, pod: &Pod, at: Timestamp) {
        let pod = self.with_known_template(pod);
        let old = self.pods.insert(pod.id.clone(), pod.clone());
        if old.as_ref().is_some_and(|old| is_same(old, &pod)) {
            return;
        }
        if let Some(old) = &old {
            self.unhouse(old, at);
        }
        if let PodPhase::Bound(node) = &pod.phase {
            self.move_in(&pod, node);
        }
    }

    /// The pod with the one copy of its template that is kept: its application's, or for pods of none
    /// the cluster's.
    pub(in crate::cluster) fn with_known_template(&mut self, pod: &Pod) -> Pod {
        let shared = self.shared_template(pod);
        let app = app_of(pod).and_then(|id| self.apps.get_mut(&id));
        let template = match app {
            Some(app) => app.intern(&shared),
            None => shared,
        };
        Pod {
            template,
            ..pod.clone()
        }
    }

    /// Its template, which pods of no application share with others of none.
    fn shared_template(&mut self, pod: &Pod) -> Arc<PodTemplate> {
        match pod.template.app {
            Some(_) => pod.template.clone(),
            None => self.intern(&pod.template),
        }
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
        if pod.template.daemon {
            return;
        }
        let place = match &pod.template.app {
            Some(app) => self.apps.get_index_of(app),
            None => self.apps.get_index_of(&AppId::from(&pod.id)),
        };
        if let Some(place) = place {
            let app = &mut self.apps[place];
            app.remove(&pod);
            if pod.template.role == Role::Driver {
                app.shape = None;
            }
            self.note_demand_at(place);
        }
    }

    /// A bound pod takes room on its node; true where the node cannot keep what it promised.
    pub(in crate::cluster) fn house(&mut self, pod: &Pod) -> bool {
        let PodPhase::Bound(id) = &pod.phase else {
            return false;
        };
        if pod.template.placement.is_some() {
            self.particular.insert(pod.id.clone());
        }
        match self.nodes.get_index_of(id) {
            Some(place) => {
                self.nodes[place].take(pod);
                self.note_change(place);
                self.nodes[place].breaks_promises()
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

    /// The same, of an application that was at this place when the event came.
    fn note_demand_near(&mut self, place: usize, pod: &Pod) {
        let known = self.apps.get_index(place).map(|(known, _)| known);
        match &pod.template.app {
            Some(id) if known == Some(id) => self.note_demand_at(place),
            _ => {
                if let Some(id) = app_of(pod) {
                    self.note_demand(&id);
                }
            }
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
    fn intern(&mut self, template: &Arc<PodTemplate>) -> Arc<PodTemplate> {
        if let Some(known) = self.templates.get(template) {
            return known.clone();
        }
        if self.templates.len() >= TEMPLATES_BEFORE_SWEEP {
            self.templates.retain(|known| Arc::strong_count(known) > 1);
        }
        self.templates.insert(template.clone());
        template.clone()
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
