//! Points in time and lengths of time, in whole milliseconds. The core never reads a clock: every
//! `Timestamp` comes in with an event or with the view.

use std::error::Error;
use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Milliseconds since the Unix epoch, or since the start of a simulation.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(i64);

/// A length of time in milliseconds.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Span(i64);

impl Timestamp {
    /// The origin: the Unix epoch, or the first moment of a simulation.
    pub const ZERO: Timestamp = Timestamp(0);

    /// A point in time, in milliseconds since the origin.
    pub const fn from_millis(millis: i64) -> Self {
        Timestamp(millis)
    }

    /// Milliseconds since the origin.
    pub const fn millis(self) -> i64 {
        self.0
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Span = Span(0);

    /// A length in milliseconds.
    pub const fn from_millis(millis: i64) -> Self {
        Span(millis)
    }

    /// A length in whole seconds.
    pub const fn from_secs(secs: i64) -> Self {
        Span(secs.saturating_mul(1000))
    }

    /// The length in milliseconds.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// The length rounded up to whole seconds: EC2 bills Linux by the second.
    pub const fn round_up_to_seconds(self) -> Span {
        Span((self.0 + 999).div_euclid(1000) * 1000)
    }
}

impl Add<Span> for Timestamp {
    type Output = Timestamp;
    fn add(self, span: Span) -> Timestamp {
        Timestamp(self.0.saturating_add(span.0))
    }
}

impl Sub<Span> for Timestamp {
    type Output = Timestamp;
    fn sub(self, span: Span) -> Timestamp {
        Timestamp(self.0.saturating_sub(span.0))
    }
}

impl Sub for Timestamp {
    type Output = Span;
    fn sub(self, earlier: Timestamp) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Add for Span {
    type Output = Span;
    fn add(self, other: Span) -> Span {
        Span(self.0.saturating_add(other.0))
    }
}

impl Sub for Span {
    type Output = Span;
    fn sub(self, other: Span) -> Span {
        Span(self.0.saturating_sub(other.0))
    }
}

/// A text that is no length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanError;

impl fmt::Display for SpanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("write a whole number and a unit: 500ms, 90s, 15m, 2h")
    }
}

impl Error for SpanError {}

/// A length as people write one: `500ms`, `90s`, `15m`, `2h`.
impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let end = text.find(|c: char| !c.is_ascii_digit()).ok_or(SpanError)?;
        let (number, unit) = text.split_at(end);
        let number: i64 = number.parse().map_err(|_| SpanError)?;
        let unit = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(SpanError),
        };
        number.checked_mul(unit).map(Span).ok_or(SpanError)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:03}", self.0 / 1000, (self.0 % 1000).abs());
        write!(f, "{}s", text.trim_end_matches('0').trim_end_matches('.'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_a_whole_number_and_a_unit() {
        for (text, millis) in [
            ("500ms", 500),
            ("90s", 90_000),
            ("15m", 900_000),
            ("2h", 7_200_000),
        ] {
            assert_eq!(text.parse(), Ok(Span::from_millis(millis)));
        }
        for text in [
            "",
            "s",
            "90",
            "-1s",
            "1.5h",
            "1d",
            "1h30m",
            "9223372036854775807h",
        ] {
            assert_eq!(text.parse::<Span>(), Err(SpanError), "{text}");
        }
    }
}
