//! Executors by their free slots: the one with the most comes first, and the lowest number among
//! equals, which spreads tasks as Spark's shuffled offers do, only without chance. Every operation
//! costs a few machine words.

use super::{number, place};

#[derive(Clone, Debug, Default)]
pub(super) struct Free {
    /// For one free slot, two, and so on: a bit per executor, in so many words for each.
    bits: Vec<u64>,
    words: usize,
    /// Nobody has more free slots than this.
    top: usize,
}

impl Free {
    /// An executor with so many free slots has another number of them.
    pub fn shift(&mut self, executor: u32, from: u32, to: u32) {
        let (word, bit) = (place(executor / u64::BITS), 1 << (executor % u64::BITS));
        if word >= self.words {
            self.widen(word + 1);
        }
        if from > 0 {
            self.bits[(place(from) - 1) * self.words + word] &= !bit;
        }
        if to > 0 {
            let level = place(to);
            if self.bits.len() < level * self.words {
                self.bits.resize(level * self.words, 0);
            }
            self.bits[(level - 1) * self.words + word] |= bit;
            self.top = self.top.max(level);
        }
        if place(from) == self.top {
            while self.top > 0 && self.highest().iter().all(|&word| word == 0) {
                self.top -= 1;
            }
        }
    }

    /// No executor has a free slot.
    pub fn is_empty(&self) -> bool {
        self.top == 0
    }

    /// The executor with the most free slots.
    pub fn first(&self) -> Option<u32> {
        if self.is_empty() {
            return None;
        }
        let (word, bits) = (self.highest().iter().enumerate()).find(|(_, bits)| **bits != 0)?;
        Some(number(word) * u64::BITS + bits.trailing_zeros())
    }

    /// Those with the most free slots.
    fn highest(&self) -> &[u64] {
        &self.bits[(self.top - 1) * self.words..self.top * self.words]
    }

    #[cold]
    fn widen(&mut self, words: usize) {
        let before = self.words.max(1);
        let mut bits = Vec::with_capacity(self.bits.len() / before * words);
        for level in self.bits.chunks(before) {
            bits.extend_from_slice(level);
            bits.resize(bits.len() + words - before, 0);
        }
        self.bits = bits;
        self.words = words;
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
