//! Points in time as AWS writes them: RFC 3339 in UTC, on the emulator's clock. What time it is, is not
//! known here: these are forms of writing alone.

use k8s_openapi::jiff;
use sparkwright::model::time::Timestamp;

/// `2026-11-21T16:07:05.123Z`, from milliseconds since the Unix epoch.
pub fn written(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_millisecond(at.millis()).unwrap_or(jiff::Timestamp::MAX);
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// The same to the second, as events have it.
pub fn to_the_second(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_millisecond(at.millis()).unwrap_or(jiff::Timestamp::MAX);
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Reads what [`written`] writes; None where it is no time.
pub fn read(text: &str) -> Option<Timestamp> {
    let at: jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp::from_millis(at.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_they_are_read() {
        let at = Timestamp::from_millis(1_795_277_546_120);
        assert_eq!(written(at), "2026-11-21T16:12:26.120Z");
        assert_eq!(read(&written(at)), Some(at));
        assert_eq!(to_the_second(at), "2026-11-21T16:12:26Z");
        assert_eq!(read("yesterday"), None);
    }
}
