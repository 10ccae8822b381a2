//! What a plan costs in CPU time of the process: cold plans of seeded applications on a region's full
//! catalogue, the bound included and the market apart; rounds on a large cluster that goes on; rules
//! between pods. `cargo bench --bench plan` runs all, `-- cold steady rules` those named.

mod clock;
mod cold;
mod rules;
mod scenario;
mod steady;
#[path = "../../tests/offline/world.rs"]
#[expect(dead_code, reason = "what only tests ask for")]
mod world;

fn main() {
    let named: Vec<String> = (std::env::args().skip(1))
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    let wanted = |name: &str| named.is_empty() || named.iter().any(|n| n == name);
    if wanted("cold") {
        cold::measure();
    }
    if wanted("steady") {
        steady::measure();
    }
    if wanted("rules") {
        rules::measure();
    }
}
