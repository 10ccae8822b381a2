//! YuniKorn's placeholder pods, each slot counted once. A placeholder stands for a member of a task group
//! of its application; a member that waits for its node takes the place of one, and one that has a node
//! has taken it. Placeholders of applications whose driver is not known are pods like others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Turn;
use super::task_groups::Task;
use crate::model::name::{AppId, PodId};
use crate::model::spark::{Pod, PodPhase, Role};

/// A task group of an application, as YuniKorn knows both.
type Place = (AppId, String);

/// What is known of task groups.
#[derive(Debug, Default)]
pub struct Placeholders {
    /// Our applications by YuniKorn's names, while their drivers are there.
    apps: BTreeMap<AppId, AppId>,
    groups: BTreeMap<Place, Group>,
    places: BTreeMap<PodId, Place>,
}

#[derive(Debug, Default)]
struct Group {
    holders: BTreeMap<PodId, Holder>,
    /// Members without a node.
    waiting: BTreeSet<PodId>,
}

#[derive(Debug)]
struct Holder {
    pod: Pod,
    uid: String,
    told: Told,
    /// Since it was told.
    has_changed: bool,
}

/// What others know of a placeholder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Nothing,
    /// A pod like others.
    AsItIs,
    /// A pod of the application.
    AsMember,
}

impl Placeholders {
    /// The driver of an application that YuniKorn knows by another name is there.
    pub fn learn(&mut self, yunikorn: &AppId, app: &AppId) -> Vec<Turn> {
        if self.apps.insert(yunikorn.clone(), app.clone()).is_some() {
            return Vec::new();
        }
        self.settle_all(yunikorn)
    }

    /// That driver is gone.
    pub fn unlearn(&mut self, yunikorn: &AppId) -> Vec<Turn> {
        self.apps.remove(yunikorn);
        self.settle_all(yunikorn)
    }

    /// A placeholder is there, or has changed.
    pub fn hold(&mut self, task: &Task, pod: Pod, uid: String) -> Vec<Turn> {
        let place = (task.app.clone(), task.group.clone());
        let id = pod.id.clone();
        self.places.insert(id.clone(), place.clone());
        let group = self.groups.entry(place.clone()).or_default();
        let held = group.holders.get(&id);
        let told = held.map_or(Told::Nothing, |holder| holder.told);
        let has_changed = held.is_some_and(|held| held.pod.phase != pod.phase);
        let holder = Holder {
            pod,
            uid,
            told,
            has_changed,
        };
        group.holders.insert(id, holder);
        self.settle(&place)
    }

    /// A member of a group is there; it waits, or has its node.
    pub fn member(&mut self, task: &Task, pod: &Pod) -> Vec<Turn> {
        let place = (task.app.clone(), task.group.clone());
        let group = self.groups.entry(place.clone()).or_default();
        let changed = match matches!(pod.phase, PodPhase::Bound(_)) {
            true => group.waiting.remove(&pod.id),
            false => group.waiting.insert(pod.id.clone()),
        };
        self.places.insert(pod.id.clone(), place.clone());
        match changed {
            true => self.settle(&place),
            false => Vec::new(),
        }
    }

    /// A pod is gone: whether it was a placeholder, and what follows.
    pub fn gone(&mut self, id: &PodId) -> (bool, Vec<Turn>) {
        let mut turns = Vec::new();
        let Some(place) = self.places.remove(id) else {
            return (false, turns);
        };
        let group = self.groups.entry(place.clone()).or_default();
        group.waiting.remove(id);
        let held = group.holders.remove(id);
        if held.as_ref().is_some_and(|held| held.told != Told::Nothing) {
            turns.push(Turn::Hide(id.clone()));
        }
        turns.extend(self.settle(&place));
        (held.is_some(), turns)
    }

    fn settle_all(&mut self, yunikorn: &AppId) -> Vec<Turn> {
        let first = (yunikorn.clone(), String::new());
        let places = self.groups.range(first..).map(|(place, _)| place.clone());
        let places: Vec<Place> = places.take_while(|(app, _)| app == yunikorn).collect();
        places.iter().flat_map(|place| self.settle(place)).collect()
    }

    /// Hides as many placeholders as members wait, those on nodes first: their room is what members get.
    fn settle(&mut self, place: &Place) -> Vec<Turn> {
        let app = self.apps.get(&place.0);
        let Some(group) = self.groups.get_mut(place) else {
            return Vec::new();
        };
        let mut left = app.map_or(0, |_| group.waiting.len());
        let mut turns = Vec::new();
        for bound in [true, false] {
            let holders = group.holders.values_mut();
            let of_phase =
                |holder: &&mut Holder| matches!(holder.pod.phase, PodPhase::Bound(_)) == bound;
            for holder in holders.filter(of_phase) {
                let tell = match (app, left) {
                    (None, _) => Told::AsItIs,
                    (Some(_), 0) => Told::AsMember,
                    (Some(_), _) => {
                        left -= 1;
                        Told::Nothing
                    }
                };
                turns.extend(holder.turn(tell, app, &place.1));
            }
        }
        if group.holders.is_empty() && group.waiting.is_empty() {
            self.groups.remove(place);
        }
        turns
    }
}

impl Holder {
    fn turn(&mut self, tell: Told, app: Option<&AppId>, group: &str) -> Option<Turn> {
        let told = std::mem::replace(&mut self.told, tell);
        let has_changed = std::mem::take(&mut self.has_changed);
        if told == tell && (tell == Told::Nothing || !has_changed) {
            return None;
        }
        let mut pod = self.pod.clone();
        match tell {
            Told::Nothing => return Some(Turn::Hide(pod.id)),
            Told::AsItIs => {}
            Told::AsMember => {
                let template = Arc::make_mut(&mut pod.template);
                template.app = app.cloned();
                template.role = role_of(group);
            }
        }
        Some(Turn::Show(pod, self.uid.clone()))
    }
}

/// The role of a group's members: the names that YuniKorn's users and the Spark Operator give to groups
/// say which is the driver's.
fn role_of(group: &str) -> Role {
    match group.contains("driver") {
        true => Role::Driver,
        false => Role::Executor,
    }
}
