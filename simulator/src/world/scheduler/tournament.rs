//! The greatest of many scores, each of which changes now and then: a knock-out tournament. A change is
//! played again on its way up, and only as far as it makes a difference; nothing is allocated for it.

/// Scores by place. A place without a score never wins against one that has one.
#[derive(Clone, Debug, Default)]
pub(super) struct Tournament {
    /// Who won: at 1 the whole, at n against the winners at 2 n and 2 n + 1; in the second half each place by
    /// itself. As many as a power of two, or none.
    winners: Vec<Winner>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Winner {
    place: usize,
    /// One more than the score; zero is none.
    score: u64,
}

impl Tournament {
    /// The score of a place.
    pub fn score(&self, place: usize) -> Option<u64> {
        let alone = self.winners.get(self.winners.len() / 2 + place)?;
        alone.score.checked_sub(1)
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
        let score = score.map_or(0, |score| score + 1);
        self.winners[game] = Winner { place, score };
        while game > 1 {
            game /= 2;
            let winner = self.play(game, is_before);
            let before = std::mem::replace(&mut self.winners[game], winner);
            if before == winner && winner.place != place {
                return;
            }
        }
    }

    /// The place with the greatest score.
    pub fn best(&self) -> Option<usize> {
        let winner = self.winners.get(1)?;
        (winner.score > 0).then_some(winner.place)
    }

    #[cold]
    fn grow(&mut self, places: usize, is_before: &impl Fn(usize, usize) -> bool) {
        let known = self.winners.split_off(self.winners.len() / 2);
        let places = places.next_power_of_two();
        let alone = |place| Winner { place, score: 0 };
        self.winners = (0..places).chain(0..places).map(alone).collect();
        self.winners[places..places + known.len()].copy_from_slice(&known);
        for game in (1..places).rev() {
            self.winners[game] = self.play(game, is_before);
        }
    }

    fn play(&self, game: usize, is_before: &impl Fn(usize, usize) -> bool) -> Winner {
        let (one, other) = (self.winners[2 * game], self.winners[2 * game + 1]);
        let is_tie = one.score == other.score && one.score > 0;
        if one.score < other.score || is_tie && is_before(other.place, one.place) {
            other
        } else {
            one
        }
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
