//! Labels as a value that is cheap to copy: a node's labels are told by its call, its object, the
//! cluster and the scheduler, and all of them hold one map until somebody changes theirs.

use std::cmp::Ordering;
use std::collections::{BTreeMap, btree_map};
use std::hash::{Hash, Hasher};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

type Map = BTreeMap<String, String>;

/// Labels of a node or a pod, by name. Reads as a map, and is copied when it is changed while shared.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(from = "Map", into = "Map")]
pub struct Labels(Arc<Map>);

impl Labels {
    /// No labels.
    pub fn new() -> Self {
        Labels::default()
    }
}

impl Deref for Labels {
    type Target = Map;

    fn deref(&self) -> &Map {
        &self.0
    }
}

impl DerefMut for Labels {
    fn deref_mut(&mut self) -> &mut Map {
        Arc::make_mut(&mut self.0)
    }
}

impl PartialEq for Labels {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl Eq for Labels {}

impl Hash for Labels {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Labels {
    fn cmp(&self, other: &Self) -> Ordering {
        if Arc::ptr_eq(&self.0, &other.0) {
            Ordering::Equal
        } else {
            self.0.cmp(&other.0)
        }
    }
}

impl From<Map> for Labels {
    fn from(map: Map) -> Self {
        Labels(Arc::new(map))
    }
}

impl From<Labels> for Map {
    fn from(labels: Labels) -> Map {
        Arc::unwrap_or_clone(labels.0)
    }
}

impl<const N: usize> From<[(String, String); N]> for Labels {
    fn from(pairs: [(String, String); N]) -> Self {
        Map::from(pairs).into()
    }
}

impl FromIterator<(String, String)> for Labels {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Map::from_iter(pairs).into()
    }
}

impl IntoIterator for Labels {
    type Item = (String, String);
    type IntoIter = btree_map::IntoIter<String, String>;

    fn into_iter(self) -> Self::IntoIter {
        Map::from(self).into_iter()
    }
}

impl<'a> IntoIterator for &'a Labels {
    type Item = (&'a String, &'a String);
    type IntoIter = btree_map::Iter<'a, String, String>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_the_same_until_it_is_changed() {
        let first = Labels::from([("zone".to_owned(), "a".to_owned())]);
        let mut second = first.clone();
        assert_eq!(first, second);
        second.insert("zone".into(), "b".into());
        assert_eq!(
            (first["zone"].as_str(), second["zone"].as_str()),
            ("a", "b")
        );
        assert!(first < second);
        let text = serde_json::to_string(&first).unwrap();
        assert_eq!(text, r#"{"zone":"a"}"#, "written as the map that it is");
        assert_eq!(serde_json::from_str::<Labels>(&text).unwrap(), first);
    }
}
