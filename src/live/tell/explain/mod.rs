//! Why a pod waits, why a node is there or went, how far an application is: answers from what is known,
//! the last plan and what is remembered. As JSON for programs, as text for people.

mod app;
mod node;
mod pod;
mod remedy;

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::cluster::Cluster;
use crate::model::time::Timestamp;

use super::Memory;
use super::memory::{Decided, Wait};
use super::moment::{ago, utc};

/// Things of the past that an answer tells at most, the latest.
const MOST_PAST: usize = 30;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A pod, by `namespace/name`.
    Pod(String),
    /// A node, by its name or its claim's.
    Node(String),
    /// An application, by `namespace/name` or the name alone.
    App(String),
}

/// What is known of one thing.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// `Pod`, `Node` or `Application`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Where it is in its life, in a sentence.
    pub state: String,
    /// What is known of it.
    pub known: Map<String, Value>,
    /// What it, or its pods, wait for.
    pub waits: Vec<Waits>,
    /// What was decided about it and what came of that, the latest first.
    pub past: Vec<Past>,
}

/// Pods that wait for one thing.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Waits {
    /// Stable name of the reason.
    pub reason: &'static str,
    /// The reason.
    pub message: String,
    /// Since when, of the pods the first.
    pub since: String,
    /// The same in milliseconds since 1970.
    pub since_ms: i64,
    /// How many pods.
    pub pods: usize,
    /// What would help.
    pub remedy: &'static str,
    /// For people.
    #[serde(skip)]
    ago: String,
}

/// Something that was decided, or came of it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Past {
    /// When.
    pub at: String,
    /// The same in milliseconds since 1970.
    pub at_ms: i64,
    /// What.
    pub what: String,
    /// For people.
    #[serde(skip)]
    ago: String,
}

/// Answers a question; None where nothing is known of the subject.
pub fn answer(
    cluster: &Cluster,
    memory: &Memory,
    now: Timestamp,
    subject: &Subject,
) -> Option<Answer> {
    let told = Told {
        cluster,
        memory,
        now,
    };
    match subject {
        Subject::Pod(name) => pod::answer(&told, name),
        Subject::Node(name) => node::answer(&told, name),
        Subject::App(name) => app::answer(&told, name),
    }
}

/// What answers are made of.
struct Told<'a> {
    cluster: &'a Cluster,
    memory: &'a Memory,
    now: Timestamp,
}

impl Told<'_> {
    fn past(&self, about: impl Fn(&Decided) -> bool) -> Vec<Past> {
        let about = self.memory.decided().rev().filter(|decided| about(decided));
        let told = about.take(MOST_PAST).map(|decided| Past {
            at: utc(decided.at),
            at_ms: decided.at.millis(),
            what: decided.text.clone(),
            ago: ago(decided.at, self.now),
        });
        told.collect()
    }

    fn waits(&self, wait: &Wait, pods: usize) -> Waits {
        Waits {
            reason: wait.reason.code(),
            message: wait.reason.to_string(),
            since: utc(wait.since),
            since_ms: wait.since.millis(),
            pods,
            remedy: remedy::remedy(&wait.reason),
            ago: ago(wait.since, self.now),
        }
    }

    /// A zone's name.
    fn zone(&self, zone: Option<crate::model::offering::ZoneId>) -> Option<&str> {
        let zone = self.cluster.catalog.zones.get(usize::from(zone?.0));
        zone.map(|zone| zone.name.as_str())
    }
}

/// Facts by name, those that are not known left out.
#[derive(Default)]
struct Known(Map<String, Value>);

impl Known {
    fn say(&mut self, name: &str, value: impl Into<Value>) {
        let value = value.into();
        if !value.is_null() {
            self.0.insert(name.to_owned(), value);
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}: {}", self.kind, self.name, self.state)?;
        for (name, value) in &self.known {
            match value {
                Value::String(text) => writeln!(f, "  {name}: {text}")?,
                other => writeln!(f, "  {name}: {other}")?,
            }
        }
        for waits in &self.waits {
            let pods = match waits.pods {
                1 => "1 pod".to_owned(),
                pods => format!("{pods} pods"),
            };
            writeln!(f, "WAITS ({}, {pods}, since {})", waits.reason, waits.ago)?;
            writeln!(f, "  why: {}", waits.message)?;
            writeln!(f, "  what would help: {}", waits.remedy)?;
        }
        if !self.past.is_empty() {
            writeln!(f, "PAST")?;
        }
        for past in &self.past {
            writeln!(f, "  {} ({}): {}", past.at, past.ago, past.what)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
