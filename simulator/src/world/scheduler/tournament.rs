//! The greatest of many scores, each of which changes now and then: a knock-out tournament. A change is
//! played again on its way up, and only as far as it makes a difference; nothing is allocated for it.

/// Bits of a rank; those of a score are above them.
const RANK_BITS: u32 = 48;
/// The last of the ranks.
pub(super) const LAST_RANK: u64 = (1 << RANK_BITS) - 1;

/// Scores by place. Of equal scores the one with the lower rank wins; no two that have scores have the same
/// rank. A place without a score never wins against one that has one.
#[derive(Clone, Debug, Default)]
pub(super) struct Tournament {
    /// Who won: at 1 the whole, at n against the winners at 2 n and 2 n + 1; in the second half each place by
    /// itself. As many as a power of two, or none. Score and rank are one number, the greater of which wins: who
    /// does is anybody's guess, and the greater of two numbers is found without guessing.
    winners: Vec<u64>,
}

impl Tournament {
    /// A place has this score and rank, or none.
    pub fn set(&mut self, place: usize, score: Option<(u16, u64)>) {
        if place >= self.winners.len() / 2 {
            self.grow(place + 1);
        }
        let mut game = self.winners.len() / 2 + place;
        let mut winner = score.map_or(0, |(score, rank)| player(score, rank));
        while std::mem::replace(&mut self.winners[game], winner) != winner && game > 1 {
            winner = winner.max(self.winners[game ^ 1]);
            game /= 2;
        }
    }

    /// The rank of the place with the greatest score.
    pub fn best(&self) -> Option<u64> {
        let winner = self.winners.get(1).filter(|winner| **winner > 0)?;
        Some(!winner & LAST_RANK)
    }

    #[cold]
    fn grow(&mut self, places: usize) {
        let places = places.next_power_of_two();
        let known = self.winners.split_off(self.winners.len() / 2);
        self.winners.resize(places, 0);
        self.winners.extend(known);
        self.winners.resize(2 * places, 0);
        for game in (1..places).rev() {
            self.winners[game] = self.winners[2 * game].max(self.winners[2 * game + 1]);
        }
    }
}

/// Zero is no score.
fn player(score: u16, rank: u64) -> u64 {
    u64::from(score.saturating_add(1)) << RANK_BITS | (!rank & LAST_RANK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_is_the_first_of_the_greatest_after_every_change() {
        let mut tournament = Tournament::default();
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
            let score = u16::try_from(drawn / 300 % 8).unwrap();
            let rank = u64::try_from(drawn / 2_400 % 5 * 100 + place).unwrap();
            scores[place] = (drawn % 3 > 0).then_some((score, rank));
            tournament.set(place, scores[place]);
            let with = scores.iter().flatten();
            let best = with.max_by_key(|(score, rank)| (*score, std::cmp::Reverse(*rank)));
            assert_eq!(tournament.best(), best.map(|(_, rank)| *rank));
        }
    }

    #[test]
    fn a_single_place_wins_by_itself() {
        for rank in [0, LAST_RANK] {
            let mut tournament = Tournament::default();
            tournament.set(0, Some((0, rank)));
            assert_eq!(tournament.best(), Some(rank));
            tournament.set(0, None);
            assert_eq!(tournament.best(), None);
        }
    }
}
