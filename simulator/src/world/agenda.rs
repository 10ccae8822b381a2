//! What will happen, in order of time; at the same time in an order that what was decided gives alone, so
//! that a run depends on nothing else. What it means when it happens is for the run.

use sparkwright::model::name::NodeId;
use sparkwright::model::time::Timestamp;

use super::fleet::Upheaval;
use super::pods::PodKey;
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
    Started(PodKey),
    /// The planner looks.
    Round,
}

impl Due {
    /// True for what would go on for ever: a run is over when nothing else is to come.
    fn is_background(&self) -> bool {
        matches!(self, Due::Notice(_) | Due::Upheaval(_))
    }
}

/// The future. Of the submissions it knows the next one, which comes before all else of its time; then
/// comes what happens by itself, then what was decided. Instances' ends are drawn far ahead, and most never
/// come: they are kept apart, so that what is soon is one of few.
#[derive(Clone, Debug, Default)]
pub struct Agenda {
    /// When, and its position.
    submission: Option<(Timestamp, usize)>,
    background: Timeline<Due>,
    decided: Timeline<Due>,
}

impl Agenda {
    /// The next application to be submitted; the one before it has been.
    pub fn submits(&mut self, at: Timestamp, position: usize) {
        self.submission = Some((at, position));
    }

    /// Adds something.
    pub fn add(&mut self, at: Timestamp, due: Due) {
        let timeline = if due.is_background() {
            &mut self.background
        } else {
            &mut self.decided
        };
        timeline.push(at, due);
    }

    /// When the next thing happens; None once only what goes on for ever is to come.
    pub fn next_time(&self) -> Option<Timestamp> {
        let submission = self.submission.map(|(at, _)| at);
        let wanted = submission.into_iter().chain(self.decided.next_time());
        let next = wanted.min()?;
        Some((self.background.next_time()).map_or(next, |background| background.min(next)))
    }

    /// Takes the next thing that happens at `now`, which is the next time.
    pub fn take(&mut self, now: Timestamp) -> Option<Due> {
        if let Some((_, position)) = self.submission.take_if(|(at, _)| *at == now) {
            return Some(Due::Submit(position));
        }
        // At most times nothing of the background is due, and after each thing mostly nothing else.
        let timelines = [&mut self.background, &mut self.decided];
        let due = timelines
            .into_iter()
            .find(|timeline| timeline.next_time() == Some(now));
        due?.pop_at(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_submission_comes_before_what_was_decided_for_its_moment() {
        let at = Timestamp::from_millis;
        let mut agenda = Agenda::default();
        agenda.add(at(20), Due::Round);
        agenda.add(at(10), Due::Wake(0));
        agenda.add(at(15), Due::Wake(1));
        agenda.submits(at(10), 1);
        let mut taken = Vec::new();
        while let Some(now) = agenda.next_time() {
            while let Some(due) = agenda.take(now) {
                if due == Due::Submit(1) {
                    agenda.submits(at(20), 0);
                }
                taken.push(due);
            }
        }
        let expected = [
            Due::Submit(1),
            Due::Wake(0),
            Due::Wake(1),
            Due::Submit(0),
            Due::Round,
        ];
        assert_eq!(taken, expected);
    }

    #[test]
    fn what_goes_on_for_ever_keeps_no_run_alive() {
        let at = Timestamp::from_millis;
        let mut agenda = Agenda::default();
        agenda.submits(at(10), 0);
        agenda.add(at(5), Due::Upheaval(Upheaval::PriceDrift));
        agenda.add(at(15), Due::Upheaval(Upheaval::PriceDrift));
        assert_eq!(agenda.next_time(), Some(at(5)));
        assert!(agenda.take(at(5)).is_some());
        assert_eq!(agenda.take(at(10)), Some(Due::Submit(0)));
        assert_eq!(agenda.next_time(), None);
    }
}
