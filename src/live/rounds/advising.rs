//! Advice to those who write applications, told once of each as events on its driver, a few applications at a
//! time: looking through all that could be bought takes a while, and nobody waits for it.

use crate::cluster::app::App;
use crate::model::name::{AppId, PodId};
use crate::model::spark::Role;
use crate::plan::advise::advise;

use super::Rounds;

/// Applications that are looked at at one time.
const AT_ONCE: usize = 3;

impl Rounds {
    pub(super) fn advise(&mut self) {
        let apps = &self.cluster.apps;
        self.advised.retain(|id| apps.contains_key(id));
        let due = apps.iter().filter(|(id, _)| !self.advised.contains(*id));
        let due = due.filter_map(|(id, app)| Some((id.clone(), driver(app)?)));
        let due: Vec<(AppId, PodId)> = due.take(AT_ONCE).collect();
        let view = self.cluster.view(crate::live::clock::now());
        for (id, driver) in due {
            for advice in advise(&view, &self.cluster.apps[&id]) {
                let note = advice.to_string();
                self.telling
                    .note(&self.translator, &driver, (advice.code(), false), note);
            }
            self.advised.insert(id);
        }
    }
}

/// The driver's pod, of an application that has said what it will ask for.
fn driver(app: &App) -> Option<PodId> {
    app.shape.as_ref()?;
    let bound = app.bound.iter();
    let bound = bound.filter(|(_, (role, _))| *role == Role::Driver).min();
    let mut waiting = app.waiting.iter();
    let waiting = waiting.find(|(template, _)| template.role == Role::Driver);
    let waiting = waiting.and_then(|(_, pods)| pods.iter().min());
    bound.map(|(pod, _)| pod).or(waiting).cloned()
}
