//! Money as integers. A price is whole micro-dollars per hour; a cost is exact in
//! micro-dollar-milliseconds per hour (128 bits), and rounded once, at output.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub};

use serde::{Deserialize, Serialize};

use super::time::Span;

const MICROS_PER_USD: i64 = 1_000_000;
const MILLIS_PER_HOUR: i128 = 3_600_000;

/// A rate: micro-dollars (10⁻⁶ USD) per hour.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct UsdPerHour(i64);

/// An amount: micro-dollars, as printed.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Usd(i64);

/// An exact amount: micro-dollars × milliseconds ÷ hour.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Cost(i128);

impl UsdPerHour {
    /// Nothing per hour.
    pub const ZERO: UsdPerHour = UsdPerHour(0);

    /// A rate in micro-dollars per hour.
    pub const fn from_micros(micros: i64) -> Self {
        UsdPerHour(micros)
    }

    /// The rate in micro-dollars per hour.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Reads a plain decimal such as `1.728`; digits past the sixth are rounded half up.
    /// None when it is not a number, is negative, or is a million USD per hour or more.
    pub fn parse(text: &str) -> Option<Self> {
        parse_micros(text).map(UsdPerHour)
    }

    /// This rate paid for a length of time; never negative.
    pub fn over(self, span: Span) -> Cost {
        Cost(i128::from(self.0) * i128::from(span.millis().max(0)))
    }

    /// The same rate for `count` nodes.
    pub fn times(self, count: u32) -> UsdPerHour {
        UsdPerHour(self.0.saturating_mul(i64::from(count)))
    }
}

impl Cost {
    /// No cost.
    pub const ZERO: Cost = Cost(0);

    /// A cost in micro-dollars ÷ 3,600,000: a micro-dollar per hour, paid for a millisecond.
    pub const fn from_exact(exact: i128) -> Self {
        Cost(exact)
    }

    /// The cost in micro-dollars ÷ 3,600,000.
    pub const fn exact(self) -> i128 {
        self.0
    }

    /// `part / whole` of this cost, rounded down. Zero when `whole` is zero.
    pub fn share(self, part: i128, whole: i128) -> Cost {
        if whole <= 0 {
            Cost::ZERO
        } else {
            let each = self.0 / whole;
            let rest = self.0 - each * whole;
            Cost(each * part + rest * part / whole)
        }
    }

    /// Rounded to micro-dollars, halves up. Sums of parts are rounded by [`apportion`] instead.
    pub fn rounded(self) -> Usd {
        Usd(clamp(
            (self.0 + MILLIS_PER_HOUR / 2).div_euclid(MILLIS_PER_HOUR),
        ))
    }
}

/// Rounds every part so that the rounded parts add up to the rounded whole: each part is rounded
/// down and the micro-dollars still missing go to the largest remainders, earlier parts first.
pub fn apportion(parts: &[Cost]) -> Vec<Usd> {
    let whole: Cost = parts.iter().copied().sum();
    let floors: Vec<i128> = parts
        .iter()
        .map(|part| part.0.div_euclid(MILLIS_PER_HOUR))
        .collect();
    let missing = i128::from(whole.rounded().0) - floors.iter().sum::<i128>();
    let mut by_remainder: Vec<usize> = (0..parts.len()).collect();
    by_remainder.sort_by_key(|&i| (-parts[i].0.rem_euclid(MILLIS_PER_HOUR), i));
    let mut rounded: Vec<Usd> = floors.into_iter().map(|floor| Usd(clamp(floor))).collect();
    let missing = usize::try_from(missing).unwrap_or(0);
    for &i in by_remainder.iter().take(missing) {
        rounded[i].0 += 1;
    }
    rounded
}

impl Usd {
    /// An amount in micro-dollars.
    pub const fn from_micros(micros: i64) -> Self {
        Usd(micros)
    }

    /// The amount in micro-dollars.
    pub const fn micros(self) -> i64 {
        self.0
    }
}

