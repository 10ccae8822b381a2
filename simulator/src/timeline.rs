//! Things to come, by time; those of one moment in the order in which they were put in, so that a run
//! depends on nothing else. Compares times and order alone, never the things.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use sparkwright::model::time::Timestamp;

/// The future. Putting in and taking out cost the logarithm of how much is to come.
#[derive(Clone, Debug)]
pub(crate) struct Timeline<T> {
    heap: BinaryHeap<Entry<T>>,
    pushed: u64,
}

#[derive(Clone, Debug)]
struct Entry<T> {
    at: Timestamp,
    number: u64,
    thing: T,
}

impl<T> Timeline<T> {
    /// Puts a thing in.
    pub fn push(&mut self, at: Timestamp, thing: T) {
        let number = self.pushed;
        self.pushed += 1;
        self.heap.push(Entry { at, number, thing });
    }

    /// When the next thing is due.
    pub fn next_time(&self) -> Option<Timestamp> {
        self.heap.peek().map(|entry| entry.at)
    }

    /// Takes the next thing out, if it is due at exactly this time.
    pub fn pop_at(&mut self, time: Timestamp) -> Option<T> {
        if self.next_time() != Some(time) {
            return None;
        }
        self.heap.pop().map(|entry| entry.thing)
    }

    /// Takes out all things of which `keep` says no, in no order.
    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        self.heap.retain(|entry| keep(&entry.thing));
    }
}

impl<T> Default for Timeline<T> {
    fn default() -> Self {
        Timeline {
            heap: BinaryHeap::new(),
            pushed: 0,
        }
    }
}

/// The next entry is the greatest.
impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T> Eq for Entry<T> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_come_by_time_and_those_of_one_moment_as_they_were_put_in() {
        let mut timeline = Timeline::default();
        let at = Timestamp::from_millis;
        for (time, thing) in [(5, 'c'), (3, 'b'), (5, 'a'), (3, 'd'), (5, 'b')] {
            timeline.push(at(time), thing);
        }
        timeline.retain(|&thing| thing != 'd');
        assert_eq!(timeline.next_time(), Some(at(3)));
        assert_eq!(timeline.pop_at(at(5)), None, "something comes before");
        assert_eq!(timeline.pop_at(at(3)), Some('b'));
        let rest: String = std::iter::from_fn(|| timeline.pop_at(at(5))).collect();
        assert_eq!(rest, "cab");
        assert_eq!(timeline.next_time(), None);
    }
}
