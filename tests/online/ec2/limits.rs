//! Throttling: calls slow down and come back, and nothing is lost.

use sparkwright::live::ec2::{Action, CallResult, LaunchError, RefusalKind};

use super::account::emulated::{CALM, PLAIN};
use super::account::{on_demand, with, with_flags};

#[test]
fn a_throttled_launch_is_sent_again_as_it_was_and_launches_once() {
    let script = format!(
        "{PLAIN}faults: [{{action: CreateFleet, calls: [1], do: error, code: RequestLimitExceeded, status: 503}}]\n"
    );
    with(CALM, &script, async |account| {
        let request = account.request(on_demand(&["m6i.2xlarge"], 2, "t-1")).await;
        assert_eq!(account.ec2.slowed(Action::CreateFleet), 0);
        let throttled = account.ec2.create_fleet(&request, "t-1").await;
        assert_eq!(throttled, Err(LaunchError::Throttled));
        assert_eq!(account.ec2.slowed(Action::CreateFleet), 1);
        assert_eq!(
            account.ec2.slowed(Action::TerminateInstances),
            0,
            "another bucket"
        );
        let answer = account.ec2.create_fleet(&request, "t-1").await.unwrap();
        assert_eq!(answer.given.len(), 2);
        let counts = account.ec2.calls();
        let of = |result| {
            let mut fleets = counts.iter().filter(|c| c.action == Action::CreateFleet);
            fleets.find(|c| c.result == result).map_or(0, |c| c.count)
        };
        assert_eq!((of(CallResult::Throttled), of(CallResult::Done)), (1, 1));
    });
}

#[test]
fn instances_beyond_ec2s_pace_are_refused_beside_the_others_and_slow_the_next_call() {
    let world = format!("{CALM}requests: {{instances: {{burst: 5, perSecond: 1}}}}\n");
    with(&world, PLAIN, async |account| {
        let request = account.request(on_demand(&["m6i.2xlarge"], 8, "t-1")).await;
        let answer = account.ec2.create_fleet(&request, "t-1").await.unwrap();
        assert_eq!(answer.given.len(), 5);
        let kinds: Vec<RefusalKind> = answer.refused.iter().map(|r| r.kind).collect();
        assert_eq!(kinds, [RefusalKind::Throttled], "no lack of capacity");
        assert_eq!(account.ec2.slowed(Action::CreateFleet), 1);
    });
}

#[test]
fn reads_and_ends_that_are_throttled_come_through() {
    let fault = |action| {
        format!(
            "{{action: {action}, calls: [1], do: error, code: RequestLimitExceeded, status: 503}}"
        )
    };
    let faults = [fault("DescribeInstances"), fault("TerminateInstances")].join(", ");
    let script = format!("{PLAIN}faults: [{faults}]\n");
    with(CALM, &script, async |account| {
        let ids = account
            .launched(on_demand(&["m6i.2xlarge"], 5, "t-1"))
            .await;
        assert_eq!(account.ec2.instances().await.unwrap().len(), 5);
        let ended = account.ec2.terminate(&ids).await;
        assert!(
            ended.len() == 5 && ended.values().all(Result::is_ok),
            "{ended:?}"
        );
        assert_eq!(account.called("TerminateInstances", ""), 2, "in halves");
    });
}

#[test]
fn our_own_pace_stays_below_ec2s() {
    let flags = ["--clock=running"];
    with_flags(
        CALM,
        "describeLag: {p50: 0s, p99: 0s}\n",
        &flags,
        async |account| {
            let request = account.request(on_demand(&["m6i.2xlarge"], 1, "t")).await;
            for number in 0..30 {
                let token = format!("t-{number}");
                let answer = account.ec2.create_fleet(&request, &token).await.unwrap();
                assert_eq!(answer.given.len(), 1);
            }
            assert_eq!(account.called("CreateFleet", "RequestLimitExceeded"), 0);
        },
    );
}
