//! The greatest of many scores, each of which changes now and then: a knock-out tournament. A change is
//! played again on its way up, and only as far as it makes a difference; nothing is allocated for it.

/// Scores by place, both below 2³². A place without a score never wins against one that has one.
#[derive(Clone, Debug, Default)]
pub(super) struct Tournament {
    /// Who won: at 1 the whole, at n against the winners at 2 n and 2 n + 1; in the second half each place by
    /// itself. As many as a power of two, or none.
    winners: Vec<Player>,
}

/// Bits of a place, and of a score.
const BITS: u32 = 32;

/// A place in the lower half of the bits and one more than its score above it: one number, since which of two is greater is
/// anybody's guess, and a choice between numbers needs no guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Player(u64);

impl Tournament {
    /// The score of a place.
    pub fn score(&self, place: usize) -> Option<u64> {
        let alone = self.winners.get(self.winners.len() / 2 + place)?;
        alone.score()
    }

    /// A place has this score, or none. Of two places with equal scores `is_before` tells whether the one
    /// goes before the other.
    pub fn set(
        &mut self,
        place: usize,
        score: Option<u64>,
        is_before: &impl Fn(usize, usize) -> bool,
    ) {
        if place >= self.winners.len() / 2 {
            self.grow(place + 1, is_before);
        }
        let mut game = self.winners.len() / 2 + place;
        let mut winner = Player::new(place, score);
        self.winners[game] = winner;
        while game > 1 {
            winner = winner.against(self.winners[game ^ 1], is_before);
            game /= 2;
            let before = std::mem::replace(&mut self.winners[game], winner);
            if before == winner && winner.place() != place {
                return;
            }
        }
    }

    /// The place with the greatest score.
    pub fn best(&self) -> Option<usize> {
        let winner = self.winners.get(1)?;
        winner.score().map(|_| winner.place())
    }

    #[cold]
    fn grow(&mut self, places: usize, is_before: &impl Fn(usize, usize) -> bool) {
        let known = self.winners.split_off(self.winners.len() / 2);
        let places = places.next_power_of_two();
        let alone = |place| Player::new(place, None);
        self.winners = (0..places).chain(0..places).map(alone).collect();
        self.winners[places..places + known.len()].copy_from_slice(&known);
        for game in (1..places).rev() {
            let (one, other) = (self.winners[2 * game], self.winners[2 * game + 1]);
            self.winners[game] = one.against(other, is_before);
        }
    }
}

impl Player {
    fn new(place: usize, score: Option<u64>) -> Self {
        let score = score.map_or(0, |score| score + 1);
        debug_assert!(score >> BITS == 0, "scores are below 2³²");
        Player(score << BITS | u64::try_from(place).unwrap_or(u64::MAX))
    }

    fn place(self) -> usize {
        usize::try_from(self.0 & ((1 << BITS) - 1)).unwrap_or(usize::MAX)
    }

    fn score(self) -> Option<u64> {
        (self.0 >> BITS).checked_sub(1)
    }

    /// Who wins of the two.
    fn against(self, other: Player, is_before: &impl Fn(usize, usize) -> bool) -> Player {
        let is_tie = (self.0 ^ other.0) >> BITS == 0 && self.score().is_some();
        if is_tie && is_before(self.place(), other.place()) {
            return self;
        }
        if is_tie { other } else { self.max(other) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_is_the_first_of_the_greatest_after_every_change() {
        let mut tournament = Tournament::default();
        let mut names: Vec<usize> = (0..100).collect();
        let mut scores = vec![None; 100];
        assert_eq!(tournament.best(), None);
        let mut random: u64 = 1;
        for step in 0..5_000 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let drawn = usize::try_from(random >> 40).unwrap();
            // Places come one after another, then at random; scores are often equal, or taken away, and a
            // place may be another's from then on.
            let place = if step < 100 { step } else { drawn % 100 };
            let score = u64::try_from(drawn / 300 % 8).unwrap();
            scores[place] = (drawn % 3 > 0).then_some(score);
            names[place] = drawn / 2_400 % 5 * 100 + place;
            let is_before = |one: usize, other: usize| names[one] < names[other];
            tournament.set(place, scores[place], &is_before);
            let with = (0..100).filter(|&place| scores[place].is_some());
            let best = with.max_by_key(|&place| (scores[place], std::cmp::Reverse(names[place])));
            assert_eq!(tournament.best(), best);
        }
    }

    #[test]
    fn a_single_place_wins_by_itself() {
        let mut tournament = Tournament::default();
        tournament.set(0, Some(0), &|_, _| false);
        assert_eq!(tournament.best(), Some(0));
        tournament.set(0, None, &|_, _| false);
        assert_eq!(tournament.best(), None);
    }
}
