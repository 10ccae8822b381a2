//! Moments for people: the core's milliseconds as UTC, and how long ago that was.
//! Programs get milliseconds beside them.

use k8s_openapi::jiff;

use crate::model::time::{Span, Timestamp};

/// `2026-11-21T09:30:00Z`; the bare milliseconds where no calendar has such a year.
pub fn utc(at: Timestamp) -> String {
    let known = jiff::Timestamp::from_millisecond(at.millis());
    known.map_or_else(|_| at.millis().to_string(), |moment| moment.to_string())
}

/// `2 min 5 s ago`, or `in 3 s`.
pub fn ago(at: Timestamp, now: Timestamp) -> String {
    let past = now - at;
    if past >= Span::ZERO {
        format!("{} ago", length(past))
    } else {
        format!("in {}", length(at - now))
    }
}

fn length(span: Span) -> String {
    let seconds = span.millis() / 1000;
    match (
        seconds / 86_400,
        seconds / 3600 % 24,
        seconds / 60 % 60,
        seconds % 60,
    ) {
        (0, 0, 0, s) => format!("{s} s"),
        (0, 0, m, s) => format!("{m} min {s} s"),
        (0, h, m, _) => format!("{h} h {m} min"),
        (d, h, _, _) => format!("{d} d {h} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_utc_and_lengths_have_two_units() {
        let at = Timestamp::from_millis(1_795_253_400_000);
        assert_eq!(utc(at), "2026-11-21T09:30:00Z");
        for (seconds, expected) in [
            (7, "7 s ago"),
            (125, "2 min 5 s ago"),
            (7_260, "2 h 1 min ago"),
            (90_000, "1 d 1 h ago"),
            (-3, "in 3 s"),
        ] {
            assert_eq!(ago(at, at + Span::from_secs(seconds)), expected);
        }
    }
}
