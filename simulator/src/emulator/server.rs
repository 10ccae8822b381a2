//! HTTP on loopback: requests in, verdicts out. What an answer says is decided elsewhere; here it is sent
//! late, lost, or not at all, and ReceiveMessage waits for messages.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use super::control;
use super::service::{Asked, Emulator, Fate, Verdict};
use super::wire::{Parameters, WireCall};

/// Longest request, in bytes: a thousand ids, or hundreds of overrides, are far below.
const LARGEST: usize = 4 << 20;
/// How long a caller may take to send a request's head.
const HEAD: Duration = Duration::from_secs(30);
/// Longest wait of ReceiveMessage (SQS's own limit).
const LONGEST_POLL: u64 = 20;

/// What is sent, or an end of the connection.
type Sent = Result<Response<Full<Bytes>>, io::Error>;

/// Serves until the process ends.
///
/// # Errors
/// Where no connection can be accepted any more.
pub async fn serve(listener: TcpListener, emulator: Arc<Emulator>) -> io::Result<Infallible> {
    loop {
        let (stream, _) = listener.accept().await?;
        // A failed connection is its caller's affair.
        drop(tokio::spawn(connection(stream, emulator.clone())));
    }
}

async fn connection(stream: TcpStream, emulator: Arc<Emulator>) {
    let service = service_fn(move |request| answer(request, emulator.clone()));
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .serve_connection(TokioIo::new(stream), service);
    // An answer that is lost ends the connection, and so may the caller.
    let _ = served.await;
}

async fn answer(request: Request<Incoming>, emulator: Arc<Emulator>) -> Sent {
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, LARGEST).collect().await else {
        return respond(
            413,
            "text/plain",
            "the request is too long".to_owned(),
            None,
        );
    };
    let body = body.to_bytes();
    if control::is_control(head.uri.path()) {
        let (status, text) = control::answer(&emulator, &head.method, &head.uri, &body);
        return respond(status, "application/json", text, None);
    }
    let header = |name: &HeaderName| head.headers.get(name).and_then(|value| value.to_str().ok());
    let asked = Asked {
        authorization: header(&AUTHORIZATION),
        target: header(&HeaderName::from_static("x-amz-target")),
        body: &body,
    };
    let (verdict, call) = emulator.call(&asked);
    send(&emulator, verdict, call).await
}

async fn send(emulator: &Emulator, verdict: Verdict, call: Option<WireCall>) -> Sent {
    sleep(verdict.after).await;
    match verdict.fate {
        Fate::Never => std::future::pending().await,
        Fate::Lost => Err(io::Error::other("the answer is lost")),
        Fate::Sent => {
            let wait = call
                .as_ref()
                .filter(|_| verdict.body == "{}")
                .and_then(poll);
            let late = match (wait, &call) {
                (Some(wait), Some(call)) => receive(emulator, call, wait).await,
                _ => None,
            };
            let body = late.unwrap_or(verdict.body);
            respond(
                verdict.status,
                verdict.content_type,
                body,
                verdict.query_error,
            )
        }
    }
}

/// How long a caller without messages waits for one.
fn poll(call: &WireCall) -> Option<Duration> {
    let Parameters::Json(asked) = &call.parameters else {
        return None;
    };
    let seconds = asked.get("WaitTimeSeconds")?.as_u64()?;
    let waits = call.action == "ReceiveMessage" && seconds > 0;
    waits.then(|| Duration::from_secs(seconds.min(LONGEST_POLL)))
}

/// Waits for messages; None where none came.
async fn receive(emulator: &Emulator, call: &WireCall, wait: Duration) -> Option<String> {
    let mut changes = emulator.changes();
    let messages = async {
        loop {
            if let Some(messages) = emulator.receive_again(call) {
                return Some(messages);
            }
            // What was hidden shows again without a change.
            let changed = timeout(Duration::from_secs(1), changes.changed()).await;
            if let Ok(Err(_)) = changed {
                return None;
            }
        }
    };
    timeout(wait, messages).await.ok().flatten()
}

fn respond(status: u16, kind: &str, body: String, query_error: Option<String>) -> Sent {
    let mut response = Response::builder()
        .status(status)
        .header(CONTENT_TYPE, kind);
    if let Some(code) = query_error {
        response = response.header("x-amzn-query-error", code);
    }
    response
        .body(Full::new(Bytes::from(body)))
        .map_err(io::Error::other)
}
