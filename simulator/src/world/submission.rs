//! An application to be run: its pods' templates, its shape and its work, made from a recorded one.
//! Pods are named as Spark names them, after the application's id, so that copies differ.

use std::ops::Deref;
use std::sync::Arc;

use rand_pcg::Pcg64Mcg;
use sparkwright::model::advice::Advice;
use sparkwright::model::conf::{self, Conf, ConfError, ExecutorCount, value};
use sparkwright::model::name::{AppId, PodId};
use sparkwright::model::requirement::{Constraints, Labels, Requirement};
use sparkwright::model::resources::Resources;
use sparkwright::model::spark::{
    ExecutorGroup, PodTemplate, Role, SPARK_APP_SELECTOR, SPARK_ROLE, Shape,
};
use sparkwright::model::time::{Span, Timestamp};

use crate::spark::{Fidelity, fidelity};
use crate::trace::{Recorded, Work, requests};

use super::delays::Starts;
use super::placing::Placings;
use super::pods::PodKey;
use super::stream::Streams;

/// Executors for which there is room from the start: most applications have fewer.
const FEW: usize = 32;
/// What follows an application's name in its executors', before their numbers.
const EXECUTOR: &str = "-exec-";

/// An application to be run. Its copies share all but their names; what they would have for themselves
/// is made when they are submitted ([`Submission::cast`]).
#[derive(Clone, Debug)]
pub struct Submission {
    /// What the planner and the ledger know it by: its namespace and the name that its pods have in common.
    pub app: AppId,
    original: Arc<Original>,
}

/// What all copies of an application have in common.
#[derive(Debug)]
pub struct Original {
    /// The id in its log.
    pub id: String,
    /// Attempt of the driver, where the log has one.
    pub attempt: Option<String>,
    /// The name that its user gave it.
    pub name: String,
    /// When its log has it submitted, in the log's own clock.
    pub logged: Timestamp,
    /// From submission to end in its log.
    pub recorded: Span,
    /// Time inside jobs in its log.
    pub recorded_in_job: Span,
    /// The log has no end.
    pub truncated: bool,
    /// How well the model brings back the log.
    pub fidelity: Fidelity,
    /// What it does.
    pub work: Arc<Work>,
    /// Executors that it asks for at the start.
    pub count: ExecutorCount,
    app: AppId,
    namespace: String,
    driver: Arc<PodTemplate>,
    /// By resource profile, the default one first.
    executors: Vec<(u32, Arc<PodTemplate>)>,
    advice: Vec<Advice>,
}

/// The pods of an application that runs.
#[derive(Clone, Debug)]
pub struct Cast {
    /// The application.
    pub submission: Submission,
    /// Its driver's pod, once it is created.
    pub driver: Option<PodKey>,
    /// What its pods became by placing.
    pub(super) placings: Placings,
    driver_template: Arc<PodTemplate>,
    executors: Vec<(u32, Arc<PodTemplate>)>,
    /// By number: executors' pods that were created and not deleted.
    created: Vec<Option<PodKey>>,
    /// The beginning of its executors' names, and room to make one in.
    name: String,
    /// How long after being bound its pods start is drawn there; None until the first is bound.
    starts: Option<Streams>,
}

impl Deref for Submission {
    type Target = Original;

    fn deref(&self) -> &Original {
        &self.original
    }
}

impl Submission {
    /// The application as recorded. Err where its configuration cannot be made into pods.
    pub fn new(recorded: &Recorded) -> Result<Self, ConfError> {
        let work = Arc::new(Work::of(recorded)?);
        let properties = &recorded.properties;
        let namespace = properties.get("spark.kubernetes.namespace");
        let namespace = namespace.map_or("default", String::as_str).to_owned();
        let base = base_of(&recorded.id, recorded.attempt.as_deref(), 1);
        let app = AppId::from(format!("{namespace}/{base}"));
        let driver_requests = requests::driver(recorded)?;
        let driver = template(&app, &namespace, Role::Driver, properties, driver_requests);
        let mut executors = Vec::new();
        let profiles = recorded.profiles.keys().copied();
        for profile in [0]
            .into_iter()
            .chain(profiles.filter(|profile| *profile != 0))
        {
            let requests = requests::executor(recorded, profile)?;
            let template = template(&app, &namespace, Role::Executor, properties, requests);
            executors.push((profile, Arc::new(template)));
        }
        let original = Original {
            id: recorded.id.clone(),
            attempt: recorded.attempt.clone(),
            name: recorded.name.clone(),
            logged: recorded.submitted,
            recorded: recorded.length(),
            recorded_in_job: recorded.in_job(),
            truncated: recorded.ended.is_none(),
            fidelity: fidelity(recorded, &work),
            count: requests::executor_count(recorded)?,
            app: app.clone(),
            namespace,
            advice: conf::advice(properties, None),
            driver: Arc::new(driver),
            executors,
            work,
        };
        Ok(Submission {
            app,
            original: Arc::new(original),
        })
    }

