//! Arrows go one way: which room may see which. In the core each room names what it may see; in the
//! simulator no room sees one that sees it, and only the binary sees the commands.

use std::collections::{BTreeMap, BTreeSet};

use super::paths::rooms;
use super::source::Source;
use super::{report, sources};

/// What the rooms of the core see besides themselves.
const CORE: [(&str, &[&str]); 5] = [
    ("model", &[]),
    ("cluster", &["model"]),
    ("ledger", &["cluster", "model"]),
    ("plan", &["cluster", "ledger", "model"]),
    ("stream", &["cluster", "model", "plan"]),
];

/// What rooms of the simulator see of it besides themselves; rooms that are not named see what they
/// like, within the other rules.
const SIMULATOR: [(&str, &[&str]); 6] = [
    ("catalog", &["output"]),
    ("output", &[]),
    ("spark", &["timeline", "trace"]),
    ("timeline", &[]),
    ("trace", &[]),
    ("world", &["catalog", "spark", "timeline", "trace"]),
];

/// Rooms that are commands of the simulator: they see others, and only `main.rs` sees them.
const COMMANDS: [&str; 4] = ["dry_run", "emulator", "replay", "traces"];

#[test]
fn the_core_sees_only_downwards() {
    let core = crate_of("src/");
    let allowed = BTreeMap::from(CORE);
    report(&beyond(&core, &allowed));
    let known: BTreeSet<&str> = core.iter().map(|source| source.module()[0]).collect();
    for room in allowed.keys() {
        assert!(
            known.contains(room),
            "room {room} is gone; name the core's rooms here"
        );
    }
}

#[test]
fn the_simulators_lower_rooms_do_not_see_its_upper_ones() {
    let simulator = crate_of("simulator/src/");
    report(&beyond(&simulator, &BTreeMap::from(SIMULATOR)));
}

#[test]
fn only_the_simulators_binary_sees_its_commands() {
    let simulator = crate_of("simulator/src/");
    for command in COMMANDS {
        let lives = simulator.iter().any(|source| source.module()[0] == command);
        assert!(lives, "command {command} is gone; name the commands here");
    }
    let mut breaches = Vec::new();
    for (source, line, room) in arrows(&simulator) {
        let from = source.module()[0];
        if COMMANDS.contains(&room.as_str()) && from != "main" {
            let path = &source.path;
            breaches.push(format!(
                "{path}:{line}: {from} uses command {room}; move what both need into a room below"
            ));
        }
    }
    report(&breaches);
}

#[test]
fn no_room_sees_a_room_that_sees_it() {
    for folder in ["src/", "simulator/src/"] {
        let sources = crate_of(folder);
        let mut sees: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut where_from = BTreeMap::new();
        for (source, line, room) in arrows(&sources) {
            let from = source.module()[0].to_owned();
            let place = format!("{}:{line}", source.path);
            where_from
                .entry((from.clone(), room.clone()))
                .or_insert(place);
            sees.entry(from).or_default().insert(room);
        }
        let mut breaches = Vec::new();
        for ((from, to), place) in &where_from {
            if reaches(&sees, to, from) {
                breaches.push(format!(
                    "{place}: {from} uses {to}, which uses {from} in turn; turn one arrow round"
                ));
            }
        }
        report(&breaches);
    }
}

/// Uses of rooms that the table does not allow, by rooms that it names.
fn beyond(sources: &[Source], allowed: &BTreeMap<&str, &[&str]>) -> Vec<String> {
    let mut breaches = Vec::new();
    for (source, line, room) in arrows(sources) {
        let from = source.module()[0];
        let path = &source.path;
        if let Some(seen) = allowed
            .get(from)
            .filter(|seen| !seen.contains(&room.as_str()))
        {
            breaches.push(format!(
                "{path}:{line}: {from} uses {room} and may use {seen:?}; turn the arrow round"
            ));
        }
    }
    breaches
}

/// Uses of another room of the same crate.
fn arrows(sources: &[Source]) -> Vec<(&Source, usize, String)> {
    let known: BTreeSet<&str> = sources.iter().map(|source| source.module()[0]).collect();
    let mut arrows = Vec::new();
    for source in sources.iter().filter(|source| source.module()[0] != "lib") {
        for (line, room) in rooms(source) {
            if room != source.module()[0] && known.contains(room.as_str()) {
                arrows.push((source, line, room));
            }
        }
        if source.module()[0] == "main" {
            arrows.extend(known.iter().flat_map(|room| from_outside(source, room)));
        }
    }
    arrows
}

/// A binary names the rooms by its library's name.
fn from_outside<'a>(source: &'a Source, room: &str) -> Option<(&'a Source, usize, String)> {
    let named = super::paths::paths(source.lines());
    let first = named
        .iter()
        .find(|named| named.segments[0].starts_with("sparkwright") && named.segments[1] == room)?;
    Some((source, first.line, room.to_owned()))
}

fn reaches(sees: &BTreeMap<String, BTreeSet<String>>, from: &str, to: &str) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![from];
    while let Some(room) = open.pop() {
        if room == to {
            return true;
        }
        if seen.insert(room) {
            open.extend(sees.get(room).into_iter().flatten().map(String::as_str));
        }
    }
    false
}

fn crate_of(folder: &str) -> Vec<Source> {
    let inside = sources()
        .into_iter()
        .filter(|source| source.path.starts_with(folder));
    inside.collect()
}

#[test]
fn an_arrow_upwards_is_found() {
    let files = [
        Source::of(
            "src/model/a.rs",
            "use crate::model::b;\nuse crate::plan::Plan;\n",
        ),
        Source::of("src/plan/mod.rs", "use crate::model::a;\n"),
    ];
    let allowed = BTreeMap::from(CORE);
    let found = beyond(&files, &allowed);
    assert_eq!(found.len(), 1);
    assert!(
        found[0].starts_with("src/model/a.rs:2: model uses plan"),
        "{found:?}"
    );
}
