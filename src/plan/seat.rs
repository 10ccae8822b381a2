//! Who sits where while a plan is made: on nodes that exist, or on drafts of nodes to be. Knows how to
//! find room and to take an application back out; nodes are bought in `buy.rs`, and who may sit is
//! decided in `admit.rs`.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::cluster::View;
use crate::ledger::weight::weight;
use crate::model::name::{NodeId, PoolName};
use crate::model::offering::ZoneId;
use crate::model::resources::Resources;

use super::buy::Draft;
use super::constraint::Rule;
use super::demand::{Ask, Need};
use super::find::Ranking;
use super::pack::{self, Bin, Item};
use super::reason::Limit;
use super::room::Rooms;
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
    pub seats: BTreeMap<(usize, usize), Vec<Seat<'a>>>,
    /// Nodes to be.
    pub drafts: Vec<Draft>,
    /// Zones of the applications that may sit.
    pub zones: BTreeMap<usize, Zones>,
    /// What stood in the way, by application.
    pub obstacles: BTreeMap<usize, Obstacle>,
}

impl<'s, 'a> Seating<'s, 'a> {
    /// Everybody stands.
    pub fn new(view: View<'a>, asks: &'s [Ask<'a>]) -> Self {
        let mut seats = BTreeMap::new();
        for (i, ask) in asks.iter().enumerate() {
            for (n, need) in ask.needs.iter().enumerate() {
                seats.insert((i, n), vec![Seat::None; need.pods.len()]);
            }
        }
        Seating {
            view,
            asks,
            rooms: Rooms::open(&view, asks),
            seats,
            drafts: Vec::new(),
            zones: BTreeMap::new(),
            obstacles: BTreeMap::new(),
        }
    }

    /// Seats pods on the nodes that hold room for them.
    pub fn claim_held(&mut self, i: usize) {
        let (ask, zone) = (&self.asks[i], self.zone_of(i));
        for (n, need) in ask.needs.iter().enumerate() {
            let homes = self.rooms.claim_held(ask.app, need, (i, n), zone);
            if let Some(seats) = self.seats.get_mut(&(i, n)) {
                let seats = seats.iter_mut().zip(homes);
                seats.for_each(|(seat, home)| *seat = Seat::Node(home));
            }
        }
    }

    /// Seats what stands on nodes with free room, but for refused needs, as the scheduler would.
    /// Returns who was seated: need and position in it.
    pub fn find_room(&mut self, i: usize, refusals: &Refusals) -> Vec<(usize, usize)> {
        let mut seated = Vec::new();
        let needs = 0..self.asks[i].needs.len();
        for n in needs.filter(|n| !refusals.contains_key(n)) {
            let pods = self.seat(i, n, Ranking::LeastAllocated);
            seated.extend(pods.into_iter().map(|pod| (n, pod)));
        }
        seated
    }

    /// Pods that sit on nodes with free room stand up again.
    pub fn stand_up(&mut self, i: usize, pods: &[(usize, usize)]) {
        for &(n, pod) in pods {
            let need = &self.asks[i].needs[n];
            let Some(seats) = self.seats.get_mut(&(i, n)) else {
                continue;
            };
            if let Seat::Node(node) = std::mem::replace(&mut seats[pod], Seat::None) {
                self.rooms
                    .put_back(node, &need.pods[pod], &need.template, (i, n));
            }
        }
    }

    /// Seats what stands, of all applications, on nodes with free room: the largest pods first, each
    /// where the least room is left beside it.
    pub fn find_room_tightly(&mut self, refused: &BTreeMap<usize, Refusals>) {
        let mut standing: Vec<(usize, usize)> = Vec::new();
        for (i, refusals) in refused.iter().filter(|(i, _)| self.zones.contains_key(i)) {
            let needs = 0..self.asks[*i].needs.len();
            standing.extend(needs.filter(|n| !refusals.contains_key(n)).map(|n| (*i, n)));
        }
        let size = |&(i, n): &(usize, usize)| weight(&self.asks[i].needs[n].template.requests);
        standing.sort_by_key(|place| (Reverse(size(place)), *place));
        for (i, n) in standing {
            self.seat(i, n, Ranking::Tightest);
        }
    }

    /// Seats pods of one need that stand, until one finds no room; returns which.
    fn seat(&mut self, i: usize, n: usize, ranking: Ranking) -> Vec<usize> {
        let mut seated = Vec::new();
        let (need, zone) = (&self.asks[i].needs[n], self.zone_of(i));
        // Dealt out over zones, such pods are seated where they are dealt.
        let dealt = self.rooms.rules.get((i, n)).is_some_and(Rule::counts_zones);
        if dealt && zone.is_none() {
            return seated;
        }
        let Some(seats) = self.seats.get_mut(&(i, n)) else {
            return seated;
        };
        let all = seats.iter_mut().zip(&need.pods).enumerate();
        for (place, (seat, pod)) in all.filter(|(_, (seat, _))| **seat == Seat::None) {
            match self.rooms.find(pod, &need.template, (i, n), zone, ranking) {
                Some(node) => *seat = Seat::Node(node),
                None => break,
            }
            seated.push(place);
        }
        seated
    }

    /// Seats what stands node by node, each filled as well as it can be.
    pub fn settle(&mut self, refused: &BTreeMap<usize, Refusals>) {
        let nodes = self.rooms_for_standing(refused);
        let mut places = Vec::new();
        let mut items = Vec::new();
        for (i, refusals) in refused.iter().filter(|(i, _)| self.zones.contains_key(i)) {
            for (n, pods) in self.standing(*i, refusals, |_, _| true) {
                let (template, zone) = (&self.asks[*i].needs[n].template, self.zone_of(*i));
                let who = (*i, n);
                let fits = |node: &usize| self.rooms.fits(nodes[*node], template, who, zone);
                items.push(Item {
                    requests: template.requests.clone(),
                    count: u32::try_from(pods.len()).unwrap_or(u32::MAX),
                    kinds: (0..nodes.len()).filter(fits).collect(),
                });
                places.push((*i, n, pods));
            }
        }
        let free: Vec<Resources> = nodes.iter().map(|id| self.rooms.free(id)).collect();
        for Bin { kind, counts } in pack::settle(&items, &free) {
            for ((i, n, pods), count) in places.iter_mut().zip(counts) {
                let need = &self.asks[*i].needs[*n];
                for pod in pods.drain(..usize::try_from(count).unwrap_or(0)) {
                    let one = std::slice::from_ref(&need.pods[pod]);
                    self.rooms.put(nodes[kind], one, &need.template, (*i, *n));
                    if let Some(seats) = self.seats.get_mut(&(*i, *n)) {
                        seats[pod] = Seat::Node(nodes[kind]);
                    }
                }
            }
        }
    }

    /// Nodes that would take a pod that stands, by name.
    pub fn rooms_for_standing(&self, refused: &BTreeMap<usize, Refusals>) -> Vec<&'a NodeId> {
        let seated = refused.iter().filter(|(i, _)| self.zones.contains_key(i));
        let standing = seated.flat_map(|(i, refusals)| {
            let needs = self.standing(*i, refusals, |_, _| true).into_iter();
            let some = needs.filter(|(_, pods)| !pods.is_empty());
            some.map(|(n, _)| {
                let template = &*self.asks[*i].needs[n].template;
                (template, (*i, n), self.zone_of(*i))
            })
        });
        self.rooms.that_fit(standing)
    }