    /// The same application once more, as its `number`th copy.
    pub fn copy(&self, number: u32) -> Submission {
        Submission {
            app: AppId::from(copied(self.original.app.as_str().to_owned(), number)),
            original: self.original.clone(),
        }
    }

    /// Its name without the namespace.
    fn base(&self) -> &str {
        &self.app.as_str()[self.namespace.len() + 1..]
    }

    /// Its pods.
    pub fn cast(self) -> Cast {
        let original = &self.original;
        let own = |template: &Arc<PodTemplate>| {
            if self.app == original.app {
                return template.clone();
            }
            let mut template = PodTemplate::clone(template);
            template.app = Some(self.app.clone());
            if let Some(selector) = template.labels.get_mut(SPARK_APP_SELECTOR) {
                self.base().clone_into(selector);
            }
            Arc::new(template)
        };
        let executors = original.executors.iter();
        Cast {
            driver: None,
            placings: Placings::default(),
            driver_template: own(&original.driver),
            executors: executors
                .map(|(profile, template)| (*profile, own(template)))
                .collect(),
            created: Vec::with_capacity(FEW),
            name: [self.app.as_str(), EXECUTOR].concat(),
            starts: None,
            submission: self,
        }
    }
}

impl Cast {
    /// What it declares when it is submitted.
    pub fn shape(&self, declared: Timestamp) -> Shape {
        let group = ExecutorGroup {
            template: self.executor_template(0),
            min: self.submission.count.min,
            initial: self.submission.count.initial,
            max: self.submission.count.max,
        };
        Shape {
            name: self.submission.base().to_owned(),
            namespace: self.submission.namespace.clone(),
            declared,
            driver: Some(self.driver_template.clone()),
            executors: match self.submission.work.local_slots {
                Some(_) => Vec::new(),
                None => vec![group],
            },
            advice: self.submission.advice.clone(),
        }
    }

    /// The driver's pod to be.
    pub fn driver_pod(&self) -> (PodId, Arc<PodTemplate>) {
        let id = PodId::from([self.submission.app.as_str(), "-driver"].concat());
        (id, self.driver_template.clone())
    }

    /// An executor's pod to be.
    pub fn executor_pod(&mut self, executor: u32, profile: u32) -> (PodId, Arc<PodTemplate>) {
        let beginning = self.name.len();
        self.name.push_str(&executor.to_string());
        let id = PodId::from(self.name.as_str());
        self.name.truncate(beginning);
        (id, self.executor_template(profile))
    }

    /// The stream that tells how long one of its pods takes to start.
    pub(super) fn start_of(&mut self, pod: &PodId, starts: &Starts) -> Pcg64Mcg {
        let app = self.submission.app.as_str();
        let streams = self.starts.get_or_insert_with(|| starts.streams(app));
        streams.stream(&pod.as_str()[app.len()..])
    }

    /// An executor's pod is created.
    pub fn created(&mut self, executor: u32, pod: PodKey) {
        let at = usize::try_from(executor).unwrap_or(usize::MAX);
        if self.created.len() <= at {
            self.created.resize(at + 1, None);
        }
        self.created[at] = Some(pod);
    }

    /// An executor's pod is deleted; None where it was before.
    pub fn delete_executor(&mut self, executor: u32) -> Option<PodKey> {
        let at = usize::try_from(executor).ok()?;
        self.created.get_mut(at)?.take()
    }

    fn executor_template(&self, profile: u32) -> Arc<PodTemplate> {
        let mut executors = self.executors.iter();
        let own = executors.find(|(of, _)| *of == profile);
        own.unwrap_or(&self.executors[0]).1.clone()
    }
}

/// Lower case and dashes, as pod names are.
pub(super) fn base_of(id: &str, attempt: Option<&str>, copy: u32) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    let mut base: String = id.chars().map(plain).collect();
    if let Some(attempt) = attempt {
        base.push_str("-attempt-");
        base.extend(attempt.chars().map(plain));
    }
    copied(base, copy)
}

/// The name of a copy, by the name of the first.
fn copied(mut name: String, copy: u32) -> String {
    if copy > 1 {
        name.push_str("-copy-");
        name.push_str(&copy.to_string());
    }
    name
}

fn template(
    app: &AppId,
    namespace: &str,
    role: Role,
    properties: &Conf,
    requests: Resources,
) -> PodTemplate {
    let mut labels: Labels = conf::labels(properties, role).into_iter().collect();
    let selector = app.as_str().rsplit('/').next().unwrap_or_default();
    labels.insert(SPARK_ROLE.into(), role.as_str().into());
    labels.insert(SPARK_APP_SELECTOR.into(), selector.into());
    let pinned = conf::selectors(properties, role);
    let all = pinned
        .into_iter()
        .map(|(key, value)| Requirement::is(key, value))
        .collect();
    PodTemplate {
        labels,
        constraints: Constraints {
            all,
            any: Vec::new(),
        },
        hands_on: role == Role::Executor
            && value::flag(properties, "spark.decommission.enabled").unwrap_or(false),
        ..PodTemplate::plain(role, Some(app.clone()), namespace, requests)
    }
}
