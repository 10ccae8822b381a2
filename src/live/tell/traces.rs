//! Traces: what the controller does as spans, sent to a collector by OTLP over HTTP. A round is one span, and
//! what it began are spans below it, so that a launch shows where its time went. Without an endpoint nothing
//! is collected.

use async_trait::async_trait;
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};

use crate::live::http;

/// Where OTLP over HTTP takes traces.
const PATH: &str = "/v1/traces";

/// Sends spans until it is told to stop.
#[derive(Clone, Debug)]
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Sends to a collector, such as `http://otel-collector:4318`.
    ///
    /// # Errors
    /// An address that cannot be one.
    pub fn to(endpoint: &str) -> Result<Self, String> {
        if !endpoint.starts_with("http://") {
            return Err(format!(
                "--otlp-endpoint {endpoint}: is no http address; write one such as http://otel-collector:4318"
            ));
        }
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Client)
            .with_endpoint(format!("{}{PATH}", endpoint.trim_end_matches('/')))
            .build()
            .map_err(|error| format!("--otlp-endpoint {endpoint}: {error}"))?;
        let resource = Resource::builder().with_service_name("sparkwright");
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource.build())
            .build();
        Ok(Traces(provider))
    }

    /// What spans are written with.
    pub fn tracer(&self) -> SdkTracer {
        self.0.tracer("sparkwright")
    }

    /// Sends what has not been sent. Waits for the collector, for seconds at most.
    pub fn finish(&self) {
        if let Err(error) = self.0.shutdown() {
            tracing::warn!(%error, "last traces could not be sent");
        }
    }
}

/// Asks by our own means. It is called on the exporter's thread, which may wait and has no runtime.
#[derive(Debug)]
struct Client;

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        Ok(runtime.block_on(http::send(request))?)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[test]
    fn spans_reach_the_collector_with_what_they_are_below() {
        let collector = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = collector.local_addr().unwrap();
        let heard = thread::spawn(move || {
            let (mut stream, _) = collector.accept().unwrap();
            let mut heard = Vec::new();
            let mut part = [0; 4096];
            while !heard.windows(5).any(|words| words == b"child") {
                let read = stream.read(&mut part).unwrap();
                assert!(read > 0, "{}", String::from_utf8_lossy(&heard));
                heard.extend_from_slice(&part[..read]);
            }
            let answer = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8_lossy(&heard).into_owned()
        });
        let traces = Traces::to(&format!("http://{address}")).unwrap();
        let layer = tracing_opentelemetry::layer().with_tracer(traces.tracer());
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, || {
            let round = tracing::info_span!("round", effects = 2);
            let _round = round.enter();
            tracing::info_span!("child").in_scope(|| {});
        });
        traces.finish();
        let heard = heard.join().unwrap();
        assert!(heard.starts_with("POST /v1/traces HTTP/1.1"), "{heard}");
        assert!(heard.contains("sparkwright"), "the service's name");
    }

    #[test]
    fn an_address_of_another_kind_is_refused_with_one_that_would_do() {
        let refused = Traces::to("collector:4317").unwrap_err();
        assert!(refused.contains("collector:4317"), "{refused}");
        assert!(refused.contains("http://otel-collector:4318"), "{refused}");
    }
}
