//! Logs on standard error: lines for people, or JSON for machines; spans go to a collector of traces where
//! one is named. What is logged carries its values as
//! fields; secrets and environment are never among them.

use std::io;
use std::str::FromStr;

use tracing::Level;
use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use super::traces::Traces;

/// The form of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object to a line.
    Json,
}

/// How much is logged, and how.
#[derive(Clone, Debug, clap::Args)]
pub struct LogArgs {
    /// Text for people, or JSON
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    pub log_format: LogFormat,
    /// What is logged: error, warn, info, debug or trace, also by module: info,kube=warn
    #[arg(long, default_value = "info", value_name = "LEVELS", value_parser = levels)]
    pub log_level: Targets,
    /// Sends traces by OTLP over HTTP to this collector, such as http://otel-collector:4318
    #[arg(long, env = "SPARKWRIGHT_OTLP_ENDPOINT", value_name = "URL")]
    pub otlp_endpoint: Option<String>,
}

fn levels(text: &str) -> Result<Targets, ParseError> {
    Targets::from_str(text)
}

/// Begins to log. To be called once, first thing. Traces are to be finished at the end.
///
/// # Errors
/// Where something logs already, or the collector's address is none.
pub fn begin(args: &LogArgs) -> Result<Option<Traces>, String> {
    // A Deployment writes empty values for what is not there.
    let collector = args.otlp_endpoint.as_deref().filter(|url| !url.is_empty());
    let traces = collector.map(Traces::to).transpose()?;
    let spans = traces.as_ref().map(|traces| {
        let layer = tracing_opentelemetry::layer().with_tracer(traces.tracer());
        layer.with_filter(Targets::new().with_target("sparkwright", Level::INFO))
    });
    let lines = fmt::layer().with_writer(io::stderr).with_target(false);
    let layer = match args.log_format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry()
        .with(layer.with_filter(args.log_level.clone()))
        .with(spans)
        .try_init()
        .map_err(|error| format!("begin to log: {error}"))?;
    Ok(traces)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        logs: LogArgs,
    }

    #[test]
    fn levels_and_forms_are_read_from_arguments() {
        let parse = |arguments: &[&str]| Cli::try_parse_from([&["x"], arguments].concat());
        assert_eq!(parse(&[]).unwrap().logs.log_format, LogFormat::Text);
        let json = parse(&["--log-format", "json", "--log-level", "info,kube=warn"]).unwrap();
        let levels = json.logs.log_level;
        assert!(levels.would_enable("sparkwright", &tracing::Level::INFO));
        assert!(!levels.would_enable("kube", &tracing::Level::INFO));
        assert!(parse(&["--log-level", "loud=="]).is_err());
    }
}
