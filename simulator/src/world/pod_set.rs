//! An application that is a set of pods: each is created when the trace has it, or when the stages before
//! its own have ended, runs for as long as it ran, and ends. A pod that loses its node starts over from
//! nothing, as a Job's pod does. A pure state machine, like a Spark application.

use std::collections::BTreeSet;
use std::sync::Arc;

use sparkwright::model::name::{AppId, PodId};
use sparkwright::model::spark::{PodTemplate, Role, SPARK_APP_SELECTOR};
use sparkwright::model::time::{Span, Timestamp};

use crate::spark::Progress;
use crate::trace::format::pods::RecordedPods;

use super::placing::Placings;
use super::submission::base_of;

/// A set of pods to be run.
#[derive(Clone, Debug)]
pub struct PodSubmission {
    /// What the planner and the ledger know it by.
    pub app: AppId,
    /// The id in its trace; `#2` and so on for further copies.
    pub id: String,
    /// The pods, when they come and for how long.
    pub recorded: Arc<RecordedPods>,
    /// Which copy of it this is, from 1.
    number: u32,
    /// Templates of the pods, of this application.
    templates: Vec<Arc<PodTemplate>>,
    pub(super) placings: Placings,
}

/// What a set of pods wants of the world around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodWish {
    /// A pod, by place in the set.
    Create(usize),
    /// The pod exits.
    End(usize),
    /// A call of `wake` then.
    WakeAt(Timestamp),
    /// All pods have ended.
    Finished,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Create,
    End,
}

#[derive(Clone, Debug, Default)]
struct Stage {
    pods: Vec<usize>,
    children: Vec<usize>,
    parents_left: usize,
    pods_left: usize,
}

/// A set of pods that runs.
#[derive(Clone, Debug)]
pub struct PodSet {
    recorded: Arc<RecordedPods>,
    due: BTreeSet<(Timestamp, Due, usize)>,
    /// When each pod's run ends, as long as it runs.
    ends: Vec<Option<Timestamp>>,
    stages: Vec<Stage>,
    left: usize,
    started: Option<Timestamp>,
    finished: Option<Timestamp>,
    wished: Option<Timestamp>,
}

impl PodSubmission {
    /// The application as recorded.
    pub fn new(recorded: RecordedPods) -> Self {
        PodSubmission::numbered(Arc::new(recorded), 1)
    }

    /// The same application once more, as its `number`th copy.
    pub fn copy(&self, number: u32) -> Self {
        PodSubmission::numbered(self.recorded.clone(), number)
    }

    fn numbered(recorded: Arc<RecordedPods>, number: u32) -> Self {
        let base = base_of(&recorded.id, None, number);
        let app = AppId::from(format!("{}/{base}", recorded.namespace));
        let mut templates: Vec<Arc<PodTemplate>> = Vec::with_capacity(recorded.pods.len());
        let mut before: Option<&Arc<PodTemplate>> = None;
        for pod in &recorded.pods {
            // Pods of one template stand together, and then share one here too.
            match templates.last().filter(|_| before == Some(&pod.template)) {
                Some(same) => templates.push(same.clone()),
                None => templates.push(Arc::new(of_application(&pod.template, &app, &base))),
            }
            before = Some(&pod.template);
        }
        PodSubmission {
            id: match number {
                1 => recorded.id.clone(),
                number => format!("{}#{number}", recorded.id),
            },
            app,
            recorded,
            number,
            templates,
            placings: Placings::default(),
        }
    }

    /// The pod at a place of the set.
    pub fn pod(&self, place: usize) -> (PodId, Arc<PodTemplate>) {
        let base = base_of(&self.recorded.pods[place].name, None, self.number);
        let name = format!("{}/{base}", self.recorded.namespace);
        (PodId::from(name), self.templates[place].clone())
    }

    /// `dag` where pods wait for others, else `pods`.
    pub fn kind(&self) -> &'static str {
        match self.recorded.stages.is_empty() {
            true => "pods",
            false => "dag",
        }
    }
}

