//! Which executor wrote for which stages, so that what one of them held is looked for there alone. What
//! is told is where to look: whether there is anything, the outputs themselves know.

use super::place;

#[derive(Clone, Debug, Default)]
pub(super) struct Holdings {
    /// By executor: a bit per stage, in so many words for each.
    bits: Vec<u64>,
    words: usize,
}

const WORD: usize = 64;

impl Holdings {
    pub fn new(stages: usize) -> Self {
        Holdings {
            bits: Vec::new(),
            words: stages.div_ceil(WORD),
        }
    }

    /// The executor wrote for this stage.
    #[inline]
    pub fn add(&mut self, executor: u32, stage: usize) {
        let from = place(executor) * self.words;
        if self.bits.len() < from + self.words {
            self.bits.resize(from + self.words, 0);
        }
        self.bits[from + stage / WORD] |= 1 << (stage % WORD);
    }

    /// Stages that the executor may hold output of, in their order.
    pub fn of(&self, executor: u32) -> impl Iterator<Item = usize> {
        let from = place(executor) * self.words;
        let words = self.bits.get(from..from + self.words).unwrap_or_default();
        words.iter().zip(0..).flat_map(|(&bits, word)| {
            let mut left = bits;
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros())?;
                left &= left - 1;
                Some(word * WORD + place(bit))
            })
        })
    }

    /// All that the executor held is another one's.
    pub fn move_to(&mut self, executor: u32, peer: u32) {
        let stages: Vec<usize> = self.of(executor).collect();
        for stage in stages {
            self.add(peer, stage);
        }
        self.clear(executor);
    }

    /// The executor holds nothing any more.
    pub fn clear(&mut self, executor: u32) {
        let from = place(executor) * self.words;
        if let Some(own) = self.bits.get_mut(from..from + self.words) {
            own.fill(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_told_in_their_order_and_move_with_what_was_written() {
        let mut holdings = Holdings::new(200);
        for (executor, stage) in [(2, 130), (2, 3), (2, 64), (5, 7), (2, 3)] {
            holdings.add(executor, stage);
        }
        let of = |holdings: &Holdings, executor| holdings.of(executor).collect::<Vec<_>>();
        assert_eq!(of(&holdings, 2), [3, 64, 130]);
        assert_eq!(of(&holdings, 9), [0; 0]);
        holdings.move_to(2, 5);
        assert_eq!(of(&holdings, 2), [0; 0]);
        assert_eq!(of(&holdings, 5), [3, 7, 64, 130]);
    }
}
