//! The command's arguments, and what can be wrong with them. Decides where things are read from and on
//! which address to listen; what they mean is not known here.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, FromArgMatches, ValueEnum};
use thiserror::Error;

use super::clock::{Clock, FASTEST};
use super::join::{JoinError, Kubelet};
use super::region::Setting;
use super::script::Script;
use super::service::Emulator;
use crate::catalog::CatalogError;
use crate::catalog::args::SourceArgs;
use crate::world::conditions::Conditions;

/// `emulate-ec2`.
#[derive(Args, Clone, Debug)]
pub struct EmulatorArgs {
    #[command(flatten)]
    source: SourceArgs,

    /// Port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 4599)]
    port: u16,

    /// What EC2 has, refuses and takes back (docs/world.md)
    #[arg(long, value_name = "FILE")]
    world: Option<PathBuf>,

    /// What goes wrong on the wire, and when (docs/emulator.md)
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,

    /// Every draw follows from it
    #[arg(long, default_value_t = 0)]
    seed: u64,

    /// Seconds of EC2 in a second
    #[arg(long, default_value_t = 1.0, value_parser = speed)]
    speed: f64,

    /// Whether time passes by itself, or stands until a POST to /_emulator/clock moves it
    #[arg(long, value_enum, default_value = "running")]
    clock: ClockArg,

    /// The cluster that subnets and security groups are tagged for
    #[arg(long, default_value = "emulated")]
    cluster_name: String,

    /// The queue that interruptions are told to
    #[arg(long, default_value = "interruptions")]
    queue_name: String,

    /// Writes every call there, a JSON line each
    #[arg(long, value_name = "FILE")]
    call_log: Option<PathBuf>,

    /// Instances join this cluster as nodes
    #[arg(long, value_name = "FILE")]
    pub(super) kubeconfig: Option<PathBuf>,

    /// Who plays the kubelet of nodes that join
    #[arg(long, value_enum, default_value = "kwok", requires = "kubeconfig")]
    pub(super) kubelet: Kubelet,
}

/// How time passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ClockArg {
    /// By itself.
    Running,
    /// When it is told to.
    Standing,
}

/// Why the emulator does not start, or stops.
#[derive(Debug, Error)]
pub enum EmulatorError {
    /// The catalogue is wrong.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The world's file or the script is wrong; names file, line, field, value and remedy.
    #[error("{0}")]
    File(String),
    /// The address cannot be had.
    #[error("{0}: {1}; name another --port, or 0 for a free one")]
    Address(SocketAddr, io::Error),
    /// The cluster cannot be reached.
    #[error(transparent)]
    Cluster(#[from] JoinError),
    /// The log's file, or the network.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl EmulatorArgs {
    /// Arguments as the command line has them: `["--port", "0"]`.
    ///
    /// # Errors
    /// Where one is unknown or its value cannot be.
    pub fn from_flags(flags: &[&str]) -> Result<Self, clap::Error> {
        let command = Self::augment_args(clap::Command::new("emulate-ec2").no_binary_name(true));
        Self::from_arg_matches(&command.try_get_matches_from(flags)?)
    }

    /// Where to listen: never but on loopback, since signatures are not verified.
    pub(super) fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// The emulator that is asked for.
    pub(super) fn emulator(&self) -> Result<Emulator, EmulatorError> {
        let source = self.source.source(self.seed);
        let catalog = Arc::new(source.load()?);
        let conditions = match &self.world {
            Some(path) => Conditions::read(path, &catalog).map_err(EmulatorError::File)?,
            None => Conditions::default(),
        };
        let script = match &self.script {
            Some(path) => Script::read(path).map_err(EmulatorError::File)?,
            None => Script::default(),
        };
        let speed = (self.clock == ClockArg::Running).then_some(self.speed);
        let clock = Clock::new(speed);
        let setting = Setting {
            disks: Arc::new(source.local_disks()?),
            catalog,
            conditions,
            seed: self.seed,
            epoch: clock.epoch,
            cluster: self.cluster_name.clone(),
            queue: self.queue_name.clone(),
            describe_lag: script.describe_lag,
            throttling: script.throttling,
            never_join: script.never_join,
        };
        Ok(Emulator::new(
            setting,
            &script,
            clock,
            self.call_log.as_deref(),
        )?)
    }
}

fn speed(text: &str) -> Result<f64, String> {
    let speed: f64 = text
        .parse()
        .map_err(|_| "write a number such as 10".to_owned())?;
    if speed > 0.0 && speed <= FASTEST {
        Ok(speed)
    } else {
        Err(format!("write a number above 0 and at most {FASTEST}"))
    }
}
