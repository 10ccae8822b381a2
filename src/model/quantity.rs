//! Kubernetes quantities (`3400m`, `20Gi`, `1e3`) to integers in base units, rounded up as the API
//! server does. Grammar: <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>.

use super::resources::{Bytes, Cpu};

/// Why a quantity was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// Not of the form number and suffix.
    #[error("is not a quantity; write a number with an optional suffix, such as 500m, 2 or 20Gi")]
    Malformed,
    /// Below zero.
    #[error("is negative; write zero or more")]
    Negative,
    /// Larger than 2⁶³ − 1 in base units, the most that Kubernetes represents.
    #[error("is too large; at most 9223372036854775807 base units can be represented")]
    TooLarge,
}

/// CPU: cores, in thousandths, rounded up.
pub fn cpu(text: &str) -> Result<Cpu, QuantityError> {
    scaled(text, 3).map(Cpu::from_millis)
}

/// Memory or storage: bytes, rounded up.
pub fn bytes(text: &str) -> Result<Bytes, QuantityError> {
    scaled(text, 0).map(Bytes::new)
}

/// A count (pods, devices), rounded up.
pub fn whole(text: &str) -> Result<u64, QuantityError> {
    scaled(text, 0)
}

/// The value × 10^`decimals`, rounded up to an integer.
fn scaled(text: &str, decimals: i32) -> Result<u64, QuantityError> {
    let (negative, unsigned) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let end = unsigned
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(unsigned.len());
    let (number, suffix) = unsigned.split_at(end);
    let (integer, fraction) = number.split_once('.').unwrap_or((number, ""));
    if integer.len() + fraction.len() == 0 || fraction.contains('.') {
        return Err(QuantityError::Malformed);
    }
    let (ten, two) = exponents(suffix)?;
    let digits = [integer, fraction].concat();
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return Ok(0);
    }
    if negative {
        return Err(QuantityError::Negative);
    }
    let point = i32::try_from(fraction.len()).map_err(|_| QuantityError::Malformed)?;
    round_up(digits, ten + decimals - point, two)
}

/// `digits` × 10^`ten` × 2^`two`, rounded up. Thirty digits are more than any real quantity has.
fn round_up(digits: &str, ten: i32, two: u32) -> Result<u64, QuantityError> {
    if digits.len() > 30 {
        return Err(if ten < -12 {
            QuantityError::Malformed
        } else {
            QuantityError::TooLarge
        });
    }
    let mantissa: u128 = digits.parse().map_err(|_| QuantityError::Malformed)?;
    let power = |exponent: u32| 10_u128.checked_pow(exponent);
    let value = if ten >= 0 {
        power(ten.unsigned_abs())
            .and_then(|p| mantissa.checked_mul(p))
            .and_then(|v| v.checked_mul(1 << two))
    } else {
        let scaled = mantissa.checked_mul(1 << two);
        power(ten.unsigned_abs()).map_or(Some(1), |p| scaled.map(|v| v.div_ceil(p)))
    };
    value
        .and_then(|v| i64::try_from(v).ok())
        .and_then(|v| u64::try_from(v).ok())
        .ok_or(QuantityError::TooLarge)
}

/// Powers of ten and of two that a suffix stands for.
fn exponents(suffix: &str) -> Result<(i32, u32), QuantityError> {
    Ok(match suffix {
        "" => (0, 0),
        "n" => (-9, 0),
        "u" => (-6, 0),
        "m" => (-3, 0),
        "k" => (3, 0),
        "M" => (6, 0),
        "G" => (9, 0),
        "T" => (12, 0),
        "P" => (15, 0),
        "E" => (18, 0),
        "Ki" => (0, 10),
        "Mi" => (0, 20),
        "Gi" => (0, 30),
        "Ti" => (0, 40),
        "Pi" => (0, 50),
        "Ei" => (0, 60),
        _ => {
            let exponent = suffix
                .strip_prefix(['e', 'E'])
                .ok_or(QuantityError::Malformed)?;
            match exponent.parse::<i32>() {
                Ok(power @ -30..=30) => (power, 0),
                Ok(power) if power > 0 => return Err(QuantityError::TooLarge),
                _ => return Err(QuantityError::Malformed),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_read_as_kubernetes_reads_them() {
        for (text, millis) in [
            ("1", 1000),
            ("3400m", 3400),
            ("0.1", 100),
            ("1e3", 1_000_000),
            ("100u", 1),
            ("+2", 2000),
            ("0", 0),
            ("-0", 0),
        ] {
            assert_eq!(cpu(text), Ok(Cpu::from_millis(millis)), "{text}");
        }
        for (text, expected) in [
            ("23552Mi", 23552 << 20),
            ("1.5Gi", 3 << 29),
            ("20G", 20_000_000_000),
            ("128974848000m", 128_974_848),
            ("7Ei", 7 << 60),
        ] {
            assert_eq!(bytes(text), Ok(Bytes::new(expected)), "{text}");
        }
    }

    #[test]
    fn what_is_no_quantity_is_refused_with_the_reason() {
        for (text, error) in [
            ("", QuantityError::Malformed),
            ("5g", QuantityError::Malformed),
            ("1.2.3", QuantityError::Malformed),
            (" 1", QuantityError::Malformed),
            ("1e", QuantityError::Malformed),
            ("NaN", QuantityError::Malformed),
            ("-1", QuantityError::Negative),
            ("9E", QuantityError::TooLarge),
            ("1e400", QuantityError::TooLarge),
            (
                "99999999999999999999999999999999999999",
                QuantityError::TooLarge,
            ),
            ("16Ei", QuantityError::TooLarge),
        ] {
            let result = if text == "9E" {
                cpu(text).map(Cpu::millis)
            } else {
                bytes(text).map(Bytes::get)
            };
            assert_eq!(result, Err(error), "{text:?}");
        }
    }
}
