//! docs/metrics.md, written from the metrics themselves, so that the page and what is measured cannot
//! differ.

use std::fmt::Write;

use super::Metrics;

/// The page.
pub fn page(metrics: &Metrics) -> String {
    let mut page = String::from(
        "# Metrics\n\n`/metrics` of each replica, in Prometheus' text format. Written from the program by \
         `SPARKWRIGHT_BLESS=1 cargo test -p sparkwright --lib metrics`; a test compares it.\n\n\
         | metric | kind | labels | meaning |\n|---|---|---|---|\n",
    );
    for described in &metrics.list.described {
        let labels: Vec<String> = (described.labels.iter())
            .map(|label| format!("`{label}`"))
            .collect();
        let (name, kind, help) = (&described.name, described.kind, &described.help);
        // Writing into a string does not fail.
        let _ = writeln!(
            page,
            "| `{name}` | {kind} | {} | {help} |",
            labels.join(", ")
        );
    }
    page
}
