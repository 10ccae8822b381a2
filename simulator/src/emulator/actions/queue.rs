//! SQS: the one queue that events come to. How long a caller waits for messages is for the server; what
//! the messages say for those who send them.

use std::fmt::Write as _;

use md5::{Digest, Md5};
use serde::Deserialize;
use serde_json::{Value, json};
use sparkwright::model::time::Span;

use super::Answered;
use crate::emulator::account::ACCOUNT;
use crate::emulator::clock::Moment;
use crate::emulator::events::uuid;
use crate::emulator::queue::{Message, RETENTION, VISIBILITY};
use crate::emulator::region::Region;
use crate::emulator::wire::{ApiError, Parameters};

/// Longest message, in bytes (SQS: 1 MiB).
const LONGEST: usize = 1 << 20;
/// Longest time that a message can be hidden, in seconds.
const HIDDEN: u32 = 43_200;

pub(super) fn answer(
    region: &mut Region,
    action: &str,
    parameters: &Parameters,
    now: Moment,
) -> Result<Answered, ApiError> {
    match action {
        "GetQueueUrl" => url(region, parameters.read()?),
        "GetQueueAttributes" => attributes(region, &parameters.read()?, now),
        "SendMessage" => send(region, parameters.read()?, now),
        "ReceiveMessage" => receive(region, &parameters.read()?, now),
        "DeleteMessage" => delete(region, &parameters.read()?),
        "DeleteMessageBatch" => delete_batch(region, parameters.read()?),
        other => Err(ApiError::client(
            "InvalidAction",
            format!("The action {other} is not valid for this endpoint."),
        )),
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct GetUrl {
    queue_name: String,
    #[serde(default, rename = "QueueOwnerAWSAccountId")]
    owner: Option<String>,
}

fn url(region: &Region, request: GetUrl) -> Result<Answered, ApiError> {
    let ours = request.owner.is_none_or(|owner| owner == ACCOUNT);
    if !ours || request.queue_name != region.setting.queue {
        return Err(no_queue());
    }
    let name = &region.setting.queue;
    let url = format!(
        "https://sqs.{}.amazonaws.com/{ACCOUNT}/{name}",
        region.catalog().region
    );
    Ok(json!({"QueueUrl": url}).into())
}

fn no_queue() -> ApiError {
    ApiError::client("QueueDoesNotExist", "The specified queue does not exist.")
}

/// The queue goes by its path, whatever host it is asked at.
fn check(region: &Region, url: &str) -> Result<(), ApiError> {
    let ours = url.ends_with(&format!("/{ACCOUNT}/{}", region.setting.queue));
    if ours { Ok(()) } else { Err(no_queue()) }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct GetAttributes {
    queue_url: String,
    #[serde(default)]
    attribute_names: Vec<String>,
}

fn attributes(region: &Region, request: &GetAttributes, now: Moment) -> Result<Answered, ApiError> {
    check(region, &request.queue_url)?;
    let (visible, in_work) = region.queue.counts(now.wall);
    let (home, name) = (&region.catalog().region, &region.setting.queue);
    let all = [
        ("ApproximateNumberOfMessages", visible.to_string()),
        ("ApproximateNumberOfMessagesNotVisible", in_work.to_string()),
        ("ApproximateNumberOfMessagesDelayed", "0".to_owned()),
        (
            "MessageRetentionPeriod",
            (RETENTION.millis() / 1000).to_string(),
        ),
        (
            "VisibilityTimeout",
            (VISIBILITY.millis() / 1000).to_string(),
        ),
        ("ReceiveMessageWaitTimeSeconds", "0".to_owned()),
        ("MaximumMessageSize", LONGEST.to_string()),
        ("SqsManagedSseEnabled", "true".to_owned()),
        ("QueueArn", format!("arn:aws:sqs:{home}:{ACCOUNT}:{name}")),
    ];
    let known = |asked: &str| asked == "All" || all.iter().any(|(name, _)| *name == asked);
    if let Some(name) = request.attribute_names.iter().find(|name| !known(name)) {
        let what = format!("Unknown Attribute {name}.");
        return Err(ApiError::client("InvalidAttributeName", what));
    }
    let asked = |name: &str| {
        request
            .attribute_names
            .iter()
            .any(|a| a == "All" || a == name)
    };
    let chosen = all.into_iter().filter(|(name, _)| asked(name));
    let chosen = chosen.map(|(name, value)| (name.to_owned(), Value::from(value)));
    let chosen: serde_json::Map<String, Value> = chosen.collect();
    Ok(json!({"Attributes": chosen}).into())
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Send {
    queue_url: String,
    message_body: String,
    #[serde(default)]
    delay_seconds: u32,
}

fn send(region: &mut Region, request: Send, now: Moment) -> Result<Answered, ApiError> {
    check(region, &request.queue_url)?;
    if request.message_body.is_empty() || request.message_body.len() > LONGEST {
        let what = format!("A message must have 1 to {LONGEST} bytes.");
        return Err(ApiError::client("InvalidParameterValue", what));
    }
    seconds("DelaySeconds", request.delay_seconds, 900)?;
    let digest = digest(&request.message_body);
    let delay = Span::from_secs(request.delay_seconds.into());
    let number = region.queue.send(request.message_body, delay, now.wall);
    Ok(json!({"MessageId": uuid(number), "MD5OfMessageBody": digest}).into())
}

fn seconds(name: &str, given: u32, most: u32) -> Result<(), ApiError> {
    if given > most {
        let what = format!(
            "Value {given} for parameter {name} is invalid. Reason: Must be >= 0 and <= {most}, if provided."
        );
        return Err(ApiError::value(what));
    }
    Ok(())
}

fn digest(body: &str) -> String {
    let digest = Md5::digest(body.as_bytes());
    digest.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// ReceiveMessage. How long to wait for a message is for the server.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Receive {
    queue_url: String,
    #[serde(default)]
    max_number_of_messages: Option<u32>,
    #[serde(default)]
    visibility_timeout: Option<u32>,
    #[serde(default)]
    wait_time_seconds: u32,
    #[serde(default)]
    attribute_names: Vec<String>,
    #[serde(default)]
    message_system_attribute_names: Vec<String>,
    #[serde(default, rename = "MessageAttributeNames")]
    _message_attribute_names: Vec<String>,
}

fn receive(region: &mut Region, request: &Receive, now: Moment) -> Result<Answered, ApiError> {
    check(region, &request.queue_url)?;
    let most = request.max_number_of_messages.unwrap_or(1);
    if !(1..=10).contains(&most) {
        return Err(ApiError::value(format!(
            "Value {most} for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided."
        )));
    }
    seconds("WaitTimeSeconds", request.wait_time_seconds, 20)?;
    let hide = request.visibility_timeout;
    seconds("VisibilityTimeout", hide.unwrap_or(0), HIDDEN)?;
    let hide = hide.map_or(VISIBILITY, |seconds| Span::from_secs(seconds.into()));
    let most = usize::try_from(most).unwrap_or(1);
    let messages = region.queue.receive(most, hide, now.wall);
    if messages.is_empty() {
        return Ok(json!({}).into());
    }
    let messages: Vec<Value> = messages
        .iter()
        .map(|m| delivered(region, m, request))
        .collect();
    Ok(json!({"Messages": messages}).into())
}

fn delivered(region: &Region, message: &Message, request: &Receive) -> Value {
    let epoch = region.setting.epoch;
    let date = |at| (epoch + (at - sparkwright::model::time::Timestamp::ZERO)).millis();
    let mut delivered = json!({
        "MessageId": uuid(message.number),
        "ReceiptHandle": format!("receipt-{}-{}", message.number, message.received),
        "MD5OfBody": digest(&message.body),
        "Body": message.body,
    });
    let all = [
        ("SentTimestamp", date(message.sent).to_string()),
        ("ApproximateReceiveCount", message.received.to_string()),
        (
            "ApproximateFirstReceiveTimestamp",
            message.first.map_or(0, date).to_string(),
        ),
        ("SenderId", "events.amazonaws.com".to_owned()),
    ];
    let mut names = request
        .attribute_names
        .iter()
        .chain(&request.message_system_attribute_names);
    let asked = all
        .into_iter()
        .filter(|(name, _)| names.clone().any(|n| n == "All" || n == name));
    let attributes: serde_json::Map<String, Value> = asked
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    if names.next().is_some() {
        delivered["Attributes"] = attributes.into();
    }
    delivered
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Delete {
    queue_url: String,
    receipt_handle: String,
}

fn delete(region: &mut Region, request: &Delete) -> Result<Answered, ApiError> {
    check(region, &request.queue_url)?;
    delete_by_receipt(region, &request.receipt_handle)?;
    Ok(json!({}).into())
}

fn delete_by_receipt(region: &mut Region, receipt: &str) -> Result<(), ApiError> {
    let number = receipt
        .strip_prefix("receipt-")
        .and_then(|rest| rest.split('-').next());
    let number = number.and_then(|number| number.parse().ok());
    if number.is_some_and(|number| region.queue.delete(number)) {
        return Ok(());
    }
    let what = format!("The input receipt handle \"{receipt}\" is not a valid receipt handle.");
    Err(ApiError::client("ReceiptHandleIsInvalid", what))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DeleteBatch {
    queue_url: String,
    entries: Vec<DeleteEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DeleteEntry {
    id: String,
    receipt_handle: String,
}

fn delete_batch(region: &mut Region, request: DeleteBatch) -> Result<Answered, ApiError> {
    check(region, &request.queue_url)?;
    let refuse = |code, what: &str| Err(ApiError::client(code, what));
    match request.entries.len() {
        0 => return refuse("EmptyBatchRequest", "There should be at least one entry."),
        1..=10 => {}
        _ => {
            return refuse(
                "TooManyEntriesInBatchRequest",
                "Maximum number of entries is 10.",
            );
        }
    }
    let mut ids: Vec<&str> = request
        .entries
        .iter()
        .map(|entry| entry.id.as_str())
        .collect();
    ids.sort_unstable();
    if ids.windows(2).any(|pair| pair[0] == pair[1]) {
        return refuse(
            "BatchEntryIdsNotDistinct",
            "Two or more entries have the same id.",
        );
    }
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for entry in &request.entries {
        match delete_by_receipt(region, &entry.receipt_handle) {
            Ok(()) => done.push(json!({"Id": entry.id})),
            Err(error) => failed.push(json!({
                "Id": entry.id, "SenderFault": true, "Code": error.code, "Message": error.message,
            })),
        }
    }
    Ok(json!({"Successful": done, "Failed": failed}).into())
}
