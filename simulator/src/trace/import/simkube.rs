//! SimKube's recordings, version 2: MessagePack with objects as they were applied and deleted, and the
//! lives of pods where they were tracked. Owners' pods are as many as their replicas; times are unix
//! seconds. The format is that of SimKube's own exporter (acrlabs/simkube, MIT).

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read};
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::object::{self, PodObject};
use super::{Import, Misfit, unsuitable};
use crate::trace::codec;
use crate::trace::format::tables::{App, EndReason, Pod, Replay};

/// A larger recording is refused: it is read whole.
const MOST_BYTES: u64 = 1 << 30;
/// Objects within objects; Kubernetes' own nest about twenty deep.
const DEEPEST: usize = 96;
/// Pods of one owner: an owner with more is a slip of the pen.
const MOST_REPLICAS: u64 = 100_000;

#[derive(Deserialize)]
struct Recording {
    version: u32,
    events: Vec<Event>,
    #[serde(default)]
    pod_lifecycles: BTreeMap<(String, String), BTreeMap<u64, Vec<Lifecycle>>>,
}

#[derive(Deserialize)]
struct Event {
    ts: i64,
    applied_objs: Vec<Value>,
    deleted_objs: Vec<Value>,
}

/// A tracked pod's life, in unix seconds.
#[derive(Clone, Copy, Debug, Deserialize)]
enum Lifecycle {
    Empty,
    Running(i64),
    Finished(i64, i64),
}

/// An owner of pods, or a pod by itself.
struct Owner {
    template: PodObject,
    /// The spec's text, to tell a new one.
    spec: String,
    /// Pods that are there: number and creation in ms.
    alive: Vec<(u64, i64)>,
    created: u64,
    app: Option<String>,
}

#[derive(Default)]
struct Reading {
    origin_ms: i64,
    owners: BTreeMap<OwnerName, Owner>,
    /// Lives of pods that are told apart from their owners.
    lives: BTreeMap<OwnerName, Vec<Lifecycle>>,
    apps: BTreeMap<String, String>,
    unused: BTreeMap<String, u64>,
    /// Some pods' lives are told by their owners' replicas alone.
    untracked: bool,
}

/// Kind, namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct OwnerName {
    kind: String,
    namespace: String,
    name: String,
}

pub(super) fn import(path: &Path, import: &mut Import<'_>) -> io::Result<()> {
    let recording = read(codec::open(path)?)?;
    if recording.version != 2 {
        let version = recording.version;
        return Err(unsuitable(format!(
            "is a SimKube trace of version {version}; export it as version 2"
        )));
    }
    let Some(first) = recording.events.first() else {
        return Err(unsuitable("holds no event; record for longer"));
    };
    let origin_ms = first.ts.saturating_mul(1000);
    import.writer.manifest.origin_ms = Some(origin_ms);
    let mut reading = Reading {
        origin_ms,
        lives: lives(recording.pod_lifecycles),
        ..Reading::default()
    };
    for event in &recording.events {
        let at = reading.since(event.ts);
        for object in &event.applied_objs {
            if let Err(misfit) = reading.applied(object, at, import)? {
                import.skip(crate::trace::Skipped {
                    input: format!("{} event at {} s", import.input, event.ts),
                    reason: misfit.to_string(),
                });
            }
        }
        for object in &event.deleted_objs {
            reading.deleted(&OwnerName::of(object), at, import)?;
        }
    }
    reading.finish(import)
}

fn read(input: impl Read) -> io::Result<Recording> {
    let mut decoder = rmp_serde::Deserializer::new(input.take(MOST_BYTES));
    decoder.set_max_depth(DEEPEST);
    Recording::deserialize(&mut decoder).map_err(|error| {
        unsuitable(format!(
            "is no SimKube trace ({error}); name a .sktrace file"
        ))
    })
}

