//! Pods that ask for the same are one profile: they are feasible on the same nodes, score alike, and
//! wait in one line. Labels tell pods apart only once some pod asks something of its neighbours.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use sparkwright::model::name::PodId;
use sparkwright::model::node::{Toleration, tolerated};
use sparkwright::model::placement::Placement;
use sparkwright::model::referent::{Reach, Referents};
use sparkwright::model::requirement::{Constraints, Labels, Requirement};
use sparkwright::model::resources::Resources;
use sparkwright::model::spark::PodTemplate;

use super::hosts::{Host, Hosts};
use super::index::Index;
use super::score::Scoring;
use crate::world::pods::PodKey;

/// Priority, highest first, then order of arrival.
pub(super) type Place = (i64, u64);

/// Profiles beyond which all are forgotten once nobody waits.
const MOST_PROFILES: usize = 10_000;
/// Templates whose profile is known without comparing; beyond it all are forgotten.
const MOST_TEMPLATES: usize = 32;
/// Profiles that a template is compared with before one is made for it: each application brings
/// templates of its own, which mostly ask for the same as those before.
const RECENT: usize = 8;
/// Rankings that are kept; each has an entry for every node. Beyond it all are made anew.
const MOST_INDICES: usize = 64;

/// What pods of one profile ask for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Profile {
    pub priority: i32,
    pub requests: Resources,
    pub constraints: Constraints,
    pub tolerations: Vec<Toleration>,
    pub placement: Option<Arc<Placement>>,
    /// Namespace and labels, where they count.
    identity: Option<(String, Labels)>,
    /// Alternatives on node labels, one list for each claim.
    reaches: Vec<Vec<Vec<Requirement>>>,
    /// EBS volumes to attach.
    pub disks: u32,
    /// Every claim can be mounted somewhere.
    is_mountable: bool,
}

#[derive(Clone, Debug)]
struct Line {
    profile: Arc<Profile>,
    /// Pods that wait, in order.
    pods: VecDeque<(Place, PodKey)>,
    /// It found no node, and nothing has changed since that could help.
    is_stuck: bool,
    /// Whether nodes of a shelf take such pods, room apart.
    shelves: Vec<Option<bool>>,
    index: Option<Index>,
}

/// All profiles.
#[derive(Clone, Debug, Default)]
pub(super) struct Profiles {
    lines: Vec<Line>,
    known: BTreeMap<Arc<Profile>, usize>,
    latest: Vec<(Arc<PodTemplate>, usize)>,
    /// Some pod asks something of its neighbours, so labels count.
    pub mind_labels: bool,
    waiting: usize,
    indices: usize,
}

impl Profile {
    /// True where nothing but labels, taints and room counts.
    pub fn is_plain(&self) -> bool {
        self.placement.is_none()
    }

    /// True where it is the profile of this template, which has no claims, as long as labels do not count.
    fn is_of(&self, template: &PodTemplate) -> bool {
        self.priority == template.priority
            && self.requests == template.requests
            && self.constraints == template.constraints
            && self.tolerations == template.tolerations
            && self.placement == template.placement
    }

    /// True where a node takes such a pod, room and neighbours apart.
    pub fn suits(&self, host: &Host) -> bool {
        let reached = |nodes: &Vec<Vec<Requirement>>| {
            let every = |list: &Vec<Requirement>| list.iter().all(|wanted| wanted.holds(host));
            nodes.is_empty() || nodes.iter().any(every)
        };
        self.is_mountable
            && self.constraints.hold(&host.facts.labels)
            && tolerated(&host.facts.taints, &self.tolerations)
            && self.reaches.iter().all(reached)
    }
}

impl Profiles {
    /// The profile of a pod.
    pub fn intern(
        &mut self,
        pod: &PodId,
        template: &Arc<PodTemplate>,
        referents: &Referents,
    ) -> usize {
        let claims = template
            .placement
            .as_ref()
            .map_or(&[][..], |placement| &placement.claims);
        if claims.is_empty()
            && let Some(profile) = self.recent(template)
        {
            return profile;
        }
        let name = pod
            .as_str()
            .split_once('/')
            .map_or(pod.as_str(), |(_, name)| name);
        let reaches: Result<Vec<Reach>, _> = claims
            .iter()
            .map(|claim| referents.reach(name, template, claim))
            .collect();
        let is_mountable = reaches.is_ok();
        let reaches = reaches.unwrap_or_default();
        let ebs = reaches.iter().filter(|reach| reach.is_ebs).count();
        let identity = || (template.namespace.clone(), template.labels.clone());
        let profile = Arc::new(Profile {
            priority: template.priority,
            requests: template.requests.clone(),
            constraints: template.constraints.clone(),
            tolerations: template.tolerations.clone(),
            placement: template.placement.clone(),
            identity: self.mind_labels.then(identity),
            disks: u32::try_from(ebs).unwrap_or(u32::MAX),
            reaches: reaches.into_iter().map(|reach| reach.nodes).collect(),
            is_mountable,
        });
        let next = self.lines.len();
        let id = *self.known.entry(profile.clone()).or_insert(next);
        if id == next {
            self.lines.push(Line {
                profile,
                pods: VecDeque::new(),
                is_stuck: false,
                shelves: Vec::new(),
                index: None,
            });
        }
        if claims.is_empty() {
            self.remember(template, id);
        }
        id
    }

