//! Values by name, found at the same cost at any size. They lie densely and come in the order of what happened
//! before, never of a seed: a new one last, and where one is taken out the last one in its place. Sort where an
//! answer depends on the order. A short table is looked through; a longer one has an index.

use std::borrow::Borrow;
use std::hash::{Hash, Hasher};
use std::ops;

use super::index::Index;
use super::name::NameHasher;

/// A table of no more entries than this has no index: looking through them is as quick, and costs no memory.
const LOOKED_THROUGH: usize = 16;

/// Values by name.
#[derive(Clone, Debug)]
pub struct Table<K, V> {
    entries: Vec<(K, V)>,
    /// Where entries are; empty while there never were more than are looked through.
    index: Index,
}

/// The place of a name in a table, taken or not.
#[derive(Debug)]
pub struct Entry<'t, K, V> {
    table: &'t mut Table<K, V>,
    key: K,
    place: Option<usize>,
}

impl<K: Hash + Eq, V> Table<K, V> {
    /// The place of a name. It changes when others are taken out.
    pub fn get_index_of<Q: ?Sized + Hash + Eq>(&self, key: &Q) -> Option<usize>
    where
        K: Borrow<Q>,
    {
        if self.index.is_empty() {
            let mut entries = self.entries.iter();
            entries.position(|(known, _)| known.borrow() == key)
        } else {
            let is_it = |place: usize| self.entries[place].0.borrow() == key;
            self.index.find(hash_of(key), is_it)
        }
    }

    /// The value of a name.
    pub fn get<Q: ?Sized + Hash + Eq>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        Some(&self.entries[self.get_index_of(key)?].1)
    }

    /// The value of a name, to be changed.
    pub fn get_mut<Q: ?Sized + Hash + Eq>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let place = self.get_index_of(key)?;
        Some(&mut self.entries[place].1)
    }

    /// The name as the table holds it, and its value.
    pub fn get_key_value<Q: ?Sized + Hash + Eq>(&self, key: &Q) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        self.get_index(self.get_index_of(key)?)
    }

    /// True where there is a value of this name.
    pub fn contains_key<Q: ?Sized + Hash + Eq>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.get_index_of(key).is_some()
    }

    /// What is at a place.
    pub fn get_index(&self, place: usize) -> Option<(&K, &V)> {
        let entry = self.entries.get(place);
        entry.map(|(key, value)| (key, value))
    }

    /// What is at a place, the value to be changed.
    pub fn get_index_mut(&mut self, place: usize) -> Option<(&K, &mut V)> {
        let entry = self.entries.get_mut(place);
        entry.map(|(key, value)| (&*key, value))
    }

    /// The place of a name, whether it is there or is still to come.
    pub fn entry(&mut self, key: K) -> Entry<'_, K, V> {
        let place = self.get_index_of(&key);
        Entry {
            table: self,
            key,
            place,
        }
    }

    /// Sets the value of a name; tells the one that it had.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.get_index_of(&key) {
            Some(place) => Some(std::mem::replace(&mut self.entries[place].1, value)),
            None => {
                self.push(key, value);
                None
            }
        }
    }

    /// Adds a name that is known not to be there; tells its place.
    pub fn push(&mut self, key: K, value: V) -> usize {
        let place = self.entries.len();
        self.entries.push((key, value));
        if !self.index.is_empty() {
            self.index.add(hash_of(&self.entries[place].0), place);
        } else if place >= LOOKED_THROUGH {
            self.index_all();
        }
        place
    }

    /// Takes a name out; the last one gets its place.
    pub fn swap_remove<Q: ?Sized + Hash + Eq>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let place = self.get_index_of(key)?;
        let (_, value) = self.take_out(place);
        Some(value)
    }

    /// Takes out what is at a place; the last one gets it.
    pub fn swap_remove_index(&mut self, place: usize) -> Option<(K, V)> {
        (place < self.entries.len()).then(|| self.take_out(place))
    }

    #[inline]
    fn take_out(&mut self, place: usize) -> (K, V) {
        let gone = self.entries.swap_remove(place);
        if !self.index.is_empty() {
            self.index.remove(hash_of(&gone.0), place);
            if let Some((moved, _)) = self.entries.get(place) {
                let last = self.entries.len();
                self.index.moves(hash_of(moved), last, place);
            }
        }
        gone
    }

    /// Keeps those of which this is true, in their order.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        self.entries.retain_mut(|(key, value)| keep(key, value));
        if !self.index.is_empty() {
            self.index_all();
        }
    }

    fn index_all(&mut self) {
        self.index = Index::default();
        for (place, (key, _)) in self.entries.iter().enumerate() {
            self.index.add(hash_of(key), place);
        }
    }
}

impl<K, V> Table<K, V> {
    /// Takes all of them out.
    pub fn clear(&mut self) {
        *self = Table::default();
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True where there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Names and values.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&K, &V)> + DoubleEndedIterator + Clone {
        self.entries.iter().map(|(key, value)| (key, value))
    }

