//! Things to come, by time; those of one moment in the order in which they were put in, so that a run
//! depends on nothing else. Compares times and order alone, never the things.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use sparkwright::model::time::Timestamp;

/// The most things that are kept in a row: as long as it is short, it is cheaper to keep than a heap.
const SOON: usize = 64;

/// The future. Putting in and taking out cost the logarithm of how much is to come.
#[derive(Clone, Debug)]
pub(crate) struct Timeline<T> {
    /// What comes first, the next thing last.
    soon: Vec<Entry<T>>,
    /// What comes after all of that.
    later: BinaryHeap<Entry<T>>,
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
        self.push_as(number, at, thing);
    }

    /// Puts a thing in that has been given the next number already, for things of one moment to be in one
    /// order over several timelines.
    pub fn push_as(&mut self, number: u64, at: Timestamp, thing: T) {
        let entry = Entry { at, number, thing };
        if self.later.peek().is_some_and(|next| next.at <= at) {
            return self.put_off(entry);
        }
        let place = self.soon.partition_point(|other| other.at > at);
        self.soon.insert(place, entry);
        if self.soon.len() > SOON {
            self.thin_out();
        }
    }

    /// When the next thing is due.
    pub fn next_time(&self) -> Option<Timestamp> {
        self.soon.last().map(|entry| entry.at)
    }

    /// When the next thing is due, and its number.
    pub fn next(&self) -> Option<(Timestamp, u64)> {
        self.soon.last().map(|entry| (entry.at, entry.number))
    }

    /// Takes the next thing out, if it is due at exactly this time.
    pub fn pop_at(&mut self, time: Timestamp) -> Option<T> {
        let entry = self.soon.pop_if(|entry| entry.at == time)?;
        if self.soon.is_empty() {
            self.refill();
        }
        Some(entry.thing)
    }

    /// Takes out all things of which `keep` says no, in no order.
    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        self.soon.retain(|entry| keep(&entry.thing));
        self.later.retain(|entry| keep(&entry.thing));
        if self.soon.is_empty() {
            self.refill();
        }
    }

    // These three are rare where little is to come, and inlined they would make the rest dearer.
    #[inline(never)]
    fn put_off(&mut self, entry: Entry<T>) {
        self.later.push(entry);
    }

    #[inline(never)]
    fn thin_out(&mut self) {
        self.later.extend(self.soon.drain(..SOON / 2));
    }

    /// What comes first is known as long as there is anything.
    #[inline(never)]
    fn refill(&mut self) {
        let first = std::iter::from_fn(|| self.later.pop());
        self.soon.extend(first.take(SOON / 2));
        self.soon.reverse();
    }
}

impl<T> Default for Timeline<T> {
    fn default() -> Self {
        Timeline {
            soon: Vec::with_capacity(SOON / 2),
            later: BinaryHeap::new(),
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

    /// Some hundred things at a time, put in and taken out by turns, beside a list that is searched.
    #[test]
    fn however_many_are_to_come_the_first_is_the_next() {
        let mut timeline = Timeline::default();
        let mut list: Vec<(i64, u64)> = Vec::new();
        let (mut random, mut now, mut taken) = (7_u64, 0, 0);
        for number in 0..20_000 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let drawn = i64::try_from(random >> 40).unwrap();
            // Many of one moment; some far ahead; for a while more are put in, then more taken out.
            let far = if drawn % 7 == 0 { 1_000 } else { 20 };
            let (time, grows) = (now + drawn % far, number / 1_000 % 2 == 0);
            timeline.push(Timestamp::from_millis(time), number);
            list.push((time, number));
            let most = if grows { 1 } else { 3 };
            for _ in 0..drawn / 8 % (most + 1) {
                let Some(&next) = list.iter().min() else {
                    break;
                };
                now = next.0;
                assert_eq!(timeline.next_time(), Some(Timestamp::from_millis(now)));
                let thing = timeline.pop_at(Timestamp::from_millis(now));
                assert_eq!(thing, Some(next.1));
                list.retain(|entry| *entry != next);
                taken += 1;
            }
            if number % 500 == 0 {
                timeline.retain(|thing| thing % 3 > 0);
                list.retain(|(_, thing)| thing % 3 > 0);
            }
        }
        assert!(taken > 5_000, "{taken}");
    }
}
