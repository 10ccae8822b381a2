//! Lines to entries. A file of another version is refused; what a line names has to be there: its
//! template, its catalogue, types and zones by their positions.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use crate::cluster::event::{Event, Fact};
use crate::cluster::snapshot::Snapshot;
use crate::model::offering::{Catalog, TypeId, ZoneId};
use crate::model::spark::{Pod, PodTemplate};
use crate::plan::{Effect, Plan};

use super::line::{Known, Line, PodLine};
use super::waits::Waits;
use super::{Entry, Round, VERSION};

/// Why a line cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum StreamError {
    /// The file is no stream.
    #[error(
        "is no recorded stream: its first line is no {{\"stream\": …}}; give a file that \
         --record or `sparkwright record` wrote"
    )]
    NoStream,
    /// Another form of the lines.
    #[error(
        "is a stream of version {0}, and version {VERSION} is read; replay it with the release that wrote it"
    )]
    Version(u32),
    /// The line is broken.
    #[error("{0}")]
    Broken(String),
}

/// Reads the lines of one file.
#[derive(Debug, Default)]
pub struct Decoder {
    begun: bool,
    templates: BTreeMap<u32, Arc<PodTemplate>>,
    catalogs: BTreeMap<u32, Arc<Catalog>>,
    /// What positions of types and zones mean.
    catalog: Arc<Catalog>,
    snapshot: Option<Pending>,
    waits: Waits,
}

/// A snapshot of which lines are still to come.
#[derive(Debug)]
struct Pending {
    snapshot: Snapshot,
    apps: usize,
    nodes: usize,
    pods: usize,
}

/// A first line as far as every version has it.
#[derive(Deserialize)]
struct First {
    stream: FirstHeader,
}

#[derive(Deserialize)]
struct FirstHeader {
    version: u32,
}

impl Decoder {
    /// What a line says; None where it is a part of something that is not whole yet.
    ///
    /// # Errors
    /// Where the file is none of ours, or the line is broken. What follows a broken line can be read,
    /// and may miss what the line told.
    pub fn read(&mut self, line: &str) -> Result<Option<Entry>, StreamError> {
        if !self.begun {
            let First { stream } = serde_json::from_str(line).map_err(|_| StreamError::NoStream)?;
            if stream.version != VERSION {
                return Err(StreamError::Version(stream.version));
            }
            self.begun = true;
        }
        let line = serde_json::from_str(line).map_err(broken)?;
        self.take(line)
    }

    fn take(&mut self, line: Line) -> Result<Option<Entry>, StreamError> {
        match line {
            Line::Stream(header) => return Ok(Some(Entry::Begun(header))),
            Line::Template(number, template) => drop(self.templates.insert(number, template)),
            Line::Catalog(number, catalog) => drop(self.catalogs.insert(number, catalog)),
            Line::Known(known) => return self.begin(*known),
            Line::KnownApp(app) => return self.fill(|s| s.snapshot.apps.push(*app)),
            Line::KnownNode(node) => return self.fill(|s| s.snapshot.nodes.push(*node)),
            Line::KnownPod(pod) => {
                let pod = self.pod(pod)?;
                return self.fill(|s| s.snapshot.pods.push(pod));
            }
            Line::Event(event) => return self.event(event),
            Line::Pod { at, pod } => {
                let fact = Fact::PodApplied(self.pod(pod)?);
                return Ok(Some(Entry::Event(Event { at, fact })));
            }
            Line::CatalogListed { at, catalog } => {
                self.catalog = self.named_catalog(catalog)?;
                let fact = Fact::CatalogListed(self.catalog.clone());
                return Ok(Some(Entry::Event(Event { at, fact })));
            }
            Line::Round {
                now,
                effects,
                waits,
            } => {
                let waiting = self.waits.follow(waits);
                if !effects.iter().all(|effect| self.knows_effect(effect)) {
                    return Err(unknown("a type or zone", "the catalogue"));
                }
                let plan = Plan {
                    effects,
                    waiting,
                    ..Plan::default()
                };
                let plan = Arc::new(plan);
                return Ok(Some(Entry::Round(Round { now, plan })));
            }
            Line::Gap(lost) => return Ok(Some(Entry::Gap(lost))),
        }
        Ok(None)
    }

