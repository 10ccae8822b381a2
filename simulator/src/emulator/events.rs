//! What EventBridge says of an instance, as it stands in the queue: the raw event, without a wrapper.
//! Decides the words alone; when something is told, and to whom, is decided where it happens.

use serde_json::{Value, json};
use sparkwright::model::time::{Span, Timestamp};

use super::account::{ACCOUNT, id};
use super::wire::time::to_the_second;

/// Something that EventBridge tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// EC2 takes a spot instance back.
    Interruption,
    /// EC2 says that it may.
    Rebalance,
    /// The instance is in another state.
    State(&'static str),
    /// AWS Health: the machine is to be retired.
    Retirement {
        /// When.
        from: Timestamp,
    },
}

/// From the beginning of scheduled maintenance to its end.
const MAINTENANCE: Span = Span::from_secs(7200);

/// The event's text. Times are since the Unix epoch.
pub fn body(news: &News, instance: &str, region: &str, at: Timestamp, number: u64) -> String {
    let arn = format!("arn:aws:ec2:{region}:{ACCOUNT}:instance/{instance}");
    let (kind, source, detail) = match news {
        News::Interruption => (
            "EC2 Spot Instance Interruption Warning",
            "aws.ec2",
            json!({"instance-id": instance, "instance-action": "terminate"}),
        ),
        News::Rebalance => (
            "EC2 Instance Rebalance Recommendation",
            "aws.ec2",
            json!({"instance-id": instance}),
        ),
        News::State(state) => (
            "EC2 Instance State-change Notification",
            "aws.ec2",
            json!({"instance-id": instance, "state": state}),
        ),
        News::Retirement { from } => (
            "AWS Health Event",
            "aws.health",
            retirement(instance, region, *from, number),
        ),
    };
    let event = json!({
        "version": "0",
        "id": uuid(number),
        "detail-type": kind,
        "source": source,
        "account": ACCOUNT,
        "time": to_the_second(at),
        "region": region,
        "resources": [arn],
        "detail": detail,
    });
    event.to_string()
}

fn retirement(instance: &str, region: &str, from: Timestamp, number: u64) -> Value {
    let code = "AWS_EC2_PERSISTENT_INSTANCE_RETIREMENT_SCHEDULED";
    json!({
        "eventArn": format!("arn:aws:health:{region}::event/EC2/{code}/{number}"),
        "service": "EC2",
        "eventTypeCode": code,
        "eventTypeCategory": "scheduledChange",
        "eventScopeCode": "ACCOUNT_SPECIFIC",
        "startTime": to_the_second(from),
        "endTime": to_the_second(from + MAINTENANCE),
        "eventDescription": [{"language": "en_US", "latestDescription": "The instance's host is to be retired."}],
        "affectedEntities": [{"entityValue": instance}],
        "eventRegion": region,
        "affectedAccount": ACCOUNT,
    })
}

/// A name in the form of a UUID, the same for the same number.
pub fn uuid(number: u64) -> String {
    let hex = format!(
        "{}{}",
        &id("u", number, "a")[2..],
        &id("u", number, "b")[2..]
    );
    let part = |from: usize, to: usize| &hex[from..to];
    let [a, b, c, d, e] = [
        part(1, 9),
        part(9, 13),
        part(14, 17),
        part(18, 21),
        part(21, 33),
    ];
    format!("{a}-{b}-4{c}-8{d}-{e}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_have_the_fields_that_are_documented() {
        let at = Timestamp::from_millis(1_795_277_546_120);
        let read = |news: &News| -> Value {
            serde_json::from_str(&body(news, "i-1", "us-east-1", at, 7)).unwrap()
        };
        let warning = read(&News::Interruption);
        assert_eq!(
            warning["detail-type"],
            "EC2 Spot Instance Interruption Warning"
        );
        assert_eq!(warning["detail"]["instance-action"], "terminate");
        assert_eq!(
            warning["resources"][0],
            "arn:aws:ec2:us-east-1:123456789012:instance/i-1"
        );
        assert_eq!(warning["time"], "2026-11-21T16:12:26Z");
        assert_eq!(read(&News::State("running"))["detail"]["state"], "running");
        let health = read(&News::Retirement { from: at });
        assert_eq!(health["source"], "aws.health");
        assert_eq!(
            health["detail"]["affectedEntities"][0]["entityValue"],
            "i-1"
        );
        assert_eq!(health["detail"]["eventTypeCategory"], "scheduledChange");
    }

    #[test]
    fn names_are_uuids_and_differ() {
        let one = uuid(1);
        let lengths: Vec<usize> = one.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12], "{one}");
        assert_ne!(one, uuid(2));
    }
}
