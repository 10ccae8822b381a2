//! Who asks for what: per application the pods that wait and those that its shape declares, the larger
//! of the two and never the sum, with the part of them that is useless unless it runs together.

use std::sync::Arc;

use crate::cluster::View;
use crate::cluster::app::{App, RESERVATION_LIMIT, slot_of};
use crate::model::name::{AppId, Names, PodId};
use crate::model::spark::{ExecutorGroup, PodTemplate, Role};
use crate::model::time::Timestamp;

use super::class::class_of;
use super::memo::Memo;

/// Pods of one template that an application wants.
#[derive(Clone, Debug)]
pub struct Need {
    /// What they are like.
    pub template: Arc<PodTemplate>,
    /// Pods that exist, in order of name, then expected ones under the names they are expected to have.
    pub pods: Vec<PodId>,
    /// How many of them exist.
    pub existing: usize,
    /// How many of them belong to the gang, counted from the first.
    pub gang: usize,
    /// Since when the oldest of them has waited.
    pub since: Timestamp,
    /// The number of their class.
    pub class: usize,
}

impl Need {
    /// Pods that are only expected, of no gang, and whose class is to be found.
    fn new(template: &Arc<PodTemplate>, pods: Vec<PodId>, since: Timestamp) -> Self {
        Need {
            template: template.clone(),
            pods,
            existing: 0,
            gang: 0,
            since,
            class: 0,
        }
    }
}

/// Everything that an application wants.
#[derive(Clone, Debug)]
pub struct Ask<'a> {
    /// The application.
    pub id: &'a AppId,
    /// What is known of it.
    pub app: &'a App,
    /// What it wants, the driver first.
    pub needs: Vec<Need>,
    /// The highest priority among its pods.
    pub priority: i32,
}

/// All applications that want something which is not on its way: by priority, then age, then name.
pub fn gather<'a>(view: &View<'a>, memo: &Memo) -> Vec<Ask<'a>> {
    let cluster = view.cluster;
    let mut asks: Vec<Ask<'a>> = cluster
        .demanding
        .iter()
        .chain(given_up(view))
        .filter_map(|id| cluster.apps.get_key_value(id))
        .map(|(id, app)| ask(view, memo, id, app))
        .filter(|ask| !ask.needs.is_empty())
        .collect();
    asks.sort_by(|a, b| {
        (-i64::from(a.priority), a.app.first_seen, a.id).cmp(&(
            -i64::from(b.priority),
            b.app.first_seen,
            b.id,
        ))
    });
    asks
}

/// Applications that were provided for, and whose executors have not come in time.
pub fn given_up<'a>(view: &View<'a>) -> impl Iterator<Item = &'a AppId> {
    let past = view.cluster.reservations.iter();
    let now = view.now;
    past.take_while(move |(at, _)| *at < now).map(|(_, id)| id)
}

fn ask<'a>(view: &View<'_>, memo: &Memo, id: &'a AppId, app: &'a App) -> Ask<'a> {
    let mut needs = waiting(view, app);
    expect_driver(view, app, &mut needs);
    expect_executors(view, app, &mut needs);
    expect_replacements(view, app, &mut needs);
    needs.sort_by(|a, b| (a.template.role, &a.template).cmp(&(b.template.role, &b.template)));
    for need in &mut needs {
        need.class = class_of(view, memo, &need.template);
    }
    count_gang(app, &mut needs);
    let priority = needs
        .iter()
        .map(|need| need.template.priority)
        .max()
        .unwrap_or(0);
    Ask {
        id,
        app,
        needs,
        priority,
    }
}

fn waiting(view: &View<'_>, app: &App) -> Vec<Need> {
    let created = |id: &PodId| view.cluster.pods.get(id).map(|pod| pod.created);
    app.waiting
        .iter()
        .map(|(template, pods)| Need {
            template: template.clone(),
            pods: in_order(pods),
            existing: pods.len(),
            gang: 0,
            since: pods.iter().filter_map(created).min().unwrap_or(view.now),
            class: 0,
        })
        .collect()
}

fn in_order(pods: &Names<PodId>) -> Vec<PodId> {
    let mut pods: Vec<PodId> = pods.iter().cloned().collect();
    pods.sort_unstable();
    pods
}

