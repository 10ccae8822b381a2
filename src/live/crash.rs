//! Points at which a test can have the controller die as if it were killed, between an effect and its
//! record. A release build has none of them.

/// Names the point at which to die.
pub const VARIABLE: &str = "SPARKWRIGHT_CRASH_AT";

/// Every point, in the order of a node's life.
pub const POINTS: [&str; 14] = [
    "before-intent",
    "after-intent",
    "before-fleet",
    "after-fleet",
    "before-answer",
    "after-answer",
    "before-gate",
    "after-gate",
    "before-cordon",
    "after-cordon",
    "before-terminate",
    "after-terminate",
    "before-finalizer",
    "after-finalizer",
];

/// Dies here where a test asks for it.
pub fn point(name: &'static str) {
    debug_assert!(
        POINTS.contains(&name),
        "{name} is a point that tests know of"
    );
    if cfg!(debug_assertions) && std::env::var(VARIABLE).is_ok_and(|asked| asked == name) {
        std::process::abort();
    }
}
