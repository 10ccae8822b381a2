//! How long a task takes on other machines than it was recorded on: its CPU time by the machines'
//! performance, the rest of it (fetching, disks, waits for locks) as recorded.

use sparkwright::model::performance::Performance;
use sparkwright::model::time::Span;

use crate::trace::work::Task;

/// The performance of the machine under an executor, and of those under the recorded ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Where the executor is.
    pub here: Performance,
    /// Where its tasks were recorded.
    pub recorded: Performance,
}

impl Default for Pace {
    fn default() -> Self {
        Pace {
            here: Performance::ONE,
            recorded: Performance::ONE,
        }
    }
}

impl Pace {
    /// How long the task takes. One whose CPU time is not known takes as long as it took.
    pub fn duration(self, task: &Task) -> Span {
        if self.here == self.recorded {
            return task.duration;
        }
        let cpu = task.cpu();
        task.duration - cpu + self.here.time_for(cpu, self.recorded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::recorded::Locality;
    use crate::trace::work::CpuShare;

    #[test]
    fn only_cpu_time_depends_on_the_machine() {
        let duration = Span::from_millis(1000);
        let task = |cpu| Task {
            duration,
            stage: 0,
            retry: false,
            locality: Locality::Node,
            cpu_share: CpuShare::of(cpu, duration),
            longest_left: duration,
            all_left: duration,
        };
        let performance = |text| Performance::parse(text).unwrap();
        let fast = Pace {
            here: performance("1.25"),
            recorded: Performance::ONE,
        };
        let on = |pace: Pace, cpu| pace.duration(&task(cpu)).millis();
        assert_eq!(on(fast, Some(Span::from_millis(500))), 900);
        assert_eq!(on(fast, None), 1000);
        let slow = Pace {
            here: performance("0.5"),
            recorded: performance("1.25"),
        };
        assert_eq!(on(slow, Some(Span::from_millis(400))), 1600);
        // Threads of its own let a task take more CPU time than it lasts.
        assert_eq!(on(fast, Some(Span::from_millis(9000))), 800);
        assert_eq!(on(Pace::default(), Some(duration)), 1000);
    }
}
