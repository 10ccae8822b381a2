//! All that is said of applications' shapes, put together: of several sources the best counts, of one
//! that falls silent the next; groups raise the least of what it says; pods that are there say what a pod
//! asks for. Knows no API and no clock; what it makes of it comes out as facts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::bookings::Bookings;
use super::driver_conf::{self, Data};
use super::placeholders::Placeholders;
use super::scheduled::SCHEDULED_APP_NAME;
use super::{Aside, ConfigRef, GroupName, Origin, Scheduled};
use crate::cluster::app::RESERVATION_LIMIT;
use crate::cluster::event::Fact;
use crate::cluster::kubernetes::fault::Refusal;
use crate::cluster::kubernetes::role::{EXECUTOR_PROFILE, named};
use crate::model::name::{AppId, PodId};
use crate::model::spark::{ExecutorGroup, Pod, PodTemplate, Role, Shape};
use crate::model::time::{Span, Timestamp};

mod booked;

/// How long before a scheduled run its nodes are asked for where nobody says otherwise: a node boots and
/// joins in 40 to 60 s.
pub const SCHEDULE_LEAD: Span = Span::from_secs(60);
/// How long after its time a scheduled run is waited for. The operator starts a run within seconds; what
/// is later was skipped, as by `concurrencyPolicy: Forbid`.
const SCHEDULE_LIMIT: Span = Span::from_secs(300);

/// What is to be told of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It counts; with its own id.
    Show(Pod, String),
    /// It does not count, though it may be there.
    Hide(PodId),
}

/// What is known of shapes, and of pods as far as shapes need it.
#[derive(Debug)]
pub struct Join {
    /// How long before a scheduled run it is declared.
    pub lead: Span,
    now: Timestamp,
    apps: BTreeMap<AppId, Known>,
    /// Applications by the objects that speak of them.
    objects: BTreeMap<(Origin, String), AppId>,
    groups: BTreeMap<GroupName, u32>,
    /// Applications with pods in a group.
    grouped: BTreeMap<GroupName, BTreeSet<AppId>>,
    schedules: BTreeMap<String, Schedule>,
    members: BTreeMap<PodId, Member>,
    placeholders: Placeholders,
    bookings: Bookings,
    /// Drivers whose ConfigMaps have not been read.
    asked: BTreeMap<PodId, (Pod, ConfigRef)>,
    wanted: Vec<(PodId, ConfigRef)>,
    facts: Vec<Fact>,
}

#[derive(Debug, Default)]
struct Known {
    said: BTreeMap<Origin, Shape>,
    driver: Option<Pod>,
    /// Group of the driver, and those of executors.
    driver_group: Option<GroupName>,
    groups: BTreeSet<GroupName>,
    /// An executor of the properties' own profile, as the last new one was when it came.
    executor: Option<Arc<PodTemplate>>,
    /// Pods that are there.
    pods: usize,
    /// Its driver had run for so long when it was first seen that its executors have come or never will.
    settled: bool,
    /// Its driver has ended.
    ended: bool,
    told: Option<Shape>,
}

#[derive(Debug)]
struct Member {
    app: AppId,
    role: Role,
    /// YuniKorn's name for the application.
    yunikorn: Option<AppId>,
}

#[derive(Debug)]
struct Schedule {
    run: Scheduled,
    /// The run of this time is there.
    came: Option<Timestamp>,
}

impl Default for Join {
    fn default() -> Self {
        Join {
            lead: SCHEDULE_LEAD,
            now: Timestamp::ZERO,
            apps: BTreeMap::new(),
            objects: BTreeMap::new(),
            groups: BTreeMap::new(),
            grouped: BTreeMap::new(),
            schedules: BTreeMap::new(),
            members: BTreeMap::new(),
            placeholders: Placeholders::default(),
            bookings: Bookings::default(),
            asked: BTreeMap::new(),
            wanted: Vec::new(),
            facts: Vec::new(),
        }
    }
}

impl Join {
    /// Shapes that were declared or withdrawn since the last time.
    pub fn take(&mut self) -> Vec<Fact> {
        std::mem::take(&mut self.facts)
    }

    /// ConfigMaps of drivers that are to be read, each once.
    pub fn wanted(&mut self) -> Vec<(PodId, ConfigRef)> {
        std::mem::take(&mut self.wanted)
    }

