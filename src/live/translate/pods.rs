//! Pods: told of under the names that the core has for their nodes, and no sooner than those nodes are. What
//! they say of shapes is for `shapes.rs`.

use crate::cluster::event::Fact;
use crate::cluster::kubernetes::shape::{Aside, Turn};
use crate::live::heard::Source;
use crate::model::name::PodId;
use crate::model::spark::{Pod, PodPhase, Role};

use super::Translator;

impl Translator {
    /// A pod that counts is there, or has changed.
    pub(super) fn pod_applied(&mut self, pod: Pod, uid: String, mut aside: Aside) {
        if let Some(Err(refusal)) = aside.task_groups.take_if(|read| read.is_err()) {
            self.refuse(Source::Pods, pod.id.as_str().to_owned(), &refusal);
        }
        match aside.waits.take() {
            Some(reason) => drop(self.waits.insert(pod.id.clone(), reason)),
            None => drop(self.waits.remove(&pod.id)),
        }
        let turns = self.shapes.pod(pod, uid, aside);
        self.take_turns(turns);
    }

    /// A pod is gone, or does not count.
    pub(super) fn pod_gone(&mut self, name: &str) {
        self.waits.remove(name);
        let turns = self.shapes.pod_gone(&PodId::from(name));
        self.take_turns(turns);
    }

    fn take_turns(&mut self, turns: Vec<Turn>) {
        self.tell_shapes();
        for turn in turns {
            match turn {
                Turn::Show(pod, uid) => self.pod(pod, uid),
                Turn::Hide(id) => {
                    self.unhouse(&id);
                    self.end_pod(&id);
                }
            }
        }
    }

    /// A pod that is bound is told of once its node is, under the name that the core has for it.
    fn pod(&mut self, mut pod: Pod, uid: String) {
        self.unhouse(&pod.id);
        if let PodPhase::Bound(node) = &pod.phase {
            match self
                .nodes
                .get(node.as_str())
                .and_then(|node| node.told_as.clone())
            {
                Some(told) => pod.phase = PodPhase::Bound(told),
                None => {
                    let name = node.as_str().to_owned();
                    self.end_pod(&pod.id);
                    let homeless = self.homeless.entry(name).or_default();
                    homeless.insert(pod.id.clone(), (pod, uid));
                    return;
                }
            }
        }
        self.tell_pod(pod, uid);
    }

    pub(super) fn tell_pod(&mut self, pod: Pod, uid: String) {
        self.pods.insert(pod.id.clone(), uid);
        if pod.template.role == Role::Driver {
            self.shapes.renew(&pod.id);
            self.tell_shapes();
        }
        self.facts.push(Fact::PodApplied(pod));
    }

    fn end_pod(&mut self, id: &PodId) {
        if self.pods.remove(id).is_some() {
            self.shapes.dropped(id);
            self.facts.push(Fact::PodEnded(id.clone()));
        }
    }

    fn unhouse(&mut self, id: &PodId) {
        self.homeless.retain(|_, pods| {
            pods.remove(id);
            !pods.is_empty()
        });
    }
}
