//! When to look: a moment after something has changed, so that what comes together is planned together;
//! when the plan said so; and never later than a bound, however busy the cluster is.

use crate::model::time::{Span, Timestamp};

/// Quiet after which a change is looked at where more pods may be on their way.
const SETTLE: Span = Span::from_millis(250);
/// The same where every application that asks has said what it will ask for.
const DECLARED: Span = Span::from_millis(5);
/// The longest that a change waits.
const AT_MOST: Span = Span::from_secs(2);

/// When the next round is due.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    first: Option<Timestamp>,
    last: Timestamp,
    settle: Span,
    /// When a shape was last declared that nobody has looked at.
    declared: Option<Timestamp>,
    look: Option<Timestamp>,
}

impl Pace {
    /// Something changed. `declared`: all that ask have said what they will ask for.
    pub fn changed(&mut self, now: Timestamp, declared: bool) {
        self.first.get_or_insert(now);
        self.last = now;
        self.settle = if declared { DECLARED } else { SETTLE };
    }

    /// An application has said what it will ask for: others that have not do not hold it up.
    pub fn declared(&mut self, now: Timestamp) {
        self.changed(now, false);
        self.declared = Some(now);
    }

    /// The plan wants to look again then, even if nothing happens.
    pub fn look_at(&mut self, at: Option<Timestamp>) {
        self.look = at;
    }

    /// A round is done.
    pub fn looked(&mut self) {
        self.first = None;
        self.declared = None;
        self.look = None;
    }

    /// When the next round is due; None: not before something changes.
    pub fn due(&self) -> Option<Timestamp> {
        let settled = self
            .first
            .map(|first| (self.last + self.settle).min(first + AT_MOST));
        let declared = self.declared.map(|at| at + DECLARED);
        settled.into_iter().chain(declared).chain(self.look).min()
    }

    /// Since when the first change waits.
    pub fn since(&self) -> Option<Timestamp> {
        self.first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_looked_at_when_they_settle_and_never_later_than_the_bound() {
        let at = Timestamp::from_millis;
        let mut pace = Pace::default();
        assert_eq!(pace.due(), None);
        pace.changed(at(1000), false);
        assert_eq!(pace.due(), Some(at(1250)));
        pace.changed(at(1200), false);
        assert_eq!(pace.due(), Some(at(1450)));
        pace.changed(at(2900), false);
        assert_eq!(pace.due(), Some(at(3000)), "two seconds after the first");
        pace.changed(at(2950), true);
        assert_eq!(pace.due(), Some(at(2955)));
        pace.looked();
        pace.declared(at(4000));
        pace.changed(at(4003), false);
        assert_eq!(pace.due(), Some(at(4005)), "who declares waits for nobody");
        pace.looked();
        pace.look_at(Some(at(9000)));
        assert_eq!(pace.due(), Some(at(9000)));
    }
}