    /// How many pods stand, refused needs apart.
    pub fn standing_count(&self, i: usize, refusals: &Refusals) -> usize {
        let needs = (0..self.asks[i].needs.len()).filter(|n| !refusals.contains_key(n));
        let standing = |n| {
            let seats = self.seats[&(i, n)].iter();
            seats.filter(|seat| **seat == Seat::None).count()
        };
        needs.map(standing).sum()
    }

    /// How many pods of all applications sit.
    pub fn sitting(&self) -> usize {
        self.seats
            .values()
            .flatten()
            .filter(|seat| **seat != Seat::None)
            .count()
    }

    /// True where every pod of the gang sits.
    pub fn gang_sits(&self, i: usize) -> bool {
        self.asks[i].needs.iter().enumerate().all(|(n, need)| {
            self.seats[&(i, n)]
                .iter()
                .take(need.gang)
                .all(|seat| *seat != Seat::None)
        })
    }

    /// Takes an application back out: its room is free for others.
    pub fn leave(&mut self, i: usize) {
        for (n, need) in self.asks[i].needs.iter().enumerate() {
            let Some(seats) = self.seats.get_mut(&(i, n)) else {
                continue;
            };
            for (seat, pod) in seats.iter_mut().zip(&need.pods) {
                if let Seat::Node(node) = *seat {
                    self.rooms.put_back(node, pod, &need.template, (i, n));
                }
                *seat = Seat::None;
            }
        }
    }

    fn zone_of(&self, i: usize) -> Option<ZoneId> {
        match self.zones.get(&i) {
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
                let seats = self.seats[&(i, n)].iter().enumerate();
                let pods = seats
                    .filter(|(pod, seat)| **seat == Seat::None && wanted(need, *pod))
                    .map(|(pod, _)| pod);
                (n, pods.collect())
            })
            .collect()
    }
}
