//! One request over plain HTTP to one address, for what is near: a replica of ours, a collector of traces. It
//! keeps no connections and follows nothing.

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Longest answer that is read, in bytes.
const LONGEST_ANSWER: usize = 16 << 20;

/// Sends a request to where its URI says, and reads the whole answer.
///
/// # Errors
/// An address that is not `http://host[:port]`, and what keeps it from answering, in words.
pub async fn send(request: Request<Bytes>) -> Result<Response<Bytes>, String> {
    let uri = request.uri();
    let plain = uri.scheme_str() == Some("http");
    let Some(authority) = uri.authority().filter(|_| plain).cloned() else {
        return Err("is no http address; write one such as http://127.0.0.1:8080".to_owned());
    };
    let path = uri.path_and_query().map(|path| path.as_str().to_owned());
    let (mut head, body) = request.into_parts();
    let words = |error: hyper::Error| error.to_string();
    head.uri = path
        .as_deref()
        .unwrap_or("/")
        .parse()
        .map_err(|_| "is no path".to_owned())?;
    let host = authority
        .as_str()
        .parse()
        .map_err(|_| "is no host".to_owned())?;
    head.headers.insert(HOST, host);
    let port = authority.port_u16().unwrap_or(80);
    let stream = TcpStream::connect((authority.host(), port)).await;
    let stream = stream.map_err(|error| error.to_string())?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(words)?;
    let driving = tokio::spawn(connection);
    let request = Request::from_parts(head, Full::new(body));
    let answer = sender.send_request(request).await.map_err(words)?;
    let (head, body) = answer.into_parts();
    let body = Limited::new(body, LONGEST_ANSWER).collect().await;
    driving.abort();
    let body = body.map_err(|error| error.to_string())?.to_bytes();
    Ok(Response::from_parts(head, body))
}
