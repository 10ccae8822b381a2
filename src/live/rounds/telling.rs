//! What the loop tells of itself: measures, memory for explanations, Kubernetes events, and the recorded
//! stream. None of it can hold the loop up.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::Receiver;

use crate::cluster::Cluster;
use crate::cluster::event::{Event, Fact};
use crate::live::admission::standing::Standing;
use crate::live::ec2::CallCount;
use crate::live::heard::Answered;
use crate::live::record::{RecordOptions, Recorder};
use crate::live::tell::breach::Breaches;
use crate::live::tell::explain;
use crate::live::tell::http::{Question, Shared};
use crate::live::tell::kubernetes::Publisher;
use crate::live::tell::kubernetes::{Note, Notes, Regarding, in_capitals, shortened};
use crate::live::tell::metrics::LaunchAnswer;
use crate::live::tell::{Memory, Metrics};
use crate::live::translate::Translator;
use crate::model::name::PodId;
use crate::model::time::Timestamp;
use crate::plan::Plan;

/// Everything that the loop tells by.
#[derive(Debug)]
pub struct Telling {
    /// What is measured.
    pub metrics: Metrics,
    /// What the server of metrics and answers knows of the loop.
    pub shared: Arc<Shared>,
    /// Questions from people.
    pub questions: Receiver<Question>,
    /// Kubernetes events; None where they are not to be written.
    pub publisher: Option<Publisher>,
    /// Where the stream is recorded.
    pub record_to: Option<PathBuf>,
    /// What admissions are answered from; None where there are none.
    pub standing: Option<Arc<Standing>>,
    /// What comes about otherwise than it should, of pods without gates.
    pub breaches: Breaches,
    memory: Memory,
    notes: Notes,
    recorder: Option<Recorder>,
}

impl Telling {
    /// One that has told nothing yet.
    pub fn new(publisher: Option<Publisher>, record_to: Option<PathBuf>, metrics: Metrics) -> Self {
        let (shared, questions) = Shared::new(metrics.clone());
        Telling {
            metrics,
            shared,
            questions,
            publisher,
            record_to,
            standing: None,
            breaches: Breaches::default(),
            memory: Memory::default(),
            notes: Notes::default(),
            recorder: None,
        }
    }

    /// An event has been folded.
    pub fn event(&mut self, cluster: &Cluster, event: &Event) {
        self.metrics.event(event);
        self.memory.event(cluster, event);
        if let (Some(standing), Fact::PoolApplied(_) | Fact::PoolDeleted(_)) =
            (&self.standing, &event.fact)
        {
            standing.pools(cluster.pools.values());
        }
        self.breaches.event(event);
        if let Some(recorder) = &mut self.recorder {
            recorder.event(event);
        }
    }

    /// The recording begins with all that is known.
    pub fn begin_recording(&mut self, now: Timestamp, cluster: &Cluster) {
        let Some(folder) = self.record_to.take() else {
            return;
        };
        match Recorder::start(RecordOptions::to(folder), now, cluster) {
            Ok(recorder) => self.recorder = Some(recorder),
            Err(error) => tracing::error!(%error, "recording cannot begin; there is none"),
        }
    }

    /// The planner has looked. To be called before its effects come back as events.
    pub fn round(
        &mut self,
        now: Timestamp,
        translator: &Translator,
        cluster: &Cluster,
        plan: &Arc<Plan>,
        took: Duration,
    ) {
        self.metrics.round(plan, cluster, took);
        self.memory.round(now, cluster, plan);
        let breaches = self.breaches.round(cluster, plan);
        for breach in &breaches {
            self.metrics.breach(breach.kind.code());
            self.memory.breach(now, breach);
        }
        if let Some(recorder) = &mut self.recorder {
            recorder.round(now, cluster, plan);
        }
        let Some(publisher) = &self.publisher else {
            return;
        };
        let breaches = breaches.iter().map(Note::of_breach);
        let notes = self.notes.round(now, cluster, plan, &self.metrics);
        for note in breaches.chain(notes) {
            if let Some(uid) = uid(translator, &note) {
                publisher.publish(note, uid);
            }
        }
    }

    /// Something about a pod, for whoever looks at it: by a reason's code, and whether it is a warning.
    pub fn note(
        &self,
        translator: &Translator,
        pod: &PodId,
        (code, warning): (&str, bool),
        text: String,
    ) {
        let note = Note {
            regarding: Regarding::Pod,
            name: pod.as_str().to_owned(),
            reason: in_capitals(code),
            action: "Plan",
            warning,
            note: shortened(text),
        };
        if let Some((publisher, uid)) = self.publisher.as_ref().zip(uid(translator, &note)) {
            publisher.publish(note, uid);
        }
    }

    /// EC2 has answered a launch.
    pub fn answered(&self, answered: &Answered) {
        let (given, asked) = (answered.given.len(), answered.intent.nodes.len());
        self.metrics.launch_answered(match given {
            0 if answered.failed.is_some() => LaunchAnswer::Failed,
            0 => LaunchAnswer::Refused,
            _ if given < asked => LaunchAnswer::Partial,
            _ => LaunchAnswer::Whole,
        });
    }

    /// A person asks.
    pub fn answer(&self, cluster: &Cluster, now: Timestamp, question: Question) {
        let answer = explain::answer(cluster, &self.memory, now, &question.subject);
        // Whoever asked may have gone.
        let _ = question.reply.send(answer);
    }

    /// The loop turns, and has so much before it.
    pub fn turned(&self, ready: bool, queued: usize, calls: &[CallCount]) {
        self.shared.turned();
        self.shared.ready(ready);
        self.metrics.queued(queued);
        self.metrics.ec2_calls(calls);
        if let Some(recorder) = &self.recorder {
            self.metrics.recorded(&recorder.recorded());
        }
    }

    /// The end: what is recorded is written out.
    pub fn finish(&mut self) {
        if let Some(recorder) = self.recorder.take() {
            let recorded = recorder.finish();
            tracing::info!(
                written = recorded.written,
                lost = recorded.lost,
                "recording ended"
            );
        }
    }
}

/// The object's own id; None of one that is not there any more.
fn uid(translator: &Translator, note: &Note) -> Option<String> {
    match note.regarding {
        Regarding::Pod => translator.pods.get(note.name.as_str()).cloned(),
        Regarding::NodePool => Some(translator.pools.get(&note.name)?.uid.clone()),
        Regarding::NodeClaim => {
            let object = translator.claims.get(&note.name)?.object.as_ref()?;
            object.metadata.uid.clone()
        }
    }
}
