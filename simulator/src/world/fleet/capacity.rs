//! What EC2 has to give: everything, but for stretches of time that were written down and dry spells
//! that a seed makes. How often real pools run dry nobody publishes, so there are none by default.

use std::collections::BTreeMap;

use rand_pcg::Pcg64Mcg;
use sparkwright::cluster::shortage::OfferingKey;
use sparkwright::model::offering::CapacityType;
use sparkwright::model::time::{Span, Timestamp};

use super::pick::Pick;
use crate::world::delays::Distribution;
use crate::world::stream::{stream, uniform};

/// A stretch of time in which EC2 has few instances of some offerings, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drought {
    /// Which offerings.
    pub of: Pick,
    /// Its beginning.
    pub from: Timestamp,
    /// Its end, not included.
    pub to: Timestamp,
    /// Instances that it gives of them together in all that time.
    pub instances: u32,
}

/// Dry spells at random: each pool (type, zone, capacity type) has its own, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spells {
    /// Mean time between the end of one and the begin of the next.
    pub every: Span,
    /// How long they last.
    pub lasting: Distribution,
    /// Only pools of this capacity type; None: of both.
    pub capacity_type: Option<CapacityType>,
}

/// What EC2 has to give.
#[derive(Clone, Debug, Default)]
pub struct Capacity {
    droughts: Vec<Drought>,
    spells: Option<Spells>,
    seed: u64,
    pools: BTreeMap<OfferingKey, Pool>,
}

/// The dry spell that a pool is in or comes to next.
#[derive(Clone, Debug)]
struct Pool {
    random: Pcg64Mcg,
    from: Timestamp,
    to: Timestamp,
}

impl Capacity {
    /// Capacity with these droughts, and spells by this seed.
    pub fn new(droughts: Vec<Drought>, spells: Option<Spells>, seed: u64) -> Self {
        Capacity {
            droughts,
            spells,
            seed,
            pools: BTreeMap::new(),
        }
    }

    /// True where EC2 has an instance of the offering; `name` names its type and zone for the seed.
    pub fn has(&mut self, key: OfferingKey, now: Timestamp, name: impl Fn() -> String) -> bool {
        let written = self
            .droughts
            .iter()
            .any(|drought| drought.instances == 0 && drought.covers(key, now));
        !written && !self.in_a_spell(key, now, name)
    }

    /// Takes an instance, from each drought that has some left.
    pub fn take(&mut self, key: OfferingKey, now: Timestamp) {
        for drought in self.droughts.iter_mut().filter(|d| d.covers(key, now)) {
            drought.instances = drought.instances.saturating_sub(1);
        }
    }

    /// One instance that was taken is not needed after all.
    pub fn give_back(&mut self, key: OfferingKey, now: Timestamp) {
        for drought in self.droughts.iter_mut().filter(|d| d.covers(key, now)) {
            drought.instances += 1;
        }
    }

    fn in_a_spell(&mut self, key: OfferingKey, now: Timestamp, name: impl Fn() -> String) -> bool {
        let Some(spells) = self.spells else {
            return false;
        };
        if spells.capacity_type.is_some_and(|only| only != key.2) {
            return false;
        }
        let seed = self.seed;
        let pool = self.pools.entry(key).or_insert_with(|| Pool {
            random: stream(seed, "capacity", &name()),
            from: Timestamp::ZERO,
            to: Timestamp::ZERO,
        });
        while pool.to <= now {
            pool.from = pool.to + exponential(spells.every, &mut pool.random);
            let lasting = spells.lasting.draw(&mut pool.random);
            pool.to = pool.from + lasting.max(Span::from_millis(1));
        }
        pool.from <= now
    }
}

impl Drought {
    fn covers(&self, key: OfferingKey, now: Timestamp) -> bool {
        self.from <= now && now < self.to && self.of.holds(key)
    }
}

/// A length of an exponential distribution with this mean.
#[expect(clippy::as_conversions, reason = "hours of milliseconds; saturates")]
fn exponential(mean: Span, random: &mut Pcg64Mcg) -> Span {
    let drawn = -(1.0 - uniform(random)).ln() * mean.millis() as f64;
    Span::from_millis((drawn as i64).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sparkwright::model::offering::{TypeId, ZoneId};

    const SPOT: OfferingKey = (TypeId(0), ZoneId(0), CapacityType::Spot);
    const OTHER_ZONE: OfferingKey = (TypeId(0), ZoneId(1), CapacityType::Spot);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn drought(instances: u32) -> Drought {
        Drought {
            of: Pick {
                zone: Some(ZoneId(0)),
                ..Pick::default()
            },
            from: at(60),
            to: at(120),
            instances,
        }
    }

    #[test]
    fn a_written_drought_gives_what_it_has_in_its_time_and_zone() {
        let mut capacity = Capacity::new(vec![drought(2)], None, 0);
        let mut has = |key, now| {
            let has = capacity.has(key, now, String::new);
            capacity.take(key, now);
            has
        };
        assert!(has(SPOT, at(59)) && has(SPOT, at(60)) && has(SPOT, at(90)));
        assert!(!has(SPOT, at(119)) && has(OTHER_ZONE, at(119)));
        assert!(has(SPOT, at(120)), "its end is not included");
    }

    #[test]
    fn spells_fill_the_share_of_time_that_they_should_whoever_asks_when() {
        let spells = Spells {
            every: Span::from_secs(3000),
            lasting: Distribution::constant(Span::from_secs(1000)),
            capacity_type: Some(CapacityType::Spot),
        };
        let dry = |step: i64| -> Vec<i64> {
            let mut capacity = Capacity::new(Vec::new(), Some(spells), 5);
            let times = (0..1_000_000).step_by(usize::try_from(step).unwrap());
            times
                .filter(|&now| !capacity.has(SPOT, at(now), || "a".into()))
                .collect()
        };
        let all = dry(10);
        assert!(
            (20_000..30_000).contains(&all.len()),
            "{} of 100000",
            all.len()
        );
        let coarse: Vec<i64> = all.into_iter().filter(|now| now % 50 == 0).collect();
        assert_eq!(dry(50), coarse, "asking less often changes nothing");
    }
}
