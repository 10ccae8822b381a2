//! A trace to the applications that a replay runs, one after the other: those with work as Spark runs
//! them, those with pods of their own as sets of pods. Only one application's work is in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;
use std::path::Path;

use super::pods::{RecordedPods, Templates, is_replayed, is_unscheduled};
use super::read::{Rows, Tables};
use super::tables::{App, Node, Pod, Work};
use super::{Finding, Manifest, Row, Rule, application};
use crate::trace::recorded::Recorded;

/// An application to replay.
#[derive(Clone, Debug, PartialEq)]
pub enum Demand {
    /// A Spark run, with its work.
    Spark(Box<Recorded>),
    /// A set of pods.
    Pods(RecordedPods),
}

/// The applications of a trace.
pub struct Demands {
    manifest: Manifest,
    work: Peekable<Rows<Work>>,
    /// Applications whose work has been met.
    met: BTreeSet<String>,
    apps: BTreeMap<String, App>,
    pods: BTreeMap<Option<String>, Vec<Pod>>,
    nodes: BTreeMap<String, Node>,
    templates: Templates,
    lone: std::vec::IntoIter<Pod>,
    /// A line of work that is no row, before the application that it is charged to is known.
    broken: Option<Finding>,
    /// Pods that never had a node, and are left out.
    pub unscheduled: usize,
    /// Pods whose end is not known, and which run to the trace's end.
    pub censored: usize,
}

/// The applications of a trace whose tables have been read.
pub fn demands(folder: &Path, tables: Tables) -> Demands {
    let templates = Templates::new(tables.templates, &tables.pods);
    let unscheduled = tables.pods.iter().filter(|pod| is_unscheduled(pod)).count();
    let open = |pod: &&Pod| is_replayed(pod) && pod.run_ms.is_none();
    let censored = tables.pods.iter().filter(open).count();
    let mut pods: BTreeMap<Option<String>, Vec<Pod>> = BTreeMap::new();
    for pod in tables.pods {
        pods.entry(pod.app.clone()).or_default().push(pod);
    }
    Demands {
        manifest: tables.manifest,
        work: Rows::streamed(folder).peekable(),
        met: BTreeSet::new(),
        apps: (tables.apps.into_iter())
            .map(|app| (app.app.clone(), app))
            .collect(),
        lone: pods.remove(&None).unwrap_or_default().into_iter(),
        pods,
        nodes: (tables.nodes.into_iter())
            .map(|node| (node.node.clone(), node))
            .collect(),
        templates,
        broken: None,
        unscheduled,
        censored,
    }
}

impl Iterator for Demands {
    type Item = Result<Demand, Finding>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let next = match self.work.next() {
                Some(Err(finding)) => {
                    self.broken.get_or_insert(finding);
                    None
                }
                Some(Ok((line, row))) => self.with_work(line, row),
                None if self.broken.is_some() => self.broken.take().map(Err),
                None => match self.apps.pop_first() {
                    Some((_, app)) => self.without_work(&app),
                    None => {
                        let pod = self.lone.next()?;
                        let own = self.templates.application(None, &[pod], &[]);
                        own.map(|own| own.map(Demand::Pods)).transpose()
                    }
                },
            };
            if next.is_some() {
                return next;
            }
        }
    }
}

impl Demands {
    /// The application that a row of work begins, with all rows of it that follow.
    fn with_work(&mut self, line: u64, row: Work) -> Option<Result<Demand, Finding>> {
        let name = row.app.clone();
        let mut rows = vec![(line, row)];
        let mut broken = self.broken.take();
        while let Some(next) = self.work.next_if(|next| match next {
            Ok((_, row)) => row.app == name,
            Err(_) => true,
        }) {
            match next {
                Ok(row) => rows.push(row),
                Err(finding) => broken = broken.or(Some(finding)),
            }
        }
        let finding = |rule, problem: &str| {
            let finding = Finding::new(rule, Work::TABLE, Some(line), problem);
            Some(Err(finding.column("app").value(&name)))
        };
        if let Some(finding) = broken {
            // Work with a hole in it would be replayed as if it were whole.
            self.forget(&name);
            return Some(Err(finding));
        }
        if self.met.contains(&name) {
            return finding(
                Rule::Work,
                "has rows further up; an application's rows stand together",
            );
        }
        let Some(app) = self.forget(&name) else {
            return finding(Rule::Reference, "is not in apps");
        };
        let pods = self.pods.remove(&Some(name.clone())).unwrap_or_default();
        if pods.iter().any(|pod| pod.replay.is_some()) {
            let own = self.templates.application(Some(&app), &pods, &rows);
            return own.map(|own| own.map(Demand::Pods)).transpose();
        }
        let origin = self.manifest.origin_ms.unwrap_or(0);
        let recorded = application::read(&app, (&pods, &self.nodes), &rows, origin);
        Some(recorded.map(|recorded| Demand::Spark(Box::new(recorded))))
    }

    fn forget(&mut self, name: &str) -> Option<App> {
        self.met.insert(name.to_owned());
        self.apps.remove(name)
    }

    fn without_work(&mut self, app: &App) -> Option<Result<Demand, Finding>> {
        let pods = self.pods.remove(&Some(app.app.clone())).unwrap_or_default();
        if pods.iter().any(|pod| pod.replay.is_some()) {
            let own = self.templates.application(Some(app), &pods, &[]);
            return own.map(|own| own.map(Demand::Pods)).transpose();
        }
        if app.start_ms.is_some() {
            let origin = self.manifest.origin_ms.unwrap_or(0);
            let recorded = application::read(app, (&pods, &self.nodes), &[], origin);
            return Some(recorded.map(|recorded| Demand::Spark(Box::new(recorded))));
        }
        let problem = "has neither work nor pods that are to be replayed";
        Some(Err(Finding::new(
            Rule::Application,
            App::TABLE,
            None,
            problem,
        )
        .column("app")
        .value(&app.app)
        .remedy("write replay and create_ms in its pods")))
    }
}
