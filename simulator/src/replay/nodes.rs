//! The nodes of a run: each with why it was launched, or, where there are too many to list, in groups that
//! cost the same per hour, with counts and sums.

use std::collections::BTreeMap;

use serde::Serialize;
use sparkwright::ledger::bygone::{Sort, Sum};
use sparkwright::model::money::{Cost, apportion};
use sparkwright::model::name::{NodeId, PoolName};
use sparkwright::model::offering::TypeId;
use sparkwright::model::performance::Performance;
use sparkwright::model::time::Timestamp;

use sparkwright::model::decimal::Decimal;

use super::Answer;
use super::document::since_start;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Node<'a> {
    pub id: &'a str,
    pub pool: &'a str,
    pub zone: &'a str,
    pub capacity_type: &'a str,
    pub instance_type: &'a str,
    pub usd_per_hour: Decimal,
    /// Work of executors per vCPU and hour, as the pool says.
    pub performance: Decimal,
    pub launched_seconds: Decimal,
    pub ready_seconds: Option<Decimal>,
    pub ended_seconds: Option<Decimal>,
    pub usd: Decimal,
    pub reason: &'static str,
    pub message: String,
}

/// Nodes of one pool, type, zone and capacity type.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NodeGroup<'a> {
    pub pool: &'a str,
    pub zone: &'a str,
    pub capacity_type: &'a str,
    pub instance_type: &'a str,
    pub usd_per_hour: Decimal,
    /// Work of executors per vCPU and hour, as the pool says.
    pub performance: Decimal,
    pub nodes: u64,
    /// Σ launch to end.
    pub node_seconds: Decimal,
    pub first_launched_seconds: Decimal,
    pub last_ended_seconds: Decimal,
    pub usd: Decimal,
}

/// Every node, in the order of launch.
pub(super) fn each<'a>(answer: &'a Answer, costs: &[(NodeId, Cost)]) -> Vec<Node<'a>> {
    let rounded = apportion(&costs.iter().map(|(_, cost)| *cost).collect::<Vec<_>>());
    let (outcome, catalog) = (&answer.outcome, &answer.catalog);
    let known = costs.iter().zip(rounded);
    let mut nodes: Vec<(Timestamp, Node<'a>)> = known
        .filter_map(|((id, _), usd)| {
            let (id, node) = outcome.ledger.nodes.get_key_value(id)?;
            let reason = outcome.reasons.get(id);
            let node_of = Node {
                id: id.as_str(),
                pool: node.pool.as_str(),
                zone: &catalog.zone(node.zone).name,
                capacity_type: node.capacity_type.as_str(),
                instance_type: &catalog.instance_type(node.instance_type).name,
                usd_per_hour: node.price.into(),
                performance: performance(answer, &node.pool, node.instance_type).into(),
                launched_seconds: since_start(node.launched),
                ready_seconds: node.ready.map(since_start),
                ended_seconds: node.ended.map(since_start),
                usd: usd.into(),
                reason: reason.map_or("", |reason| reason.code()),
                message: reason.map(ToString::to_string).unwrap_or_default(),
            };
            Some((node.launched, node_of))
        })
        .collect();
    nodes.sort_by(|a, b| (a.0, a.1.id).cmp(&(b.0, b.1.id)));
    nodes.into_iter().map(|(_, node)| node).collect()
}

/// What a pool says of a type's family.
fn performance(answer: &Answer, pool: &PoolName, of: TypeId) -> Performance {
    let pool = answer.pools.iter().find(|known| known.name == *pool);
    let family = &answer.catalog.instance_type(of).family;
    pool.map_or(Performance::ONE, |pool| pool.performance.of(family))
}

