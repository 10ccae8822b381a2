//! An EventBridge event to notices. Lenient in what AWS's documentation and samples differ in (absent
//! `version`, `resources` as a bare string, unknown fields), strict in what ties an event to this account
//! and region. Nothing in a message can make this fail.

use aws_sdk_sqs::primitives::{DateTime, DateTimeFormat};
use serde_json::Value;

use super::{InstanceState, Notice, NoticeKind, NoticeResult};
use crate::model::time::Timestamp;

/// Longest message that is read, in bytes: SQS's own limit.
const LONGEST: usize = 1 << 20;
/// Instances that one event of AWS Health may name.
const MOST_INSTANCES: usize = 1000;

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// Something of instances.
    Of {
        /// The event's id.
        id: String,
        /// What.
        notices: Vec<Notice>,
    },
    /// Nothing, and why.
    Nothing(NoticeResult),
}

/// Reads a message's body.
pub(super) fn read(body: &str, region: &str, account: &str) -> Told {
    match event(body, region, account) {
        Ok((id, notices)) => Told::Of { id, notices },
        Err(result) => Told::Nothing(result),
    }
}

fn event(body: &str, region: &str, account: &str) -> Result<(String, Vec<Notice>), NoticeResult> {
    let malformed = NoticeResult::Malformed;
    if body.len() > LONGEST {
        return Err(malformed);
    }
    let event: Value = serde_json::from_str(body).map_err(|_| malformed)?;
    let text = |name: &str| event[name].as_str().ok_or(malformed);
    let (id, kind, source) = (text("id")?, text("detail-type")?, text("source")?);
    let at = time(text("time")?).ok_or(malformed)?;
    if text("account")? != account || text("region")? != region {
        return Err(NoticeResult::Foreign);
    }
    let detail = event["detail"].as_object().ok_or(malformed)?;
    let field = |name: &str| detail.get(name).and_then(Value::as_str);
    let notice = |kind| -> Result<Vec<Notice>, NoticeResult> {
        let instance = field("instance-id")
            .filter(|id| is_instance(id))
            .ok_or(malformed)?;
        check_resources(&event["resources"], instance, region, account)?;
        let instance = instance.to_owned();
        Ok(vec![Notice { instance, kind, at }])
    };
    let sent_by = |sender: &str| match source == sender {
        true => Ok(()),
        false => Err(NoticeResult::Forged),
    };
    let notices = match kind {
        "EC2 Spot Instance Interruption Warning" => {
            sent_by("aws.ec2")?;
            notice(NoticeKind::SpotInterruption)?
        }
        "EC2 Instance Rebalance Recommendation" => {
            sent_by("aws.ec2")?;
            notice(NoticeKind::Rebalance)?
        }
        "EC2 Instance State-change Notification" => {
            sent_by("aws.ec2")?;
            let state = field("state").and_then(InstanceState::parse);
            notice(NoticeKind::StateChange(state.ok_or(malformed)?))?
        }
        "EC2 Capacity Reservation Instance Interruption Warning" => {
            sent_by("aws.ec2")?;
            notice(NoticeKind::ScheduledChange {
                code: "CAPACITY_RESERVATION_INTERRUPTION".to_owned(),
                from: field("instance-termination-time").and_then(time),
            })?
        }
        "AWS Health Event" => {
            sent_by("aws.health")?;
            health(&event["detail"], at)?
        }
        _ => return Err(NoticeResult::Ignored),
    };
    Ok((id.to_owned(), notices))
}

/// Scheduled changes of EC2's; Health tells of much else.
fn health(detail: &Value, at: Timestamp) -> Result<Vec<Notice>, NoticeResult> {
    let field = |name: &str| detail[name].as_str();
    if field("service") != Some("EC2") || field("eventTypeCategory") != Some("scheduledChange") {
        return Err(NoticeResult::Ignored);
    }
    let code = field("eventTypeCode").ok_or(NoticeResult::Malformed)?;
    let from = field("startTime").and_then(time);
    let entities = detail["affectedEntities"].as_array();
    let entities = entities.ok_or(NoticeResult::Malformed)?.iter();
    let instances = entities.filter_map(|entity| entity["entityValue"].as_str());
    let instances = instances.filter(|id| is_instance(id)).take(MOST_INSTANCES);
    let notices: Vec<Notice> = instances
        .map(|instance| Notice {
            instance: instance.to_owned(),
            kind: NoticeKind::ScheduledChange {
                code: code.to_owned(),
                from,
            },
            at,
        })
        .collect();
    match notices.is_empty() {
        true => Err(NoticeResult::Ignored),
        false => Ok(notices),
    }
}

/// The event's resource is the instance of its detail, here. Some events name it in a list, one in a bare
/// string, and the time may come when one names none.
fn check_resources(
    resources: &Value,
    instance: &str,
    region: &str,
    account: &str,
) -> Result<(), NoticeResult> {
    let named: Vec<&str> = match resources {
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        Value::String(one) => vec![one],
        _ => Vec::new(),
    };
    let arns = named.iter().filter(|arn| arn.contains(":instance/"));
    for arn in arns {
        // arn:aws:ec2:us-east-1:123456789012:instance/i-0123; some of AWS's samples leave the account out.
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let [_, _, _, in_region, of_account, resource] = parts[..] else {
            return Err(NoticeResult::Malformed);
        };
        let same = (in_region.is_empty() || in_region == region)
            && (of_account.is_empty() || of_account == account)
            && resource.strip_prefix("instance/") == Some(instance);
        if !same {
            return Err(NoticeResult::Forged);
        }
    }
    Ok(())
}

/// True for an instance's id: 8 or 17 hexadecimal digits.
fn is_instance(id: &str) -> bool {
    let digits = id.strip_prefix("i-").unwrap_or_default();
    matches!(digits.len(), 8 | 17) && digits.bytes().all(|b| b.is_ascii_hexdigit())
}

/// A time as EventBridge writes it, or as AWS Health does.
fn time(text: &str) -> Option<Timestamp> {
    let read = |format| DateTime::from_str(text, format).ok();
    let time = read(DateTimeFormat::DateTimeWithOffset).or_else(|| read(DateTimeFormat::HttpDate));
    Some(Timestamp::from_millis(time?.to_millis().ok()?))
}

#[cfg(test)]
mod tests;
