//! The server from outside, over a loopback socket.

use std::io::{Read, Write};

use crate::cluster::Cluster;
use crate::live::tell::{Memory, explain};
use crate::model::time::Timestamp;

use super::*;

/// One request; the status line's code and the body.
async fn get(address: std::net::SocketAddr, line: &str) -> (String, String) {
    let request = format!("{line} HTTP/1.1\r\nhost: x\r\n\r\n");
    let exchange = move || {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let answer = tokio::task::spawn_blocking(exchange).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].to_owned(), body.to_owned())
}

#[test]
fn health_metrics_and_answers_are_served_and_all_else_is_refused() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(async {
        let (shared, mut asked) = Shared::new(Metrics::new());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(serve(listener, shared.clone()));
        let code = async |line: &str| get(address, line).await.0;
        assert_eq!(code("GET /healthz").await, "200");
        assert_eq!(code("GET /readyz").await, "503");
        shared.ready(true);
        assert_eq!(code("GET /readyz").await, "200");
        assert_eq!(code("POST /metrics").await, "405");
        assert_eq!(code("GET /secrets").await, "404");
        assert_eq!(code("GET /explain/node/a").await, "503", "it does not lead");
        shared.leads(true);
        let (code, metrics) = get(address, "GET /metrics").await;
        assert!(
            code == "200" && metrics.contains("sparkwright_leader 1"),
            "{metrics}"
        );
        let answering = tokio::spawn(async move {
            let (cluster, memory) = (told_of_a_node(), Memory::default());
            while let Some(question) = asked.recv().await {
                let now = Timestamp::ZERO;
                let answer = explain::answer(&cluster, &memory, now, &question.subject);
                question.reply.send(answer).unwrap();
            }
        });
        let (code, text) = get(address, "GET /explain/node/a?output=text").await;
        assert!(
            code == "200" && text.starts_with("Node a: is not ours"),
            "{text}"
        );
        let (_, json) = get(address, "GET /explain/node/a").await;
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["kind"], "Node");
        let (code, refusal) = get(address, "GET /explain/pod/spark/b").await;
        assert!(
            code == "404" && refusal.contains("nothing of this name"),
            "{refusal}"
        );
        answering.abort();
        server.abort();
    });
}

fn told_of_a_node() -> Cluster {
    let mut cluster = Cluster::default();
    let facts = crate::cluster::event::NodeFacts {
        id: "a".into(),
        labels: Default::default(),
        taints: Vec::new(),
        allocatable: Default::default(),
        unschedulable: false,
        ready: true,
    };
    let fact = crate::cluster::event::Fact::NodeApplied(Box::new(facts));
    let at = Timestamp::ZERO;
    cluster.apply(&crate::cluster::event::Event { at, fact });
    cluster
}