    /// Names.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &K> + DoubleEndedIterator + Clone {
        self.entries.iter().map(|(key, _)| key)
    }

    /// Values.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &V> + DoubleEndedIterator + Clone {
        self.entries.iter().map(|(_, value)| value)
    }

    /// Values, to be changed.
    pub fn values_mut(&mut self) -> impl ExactSizeIterator<Item = &mut V> {
        self.entries.iter_mut().map(|(_, value)| value)
    }

    /// Values without their names.
    pub fn into_values(self) -> impl ExactSizeIterator<Item = V> {
        self.entries.into_iter().map(|(_, value)| value)
    }
}

impl<'t, K: Hash + Eq, V> Entry<'t, K, V> {
    /// Its value, which is made where there is none.
    pub fn or_insert_with(self, new: impl FnOnce() -> V) -> &'t mut V {
        let place = match self.place {
            Some(place) => place,
            None => self.table.push(self.key, new()),
        };
        &mut self.table.entries[place].1
    }

    /// Its value, or one that is as good as none.
    pub fn or_default(self) -> &'t mut V
    where
        V: Default,
    {
        self.or_insert_with(V::default)
    }
}

#[inline]
fn hash_of<Q: ?Sized + Hash>(key: &Q) -> u64 {
    let mut hasher = NameHasher::default();
    key.hash(&mut hasher);
    hasher.finish()
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Table {
            entries: Vec::new(),
            index: Index::default(),
        }
    }
}

/// Equal where the same names have equal values, in whatever order.
impl<K: Hash + Eq, V: PartialEq> PartialEq for Table<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self
                .iter()
                .all(|(key, value)| other.get(key) == Some(value))
    }
}

impl<K: Hash + Eq, V: Eq> Eq for Table<K, V> {}

impl<K: Hash + Eq, V> Extend<(K, V)> for Table<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl<K: Hash + Eq, V> FromIterator<(K, V)> for Table<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut table = Table::default();
        table.extend(entries);
        table
    }
}

impl<K, V> IntoIterator for Table<K, V> {
    type Item = (K, V);
    type IntoIter = std::vec::IntoIter<(K, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

type Pair<'t, K, V> = fn(&'t (K, V)) -> (&'t K, &'t V);

impl<'t, K, V> IntoIterator for &'t Table<K, V> {
    type Item = (&'t K, &'t V);
    type IntoIter = std::iter::Map<std::slice::Iter<'t, (K, V)>, Pair<'t, K, V>>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.iter().map(|(key, value)| (key, value))
    }
}

impl<K: Hash + Eq + Borrow<Q>, Q: ?Sized + Hash + Eq, V> ops::Index<&Q> for Table<K, V> {
    type Output = V;

    fn index(&self, key: &Q) -> &V {
        self.get(key)
            .expect("whoever asks so knows that it is there")
    }
}

impl<K, V> ops::Index<usize> for Table<K, V> {
    type Output = V;

    fn index(&self, place: usize) -> &V {
        &self.entries[place].1
    }
}

impl<K, V> ops::IndexMut<usize> for Table<K, V> {
    fn index_mut(&mut self, place: usize) -> &mut V {
        &mut self.entries[place].1
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::name::PodId;

    #[test]
    fn the_last_one_gets_the_place_of_one_that_is_taken_out() {
        let mut table: Table<PodId, u32> =
            (0..4).map(|i| (PodId::from(format!("p{i}")), i)).collect();
        assert_eq!(table.swap_remove("p1"), Some(1));
        assert_eq!(table.values().copied().collect::<Vec<_>>(), [0, 3, 2]);
        assert_eq!(
            (table.get_index_of("p3"), table.swap_remove("p1")),
            (Some(1), None)
        );
        table.retain(|_, value| *value != 3);
        assert_eq!(
            (table.get("p2"), table.get("p3"), table.len()),
            (Some(&2), None, 2)
        );
        *table.entry("p9".into()).or_default() += 7;
        assert_eq!(table["p9"], 7);
    }

    proptest::proptest! {
        #[test]
        fn it_knows_what_a_map_in_order_knows(steps in proptest::collection::vec((0_u8..3, 0_u32..60), 0..400)) {
            let (mut table, mut map) = (Table::<PodId, u32>::default(), BTreeMap::new());
            for (value, (step, pod)) in (0_u32..).zip(steps) {
                // Few names far apart, so that many share a part of the index.
                let pod = PodId::from(format!("ns/p-{}", pod * 1024));
                match step {
                    0 => proptest::prop_assert_eq!(table.swap_remove(&pod), map.remove(&pod)),
                    _ => proptest::prop_assert_eq!(table.insert(pod.clone(), value), map.insert(pod, value)),
                }
            }
            for (place, (pod, value)) in table.iter().enumerate() {
                proptest::prop_assert_eq!(table.get_index_of(pod), Some(place));
                proptest::prop_assert_eq!(map.get(pod), Some(value));
            }
            proptest::prop_assert_eq!(table.len(), map.len());
        }
    }
}
