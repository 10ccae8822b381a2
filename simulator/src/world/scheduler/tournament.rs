//! The greatest of many keys, each of which changes now and then: a knock-out tournament. A change is
//! played again on its way up, and only as far as it makes a difference; nothing is allocated for it.

/// Keys by place. A place without a key never wins against one that has one.
#[derive(Clone, Debug)]
pub(super) struct Tournament<K> {
    /// As many as a power of two, or none.
    keys: Vec<Option<K>>,
    /// Places that won: at 1 the whole, at n against the winners at 2 n and 2 n + 1. Beyond the end
    /// there are the places themselves.
    winners: Vec<usize>,
}

impl<K: Ord> Tournament<K> {
    /// A place has another key, or none.
    pub fn set(&mut self, place: usize, key: Option<K>) {
        if place >= self.keys.len() {
            self.grow(place + 1);
        }
        if self.keys[place] == key {
            return;
        }
        self.keys[place] = key;
        let mut game = (self.keys.len() + place) / 2;
        while game > 0 {
            let winner = self.play(game);
            let before = std::mem::replace(&mut self.winners[game], winner);
            if before == winner && winner != place {
                return;
            }
            game /= 2;
        }
    }

    /// The greatest key.
    pub fn best(&self) -> Option<&K> {
        self.keys.get(self.winner(1))?.as_ref()
    }

    fn grow(&mut self, places: usize) {
        let places = places.next_power_of_two();
        self.keys.resize_with(places, || None);
        self.winners.resize(places, 0);
        for game in (1..places).rev() {
            self.winners[game] = self.play(game);
        }
    }

    fn play(&self, game: usize) -> usize {
        let (one, other) = (self.winner(2 * game), self.winner(2 * game + 1));
        if self.keys[one] < self.keys[other] {
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

impl<K> Default for Tournament<K> {
    fn default() -> Self {
        Tournament {
            keys: Vec::new(),
            winners: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_is_the_greatest_of_all_keys_after_every_change() {
        let mut tournament = Tournament::default();
        let mut keys = vec![None; 100];
        assert_eq!(tournament.best(), None);
        let mut random: u64 = 1;
        for step in 0..5_000 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let drawn = usize::try_from(random >> 40).unwrap();
            // Places come one after another, then at random; keys are often equal, or taken away.
            let place = if step < 100 { step } else { drawn % 100 };
            let key = (drawn % 3 > 0).then_some((drawn / 300 % 8, place));
            keys[place] = key;
            tournament.set(place, key);
            assert_eq!(tournament.best(), keys.iter().flatten().max());
        }
    }

    #[test]
    fn a_single_place_wins_by_itself() {
        let mut tournament = Tournament::default();
        tournament.set(0, Some('a'));
        assert_eq!(tournament.best(), Some(&'a'));
        tournament.set(0, None);
        assert_eq!(tournament.best(), None);
    }
}
