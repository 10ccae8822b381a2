//! Who sits where while a plan is made: on nodes that exist, or on drafts of nodes to be. Knows how to
//! find room and to take an application back out; nodes are bought in `buy.rs`, and who may sit is
//! decided in `admit.rs`.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::cluster::View;
use crate::ledger::weight::weight;
use crate::model::name::{NodeId, PodId, PoolName};
use crate::model::offering::ZoneId;
use crate::model::resources::Resources;

use super::buy::Draft;
use super::constraint::Rule;
use super::demand::{Ask, Need};
use super::find::Ranking;
use super::pack::{self, Bin, Item};
use super::reason::Limit;
use super::room::{Kept, Rooms};
use super::zone::{Refusals, Zones};

/// Where a pod is to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seat<'a> {
    /// Nowhere yet.
    None,
    /// On a node that exists or boots.
    Node(&'a NodeId),
    /// On a node to be.
    Draft,
}

/// What stands against buying more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// A limit of a pool.
    Limit(PoolName, Limit),
    /// A limit of a pool that leaves too little even where nothing else runs.
    Never(PoolName, Limit),
    /// What is left of a pool's limits is kept for another application, by position among the asks.
    Kept(PoolName, usize),
    /// Too few free addresses in a zone.
    Addresses(ZoneId),
}

/// A plan in the making.
#[derive(Clone, Debug)]
pub struct Seating<'s, 'a> {
    pub(super) view: View<'a>,
    pub(super) asks: &'s [Ask<'a>],
    /// Room of nodes that exist or boot.
    pub rooms: Rooms<'a>,
    /// By application and need: the seat of each pod.
    pub seats: Vec<Vec<Vec<Seat<'a>>>>,
    /// Nodes to be.
    pub drafts: Vec<Draft>,
    /// By application: its zones, where it may sit.
    pub zones: Vec<Option<Zones>>,
    /// By application: what stood in the way.
    pub obstacles: Vec<Option<Obstacle>>,
}

impl<'s, 'a> Seating<'s, 'a> {
    /// Everybody stands.
    pub fn new(view: View<'a>, asks: &'s [Ask<'a>]) -> Self {
        let seats = asks.iter().map(|ask| {
            let needs = ask.needs.iter();
            needs
                .map(|need| vec![Seat::None; need.pods.len()])
                .collect()
        });
        Seating {
            view,
            asks,
            rooms: Rooms::open(&view, asks),
            seats: seats.collect(),
            drafts: Vec::new(),
            zones: vec![None; asks.len()],
            obstacles: vec![None; asks.len()],
        }
    }

    /// Seats pods on the nodes that hold room for them.
    pub fn claim_held(&mut self, i: usize) {
        let (ask, zone) = (&self.asks[i], self.zone_of(i));
        let mut kept = Kept::new();
        for (n, need) in ask.needs.iter().enumerate() {
            let whose = (ask.app, &mut kept);
            let homes = self.rooms.claim_held(whose, need, (i, n), zone);
            let seats = self.seats[i][n].iter_mut().zip(homes);
            seats.for_each(|(seat, home)| *seat = Seat::Node(home));
        }
    }

    /// Applications that may sit.
    pub fn who(&self) -> Vec<usize> {
        let all = 0..self.asks.len();
        all.filter(|&i| self.zones[i].is_some()).collect()
    }

    /// Seats what stands on nodes with free room, but for refused needs, as the scheduler would.
    /// Returns who was seated: need and position in it.
    pub fn find_room(&mut self, i: usize, refusals: &Refusals) -> Vec<(usize, usize)> {
        let mut seated = Vec::with_capacity(self.standing_count(i, refusals));
        let needs = 0..self.asks[i].needs.len();
        for n in needs.filter(|n| !refusals.contains_key(n)) {
            self.seat(i, n, Ranking::LeastAllocated, &mut seated);
        }
        seated
    }

    /// Pods that sit on nodes with free room stand up again.
    pub fn stand_up(&mut self, i: usize, pods: &[(usize, usize)]) {
        for &(n, pod) in pods {
            let need = &self.asks[i].needs[n];
            let seat = std::mem::replace(&mut self.seats[i][n][pod], Seat::None);
            if let Seat::Node(node) = seat {
                self.rooms.put_back(node, (need, (i, n)));
            }
        }
    }

    /// Seats what stands, of all applications, on nodes with free room: the largest pods first, each
    /// where the least room is left beside it.
    pub fn find_room_tightly(&mut self, refused: &[Refusals]) {
        let mut standing: Vec<(usize, usize)> = Vec::new();
        for i in self.who() {
            let needs = 0..self.asks[i].needs.len();
            let needs = needs.filter(|n| !refused[i].contains_key(n));
            standing.extend(needs.map(|n| (i, n)));
        }
        let size = |&(i, n): &(usize, usize)| weight(&self.asks[i].needs[n].template.requests);
        standing.sort_by_key(|place| (Reverse(size(place)), *place));
        for (i, n) in standing {
            self.seat(i, n, Ranking::Tightest, &mut Vec::new());
        }
    }

    /// Seats pods of one need that stand, until one finds no room; adds to those that are `seated`.
    fn seat(&mut self, i: usize, n: usize, ranking: Ranking, seated: &mut Vec<(usize, usize)>) {
        let (need, zone) = (&self.asks[i].needs[n], self.zone_of(i));
        let seats = &mut self.seats[i][n];
        // Dealt out over zones, such pods are seated where they are dealt.
        let dealt = self.rooms.rules.get((i, n)).is_some_and(Rule::counts_zones);
        if standing(seats).next().is_none() || dealt && zone.is_none() {
            return;
        }
        self.rooms
            .find(seats, (need, (i, n)), (zone, ranking), seated);
    }

    /// Seats what stands node by node, each filled as well as it can be.
    pub fn settle(&mut self, refused: &[Refusals]) {
        let nodes = self.rooms_for_standing(refused);
        let mut places = Vec::new();
        let mut items = Vec::new();
        for i in self.who() {
            for (n, pods) in self.standing(i, &refused[i], |_, _| true) {
                let (need, zone) = (&self.asks[i].needs[n], self.zone_of(i));
                let fits = |node: &usize| self.rooms.fits(nodes[*node], need, zone);
                items.push(Item {
                    requests: need.template.requests.clone(),
                    count: u32::try_from(pods.len()).unwrap_or(u32::MAX),
                    kinds: (0..nodes.len()).filter(fits).collect(),
                });
                places.push((i, n, pods));
            }
        }
        let free: Vec<Resources> = nodes.iter().map(|id| self.rooms.free(id)).collect();
        for Bin { kind, counts } in pack::settle(&items, &free) {
            for ((i, n, pods), count) in places.iter_mut().zip(counts) {
                let need = &self.asks[*i].needs[*n];
                for pod in pods.drain(..usize::try_from(count).unwrap_or(0)) {
                    self.rooms.put(nodes[kind], 1, (need, (*i, *n)));
                    self.seats[*i][*n][pod] = Seat::Node(nodes[kind]);
                }
            }
        }
    }

    /// Nodes that would take a pod that stands, by name.
    pub fn rooms_for_standing(&self, refused: &[Refusals]) -> Vec<&'a NodeId> {
        let standing = self.who().into_iter().flat_map(|i| {
            let needs = self.standing(i, &refused[i], |_, _| true).into_iter();
            let some = needs.filter(|(_, pods)| !pods.is_empty());
            some.map(move |(n, _)| (&self.asks[i].needs[n], (i, n), self.zone_of(i)))
        });
        self.rooms.that_fit(standing)
    }