    /// The profile of a template without claims, where it is one of those asked for lately.
    fn recent(&mut self, template: &Arc<PodTemplate>) -> Option<usize> {
        let mut latest = self.latest.iter().rev();
        if let Some((_, profile)) = latest.find(|(known, _)| Arc::ptr_eq(known, template)) {
            return Some(*profile);
        }
        if self.mind_labels {
            return None;
        }
        let mut recent = self.lines.iter().enumerate().rev().take(RECENT);
        let (profile, _) = recent.find(|(_, line)| line.profile.is_of(template))?;
        self.remember(template, profile);
        Some(profile)
    }

    fn remember(&mut self, template: &Arc<PodTemplate>, profile: usize) {
        if self.latest.len() >= MOST_TEMPLATES {
            self.latest.clear();
        }
        self.latest.push((template.clone(), profile));
    }

    /// True where nobody waits and there are so many that they should be forgotten.
    pub fn is_stale(&self) -> bool {
        self.waiting == 0 && self.lines.len() > MOST_PROFILES
    }

    /// Forgets all of them; nobody waits, or everybody is queued anew.
    pub fn clear(&mut self) {
        *self = Profiles {
            mind_labels: self.mind_labels,
            ..Profiles::default()
        };
    }

    /// A profile.
    pub fn get(&self, profile: usize) -> &Profile {
        &self.lines[profile].profile
    }

    /// The first pod in line, and its place.
    pub fn first(&self, profile: usize) -> Option<(Place, PodKey)> {
        self.lines[profile].pods.front().copied()
    }

    /// A pod joins the line. Returns the place that was the first until then.
    pub fn push(&mut self, profile: usize, place: Place, pod: PodKey) -> Option<Place> {
        self.waiting += 1;
        let pods = &mut self.lines[profile].pods;
        let first = pods.front().map(|(first, _)| *first);
        match pods.back() {
            Some((last, _)) if *last > place => {
                let at = pods.partition_point(|(other, _)| *other < place);
                pods.insert(at, (place, pod));
            }
            _ => pods.push_back((place, pod)),
        }
        first
    }

    /// The first pod leaves the line.
    pub fn pop_first(&mut self, profile: usize) {
        let first = self.lines[profile].pods.pop_front();
        self.waiting -= usize::from(first.is_some());
    }

    /// The pod at a place leaves the line.
    pub fn pop(&mut self, profile: usize, place: Place) {
        let pods = &mut self.lines[profile].pods;
        if let Ok(at) = pods.binary_search_by_key(&place, |(other, _)| *other) {
            pods.remove(at);
            self.waiting -= 1;
        }
    }

    /// True where the profile found no node, and nothing has changed since that could help.
    pub fn is_stuck(&self, profile: usize) -> bool {
        self.lines[profile].is_stuck
    }

    /// Says so, or that something has changed.
    pub fn set_stuck(&mut self, profile: usize, is_stuck: bool) {
        self.lines[profile].is_stuck = is_stuck;
    }

    /// Where the best node for a plain profile is.
    pub fn best(&mut self, profile: usize, hosts: &Hosts, scoring: Scoring) -> Option<usize> {
        if self.lines[profile].index.is_none() {
            self.make_room_for_an_index();
        }
        let line = &mut self.lines[profile];
        let index = line.index.get_or_insert_default();
        let (wanted, shelves) = (&line.profile, &mut line.shelves);
        index.update(hosts, |host| {
            let facts = &host.facts;
            let is_open = facts.ready && !facts.unschedulable;
            let suits = is_open && suits_shelf(wanted, shelves, host);
            (suits && wanted.requests.fits(&host.free)).then(|| scoring.of(host, &wanted.requests))
        });
        index.best(hosts)
    }

    #[cold]
    fn make_room_for_an_index(&mut self) {
        if self.indices >= MOST_INDICES {
            self.lines.iter_mut().for_each(|line| line.index = None);
            self.indices = 0;
        }
        self.indices += 1;
    }
}

/// As [`Profile::suits`], asked once for all nodes with the same labels and taints: a plain profile
/// asks nothing of a node's own name.
fn suits_shelf(profile: &Profile, shelves: &mut Vec<Option<bool>>, host: &Host) -> bool {
    if shelves.len() <= host.shelf {
        shelves.resize(host.shelf + 1, None);
    }
    *shelves[host.shelf].get_or_insert_with(|| profile.suits(host))
}
