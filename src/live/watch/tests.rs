//! What a watch says when the API server takes its place in the stream away, by an API server of a few answers.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client, Config};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::*;

/// Lists and the end of a watch, in the order in which they are asked for; the last watch stays open.
const ANSWERS: [&str; 3] = [
    r#"{"kind":"NamespaceList","apiVersion":"v1","metadata":{"resourceVersion":"10"},"items":[{"metadata":{"name":"a"}},{"metadata":{"name":"b"}}]}"#,
    r#"{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"too old resource version: 10 (15)","reason":"Expired","code":410}}"#,
    r#"{"kind":"NamespaceList","apiVersion":"v1","metadata":{"resourceVersion":"20"},"items":[{"metadata":{"name":"b"}}]}"#,
];

#[test]
fn a_watch_that_has_expired_is_listed_anew_and_counted() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    thread::spawn(move || {
        let mut open = Vec::new();
        let mut answers = ANSWERS.into_iter();
        for stream in server.incoming() {
            open.extend(answer(stream.unwrap(), answers.next()));
        }
    });
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().unwrap();
    let metrics = Metrics::new();
    let said = runtime.block_on(async {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let config = Config::new(format!("http://{address}").parse().unwrap());
        let api: Api<Namespace> = Api::all(Client::try_from(config).unwrap());
        let (inbox, mut heard) = mpsc::channel(100);
        let source = Source::Referents(ReferentKind::Namespace);
        let read = |one: Namespace| Object::Referent(referent::namespace(&one));
        tokio::spawn(follow(api, source, read, inbox, metrics.clone()));
        let mut said = Vec::new();
        while said.iter().filter(|word| **word == "complete").count() < 2 {
            let next = timeout(Duration::from_secs(30), heard.recv());
            match next.await.unwrap().unwrap() {
                Heard::Watched(_, Said::Began) => said.push("began".to_owned()),
                Heard::Watched(_, Said::Applied(name, _)) => said.push(name),
                Heard::Watched(_, Said::Gone(name)) => said.push(format!("gone {name}")),
                Heard::Watched(_, Said::Complete) => said.push("complete".to_owned()),
                other => panic!("{other:?}"),
            }
        }
        said
    });
    let expected = ["began", "a", "b", "complete", "began", "b", "complete"];
    assert_eq!(
        said, expected,
        "what is not listed any more is for the translator to miss"
    );
    let counted = metrics.text();
    let counted = counted
        .lines()
        .find(|line| line.contains("reason=\"expired\""));
    assert!(
        counted.is_some_and(|line| line.ends_with(" 1")),
        "{counted:?}"
    );
}

/// Answers one request on a connection of its own; the connection, where it has no answer yet.
fn answer(mut stream: TcpStream, body: Option<&str>) -> Option<TcpStream> {
    let mut request = Vec::new();
    let mut part = [0; 1024];
    while !request.ends_with(b"\r\n\r\n") {
        let read = stream.read(&mut part).expect("it asks");
        request.extend_from_slice(&part[..read]);
    }
    let Some(body) = body else {
        return Some(stream);
    };
    let length = body.len() + 1;
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}\n"
    )
    .expect("it listens");
    None
}
