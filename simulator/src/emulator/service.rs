//! The emulator behind its wire: a region, its clock, the script of faults and the log of calls, one call
//! after the other. What it answers is decided here; how and when that reaches the caller is the server's.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use sparkwright::model::name::NodeId;
use sparkwright::model::time::Span;
use tokio::sync::watch;

use super::actions::{Answered, answer};
use super::clock::{Clock, Moment};
use super::events::{News, uuid};
use super::faults::{Faults, Wrong};
use super::log::{CallLog, Entry};
use super::region::{NodeNews, Region, Setting};
use super::script::Script;
use super::wire::{ApiError, Parameters, Reply, Service, WireCall, signature};

/// From the news of a host's retirement to the retirement.
const RETIREMENT: Span = Span::from_secs(14 * 86_400);

/// An emulator.
#[derive(Debug)]
pub struct Emulator {
    clock: Clock,
    inside: Mutex<Inside>,
    /// Counts changes that somebody may wait for.
    changes: watch::Sender<u64>,
}

#[derive(Debug)]
struct Inside {
    region: Region,
    faults: Faults,
    log: CallLog,
    answers: u64,
}

/// What becomes of a call.
#[derive(Debug)]
pub struct Verdict {
    /// HTTP status.
    pub status: u16,
    /// Content type of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
    /// AWS's code; empty where the call was answered.
    pub code: String,
    /// SQS's code in the words of its older protocol, which clients read.
    pub query_error: Option<String>,
    /// How long the caller waits for it.
    pub after: Duration,
    /// Whether it reaches the caller.
    pub fate: Fate,
}

/// Whether an answer reaches its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It does.
    Sent,
    /// The connection is closed instead.
    Lost,
    /// Nothing happens as long as the caller waits.
    Never,
}

/// A request as it came in.
#[derive(Debug)]
pub struct Asked<'a> {
    /// The `Authorization` header.
    pub authorization: Option<&'a str>,
    /// The `X-Amz-Target` header.
    pub target: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
}

impl Emulator {
    /// An emulator at its beginning.
    ///
    /// # Errors
    /// Where the log's file cannot be made.
    pub fn new(
        setting: Setting,
        script: &Script,
        clock: Clock,
        log: Option<&Path>,
    ) -> std::io::Result<Self> {
        let faults = Faults::new(script.faults.clone(), setting.seed);
        let inside = Inside {
            region: Region::new(setting),
            faults,
            log: CallLog::new(log)?,
            answers: 0,
        };
        Ok(Emulator {
            clock,
            inside: Mutex::new(inside),
            changes: watch::Sender::new(0),
        })
    }

    /// A call that panicked has left nothing half done that another could not bear.
    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers a request.
    pub fn call(&self, asked: &Asked<'_>) -> (Verdict, Option<WireCall>) {
        let mut inside = self.inside();
        let now = self.clock.now();
        inside.region.advance(now);
        let (call, service) = match WireCall::read(asked.target, asked.body) {
            Ok(call) => (Ok(call.clone()), call.service),
            Err((service, error)) => (Err(error), service),
        };
        let region = inside.region.catalog().region.clone();
        let signed = signature::check(asked.authorization, &region, service);
        let struck = match &call {
            Ok(call) => inside.faults.strike(&call.action, now.at),
            Err(_) => None,
        };
        let stopped = matches!(struck, Some(Wrong::Drop | Wrong::Hang));
        let answered = match (&call, &struck) {
            (_, Some(Wrong::Error { code, status })) => Err(scripted(code, *status)),
            (Ok(_), Some(Wrong::Drop | Wrong::Hang)) => Err(scripted("None", 500)),
            (Ok(call), _) => signed.and_then(|()| answer(&mut inside.region, call, now)),
            (Err(error), _) => Err(error.clone()),
        };
        inside.answers += 1;
        let verdict = self.verdict(
            service,
            call.as_ref().ok(),
            answered,
            &struck,
            inside.answers,
        );
        inside.note(call.as_ref().ok(), service, &verdict, &struck, now);
        drop(inside);
        self.changed();
        (verdict, call.ok().filter(|_| !stopped))
    }

    fn verdict(
        &self,
        service: Service,
        call: Option<&WireCall>,
        answered: Result<Answered, ApiError>,
        struck: &Option<Wrong>,
        number: u64,
    ) -> Verdict {
        let request = uuid(number);
        let action = call.map_or("", |call| &call.action);
        let late = match struck {
            Some(Wrong::Delay(span)) => *span,
            _ => Span::ZERO,
        };
        let fate = match struck {
            Some(Wrong::Drop | Wrong::LoseAnswer) => Fate::Lost,
            Some(Wrong::Hang) => Fate::Never,
            Some(Wrong::Error { .. } | Wrong::Delay(_)) | None => Fate::Sent,
        };
        let mut code = String::new();
        let (status, body, after, query_error) = match answered {
            Ok(answered) => {
                let body = service.answer(action, &answered.reply, &request);
                (200, body, answered.after, None)
            }
            Err(error) => {
                let body = service.refusal(&error, &request);
                let side = if error.status < 500 {
                    "Sender"
                } else {
                    "Receiver"
                };
                let older =
                    (service == Service::Sqs).then(|| format!("{};{side}", older_code(&error)));
                code = error.code.into_owned();
                (error.status, body, Span::ZERO, older)
            }
        };
        Verdict {
            status,
            content_type: service.content_type(),
            body,
            code,
            query_error,
            after: self.clock.wait(after + late).unwrap_or_default(),
            fate,
        }
    }

