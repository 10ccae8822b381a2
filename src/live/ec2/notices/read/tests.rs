//! Messages as AWS documents them, as its samples write them, and as somebody else might.

use proptest::prelude::*;
use serde_json::json;

use super::*;

const REGION: &str = "us-east-1";
const ACCOUNT: &str = "123456789012";
const INSTANCE: &str = "i-0123456789abcdef0";

fn message(kind: &str, source: &str, detail: Value) -> Value {
    json!({
        "version": "0",
        "id": "event-1",
        "detail-type": kind,
        "source": source,
        "account": ACCOUNT,
        "time": "2026-11-21T16:12:26Z",
        "region": REGION,
        "resources": [format!("arn:aws:ec2:{REGION}:{ACCOUNT}:instance/{INSTANCE}")],
        "detail": detail,
    })
}

fn warning() -> Value {
    let detail = json!({"instance-id": INSTANCE, "instance-action": "terminate"});
    message("EC2 Spot Instance Interruption Warning", "aws.ec2", detail)
}

fn told(message: &Value) -> Told {
    read(&message.to_string(), REGION, ACCOUNT)
}

fn kinds(message: &Value) -> Vec<NoticeKind> {
    match told(message) {
        Told::Of { notices, .. } => notices.into_iter().map(|notice| notice.kind).collect(),
        Told::Nothing(result) => panic!("{result:?}: {message}"),
    }
}

#[test]
fn each_documented_event_is_read() {
    let at = Timestamp::from_millis(1_795_277_546_000);
    let Told::Of { id, notices } = told(&warning()) else {
        panic!("the warning says nothing");
    };
    let expected = Notice {
        instance: INSTANCE.to_owned(),
        kind: NoticeKind::SpotInterruption,
        at,
    };
    assert_eq!((id.as_str(), notices), ("event-1", vec![expected]));

    let of_instance = json!({"instance-id": INSTANCE, "state": "stopping"});
    let rebalance = message(
        "EC2 Instance Rebalance Recommendation",
        "aws.ec2",
        of_instance.clone(),
    );
    assert_eq!(kinds(&rebalance), [NoticeKind::Rebalance]);
    let state = message(
        "EC2 Instance State-change Notification",
        "aws.ec2",
        of_instance,
    );
    assert_eq!(
        kinds(&state),
        [NoticeKind::StateChange(InstanceState::Stopping)]
    );
    let health = message(
        "AWS Health Event",
        "aws.health",
        json!({
            "service": "EC2",
            "eventTypeCode": "AWS_EC2_PERSISTENT_INSTANCE_RETIREMENT_SCHEDULED",
            "eventTypeCategory": "scheduledChange",
            "startTime": "Sat, 21 Nov 2026 16:12:26 GMT",
            "affectedEntities": [{"entityValue": INSTANCE}, {"entityValue": "vol-1"}],
        }),
    );
    let retirement = NoticeKind::ScheduledChange {
        code: "AWS_EC2_PERSISTENT_INSTANCE_RETIREMENT_SCHEDULED".to_owned(),
        from: Some(at),
    };
    assert_eq!(kinds(&health), [retirement]);
}

#[test]
fn what_awss_samples_differ_in_is_taken() {
    let mut sample = warning();
    sample.as_object_mut().unwrap().remove("version");
    sample["resources"] = json!(format!("arn:aws:ec2:{REGION}::instance/{INSTANCE}"));
    sample["something-new"] = json!([1, {"a": null}]);
    assert_eq!(kinds(&sample), [NoticeKind::SpotInterruption]);
    sample["resources"] = json!([]);
    assert_eq!(kinds(&sample), [NoticeKind::SpotInterruption]);
    let reserved = message(
        "EC2 Capacity Reservation Instance Interruption Warning",
        "aws.ec2",
        json!({
            "instance-id": INSTANCE,
            "instance-action": "terminate",
            "instance-termination-time": "2026-11-21T16:12:26Z",
        }),
    );
    assert!(matches!(
        &kinds(&reserved)[..],
        [NoticeKind::ScheduledChange { from: Some(_), .. }]
    ));
}

#[test]
fn what_says_nothing_to_us_is_told_apart() {
    let with = |name: &str, value: Value| {
        let mut changed = warning();
        changed[name] = value;
        changed
    };
    let another = "arn:aws:ec2:us-east-1:123456789012:instance/i-0fedcba9876543210";
    let elsewhere = "arn:aws:ec2:us-east-1:999999999999:instance/i-0123456789abcdef0";
    use NoticeResult::{Foreign, Forged, Ignored, Malformed};
    for (message, expected) in [
        (with("account", json!("999999999999")), Foreign),
        (with("region", json!("eu-west-1")), Foreign),
        (with("source", json!("com.example")), Forged),
        (with("resources", json!([another])), Forged),
        (with("resources", json!([elsewhere])), Forged),
        (
            with(
                "detail-type",
                json!("EC2 Spot Instance Request Fulfillment"),
            ),
            Ignored,
        ),
        (with("time", json!("yesterday")), Malformed),
        (with("id", json!(7)), Malformed),
        (
            with("detail", json!({"instance-id": "i-1; rm -rf"})),
            Malformed,
        ),
        (with("detail", json!(null)), Malformed),
        (json!([]), Malformed),
        (json!("text"), Malformed),
    ] {
        assert_eq!(told(&message), Told::Nothing(expected), "{message}");
    }
    let health = |category| {
        let detail = json!({"service": "EC2", "eventTypeCategory": category, "eventTypeCode": "x",
            "affectedEntities": []});
        told(&message("AWS Health Event", "aws.health", detail))
    };
    assert_eq!(health("issue"), Told::Nothing(Ignored));
    assert_eq!(health("scheduledChange"), Told::Nothing(Ignored));
    assert_eq!(read("{", REGION, ACCOUNT), Told::Nothing(Malformed));
}

#[test]
fn a_message_that_is_too_long_or_too_deep_is_malformed() {
    let long = format!("\"{}\"", "a".repeat(LONGEST));
    let deep = "[".repeat(100_000);
    for body in [long, deep] {
        assert_eq!(
            read(&body, REGION, ACCOUNT),
            Told::Nothing(NoticeResult::Malformed)
        );
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_fail(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let body = String::from_utf8_lossy(&bytes);
        prop_assert!(matches!(read(&body, REGION, ACCOUNT), Told::Nothing(_)));
    }

    #[test]
    fn no_change_of_a_good_message_makes_it_fail(at in 0_usize..400, byte in any::<u8>(), cut in 0_usize..400) {
        let mut bytes = warning().to_string().into_bytes();
        let length = bytes.len();
        bytes[at % length] = byte;
        bytes.truncate(length - cut.min(length));
        let body = String::from_utf8_lossy(&bytes);
        // Whatever it says, it says of well-formed ids.
        if let Told::Of { notices, .. } = read(&body, REGION, ACCOUNT) {
            prop_assert!(notices.iter().all(|notice| is_instance(&notice.instance)));
        }
    }
}
