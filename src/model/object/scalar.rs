//! Values that people write as a number or as text, and what each form of them means: quantities,
//! amounts of money, percentages, lengths of time. Each answer is a value or the problem with its
//! remedy.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Visitor};
use serde::{Deserialize, Serialize};

use super::super::money::UsdPerHour;
use super::super::time::Span;

/// The largest percentage that `maxPremium` takes: dearer alternatives than 11 times the planned type
/// are a slip of the pen.
const MOST_PERCENT: u32 = 1000;
/// Lengths of time above a century are refused: they are a slip of the pen, and sums of them would
/// overflow.
const MOST_SECONDS: i64 = 100 * 366 * 24 * 3600;

macro_rules! scalars {
    ($($(#[$doc:meta])* $name:ident, $expected:literal, $schema:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Text($expected)).map($name)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    )+};
}

scalars! {
    /// A Kubernetes quantity or a count: 1000, "500m" or 100Gi.
    Quantity, "a number or a quantity such as 100Gi", json_schema!({
        "x-kubernetes-int-or-string": true,
        "minimum": 0,
        "pattern": "^([0-9]+([.][0-9]*)?|[.][0-9]+)([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]+)?$",
    });
    /// A decimal number, or text such as 15%. No type in the schema, since Kubernetes' int-or-string
    /// leaves out decimals.
    Amount, "a number such as 0.15 or text such as 15%", json_schema!({
        "x-kubernetes-preserve-unknown-fields": true,
    });
    /// A length of time: 60s, 1h30m, or Never where that means something.
    Length, "a length of time such as 60s", json_schema!({
        "type": "string",
        "pattern": "^(Never|([0-9]+[hms])+)$",
    });
}

/// Reads a number or text as text.
struct Text(&'static str);

impl Visitor<'_> for Text {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_i64<E>(self, number: i64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_u64<E>(self, number: u64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_f64<E>(self, number: f64) -> Result<String, E> {
        Ok(number.to_string())
    }
}

/// Reads `60s`, `5m`, `1h30m`, `720h`.
pub(in crate::model) fn span(text: &str) -> Result<Span, String> {
    const FORM: &str = "is no length of time; write numbers with h, m or s, such as 60s or 1h30m";
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(format!("has no unit; write {text}s for seconds"));
    }
    let (mut rest, mut seconds) = (text, Some(0_i64));
    while !rest.is_empty() {
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .filter(|end| *end > 0)
            .ok_or(FORM)?;
        let unit = match rest.as_bytes()[end] {
            b'h' => 3600,
            b'm' => 60,
            b's' => 1,
            _ => return Err(FORM.to_owned()),
        };
        let number: Option<i64> = rest[..end].parse().ok();
        let part = number.and_then(|n| n.checked_mul(unit));
        seconds = seconds.zip(part).and_then(|(a, b)| a.checked_add(b));
        rest = &rest[end + 1..];
    }
    match seconds {
        _ if text.is_empty() => Err(FORM.to_owned()),
        Some(seconds) if seconds <= MOST_SECONDS => Ok(Span::from_secs(seconds)),
        _ => Err("is longer than a century; write Never or a shorter time".to_owned()),
    }
}

/// Reads `15%` or the fraction `0.15` as whole per cent.
pub(in crate::model) fn percent(text: &str) -> Result<u32, String> {
    const FORM: &str = "is no percentage; write it like 15% or 0.15";
    let number = text.strip_suffix('%').unwrap_or(text);
    // Micro-dollars serve as millionths of any decimal number.
    let millionths = UsdPerHour::parse(number).ok_or(FORM)?.micros();
    let millionths_of_percent = if number == text {
        millionths.saturating_mul(100)
    } else {
        millionths
    };
    let whole = u32::try_from(millionths_of_percent / 1_000_000).unwrap_or(u32::MAX);
    if number == text && millionths > 1_000_000 {
        Err(format!(
            "reads as {whole} per cent; write it like {number}% or as a fraction up to 1"
        ))
    } else if millionths_of_percent % 1_000_000 != 0 {
        Err("is not in whole per cent; round it".to_owned())
    } else if whole > MOST_PERCENT {
        Err(format!("is above {MOST_PERCENT}%; write less"))
    } else {
        Ok(whole)
    }
}

/// Reads USD per hour.
pub(in crate::model) fn usd(text: &str) -> Result<UsdPerHour, String> {
    UsdPerHour::parse(text).ok_or_else(|| {
        "is no amount in USD per hour; write a plain decimal of zero or more, such as 12.5"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_hours_minutes_and_seconds() {
        for (text, seconds) in [
            ("60s", 60),
            ("5m", 300),
            ("1h30m", 5400),
            ("720h", 2_592_000),
            ("0s", 0),
        ] {
            assert_eq!(span(text), Ok(Span::from_secs(seconds)), "{text}");
        }
        for (text, part) in [
            ("", "60s"),
            ("30", "write 30s"),
            ("-5s", "no length"),
            ("5 m", "no length"),
            ("5d", "no length"),
            ("s", "no length"),
            ("5s3", "no length"),
            ("5é", "no length"),
            ("99999999999999999999h", "century"),
            ("9000000h", "century"),
        ] {
            let problem = span(text).unwrap_err();
            assert!(problem.contains(part), "{text:?}: {problem}");
        }
    }

    #[test]
    fn a_premium_is_a_percentage_or_a_fraction() {
        for (text, expected) in [
            ("15%", 15),
            ("0.15", 15),
            ("0", 0),
            ("1", 100),
            ("250%", 250),
        ] {
            assert_eq!(percent(text), Ok(expected), "{text}");
        }
        for (text, part) in [
            ("15", "reads as 1500 per cent"),
            ("-1%", "no percentage"),
            ("0.155", "whole per cent"),
            ("1001%", "above 1000%"),
            ("much", "no percentage"),
        ] {
            let problem = percent(text).unwrap_err();
            assert!(problem.contains(part), "{text:?}: {problem}");
        }
    }
}
