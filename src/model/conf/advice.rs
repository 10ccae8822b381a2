//! What in an application's properties is likely to cost it work, whatever nodes it gets. How it fits the nodes
//! that it may get is looked at in `plan::advise`.

use crate::model::advice::Advice;
use crate::model::time::Span;

use super::value::{self, ConfError};
use super::{Conf, below};

/// `spark.storage.decommission.replicationReattemptInterval` where absent, and the time that Kubernetes gives a
/// pod for ending.
const USUAL: Span = Span::from_secs(30);
/// What a move needs beside the wait: tasks end and files travel.
const BESIDE: Span = Span::from_secs(5);

/// Advice on an application of these properties. `grace` is what executors' pods have for ending, where a
/// template says it. A value that means nothing gives no advice.
pub fn advice(conf: &Conf, grace: Option<Span>) -> Vec<Advice> {
    let mut found = Vec::new();
    if value::flag(conf, "spark.kubernetes.local.dirs.tmpfs") == Ok(true) {
        found.push(Advice::LocalDirsInMemory);
    } else if !has_local_dirs(conf) {
        found.push(Advice::SpillsToRootVolume);
    }
    found.extend(cut_short(conf, grace).ok().flatten());
    found
}

/// An executor that holds shuffle files ends its check in the second round, so it needs a whole interval.
fn cut_short(conf: &Conf, grace: Option<Span>) -> Result<Option<Advice>, ConfError> {
    let moves = value::flag(conf, "spark.decommission.enabled")?
        && value::flag(conf, "spark.storage.decommission.enabled")?
        && value::flag_if_set(conf, "spark.storage.decommission.shuffleBlocks.enabled")?
            != Some(false);
    let own = "spark.kubernetes.executor.terminationGracePeriodSeconds";
    let interval = "spark.storage.decommission.replicationReattemptInterval";
    let grace = value::duration(conf, own)?.or(grace).unwrap_or(USUAL);
    let interval = value::duration(conf, interval)?.unwrap_or(USUAL);
    let short = moves && grace < interval + BESIDE;
    Ok(short.then_some(Advice::DecommissionCutShort {
        interval_millis: interval.millis(),
        grace_millis: grace.millis(),
    }))
}

/// True where the properties give executors a place of their own for what they spill.
fn has_local_dirs(conf: &Conf) -> bool {
    let volumes = below(conf, "spark.kubernetes.executor.volumes.");
    volumes.keys().any(|key| key.contains(".spark-local-dir-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conf(pairs: &[(&str, &str)]) -> Conf {
        let pairs = pairs.iter();
        pairs
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    }

    const ON: [(&str, &str); 2] = [
        ("spark.decommission.enabled", "true"),
        ("spark.storage.decommission.enabled", "true"),
    ];

    #[test]
    fn both_defaults_together_cut_a_move_short_and_either_remedy_alone_helps() {
        let advice = |conf: &Conf, grace| cut_short(conf, grace).unwrap();
        let short = advice(&conf(&ON), None).unwrap();
        assert_eq!(short.code(), "decommission-cut-short");
        assert_eq!(advice(&conf(&ON), Some(Span::from_secs(110))), None);
        let mut quick = ON.to_vec();
        quick.push((
            "spark.storage.decommission.replicationReattemptInterval",
            "2s",
        ));
        assert_eq!(advice(&conf(&quick), None), None);
        assert_eq!(advice(&conf(&ON[..1]), None), None, "nothing is handed on");
    }

    #[test]
    fn where_executors_spill_to_is_looked_at() {
        let of = |pairs: &[(&str, &str)]| advice(&conf(pairs), None);
        let memory = ("spark.kubernetes.local.dirs.tmpfs", "true");
        assert_eq!(of(&[memory]), [Advice::LocalDirsInMemory]);
        let volume = "spark.kubernetes.executor.volumes.hostPath.spark-local-dir-1.mount.path";
        assert_eq!(of(&[(volume, "/local")]), []);
        assert_eq!(of(&[]), [Advice::SpillsToRootVolume]);
    }
}
