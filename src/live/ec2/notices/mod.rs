//! The queue of interruptions: long polls, messages deleted once they are read, and what they say of our
//! instances as notices. Messages that are foreign, forged, malformed or known already are counted and say
//! nothing. Whether an instance is ours is not known here.

mod read;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use aws_sdk_sqs::types::DeleteMessageBatchRequestEntry;
use aws_sdk_sqs::types::Message;

use super::action::Action;
use super::{Ec2, Ec2Error, InstanceState, locked};
use crate::model::time::Timestamp;
use read::Told;

/// The longest that SQS waits for a message, in seconds.
const WAIT: i32 = 20;
/// Messages of a poll: SQS's most.
const MOST: i32 = 10;
/// How long a message is hidden from other readers while it is read, in seconds.
const HIDDEN: i32 = 30;
/// Events that are remembered to know them again: SQS may deliver a message twice within minutes, and a
/// reclaim of a whole fleet sends a few thousand.
const REMEMBERED: usize = 10_000;
/// SQS's words for a queue that is not there.
const NO_QUEUE: [&str; 3] = [
    "QueueDoesNotExist",
    "AWS.SimpleQueueService.NonExistentQueue",
    "InvalidAddress",
];

/// Something that EC2 says of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The instance; maybe another's.
    pub instance: String,
    /// What.
    pub kind: NoticeKind,
    /// When EC2 said it.
    pub at: Timestamp,
}

/// What EC2 says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    /// It takes the instance back two minutes after it said so, or a little earlier.
    SpotInterruption,
    /// It may take the instance back soon.
    Rebalance,
    /// The instance has changed.
    StateChange(InstanceState),
    /// It will stop, restart or end the instance.
    ScheduledChange {
        /// EC2's word for the change, such as `AWS_EC2_PERSISTENT_INSTANCE_RETIREMENT_SCHEDULED`.
        code: String,
        /// When at the earliest; None where it does not say.
        from: Option<Timestamp>,
    },
}

/// What became of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoticeResult {
    /// It said something.
    Taken,
    /// Its event was known.
    Duplicate,
    /// It is of another account or region.
    Foreign,
    /// It contradicts itself, or its sender does not send such events.
    Forged,
    /// It cannot be read.
    Malformed,
    /// It is of a kind that says nothing of instances.
    Ignored,
}

/// Messages with one result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoticeCount {
    /// The result.
    pub result: NoticeResult,
    /// How many.
    pub count: u64,
}

/// The queue and what has come from it.
#[derive(Debug)]
pub(super) struct Queue {
    /// Name or URL, as it was given.
    given: Option<String>,
    /// Its URL and the account in it, once looked up.
    place: Mutex<Option<Place>>,
    seen: Mutex<Seen>,
    counts: Mutex<BTreeMap<NoticeResult, u64>>,
}

/// Where a queue is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    url: String,
    account: String,
}

/// Ids of events, oldest first.
#[derive(Debug, Default)]
struct Seen {
    order: VecDeque<String>,
    ids: BTreeSet<String>,
}

impl NoticeResult {
    /// A word for metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            NoticeResult::Taken => "taken",
            NoticeResult::Duplicate => "duplicate",
            NoticeResult::Foreign => "foreign",
            NoticeResult::Forged => "forged",
            NoticeResult::Malformed => "malformed",
            NoticeResult::Ignored => "ignored",
        }
    }
}

impl Queue {
    pub fn new(given: Option<String>) -> Self {
        Queue {
            given: given.filter(|given| !given.is_empty()),
            place: Mutex::default(),
            seen: Mutex::default(),
            counts: Mutex::default(),
        }
    }
}

impl Ec2 {
    /// What became of messages so far.
    pub fn notice_counts(&self) -> Vec<NoticeCount> {
        let counts = locked(&self.inner.queue.counts);
        let counts = counts.iter();
        counts
            .map(|(&result, &count)| NoticeCount { result, count })
            .collect()
    }

    /// Waits up to twenty seconds for messages, and gives what they say. Without a queue it waits that long
    /// and gives nothing.
    ///
    /// # Errors
    /// Where the queue is not there or cannot be asked; the next call looks for it again.
    pub async fn notices(&self) -> Result<Vec<Notice>, Ec2Error> {
        let Some(given) = &self.inner.queue.given else {
            tokio::time::sleep(Duration::from_secs(WAIT.unsigned_abs().into())).await;
            return Ok(Vec::new());
        };
        let place = self.place(given).await?;
        let request = self.inner.clients.sqs.receive_message();
        let request = request
            .queue_url(&place.url)
            .max_number_of_messages(MOST)
            .visibility_timeout(HIDDEN)
            .wait_time_seconds(WAIT);
        let answer = self.once(Action::ReceiveMessage, request.send()).await;
        let answer = answer.inspect_err(|error| self.lose(error))?;
        let messages = answer.messages.unwrap_or_default();
        let bodies = messages.iter().map(|m| m.body().unwrap_or_default());
        let notices = bodies.flat_map(|body| self.read(body, &place.account));
        let notices = notices.collect();
        self.delete(&place.url, &messages).await;
        Ok(notices)
    }

