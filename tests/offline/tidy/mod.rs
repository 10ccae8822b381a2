//! The walls of the house, held by reading its text: what the core may know, which room may see which,
//! how large a file and a function may be, what each file says of itself, and what the repository may
//! not hold. A wall names file and line, and what to do.

mod layers;
mod paths;
mod purity;
mod repository;
mod sizes;
mod source;
mod words;

use source::Source;

/// Lines of text, one for each breach.
fn report(breaches: &[String]) {
    assert!(
        breaches.is_empty(),
        "{} breaches:\n{}",
        breaches.len(),
        breaches.join("\n")
    );
}

/// All Rust files of the repository.
fn sources() -> Vec<Source> {
    let sources: Vec<Source> = source::tracked()
        .into_iter()
        .filter(|path| path.ends_with(".rs"))
        .map(|path| Source::read(&path))
        .collect();
    assert!(sources.len() > 50, "the walls have lost sight of the house");
    sources
}