fn of_application(template: &PodTemplate, app: &AppId, base: &str) -> PodTemplate {
    let mut own = template.clone();
    own.app = Some(app.clone());
    if own.role != Role::Other {
        own.labels.insert(SPARK_APP_SELECTOR.into(), base.into());
    }
    own
}

impl PodSet {
    /// A set of pods, none of which is there yet.
    pub fn new(submission: &PodSubmission) -> Self {
        let recorded = submission.recorded.clone();
        let mut stages = vec![Stage::default(); recorded.stages.len()];
        for (place, stage) in recorded.stages.iter().enumerate() {
            stages[place].parents_left = stage.parents.len();
            for &parent in &stage.parents {
                stages[parent].children.push(place);
            }
        }
        for (place, pod) in recorded.pods.iter().enumerate() {
            if let Some(stage) = pod.stage {
                stages[stage].pods.push(place);
                stages[stage].pods_left += 1;
            }
        }
        PodSet {
            due: BTreeSet::new(),
            ends: vec![None; recorded.pods.len()],
            stages,
            left: recorded.pods.len(),
            started: None,
            finished: None,
            wished: None,
            recorded,
        }
    }

    /// The application is submitted.
    pub fn submitted(&mut self, now: Timestamp, wishes: &mut Vec<PodWish>) {
        for (place, pod) in self.recorded.pods.iter().enumerate() {
            let waits = pod
                .stage
                .is_some_and(|stage| self.stages[stage].parents_left > 0);
            if !waits {
                self.due.insert((now + pod.after, Due::Create, place));
            }
        }
        self.wake(now, wishes);
    }

    /// The pod's containers run.
    pub fn running(&mut self, place: usize, now: Timestamp, wishes: &mut Vec<PodWish>) {
        self.started.get_or_insert(now);
        let end = now + self.recorded.pods[place].run;
        self.ends[place] = Some(end);
        self.due.insert((end, Due::End, place));
        self.wake(now, wishes);
    }

    /// The pod has lost its node. Its owner makes another, which starts over; true where it does.
    pub fn lost(&mut self, place: usize, now: Timestamp, wishes: &mut Vec<PodWish>) {
        if let Some(end) = self.ends[place].take() {
            self.due.remove(&(end, Due::End, place));
        }
        self.due.insert((now, Due::Create, place));
        self.wake(now, wishes);
    }

    /// Time has passed.
    pub fn wake(&mut self, now: Timestamp, wishes: &mut Vec<PodWish>) {
        while let Some(&(at, due, place)) = self.due.first().filter(|(at, ..)| *at <= now) {
            self.due.remove(&(at, due, place));
            match due {
                Due::Create => wishes.push(PodWish::Create(place)),
                Due::End => self.end(place, now, wishes),
            }
        }
        let next = self.due.first().map(|(at, ..)| *at);
        if let Some(at) = next.filter(|_| next != self.wished) {
            wishes.push(PodWish::WakeAt(at));
        }
        self.wished = next;
    }

    fn end(&mut self, place: usize, now: Timestamp, wishes: &mut Vec<PodWish>) {
        self.ends[place] = None;
        self.left -= 1;
        wishes.push(PodWish::End(place));
        if let Some(stage) = self.recorded.pods[place].stage {
            self.stages[stage].pods_left -= 1;
            if self.stages[stage].pods_left == 0 {
                self.stage_ended(stage, now);
            }
        }
        if self.left == 0 {
            self.finished = Some(now);
            wishes.push(PodWish::Finished);
        }
    }

    fn stage_ended(&mut self, stage: usize, now: Timestamp) {
        for child in std::mem::take(&mut self.stages[stage].children) {
            let child = &mut self.stages[child];
            child.parents_left -= 1;
            if child.parents_left == 0 {
                let ready = child.pods.iter().map(|&place| (now, Due::Create, place));
                self.due.extend(ready);
            }
        }
    }

