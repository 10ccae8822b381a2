//! Many applications at once.

use super::rig;
use super::scene::{begin, each_instance_is_claimed};
use crate::testbed::all_of;

/// Applications, and executors of each.
const APPLICATIONS: u32 = 100;
const EXECUTORS: u32 = 2;

#[test]
fn a_hundred_applications_at_once_take_few_calls() {
    rig::run(&[], async |rig| {
        begin(rig, "1h").await;
        for app in 0..APPLICATIONS {
            let name = format!("app-{app}");
            rig.create_pod(&name, "driver", 0, 4).await;
            for number in 1..=EXECUTORS {
                rig.create_pod(&name, "executor", number, 13).await;
            }
        }
        let all = usize::try_from(APPLICATIONS * (EXECUTORS + 1)).expect("it is small");
        all_of("pods run", all, async || rig.running().await.len()).await;
        let calls = rig.calls(&["CreateFleet"]);
        assert!(calls.iter().all(|call| call.status == 200), "{calls:?}");
        // A second of ours is twenty of the emulator's.
        let first = calls.iter().map(|call| call.at).min().unwrap_or(0);
        let early = calls.iter().filter(|call| call.at < first + 20_000).count();
        assert!(early <= 50, "{early} calls in the first second");
        each_instance_is_claimed(rig).await;
    });
}
