//! Maps whose keys are more than text, written as lists of pairs: JSON names the fields of an object by
//! texts alone. For `#[serde(with = "pairs")]`.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Writes a map as a list of its pairs, in its order.
///
/// # Errors
/// Those of the writer.
pub fn serialize<K, V, S>(map: &BTreeMap<K, V>, to: S) -> Result<S::Ok, S::Error>
where
    K: Serialize,
    V: Serialize,
    S: Serializer,
{
    to.collect_seq(map)
}

/// Reads a map from a list of pairs; of pairs with one key the last counts.
///
/// # Errors
/// Where it is no such list.
pub fn deserialize<'de, K, V, D>(from: D) -> Result<BTreeMap<K, V>, D::Error>
where
    K: Deserialize<'de> + Ord,
    V: Deserialize<'de>,
    D: Deserializer<'de>,
{
    let pairs: Vec<(K, V)> = Vec::deserialize(from)?;
    Ok(pairs.into_iter().collect())
}
