//! Who waits, and who may find a node: of each profile the first in line stands for all of it, until it
//! finds none; then the profile waits for a change that could help.

use std::sync::Arc;

use sparkwright::model::name::PodId;
use sparkwright::model::spark::PodTemplate;

use super::profile::Place;
use super::{Known, Scheduler, State};
use crate::world::pods::PodKey;

impl Scheduler {
    /// A pod waits to be bound.
    pub fn enqueue(&mut self, key: PodKey, id: PodId, template: Arc<PodTemplate>) {
        let place = (-i64::from(template.priority), self.arrivals);
        self.arrivals += 1;
        self.mind_labels_for(&template);
        self.queue(key, id, template, place);
    }

    /// From the first pod on that asks something of its neighbours labels tell profiles apart.
    pub(super) fn mind_labels_for(&mut self, template: &PodTemplate) {
        if template.placement.is_some() && !self.profiles.mind_labels {
            self.profiles.mind_labels = true;
            self.queue_anew();
        }
    }

    fn queue(&mut self, key: PodKey, id: PodId, template: Arc<PodTemplate>, place: Place) {
        if self.profiles.is_stale() {
            self.profiles.clear();
            self.ready.clear();
            self.stuck.clear();
        }
        let profile = self.profiles.intern(&id, &template, &self.referents);
        let first = self.profiles.push(profile, place, key);
        if self.pods.len() <= key.index() {
            self.pods.resize(key.index() + 1, None);
        }
        self.pods[key.index()] = Some(Known {
            key,
            id,
            template,
            state: State::Queued { profile, place },
        });
        if !self.profiles.is_stuck(profile) && first.is_none_or(|first| place < first) {
            if let Some(first) = first {
                self.take_from_ready(first);
            }
            self.make_ready(profile);
        }
    }

    /// Puts every waiting pod into its profile again: what profiles are told apart by has changed.
    pub(super) fn queue_anew(&mut self) {
        self.ready.clear();
        self.stuck.clear();
        self.profiles.clear();
        for at in 0..self.pods.len() {
            let is_queued = |known: &mut Known| matches!(known.state, State::Queued { .. });
            if let Some(known) = self.pods[at].take_if(is_queued)
                && let State::Queued { place, .. } = known.state
            {
                self.queue(known.key, known.id, known.template, place);
            }
        }
    }

    /// The first pod of a profile, where there is one, may find a node.
    pub(super) fn make_ready(&mut self, profile: usize) {
        if let Some((place, _)) = self.profiles.first(profile) {
            let at = self.ready.partition_point(|(other, _)| *other > place);
            self.ready.insert(at, (place, profile));
        }
    }

    /// True where the pod at a place was the first of its profile, and not stuck.
    pub(super) fn take_from_ready(&mut self, place: Place) -> bool {
        let at = self.ready.iter().position(|(other, _)| *other == place);
        at.map(|at| self.ready.remove(at)).is_some()
    }

    /// Something changed that may help: profiles that found no node are asked again.
    pub(super) fn retry(&mut self) {
        while let Some(profile) = self.stuck.pop() {
            self.profiles.set_stuck(profile, false);
            self.make_ready(profile);
        }
    }

    /// A pod got its node: that helps those who want to be near it, or may push it out.
    pub(super) fn retry_after_binding(&mut self) {
        let lowest = self.lowest_priority();
        let is_helped = |profile: usize| {
            let profile = self.profiles.get(profile);
            profile.placement.is_some() || lowest.is_some_and(|lowest| lowest < profile.priority)
        };
        let stuck = self.stuck.iter().copied();
        if !stuck.clone().any(is_helped) {
            return;
        }
        let (helped, rest): (Vec<usize>, Vec<usize>) = stuck.partition(|&one| is_helped(one));
        self.stuck = helped;
        self.retry();
        self.stuck = rest;
    }
}