    /// It is so late: runs that are near are declared, those that never came withdrawn.
    pub fn at(&mut self, now: Timestamp) {
        self.now = now;
        let names: Vec<String> = self.schedules.keys().cloned().collect();
        names.iter().for_each(|name| self.look_at_schedule(name));
        let kept = self.bookings.kept();
        kept.iter().for_each(|name| self.look_at_request(name));
    }

    /// An object speaks of an application, or asks for nothing. `begins`: no driver of this run has been
    /// submitted, so that one which has ended was an earlier run's.
    pub fn declare(
        &mut self,
        origin: Origin,
        object: &str,
        declared: Option<(AppId, Shape)>,
        begins: bool,
    ) {
        let key = (origin, object.to_owned());
        let app = declared.as_ref().map(|(app, _)| app);
        let old = match app {
            Some(app) => self.objects.insert(key, app.clone()),
            None => self.objects.remove(&key),
        };
        if let Some(old) = old.filter(|old| Some(old) != app) {
            self.unsay(&old, origin);
        }
        let Some((app, shape)) = declared else { return };
        if origin == Origin::Operator {
            self.note_run(&app, &shape);
        }
        let known = self.apps.entry(app.clone()).or_default();
        known.ended &= !begins;
        known.said.insert(origin, shape);
        self.retell(&app);
    }

    /// A group's number is this; None where it is gone.
    pub fn group(&mut self, name: &GroupName, members: Option<u32>) {
        let old = match members {
            Some(members) => self.groups.insert(name.clone(), members),
            None => self.groups.remove(name),
        };
        if old != members {
            let apps = self.grouped.get(name).cloned().unwrap_or_default();
            apps.iter().for_each(|app| self.retell(app));
        }
    }

    /// A schedule's next run is this; None where there is none.
    pub fn schedule(&mut self, name: &str, run: Option<Scheduled>) {
        let Some(run) = run else {
            self.schedules.remove(name);
            return self.declare(Origin::Schedule, name, None, false);
        };
        let came = self.schedules.get(name).and_then(|old| old.came);
        self.schedules
            .insert(name.to_owned(), Schedule { run, came });
        self.look_at_schedule(name);
    }

    /// A pod that counts is there, or has changed.
    pub fn pod(&mut self, mut pod: Pod, uid: String, aside: Aside) -> Vec<Turn> {
        if let Some(task) = aside.task.as_ref().filter(|task| task.is_placeholder) {
            return self.placeholders.hold(task, pod, uid);
        }
        self.consume(&mut pod, aside.consumes.as_deref());
        let Some(app) = pod.template.app.clone() else {
            return vec![Turn::Show(pod, uid)];
        };
        let member = Member {
            app: app.clone(),
            role: pod.template.role,
            yunikorn: aside.task.as_ref().map(|task| task.app.clone()),
        };
        let is_new = self.members.insert(pod.id.clone(), member).is_none();
        let known = self.apps.entry(app.clone()).or_default();
        known.pods += usize::from(is_new);
        let mut turns = Vec::new();
        if let Some(task) = &aside.task {
            if pod.template.role == Role::Driver {
                turns.extend(self.placeholders.learn(&task.app, &app));
            }
            turns.extend(self.placeholders.member(task, &pod));
        }
        match pod.template.role {
            Role::Driver => self.driver(&app, &pod, aside, is_new),
            Role::Executor if is_new => self.executor(&app, &pod, aside.group),
            Role::Executor | Role::Other => {}
        }
        turns.push(Turn::Show(pod, uid));
        turns
    }

    /// A pod is gone, or counts no more.
    pub fn pod_gone(&mut self, id: &PodId) -> Vec<Turn> {
        let (was_placeholder, follows) = self.placeholders.gone(id);
        if was_placeholder {
            return follows;
        }
        let mut turns = vec![Turn::Hide(id.clone())];
        turns.extend(follows);
        let Some(member) = self.members.remove(id) else {
            return turns;
        };
        self.asked.remove(id);
        let app = &member.app;
        let Some(known) = self.apps.get_mut(app) else {
            return turns;
        };
        known.pods -= 1;
        if member.role == Role::Driver && known.driver.as_ref().is_some_and(|one| one.id == *id) {
            known.driver = None;
            known.driver_group = None;
            known.settled = false;
            known.ended = true;
            if known.told.take().is_some() {
                self.facts.push(Fact::ShapeWithdrawn(app.clone()));
            }
            known.said.remove(&Origin::TaskGroups);
            known.said.remove(&Origin::DriverConf);
            turns.extend(
                member
                    .yunikorn
                    .iter()
                    .flat_map(|name| self.placeholders.unlearn(name)),
            );
        }
        self.forget_if_over(app);
        turns
    }

