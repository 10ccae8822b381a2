//! What will happen, in order of time; at the same time in the order in which it was decided, so that
//! a run depends on nothing else. What it means when it happens is for the run.

use sparkwright::model::name::{NodeId, PodId};
use sparkwright::model::time::Timestamp;

use super::fleet::Upheaval;
use crate::timeline::Timeline;

/// Something that will happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    /// An application's driver pod is created; by position among the submissions.
    Submit(usize),
    /// An application wanted to be woken.
    Wake(usize),
    /// EC2 has an instance running for a node.
    Launched(NodeId),
    /// A node takes pods.
    Ready(NodeId),
    /// An instance is gone.
    Gone(NodeId),
    /// EC2 answers a call, by number.
    Answered(u64),
    /// A throttled call is made again, by number.
    CallAgain(u64),
    /// EC2 says that it takes an instance back.
    Notice(NodeId),
    /// It has taken it.
    Reclaimed(NodeId),
    /// Something that happens whoever asks.
    Upheaval(Upheaval),
    /// A pod's container runs.
    Started(PodId),
    /// The planner looks.
    Round,
}

impl Due {
    /// True for what would go on for ever: a run is over when nothing else is to come.
    fn is_background(&self) -> bool {
        matches!(self, Due::Notice(_) | Due::Upheaval(_))
    }
}

/// The future. All submissions are known from the beginning, and only the next of them counts; a thing
/// that was decided later comes after the submissions of its time.
#[derive(Clone, Debug)]
pub struct Agenda {
    /// By position, the last first.
    submissions: Vec<(Timestamp, usize)>,
    decided: Timeline<Due>,
    foreground: usize,
}

impl Agenda {
    /// Submissions by position, and nothing else yet.
    pub fn new(submissions: impl IntoIterator<Item = Timestamp>) -> Self {
        let mut submissions: Vec<(Timestamp, usize)> = submissions.into_iter().zip(0..).collect();
        submissions.sort_unstable_by(|a, b| b.cmp(a));
        Agenda {
            foreground: submissions.len(),
            submissions,
            decided: Timeline::default(),
        }
    }

    /// Adds something.
    pub fn add(&mut self, at: Timestamp, due: Due) {
        self.foreground += usize::from(!due.is_background());
        self.decided.push(at, due);
    }

    /// When the next thing happens; None once only what goes on for ever is to come.
    pub fn next_time(&self) -> Option<Timestamp> {
        let next = self.next_entry();
        next.filter(|_| self.foreground > 0)
    }

    fn next_entry(&self) -> Option<Timestamp> {
        let decided = self.decided.next_time();
        match self.submissions.last() {
            Some((at, _)) => Some(decided.map_or(*at, |decided| decided.min(*at))),
            None => decided,
        }
    }

    /// Takes the next thing that happens at `now`.
    pub fn take(&mut self, now: Timestamp) -> Option<Due> {
        if self.next_entry() != Some(now) {
            return None;
        }
        let submission = self.submissions.pop_if(|(at, _)| *at == now);
        let due = match submission {
            Some((_, position)) => Due::Submit(position),
            None => self.decided.pop_at(now)?,
        };
        self.foreground -= usize::from(!due.is_background());
        Some(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn submissions_come_by_time_and_before_what_was_decided_for_the_same_moment() {
        let at = Timestamp::from_millis;
        let mut agenda = Agenda::new([at(20), at(10), at(20)]);
        agenda.add(at(20), Due::Round);
        agenda.add(at(10), Due::Wake(0));
        agenda.add(at(15), Due::Wake(1));
        let mut taken = Vec::new();
        while let Some(now) = agenda.next_time() {
            taken.extend(std::iter::from_fn(|| agenda.take(now)));
        }
        let expected = [
            Due::Submit(1),
            Due::Wake(0),
            Due::Wake(1),
            Due::Submit(0),
            Due::Submit(2),
            Due::Round,
        ];
        assert_eq!(taken, expected);
    }

    #[test]
    fn what_goes_on_for_ever_keeps_no_run_alive() {
        let at = Timestamp::from_millis;
        let mut agenda = Agenda::new([at(10)]);
        agenda.add(at(5), Due::Upheaval(Upheaval::PriceDrift));
        agenda.add(at(15), Due::Upheaval(Upheaval::PriceDrift));
        assert_eq!(agenda.next_time(), Some(at(5)));
        assert!(agenda.take(at(5)).is_some());
        assert_eq!(agenda.take(at(10)), Some(Due::Submit(0)));
        assert_eq!(agenda.next_time(), None);
    }
}
