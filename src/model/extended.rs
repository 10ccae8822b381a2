//! Extended resources by name, in whole units: what device plugins offer (`nvidia.com/gpu`). Most pods ask for
//! none, and amounts are copied and dropped all the time, so that none takes one word and nothing else.

use std::collections::BTreeMap;
use std::ops::{AddAssign, Index, SubAssign};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

type Amounts = BTreeMap<Arc<str>, u64>;

/// Amounts by name, in order of the names.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "Amounts", into = "Amounts")]
pub struct Extended {
    /// Never of an empty map.
    amounts: Option<Box<Amounts>>,
}

impl Extended {
    /// True where there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.amounts.is_none()
    }

    /// Names and amounts.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &u64)> {
        self.amounts.iter().flat_map(|amounts| amounts.iter())
    }

    /// Names.
    pub fn keys(&self) -> impl Iterator<Item = &Arc<str>> {
        self.iter().map(|(name, _)| name)
    }

    /// The amount of this name.
    pub fn get(&self, name: &str) -> Option<&u64> {
        self.amounts.as_ref()?.get(name)
    }

    /// True where there is an amount of this name.
    pub fn contains_key(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The amount of this name, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut u64> {
        self.amounts.as_mut()?.get_mut(name)
    }

    /// The amount of this name, to be changed; zero where there was none.
    pub fn amount(&mut self, name: &Arc<str>) -> &mut u64 {
        let amounts = self.amounts.get_or_insert_default();
        amounts.entry(name.clone()).or_default()
    }

    /// Sets the amount of a name.
    pub fn insert(&mut self, name: Arc<str>, amount: u64) {
        *self.amount(&name) = amount;
    }

    /// Takes a name out.
    pub fn remove(&mut self, name: &str) {
        if let Some(amounts) = &mut self.amounts {
            amounts.remove(name);
            if amounts.is_empty() {
                self.amounts = None;
            }
        }
    }

    /// True where each amount is at most that in `room`, zero where it has none of the name.
    pub fn fits(&self, room: &Extended) -> bool {
        self.iter().all(|(name, &n)| n <= room[name])
    }

    /// The same names with other amounts.
    pub fn map(&self, amount: impl Fn(u64) -> u64) -> Extended {
        let all = |amounts: &Amounts| {
            let all = amounts.iter();
            Box::new(all.map(|(name, &n)| (name.clone(), amount(n))).collect())
        };
        Extended {
            amounts: self.amounts.as_deref().map(all),
        }
    }
}

impl AddAssign<&Extended> for Extended {
    fn add_assign(&mut self, other: &Extended) {
        for (name, n) in other.iter() {
            let sum = self.amount(name);
            *sum = sum.saturating_add(*n);
        }
    }
}

/// Saturates at zero, and takes nothing from names that it has not.
impl SubAssign<&Extended> for Extended {
    fn sub_assign(&mut self, other: &Extended) {
        for (name, n) in other.iter() {
            if let Some(left) = self.get_mut(name) {
                *left = left.saturating_sub(*n);
            }
        }
    }
}

impl From<Amounts> for Extended {
    fn from(amounts: Amounts) -> Self {
        Extended {
            amounts: (!amounts.is_empty()).then(|| Box::new(amounts)),
        }
    }
}

impl From<Extended> for Amounts {
    fn from(extended: Extended) -> Self {
        extended
            .amounts
            .map_or_else(Amounts::new, |amounts| *amounts)
    }
}

impl FromIterator<(Arc<str>, u64)> for Extended {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, u64)>>(amounts: I) -> Self {
        Extended::from(Amounts::from_iter(amounts))
    }
}

impl Index<&str> for Extended {
    type Output = u64;

    fn index(&self, name: &str) -> &u64 {
        self.get(name).unwrap_or(&0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_has_lost_its_last_name_is_as_one_that_never_had_any() {
        let mut extended = Extended::default();
        extended.insert("nvidia.com/gpu".into(), 2);
        *extended.amount(&"nvidia.com/gpu".into()) += 1;
        assert_eq!(
            (extended["nvidia.com/gpu"], extended.iter().count()),
            (3, 1)
        );
        assert!(Extended::default() < extended);
        extended.remove("nvidia.com/gpu");
        assert!(extended.is_empty() && extended == Extended::default());
        assert_eq!(Extended::from_iter([]), extended);
    }

    #[test]
    fn it_is_written_as_a_map() {
        let extended = Extended::from_iter([("nvidia.com/gpu".into(), 2)]);
        let text = serde_json::to_string(&extended).unwrap();
        assert_eq!(text, r#"{"nvidia.com/gpu":2}"#);
        assert_eq!(serde_json::from_str::<Extended>(&text).unwrap(), extended);
        assert!(serde_json::from_str::<Extended>("{}").unwrap().is_empty());
    }
}