/// All nodes in groups; the printed sums add up to the printed whole.
pub(super) fn groups(answer: &Answer) -> Vec<NodeGroup<'_>> {
    let (outcome, catalog) = (&answer.outcome, &answer.catalog);
    let named = outcome.ledger.nodes.values();
    let named = named.map(|node| (Sort::of(node), Sum::of(node, outcome.ended)));
    let bygone = outcome.ledger.bygone.iter();
    let all = named.chain(bygone.map(|(sort, sum)| (sort.clone(), *sum)));
    let mut sums = BTreeMap::new();
    for (of, sum) in all {
        let pool = answer.pools.iter().find(|known| known.name == of.pool);
        let key = (
            pool.map_or("", |pool| pool.name.as_str()),
            catalog.instance_type(of.instance_type).name.as_str(),
            performance(answer, &of.pool, of.instance_type),
            catalog.zone(of.zone).name.as_str(),
            of.capacity_type.as_str(),
            of.price,
        );
        let known = sums.remove(&key);
        sums.insert(key, known.map_or(sum, |known: Sum| known.plus(sum)));
    }
    let rounded = apportion(&sums.values().map(|sum| sum.cost).collect::<Vec<_>>());
    (sums.into_iter().zip(rounded))
        .map(
            |(((pool, instance_type, performance, zone, capacity_type, price), sum), usd)| {
                NodeGroup {
                    pool,
                    zone,
                    capacity_type,
                    instance_type,
                    usd_per_hour: price.into(),
                    performance: performance.into(),
                    nodes: sum.nodes,
                    node_seconds: sum.time.into(),
                    first_launched_seconds: since_start(sum.first),
                    last_ended_seconds: since_start(sum.last),
                    usd: usd.into(),
                }
            },
        )
        .collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::Value;

    use super::super::objects::Objects;
    use super::super::{ReplayArgs, conditions, document, nodepools, simulate, submissions};
    use crate::world::run::ExecutorSource;
    use std::sync::Arc;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: ReplayArgs,
    }

    #[test]
    fn too_many_nodes_to_list_are_grouped_and_cost_the_same() {
        let logs = concat!(env!("CARGO_MANIFEST_DIR"), "/data/logs");
        let args = Cli::parse_from(["replay", "--trace", logs, "--copies", "2"]).args;
        let catalog = Arc::new(args.source.source(0).load().unwrap());
        let conditions = conditions(&args, &catalog).unwrap();
        let world = (catalog, conditions, Objects::default());
        let pools = nodepools::chosen(None, &mut std::io::empty()).pools;
        let (submissions, skipped) = submissions(&args, &mut Vec::new()).unwrap();
        let executors = ExecutorSource::Simulated;
        let answer = simulate(&args, world, pools, executors, submissions, skipped).unwrap();
        let told = |most| serde_json::to_value(document::document_listing(&answer, most)).unwrap();
        let (listed, grouped) = (told(10_000), told(3));
        let sum = |list: &Value, field: &str| -> f64 {
            let items = list.as_array().unwrap().iter();
            items.map(|item| item[field].as_f64().unwrap()).sum()
        };
        let nodes = listed["nodes"].as_array().unwrap();
        assert!(nodes.len() > 3 && listed["nodesAggregated"] == false);
        assert!(listed.get("nodeGroups").is_none());
        assert_eq!(grouped["nodes"].as_array().unwrap().len(), 0);
        assert_eq!(grouped["nodesAggregated"], true);
        let groups = &grouped["nodeGroups"];
        assert!(groups.as_array().unwrap().len() < nodes.len());
        let count = u32::try_from(nodes.len()).unwrap();
        assert_eq!(sum(groups, "nodes"), f64::from(count));
        assert!((sum(groups, "usd") - sum(&listed["nodes"], "usd")).abs() < 1e-6);
        let lived: f64 = (nodes.iter())
            .map(|n| n["endedSeconds"].as_f64().unwrap() - n["launchedSeconds"].as_f64().unwrap())
            .sum();
        assert!((sum(groups, "nodeSeconds") - lived).abs() < 0.01);
    }
}
