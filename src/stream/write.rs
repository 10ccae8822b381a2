//! Entries to lines. Keeps which templates and catalogues the file has already named, so that a pod
//! costs a hundred bytes and not a thousand; each file begins anew.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::cluster::event::{Event, Fact};
use crate::cluster::snapshot::Snapshot;
use crate::model::offering::Catalog;
use crate::model::spark::{Pod, PodTemplate};

use super::line::{Known, Line, PodLine};
use super::waits::Waits;
use super::{Entry, Round};

/// Templates that are remembered; beyond it they are named again.
const MOST_TEMPLATES: usize = 50_000;

/// Writes the lines of one file.
#[derive(Debug, Default)]
pub struct Encoder {
    templates: BTreeMap<Arc<PodTemplate>, u32>,
    template: u32,
    catalog: Option<(u32, Arc<Catalog>)>,
    waits: Waits,
}

impl Encoder {
    /// Appends an entry's lines, each with its end.
    ///
    /// # Errors
    /// Where a value has no JSON, which none of ours is.
    pub fn write(&mut self, entry: Entry, out: &mut Vec<u8>) -> serde_json::Result<()> {
        match entry {
            Entry::Begun(header) => put(out, &Line::Stream(header)),
            Entry::Known(snapshot) => self.known(*snapshot, out),
            Entry::Event(Event { at, fact }) => match fact {
                Fact::PodApplied(pod) => {
                    let pod = self.pod(pod, out)?;
                    put(out, &Line::Pod { at, pod })
                }
                Fact::CatalogListed(catalog) => {
                    let catalog = self.catalog(catalog, out)?;
                    put(out, &Line::CatalogListed { at, catalog })
                }
                fact => put(out, &Line::Event(Event { at, fact })),
            },
            Entry::Round(Round { now, plan }) => {
                let effects = plan.effects.clone();
                let waits = self.waits.look(&plan.waiting);
                put(
                    out,
                    &Line::Round {
                        now,
                        effects,
                        waits,
                    },
                )
            }
            Entry::Gap(lost) => put(out, &Line::Gap(lost)),
        }
    }

    fn known(&mut self, snapshot: Snapshot, out: &mut Vec<u8>) -> serde_json::Result<()> {
        let catalog = self.catalog(snapshot.catalog, out)?;
        let known = Known {
            catalog,
            apps: snapshot.apps.len(),
            nodes: snapshot.nodes.len(),
            pods: snapshot.pods.len(),
            rest: snapshot.rest,
        };
        put(out, &Line::Known(known.into()))?;
        for app in snapshot.apps {
            put(out, &Line::KnownApp(app.into()))?;
        }
        for node in snapshot.nodes {
            put(out, &Line::KnownNode(node.into()))?;
        }
        for pod in snapshot.pods {
            let pod = self.pod(pod, out)?;
            put(out, &Line::KnownPod(pod))?;
        }
        Ok(())
    }

    fn pod(&mut self, pod: Pod, out: &mut Vec<u8>) -> serde_json::Result<PodLine> {
        Ok(PodLine {
            id: pod.id,
            template: self.template(pod.template, out)?,
            created: pod.created,
            phase: pod.phase,
        })
    }

    fn template(
        &mut self,
        template: Arc<PodTemplate>,
        out: &mut Vec<u8>,
    ) -> serde_json::Result<u32> {
        if let Some(number) = self.templates.get(&template) {
            return Ok(*number);
        }
        if self.templates.len() >= MOST_TEMPLATES {
            self.templates.clear();
        }
        self.template += 1;
        let number = self.template;
        put(out, &Line::Template(number, template.clone()))?;
        self.templates.insert(template, number);
        Ok(number)
    }

    fn catalog(&mut self, catalog: Arc<Catalog>, out: &mut Vec<u8>) -> serde_json::Result<u32> {
        let number = match &self.catalog {
            Some((number, last)) if Arc::ptr_eq(last, &catalog) || *last == catalog => {
                return Ok(*number);
            }
            Some((number, _)) => number + 1,
            None => 1,
        };
        put(out, &Line::Catalog(number, catalog.clone()))?;
        self.catalog = Some((number, catalog));
        Ok(number)
    }
}

fn put(out: &mut Vec<u8>, line: &Line) -> serde_json::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.push(b'\n');
    Ok(())
}
