//! What user data and tags ask of a kubelet: labels, taints, how many pods, local disks for pods'
//! storage. Both kinds of user data and the tags lead here; what the machine has is not known.

use std::collections::BTreeMap;

use crate::emulator::account::Tags;

/// Labels of an instance's tags, by Cluster Autoscaler's convention.
const LABEL_TAG: &str = "k8s.io/cluster-autoscaler/node-template/label/";
/// Taints of an instance's tags, likewise: `value:Effect`.
const TAINT_TAG: &str = "k8s.io/cluster-autoscaler/node-template/taint/";

/// What is asked of a kubelet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wishes {
    pub labels: BTreeMap<String, String>,
    pub taints: Vec<Taint>,
    pub max_pods: Option<u32>,
    pub storage_on_nvme: bool,
}

/// A taint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Taint {
    pub key: String,
    pub value: String,
    pub effect: String,
}

impl Wishes {
    /// Of an instance with this user data and these tags. What cannot be read asks for nothing: the node
    /// of such an instance would not have it either.
    pub fn read(user_data: &[u8], tags: &Tags) -> Wishes {
        let text = String::from_utf8_lossy(user_data);
        let mut wishes =
            super::bottlerocket::read(&text).unwrap_or_else(|| super::nodeadm::read(&text));
        for (key, value) in tags {
            if let Some(label) = key.strip_prefix(LABEL_TAG) {
                wishes.labels.insert(label.to_owned(), value.clone());
            }
            if let Some(taint) = key.strip_prefix(TAINT_TAG) {
                wishes.taints.extend(Taint::read(taint, value));
            }
        }
        wishes
    }

    /// Labels as kubelet's flag has them: `a=b,c=d`.
    pub fn label_flag(&mut self, text: &str) {
        let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
        self.labels
            .extend(pairs.map(|(k, v)| (k.trim().to_owned(), v.trim().to_owned())));
    }

    /// Taints as kubelet's flag has them: `key=value:Effect,key:Effect`.
    pub fn taint_flag(&mut self, text: &str) {
        for taint in text.split(',') {
            let (key, rest) = match taint.split_once('=') {
                Some((key, rest)) => (key, rest.to_owned()),
                None => match taint.split_once(':') {
                    Some((key, effect)) => (key, format!(":{effect}")),
                    None => continue,
                },
            };
            self.taints.extend(Taint::read(key.trim(), rest.trim()));
        }
    }
}

impl Taint {
    /// Of a key and `value:Effect`.
    pub fn read(key: &str, rest: &str) -> Option<Taint> {
        let (value, effect) = rest.rsplit_once(':')?;
        let known = ["NoSchedule", "PreferNoSchedule", "NoExecute"].contains(&effect);
        known.then(|| Taint {
            key: key.to_owned(),
            value: value.to_owned(),
            effect: effect.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_and_tags_ask_for_labels_and_taints() {
        let mut wishes = Wishes::default();
        wishes.label_flag("a=b,c=,d");
        wishes.taint_flag("x=y:NoSchedule,z:NoExecute,bad,w=v:Sometimes");
        let labels: Vec<(&str, &str)> = wishes
            .labels
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .collect();
        assert_eq!(labels, [("a", "b"), ("c", "")]);
        let taint = |key: &str, value: &str, effect: &str| Taint {
            key: key.to_owned(),
            value: value.to_owned(),
            effect: effect.to_owned(),
        };
        assert_eq!(
            wishes.taints,
            [taint("x", "y", "NoSchedule"), taint("z", "", "NoExecute")]
        );
        let tags = Tags::from([
            (format!("{LABEL_TAG}team"), "data".to_owned()),
            (format!("{TAINT_TAG}spark"), "driver:NoSchedule".to_owned()),
        ]);
        let wishes = Wishes::read(b"", &tags);
        assert_eq!(wishes.labels["team"], "data");
        assert_eq!(wishes.taints, [taint("spark", "driver", "NoSchedule")]);
    }
}
