//! One application: what it declared, what of it runs, what its pods wait for and which nodes come for it.
//! From what the cluster and the memory hold; how it is asked is not known here.

use std::collections::BTreeMap;

use crate::cluster::app::App;
use crate::model::name::AppId;
use crate::model::spark::Role;
use crate::plan::advise::advise;

use super::super::memory::Wait;
use super::super::moment::utc;
use super::{Answer, Known, Told, Waits};

/// Applications that are named where a name is not enough.
const MOST_ALIKE: usize = 20;

pub(super) fn answer(told: &Told<'_>, name: &str) -> Option<Answer> {
    let found = find(told, name);
    if let [_, _, ..] = found[..] {
        return Some(ambiguous(name, &found));
    }
    let app = found.first().copied();
    let id = app.map_or(name, |(id, _)| id.as_str());
    let past = told.past(|decided| decided.apps.iter().any(|app| app.as_str() == id));
    if app.is_none() && past.is_empty() {
        return None;
    }
    let mut known = Known::default();
    let waits = app.map_or_else(Vec::new, |(id, app)| waits(told, id, app));
    if let Some((_, app)) = app {
        tell(told, app, &mut known);
    }
    Some(Answer {
        kind: "Application",
        name: id.to_owned(),
        state: app.map_or_else(
            || "is over: none of its pods counts".to_owned(),
            |(_, app)| state(app, &waits),
        ),
        known: known.0,
        waits,
        past,
    })
}

/// The application of this name, or those whose name without namespace it is.
fn find<'a>(told: &'a Told<'_>, name: &str) -> Vec<(&'a AppId, &'a App)> {
    if let Some((id, app)) = told.cluster.apps.get_key_value(name) {
        return vec![(id, app)];
    }
    let bare = |id: &AppId| id.as_str().rsplit('/').next() == Some(name);
    let declared = |app: &App| app.shape.as_ref().is_some_and(|shape| shape.name == name);
    let apps = told.cluster.apps.iter();
    let mut found: Vec<_> = apps.filter(|(id, app)| bare(id) || declared(app)).collect();
    found.sort_by_key(|(id, _)| *id);
    found
}

fn ambiguous(name: &str, found: &[(&AppId, &App)]) -> Answer {
    let mut known = Known::default();
    let names = found.iter().take(MOST_ALIKE);
    let names: Vec<&str> = names.map(|(id, _)| id.as_str()).collect();
    known.say("applications", names);
    Answer {
        kind: "Application",
        name: name.to_owned(),
        state: format!(
            "{} applications have this name; give one with its namespace",
            found.len()
        ),
        known: known.0,
        waits: Vec::new(),
        past: Vec::new(),
    }
}

fn tell(told: &Told<'_>, app: &App, known: &mut Known) {
    known.say("firstSeen", utc(app.first_seen));
    if let Some(shape) = &app.shape {
        known.say("declaredName", shape.name.as_str());
        let groups = shape.executors.iter();
        let declared: Vec<String> = groups
            .map(|group| {
                let most = group.max.map_or("no end".to_owned(), |max| max.to_string());
                let (min, initial) = (group.min, group.initial);
                format!("{min} at least, {initial} at the start, {most} at most")
            })
            .collect();
        known.say("declaredExecutors", declared);
        known.say("declaredDriver", shape.driver.is_some());
        let expected = shape.executors.iter();
        let expected: u32 = expected.map(|group| app.expected_executors(group)).sum();
        known.say("executorsExpected", expected);
    }
    let advice = advise(&told.cluster.view(told.now), app);
    let advice: Vec<String> = advice.iter().map(ToString::to_string).collect();
    if !advice.is_empty() {
        known.say("advice", advice);
    }
    let running = |role| app.bound.values().filter(|(of, _)| *of == role).count();
    known.say("driversWithNode", running(Role::Driver));
    known.say("executorsWithNode", running(Role::Executor));
    let waiting = app.waiting.iter().map(|(_, pods)| pods.len());
    known.say("podsWithoutNode", waiting.sum::<usize>());
    known.say("podsGated", app.count_gated());
    let nodes = app.bound.values().map(|(_, node)| node);
    let mut by_zone: BTreeMap<&str, usize> = BTreeMap::new();
    for node in nodes.filter_map(|node| told.cluster.nodes.get(node)) {
        *by_zone
            .entry(told.zone(node.zone).unwrap_or("unknown"))
            .or_default() += 1;
    }
    let zones = by_zone
        .iter()
        .map(|(zone, pods)| format!("{zone}: {pods} pods"));
    known.say("zones", zones.collect::<Vec<_>>());
    let held = app.held.values().flatten();
    let held = held.map(|(node, count)| format!("{node}: room for {count}"));
    known.say("roomHeld", held.collect::<Vec<_>>());
}

/// What its pods wait for, that which holds up the rest first.
fn waits(told: &Told<'_>, id: &AppId, app: &App) -> Vec<Waits> {
    let mut by_code: BTreeMap<(bool, &str), (Wait, usize)> = BTreeMap::new();
    let named = |pod: &str| {
        let known = told.cluster.pods.get(pod);
        known.is_some_and(|pod| pod.template.app.as_ref() == Some(id))
    };
    let shape = app.shape.as_ref();
    let prefix = shape.map(|shape| format!("{}/{}-", shape.namespace, shape.name));
    for (pod, wait) in told.memory.waits() {
        let expected = || {
            let prefix = prefix.as_ref();
            prefix.is_some_and(|prefix| pod.as_str().starts_with(prefix.as_str()))
        };
        let single = pod.as_str() == id.as_str();
        if !(single || named(pod.as_str()) || expected()) {
            continue;
        }
        let code = wait.reason.code();
        let entry = by_code.entry((code == "gang-incomplete", code));
        let (first, count) = entry.or_insert_with(|| (wait.clone(), 0));
        first.since = first.since.min(wait.since);
        *count += 1;
    }
    let waits = by_code.into_values();
    waits.map(|(wait, pods)| told.waits(&wait, pods)).collect()
}

fn state(app: &App, waits: &[Waits]) -> String {
    let running = app.bound.len();
    match waits.first() {
        Some(waits) => format!("{running} pods have nodes; others wait: {}", waits.message),
        None if app.expects() => format!("{running} pods have nodes; more are expected"),
        None if !app.waiting.is_empty() => {
            format!("{running} pods have nodes; there is or comes room for the others")
        }
        None => format!("all of its {running} pods have nodes"),
    }
}
