//! How fast machines are: the work that a vCPU of an instance family does for executors in an hour,
//! beside a vCPU at 1. A price divided by it is the price of the work.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::money::UsdPerHour;
use super::nodepool::FieldError;
use super::time::Span;

/// The slowest that is believed, in thousandths: vCPUs that EC2 has sold in a dozen years lie well
/// within a factor of ten, and what lies outside is a slip of the pen.
const LEAST: i64 = 100;
/// The fastest that is believed.
const MOST: i64 = 10_000;
/// One, in thousandths.
const UNIT: i64 = 1000;

/// Work per vCPU and hour, in thousandths of that of a vCPU at 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "i64", into = "i64")]
pub struct Performance(i64);

/// Performance by instance family; 1 where none is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Performances(BTreeMap<String, Performance>);

impl From<i64> for Performance {
    fn from(thousandths: i64) -> Self {
        Performance::from_thousandths(thousandths)
    }
}

impl From<Performance> for i64 {
    fn from(performance: Performance) -> Self {
        performance.0
    }
}

impl Performance {
    /// What counts where nothing is known.
    pub const ONE: Performance = Performance(UNIT);

    /// Reads a plain decimal such as `1.15`.
    ///
    /// # Errors
    /// What is wrong with it and what to write instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        // Micro-dollars serve as millionths of any decimal number.
        let millionths = UsdPerHour::parse(text)
            .ok_or("is no factor; write a plain decimal such as 1.15")?
            .micros();
        if millionths == 0 {
            Err(
                "would mean that no work is ever done; take it out for 1, or leave the family out \
                 of the requirements"
                    .to_owned(),
            )
        } else if !(LEAST * 1000..=MOST * 1000).contains(&millionths) {
            Err("is beyond what machines differ by; write 0.1 to 10, where 1 is a family without entry"
                .to_owned())
        } else if millionths % 1000 != 0 {
            Err("has more than three decimals; round it".to_owned())
        } else {
            Ok(Performance(millionths / 1000))
        }
    }

    /// A performance in thousandths; what is not believed becomes the nearest that is.
    pub fn from_thousandths(thousandths: i64) -> Self {
        Performance(thousandths.clamp(LEAST, MOST))
    }

    /// In thousandths.
    pub const fn thousandths(self) -> i64 {
        self.0
    }

    /// The price of as much work as a machine at 1 does in an hour, to the nearest micro-dollar.
    pub fn price_of_work(self, price: UsdPerHour) -> UsdPerHour {
        let micros = i128::from(price.micros()) * i128::from(UNIT);
        UsdPerHour::from_micros(nearest(micros, i128::from(self.0)))
    }

    /// How long work takes here that took so long on a machine of that performance.
    pub fn time_for(self, took: Span, there: Performance) -> Span {
        let scaled = i128::from(took.millis()) * i128::from(there.0);
        Span::from_millis(nearest(scaled, i128::from(self.0)))
    }
}

fn nearest(value: i128, divisor: i128) -> i64 {
    i64::try_from((value + divisor / 2).div_euclid(divisor)).unwrap_or(i64::MAX)
}

impl fmt::Display for Performance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        UsdPerHour::from_micros(self.0 * 1000).fmt(f)
    }
}

impl Performances {
    /// The performance of a family.
    pub fn of(&self, family: &str) -> Performance {
        self.0.get(family).copied().unwrap_or(Performance::ONE)
    }

    /// True where every family counts as 1.
    pub fn are_one(&self) -> bool {
        self.0.values().all(|given| *given == Performance::ONE)
    }

