//! One call to AWS: it waits for its governor, is timed and counted, and slows the governor where AWS
//! throttles. Reads are asked again a few times; what changes something is asked once, since whoever asks
//! must know that it may have happened.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use aws_sdk_ec2::config::http::HttpResponse;
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use tokio::time::Instant;

use super::action::Action;
use super::error::Ec2Error;
use super::governor::Governor;
use super::{Ec2, locked};

/// Times that a read is asked: with the waits below, about six seconds in all.
const ATTEMPTS: u32 = 5;
/// The wait before the second time; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(400);

/// Pages that are read of one list: a hundred thousand instances, ten times the spot prices of a region.
const MOST_PAGES: usize = 100;

/// What came of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CallResult {
    /// Answered.
    Done,
    /// Too many calls.
    Throttled,
    /// Refused for what was asked.
    Refused,
    /// No usable answer.
    Failed,
}

/// Calls of one action with one result.
#[derive(Clone, Debug, PartialEq)]
pub struct CallCount {
    /// The action.
    pub action: Action,
    /// The result.
    pub result: CallResult,
    /// How many.
    pub count: u64,
    /// How long they took in all, waits for the governor apart.
    pub seconds: f64,
}

impl CallResult {
    /// A word for metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            CallResult::Done => "done",
            CallResult::Throttled => "throttled",
            CallResult::Refused => "refused",
            CallResult::Failed => "failed",
        }
    }
}

/// Governors and counts.
#[derive(Debug)]
pub(super) struct Calls {
    governors: BTreeMap<Action, Governor>,
    counts: Mutex<BTreeMap<(Action, CallResult), (u64, Duration)>>,
}

impl Calls {
    pub fn new() -> Self {
        let governors = Action::ALL.map(|action| (action, Governor::new(action.limit())));
        Calls {
            governors: governors.into(),
            counts: Mutex::default(),
        }
    }

    pub fn counts(&self) -> Vec<CallCount> {
        let counts = locked(&self.counts);
        let counts = counts
            .iter()
            .map(|(&(action, result), &(count, took))| CallCount {
                action,
                result,
                count,
                seconds: took.as_secs_f64(),
            });
        counts.collect()
    }

    /// The bucket of an action.
    pub fn governor(&self, action: Action) -> &Governor {
        &self.governors[&action]
    }

    fn count(&self, action: Action, result: CallResult, took: Duration) {
        let mut counts = locked(&self.counts);
        let (count, sum) = counts.entry((action, result)).or_default();
        *count += 1;
        *sum += took;
    }
}

impl Ec2 {
    /// Halvings of an action's pace that AWS's throttles have brought about: zero is full pace, each
    /// further one half of the one before.
    pub fn slowed(&self, action: Action) -> u32 {
        self.inner.calls.governor(action).level()
    }

    /// Asks once.
    pub(super) async fn once<T, E>(
        &self,
        action: Action,
        call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T, Ec2Error>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let calls = &self.inner.calls;
        calls.governor(action).ready().await;
        let began = Instant::now();
        let answer = call.await.map_err(|error| Ec2Error::of(action, &error));
        let result = match &answer {
            Ok(_) => CallResult::Done,
            Err(Ec2Error::Throttled { .. }) => CallResult::Throttled,
            Err(Ec2Error::Refused { .. }) => CallResult::Refused,
            Err(Ec2Error::Transient { .. } | Ec2Error::NotYetFound { .. }) => CallResult::Failed,
        };
        calls.count(action, result, began.elapsed());
        if result == CallResult::Throttled {
            calls.governor(action).throttled();
        }
        answer
    }

    /// Asks again while it may help, a bounded number of times. For what can be asked twice.
    pub(super) async fn ask<T, E, F>(
        &self,
        action: Action,
        call: impl Fn() -> F,
    ) -> Result<T, Ec2Error>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let mut wait = FIRST_WAIT;
        for _ in 1..ATTEMPTS {
            match self.once(action, call()).await {
                Err(error) if error.may_pass() => tokio::time::sleep(wait).await,
                answer => return answer,
            }
            wait *= 2;
        }
        self.once(action, call()).await
    }

    /// A whole list, page by page. A part of it is never given for the whole.
    pub(super) async fn pages<T, F>(
        &self,
        action: Action,
        page: impl Fn(Option<String>) -> F,
    ) -> Result<Vec<T>, Ec2Error>
    where
        F: Future<Output = Result<(Vec<T>, Option<String>), Ec2Error>>,
    {
        let (mut found, mut next) = (Vec::new(), None);
        for _ in 0..MOST_PAGES {
            let (some, token) = page(next.take()).await?;
            found.extend(some);
            // Some actions say with an empty token that this was the last page.
            next = token.filter(|token| !token.is_empty());
            if next.is_none() {
                return Ok(found);
            }
        }
        let cause = format!("the list has more than {MOST_PAGES} pages");
        Err(Ec2Error::Transient { action, cause })
    }
}
