//! What happens by itself: instances run, join their cluster, are taken back, end and are forgotten; prices
//! move. Each step is EC2's own and is told to the queue as EventBridge tells it.

use sparkwright::cluster::shortage::OfferingKey;
use sparkwright::model::name::NodeId;
use sparkwright::model::time::{Span, Timestamp};

use super::clock::Moment;
use super::events::News;
use super::instance::State;
use super::region::{NodeNews, Region};
use crate::world::fleet::Upheaval;
use crate::world::stream::{pick, stream};

/// How long a terminated instance is described: "a short while, usually less than an hour"
/// (docs.aws.amazon.com/AWSEC2/latest/UserGuide/terminating-instances.html).
const DESCRIBED: Span = Span::from_secs(3600);

/// Something that will happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    /// An instance runs.
    Running(NodeId),
    /// Its node is ready.
    Joins(NodeId),
    /// EC2 says that it takes it back.
    Notice(NodeId),
    /// It takes it.
    Reclaimed(NodeId),
    /// It is gone.
    Terminated(NodeId),
    /// It is not described any more.
    Forgotten(NodeId),
    /// What happens to the region.
    Upheaval(Upheaval),
}

impl Region {
    /// Everything happens that is due.
    pub fn advance(&mut self, now: Moment) {
        while let Some(entry) = self.agenda.first_entry() {
            let (at, _) = *entry.key();
            if at > now.at {
                break;
            }
            let due = entry.remove();
            self.happen(due, Moment { at, ..now });
        }
    }

    /// When something happens next.
    pub fn next(&self) -> Option<Timestamp> {
        self.agenda.first_key_value().map(|((at, _), _)| *at)
    }

    fn happen(&mut self, due: Due, now: Moment) {
        match due {
            Due::Running(node) => self.runs(&node, now),
            Due::Joins(node) => self.joins(node),
            Due::Notice(node) => {
                self.interrupt(&node, now);
            }
            Due::Reclaimed(node) => self.reclaimed(&node, now),
            Due::Terminated(node) => self.terminated(&node, now),
            Due::Forgotten(node) => {
                self.instances.remove(&node);
                self.tags.remove(node.as_str());
            }
            Due::Upheaval(upheaval) => self.upheaval(upheaval, now),
        }
    }

    fn runs(&mut self, node: &NodeId, now: Moment) {
        let Some(instance) = self.instances.get_mut(node) else {
            return;
        };
        if instance.state != State::Pending {
            return;
        }
        instance.state = State::Running;
        self.fleet.launched(node);
        self.tell(&News::State("running"), node, now);
        if let Some(after) = self.fleet.interrupted_after(node) {
            self.plan(now.at + after, Due::Notice(node.clone()));
        }
        let mut luck = stream(self.setting.seed, "joins", node.as_str());
        let joins = pick(&mut luck, 100) >= usize::try_from(self.setting.never_join).unwrap_or(100);
        if joins {
            let boot = self.fleet.boot(node);
            self.plan(now.at + boot, Due::Joins(node.clone()));
        }
    }

    fn joins(&mut self, node: NodeId) {
        let runs = self
            .instances
            .get(&node)
            .is_some_and(|i| i.state == State::Running);
        if runs {
            self.news.push_back(NodeNews::Joins(node));
        }
    }

    /// EC2 wants a spot instance back: it says so, and takes it when the notice is over. None where there
    /// is nothing to take.
    pub fn interrupt(&mut self, node: &NodeId, now: Moment) -> Option<OfferingKey> {
        let instance = self.instances.get(node)?;
        if !instance.state.is_open() || instance.spot_request.is_none() {
            return None;
        }
        let of = self.fleet.interrupt(node)?;
        self.tell(&News::Rebalance, node, now);
        self.tell(&News::Interruption, node, now);
        self.plan(now.at + self.fleet.notice(), Due::Reclaimed(node.clone()));
        Some(of)
    }

    /// The instance is gone at once, as when its host fails. False where there is nothing to lose.
    pub fn fail(&mut self, node: &NodeId, now: Moment) -> bool {
        let instance = self.instances.get_mut(node);
        let Some(instance) = instance.filter(|instance| instance.state.is_open()) else {
            return false;
        };
        let why = "Server.InternalError: Internal error";
        instance.reason = Some(("Server.InternalError", why.to_owned()));
        self.fleet.terminate(node);
        self.terminated(node, now);
        true
    }

    fn reclaimed(&mut self, node: &NodeId, now: Moment) {
        let why = "Server.SpotInstanceTermination: Spot instance termination";
        self.shut_down(
            node,
            ("Server.SpotInstanceTermination", why.to_owned()),
            now,
        );
    }

    /// The instance begins to end. The state it had before; None where there is none.
    pub fn shut_down(
        &mut self,
        node: &NodeId,
        reason: (&'static str, String),
        now: Moment,
    ) -> Option<State> {
        let instance = self.instances.get_mut(node)?;
        let before = instance.state;
        if before.is_open() {
            instance.state = State::ShuttingDown;
            instance.reason = Some(reason);
            self.fleet.terminate(node);
            self.tell(&News::State("shutting-down"), node, now);
            let shutdown = self.fleet.shutdown(node);
            self.plan(now.at + shutdown, Due::Terminated(node.clone()));
        }
        Some(before)
    }

    fn terminated(&mut self, node: &NodeId, now: Moment) {
        let Some(instance) = self.instances.get_mut(node) else {
            return;
        };
        instance.state = State::Terminated;
        instance.ended = Some(now.at);
        self.fleet.gone(node);
        self.tell(&News::State("terminated"), node, now);
        self.news.push_back(NodeNews::Leaves(node.clone()));
        self.plan(now.at + DESCRIBED, Due::Forgotten(node.clone()));
    }

    fn upheaval(&mut self, upheaval: Upheaval, now: Moment) {
        if let Upheaval::Interruption(position) = upheaval {
            for node in self.fleet.scripted_interruption(position) {
                self.interrupt(&node, now);
            }
            return;
        }
        for change in self.fleet.moved(upheaval).iter() {
            self.prices.moved(change, now.at);
        }
        let next = self.fleet.next_drift(now.at);
        if let (Upheaval::PriceDrift, Some(at)) = (upheaval, next) {
            self.plan(at, Due::Upheaval(upheaval));
        }
    }
}
