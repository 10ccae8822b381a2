//! Shapes of one moment, from objects that were listed or given as files: the same join as on a live
//! cluster, to which all is said at once.

use std::collections::BTreeMap;

use super::{Aside, ConfigRef, Data, Join, Speech, Turn};
use crate::cluster::event::Fact;
use crate::cluster::kubernetes::fault::Refusal;
use crate::model::name::{AppId, PodId};
use crate::model::spark::{Pod, PodPhase, Shape};
use crate::model::time::Timestamp;

/// What objects come to.
#[derive(Debug, Default)]
pub struct Moment {
    /// Shapes by application.
    pub shapes: BTreeMap<AppId, Shape>,
    /// Pods that count, placeholders in their places.
    pub pods: BTreeMap<PodId, Pod>,
    /// What is wrong with what drivers say.
    pub refusals: Vec<Refusal>,
    /// ConfigMaps that drivers without a node name, that nobody else speaks for, and that are not given.
    pub unread: Vec<ConfigRef>,
}

/// Puts together what objects say at this time: speeches and pods by name, ConfigMaps by
/// `namespace/name`.
pub fn at(
    now: Timestamp,
    speeches: &BTreeMap<String, Vec<Speech>>,
    pods: Vec<(Pod, Aside)>,
    configs: &BTreeMap<String, Data>,
) -> Moment {
    let mut join = Join::default();
    join.at(now);
    for (name, speech) in speeches
        .iter()
        .flat_map(|(name, all)| all.iter().map(move |s| (name, s)))
    {
        say(&mut join, name, speech.clone());
    }
    let mut moment = Moment::default();
    for (pod, mut aside) in pods {
        if let Some(Err(refusal)) = aside.task_groups.take_if(|read| read.is_err()) {
            moment.refusals.push(refusal);
        }
        let turns = join.pod(pod, String::new(), aside);
        turns.into_iter().for_each(|turn| moment.turn(turn));
    }
    for (driver, config) in join.wanted() {
        moment.configure(&mut join, &driver, config, configs);
    }
    for fact in join.take() {
        match fact {
            Fact::ShapeDeclared { app, shape } => drop(moment.shapes.insert(app, *shape)),
            Fact::ShapeWithdrawn(app) => drop(moment.shapes.remove(&app)),
            _ => {}
        }
    }
    moment
}

fn say(join: &mut Join, name: &str, speech: Speech) {
    match speech {
        Speech::Declares {
            origin,
            declared,
            begins,
            consumes,
        } => {
            if let (Some(request), Some((app, _))) = (&consumes, &declared) {
                join.consumes(request, app);
            }
            join.declare(origin, name, declared, begins);
        }
        Speech::Requests(request) => join.request(name, request),
        Speech::Template(template) => join.template(name, Some(template)),
        Speech::Schedules(run) => join.schedule(name, run),
        Speech::Groups(name, members) => join.group(&name, Some(members)),
        Speech::Pod(_) | Speech::Config(_) => {}
    }
}

impl Moment {
    fn turn(&mut self, turn: Turn) {
        match turn {
            Turn::Show(pod, _) => drop(self.pods.insert(pod.id.clone(), pod)),
            Turn::Hide(pod) => drop(self.pods.remove(&pod)),
        }
    }

    fn configure(
        &mut self,
        join: &mut Join,
        driver: &PodId,
        config: ConfigRef,
        configs: &BTreeMap<String, Data>,
    ) {
        let given = |name: &str| configs.get(&format!("{}/{name}", config.namespace));
        let Some(data) = given(&config.name) else {
            let pod = self.pods.get(driver);
            let waits = pod.is_some_and(|pod| !matches!(pod.phase, PodPhase::Bound(_)));
            let app = pod.and_then(|pod| pod.template.app.as_ref());
            if waits && !app.is_some_and(|app| join.is_declared(app)) {
                self.unread.push(config);
            }
            return;
        };
        let template = config.template.as_deref().and_then(given);
        if let Err(refusal) = join.configured(driver, data, template) {
            self.refusals.push(refusal);
        }
    }
}
