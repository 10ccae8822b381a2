//! Whether some replica leads, seen from outside: a Lease whose renewals move. Clocks of others are never
//! read: a renewal counts from when it was seen. After a time in which the API server did not answer
//! everything begins anew, so that its own outage is never taken for a leader's.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client};

/// Looks at the Lease in its length: a renewal is seen a tenth of it late.
const LOOKS: u32 = 10;
/// Of a Lease's lengths: who would take over does so at the end of the first, and has the others to place
/// what waits before it is freed without a place.
const SILENT_AFTER: u32 = 2;
/// Of a Lease's length: longer without an answer, and what was seen before does not count.
const LONGEST_GAP: u32 = 2;

/// What one look found: who holds the Lease, and its last renewal as it is written; None where nobody does.
pub type Look = Option<(String, String)>;

/// What a replica knows of the leader. Every method may be called from any thread.
#[derive(Debug)]
pub struct Leader {
    length: Duration,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    last: Look,
    /// The last look that was answered.
    looked: Option<Instant>,
    /// The last look that found another renewal than the one before it.
    renewed: Option<Instant>,
    /// From when on nobody was seen to lead.
    quiet: Option<Instant>,
}

impl Leader {
    /// One that nothing has been seen of yet. `length` is the Lease's.
    pub fn new(length: Duration) -> Self {
        Leader {
            length,
            seen: Mutex::default(),
        }
    }

    /// True while a renewal has been seen within the Lease's length.
    pub fn is_fresh(&self) -> bool {
        self.is_fresh_at(Instant::now())
    }

    /// True where the Lease was looked at for twice its length without a gap, and nobody renewed it: nobody
    /// has taken over either.
    pub fn is_silent(&self) -> bool {
        self.is_silent_at(Instant::now())
    }

    /// How long nobody must have renewed the Lease before nobody leads.
    pub fn silent_after(&self) -> Duration {
        self.length * SILENT_AFTER
    }

    /// Looks at the Lease again and again, until it is dropped.
    pub async fn follow(&self, client: Client, namespace: &str, name: &str) {
        let api: Api<Lease> = Api::namespaced(client, namespace);
        loop {
            let look = tokio::time::timeout(self.length / 4, api.get_opt(name)).await;
            match look {
                Ok(Ok(lease)) => self.looked(Instant::now(), lease.and_then(renewal)),
                Ok(Err(error)) => tracing::debug!(%error, "the lease cannot be looked at"),
                Err(_) => tracing::debug!("the API server does not answer for the lease"),
            }
            tokio::time::sleep(self.length / LOOKS).await;
        }
    }

    fn looked(&self, now: Instant, look: Look) {
        let mut seen = self.seen.lock().expect("nobody panics while holding it");
        let gap = self.length / LONGEST_GAP;
        let before = seen.looked.replace(now);
        if before.is_none_or(|before| now.duration_since(before) > gap) {
            *seen = Seen {
                last: look,
                looked: Some(now),
                renewed: None,
                quiet: Some(now),
            };
            return;
        }
        if look.is_none() {
            seen.renewed = None;
        } else if look != seen.last {
            seen.renewed = Some(now);
            seen.quiet = Some(now);
        }
        seen.last = look;
    }

    fn is_fresh_at(&self, now: Instant) -> bool {
        let seen = self.seen.lock().expect("nobody panics while holding it");
        let renewed = seen.renewed;
        renewed.is_some_and(|renewed| now.saturating_duration_since(renewed) < self.length)
    }

    fn is_silent_at(&self, now: Instant) -> bool {
        let seen = self.seen.lock().expect("nobody panics while holding it");
        let since = |at: Option<Instant>| at.map(|at| now.saturating_duration_since(at));
        let looked = since(seen.looked).is_some_and(|ago| ago <= self.length / LONGEST_GAP);
        looked && since(seen.quiet).is_some_and(|quiet| quiet >= self.silent_after())
    }
}

fn renewal(lease: Lease) -> Look {
    let spec = lease.spec?;
    let holder = spec.holder_identity.filter(|holder| !holder.is_empty())?;
    Some((holder, spec.renew_time?.0.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: Duration = Duration::from_secs(15);

    fn held(renewal: u64) -> Look {
        Some(("a".to_owned(), renewal.to_string()))
    }

    /// What is known after looks, by seconds: whether a leader is fresh, whether none speaks.
    fn known(looks: &[(u64, Look)], at: u64) -> (bool, bool) {
        let begun = Instant::now();
        let leader = Leader::new(LENGTH);
        for (second, look) in looks {
            leader.looked(begun + Duration::from_secs(*second), look.clone());
        }
        let at = begun + Duration::from_secs(at);
        (leader.is_fresh_at(at), leader.is_silent_at(at))
    }

    #[test]
    fn a_leader_is_fresh_once_its_lease_has_moved_and_for_its_length() {
        assert_eq!(known(&[], 0), (false, false));
        assert_eq!(
            known(&[(0, held(1))], 1),
            (false, false),
            "it may be an old one"
        );
        assert_eq!(known(&[(0, held(1)), (2, held(2))], 3), (true, false));
        let mut looks = vec![(0, held(1)), (2, held(2))];
        looks.extend((1..17).map(|i| (2 + 2 * i, held(2))));
        assert_eq!(known(&looks, 16), (true, false));
        assert_eq!(known(&looks, 31), (false, false), "another may take over");
        assert_eq!(known(&looks, 32), (false, true));
    }

    #[test]
    fn a_lease_that_was_given_up_is_fresh_no_more_and_silent_after_twice_its_length() {
        let mut looks = vec![(0, held(1)), (2, held(2))];
        looks.extend((2..17).map(|i| (2 * i, None)));
        assert_eq!(known(&looks[..3], 4), (false, false));
        assert_eq!(known(&looks, 31), (false, false));
        assert_eq!(known(&looks, 32), (false, true));
    }

    #[test]
    fn an_outage_of_the_api_server_is_not_taken_for_the_leaders() {
        let looks = [(0, held(1)), (2, held(2)), (60, held(2))];
        assert_eq!(known(&looks, 61), (false, false));
        let looks = [(0, held(1)), (2, held(2)), (60, held(9)), (62, held(10))];
        assert_eq!(
            known(&looks[..3], 61),
            (false, false),
            "it may be an old one"
        );
        assert_eq!(known(&looks, 63), (true, false));
        let unanswered = [(0, held(1)), (2, held(1))];
        assert_eq!(known(&unanswered, 30), (false, false), "nobody looked");
    }
}
