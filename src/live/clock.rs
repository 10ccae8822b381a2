//! The one place where the live shell reads clocks: the wall's for events, the machine's for waits and
//! for how long a lease is held.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::model::time::Timestamp;

/// The time by the wall's clock; the core sees no other.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let millis = since.map_or(0, |since| since.as_millis());
    Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}

/// Now, as Kubernetes writes times in statuses.
pub fn rfc3339() -> String {
    k8s_openapi::jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}

/// A time as our objects' statuses have it; None where it is none.
pub fn read(text: &str) -> Option<Timestamp> {
    let at: k8s_openapi::jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp::from_millis(at.as_millisecond()))
}