    /// What one message says, counted.
    fn read(&self, body: &str, account: &str) -> Vec<Notice> {
        let told = read::read(body, self.region(), account);
        let (result, notices) = match told {
            Told::Of { id, notices } if locked(&self.inner.queue.seen).is_new(&id) => {
                (NoticeResult::Taken, notices)
            }
            Told::Of { .. } => (NoticeResult::Duplicate, Vec::new()),
            Told::Nothing(result) => (result, Vec::new()),
        };
        *locked(&self.inner.queue.counts).entry(result).or_default() += 1;
        notices
    }

    /// Messages that cannot be deleted come again, and are known then.
    async fn delete(&self, url: &str, messages: &[Message]) {
        let entries: Vec<DeleteMessageBatchRequestEntry> = (0..)
            .zip(messages)
            .filter_map(|(number, message): (u32, _)| {
                let entry = DeleteMessageBatchRequestEntry::builder();
                let entry = entry.id(number.to_string());
                entry.receipt_handle(message.receipt_handle()?).build().ok()
            })
            .collect();
        if entries.is_empty() {
            return;
        }
        let request = self.inner.clients.sqs.delete_message_batch();
        let request = request.queue_url(url).set_entries(Some(entries));
        let deleted = self.ask(Action::DeleteMessage, || request.clone().send());
        if let Err(error) = deleted.await {
            self.lose(&error);
        }
    }

    async fn place(&self, given: &str) -> Result<Place, Ec2Error> {
        if let Some(place) = &*locked(&self.inner.queue.place) {
            return Ok(place.clone());
        }
        let url = if given.contains("://") {
            given.to_owned()
        } else {
            let request = self.inner.clients.sqs.get_queue_url().queue_name(given);
            let answer = self.ask(Action::GetQueueUrl, || request.clone().send());
            answer.await?.queue_url.unwrap_or_default()
        };
        let place = account_of(&url).map(|account| Place {
            account: account.to_owned(),
            url: url.clone(),
        });
        let place = place.ok_or_else(|| Ec2Error::Refused {
            action: Action::GetQueueUrl,
            code: "InvalidAddress".to_owned(),
            message: format!(
                "queue {url:?} is no URL of SQS; write its name, or https://sqs.REGION.amazonaws.com/ACCOUNT/NAME"
            ),
        })?;
        *locked(&self.inner.queue.place) = Some(place.clone());
        Ok(place)
    }

    /// Forgets where the queue is when it is not there.
    fn lose(&self, error: &Ec2Error) {
        if error.code().is_some_and(|code| NO_QUEUE.contains(&code)) {
            *locked(&self.inner.queue.place) = None;
        }
    }
}

impl Seen {
    /// True for an event that is new; it is known from then on.
    fn is_new(&mut self, id: &str) -> bool {
        if !self.ids.insert(id.to_owned()) {
            return false;
        }
        self.order.push_back(id.to_owned());
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        true
    }
}

/// The account in a queue's URL, `https://sqs.us-east-1.amazonaws.com/123456789012/name`.
fn account_of(url: &str) -> Option<&str> {
    let mut parts = url.rsplit('/');
    let (_, account) = (parts.next()?, parts.next()?);
    let is_account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    is_account.then_some(account)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_is_in_the_queues_url() {
        let url = "https://sqs.us-east-1.amazonaws.com/123456789012/interruptions";
        assert_eq!(account_of(url), Some("123456789012"));
        for url in ["interruptions", "https://example.com/queue", "a/1234/b"] {
            assert_eq!(account_of(url), None, "{url}");
        }
    }

    #[test]
    fn as_many_events_are_remembered_as_are_bounded() {
        let mut seen = Seen::default();
        assert!(seen.is_new("a") && !seen.is_new("a"));
        for number in 0..REMEMBERED {
            assert!(seen.is_new(&number.to_string()));
        }
        assert_eq!(seen.ids.len(), REMEMBERED);
        assert!(seen.is_new("a"), "the oldest is forgotten");
    }
}
