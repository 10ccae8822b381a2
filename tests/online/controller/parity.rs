//! What the controller decided is what its own record gives again, round by round: the live loop and the
//! replay are one planner on one stream.

use clap::Parser;
use serde_json::Value;
use sparkwright_sim::replay::{self, ReplayArgs};

use super::rig;
use super::scene::{application, begin, running};
use crate::testbed::eventually;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: ReplayArgs,
}

#[test]
fn a_record_of_a_real_run_gives_the_same_effects_round_by_round() {
    rig::run(&[], async |rig| {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let path = folder.path().display().to_string();
        rig.set("SPARKWRIGHT_RECORD", &path);
        begin(rig, "1h").await;
        application(rig, "a", 3).await;
        running(rig, 4).await;
        application(rig, "b", 2).await;
        running(rig, 7).await;
        let spot = rig
            .alive()
            .into_iter()
            .find(|one| one["capacityType"] == "spot");
        let spot = spot.expect("executors are on spot");
        let hit = serde_json::json!({"instances": [spot["id"]]}).to_string();
        let before = rig.alive().len();
        rig.ask("POST /_emulator/interruptions", &hit);
        eventually("a replacement is launched", async || {
            (rig.alive().len() > before).then_some(())
        })
        .await;
        rig.signal(0, "TERM");
        eventually("it stops when it is asked to", async || {
            rig.has_ended().then_some(())
        })
        .await;
        let cli = Cli::parse_from(["replay", "--open-loop", &path, "-o", "json"]);
        let (mut out, mut messages) = (Vec::new(), Vec::new());
        let outcome = replay::run(&cli.args, &mut out, &mut messages);
        let told = String::from_utf8_lossy(&out).into_owned();
        let messages = String::from_utf8_lossy(&messages).into_owned();
        assert!(outcome.is_ok(), "{messages}");
        let document: Value = serde_json::from_str(&told).expect("it is JSON");
        assert_eq!(document["differing"], 0, "{told}\n{messages}");
        assert_eq!(document["lost"], 0, "{told}");
        assert!(document["rounds"].as_u64() > Some(5), "{told}");
        assert!(document["effects"].as_u64() > Some(8), "{told}");
    });
}
