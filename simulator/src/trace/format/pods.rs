//! Pods with lives of their own, as a replay takes them: when each is created, for how long it runs, and
//! for pods of a graph which stages must have ended before. Knows no node.

use std::collections::BTreeMap;
use std::sync::Arc;

use sparkwright::model::spark::PodTemplate;
use sparkwright::model::time::{Span, Timestamp};

use super::tables::{App, EndReason, Pod, Replay, Role, Template, Work, WorkKind};
use super::{Finding, Row, Rule};

/// An application that is a set of pods.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecordedPods {
    /// Its id: the application's, or the pod's.
    pub id: String,
    /// The name that its user gave it.
    pub name: String,
    /// Namespace.
    pub namespace: String,
    /// Creation of its first pod, from the trace's origin.
    pub submitted: Timestamp,
    /// From there to the end of its last pod, as recorded.
    pub length: Span,
    /// The pods.
    pub pods: Vec<RecordedPod>,
    /// The stages of a graph; none where all pods are rigid.
    pub stages: Vec<PodStage>,
}

/// A pod with a life of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedPod {
    /// The pod's name.
    pub name: String,
    /// What it is like; its application is for the replay to say.
    pub template: Arc<PodTemplate>,
    /// Creation, from the application's submission; for pods of a graph it counts where the stage has no
    /// parents.
    pub after: Span,
    /// How long it runs.
    pub run: Span,
    /// Its stage, by place.
    pub stage: Option<usize>,
}

/// A stage of pods.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodStage {
    /// Stages that must have ended, by place.
    pub parents: Vec<usize>,
}

/// What the pods of a trace share.
#[derive(Debug, Default)]
pub(super) struct Templates {
    templates: BTreeMap<String, Template>,
    known: BTreeMap<(Option<String>, Role, String), Arc<PodTemplate>>,
    /// The latest time of any pod: a pod whose end is not known ran at least until then.
    trace_end: i64,
}

impl Templates {
    pub fn new(templates: Vec<Template>, pods: &[Pod]) -> Self {
        let times = |pod: &Pod| {
            let own = [pod.create_ms, pod.scheduled_ms, pod.started_ms, pod.end_ms];
            own.into_iter().flatten().max()
        };
        Templates {
            templates: (templates.into_iter())
                .map(|template| (template.template.clone(), template))
                .collect(),
            known: BTreeMap::new(),
            trace_end: pods.iter().filter_map(times).max().unwrap_or(0),
        }
    }

    fn template(&mut self, pod: &Pod) -> Result<Arc<PodTemplate>, Finding> {
        let namespace = pod.namespace.clone().unwrap_or_else(|| "default".into());
        let role = pod.role.unwrap_or(Role::Other);
        let key = (pod.template.clone(), role, namespace);
        if let Some(known) = self.known.get(&key) {
            return Ok(known.clone());
        }
        let named = (pod.template.as_ref()).and_then(|name| self.templates.get(name));
        let empty = Template::default();
        let template = named.unwrap_or(&empty).pod_template(role, &key.2);
        let template = Arc::new(template.map_err(|fault| {
            Finding::new(Rule::Row, Template::TABLE, None, fault.problem).column(fault.field)
        })?);
        self.known.insert(key, template.clone());
        Ok(template)
    }

