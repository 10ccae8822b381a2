//! Random numbers that do not depend on each other: every draw has a stream of its own, named by what it
//! is for and by the node, pod or offering that it belongs to. So a change of one thing in a what-if
//! leaves the luck of everything else as it was.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// The streams of a kind of draw for things whose names begin alike: what they have in common is read once.
#[derive(Clone, Copy, Debug)]
pub struct Streams(u64);

impl Streams {
    /// Those of a kind of draw, for things whose names begin so.
    pub fn new(seed: u64, kind: &str, beginning: &str) -> Self {
        let mut hash = fnv(0xcbf2_9ce4_8422_2325 ^ mixed(seed), kind.as_bytes());
        hash = fnv(hash, &[0]);
        Streams(fnv(hash, beginning.as_bytes()))
    }

    /// The stream of one thing, by the rest of its name.
    pub fn stream(self, rest: &str) -> Pcg64Mcg {
        Pcg64Mcg::seed_from_u64(mixed(fnv(self.0, rest.as_bytes())))
    }
}

/// The stream of a kind of draw for one thing.
pub fn stream(seed: u64, kind: &str, name: &str) -> Pcg64Mcg {
    Streams::new(seed, kind, name).stream("")
}

/// One number from 0 to 1, neither included.
pub fn uniform(random: &mut Pcg64Mcg) -> f64 {
    let even: f64 = random.random();
    even.clamp(f64::MIN_POSITIVE, 1.0 - f64::EPSILON)
}

/// One number of the standard normal distribution (Box and Muller).
pub fn normal(random: &mut Pcg64Mcg) -> f64 {
    let (u, v) = (uniform(random), uniform(random));
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// One of so many, each equally likely.
pub fn pick(random: &mut Pcg64Mcg, count: usize) -> usize {
    if count <= 1 {
        0
    } else {
        random.random_range(0..count)
    }
}

/// FNV-1a.
fn fnv(start: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(start, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The finaliser of SplitMix64: names that differ in one letter give streams that have nothing in common.
fn mixed(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_depends_on_seed_kind_and_name_alone() {
        let first = |seed, kind, name| uniform(&mut stream(seed, kind, name)).to_bits();
        assert_eq!(first(1, "boot", "n-1"), first(1, "boot", "n-1"));
        let others = [
            first(2, "boot", "n-1"),
            first(1, "pull", "n-1"),
            first(1, "boot", "n-2"),
            first(1, "bootn", "-1"),
        ];
        assert!(others.iter().all(|other| *other != first(1, "boot", "n-1")));
        let begun = Streams::new(1, "boot", "n").stream("-1");
        assert_eq!(begun, stream(1, "boot", "n-1"));
    }

    #[test]
    fn draws_of_neighbouring_names_are_even_and_normal() {
        let mut sum = 0.0;
        let mut squares = 0.0;
        let mut means = 0.0;
        for i in 0..10_000 {
            let mut random = stream(7, "boot", &format!("executors-{i}"));
            means += uniform(&mut random) / 10_000.0;
            let z = normal(&mut random);
            sum += z / 10_000.0;
            squares += z * z / 10_000.0;
        }
        assert!((means - 0.5).abs() < 0.02, "{means}");
        assert!(
            sum.abs() < 0.05 && (squares - 1.0).abs() < 0.05,
            "{sum} {squares}"
        );
    }
}
