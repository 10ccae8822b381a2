//! How long things take between a decision and its effect. Figures for a tuned EKS cluster, spread
//! evenly by a fifth either way from a seeded stream.

use rand::RngExt;
use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;

use sparkwright::model::time::Span;

/// From CreateFleet to `running`, where billing starts. EC2 documents no figure; seconds in practice.
const LAUNCH: Span = Span::from_secs(6);
/// From `running` to Ready: boot, kubelet, CNI. With the launch 46 s in all, against 45 s for a tuned
/// cluster of 1,000 nodes and 65 s for the same one untuned (Outreach, 2026).
const BOOT: Span = Span::from_secs(40);
/// The first pull of a Spark image (about 1 GB compressed) on a node; later pods find it there. The
/// taxi-trip log of data-on-eks has 69 s from driver to first executor with 46 s of node in it.
const PULL: Span = Span::from_secs(15);
/// Container start once the image is there.
const START: Span = Span::from_secs(1);
/// From TerminateInstances to gone.
const SHUTDOWN: Span = Span::from_secs(5);

/// A seeded source of delays.
#[derive(Clone, Debug)]
pub struct Delays {
    random: Pcg64Mcg,
    instant: bool,
}

impl Delays {
    /// Delays as on a real cluster.
    pub fn seeded(seed: u64) -> Self {
        Delays {
            random: Pcg64Mcg::seed_from_u64(seed),
            instant: false,
        }
    }

    /// No delays: for executors that come as they were recorded, since the recorded times have the
    /// delays in them.
    pub fn none(seed: u64) -> Self {
        Delays {
            instant: true,
            ..Delays::seeded(seed)
        }
    }

    /// From the call to EC2 to a running instance.
    pub fn launch(&mut self) -> Span {
        self.about(LAUNCH)
    }

    /// From a running instance to a ready node.
    pub fn boot(&mut self) -> Span {
        self.about(BOOT)
    }

    /// From bound to running, with or without the image there.
    pub fn start(&mut self, image_is_there: bool) -> Span {
        let start = self.about(START);
        if image_is_there {
            start
        } else {
            start + self.about(PULL)
        }
    }

    /// From terminated to gone.
    pub fn shutdown(&mut self) -> Span {
        self.about(SHUTDOWN)
    }

    /// One of so many, each equally likely.
    pub fn pick(&mut self, count: usize) -> usize {
        if count <= 1 {
            0
        } else {
            self.random.random_range(0..count)
        }
    }

    fn about(&mut self, mean: Span) -> Span {
        if self.instant {
            return Span::ZERO;
        }
        let spread = mean.millis() / 5;
        Span::from_millis(mean.millis() + self.random.random_range(-spread..=spread))
    }
}