fn expect_driver(view: &View<'_>, app: &App, needs: &mut Vec<Need>) {
    let Some((shape, template)) = app.shape.as_ref().zip(app.expected_driver()) else {
        return;
    };
    let name = format!("{}/{}-driver", shape.namespace, shape.name);
    let pods = vec![PodId::from(name)];
    needs.push(Need::new(template, pods, shape.declared.min(view.now)));
}

fn expect_executors(view: &View<'_>, app: &App, needs: &mut Vec<Need>) {
    let Some(shape) = &app.shape else { return };
    if app
        .driver_since
        .is_some_and(|since| view.now - since > RESERVATION_LIMIT)
    {
        return;
    }
    let mut next = 1_u32;
    for group in &shape.executors {
        let count = app.expected_executors(group);
        if count == 0 {
            continue;
        }
        let mut pods = Vec::new();
        while pods.len() < usize::try_from(count).unwrap_or(usize::MAX) {
            let name = PodId::from(format!("{}/{}-exec-{next}", shape.namespace, shape.name));
            if !view.cluster.pods.contains_key(&name) {
                pods.push(name);
            }
            next += 1;
        }
        add_expected(needs, &group.template, pods, shape.declared.min(view.now));
    }
}

/// Executors whose nodes EC2 takes back are expected once more, so that their next nodes boot while
/// they still run. What they will be called is Spark's to say; they are named after those they follow.
fn expect_replacements(view: &View<'_>, app: &App, needs: &mut Vec<Need>) {
    for (pod, template) in &app.doomed {
        let name = PodId::from(format!("{pod}-replacement"));
        add_expected(needs, template, vec![name], view.now);
    }
}

/// Expected executors join those of the same template, so that one need holds both.
fn add_expected(
    needs: &mut Vec<Need>,
    template: &Arc<PodTemplate>,
    pods: Vec<PodId>,
    since: Timestamp,
) {
    if let Some(need) = needs.iter_mut().find(|need| need.template == *template) {
        need.pods.extend(pods);
    } else {
        needs.push(Need::new(template, pods, since));
    }
}

/// The gang: the driver and the declared minimum of executors. Without a shape, and with nothing of
/// the application running yet, its Spark pods that are there are the gang; what a running application
/// asks for on top is growth. Pods that are not Spark's need nobody but themselves.
fn count_gang(app: &App, needs: &mut [Need]) {
    let Some(shape) = &app.shape else {
        let starts = !app.has_begun();
        for need in needs {
            let spark = need.template.role != Role::Other;
            need.gang = if starts && spark { need.pods.len() } else { 0 };
        }
        return;
    };
    let mut minimum: Vec<(usize, &ExecutorGroup)> = shape
        .executors
        .iter()
        .filter(|group| group.min > 0)
        .map(|group| (usize::try_from(group.min).unwrap_or(usize::MAX), group))
        .collect();
    for (count, group) in &mut minimum {
        *count = count.saturating_sub(running(app, group));
    }
    for need in needs {
        need.gang = match need.template.role {
            Role::Driver => need.pods.len(),
            // Pods that are not Spark's are a part of it where a request for all of them says so.
            Role::Executor | Role::Other => take_from(&mut minimum, need),
        };
    }
}

/// Executors of a group that have their nodes; every running executor counts where profiles differ
/// in nothing but their requests.
fn running(app: &App, group: &ExecutorGroup) -> usize {
    let waiting: usize = app
        .waiting
        .iter()
        .filter(|(template, _)| slot_of(template) == slot_of(&group.template))
        .map(|(_, pods)| pods.len())
        .sum();
    let seen = app.seen.of(&group.template);
    let bound = app
        .bound
        .values()
        .filter(|(role, _)| *role == group.template.role)
        .count();
    usize::try_from(seen)
        .unwrap_or(usize::MAX)
        .saturating_sub(waiting)
        .min(bound)
}

fn take_from(minimum: &mut [(usize, &ExecutorGroup)], need: &Need) -> usize {
    let slot = slot_of(&need.template);
    let mut taken = 0;
    let own = minimum
        .iter_mut()
        .filter(|(_, group)| slot_of(&group.template) == slot);
    for (left, _) in own {
        let here = (*left).min(need.pods.len() - taken);
        *left -= here;
        taken += here;
    }
    taken
}
