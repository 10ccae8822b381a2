//! An application to be run: its pods' templates, its shape and its work, made from a recorded one.
//! Pods are named as Spark names them, after the application's id, so that copies differ.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

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

/// An application to be run. Its copies share all but their names; what they would have for themselves
/// is made when they are submitted ([`Submission::cast`]).
#[derive(Clone, Debug)]
pub struct Submission {
    /// What the planner and the ledger know it by.
    pub app: AppId,
    /// The id in its log; `#2` and so on for further copies.
    pub id: String,
    base: String,
    original: Arc<Original>,
}

/// What all copies of an application have in common.
#[derive(Debug)]
pub struct Original {
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
    id: String,
    namespace: String,
    driver: Arc<PodTemplate>,
    executors: BTreeMap<u32, Arc<PodTemplate>>,
    advice: Vec<Advice>,
}

/// The pods of an application that runs.
#[derive(Clone, Debug)]
pub struct Cast {
    /// The application.
    pub submission: Submission,
    driver: (PodId, Arc<PodTemplate>),
    executors: BTreeMap<u32, Arc<PodTemplate>>,
    /// What the names of its executors' pods begin with.
    stem: String,
    /// By number: executors' pods that were created and not deleted.
    created: Vec<Option<PodId>>,
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
        let mut executors = BTreeMap::new();
        for profile in recorded.profiles.keys().copied().chain([0]) {
            let requests = requests::executor(recorded, profile)?;
            let template = template(&app, &namespace, Role::Executor, properties, requests);
            executors.insert(profile, Arc::new(template));
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
            id: recorded.id.clone(),
            base,
            original: Arc::new(original),
        })
    }

    /// The same application once more, as its `number`th copy.
    pub fn copy(&self, number: u32) -> Submission {
        let original = &self.original;
        let base = base_of(&original.id, self.attempt.as_deref(), number);
        Submission {
            app: AppId::from(format!("{}/{base}", self.namespace)),
            id: format!("{}#{number}", original.id),
            base,
            original: original.clone(),
        }
    }

    /// Its pods.
    pub fn cast(&self) -> Cast {
        let original = &self.original;
        let own = |template: &Arc<PodTemplate>| {
            if self.app == original.app {
                return template.clone();
            }
            let mut template = PodTemplate::clone(template);
            template.app = Some(self.app.clone());
            template
                .labels
                .insert(SPARK_APP_SELECTOR.into(), self.base.clone());
            Arc::new(template)
        };
        let executors = original.executors.iter();
        let name = format!("{}/{}", original.namespace, self.base);
        let driver = PodId::from(format!("{name}-driver"));
        Cast {
            driver: (driver, own(&original.driver)),
            stem: format!("{name}-exec-"),
            created: Vec::new(),
            executors: executors
                .map(|(id, template)| (*id, own(template)))
                .collect(),
            submission: self.clone(),
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
            name: self.submission.base.clone(),
            namespace: self.submission.namespace.clone(),
            declared,
            driver: Some(self.driver.1.clone()),
            executors: match self.submission.work.local_slots {
                Some(_) => Vec::new(),
                None => vec![group],
            },
            advice: self.submission.advice.clone(),
        }
    }

    /// The driver's pod.
    pub fn driver_pod(&self) -> (PodId, Arc<PodTemplate>) {
        self.driver.clone()
    }

    /// An executor's pod is created.
    pub fn create_executor(&mut self, executor: u32, profile: u32) -> (PodId, Arc<PodTemplate>) {
        let number = executor.to_string();
        let mut name = String::with_capacity(self.stem.len() + number.len());
        name.push_str(&self.stem);
        name.push_str(&number);
        let id = PodId::from(name);
        let at = usize::try_from(executor).unwrap_or(usize::MAX);
        if self.created.len() <= at {
            self.created.resize(at + 1, None);
        }
        self.created[at] = Some(id.clone());
        (id, self.executor_template(profile))
    }

    /// An executor's pod is deleted; None where it was before.
    pub fn delete_executor(&mut self, executor: u32) -> Option<PodId> {
        let at = usize::try_from(executor).ok()?;
        self.created.get_mut(at)?.take()
    }

    fn executor_template(&self, profile: u32) -> Arc<PodTemplate> {
        let default = &self.executors[&0];
        self.executors.get(&profile).unwrap_or(default).clone()
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
    if copy > 1 {
        base.push_str(&format!("-copy-{copy}"));
    }
    base
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
