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
        let Some(id) = app_of(pod) else {
            return self.apply_daemon_pod(pod, at);
        };
        let shared = self.shared_template(pod);
        let new = || App::new(pod.created);
        let app = self.apps.entry(id.clone()).or_insert_with(new);
        let template = app.intern(&shared);
        let pod = Pod {
            template,
            ..pod.clone()
        };
        let old = match self.pods.get_mut(&pod.id) {
            Some(known) if is_same(known, &pod) => return,
            Some(known) => Some(std::mem::replace(known, pod.clone())),
            None => self.pods.insert(pod.id.clone(), pod.clone()),
        };
        match &old {
            Some(old) => app.remove(old),
            None => app.meet(&pod),
        }
        app.add(&pod, at);
        if let PodPhase::Bound(node) = &pod.phase
            && self.interrupted.contains(node)
        {
            app.doom(&pod);
        }
        if let Some(old) = &old {
            self.unhouse(old, at);
        }
        if let PodPhase::Bound(node) = &pod.phase {
            self.move_in(&id, &pod, node);
        }
        self.note_demand(&id);
    }

    /// A pod takes room on its node, and room that was held for it is given up: before that, so that the node does
    /// not seem to promise too much in between.
    fn move_in(&mut self, id: &AppId, pod: &Pod, node: &NodeId) {
        let slot = slot_of(&pod.template);
        let from = self.release(id, &slot, node);
        match from.filter(|from| from != node) {
            None => self.house(pod),
            Some(from) => {
                let kept = self.keeps_promises(node);
                self.house(pod);
                self.trade(&slot, node, &from);
                if !kept && self.keeps_promises(node) {
                    self.tell_holders(node);
                }
            }
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
        self.house(&pod);
        if let PodPhase::Bound(node) = &pod.phase {
            self.renote(node);
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
        let Some(app_id) = app_of(&pod) else { return };
        if let Some(app) = self.apps.get_mut(&app_id) {
            app.remove(&pod);
            if pod.template.role == Role::Driver {
                app.shape = None;
            }
        }
        self.note_demand(&app_id);
    }

    /// A bound pod takes room on its node.
    pub(in crate::cluster) fn house(&mut self, pod: &Pod) {
        let PodPhase::Bound(id) = &pod.phase else {
            return;
        };
        if pod.template.placement.is_some() {
            self.particular.insert(pod.id.clone());
        }
        match self.nodes.get_mut(id) {
            Some(node) => node.take(pod),
            None => {
                self.homeless
                    .entry(id.clone())
                    .or_default()
                    .insert(pod.id.clone());
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
        let node = self.nodes.get_mut(id);
        if node.is_some_and(|node| node.give_back(pod, at)) {
            self.renote(id);
        } else if let Some(pods) = self.homeless.get_mut(id) {
            pods.swap_remove(&pod.id);
            if pods.is_empty() {
                self.homeless.remove(id);
            }
        }
    }

    /// Keeps `demanding` and `reservations` true, gives back room that is held for nobody, and forgets
    /// applications of which nothing is left.
    pub(super) fn note_demand(&mut self, id: &AppId) {
        let Some(mut place) = self.apps.get_index_of(id) else {
            return;
        };
        if !self.apps[place].held.is_empty() {
            self.trim(id);
            // Others hear of it, and may be forgotten.
            let Some(after) = self.apps.get_index_of(id) else {
                return;
            };
            place = after;
        }
        let app = &self.apps[place];
        if app.is_over() {
            self.note_asking(place, false, None);
            self.apps.swap_remove_index(place);
            return;
        }
        let is_demanding = app.is_demanding();
        let settled = is_demanding && self.is_settled(app);
        let gives_up = if settled { app.gives_up_at() } else { None };
        self.note_asking(place, is_demanding && !settled, gives_up);
    }

    /// True where all that is asked for is on its way, and the nodes that it comes with keep what they promised.
    fn is_settled(&self, app: &App) -> bool {
        let kept = |node: &NodeId| {
            let node = self.nodes.get(node);
            node.is_some_and(Node::keeps_promises)
        };
        let given = |node: &NodeId| {
            let node = self.nodes.get(node);
            node.is_some_and(|node| node.stage != Stage::Asked)
        };
        let mut holders = app.held.values().flat_map(|nodes| nodes.keys());
        app.is_provided_for(given) && holders.all(kept)
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
