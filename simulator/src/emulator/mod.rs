//! `emulate-ec2`: the simulator's fleet behind the wire protocols of EC2, SQS, SSM, Pricing and STS, on
//! loopback, so that a controller, an SDK or a trial without an account can be run against it
//! (docs/emulator.md). What capacity there is, and what becomes of instances, the fleet decides.

mod account;
mod actions;
pub mod args;
mod background;
mod buckets;
pub mod clock;
mod control;
mod events;
mod faults;
mod history;
mod instance;
mod join;
mod life;
mod log;
mod queue;
mod region;
pub mod script;
mod server;
mod service;
mod tagging;
mod templates;
mod tokens;
pub mod wire;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::time::sleep;

pub use args::{EmulatorArgs, EmulatorError};
pub use background::Background;
use service::Emulator;

/// Longest sleep between two looks at what is due: what a call brings forward is seen then at the latest.
const LONGEST_SLEEP: std::time::Duration = std::time::Duration::from_secs(3600);

/// Serves until it is interrupted. The address is the first line of the output.
///
/// # Errors
/// Where an argument or a file is wrong, the address is taken, or the cluster cannot be reached.
pub fn run(args: &EmulatorArgs, out: &mut impl Write) -> Result<(), EmulatorError> {
    let tell = |address: SocketAddr| {
        writeln!(
            out,
            "serving EC2, SQS, SSM, Pricing and STS on http://{address}"
        )?;
        out.flush()
    };
    host(args, tell, async {
        // Where no signal can be had, nothing but a stronger one ends it.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}

/// Serves until `stop` is over; `ready` is told the address.
fn host(
    args: &EmulatorArgs,
    ready: impl FnOnce(SocketAddr) -> io::Result<()>,
    stop: impl Future<Output = ()>,
) -> Result<(), EmulatorError> {
    let emulator = Arc::new(args.emulator()?);
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(args.address()).await;
        let listener = listener.map_err(|error| EmulatorError::Address(args.address(), error))?;
        let nodes = match &args.kubeconfig {
            Some(path) => Some(join::Cluster::connect(path, args.kubelet).await?),
            None => None,
        };
        ready(listener.local_addr()?)?;
        tokio::select! {
            served = server::serve(listener, emulator.clone()) => match served {
                Ok(never) => match never {},
                Err(error) => Err(error.into()),
            },
            () = tick(&emulator) => Ok(()),
            () = join::follow(nodes, &emulator) => Ok(()),
            () = stop => Ok(()),
        }
    })
}

/// Lets happen what is due when it is due.
async fn tick(emulator: &Emulator) {
    let mut changes = emulator.changes();
    loop {
        let wait = emulator.tick();
        // A change may bring the next thing forward.
        changes.mark_unchanged();
        let sleeps = sleep(wait.unwrap_or(LONGEST_SLEEP).min(LONGEST_SLEEP));
        tokio::select! {
            () = sleeps => {}
            changed = changes.changed() => if changed.is_err() { return },
        }
    }
}
