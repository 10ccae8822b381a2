//! Kubernetes manifests to facts: whatever files, folders and streams a command is given, each object
//! once, with one line for each that is refused and for what is passed over. What an object means is
//! decided in the core; what is done with the facts is for the commands.

mod document;
mod gather;
mod source;

use std::io::Read;
use std::path::PathBuf;

use sparkwright::cluster::event::Fact;
use sparkwright::model::time::Timestamp;

use gather::Gathered;

/// What a set of manifests says.
#[derive(Debug, Default)]
pub struct Manifests {
    /// The facts: NodePools, DaemonSets, nodes, shapes, pods, each in order of name.
    pub facts: Vec<Fact>,
    /// The latest creation time of any object; the origin where none says one.
    pub latest: Timestamp,
    /// True where NodePools were given, refused ones included.
    pub has_pools: bool,
    /// What was passed over or is probably not meant, one line each.
    pub warnings: Vec<String>,
    /// What was refused, one line each, beginning with `refused` and the input's name.
    pub refusals: Vec<String>,
}

/// Reads manifests from files, folders (their `*.yaml`, `*.yml`, `*.json`, `*.jsonl`) and, for `-`,
/// from `stdin`. YAML or JSON; streams, lists and lines of them. Of objects given twice the last counts.
pub fn read(paths: &[PathBuf], stdin: &mut dyn Read) -> Manifests {
    let mut gathered = Gathered::default();
    for input in source::texts(paths, stdin) {
        match &input.text {
            Ok(text) => gathered.text(&input.name, text),
            Err(problem) => gathered.refuse(&input.name, problem),
        }
    }
    gathered.into_manifests()
}

/// Reads manifests from a text that has a name of its own.
pub fn read_text(name: &str, text: &str) -> Manifests {
    let mut gathered = Gathered::default();
    gathered.text(name, text);
    gathered.into_manifests()
}

#[cfg(test)]
mod tests;
