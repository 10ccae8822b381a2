//! The rankings that are kept up to date against a plain scan of every node for every pod.

use std::collections::BTreeMap;

use proptest::prelude::*;
use sparkwright::model::node::tolerated;

use super::*;

/// One thing that happens.
#[derive(Clone, Debug)]
enum Step {
    Node(usize, u32, bool),
    Gone(usize),
    Pod(usize),
    End(usize),
}

/// The same scheduler without any memory: every pod looks at every node.
#[derive(Default)]
struct Plain {
    nodes: BTreeMap<NodeId, NodeFacts>,
    bound: BTreeMap<PodId, (NodeId, Arc<PodTemplate>)>,
    queue: BTreeMap<(i64, usize), (PodId, Arc<PodTemplate>)>,
}

impl Plain {
    fn free(&self, node: &NodeFacts) -> Resources {
        let mut free = node.allocatable.clone();
        let here = self.bound.values().filter(|(id, _)| *id == node.id);
        here.for_each(|(_, template)| free -= &template.requests);
        free
    }

    fn score(&self, node: &NodeFacts, template: &PodTemplate) -> u64 {
        let mut left = self.free(node);
        left -= &template.requests;
        let all = &node.allocatable;
        let cpu = left.cpu.millis() * 100 / all.cpu.millis();
        let memory = left.memory.get() * 100 / all.memory.get();
        let exact = |left: u64, all: u64| {
            f64::from(u32::try_from(left >> 10).unwrap())
                / f64::from(u32::try_from(all >> 10).unwrap())
        };
        let share = f64::from(u32::try_from(left.cpu.millis()).unwrap())
            / f64::from(u32::try_from(all.cpu.millis()).unwrap());
        let distance = (share - exact(left.memory.get(), all.memory.get())).abs();
        let balanced = (0..=100_u32)
            .rev()
            .find(|score| f64::from(*score) <= 100.0 - 50.0 * distance + 1e-9);
        u64::midpoint(cpu, memory) + u64::from(balanced.unwrap())
    }

    fn choose(&self, template: &PodTemplate) -> Option<NodeId> {
        let feasible = self.nodes.values().filter(|node| {
            node.ready
                && !node.unschedulable
                && tolerated(&node.taints, &template.tolerations)
                && template.constraints.hold(&node.labels)
                && template.requests.fits(&self.free(node))
        });
        let best =
            feasible.max_by_key(|node| (self.score(node, template), std::cmp::Reverse(&node.id)));
        best.map(|node| node.id.clone())
    }

    fn bind(&mut self) -> Vec<String> {
        let mut told = Vec::new();
        for (place, (pod, template)) in self.queue.clone() {
            if let Some(node) = self.choose(&template) {
                self.queue.remove(&place);
                told.push(format!("{pod}@{node}"));
                self.bound.insert(pod, (node, template));
            }
        }
        told
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0_usize..8, 1_u32..9, any::<bool>()).prop_map(|(n, cores, open)| Step::Node(n, cores, open)),
        1 => (0_usize..8).prop_map(Step::Gone),
        6 => (0_usize..5).prop_map(Step::Pod),
        3 => (0_usize..60).prop_map(Step::End),
    ]
}

fn templates() -> Vec<Arc<PodTemplate>> {
    let mut picky = template(1);
    picky.constraints.all = vec![Requirement::is("name", "n3")];
    let mut thirsty = template(1);
    thirsty.requests.memory = Bytes::from_mib(9000);
    let kinds = [template(1), template(2), template(4), picky, thirsty];
    kinds.into_iter().map(Arc::new).collect()
}

fn facts(n: usize, cores: u32, open: bool) -> NodeFacts {
    NodeFacts {
        unschedulable: !open,
        ..node(&format!("n{n}"), cores)
    }
}

#[test]
fn equal_nodes_are_filled_by_name_wherever_their_names_come_in() {
    let mut pending = Named::default();
    let mut names = vec!["a".to_owned(), "b".to_owned()];
    // Each comes just after the first, until there is no rank left between the two.
    names.extend((1..100).map(|length| format!("{}b", "a".repeat(length))));
    let mut filled: Vec<String> = Vec::new();
    for (i, name) in names.iter().enumerate() {
        pending.scheduler.apply_node(&node(name, 8));
        if i % 7 == 0 {
            let free = names[..=i].iter().filter(|name| !filled.contains(*name));
            let first = free.min().unwrap().clone();
            pending.enqueue(&format!("early-{i}"), Arc::new(template(1)));
            assert_eq!(pending.bind(), [format!("early-{i}@{first}")]);
            filled.push(first);
        }
    }
    names.retain(|name| !filled.contains(name));
    names.sort();
    for (i, name) in names.iter().enumerate() {
        pending.enqueue(&format!("late-{i}"), Arc::new(template(1)));
        assert_eq!(pending.bind(), [format!("late-{i}@{name}")]);
    }
}

proptest! {
    #[test]
    fn rankings_decide_as_a_plain_scan_does(steps in proptest::collection::vec(step(), 1..80)) {
        let templates = templates();
        let (mut ranked, mut plain) = (Named::default(), Plain::default());
        for (i, step) in steps.into_iter().enumerate() {
            match step {
                Step::Node(n, cores, open) => {
                    let facts = facts(n, cores, open);
                    // A node does not shrink below what runs on it.
                    if plain.bound.values().any(|(node, _)| *node == facts.id) {
                        continue;
                    }
                    ranked.scheduler.apply_node(&facts);
                    plain.nodes.insert(facts.id.clone(), facts);
                }
                Step::Gone(n) => {
                    let id = NodeId::from(format!("n{n}"));
                    if plain.bound.values().any(|(node, _)| *node == id) {
                        continue;
                    }
                    ranked.scheduler.remove_node(&id);
                    plain.nodes.remove(&id);
                }
                Step::Pod(kind) => {
                    let pod = PodId::from(format!("p{i}"));
                    ranked.enqueue(pod.as_str(), templates[kind].clone());
                    plain.queue.insert((0, i), (pod, templates[kind].clone()));
                }
                Step::End(i) => {
                    let pod = PodId::from(format!("p{i}"));
                    ranked.forget(pod.as_str());
                    plain.bound.remove(&pod);
                    plain.queue.retain(|_, (queued, _)| *queued != pod);
                }
            }
            prop_assert_eq!(ranked.bind(), plain.bind());
        }
    }
}
