//! Names as types, so that a pod is never looked up by a node's name. Cheap to copy: one shared string
//! and its hash, so that finding a name in a table reads the text once. Nothing is checked here: names
//! come from objects whose form was checked at the border.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::Arc;

use indexmap::{IndexMap, IndexSet};
use serde::{Deserialize, Serialize};

/// Values by name: found at the same cost at any size. What is iterated comes in the order of what
/// happened before, never of a seed; sort where an answer depends on it.
pub type Table<K, V> = IndexMap<K, V, BuildHasherDefault<NameHasher>>;

/// A set of names, as [`Table`] is a map of them.
pub type Names<K> = IndexSet<K, BuildHasherDefault<NameHasher>>;

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Serialize, Deserialize)]
        #[serde(from = "Arc<str>", into = "Arc<str>")]
        pub struct $name {
            text: Arc<str>,
            hash: u64,
        }

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.text
            }
        }

        impl From<Arc<str>> for $name {
            fn from(text: Arc<str>) -> Self {
                let hash = hash_of(&text);
                $name { text, hash }
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                $name::from(Arc::<str>::from(text))
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                $name::from(Arc::<str>::from(text))
            }
        }

        impl From<$name> for Arc<str> {
            fn from(name: $name) -> Self {
                name.text
            }
        }

        impl PartialEq for $name {
            #[inline]
            fn eq(&self, other: &Self) -> bool {
                self.hash == other.hash
                    && (Arc::ptr_eq(&self.text, &other.text) || self.text == other.text)
            }
        }

        impl Eq for $name {}

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $name {
            #[inline]
            fn cmp(&self, other: &Self) -> Ordering {
                if Arc::ptr_eq(&self.text, &other.text) {
                    Ordering::Equal
                } else {
                    self.text.cmp(&other.text)
                }
            }
        }

        impl Hash for $name {
            #[inline]
            fn hash<H: Hasher>(&self, state: &mut H) {
                state.write_u64(self.hash);
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.text
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.text)
            }
        }
    )+};
}

names! {
    /// A pod: `namespace/name`.
    PodId,
    /// A node: its object's name; for a node that we await, the name of its claim.
    NodeId,
    /// One Spark run: `namespace/` and the operator's name for it, else its `spark-app-selector`.
    AppId,
    /// A NodePool's name.
    PoolName,
}

/// A pod that belongs to no application is one of its own, named as the pod is.
impl From<&PodId> for AppId {
    fn from(pod: &PodId) -> Self {
        AppId {
            text: pod.text.clone(),
            hash: pod.hash,
        }
    }
}

/// The hasher of names: takes a name's own hash as it is, and makes the same of its text.
#[derive(Clone, Copy, Debug, Default)]
pub struct NameHasher(u64);

impl Hasher for NameHasher {
    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks();
        for word in words {
            self.mix(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            let last = rest.iter().rev();
            self.mix(last.fold(0, |word, byte| word << 8 | u64::from(*byte)));
        }
    }

    /// A name's hash, whole.
    #[inline]
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    /// The end mark that follows a text; it tells nothing.
    fn write_u8(&mut self, _: u8) {}
}

impl NameHasher {
    /// One step of FxHash with its bits turned, so that the upper ones, by which tables sort, depend
    /// on the last characters of a name, in which names differ.
    fn mix(&mut self, word: u64) {
        const ODD: u64 = 0xf135_7aea_2e62_a9c5;
        self.0 = (self.0.rotate_left(26) ^ word).wrapping_mul(ODD);
        self.0 ^= self.0 >> 32;
    }
}

fn hash_of(text: &str) -> u64 {
    let mut hasher = NameHasher::default();
    hasher.write(text.as_bytes());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_by_itself_and_by_its_text() {
        let mut table: Table<PodId, usize> = Table::default();
        for i in 0..1000 {
            table.insert(PodId::from(format!("spark/a-{i}-exec-1")), i);
        }
        assert_eq!(table.get(&PodId::from("spark/a-700-exec-1")), Some(&700));
        assert_eq!(table.get("spark/a-701-exec-1"), Some(&701));
        assert_eq!(table.get("spark/a-1000-exec-1"), None);
    }

    #[test]
    fn names_that_differ_in_a_digit_spread_over_a_table() {
        let mut slots = [0; 256];
        for i in 0..25_600_u64 {
            let hash = hash_of(&format!("default/spark-8f3c0b4d-copy-{i}-exec-3"));
            slots[usize::try_from(hash % 256).unwrap()] += 1;
        }
        let most = slots.iter().max().unwrap();
        assert!((100..200).contains(most), "{most} of 100 on average");
    }
}
