//! A set of names, as a table is a map of them: found at the same cost at any number, in the order of what
//! happened before. Sort where an answer depends on the order.

use std::borrow::Borrow;
use std::hash::Hash;

use super::table::Table;

/// A set of names.
#[derive(Clone, Debug)]
pub struct Names<K> {
    names: Table<K, ()>,
}

impl<K: Hash + Eq> Names<K> {
    /// True where it is there.
    pub fn contains<Q: ?Sized + Hash + Eq>(&self, name: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.names.contains_key(name)
    }

    /// Adds one; false where it was there.
    pub fn insert(&mut self, name: K) -> bool {
        self.names.insert(name, ()).is_none()
    }

    /// Adds one that is known not to be there.
    pub fn push(&mut self, name: K) {
        self.names.push(name, ());
    }

    /// Takes one out, the last one gets its place; false where it was not there.
    pub fn swap_remove<Q: ?Sized + Hash + Eq>(&mut self, name: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.names.swap_remove(name).is_some()
    }
}

impl<K> Names<K> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// True where there are none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// All of them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &K> + DoubleEndedIterator + Clone {
        self.names.keys()
    }
}

impl<K> Default for Names<K> {
    fn default() -> Self {
        Names {
            names: Table::default(),
        }
    }
}

impl<K: Hash + Eq> PartialEq for Names<K> {
    fn eq(&self, other: &Self) -> bool {
        self.names == other.names
    }
}

impl<K: Hash + Eq> Eq for Names<K> {}

impl<K: Hash + Eq> Extend<K> for Names<K> {
    fn extend<I: IntoIterator<Item = K>>(&mut self, names: I) {
        self.names.extend(names.into_iter().map(|name| (name, ())));
    }
}

impl<K: Hash + Eq> FromIterator<K> for Names<K> {
    fn from_iter<I: IntoIterator<Item = K>>(names: I) -> Self {
        let mut all = Names::default();
        all.extend(names);
        all
    }
}

type Name<K> = fn((K, ())) -> K;

impl<K> IntoIterator for Names<K> {
    type Item = K;
    type IntoIter = std::iter::Map<std::vec::IntoIter<(K, ())>, Name<K>>;

    fn into_iter(self) -> Self::IntoIter {
        self.names.into_iter().map(|(name, ())| name)
    }
}

type Named<'n, K> = fn((&'n K, &'n ())) -> &'n K;

impl<'n, K> IntoIterator for &'n Names<K> {
    type Item = &'n K;
    type IntoIter = std::iter::Map<<&'n Table<K, ()> as IntoIterator>::IntoIter, Named<'n, K>>;

    fn into_iter(self) -> Self::IntoIter {
        (&self.names).into_iter().map(|(name, ())| name)
    }
}
