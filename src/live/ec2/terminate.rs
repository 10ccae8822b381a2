//! TerminateInstances in batches. EC2 refuses a whole batch for one bad id: the ids that it names are
//! settled, and the rest is asked for again; where it names none, the batch is cut in halves. What is gone
//! already is done.

use std::collections::BTreeMap;
use std::time::Duration;

use super::action::Action;
use super::{Ec2, Ec2Error};

/// Instances of a batch. EC2 takes 1,000 and has tokens for 1,000 and 20 more a second for all tools of
/// the account; half of that leaves some for them.
const BATCH: usize = 500;
/// Batches that are cut in halves in one go; beyond that refusals are told of whole batches, so that a
/// missing permission does not become a call for each instance.
const MOST_CUTS: usize = 32;
/// Times that a batch is asked for while AWS throttles or does not answer.
const ATTEMPTS: u32 = 5;
/// The wait before the second time; it doubles. EC2 regains 20 instances a second.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// What came of each instance.
type Outcomes = BTreeMap<String, Result<(), Ec2Error>>;

/// Instances still to be asked for, and how often they were.
struct Batch {
    ids: Vec<String>,
    attempt: u32,
}

impl Ec2 {
    /// Ends instances. Every id has an outcome; Ok where EC2 has taken the word, or knows the instance no
    /// more. An instance that is too new to be found is an error: ask again.
    pub async fn terminate(&self, ids: &[String]) -> BTreeMap<String, Result<(), Ec2Error>> {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        let batch = |ids: &[String]| Batch {
            ids: ids.to_vec(),
            attempt: 1,
        };
        let mut waiting: Vec<Batch> = ids.chunks(BATCH).map(batch).collect();
        let (mut outcomes, mut cuts) = (Outcomes::new(), 0);
        while let Some(batch) = waiting.pop() {
            let request = self.inner.clients.ec2.terminate_instances();
            let request = request.set_instance_ids(Some(batch.ids.clone()));
            let answer = self.once(Action::TerminateInstances, request.send()).await;
            match answer {
                Ok(_) => outcomes.extend(batch.ids.into_iter().map(|id| (id, Ok(())))),
                Err(error) if error.may_pass() && batch.attempt < ATTEMPTS => {
                    tokio::time::sleep(FIRST_WAIT * (1 << (batch.attempt - 1))).await;
                    waiting.extend(again(batch, &error));
                }
                Err(error) if error.may_pass() => settle(&mut outcomes, batch.ids, &error),
                Err(error) => {
                    self.refused(batch, &error, &mut outcomes, &mut waiting, &mut cuts);
                }
            }
        }
        outcomes
    }

    /// Settles the ids that EC2 names, and asks for the others again.
    fn refused(
        &self,
        batch: Batch,
        error: &Ec2Error,
        outcomes: &mut Outcomes,
        waiting: &mut Vec<Batch>,
        cuts: &mut usize,
    ) {
        let Ec2Error::Refused { code, message, .. } = error else {
            return settle(outcomes, batch.ids, error);
        };
        let named = |id: &String| is_named(message, id);
        let (bad, rest): (Vec<String>, Vec<String>) = match code.as_str() {
            "InvalidInstanceID.NotFound" | "InvalidInstanceID.Malformed" => {
                batch.ids.into_iter().partition(named)
            }
            _ => (Vec::new(), batch.ids),
        };
        let gone = code == "InvalidInstanceID.NotFound";
        match (bad.is_empty(), rest.len()) {
            (true, 0 | 1) => settle(outcomes, rest, error),
            (true, _) if *cuts >= MOST_CUTS => settle(outcomes, rest, error),
            (true, many) => {
                *cuts += 1;
                let halves = [&rest[..many / 2], &rest[many / 2..]];
                waiting.extend(halves.map(|ids| Batch {
                    ids: ids.to_vec(),
                    attempt: batch.attempt,
                }));
            }
            (false, _) => {
                let settled = bad.into_iter().map(|id| {
                    let outcome = match gone {
                        true if self.is_fresh(&id) => Err(not_yet_found(&id)),
                        true => Ok(()),
                        false => Err(error.clone()),
                    };
                    (id, outcome)
                });
                outcomes.extend(settled);
                let attempt = batch.attempt;
                waiting.extend((!rest.is_empty()).then_some(Batch { ids: rest, attempt }));
            }
        }
    }
}

/// The same instances once more; after a throttle in smaller batches, which fit into fewer tokens.
fn again(batch: Batch, error: &Ec2Error) -> Vec<Batch> {
    let attempt = batch.attempt + 1;
    let throttled = matches!(error, Ec2Error::Throttled { .. });
    let size = match throttled {
        true => batch.ids.len().div_ceil(2),
        false => batch.ids.len(),
    };
    let part = |ids: &[String]| Batch {
        ids: ids.to_vec(),
        attempt,
    };
    batch.ids.chunks(size.max(1)).map(part).collect()
}

fn settle(outcomes: &mut Outcomes, ids: Vec<String>, error: &Ec2Error) {
    outcomes.extend(ids.into_iter().map(|id| (id, Err(error.clone()))));
}

fn not_yet_found(id: &str) -> Ec2Error {
    Ec2Error::NotYetFound {
        action: Action::TerminateInstances,
        instance: id.to_owned(),
    }
}

/// True where a message names the id, and not a longer one that begins with it.
fn is_named(message: &str, id: &str) -> bool {
    let in_id = |c: char| c.is_ascii_alphanumeric() || c == '-';
    message.match_indices(id).any(|(at, _)| {
        !message[..at].ends_with(in_id) && !message[at + id.len()..].starts_with(in_id)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_in_the_forms_that_ec2_writes() {
        let one = "The instance ID 'i-0abc' does not exist";
        let two = "The instance IDs 'i-0abc, i-0def' do not exist";
        assert!(is_named(one, "i-0abc") && is_named(two, "i-0def"));
        assert!(!is_named(one, "i-0ab"), "a beginning is another id");
        assert!(is_named("Invalid id: \"i-zz\"", "i-zz"));
    }

    #[test]
    fn a_throttled_batch_is_asked_for_in_halves_and_a_lost_one_whole() {
        let batch = || Batch {
            ids: (0..5).map(|i| format!("i-{i}")).collect(),
            attempt: 1,
        };
        let action = Action::TerminateInstances;
        let throttled = Ec2Error::Throttled {
            action,
            code: "RequestLimitExceeded".to_owned(),
        };
        let lost = Ec2Error::Transient {
            action,
            cause: "closed".to_owned(),
        };
        let sizes = |error| -> Vec<usize> {
            let batches = again(batch(), error);
            batches.iter().map(|batch| batch.ids.len()).collect()
        };
        assert_eq!(sizes(&throttled), [3, 2]);
        assert_eq!(sizes(&lost), [5]);
    }
}
