//! x
use super::*;
use crate::trace;
use std::path::Path;
use std::sync::Arc;

#[test]
fn table() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/spark-events");
    for log in trace::open(&folder) {
        match log {
            Err(skipped) => println!("{} {}", skipped.input, skipped.reason),
            Ok(recorded) => {
                let work = Arc::new(Work::of(&recorded).unwrap());
                let f = fidelity(&recorded, &work);
                println!(
                    "{:40} {:10} pred {} rec {} err {:?} {:?} {:?}",
                    recorded.name,
                    recorded.id,
                    f.predicted_in_job,
                    f.recorded_in_job,
                    f.error_permille,
                    f.kind,
                    recorded.notes
                );
            }
        }
    }
}