/// By owner, whatever the spec; keys are `group/version.Kind` and `namespace/name`.
fn lives(
    told: BTreeMap<(String, String), BTreeMap<u64, Vec<Lifecycle>>>,
) -> BTreeMap<OwnerName, Vec<Lifecycle>> {
    let owner = |kind: &str, name: &str| OwnerName {
        kind: kind.rsplit('.').next().unwrap_or_default().to_owned(),
        namespace: name.split('/').next().unwrap_or_default().to_owned(),
        name: name.rsplit('/').next().unwrap_or_default().to_owned(),
    };
    told.into_iter()
        .map(|((kind, name), by_spec)| {
            (
                owner(&kind, &name),
                by_spec.into_values().flatten().collect(),
            )
        })
        .collect()
}

impl Reading {
    /// Seconds since 1970 to milliseconds from the origin.
    fn since(&self, seconds: i64) -> i64 {
        seconds.saturating_mul(1000).saturating_sub(self.origin_ms)
    }

    fn applied(
        &mut self,
        object: &Value,
        at: i64,
        import: &mut Import<'_>,
    ) -> io::Result<Result<(), Misfit>> {
        let name = OwnerName::of(object);
        let Some(pod) = pod_of(&name.kind, object) else {
            *self.unused.entry(name.kind).or_default() += 1;
            return Ok(Ok(()));
        };
        let refused =
            |field: &str, problem: &str| Misfit::row(format!("{name}: {field} {problem}"));
        let wanted = match replicas(&name.kind, object) {
            count if count > MOST_REPLICAS => {
                return Ok(Err(refused("spec.replicas", "is more than is read")));
            }
            count => count,
        };
        let template = match object::read(&name.namespace, pod) {
            Ok(template) => template,
            Err(fault) => return Ok(Err(refused(&fault.field, &fault.problem))),
        };
        let spec = pod["spec"].to_string();
        let changed = self
            .owners
            .get(&name)
            .is_some_and(|owner| owner.spec != spec);
        if changed {
            // A new template rolls out: the pods of the old one go.
            self.resize(&name, 0, at, import)?;
        }
        let app = self.app(&name, &template);
        let owner = self.owners.entry(name.clone()).or_insert(Owner {
            template,
            spec: spec.clone(),
            alive: Vec::new(),
            created: 0,
            app,
        });
        if changed {
            owner.spec = spec;
            owner.template = match object::read(&name.namespace, pod) {
                Ok(template) => template,
                Err(fault) => return Ok(Err(refused(&fault.field, &fault.problem))),
            };
        }
        if !self.lives.contains_key(&name) {
            self.resize(&name, wanted, at, import)?;
        }
        Ok(Ok(()))
    }

    /// Spark's application by label; else the owner, whose pods belong together. A pod by itself is one.
    fn app(&mut self, name: &OwnerName, template: &PodObject) -> Option<String> {
        let own = || (name.kind != "Pod").then(|| format!("{}/{}", name.namespace, name.name));
        let app = template.application().map(str::to_owned).or_else(own)?;
        self.apps.insert(app.clone(), name.namespace.clone());
        Some(app)
    }

    fn deleted(&mut self, name: &OwnerName, at: i64, import: &mut Import<'_>) -> io::Result<()> {
        self.tell_lives(name, Some(at), import)?;
        self.resize(name, 0, at, import)?;
        self.owners.remove(name);
        Ok(())
    }

    /// Makes an owner's pods as many as wanted; the newest go first, as a ReplicaSet's do.
    fn resize(
        &mut self,
        name: &OwnerName,
        wanted: u64,
        at: i64,
        import: &mut Import<'_>,
    ) -> io::Result<()> {
        let Some(owner) = self.owners.get_mut(name) else {
            return Ok(());
        };
        let alive = u64::try_from(owner.alive.len()).unwrap_or(u64::MAX);
        self.untracked |= wanted > alive;
        for _ in alive..wanted {
            owner.created += 1;
            owner.alive.push((owner.created, at));
        }
        for _ in wanted..alive {
            if let Some((number, created)) = owner.alive.pop() {
                owner.put(name, number, created, Some(at), Some(at), import)?;
            }
        }
        Ok(())
    }

