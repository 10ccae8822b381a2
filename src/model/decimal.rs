//! Numbers in documents, printed from integers: exact, without exponent, without trailing zeros. No
//! amount of money passes through a floating-point number on its way out.

use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::money::{Usd, UsdPerHour};
use super::performance::Performance;
use super::time::Span;

/// A decimal number with at most six decimals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decimal(String);

impl Decimal {
    /// `part ÷ whole`, rounded half up to six decimals; zero where `whole` is.
    pub fn ratio(part: i128, whole: i128) -> Self {
        let micros = if whole == 0 {
            0
        } else {
            (part * 2_000_000 + whole).div_euclid(2 * whole)
        };
        Usd::from_micros(i64::try_from(micros).unwrap_or(i64::MAX)).into()
    }
}

impl From<Usd> for Decimal {
    fn from(usd: Usd) -> Self {
        Decimal(usd.to_string())
    }
}

impl From<UsdPerHour> for Decimal {
    fn from(rate: UsdPerHour) -> Self {
        Decimal(rate.to_string())
    }
}

/// A factor.
impl From<Performance> for Decimal {
    fn from(performance: Performance) -> Self {
        Decimal(performance.to_string())
    }
}

/// Seconds.
impl From<Span> for Decimal {
    fn from(span: Span) -> Self {
        Usd::from_micros(span.millis().saturating_mul(1000)).into()
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw = RawValue::from_string(self.0.clone()).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_exact_and_plain() {
        let json = |number: Decimal| serde_json::to_string(&number).unwrap();
        assert_eq!(json(UsdPerHour::from_micros(1_728_000).into()), "1.728");
        assert_eq!(json(Span::from_millis(61_250).into()), "61.25");
        assert_eq!(json(Decimal::ratio(1, 3)), "0.333333");
        assert_eq!(json(Decimal::ratio(1, 0)), "0");
    }
}
