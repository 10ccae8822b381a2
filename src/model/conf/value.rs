//! One property at a time: its text to a number, an amount of memory, a length of time or a yes or
//! no, in the forms that Spark accepts. Knows no property by name.

use super::super::quantity;
use super::super::resources::Cpu;
use super::super::time::Span;
use super::Conf;

/// A Spark property whose value cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{property} = {value:?} {problem}")]
pub struct ConfError {
    /// The property's key.
    pub property: String,
    /// Its value as written.
    pub value: String,
    /// What is wrong with it, and what to write instead.
    pub problem: String,
}

/// Unit of a size that is written without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plain {
    /// `spark.*.memory`, `memoryOverhead`, `pyspark.memory`.
    Mebibytes,
    /// `spark.memory.offHeap.size`.
    Bytes,
}

impl ConfError {
    /// Refuses the property `key`; `problem` says what is wrong and what to write instead.
    pub fn new(conf: &Conf, key: &str, problem: impl Into<String>) -> Self {
        ConfError {
            property: key.to_owned(),
            value: conf.get(key).cloned().unwrap_or_default(),
            problem: problem.into(),
        }
    }
}

/// The text of a property, less surrounding spaces; None when it is absent.
pub fn text<'a>(conf: &'a Conf, key: &str) -> Option<&'a str> {
    conf.get(key).map(|value| value.trim())
}

/// A whole number from zero.
pub fn number(conf: &Conf, key: &str) -> Result<Option<u32>, ConfError> {
    let problem = "is not a whole number from 0 to 2147483647; write one, such as 4";
    let parse = |value: &str| {
        value
            .parse()
            .ok()
            .filter(|&number: &u32| i32::try_from(number).is_ok())
            .ok_or_else(|| ConfError::new(conf, key, problem))
    };
    text(conf, key).map(parse).transpose()
}

/// A whole number from one.
pub fn positive(conf: &Conf, key: &str) -> Result<Option<u32>, ConfError> {
    match number(conf, key)? {
        Some(0) => Err(ConfError::new(conf, key, "is zero; write 1 or more")),
        other => Ok(other),
    }
}

/// A decimal fraction from zero.
pub fn ratio(conf: &Conf, key: &str) -> Result<Option<f64>, ConfError> {
    let problem = "is not a number from zero; write one, such as 0.1";
    let parse = |value: &str| {
        value
            .parse()
            .ok()
            .filter(|ratio: &f64| ratio.is_finite() && *ratio >= 0.0)
            .ok_or_else(|| ConfError::new(conf, key, problem))
    };
    text(conf, key).map(parse).transpose()
}

/// `true` or `false`, in any case; absent is false.
pub fn flag(conf: &Conf, key: &str) -> Result<bool, ConfError> {
    Ok(flag_if_set(conf, key)?.unwrap_or(false))
}

/// `true` or `false`, in any case.
pub fn flag_if_set(conf: &Conf, key: &str) -> Result<Option<bool>, ConfError> {
    match text(conf, key) {
        None => Ok(None),
        Some(value) if value.eq_ignore_ascii_case("true") => Ok(Some(true)),
        Some(value) if value.eq_ignore_ascii_case("false") => Ok(Some(false)),
        Some(_) => Err(ConfError::new(conf, key, "is neither true nor false")),
    }
}

/// A Kubernetes CPU quantity.
pub fn cpu(conf: &Conf, key: &str) -> Result<Option<Cpu>, ConfError> {
    let parse =
        |value| quantity::cpu(value).map_err(|error| ConfError::new(conf, key, error.to_string()));
    text(conf, key).map(parse).transpose()
}

/// A size in whole mebibytes, rounded down as Spark does: `512m`, `20g`, `1024k`, `2gb`, or a plain
/// number in the unit of the property.
pub fn mebibytes(conf: &Conf, key: &str, plain: Plain) -> Result<Option<u64>, ConfError> {
    let problem = "is not a size; write a whole number with k, m, g, t or p, such as 4g or 512m";
    let parse = |value: &str| {
        let (digits, suffix) = split_number(value);
        let number: u64 = digits.parse().ok()?;
        let unit = match (suffix.to_ascii_lowercase().as_str(), plain) {
            ("", Plain::Bytes) | ("b", _) => 1,
            ("k" | "kb" | "kib", _) => 1 << 10,
            ("", Plain::Mebibytes) | ("m" | "mb" | "mib", _) => 1 << 20,
            ("g" | "gb" | "gib", _) => 1 << 30,
            ("t" | "tb" | "tib", _) => 1 << 40,
            ("p" | "pb" | "pib", _) => 1 << 50,
            _ => return None,
        };
        let bytes = number
            .checked_mul(unit)
            .and_then(|b| i64::try_from(b).ok())?;
        u64::try_from(bytes).ok().map(|bytes| bytes >> 20)
    };
    match text(conf, key) {
        None => Ok(None),
        Some(value) => match parse(value) {
            Some(mebibytes) => Ok(Some(mebibytes)),
            None => Err(ConfError::new(conf, key, problem)),
        },
    }
}

/// A length of time: `100ms`, `30s`, `2m` or `2min`, `1h`, `1d`, or a plain number of seconds.
pub fn duration(conf: &Conf, key: &str) -> Result<Option<Span>, ConfError> {
    let problem =
        "is not a length of time; write a whole number with ms, s, m, h or d, such as 30s";
    let parse = |value: &str| {
        let (digits, suffix) = split_number(value);
        let number: i64 = digits.parse().ok()?;
        let unit = match suffix.to_ascii_lowercase().as_str() {
            "us" => return Some(Span::from_millis(number / 1000)),
            "ms" => 1,
            "" | "s" => 1000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        number.checked_mul(unit).map(Span::from_millis)
    };
    match text(conf, key) {
        None => Ok(None),
        Some(value) => match parse(value) {
            Some(span) => Ok(Some(span)),
            None => Err(ConfError::new(conf, key, problem)),
        },
    }
}

/// Leading digits and what follows them.
fn split_number(value: &str) -> (&str, &str) {
    let end = value
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(value.len());
    value.split_at(end)
}
