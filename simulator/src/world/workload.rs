//! What is submitted to the world, and what runs in it: a Spark application, whose pods answer to its
//! work, or a set of pods with lives of their own.

use sparkwright::model::name::AppId;
use sparkwright::model::time::{Span, Timestamp};

use crate::spark::{Application, Executors, Progress};

use super::agenda::Due;
use super::placing::Placings;
use super::pod_set::{PodSet, PodSubmission, PodWish};
use super::pods::{Part, SimulatedPod};
use super::run::World;
use super::submission::{Cast, Submission};

/// Something that can be submitted.
#[derive(Clone, Debug)]
pub enum Workload {
    /// A Spark application.
    Spark(Box<Submission>),
    /// A set of pods.
    Pods(Box<PodSubmission>),
}

/// Something that was submitted, or will be. It takes room for what it does only while it runs.
#[derive(Clone, Debug)]
pub(super) enum Running {
    NotYet,
    Spark(Box<Cast>, Box<Application>),
    Pods(Box<PodSubmission>, Box<PodSet>),
    Over(Box<Progress>),
    /// Nothing more can come of it; its record begins there.
    PutAway(usize),
}

impl Workload {
    /// What the planner and the ledger know it by.
    pub fn app(&self) -> &AppId {
        match self {
            Workload::Spark(spark) => &spark.app,
            Workload::Pods(pods) => &pods.app,
        }
    }

    /// The id in its trace.
    pub fn id(&self) -> &str {
        match self {
            Workload::Spark(spark) => &spark.id,
            Workload::Pods(pods) => &pods.id,
        }
    }

    /// The name that its user gave it.
    pub fn name(&self) -> &str {
        match self {
            Workload::Spark(spark) => &spark.name,
            Workload::Pods(pods) => &pods.recorded.name,
        }
    }

    /// `spark`, `pods` or `dag`.
    pub fn kind(&self) -> &'static str {
        match self {
            Workload::Spark(_) => "spark",
            Workload::Pods(pods) => pods.kind(),
        }
    }

    /// When its trace has it submitted, in the trace's own clock.
    pub fn logged(&self) -> Timestamp {
        match self {
            Workload::Spark(spark) => spark.logged,
            Workload::Pods(pods) => pods.recorded.submitted,
        }
    }

    /// From submission to end in its trace.
    pub fn recorded(&self) -> Span {
        match self {
            Workload::Spark(spark) => spark.recorded,
            Workload::Pods(pods) => pods.recorded.length,
        }
    }

    /// The Spark application, where it is one.
    pub fn spark(&self) -> Option<&Submission> {
        match self {
            Workload::Spark(spark) => Some(spark),
            Workload::Pods(_) => None,
        }
    }

    /// The same once more, as its `number`th copy.
    pub fn copy(&self, number: u32) -> Workload {
        match self {
            Workload::Spark(spark) => Workload::Spark(Box::new(spark.copy(number))),
            Workload::Pods(pods) => Workload::Pods(Box::new(pods.copy(number))),
        }
    }
}

impl Running {
    /// It begins.
    pub fn begin(workload: Workload, executors: &Executors) -> Self {
        match workload {
            Workload::Spark(submission) => {
                let work = submission.work.clone();
                let application = Application::new(work, executors.clone());
                Running::Spark(Box::new(submission.cast()), Box::new(application))
            }
            Workload::Pods(submission) => {
                let set = Box::new(PodSet::new(&submission));
                Running::Pods(submission, set)
            }
        }
    }

    /// What the planner and the ledger know it by, while it runs.
    pub fn app(&self) -> Option<&AppId> {
        match self {
            Running::Spark(cast, _) => Some(&cast.submission.app),
            Running::Pods(submission, _) => Some(&submission.app),
            Running::NotYet | Running::Over(_) | Running::PutAway(_) => None,
        }
    }

    /// What its pods' templates became by placing, while it runs.
    pub fn placings(&mut self) -> Option<&mut Placings> {
        match self {
            Running::Spark(cast, _) => Some(&mut cast.placings),
            Running::Pods(submission, _) => Some(&mut submission.placings),
            Running::NotYet | Running::Over(_) | Running::PutAway(_) => None,
        }
    }

    pub fn progress(&self) -> Progress {
        match self {
            Running::NotYet | Running::PutAway(_) => Progress::default(),
            Running::Spark(_, application) => application.progress(),
            Running::Pods(_, set) => set.progress(),
            Running::Over(progress) => **progress,
        }
    }
}

impl World {
    /// Tells a set of pods something, and fulfils what it wishes for.
    pub(super) fn tell_pods(
        &mut self,
        i: usize,
        what: impl FnOnce(&mut PodSet, Timestamp, &mut Vec<PodWish>),
    ) {
        let Running::Pods(_, set) = &mut self.applications[i] else {
            return;
        };
        let mut wishes = Vec::new();
        what(set, self.now, &mut wishes);
        for wish in wishes {
            let Running::Pods(submission, _) = &self.applications[i] else {
                return;
            };
            match wish {
                PodWish::Create(place) => {
                    let (id, template) = submission.pod(place);
                    let part = Part::Pod(i, place);
                    let pod = self
                        .pods
                        .add(SimulatedPod::new(id, template, part, self.now));
                    self.report(pod);
                }
                PodWish::End(place) => {
                    let (id, _) = submission.pod(place);
                    if let Some(pod) = self.pods.named(&id) {
                        self.end(pod);
                    }
                }
                PodWish::WakeAt(at) => self.agenda.add(at.max(self.now), Due::Wake(i)),
                PodWish::Finished => self.finish(i),
            }
        }
    }
}
