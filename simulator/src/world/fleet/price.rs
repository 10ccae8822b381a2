//! How spot prices move: each pool drifts around the price of the catalogue, drawn back the more the
//! further it is away, and steps that are written down. AWS says that prices follow long-term trends,
//! so there is no auction here; a pool is never dearer than on-demand. Without a file nothing moves.

use std::sync::Arc;

use rand_pcg::Pcg64Mcg;
use sparkwright::cluster::event::PriceChange;
use sparkwright::model::money::UsdPerHour;
use sparkwright::model::offering::{CapacityType, Catalog, Offering};
use sparkwright::model::time::{Span, Timestamp};

use super::pick::Pick;
use crate::world::stream::{normal, stream};

/// A mean-reverting walk of the logarithm of price ÷ catalogue's price.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drift {
    /// Time between two moves.
    pub every: Span,
    /// Standard deviation of a move, as a share.
    pub volatility: f64,
    /// Share of the distance to the catalogue's price that a move takes back.
    pub reversion: f64,
}

/// A step that is written down.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// When.
    pub at: Timestamp,
    /// Which spot offerings.
    pub of: Pick,
    /// Their price from then on, as a multiple of the catalogue's.
    pub factor: f64,
}

/// How spot prices move.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Moves {
    /// The drift.
    pub drift: Option<Drift>,
    /// The steps, in order of time.
    pub steps: Vec<Step>,
}

/// Spot prices as they move.
#[derive(Clone, Debug, Default)]
pub struct Prices {
    moves: Moves,
    pools: Vec<Pool>,
}

#[derive(Clone, Debug)]
struct Pool {
    listed: Offering,
    most: f64,
    distance: f64,
    factor: f64,
    current: UsdPerHour,
    random: Pcg64Mcg,
}

impl Prices {
    /// Prices as the catalogue has them.
    pub fn new(moves: Moves, seed: u64, catalog: &Catalog) -> Self {
        let moving = moves.drift.is_some() || !moves.steps.is_empty();
        let spot = |offering: &&Offering| offering.capacity_type == CapacityType::Spot;
        let pools = catalog.offerings.iter().filter(|_| moving).filter(spot);
        Prices {
            pools: pools
                .map(|offering| pool(offering, catalog, seed))
                .collect(),
            moves,
        }
    }

    /// When prices move, and which of it: the drift's next move after `now` apart.
    pub fn steps(&self) -> impl Iterator<Item = (usize, Timestamp)> {
        self.moves.steps.iter().map(|step| step.at).enumerate()
    }

    /// When the drift moves next.
    pub fn next_move(&self, now: Timestamp) -> Option<Timestamp> {
        self.moves.drift.map(|drift| now + drift.every)
    }

    /// The drift moves every pool.
    pub fn drift(&mut self) -> Arc<[PriceChange]> {
        let Some(drift) = self.moves.drift else {
            return Arc::from([]);
        };
        for pool in &mut self.pools {
            let back = pool.distance * (1.0 - drift.reversion);
            pool.distance = back + drift.volatility * normal(&mut pool.random);
        }
        self.changes()
    }

    /// A step happens.
    pub fn step(&mut self, step: usize) -> Arc<[PriceChange]> {
        let Some(step) = self.moves.steps.get(step) else {
            return Arc::from([]);
        };
        for pool in &mut self.pools {
            let of = &pool.listed;
            if step.of.holds((of.instance_type, of.zone, of.capacity_type)) {
                pool.factor = step.factor;
            }
        }
        self.changes()
    }

    fn changes(&mut self) -> Arc<[PriceChange]> {
        let changed = self.pools.iter_mut().filter_map(|pool| {
            let price = pool.price();
            let moved = price != pool.current;
            pool.current = price;
            moved.then_some(PriceChange {
                instance_type: pool.listed.instance_type,
                zone: pool.listed.zone,
                capacity_type: CapacityType::Spot,
                price,
            })
        });
        changed.collect()
    }
}

impl Pool {
    #[expect(
        clippy::as_conversions,
        reason = "prices are far below 2⁵³ micro-dollars"
    )]
    fn price(&self) -> UsdPerHour {
        let listed = self.listed.price.micros() as f64;
        let price = (listed * self.factor * self.distance.exp()).min(self.most);
        UsdPerHour::from_micros((price.round() as i64).max(1))
    }
}

#[expect(
    clippy::as_conversions,
    reason = "prices are far below 2⁵³ micro-dollars"
)]
fn pool(offering: &Offering, catalog: &Catalog, seed: u64) -> Pool {
    let of = offering.instance_type;
    let on_demand = catalog.price(of, offering.zone, CapacityType::OnDemand);
    let (machine, zone) = (catalog.instance_type(of), catalog.zone(offering.zone));
    Pool {
        listed: *offering,
        most: on_demand.map_or(f64::MAX, |price| price.micros() as f64),
        distance: 0.0,
        factor: 1.0,
        current: offering.price,
        random: stream(seed, "price", &format!("{} {}", machine.name, zone.id)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Source;

    fn catalog() -> Catalog {
        Source::default().load().unwrap()
    }

    #[test]
    fn drift_stays_around_the_list_and_below_on_demand() {
        let drift = Drift {
            every: Span::from_secs(3600),
            volatility: 0.05,
            reversion: 0.1,
        };
        let moves = Moves {
            drift: Some(drift),
            steps: Vec::new(),
        };
        let catalog = catalog();
        let mut prices = Prices::new(moves, 3, &catalog);
        (0..200).for_each(|_| assert!(!prices.drift().is_empty()));
        let count = u32::try_from(prices.pools.len()).unwrap();
        let mean: f64 = prices.pools.iter().map(|p| p.distance).sum::<f64>() / f64::from(count);
        let square: f64 = prices.pools.iter().map(|p| p.distance.powi(2)).sum();
        // The walk's own deviation: σ ÷ √(1 − (1 − reversion)²) = 0.115.
        let deviation = (square / f64::from(count)).sqrt();
        assert!(
            mean.abs() < 0.01 && (deviation - 0.115).abs() < 0.01,
            "{mean} {deviation}"
        );
        for pool in &prices.pools {
            let of = &pool.listed;
            let most = catalog.price(of.instance_type, of.zone, CapacityType::OnDemand);
            assert!(most.is_none_or(|most| pool.current <= most));
        }
    }

    #[test]
    fn a_step_moves_its_pools_alone_and_only_once() {
        let catalog = catalog();
        let of = catalog.find_type("c6i.4xlarge").unwrap();
        let moves = Moves {
            drift: None,
            steps: vec![Step {
                at: Timestamp::from_millis(5),
                of: Pick {
                    types: Some([of].into()),
                    ..Pick::default()
                },
                factor: 1.5,
            }],
        };
        let mut prices = Prices::new(moves, 0, &catalog);
        let changes = prices.step(0);
        assert!(!changes.is_empty());
        for change in changes.iter() {
            let listed = catalog.price(of, change.zone, CapacityType::Spot).unwrap();
            assert_eq!(change.instance_type, of);
            assert!(change.price.micros() * 2 - listed.micros() * 3 <= 1);
        }
        assert!(prices.step(0).is_empty(), "nothing moves a second time");
    }
}