    /// Looks again for messages, for a caller that waits for some. None where there are none yet.
    pub fn receive_again(&self, call: &WireCall) -> Option<String> {
        let mut inside = self.inside();
        let now = self.clock.now();
        inside.region.advance(now);
        let answered = answer(&mut inside.region, call, now).ok()?;
        let Reply::Json(value) = answered.reply else {
            return None;
        };
        value.get("Messages").is_some().then(|| value.to_string())
    }

    /// Lets happen what is due. Returns how long until something happens again, where waiting brings it.
    pub fn tick(&self) -> Option<Duration> {
        let mut inside = self.inside();
        let now = self.clock.now();
        let before = inside.region.next();
        inside.region.advance(now);
        let next = inside.region.next();
        drop(inside);
        if before != next {
            self.changed();
        }
        next.and_then(|next| self.clock.wait(next - now.at))
    }

    /// What nodes came and went since this was asked last.
    pub fn node_news(&self) -> Vec<NodeNews> {
        self.inside().region.news.drain(..).collect()
    }

    /// Looks at the region.
    pub fn look<T>(&self, look: impl FnOnce(&Region) -> T) -> T {
        look(&self.inside().region)
    }

    /// The log after a call, a JSON line each.
    pub fn calls_after(&self, number: u64) -> String {
        self.inside().log.after(number)
    }

    /// Moves a clock that stands still, and lets happen what falls into that time. False where it runs.
    pub fn advance(&self, by: Span) -> bool {
        let moved = self.clock.advance(by);
        let mut inside = self.inside();
        inside.region.advance(self.clock.now());
        drop(inside);
        self.changed();
        moved
    }

    /// EC2 takes a spot instance back, recommends a rebalance, or retires its host. False where there is no
    /// such instance.
    pub fn upset(&self, what: Upset, instance: &str) -> bool {
        let mut inside = self.inside();
        let now = self.clock.now();
        inside.region.advance(now);
        let region = &mut inside.region;
        let node = NodeId::from(instance);
        let done = match what {
            Upset::Fail => region.fail(&node, now),
            Upset::Interrupt => region.interrupt(&node, now).is_some(),
            Upset::Rebalance | Upset::Retire => announce(region, &node, what, now),
        };
        drop(inside);
        self.changed();
        done
    }

    /// To wait for the next change.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// What time it is.
    pub fn now(&self) -> Moment {
        self.clock.now()
    }

    fn changed(&self) {
        self.changes
            .send_modify(|count| *count = count.wrapping_add(1));
    }
}

/// What a trial can have happen to an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upset {
    /// Gone at once, without notice.
    Fail,
    /// Taken back after its notice.
    Interrupt,
    /// Recommended to be replaced.
    Rebalance,
    /// Its host is to be retired.
    Retire,
}

fn announce(region: &mut Region, node: &NodeId, what: Upset, now: Moment) -> bool {
    let Some(instance) = region.instances.get_mut(node).filter(|i| i.state.is_open()) else {
        return false;
    };
    if what == Upset::Rebalance {
        region.tell(&News::Rebalance, node, now);
        return true;
    }
    let from = now.at + RETIREMENT;
    instance.maintenance = Some(from);
    let from = region.date(from);
    region.tell(&News::Retirement { from }, node, now);
    true
}

fn scripted(code: &str, status: u16) -> ApiError {
    ApiError {
        status,
        code: code.to_owned().into(),
        message: "as the script says".to_owned(),
    }
}

/// SQS's codes as its query protocol had them.
fn older_code(error: &ApiError) -> &str {
    match error.code.as_ref() {
        "QueueDoesNotExist" => "AWS.SimpleQueueService.NonExistentQueue",
        "EmptyBatchRequest" => "AWS.SimpleQueueService.EmptyBatchRequest",
        "TooManyEntriesInBatchRequest" => "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
        "BatchEntryIdsNotDistinct" => "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
        other => other,
    }
}

impl Inside {
    fn note(
        &mut self,
        call: Option<&WireCall>,
        service: Service,
        verdict: &Verdict,
        struck: &Option<Wrong>,
        now: Moment,
    ) {
        let refused = verdict.status >= 400;
        let entry = Entry {
            number: 0,
            at_millis: now.at.millis(),
            service: service.signing_name(),
            action: call.map_or(String::new(), |call| call.action.clone()),
            parameters: call.map_or(Value::Null, |call| Parameters::json(&call.parameters)),
            dry_run: call.is_some_and(|call| call.dry_run),
            status: verdict.status,
            code: refused.then(|| verdict.code.clone()),
            fault: struck.as_ref().map(Wrong::name),
        };
        if let Err(error) = self.log.add(entry) {
            eprintln!("the log of calls cannot be written: {error}");
        }
    }
}