    /// How far it has come: started with its first pod, finished with its last.
    pub fn progress(&self) -> Progress {
        Progress {
            started: self.started,
            first_task: self.started,
            finished: self.finished,
            in_job: Span::ZERO,
            ..Progress::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use sparkwright::model::spark;

    use super::*;
    use crate::trace::format::pods::{PodStage, RecordedPod};
    use crate::trace::format::tables::{Role as Column, Template};

    #[test]
    fn a_rigid_pod_runs_as_long_as_it_ran_however_late_it_starts() {
        let mut set = PodSet::new(&submission(&[(0, 10, None), (5, 20, None)], &[]));
        assert_eq!(
            told(|wishes| set.submitted(at(0), wishes)),
            [PodWish::Create(0), PodWish::WakeAt(at(5))]
        );
        assert_eq!(told(|wishes| set.wake(at(5), wishes)), [PodWish::Create(1)]);
        assert_eq!(
            told(|wishes| set.running(0, at(100), wishes)),
            [PodWish::WakeAt(at(110))]
        );
        assert_eq!(told(|wishes| set.running(1, at(100), wishes)), []);
        assert_eq!(
            told(|wishes| set.wake(at(110), wishes)),
            [PodWish::End(0), PodWish::WakeAt(at(120))]
        );
        assert_eq!(
            told(|wishes| set.wake(at(120), wishes)),
            [PodWish::End(1), PodWish::Finished]
        );
        let progress = set.progress();
        assert_eq!(
            (progress.started, progress.finished),
            (Some(at(100)), Some(at(120)))
        );
    }

    #[test]
    fn a_stage_starts_when_all_pods_of_all_its_parents_have_ended() {
        let pods = [
            (0, 10, Some(0)),
            (0, 10, Some(0)),
            (0, 10, Some(1)),
            (0, 1, Some(2)),
        ];
        let mut set = PodSet::new(&submission(&pods, &[&[], &[], &[0, 1]]));
        let created = told(|wishes| set.submitted(at(0), wishes));
        assert_eq!(
            created,
            [PodWish::Create(0), PodWish::Create(1), PodWish::Create(2)]
        );
        for (place, start) in [(0, 1), (2, 2), (1, 7)] {
            set.running(place, at(start), &mut Vec::new());
        }
        assert!(!told(|wishes| set.wake(at(12), wishes)).contains(&PodWish::Create(3)));
        assert!(told(|wishes| set.wake(at(17), wishes)).contains(&PodWish::Create(3)));
        set.running(3, at(20), &mut Vec::new());
        assert!(told(|wishes| set.wake(at(21), wishes)).contains(&PodWish::Finished));
    }

    #[test]
    fn a_pod_that_loses_its_node_starts_over() {
        let mut set = PodSet::new(&submission(&[(0, 10, None)], &[]));
        set.submitted(at(0), &mut Vec::new());
        set.running(0, at(1), &mut Vec::new());
        assert_eq!(
            told(|wishes| set.lost(0, at(9), wishes)),
            [PodWish::Create(0)]
        );
        assert_eq!(told(|wishes| set.wake(at(11), wishes)), []);
        set.running(0, at(12), &mut Vec::new());
        assert_eq!(
            told(|wishes| set.wake(at(22), wishes)),
            [PodWish::End(0), PodWish::Finished]
        );
    }

    fn told(what: impl FnOnce(&mut Vec<PodWish>)) -> Vec<PodWish> {
        let mut wishes = Vec::new();
        what(&mut wishes);
        wishes
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn submission(pods: &[(i64, i64, Option<usize>)], parents: &[&[usize]]) -> PodSubmission {
        let template = Template::default().pod_template(Column::Other, "default");
        let template = Arc::new(template.expect("an empty template"));
        assert_eq!(template.role, spark::Role::Other);
        let pod =
            |(place, &(after, run, stage)): (usize, &(i64, i64, Option<usize>))| RecordedPod {
                name: format!("pod-{place}"),
                template: template.clone(),
                after: Span::from_secs(after),
                run: Span::from_secs(run),
                stage,
            };
        PodSubmission::new(RecordedPods {
            id: "set".to_owned(),
            namespace: "default".to_owned(),
            pods: pods.iter().enumerate().map(pod).collect(),
            stages: parents
                .iter()
                .map(|parents| PodStage {
                    parents: parents.to_vec(),
                })
                .collect(),
            ..RecordedPods::default()
        })
    }
}
