//! Executors by their free slots: the one with the most comes first, and the lowest number among
//! equals, which spreads tasks as Spark's shuffled offers do, only without chance. Every operation
//! costs a few machine words.

use super::{number, place};

#[derive(Clone, Debug, Default)]
pub(super) struct Free {
    /// For one free slot, two, and so on: a bit per executor.
    levels: Vec<Level>,
    /// Levels from here on are empty.
    top: usize,
}

#[derive(Clone, Debug, Default)]
struct Level {
    bits: Vec<u64>,
    executors: u32,
}

impl Free {
    /// An executor with so many free slots has another number of them.
    pub fn shift(&mut self, executor: u32, from: u32, to: u32) {
        if from > 0 {
            self.levels[place(from) - 1].set(executor, false);
        }
        if to > 0 {
            if self.levels.len() < place(to) {
                self.levels.resize_with(place(to), Level::default);
            }
            self.levels[place(to) - 1].set(executor, true);
            self.top = self.top.max(place(to));
        }
        while self.top > 0 && self.levels[self.top - 1].executors == 0 {
            self.top -= 1;
        }
    }

    /// The executor with the most free slots.
    pub fn first(&self) -> Option<u32> {
        let bits = &self.levels.get(self.top.checked_sub(1)?)?.bits;
        let word = bits.iter().position(|&word| word != 0)?;
        Some(number(word) * u64::BITS + bits[word].trailing_zeros())
    }
}

impl Level {
    fn set(&mut self, executor: u32, on: bool) {
        let word = place(executor / u64::BITS);
        if self.bits.len() <= word {
            self.bits.resize(word + 1, 0);
        }
        let bit = 1 << (executor % u64::BITS);
        if on {
            self.bits[word] |= bit;
            self.executors += 1;
        } else {
            self.bits[word] &= !bit;
            self.executors -= 1;
        }
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
