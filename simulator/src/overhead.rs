//! `--daemonset-overhead`: what every node loses to pods that the manifests do not show. Amounts become
//! one daemon that runs everywhere, so that planning knows of daemons only.

use sparkwright::model::daemon::Daemon;
use sparkwright::model::node::Toleration;
use sparkwright::model::quantity;
use sparkwright::model::requirement::Constraints;
use sparkwright::model::resources::Resources;

/// Reads `cpu=100m,memory=200Mi,pods=2`; what is left out is zero.
pub fn amounts(text: &str) -> Result<Resources, String> {
    let mut amounts = Resources::default();
    for part in text.split(',') {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let bad = |error| format!("{part:?}: {value:?} {error}");
        match name {
            "cpu" => amounts.cpu = quantity::cpu(value).map_err(bad)?,
            "memory" => amounts.memory = quantity::bytes(value).map_err(bad)?,
            "pods" => {
                let pods = quantity::whole(value).map_err(bad)?;
                amounts.pods = u32::try_from(pods).unwrap_or(u32::MAX);
            }
            _ => return Err(format!("{part:?} is unknown; write cpu=, memory= or pods=")),
        }
    }
    Ok(amounts)
}

/// A daemon of these amounts that runs everywhere.
pub fn daemon(requests: Resources) -> Daemon {
    Daemon {
        name: "--daemonset-overhead".to_owned(),
        requests,
        constraints: Constraints::default(),
        tolerations: vec![Toleration {
            key: None,
            value: None,
            effect: None,
        }],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sparkwright::model::resources::{Bytes, Cpu};

    #[test]
    fn amounts_are_quantities_by_name() {
        let expected = Resources {
            pods: 2,
            ..Resources::pod(Cpu::from_millis(100), Bytes::from_mib(200))
        };
        assert_eq!(amounts("cpu=100m,memory=200Mi,pods=2"), Ok(expected));
        for text in [
            "",
            "cpu",
            "cpu=x",
            "disk=1",
            "cpu=-1",
            "memory=1e40",
            "cpu=1,,",
        ] {
            assert!(amounts(text).is_err(), "{text}");
        }
    }
}
