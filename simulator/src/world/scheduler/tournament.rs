//! The greatest of many scores, each of which changes now and then: a knock-out tournament. A change is
//! played again on its way up, and only as far as it makes a difference; nothing is allocated for it.

/// Scores by place. A place without a score never wins against one that has one.
#[derive(Clone, Debug, Default)]
pub(super) struct Tournament {
    /// One more than the score, or none; as many as a power of two.
    scores: Vec<u64>,
    /// Places that won: at 1 the whole, at n against the winners at 2 n and 2 n + 1. Beyond the end
    /// there are the places themselves.
    winners: Vec<usize>,
}

impl Tournament {
    /// A place has this score, or none. Of two places with equal scores `is_before` tells whether the one
    /// goes before the other.
    pub fn set(
        &mut self,
        place: usize,
        score: Option<u64>,
        is_before: &impl Fn(usize, usize) -> bool,
    ) {
        if place >= self.scores.len() {
            self.grow(place + 1, is_before);
        }
        self.scores[place] = score.map_or(0, |score| score + 1);
        let mut game = (self.scores.len() + place) / 2;
        while game > 0 {
            let winner = self.play(game, is_before);
            let before = std::mem::replace(&mut self.winners[game], winner);
            if before == winner && winner != place {
                return;
            }
            game /= 2;
        }
    }

    /// The place with the greatest score.
    pub fn best(&self) -> Option<usize> {
        let winner = self.winner(1);
        (*self.scores.get(winner)? > 0).then_some(winner)
    }

    #[cold]
    fn grow(&mut self, places: usize, is_before: &impl Fn(usize, usize) -> bool) {
        let places = places.next_power_of_two();
        self.scores.resize(places, 0);
        self.winners.resize(places, 0);
        for game in (1..places).rev() {
            self.winners[game] = self.play(game, is_before);
        }
    }

    fn play(&self, game: usize, is_before: &impl Fn(usize, usize) -> bool) -> usize {
        let (one, other) = (self.winner(2 * game), self.winner(2 * game + 1));
        let (first, second) = (self.scores[one], self.scores[other]);
        if first < second || first == second && first > 0 && is_before(other, one) {
            other
        } else {
            one
        }
    }

    fn winner(&self, game: usize) -> usize {
        match self.winners.get(game) {
            Some(&winner) => winner,
            None => game - self.winners.len(),
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
