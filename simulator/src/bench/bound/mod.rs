//! What pods must cost at least, found a second time and in another way than the planner does: the
//! configuration programme by Gilmore and Gomory's own simplex, priced by branch and bound, and for few
//! pods the whole numbers by a best-first search over what is left to hold. Shares no code with the
//! planner and does not look at its plans.

mod filling;
mod integer;
mod programme;
mod tails;

use filling::Search;
use programme::Programme;

/// Searches of a first and of a last look for a filling, in tried fillings: the first find columns, the
/// last prove that there is none left.
const LOOKS: [u32; 2] = [3_000, 400_000];
/// Rounds of pricing; what is missing then shows as a wider bracket.
const ROUNDS: u32 = 400;
/// A filling worth this much more than its node is a new column.
const TOLERANCE: f64 = 1e-6;
/// A bracket as narrow as this is a number.
const NARROW: f64 = 1e-5;

/// Equal pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lot {
    /// Thousandths of a core.
    pub cpu: u32,
    /// MiB.
    pub memory: u32,
    /// How many.
    pub count: u32,
}

/// A node that may be bought any number of times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind {
    /// Micro-dollars per hour.
    pub price: u32,
    /// Thousandths of a core.
    pub cpu: u32,
    /// MiB.
    pub memory: u32,
    /// Pods.
    pub pods: u32,
}

/// Between which sums, in micro-dollars per hour, the programme's value lies.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bracket {
    /// Prices of pods that no filling exceeds add up to this.
    pub low: f64,
    /// Fractions of nodes that hold every pod cost this.
    pub high: f64,
    /// By lot: prices that no filling exceeds.
    prices: Vec<f64>,
}

/// The least that fractions of nodes can cost. Each lot must fit some kind.
pub fn bracket(lots: &[Lot], kinds: &[Kind]) -> Bracket {
    let kinds = undominated(kinds);
    let mut programme = Programme::new(lots, &kinds);
    let mut found = Bracket::default();
    let mut look = 0;
    for _ in 0..ROUNDS {
        let prices = programme.solve();
        found.high = programme.value();
        let mut worst = 1.0_f64;
        let mut is_settled = true;
        for kind in &kinds {
            let worth = f64::from(kind.price);
            let threshold = worth * (1.0 + TOLERANCE);
            let search = Search::new(lots, &prices, *kind).best(threshold, LOOKS[look]);
            worst = worst.max(search.ceiling / worth);
            if let Some(filling) = search.filling {
                is_settled &= !programme.add(*kind, &filling);
            }
        }
        let sum: f64 = lots
            .iter()
            .zip(&prices)
            .map(|(lot, price)| f64::from(lot.count) * price)
            .sum();
        if sum / worst > found.low {
            found.low = sum / worst;
            found.prices = prices.iter().map(|price| price / worst).collect();
        }
        if found.high <= found.low * (1.0 + NARROW) {
            break;
        }
        if is_settled {
            look += 1;
        }
        if look == LOOKS.len() {
            break;
        }
    }
    found
}

/// The least that whole nodes can cost, in micro-dollars per hour: exact where the search ends by itself
/// or reaches `known`, which some plan costs; else as much as it has proven.
pub fn whole(lots: &[Lot], kinds: &[Kind], bracket: &Bracket, known: u64) -> Whole {
    integer::search(lots, &undominated(kinds), &bracket.prices, known)
}

/// A proven sum for whole nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whole {
    /// No plan costs less, in micro-dollars per hour.
    pub least: u64,
    /// The search has ended: this is the optimum, or what is known.
    pub is_exact: bool,
}

/// Kinds that no other beats in everything, the cheapest first.
fn undominated(kinds: &[Kind]) -> Vec<Kind> {
    let mut kinds = kinds.to_vec();
    kinds.sort_by_key(|kind| {
        (
            kind.price,
            std::cmp::Reverse((kind.cpu, kind.memory, kind.pods)),
        )
    });
    let mut kept: Vec<Kind> = Vec::new();
    for kind in kinds {
        let beats = |other: &Kind| {
            other.cpu >= kind.cpu && other.memory >= kind.memory && other.pods >= kind.pods
        };
        if !kept.iter().any(beats) {
            kept.push(kind);
        }
    }
    kept
}

#[cfg(test)]
mod tests;