    /// Writes the tracked pods of an owner.
    fn tell_lives(
        &mut self,
        name: &OwnerName,
        deleted: Option<i64>,
        import: &mut Import<'_>,
    ) -> io::Result<()> {
        if !self.owners.contains_key(name) {
            return Ok(());
        }
        for life in self.lives.remove(name).unwrap_or_default() {
            let (start, end) = match life {
                Lifecycle::Empty => continue,
                Lifecycle::Running(start) => (self.since(start), deleted),
                Lifecycle::Finished(start, end) => (self.since(start), Some(self.since(end))),
            };
            let Some(owner) = self.owners.get_mut(name) else {
                return Ok(());
            };
            owner.created += 1;
            let run_to = match life {
                Lifecycle::Finished(..) => end,
                _ => None,
            };
            owner.put(name, owner.created, start, run_to, end, import)?;
        }
        Ok(())
    }

    /// What is still there when the recording ends has an end that is not known.
    fn finish(mut self, import: &mut Import<'_>) -> io::Result<()> {
        let names: Vec<OwnerName> = self.owners.keys().cloned().collect();
        for name in names {
            self.tell_lives(&name, None, import)?;
            if let Some(owner) = self.owners.remove(&name) {
                for &(number, created) in &owner.alive {
                    owner.put(&name, number, created, None, None, import)?;
                }
            }
        }
        for (app, namespace) in std::mem::take(&mut self.apps) {
            import.writer.put(App {
                app,
                namespace: Some(namespace),
                ..App::default()
            })?;
        }
        for (kind, count) in self.unused {
            import.note(format!("{count} objects of kind {kind} ask for no pods that could be counted, and are left out"));
        }
        for name in self.lives.into_keys() {
            import.note(format!(
                "pods of {name} were tracked, and the object itself is not recorded: left out"
            ));
        }
        if self.untracked {
            import.note(
                "pods that were not tracked live from their owner's change to the next, which is what was \
                 asked for, not what ran",
            );
        }
        Ok(())
    }
}

impl Owner {
    fn put(
        &self,
        name: &OwnerName,
        number: u64,
        created: i64,
        run_to: Option<i64>,
        end: Option<i64>,
        import: &mut Import<'_>,
    ) -> io::Result<()> {
        let own = name.kind == "Pod";
        let pod = if own && number == 1 {
            name.name.clone()
        } else {
            format!("{}-{number}", name.name)
        };
        let end = end.map(|end| end.max(created));
        let row = self.template.row(&pod, import)?;
        import.writer.put(Pod {
            app: self.app.clone(),
            replay: Some(Replay::Rigid),
            create_ms: Some(created),
            end_ms: end,
            end_reason: end.map(|_| match name.kind.as_str() {
                "Job" | "CronJob" => EndReason::Finished,
                _ => EndReason::Deleted,
            }),
            run_ms: run_to.map(|end| (end - created).max(0)),
            ..row
        })
    }
}

/// The pod, or the template of an owner's pods; None for kinds whose pods are not known from the object.
fn pod_of<'a>(kind: &str, object: &'a Value) -> Option<&'a Value> {
    let pod = match kind {
        "Pod" => object,
        "Deployment" | "ReplicaSet" | "StatefulSet" | "Job" => &object["spec"]["template"],
        "CronJob" => &object["spec"]["jobTemplate"]["spec"]["template"],
        _ => return None,
    };
    pod.is_object().then_some(pod)
}

/// How many pods an owner wants, by Kubernetes' defaults. When a CronJob's run is not in the object.
fn replicas(kind: &str, object: &Value) -> u64 {
    let spec = &object["spec"];
    match kind {
        "CronJob" => 0,
        "Job" => spec["parallelism"].as_u64().unwrap_or(1),
        "Pod" => 1,
        _ => spec["replicas"].as_u64().unwrap_or(1),
    }
}

impl OwnerName {
    fn of(object: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let namespace = object["metadata"]["namespace"].as_str();
        OwnerName {
            kind: text(&object["kind"]),
            namespace: namespace.unwrap_or("default").to_owned(),
            name: text(&object["metadata"]["name"]),
        }
    }
}

impl fmt::Display for OwnerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
    }
}
