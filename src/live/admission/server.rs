//! The webhook's server: TLS, HTTP/2 or 1.1, one path, every part of a request bounded in size and time.
//! What is answered is decided elsewhere.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::live::tell::Metrics;

use super::keep::Shown;
use super::review;
use super::standing::Standing;

/// Connections that are served at once; others wait. Each API server keeps some.
const MOST_CONNECTIONS: usize = 512;
/// Requests that one HTTP/2 connection may have under way; the API server opens another then.
const MOST_STREAMS: u32 = 250;
/// A handshake and a request's body each take no longer.
const LONGEST: Duration = Duration::from_secs(5);
/// A connection over HTTP/1.1 that asks nothing for so long is closed; API servers drop theirs after 90 s.
const IDLE: Duration = Duration::from_secs(120);
/// A connection is closed after this, so that one that is forgotten gives its place back.
const CONNECTION_LIMIT: Duration = Duration::from_secs(3600);
/// A review holds a pod and what was said with it; etcd takes 1.5 MiB of an object.
const MOST_BYTES: usize = 4 << 20;
/// After a connection that could not be taken, such as for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(50);
/// The only path.
const PATH: &str = "/mutate";

/// What the server answers from.
#[derive(Clone)]
pub struct Desk {
    /// What is known.
    pub standing: Arc<Standing>,
    /// What is shown.
    pub shown: Arc<Shown>,
    /// What is measured.
    pub metrics: Metrics,
}

/// Serves until it is dropped.
pub async fn serve(listener: TcpListener, desk: Desk) {
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let Ok(seat) = room.clone().acquire_owned().await else {
            return;
        };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::debug!(%error, "a connection to the webhook could not be taken");
                sleep(PAUSE).await;
                continue;
            }
        };
        let desk = desk.clone();
        tokio::spawn(async move {
            // A client that goes away in the middle is its own affair.
            let _ = timeout(CONNECTION_LIMIT, connection(stream, desk)).await;
            drop(seat);
        });
    }
}

async fn connection(stream: TcpStream, desk: Desk) {
    let Some(server) = desk.shown.server() else {
        return;
    };
    // Answers are small and waited for.
    let _ = stream.set_nodelay(true);
    let shaken = timeout(LONGEST, TlsAcceptor::from(server).accept(stream)).await;
    match shaken {
        Ok(Ok(stream)) => speak(stream, desk).await,
        Ok(Err(error)) => tracing::debug!(%error, "TLS to the webhook failed"),
        Err(_) => tracing::debug!("TLS to the webhook took too long"),
    }
}

async fn speak(stream: TlsStream<TcpStream>, desk: Desk) {
    let speaks_2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let service = service_fn(move |request| {
        let desk = desk.clone();
        async move { Ok::<_, Infallible>(respond(&desk, request).await) }
    });
    let stream = TokioIo::new(stream);
    let ended = match speaks_2 {
        true => {
            http2::Builder::new(TokioExecutor::new())
                .timer(TokioTimer::new())
                .max_concurrent_streams(MOST_STREAMS)
                .serve_connection(stream, service)
                .await
        }
        false => {
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(IDLE)
                .serve_connection(stream, service)
                .await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection to the webhook broke off");
    }
}

async fn respond(desk: &Desk, request: Request<Incoming>) -> Response<Full<Bytes>> {
    if request.uri().path() != PATH {
        return refuse(StatusCode::NOT_FOUND, "there is /mutate");
    }
    if request.method() != Method::POST {
        return refuse(StatusCode::METHOD_NOT_ALLOWED, "only POST is served");
    }
    let body = Limited::new(request.into_body(), MOST_BYTES).collect();
    let body = match timeout(LONGEST, body).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) => {
            let why = format!("body cannot be read, or is larger than 4 MiB: {error}");
            return refuse(StatusCode::PAYLOAD_TOO_LARGE, &why);
        }
        Err(_) => return refuse(StatusCode::REQUEST_TIMEOUT, "body takes longer than 5 s"),
    };
    let began = Instant::now();
    match review::answer(&body, &desk.standing) {
        Ok(answer) => {
            desk.metrics.admitted(answer.code, began.elapsed());
            response(StatusCode::OK, "application/json", answer.body)
        }
        Err(malformed) => {
            desk.metrics.admitted("malformed", began.elapsed());
            refuse(StatusCode::BAD_REQUEST, &malformed.to_string())
        }
    }
}

fn refuse(code: StatusCode, why: &str) -> Response<Full<Bytes>> {
    response(
        code,
        "text/plain; charset=utf-8",
        format!("{why}\n").into_bytes(),
    )
}

fn response(code: StatusCode, kind: &'static str, body: Vec<u8>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = code;
    let kind = HeaderValue::from_static(kind);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