    /// Families that are named and that EC2 does not have, as faults of the NodePool's field; `known`
    /// are those that it has.
    pub fn unknown<'a>(&self, known: impl Iterator<Item = &'a str> + Clone) -> Vec<FieldError> {
        let strange = self
            .0
            .iter()
            .filter(|(family, _)| known.clone().all(|other| other != family.as_str()));
        let fault = |(family, given): (&String, &Performance)| {
            let near = known.clone().min_by_key(|other| distance(family, other));
            let hint = near.map(|other| format!("; did you mean {other}?"));
            FieldError {
                field: format!("spec.performance.{family}"),
                value: given.to_string(),
                problem: format!(
                    "is for a family that EC2 does not have{}",
                    hint.unwrap_or_default()
                ),
            }
        };
        strange.map(fault).collect()
    }
}

impl FromIterator<(String, Performance)> for Performances {
    fn from_iter<T: IntoIterator<Item = (String, Performance)>>(given: T) -> Self {
        Performances(given.into_iter().collect())
    }
}

/// How unlike two family names are: what is left of both beside their common beginning.
fn distance(a: &str, b: &str) -> usize {
    let common = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    a.len() + b.len() - 2 * common
}

/// What is wrong with a family's name, whether EC2 has it or not.
pub(super) fn family_fault(name: &str) -> Option<String> {
    if let Some((family, _)) = name.split_once('.') {
        return Some(format!("is for a type; write its family, {family}"));
    }
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let formed = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.contains(|c: char| c.is_ascii_digit())
        && name.chars().all(plain);
    (!formed).then(|| "is for no instance family; write one such as m7g".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_is_a_plain_decimal_that_machines_can_differ_by() {
        for (text, thousandths) in [
            ("1", 1000),
            ("1.15", 1150),
            ("0.925", 925),
            ("10", 10_000),
            ("0.1", 100),
        ] {
            assert_eq!(
                Performance::parse(text),
                Ok(Performance(thousandths)),
                "{text}"
            );
            assert_eq!(Performance(thousandths).to_string(), text);
        }
        for (text, part) in [
            ("0", "no work"),
            ("0.0", "no work"),
            ("-1", "no factor"),
            ("fast", "no factor"),
            ("115%", "no factor"),
            ("0.09", "beyond"),
            ("115", "beyond"),
            ("10.0001", "beyond"),
            ("1.1505", "three decimals"),
        ] {
            let problem = Performance::parse(text).unwrap_err();
            assert!(problem.contains(part), "{text}: {problem}");
        }
    }

    #[test]
    fn a_faster_machine_does_the_same_work_for_less_in_less_time() {
        let fast = Performance::parse("1.25").unwrap();
        let usd = UsdPerHour::from_micros;
        assert_eq!(fast.price_of_work(usd(1_000_000)), usd(800_000));
        assert_eq!(Performance::ONE.price_of_work(usd(7)), usd(7));
        let took = Span::from_millis(1000);
        assert_eq!(
            fast.time_for(took, Performance::ONE),
            Span::from_millis(800)
        );
        assert_eq!(
            Performance::ONE.time_for(took, fast),
            Span::from_millis(1250)
        );
    }

    #[test]
    fn a_family_that_ec2_does_not_have_is_named_with_the_nearest() {
        let given: Performances = [("m7h".to_owned(), Performance(1150))]
            .into_iter()
            .collect();
        let faults = given.unknown(["c5", "m6g", "m7g", "r5"].into_iter());
        assert_eq!(
            faults[0].to_string(),
            "spec.performance.m7h: 1.15 is for a family that EC2 does not have; did you mean m7g?"
        );
        assert!(given.unknown(["m7h"].into_iter()).is_empty());
        assert_eq!(given.of("m7h"), Performance(1150));
        assert_eq!(given.of("m5"), Performance::ONE);
    }

    #[test]
    fn names_that_cannot_be_families_say_so() {
        for name in ["m7g", "u-6tb1", "mac2-m2pro", "c7i-flex"] {
            assert_eq!(family_fault(name), None, "{name}");
        }
        assert!(
            family_fault("m7g.xlarge")
                .unwrap()
                .contains("its family, m7g")
        );
        for name in ["", "M7g", "graviton", "7m"] {
            assert!(family_fault(name).is_some(), "{name}");
        }
    }
}
