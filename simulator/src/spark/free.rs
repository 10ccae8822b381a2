//! Executors by their free slots: the one with the most comes first, and the lowest number among
//! equals, which spreads tasks as Spark's shuffled offers do, only without chance. Every operation
//! costs a few machine words.

use super::place;

#[derive(Clone, Debug, Default)]
pub(super) struct Free {
    /// As many executors as a machine word has bits. Few applications have more.
    head: Group,
    /// So many each.
    tail: Vec<Group>,
}

#[derive(Clone, Debug, Default)]
struct Group {
    /// For no free slot, one, two, and so on: a bit per executor.
    levels: Vec<u64>,
    /// Nobody has more free slots than this.
    top: usize,
}

impl Free {
    /// An executor with so many free slots has another number of them.
    pub fn shift(&mut self, executor: u32, from: u32, to: u32) {
        let group = match executor.checked_sub(u64::BITS) {
            None => &mut self.head,
            Some(beyond) => self.group(place(beyond / u64::BITS)),
        };
        group.shift(1 << (executor % u64::BITS), place(from), place(to));
    }

    /// The executor with the most free slots.
    pub fn first(&self) -> Option<u32> {
        let (mut first, mut before) = (&self.head, 0);
        for (group, number) in self.tail.iter().zip(1..) {
            if group.top > first.top {
                (first, before) = (group, number * u64::BITS);
            }
        }
        let executors = first.levels.get(first.top).filter(|_| first.top > 0)?;
        Some(before + executors.trailing_zeros())
    }

    #[inline(never)]
    fn group(&mut self, at: usize) -> &mut Group {
        if self.tail.len() <= at {
            self.tail.resize(at + 1, Group::default());
        }
        &mut self.tail[at]
    }
}

impl Group {
    fn shift(&mut self, executor: u64, from: usize, to: usize) {
        if self.levels.len() <= to {
            self.make_room(to);
        }
        self.levels[from] &= !executor;
        self.levels[to] |= executor;
        if to >= self.top {
            self.top = to;
        } else if from == self.top {
            // It ends at the executor itself at the latest.
            while self.levels[self.top] == 0 {
                self.top -= 1;
            }
        }
    }

    #[cold]
    fn make_room(&mut self, slots: usize) {
        self.levels.resize((slots + 1).next_power_of_two(), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_free_comes_first_and_then_the_lowest_number() {
        let mut free = Free::default();
        for (executor, slots) in [(70, 2), (3, 2), (5, 4)] {
            free.shift(executor, 0, slots);
        }
        let mut order = Vec::new();
        let mut left = [(70, 2), (3, 2), (5, 4)];
        while let Some(executor) = free.first() {
            order.push(executor);
            let own = left.iter_mut().find(|(of, _)| *of == executor).unwrap();
            free.shift(executor, own.1, own.1 - 1);
            own.1 -= 1;
        }
        assert_eq!(order, [5, 5, 3, 5, 70, 3, 5, 70]);
    }
}
