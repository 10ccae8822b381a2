//! What goes wrong between a caller and EC2, as a script says: by action, by the number of the call, by
//! time, by chance (the seed's). The first fault that fits a call is the one that strikes it.

use std::collections::BTreeMap;

use sparkwright::model::time::{Span, Timestamp};

use crate::world::stream::{pick, stream};

/// A fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The action it strikes, or `*`.
    pub action: String,
    /// Which calls of it.
    pub when: When,
    /// What happens.
    pub wrong: Wrong,
}

/// Which calls: all conditions that are there must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct When {
    /// Numbers of calls of the action (of any, for `*`), from 1; empty for every one.
    pub calls: Vec<u64>,
    /// From this time on.
    pub from: Option<Timestamp>,
    /// Before this time.
    pub to: Option<Timestamp>,
    /// So many of a hundred.
    pub percent: Option<u32>,
}

/// What happens to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// It is refused, and nothing is done.
    Error {
        /// The code.
        code: String,
        /// The HTTP status.
        status: u16,
    },
    /// It is done, and answered late.
    Delay(Span),
    /// It is done, and the connection closed without an answer.
    LoseAnswer,
    /// The connection is closed, and nothing is done.
    Drop,
    /// Nothing is done, and nothing answered as long as the caller waits.
    Hang,
}

impl Wrong {
    /// Its name in the log.
    pub fn name(&self) -> &'static str {
        match self {
            Wrong::Error { .. } => "error",
            Wrong::Delay(_) => "delay",
            Wrong::LoseAnswer => "lose-answer",
            Wrong::Drop => "drop",
            Wrong::Hang => "hang",
        }
    }
}

/// A script that is played.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    faults: Vec<Fault>,
    seed: u64,
    calls: BTreeMap<String, u64>,
    all: u64,
}

impl Faults {
    /// At its beginning.
    pub fn new(faults: Vec<Fault>, seed: u64) -> Self {
        Faults {
            faults,
            seed,
            ..Faults::default()
        }
    }

    /// A call comes in: what strikes it.
    pub fn strike(&mut self, action: &str, now: Timestamp) -> Option<Wrong> {
        self.all += 1;
        let count = self.calls.entry(action.to_owned()).or_default();
        *count += 1;
        let (count, all) = (*count, self.all);
        let mut faults = self.faults.iter().enumerate();
        let (_, fault) = faults.find(|(i, fault)| {
            let number = match fault.action.as_str() {
                "*" => all,
                name if name == action => count,
                _ => return false,
            };
            fault.when.holds(number, now) && self.by_chance(*i, fault, action, number)
        })?;
        Some(fault.wrong.clone())
    }

    fn by_chance(&self, i: usize, fault: &Fault, action: &str, number: u64) -> bool {
        let Some(percent) = fault.when.percent else {
            return true;
        };
        let name = format!("{i} {action} {number}");
        let mut random = stream(self.seed, "fault", &name);
        pick(&mut random, 100) < usize::try_from(percent).unwrap_or(100)
    }
}

impl When {
    fn holds(&self, number: u64, now: Timestamp) -> bool {
        (self.calls.is_empty() || self.calls.contains(&number))
            && self.from.is_none_or(|from| from <= now)
            && self.to.is_none_or(|to| now < to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(action: &str, when: When, wrong: Wrong) -> Fault {
        Fault {
            action: action.to_owned(),
            when,
            wrong,
        }
    }

    #[test]
    fn the_first_fault_that_fits_strikes() {
        let at = |s: i64| Timestamp::from_millis(s * 1000);
        let second = When {
            calls: vec![2],
            ..When::default()
        };
        let late = When {
            from: Some(at(10)),
            to: Some(at(20)),
            ..When::default()
        };
        let mut faults = Faults::new(
            vec![
                fault("CreateFleet", second, Wrong::LoseAnswer),
                fault("*", late, Wrong::Hang),
            ],
            1,
        );
        assert_eq!(faults.strike("CreateFleet", at(0)), None);
        assert_eq!(faults.strike("DescribeInstances", at(0)), None);
        assert_eq!(
            faults.strike("CreateFleet", at(12)),
            Some(Wrong::LoseAnswer)
        );
        assert_eq!(faults.strike("CreateFleet", at(19)), Some(Wrong::Hang));
        assert_eq!(faults.strike("CreateFleet", at(20)), None);
    }

    #[test]
    fn chance_strikes_as_often_as_it_should_and_the_same_calls_again() {
        let tenth = When {
            percent: Some(10),
            ..When::default()
        };
        let struck = || -> Vec<u32> {
            let mut faults = Faults::new(vec![fault("X", tenth.clone(), Wrong::Drop)], 3);
            (0..2000)
                .filter(|_| faults.strike("X", Timestamp::ZERO).is_some())
                .collect()
        };
        let first = struck();
        assert!((150..250).contains(&first.len()), "{}", first.len());
        assert_eq!(first, struck());
    }
}