fn clamp(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

fn parse_micros(text: &str) -> Option<i64> {
    let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || whole.len() > 6 || !digits(whole) || !digits(fraction) {
        return None;
    }
    let whole: i64 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let padded: String = fraction.chars().chain("0000000".chars()).take(7).collect();
    let tenths: i64 = padded.parse().ok()?;
    Some(whole * MICROS_PER_USD + (tenths + 5) / 10)
}

fn write_decimal(micros: i64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let sign = if micros < 0 { "-" } else { "" };
    let micros = micros.unsigned_abs();
    let text = format!("{sign}{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    f.pad(text.trim_end_matches('0').trim_end_matches('.'))
}

impl fmt::Display for UsdPerHour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_decimal(self.0, f)
    }
}

impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_decimal(self.0, f)
    }
}

impl Add for UsdPerHour {
    type Output = UsdPerHour;
    fn add(self, other: UsdPerHour) -> UsdPerHour {
        UsdPerHour(self.0.saturating_add(other.0))
    }
}

impl AddAssign for UsdPerHour {
    fn add_assign(&mut self, other: UsdPerHour) {
        *self = *self + other;
    }
}

impl Sub for UsdPerHour {
    type Output = UsdPerHour;
    fn sub(self, other: UsdPerHour) -> UsdPerHour {
        UsdPerHour(self.0.saturating_sub(other.0))
    }
}

impl Sum for UsdPerHour {
    fn sum<I: Iterator<Item = UsdPerHour>>(rates: I) -> UsdPerHour {
        rates.fold(UsdPerHour::ZERO, Add::add)
    }
}

impl Add for Cost {
    type Output = Cost;
    fn add(self, other: Cost) -> Cost {
        Cost(self.0 + other.0)
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Cost) {
        self.0 += other.0;
    }
}

impl Sub for Cost {
    type Output = Cost;
    fn sub(self, other: Cost) -> Cost {
        Cost(self.0 - other.0)
    }
}

impl Sum for Cost {
    fn sum<I: Iterator<Item = Cost>>(costs: I) -> Cost {
        costs.fold(Cost::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_read_to_the_micro_dollar() {
        for (text, micros) in [
            ("1.728", 1_728_000),
            ("0.0000005", 1),
            (".5", 500_000),
            ("3", 3_000_000),
        ] {
            assert_eq!(
                UsdPerHour::parse(text),
                Some(UsdPerHour::from_micros(micros)),
                "{text}"
            );
        }
        for text in ["", ".", "-1", "1e3", "NaN", "1,5", "1000000"] {
            assert_eq!(UsdPerHour::parse(text), None, "{text}");
        }
    }

    #[test]
    fn money_prints_without_trailing_zeros() {
        assert_eq!(UsdPerHour::from_micros(1_728_000).to_string(), "1.728");
        assert_eq!(Usd::from_micros(-5).to_string(), "-0.000005");
        assert_eq!(Usd::from_micros(0).to_string(), "0");
    }

    #[test]
    fn a_second_of_a_dollar_an_hour_costs_278_micro_dollars() {
        let cost = UsdPerHour::from_micros(1_000_000).over(Span::from_secs(1));
        assert_eq!(cost.rounded(), Usd::from_micros(278));
    }

    proptest::proptest! {
        #[test]
        fn rounded_parts_add_up_to_the_rounded_whole(parts in proptest::collection::vec(0_i64..1_000_000_000_000, 0..40)) {
            let costs: Vec<Cost> = parts.iter().map(|&p| Cost(i128::from(p))).collect();
            let whole: Cost = costs.iter().copied().sum();
            let sum: i64 = apportion(&costs).iter().map(|usd| usd.micros()).sum();
            proptest::prop_assert_eq!(sum, whole.rounded().micros());
        }

        #[test]
        fn shares_never_exceed_the_cost(cost in 0_i64..i64::MAX, part in 0_i64..1_000_000, rest in 1_i64..1_000_000) {
            let cost = Cost(i128::from(cost));
            let whole = i128::from(part + rest);
            let sum = cost.share(i128::from(part), whole) + cost.share(i128::from(rest), whole);
            proptest::prop_assert!(sum <= cost);
            proptest::prop_assert!((cost - sum).0 < 2);
        }
    }
}
