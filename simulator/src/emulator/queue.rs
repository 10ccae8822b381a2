//! The queue that EventBridge's rules send to: messages that are hidden while somebody works on them, shown
//! again when that takes too long, and dropped after five minutes, as Karpenter's and our own set-ups have
//! it. Standard queues may deliver twice; this one does so only after the visibility timeout.

use std::collections::BTreeMap;

use sparkwright::model::time::{Span, Timestamp};

/// How long a message is kept.
pub const RETENTION: Span = Span::from_secs(300);
/// How long a message is hidden where nobody says otherwise.
pub const VISIBILITY: Span = Span::from_secs(30);
/// Messages that may be in work: SQS's limit of a standard queue.
const IN_FLIGHT: usize = 120_000;

/// A message.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its number, from which its names are made.
    pub number: u64,
    /// What it says.
    pub body: String,
    /// When it was sent.
    pub sent: Timestamp,
    /// How often it was received.
    pub received: u32,
    /// When it was received first.
    pub first: Option<Timestamp>,
    /// Nobody sees it until then.
    hidden: Timestamp,
}

/// A queue, in the wall clock's time.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    messages: BTreeMap<u64, Message>,
    sent: u64,
}

impl Queue {
    /// Puts a message in; it can be received after a delay. Returns its number.
    pub fn send(&mut self, body: String, delay: Span, now: Timestamp) -> u64 {
        self.sent += 1;
        let message = Message {
            number: self.sent,
            body,
            sent: now,
            received: 0,
            first: None,
            hidden: now + delay,
        };
        self.messages.insert(self.sent, message);
        self.sent
    }

    /// Up to so many messages, oldest first, hidden from others for a while.
    pub fn receive(&mut self, most: usize, hide: Span, now: Timestamp) -> Vec<Message> {
        self.messages
            .retain(|_, message| now - message.sent < RETENTION);
        let room = IN_FLIGHT.saturating_sub(self.in_work(now));
        let visible = self.messages.values_mut().filter(|m| m.hidden <= now);
        let taken = visible.take(most.min(room)).map(|message| {
            message.hidden = now + hide;
            message.received += 1;
            message.first.get_or_insert(now);
            message.clone()
        });
        taken.collect()
    }

    /// Takes a message out by the receipt of one of its deliveries; one that is gone is no error. False
    /// where the receipt was never given.
    pub fn delete(&mut self, number: u64) -> bool {
        self.messages.remove(&number);
        (1..=self.sent).contains(&number)
    }

    /// Messages to be had, and messages in work.
    pub fn counts(&self, now: Timestamp) -> (usize, usize) {
        let in_work = self.in_work(now);
        let kept = self.messages.values().filter(|m| now - m.sent < RETENTION);
        (kept.count().saturating_sub(in_work), in_work)
    }

    fn in_work(&self, now: Timestamp) -> usize {
        let hidden = |m: &&Message| m.hidden > now && m.received > 0;
        self.messages.values().filter(hidden).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_hidden_shown_again_and_dropped() {
        let at = |s: i64| Timestamp::from_millis(s * 1000);
        let hide = Span::from_secs(20);
        let mut queue = Queue::default();
        let first = queue.send("a".to_owned(), Span::ZERO, at(0));
        queue.send("b".to_owned(), Span::from_secs(10), at(0));
        let bodies = |messages: Vec<Message>| -> Vec<String> {
            messages.into_iter().map(|m| m.body).collect()
        };
        assert_eq!(bodies(queue.receive(10, hide, at(1))), ["a"]);
        assert!(queue.receive(10, hide, at(2)).is_empty());
        assert_eq!(queue.counts(at(2)), (1, 1));
        assert_eq!(bodies(queue.receive(10, hide, at(21))), ["a", "b"]);
        assert!(queue.delete(first) && queue.delete(first) && !queue.delete(99));
        let again = queue.receive(1, hide, at(41));
        assert_eq!((again[0].body.as_str(), again[0].received), ("b", 2));
        assert!(
            queue.receive(10, hide, at(300)).is_empty(),
            "five minutes are over"
        );
    }
}
