//! The queue of interruptions, over the wire.

use serde_json::json;
use sparkwright::live::ec2::{InstanceState, NoticeKind, NoticeResult};
use sparkwright::model::offering::CapacityType;

use super::account::emulated::{CALM, PLAIN};
use super::account::{Account, Wanted, on_demand, with};

#[test]
fn a_spot_instance_is_warned_of_and_its_end_is_told() {
    with(CALM, PLAIN, async |account| {
        let spot = Wanted {
            capacity_type: CapacityType::Spot,
            ..on_demand(&["m6i.2xlarge"], 1, "t-1")
        };
        let id = account.launched(spot).await.remove(0);
        account.emulated.advance("5s");
        let state = NoticeKind::StateChange;
        let told = kinds(account, &id, 2).await;
        assert_eq!(
            told,
            [state(InstanceState::Pending), state(InstanceState::Running)]
        );
        account.emulated.upset("interruptions", &id);
        let told = kinds(account, &id, 2).await;
        assert_eq!(told, [NoticeKind::Rebalance, NoticeKind::SpotInterruption]);
        account.emulated.advance("2m");
        let told = kinds(account, &id, 1).await;
        assert_eq!(told, [state(InstanceState::ShuttingDown)]);
        assert_eq!(count(account, NoticeResult::Taken), 5);
    });
}

/// An instance that runs, and of which nothing is left to tell.
async fn running(account: &Account) -> String {
    let launched = account.launched(on_demand(&["m6i.2xlarge"], 1, "t-1"));
    let id = launched.await.remove(0);
    account.emulated.advance("5s");
    kinds(account, &id, 2).await;
    id
}

#[test]
fn an_instance_that_fails_is_told_once_and_without_warning() {
    with(CALM, PLAIN, async |account| {
        let id = running(account).await;
        let done = account.emulated.upset("failures", &id);
        assert_eq!(done["done"][0], id.as_str());
        let told = kinds(account, &id, 1).await;
        assert_eq!(told, [NoticeKind::StateChange(InstanceState::Terminated)]);
        let again = account.emulated.upset("failures", &id);
        assert_eq!(again["refused"][0], id.as_str(), "it has gone already");
    });
}

#[test]
fn a_scheduled_change_is_told() {
    with(CALM, PLAIN, async |account| {
        let id = running(account).await;
        account.emulated.upset("retirements", &id);
        let told = kinds(account, &id, 1).await;
        let [
            NoticeKind::ScheduledChange {
                code,
                from: Some(_),
            },
        ] = &told[..]
        else {
            panic!("{told:?}");
        };
        assert_eq!(code, "AWS_EC2_PERSISTENT_INSTANCE_RETIREMENT_SCHEDULED");
    });
}

#[test]
fn what_is_foreign_forged_malformed_or_double_is_counted_and_deleted() {
    with(CALM, PLAIN, async |account| {
        let event = |id: &str, account: &str, source: &str| {
            json!({
                "id": id, "detail-type": "EC2 Instance Rebalance Recommendation", "source": source,
                "account": account, "time": "2026-11-21T16:12:26Z", "region": "us-east-1",
                "resources": [], "detail": {"instance-id": "i-0123456789abcdef0"},
            })
            .to_string()
        };
        let ours = "123456789012";
        for body in [
            event("1", ours, "aws.ec2"),
            event("1", ours, "aws.ec2"),
            event("2", "999999999999", "aws.ec2"),
            event("3", ours, "com.example"),
            "{}".to_owned(),
        ] {
            send(account, &body).await;
        }
        let told = kinds(account, "i-0123456789abcdef0", 1).await;
        assert_eq!(told, [NoticeKind::Rebalance]);
        for result in [
            NoticeResult::Taken,
            NoticeResult::Duplicate,
            NoticeResult::Foreign,
            NoticeResult::Forged,
            NoticeResult::Malformed,
        ] {
            assert_eq!(count(account, result), 1, "{result:?}");
        }
        assert_eq!(left(account).await, "0");
    });
}

#[test]
fn a_queue_that_was_not_there_is_looked_for_again() {
    let script = format!(
        "{PLAIN}faults: [{{action: ReceiveMessage, calls: [1], do: error, code: QueueDoesNotExist, status: 400}}]\n"
    );
    with(CALM, &script, async |account| {
        let error = account.ec2.notices().await.unwrap_err();
        assert!(error.to_string().contains("ReceiveMessage"), "{error}");
        send(account, "{}").await;
        assert_eq!(account.ec2.notices().await.unwrap(), []);
        assert_eq!(account.called("GetQueueUrl", ""), 2);
    });
}

/// Polls until so many notices have come, all of one instance.
async fn kinds(account: &Account, instance: &str, wanted: usize) -> Vec<NoticeKind> {
    let mut told = Vec::new();
    while told.len() < wanted {
        for notice in account.ec2.notices().await.unwrap() {
            assert_eq!(notice.instance, instance);
            told.push(notice.kind);
        }
    }
    told
}

fn count(account: &Account, result: NoticeResult) -> u64 {
    let counts = account.ec2.notice_counts();
    let of = counts.iter().find(|count| count.result == result);
    of.map_or(0, |count| count.count)
}

const QUEUE: &str = "https://sqs.us-east-1.amazonaws.com/123456789012/interruptions";

async fn send(account: &Account, body: &str) {
    let sent = account
        .sqs()
        .send_message()
        .queue_url(QUEUE)
        .message_body(body);
    sent.send().await.unwrap();
}

/// Messages in the queue, hidden ones too.
async fn left(account: &Account) -> String {
    use aws_sdk_sqs::types::QueueAttributeName as Name;
    let hidden = Name::ApproximateNumberOfMessagesNotVisible;
    let asked = account.sqs().get_queue_attributes().queue_url(QUEUE);
    let told = asked.attribute_names(hidden.clone()).send().await.unwrap();
    told.attributes().unwrap()[&hidden].clone()
}
