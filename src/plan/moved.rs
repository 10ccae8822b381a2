//! Nodes of one make of which a plan counts on more or less room than the cluster does, by what is free of them.
//! They are few beside the nodes there are, and of few sizes: a list is looked through sooner than a tree is
//! searched.

use std::collections::VecDeque;

use crate::cluster::space::Free;
use crate::model::name::NodeId;

use super::find::Place;

/// Nodes with exactly the same free, by name.
type Group<'a> = (Free, VecDeque<&'a NodeId>);

/// Touched nodes of one make.
#[derive(Clone, Debug)]
pub(super) struct Moved<'a> {
    /// The number of the make.
    pub make: usize,
    /// By what is free, the fullest first.
    pub groups: Vec<Group<'a>>,
    /// The first node, the emptiest first, that was not touched when it was last looked for; inside, None where
    /// there was none.
    pub untouched: Option<Option<Place<'a>>>,
}

impl<'a> Moved<'a> {
    pub fn of(make: usize) -> Self {
        Moved {
            make,
            groups: Vec::new(),
            untouched: None,
        }
    }

    pub fn insert(&mut self, free: &Free, node: &'a NodeId) {
        match self.place(free) {
            Ok(place) => {
                let nodes = &mut self.groups[place].1;
                if let Err(at) = nodes.binary_search(&node) {
                    nodes.insert(at, node);
                }
            }
            Err(place) => {
                let group = (free.clone(), VecDeque::from([node]));
                self.groups.insert(place, group);
            }
        }
    }

    pub fn remove(&mut self, free: &Free, node: &NodeId) {
        let Ok(place) = self.place(free) else { return };
        let nodes = &mut self.groups[place].1;
        if let Ok(at) = nodes.binary_search(&node) {
            nodes.remove(at);
        }
        if nodes.is_empty() {
            self.groups.remove(place);
        }
    }

    fn place(&self, free: &Free) -> Result<usize, usize> {
        self.groups.binary_search_by(|(known, _)| known.cmp(free))
    }
}

#[cfg(test)]
mod tests {
    use crate::model::resources::{Bytes, Cpu, Resources};

    use super::*;

    #[test]
    fn nodes_with_the_same_free_lie_together_by_name_and_groups_by_how_much_that_is() {
        let free = |cores| -> Free {
            let room = Resources::pod(Cpu::from_cores(cores), Bytes::from_mib(1));
            (u64::from(cores), room)
        };
        let nodes = ["c", "a", "b"].map(NodeId::from);
        let mut moved = Moved::of(1);
        moved.insert(&free(2), &nodes[0]);
        moved.insert(&free(1), &nodes[1]);
        moved.insert(&free(2), &nodes[2]);
        let names = |moved: &Moved<'_>| -> Vec<String> {
            let groups = moved.groups.iter();
            let groups = groups.map(|((share, _), nodes)| {
                let names: Vec<&str> = nodes.iter().map(|node| node.as_str()).collect();
                format!("{share}: {}", names.join(" "))
            });
            groups.collect()
        };
        assert_eq!(names(&moved), ["1: a", "2: b c"]);
        moved.remove(&free(1), &nodes[1]);
        moved.remove(&free(2), &nodes[0]);
        assert_eq!(names(&moved), ["2: b"]);
    }
}