    /// True where anything but the driver's own properties says what an application will ask for.
    pub fn is_declared(&self, app: &AppId) -> bool {
        self.apps
            .get(app)
            .is_some_and(|known| !known.said.is_empty())
    }

    /// What a driver's ConfigMaps hold.
    ///
    /// # Errors
    /// The first bad value; the application's shape is then what others say.
    pub fn configured(
        &mut self,
        driver: &PodId,
        data: &Data,
        template: Option<&Data>,
    ) -> Result<(), Refusal> {
        let Some((pod, config)) = self.asked.remove(driver) else {
            return Ok(());
        };
        let shape = driver_conf::shape(&pod, &config, data, template)?;
        if let Some(app) = &pod.template.app {
            let known = self.apps.entry(app.clone()).or_default();
            known.said.insert(Origin::DriverConf, shape);
            self.retell(app);
        }
        Ok(())
    }

    /// The fold was told that a pod has ended which is only between two nodes: with a driver it has
    /// forgotten the shape.
    pub fn dropped(&mut self, id: &PodId) {
        let member = self.members.get(id);
        let app = member.filter(|member| member.role == Role::Driver);
        if let Some(known) = app.and_then(|member| self.apps.get_mut(&member.app)) {
            known.told = None;
        }
    }

    /// The fold was told of a driver: its shape is told where it is not known.
    pub fn renew(&mut self, id: &PodId) {
        if let Some(app) = self.members.get(id).map(|member| member.app.clone()) {
            self.retell(&app);
        }
    }

    fn driver(&mut self, app: &AppId, pod: &Pod, aside: Aside, is_new: bool) {
        let known = self.apps.entry(app.clone()).or_default();
        if is_new {
            let started = aside.started.filter(|_| self.now > Timestamp::ZERO);
            known.settled = started.is_some_and(|at| self.now - at > RESERVATION_LIMIT);
            known.ended = false;
            if let Some(config) = aside.config.filter(|_| !known.settled) {
                self.asked
                    .insert(pod.id.clone(), (pod.clone(), config.clone()));
                self.wanted.push((pod.id.clone(), config));
            }
        }
        known.driver = Some(pod.clone());
        match aside.task_groups {
            Some(Ok(shape)) => drop(known.said.insert(Origin::TaskGroups, shape)),
            _ => drop(known.said.remove(&Origin::TaskGroups)),
        }
        known.driver_group = aside.group.clone();
        self.join_group(app, aside.group);
        self.retell(app);
    }

    fn executor(&mut self, app: &AppId, pod: &Pod, group: Option<GroupName>) {
        self.join_group(app, group);
        let profile = pod.template.labels.get(EXECUTOR_PROFILE);
        if profile.is_some_and(|profile| profile != "0") {
            return;
        }
        let known = self.apps.entry(app.clone()).or_default();
        let held = known.executor.as_ref();
        if held.is_none_or(|held| !asks_alike(held, &pod.template)) {
            known.executor = Some(pod.template.clone());
            self.retell(app);
        }
    }

    fn join_group(&mut self, app: &AppId, group: Option<GroupName>) {
        let Some(group) = group else { return };
        let known = self.apps.entry(app.clone()).or_default();
        if known.groups.insert(group.clone()) {
            self.grouped.entry(group).or_default().insert(app.clone());
            self.retell(app);
        }
    }

    fn unsay(&mut self, app: &AppId, origin: Origin) {
        if let Some(known) = self.apps.get_mut(app) {
            known.said.remove(&origin);
        }
        self.retell(app);
        self.forget_if_over(app);
    }

    fn forget_if_over(&mut self, app: &AppId) {
        let over = |known: &Known| known.pods == 0 && known.said.is_empty();
        if !self.apps.get(app).is_some_and(over) {
            return;
        }
        let known = self.apps.remove(app).unwrap_or_default();
        for group in &known.groups {
            if let Some(apps) = self.grouped.get_mut(group) {
                apps.remove(app);
                if apps.is_empty() {
                    self.grouped.remove(group);
                }
            }
        }
    }