    /// The pods of an application, or a pod by itself; None where none of them can be replayed.
    pub fn application(
        &mut self,
        app: Option<&App>,
        pods: &[Pod],
        work: &[(u64, Work)],
    ) -> Result<Option<RecordedPods>, Finding> {
        let pods: Vec<&Pod> = pods.iter().filter(|pod| is_replayed(pod)).collect();
        let Some(first) = pods.first() else {
            return Ok(None);
        };
        let submitted = pods.iter().filter_map(|pod| pod.create_ms).min();
        let submitted = submitted.unwrap_or(0);
        let id = app.map_or(&first.pod, |app| app.id.as_ref().unwrap_or(&app.app));
        let name = app.and_then(|app| app.name.clone());
        let (places, stages) = graph(&pods, work)?;
        let mut recorded = RecordedPods {
            id: id.clone(),
            name: name.unwrap_or_else(|| id.clone()),
            namespace: first.namespace.clone().unwrap_or_else(|| "default".into()),
            submitted: Timestamp::from_millis(submitted),
            length: Span::ZERO,
            pods: Vec::with_capacity(pods.len()),
            stages,
        };
        for pod in pods {
            let run = self.run(pod);
            let after = pod.create_ms.unwrap_or(submitted) - submitted;
            let ended = pod.end_ms.map_or(after + run, |end| end - submitted);
            recorded.length = recorded.length.max(Span::from_millis(ended));
            recorded.pods.push(RecordedPod {
                name: pod.pod.clone(),
                template: self.template(pod)?,
                after: Span::from_millis(after),
                run: Span::from_millis(run),
                stage: stage_of(pod).and_then(|stage| places.get(&stage).copied()),
            });
        }
        Ok(Some(recorded))
    }

    /// A pod whose end is not known runs for as long as it was seen.
    fn run(&self, pod: &Pod) -> i64 {
        let begun = pod.started_ms.or(pod.scheduled_ms).or(pod.create_ms);
        let seen = pod.end_ms.unwrap_or(self.trace_end) - begun.unwrap_or(0);
        pod.run_ms.unwrap_or(seen).max(0)
    }
}

/// A pod that never had a node has no life to replay: what it would have done is not known.
pub(super) fn is_replayed(pod: &Pod) -> bool {
    pod.replay.is_some() && !is_unscheduled(pod)
}

pub(super) fn is_unscheduled(pod: &Pod) -> bool {
    pod.run_ms.is_none() && pod.end_reason == Some(EndReason::Unscheduled)
}

fn stage_of(pod: &Pod) -> Option<u32> {
    pod.stage.filter(|_| pod.replay == Some(Replay::Dag))
}

/// The places of stages by id, and their parents; refused where a stage waits for itself.
fn graph(
    pods: &[&Pod],
    work: &[(u64, Work)],
) -> Result<(BTreeMap<u32, usize>, Vec<PodStage>), Finding> {
    let mut places: BTreeMap<u32, usize> = pods
        .iter()
        .filter_map(|pod| stage_of(pod))
        .map(|id| (id, 0))
        .collect();
    for (place, id) in places.values_mut().enumerate() {
        *id = place;
    }
    let mut stages = vec![PodStage::default(); places.len()];
    for (line, row) in work.iter().filter(|(_, row)| row.kind == WorkKind::Stage) {
        let Some(&place) = row.stage.and_then(|id| places.get(&id)) else {
            continue;
        };
        // A parent without pods has nothing that could be waited for.
        let parents = row.parents.iter().filter_map(|id| places.get(id).copied());
        stages[place].parents = parents.collect();
        if stages[place].parents.contains(&place) {
            return Err(endless(Some(*line)).value(row.stage.unwrap_or(0)));
        }
    }
    if is_endless(&stages) {
        return Err(endless(None));
    }
    Ok((places, stages))
}

fn endless(line: Option<u64>) -> Finding {
    Finding::new(Rule::Replay, Work::TABLE, line, "waits for itself")
        .column("parents")
        .remedy("leave out the parent that closes the circle")
}

/// True where some stages wait for each other in a circle: taking away what is ready never empties it.
fn is_endless(stages: &[PodStage]) -> bool {
    let mut waits: Vec<usize> = stages.iter().map(|stage| stage.parents.len()).collect();
    let mut children = vec![Vec::new(); stages.len()];
    for (place, stage) in stages.iter().enumerate() {
        stage
            .parents
            .iter()
            .for_each(|&parent| children[parent].push(place));
    }
    let mut ready: Vec<usize> = (0..stages.len())
        .filter(|&place| waits[place] == 0)
        .collect();
    let mut done = 0;
    while let Some(place) = ready.pop() {
        done += 1;
        for &child in &children[place] {
            waits[child] -= 1;
            if waits[child] == 0 {
                ready.push(child);
            }
        }
    }
    done < stages.len()
}
