//! Free ports on loopback. Between the choice of a port and its use another program may take it; who
//! starts the programs tries again then.

use std::net::{Ipv4Addr, TcpListener};

/// Ports that were free together a moment ago.
pub fn free<const N: usize>() -> Result<[u16; N], String> {
    let mut ports = [0; N];
    let mut held = Vec::new();
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let listener = listener.map_err(|error| format!("find a free port: {error}"))?;
        let address = listener.local_addr();
        *port = address
            .map_err(|error| format!("find a free port: {error}"))?
            .port();
        held.push(listener);
    }
    Ok(ports)
}