    fn begin(&mut self, known: Known) -> Result<Option<Entry>, StreamError> {
        self.catalog = self.named_catalog(known.catalog)?;
        self.snapshot = Some(Pending {
            snapshot: Snapshot {
                catalog: self.catalog.clone(),
                rest: known.rest,
                ..Snapshot::default()
            },
            apps: known.apps,
            nodes: known.nodes,
            pods: known.pods,
        });
        self.fill(|_| {})
    }

    /// Adds a part to the snapshot, which is an entry once it is whole.
    fn fill(&mut self, add: impl FnOnce(&mut Pending)) -> Result<Option<Entry>, StreamError> {
        let Some(pending) = &mut self.snapshot else {
            return Err(StreamError::Broken("is a part of no snapshot".to_owned()));
        };
        add(pending);
        let Snapshot {
            apps, nodes, pods, ..
        } = &pending.snapshot;
        let there = (apps.len(), nodes.len(), pods.len());
        if there != (pending.apps, pending.nodes, pending.pods) {
            return Ok(None);
        }
        match self.snapshot.take().map(|pending| pending.snapshot) {
            Some(snapshot) if snapshot.is_sound() => Ok(Some(Entry::Known(snapshot.into()))),
            _ => Err(unknown("a node's type or zone", "the catalogue")),
        }
    }

    fn pod(&self, pod: PodLine) -> Result<Pod, StreamError> {
        let template = self.templates.get(&pod.template);
        let template = template.ok_or_else(|| unknown("its template", "the file"))?;
        Ok(Pod {
            id: pod.id,
            template: template.clone(),
            created: pod.created,
            phase: pod.phase,
        })
    }

    fn named_catalog(&self, number: u32) -> Result<Arc<Catalog>, StreamError> {
        let catalog = self.catalogs.get(&number).cloned();
        catalog.ok_or_else(|| unknown("its catalogue", "the file"))
    }

    fn event(&mut self, event: Event) -> Result<Option<Entry>, StreamError> {
        if !self.knows(&event.fact) {
            return Err(unknown("a type or zone", "the catalogue"));
        }
        if let Fact::CatalogListed(catalog) = &event.fact {
            self.catalog = catalog.clone();
        }
        Ok(Some(Entry::Event(event)))
    }

    fn knows(&self, fact: &Fact) -> bool {
        match fact {
            Fact::LaunchAsked(intent) => self.knows_types(&intent.types, intent.zone),
            Fact::NodeLaunched { instance_type, .. } => self.knows_type(*instance_type),
            Fact::OfferingUnavailable {
                instance_type,
                zone,
                ..
            } => self.knows_types(&[*instance_type], *zone),
            Fact::ZoneAddresses { zone, .. } => self.knows_zone(*zone),
            Fact::PricesChanged(changes) => changes
                .iter()
                .all(|change| self.knows_types(&[change.instance_type], change.zone)),
            _ => true,
        }
    }

    fn knows_effect(&self, effect: &Effect) -> bool {
        match effect {
            Effect::Launch(launch) => self.knows_types(&launch.intent.types, launch.intent.zone),
            Effect::Place(place) => place.zone.is_none_or(|zone| self.knows_zone(zone)),
            Effect::Cordon { .. } | Effect::Evict { .. } | Effect::Terminate { .. } => true,
        }
    }

    fn knows_types(&self, types: &[TypeId], zone: ZoneId) -> bool {
        !types.is_empty() && self.knows_zone(zone) && types.iter().all(|id| self.knows_type(*id))
    }

    fn knows_type(&self, id: TypeId) -> bool {
        self.catalog.known_type(id).is_some()
    }

    fn knows_zone(&self, zone: ZoneId) -> bool {
        usize::from(zone.0) < self.catalog.zones.len()
    }
}

fn broken(error: serde_json::Error) -> StreamError {
    StreamError::Broken(error.to_string())
}

fn unknown(what: &str, whose: &str) -> StreamError {
    StreamError::Broken(format!("names {what}, which {whose} does not have"))
}
