//! Metrics, health and answers over HTTP. Each request is short and bounded; questions go to the loop,
//! which owns what is known, and come back between two rounds.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use super::Metrics;
use super::explain::{Answer, Subject};

/// Connections that are served at once; others wait.
const MOST_CONNECTIONS: usize = 64;
/// A connection is closed after this.
const CONNECTION_LIMIT: Duration = Duration::from_secs(30);
/// The loop has this long to answer a question.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// A loop that has not turned for this long hangs.
const TURN_LIMIT: Duration = Duration::from_secs(60);
/// Questions that wait for the loop.
const MOST_QUESTIONS: usize = 64;
const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

/// A question to the loop.
#[derive(Debug)]
pub struct Question {
    /// What is asked.
    pub subject: Subject,
    /// Where the answer goes; None where nothing is known of the subject.
    pub reply: oneshot::Sender<Option<Answer>>,
}

/// What the server and the loop both know.
#[derive(Debug)]
pub struct Shared {
    /// What is measured.
    pub metrics: Metrics,
    questions: mpsc::Sender<Question>,
    begun: Instant,
    /// Milliseconds from `begun` to the loop's last turn.
    turned: AtomicU64,
    ready: AtomicBool,
    leads: AtomicBool,
}

impl Shared {
    /// What the server and the loop share, and the questions that the loop is to answer.
    pub fn new(metrics: Metrics) -> (Arc<Shared>, mpsc::Receiver<Question>) {
        let (questions, asked) = mpsc::channel(MOST_QUESTIONS);
        let shared = Shared {
            metrics,
            questions,
            begun: Instant::now(),
            turned: AtomicU64::new(0),
            ready: AtomicBool::new(false),
            leads: AtomicBool::new(false),
        };
        (Arc::new(shared), asked)
    }

    /// The loop has turned; to be called at least every few seconds.
    pub fn turned(&self) {
        let since = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.turned.store(since, Ordering::Relaxed);
    }

    /// Everything has been listed, and the loop plans when it leads.
    pub fn ready(&self, ready: bool) {
        self.ready.store(ready, Ordering::Relaxed);
    }

    /// Whether this replica leads: only then does it know what was decided.
    pub fn leads(&self, leads: bool) {
        self.leads.store(leads, Ordering::Relaxed);
        self.metrics.leads(leads);
    }

    fn hangs(&self) -> bool {
        let turned = Duration::from_millis(self.turned.load(Ordering::Relaxed));
        self.begun.elapsed().saturating_sub(turned) > TURN_LIMIT
    }
}

/// Serves `/metrics`, `/healthz`, `/readyz` and `/explain/…` until it is dropped.
///
/// # Errors
/// Where the listener fails for good; a connection that cannot be taken is passed over.
pub async fn serve(listener: TcpListener, shared: Arc<Shared>) -> io::Result<()> {
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let Ok(seat) = room.clone().acquire_owned().await else {
            return Ok(());
        };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) if is_of_one_connection(&error) => continue,
            Err(error) => return Err(error),
        };
        let shared = shared.clone();
        tokio::spawn(async move {
            // A client that goes away in the middle is its own affair.
            let _ = timeout(CONNECTION_LIMIT, connection(stream, shared)).await;
            drop(seat);
        });
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    let kinds = [
        ConnectionAborted,
        ConnectionRefused,
        ConnectionReset,
        Interrupted,
    ];
    kinds.contains(&error.kind())
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) -> hyper::Result<()> {
    let service = service_fn(move |request| {
        let shared = shared.clone();
        async move { Ok::<_, Infallible>(respond(&shared, &request).await) }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(ANSWER_LIMIT)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service)
        .await
}

async fn respond(shared: &Shared, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    if request.method() != Method::GET {
        return refuse(StatusCode::METHOD_NOT_ALLOWED, "only GET is served");
    }
    match request.uri().path() {
        "/metrics" => answered("text/plain; version=0.0.4", shared.metrics.text()),
        "/healthz" if shared.hangs() => refuse(
            StatusCode::SERVICE_UNAVAILABLE,
            "the loop has not turned for a minute",
        ),
        "/healthz" => answered(TEXT, "ok\n".to_owned()),
        "/readyz" if shared.ready.load(Ordering::Relaxed) => answered(TEXT, "ok\n".to_owned()),
        "/readyz" => refuse(
            StatusCode::SERVICE_UNAVAILABLE,
            "not everything has been listed yet",
        ),
        path => match subject(path) {
            Some(subject) => {
                let query = request.uri().query().unwrap_or_default();
                explain(shared, subject, query == "output=text").await
            }
            None => refuse(
                StatusCode::NOT_FOUND,
                "there are /metrics, /healthz, /readyz and /explain/pod/NAMESPACE/NAME, \
                 /explain/node/NAME, /explain/app/NAME",
            ),
        },
    }
}

fn subject(path: &str) -> Option<Subject> {
    let (kind, name) = path.strip_prefix("/explain/")?.split_once('/')?;
    let name = Some(name.to_owned()).filter(|name| !name.is_empty())?;
    match kind {
        "pod" => Some(Subject::Pod(name)),
        "node" => Some(Subject::Node(name)),
        "app" => Some(Subject::App(name)),
        _ => None,
    }
}

async fn explain(shared: &Shared, subject: Subject, text: bool) -> Response<Full<Bytes>> {
    if !shared.leads.load(Ordering::Relaxed) {
        let why = "this replica does not lead; ask the holder of the Lease sparkwright";
        return refuse(StatusCode::SERVICE_UNAVAILABLE, why);
    }
    let (reply, answer) = oneshot::channel();
    let question = Question { subject, reply };
    if shared.questions.try_send(question).is_err() {
        let why = "too many questions wait for an answer; ask again shortly";
        return refuse(StatusCode::SERVICE_UNAVAILABLE, why);
    }
    match timeout(ANSWER_LIMIT, answer).await {
        Ok(Ok(Some(answer))) if text => answered(TEXT, answer.to_string()),
        Ok(Ok(Some(answer))) => {
            let json = serde_json::to_string_pretty(&answer).unwrap_or_default();
            answered(JSON, json + "\n")
        }
        Ok(Ok(None)) => refuse(
            StatusCode::NOT_FOUND,
            "nothing of this name is known: it is not there, does not count, or went too long ago",
        ),
        Ok(Err(_)) | Err(_) => refuse(
            StatusCode::GATEWAY_TIMEOUT,
            "the loop did not answer within ten seconds",
        ),
    }
}

fn answered(kind: &'static str, body: String) -> Response<Full<Bytes>> {
    response(StatusCode::OK, kind, body)
}

/// As the API server refuses, so that clients behind its proxy read the message.
fn refuse(code: StatusCode, message: &str) -> Response<Full<Bytes>> {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure",
        "message": message, "reason": code.canonical_reason().unwrap_or_default().replace(' ', ""),
        "code": code.as_u16(),
    });
    response(code, JSON, format!("{status}\n"))
}

fn response(code: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = code;
    let kind = hyper::header::HeaderValue::from_static(kind);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

#[cfg(test)]
mod tests;
