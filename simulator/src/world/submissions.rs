//! All that a run is given to do: applications, and which copy of which arrives when. What a copy has for
//! itself, its names and its pods' templates, is made when somebody asks for it, and kept here for none.

use std::collections::BTreeMap;

use sparkwright::model::name::AppId;
use sparkwright::model::time::Timestamp;

use super::arrivals::Arrivals;
use super::workload::Workload;

/// Applications and their copies, by position.
#[derive(Clone, Debug)]
pub struct Submissions {
    originals: Vec<Workload>,
    arrivals: Vec<Arrival>,
}

/// One copy of an application, and when it arrives.
#[derive(Clone, Copy, Debug)]
struct Arrival {
    original: u32,
    /// From 1, which is the application itself.
    number: u32,
    at: Timestamp,
}

impl Submissions {
    /// Each application so many times, under distinct names: the second log or copy of an application is
    /// `#2`. `seed` makes random arrivals the same each time.
    pub fn new(originals: Vec<Workload>, copies: u32, arrivals: Arrivals, seed: u64) -> Self {
        let mut seen: BTreeMap<&AppId, u32> = BTreeMap::new();
        let mut all = Vec::with_capacity(originals.len() * place(copies));
        let mut logged = Vec::with_capacity(all.capacity());
        for _ in 0..copies {
            for (original, workload) in (0..).zip(&originals) {
                let number = seen.entry(workload.app()).or_default();
                *number += 1;
                logged.push(workload.logged());
                all.push(Arrival {
                    original,
                    number: *number,
                    at: Timestamp::ZERO,
                });
            }
        }
        for (arrival, at) in all.iter_mut().zip(arrivals.times(&logged, seed)) {
            arrival.at = at;
        }
        Submissions {
            originals,
            arrivals: all,
        }
    }

    /// How many there are, copies included.
    pub fn len(&self) -> usize {
        self.arrivals.len()
    }

    /// True where nothing is submitted.
    pub fn is_empty(&self) -> bool {
        self.arrivals.is_empty()
    }

    /// When one arrives.
    pub fn at(&self, i: usize) -> Timestamp {
        self.arrivals[i].at
    }

    /// The application of which one is a copy; it stands for all but names.
    pub fn original(&self, i: usize) -> &Workload {
        &self.originals[place(self.arrivals[i].original)]
    }

    /// True for an application itself, and for none of its copies.
    pub fn is_first(&self, i: usize) -> bool {
        self.arrivals[i].number == 1
    }

    /// One under its own names.
    pub fn workload(&self, i: usize) -> Workload {
        match self.arrivals[i].number {
            1 => self.original(i).clone(),
            number => self.original(i).copy(number),
        }
    }

    /// The id in its trace; `#2` and so on for further copies.
    pub fn id(&self, i: usize) -> String {
        let id = self.original(i).id();
        match self.arrivals[i].number {
            1 => id.to_owned(),
            number => format!("{id}#{number}"),
        }
    }

    /// Positions in the order of arrival, the last first; what arrives together in the order of positions.
    pub(super) fn last_first(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..).take(self.len()).collect();
        order.sort_by_key(|&i| self.at(place(i)));
        order.reverse();
        order
    }
}

/// Where something numbered is in a list.
pub(super) fn place(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