    /// How many pods stand, refused needs apart.
    pub fn standing_count(&self, i: usize, refusals: &Refusals) -> usize {
        let needs = (0..self.asks[i].needs.len()).filter(|n| !refusals.contains_key(n));
        needs.map(|n| standing(&self.seats[i][n]).count()).sum()
    }

    /// How many pods of all applications sit.
    pub fn sitting(&self) -> usize {
        let seats = self.seats.iter().flatten().flatten();
        seats.filter(|seat| **seat != Seat::None).count()
    }

    /// Pods with seats on nodes that exist or boot, by node.
    pub fn on_nodes(&self) -> BTreeMap<NodeId, Vec<PodId>> {
        let mut by_node: BTreeMap<NodeId, Vec<PodId>> = BTreeMap::new();
        for (ask, seats) in self.asks.iter().zip(&self.seats) {
            let pods = ask.needs.iter().flat_map(|need| &need.pods);
            for (pod, seat) in pods.zip(seats.iter().flatten()) {
                if let Seat::Node(node) = *seat {
                    by_node.entry(node.clone()).or_default().push(pod.clone());
                }
            }
        }
        by_node
    }

    /// True where every pod of the gang sits.
    pub fn gang_sits(&self, i: usize) -> bool {
        self.asks[i].needs.iter().enumerate().all(|(n, need)| {
            self.seats[i][n]
                .iter()
                .take(need.gang)
                .all(|seat| *seat != Seat::None)
        })
    }

    /// Takes an application back out: its room is free for others.
    pub fn leave(&mut self, i: usize) {
        for (n, need) in self.asks[i].needs.iter().enumerate() {
            for seat in &mut self.seats[i][n] {
                if let Seat::Node(node) = *seat {
                    self.rooms.put_back(node, (need, (i, n)));
                }
                *seat = Seat::None;
            }
        }
    }

    /// The one zone of an application; None where it has none or several.
    pub(super) fn zone_of(&self, i: usize) -> Option<ZoneId> {
        match &self.zones[i] {
            Some(Zones::One(zone)) => Some(*zone),
            _ => None,
        }
    }

    /// Pods that stand, by need and position in it.
    pub(super) fn standing(
        &self,
        i: usize,
        refusals: &Refusals,
        wanted: impl Fn(&Need, usize) -> bool,
    ) -> Vec<(usize, Vec<usize>)> {
        let needs = self.asks[i].needs.iter().enumerate();
        needs
            .filter(|(n, _)| !refusals.contains_key(n))
            .map(|(n, need)| {
                let pods = standing(&self.seats[i][n]);
                (n, pods.filter(|pod| wanted(need, *pod)).collect())
            })
            .collect()
    }
}

/// Positions of the pods of a need that stand.
fn standing(seats: &[Seat<'_>]) -> impl Iterator<Item = usize> {
    let seats = seats.iter().enumerate();
    let standing = seats.filter(|(_, seat)| **seat == Seat::None);
    standing.map(|(pod, _)| pod)
}