    /// A run of a schedule is there: what was declared for it in advance is withdrawn.
    fn note_run(&mut self, app: &AppId, shape: &Shape) {
        let templates = shape.executors.iter().map(|group| &group.template);
        let mut names = templates.filter_map(|one| one.labels.get(SCHEDULED_APP_NAME));
        let Some(name) = names.next() else { return };
        let name = named(&shape.namespace, name);
        let is_new = !self.apps.contains_key(app);
        let lead = self.lead;
        let schedule = self.schedules.get_mut(name.as_str());
        let due = schedule.filter(|one| is_new && shape.declared + lead >= one.run.due);
        if let Some(schedule) = due {
            schedule.came = Some(schedule.run.due);
            self.look_at_schedule(name.as_str());
        }
    }

    fn look_at_schedule(&mut self, name: &str) {
        let Some(schedule) = self.schedules.get(name) else {
            return;
        };
        let due = schedule.run.due;
        let near = self.now + self.lead >= due && self.now < due + SCHEDULE_LIMIT;
        let awaited = near && schedule.came != Some(due);
        let run = awaited.then(|| (schedule.run.app.clone(), schedule.run.shape.clone()));
        self.declare(Origin::Schedule, name, run, true);
    }

    fn retell(&mut self, app: &AppId) {
        let Some(known) = self.apps.get(app) else {
            return;
        };
        let shape = known.shape(&self.groups);
        if shape == known.told {
            return;
        }
        self.facts.push(match &shape {
            Some(shape) => Fact::ShapeDeclared {
                app: app.clone(),
                shape: Box::new(shape.clone()),
            },
            None => Fact::ShapeWithdrawn(app.clone()),
        });
        if let Some(known) = self.apps.get_mut(app) {
            known.told = shape;
        }
    }
}

impl Known {
    /// What counts of all that is said.
    fn shape(&self, groups: &BTreeMap<GroupName, u32>) -> Option<Shape> {
        if self.settled || self.ended {
            return None;
        }
        let least = self.least(groups);
        let best = self.said.values().next().cloned();
        let mut shape = best.or_else(|| least.and_then(|_| self.bare()))?;
        if let [group] = &mut shape.executors[..] {
            let least = least.unwrap_or(0);
            group.min = group.min.max(least);
            group.initial = group.initial.max(least);
            group.max = group.max.map(|max| max.max(least));
            let executor = self.executor.as_ref();
            if let Some(real) = executor.filter(|real| !asks_alike(real, &group.template)) {
                group.template = real.clone();
            }
        }
        Some(shape)
    }

    /// Executors that its groups of the best make count, drivers taken off.
    fn least(&self, groups: &BTreeMap<GroupName, u32>) -> Option<u32> {
        let mut known = self.groups.iter().filter(|name| groups.contains_key(name));
        let make = known.clone().next()?.make;
        let of_make = known.by_ref().take_while(|name| name.make == make);
        let count = of_make.map(|name| {
            let members = groups.get(name).copied().unwrap_or(0);
            let drivers = u32::from(self.driver_group.as_ref() == Some(name));
            members.saturating_sub(drivers)
        });
        Some(count.fold(0, u32::saturating_add))
    }

    /// A shape from pods alone, for groups to count: nothing where no executor has been seen.
    fn bare(&self) -> Option<Shape> {
        let template = self.executor.clone()?;
        let driver = self.driver.as_ref();
        let name = template.app.as_ref()?.as_str();
        Some(Shape {
            name: name.rsplit('/').next().unwrap_or_default().to_owned(),
            namespace: template.namespace.clone(),
            declared: driver.map_or(Timestamp::ZERO, |driver| driver.created),
            driver: driver.map(|driver| driver.template.clone()),
            executors: vec![ExecutorGroup {
                template,
                min: 0,
                initial: 0,
                max: None,
            }],
            advice: Vec::new(),
        })
    }
}

/// True where two templates ask for the same of a node.
fn asks_alike(one: &PodTemplate, other: &PodTemplate) -> bool {
    one.requests == other.requests
        && one.constraints == other.constraints
        && one.tolerations == other.tolerations
}

#[cfg(test)]
mod tests;
