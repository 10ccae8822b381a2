//! Logs on standard error: lines for people, or JSON for machines. What is logged carries its values as
//! fields; secrets and environment are never among them.

use std::io;
use std::str::FromStr;

use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

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
}

fn levels(text: &str) -> Result<Targets, ParseError> {
    Targets::from_str(text)
}

/// Begins to log. To be called once, first thing.
///
/// # Errors
/// Where something logs already.
pub fn begin(args: &LogArgs) -> Result<(), tracing_subscriber::util::TryInitError> {
    let lines = fmt::layer().with_writer(io::stderr).with_target(false);
    let layer = match args.log_format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry()
        .with(layer.with_filter(args.log_level.clone()))
        .try_init()
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
