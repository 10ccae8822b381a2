//! The emulator's own endpoints, below `/_emulator/`: the log of calls, the clock, what can be made to
//! happen to an instance. No client of AWS asks for such a path.

use hyper::{Method, Uri};
use serde_json::{Value, json};
use sparkwright::model::time::Span;

use super::region::Region;
use super::service::{Emulator, Upset};

const PREFIX: &str = "/_emulator/";

/// True for one of the endpoints here.
pub fn is_control(path: &str) -> bool {
    path.starts_with(PREFIX)
}

/// Answers: status and body.
pub fn answer(emulator: &Emulator, method: &Method, uri: &Uri, body: &[u8]) -> (u16, String) {
    let path = uri.path().trim_start_matches(PREFIX);
    let query = |name: &str| {
        let mut pairs = form_urlencoded::parse(uri.query().unwrap_or("").as_bytes());
        pairs
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    };
    let upset = |what| instances(body).map(|ids| upset(emulator, what, &ids));
    let answered = match (method, path) {
        (&Method::GET, "calls") => {
            let after = query("after").map_or(Ok(0), |after| after.parse());
            match after {
                Ok(after) => return (200, emulator.calls_after(after)),
                Err(_) => Err("after: write the number of a call".to_owned()),
            }
        }
        (&Method::GET, "instances") => Ok(emulator.look(all)),
        (&Method::GET, "clock") => Ok(json!({"millis": emulator.now().at.millis()})),
        (&Method::POST, "clock") => advance(emulator, query("advance").as_deref()),
        (&Method::POST, "failures") => upset(Upset::Fail),
        (&Method::POST, "interruptions") => upset(Upset::Interrupt),
        (&Method::POST, "rebalances") => upset(Upset::Rebalance),
        (&Method::POST, "retirements") => upset(Upset::Retire),
        _ => {
            return (
                404,
                json!({"error": "no such endpoint; see docs/emulator.md"}).to_string(),
            );
        }
    };
    match answered {
        Ok(answer) => (200, answer.to_string()),
        Err(problem) => (400, json!({"error": problem}).to_string()),
    }
}

/// `{"instances": ["i-…"]}`.
fn instances(body: &[u8]) -> Result<Vec<String>, String> {
    let wrong = || "the body must be {\"instances\": [\"i-…\"]}".to_owned();
    let value: Value = serde_json::from_slice(body).map_err(|_| wrong())?;
    let ids = value
        .get("instances")
        .and_then(Value::as_array)
        .ok_or_else(wrong)?;
    let ids = ids.iter().map(|id| id.as_str().map(str::to_owned));
    ids.collect::<Option<Vec<String>>>().ok_or_else(wrong)
}

fn upset(emulator: &Emulator, what: Upset, ids: &[String]) -> Value {
    let (done, refused): (Vec<&String>, Vec<&String>) =
        ids.iter().partition(|id| emulator.upset(what, id));
    json!({"done": done, "refused": refused})
}

fn advance(emulator: &Emulator, by: Option<&str>) -> Result<Value, String> {
    let by: Span = by
        .and_then(|text| text.parse().ok())
        .ok_or("advance: write a length of time such as 10s")?;
    if !emulator.advance(by) {
        return Err("the clock runs by itself; start with --clock standing".to_owned());
    }
    Ok(json!({"millis": emulator.now().at.millis()}))
}

fn all(region: &Region) -> Value {
    let all = region.instances.values().map(|instance| {
        let (machine, zone) = region.names(instance.of);
        let price = region.fleet.price(instance.of);
        json!({
            "id": instance.id.as_str(),
            "state": instance.state.name(),
            "type": machine,
            "zone": zone,
            "capacityType": instance.of.2.as_str(),
            "microUsdPerHour": price.map(|price| price.micros()),
            "fleet": instance.launch.fleet,
            "launchedMillis": instance.launched.millis(),
        })
    });
    all.collect()
}
