//! How much of a node a pod takes, as one number. CPU and memory are weighed 9 to 1 (a vCPU against a
//! GiB), the weights of AWS split cost allocation, so that shares agree with what users see there.

use crate::model::resources::Resources;

const CPU_WEIGHT: i128 = 9;
const BYTES_PER_GIB: i128 = 1 << 30;

/// The weight of a vector of resources, in units of 2⁻³⁰ GiB ÷ 1000. Weights add up: pods that fit
/// a node together never weigh more than the node.
pub fn weight(resources: &Resources) -> i128 {
    let cpu = i128::from(resources.cpu.millis()) * BYTES_PER_GIB * CPU_WEIGHT;
    let memory = i128::from(resources.memory.get()) * 1000;
    cpu + memory
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::money::UsdPerHour;
    use crate::model::resources::{Bytes, Cpu};
    use crate::model::time::Span;

    /// The worked example of AWS split cost allocation: an m5.xlarge at 1 USD per hour is
    /// 1 ÷ (4 × 9 + 16) = 0.0192 USD per GiB-hour and 0.173 USD per vCPU-hour.
    #[test]
    fn an_m5_xlarge_splits_as_aws_splits_it() {
        let node = weight(&Resources::pod(
            Cpu::from_cores(4),
            Bytes::from_mib(16 << 10),
        ));
        let hour = UsdPerHour::from_micros(1_000_000).over(Span::from_secs(3600));
        let one = |cpu, gib: u64| {
            weight(&Resources::pod(
                Cpu::from_cores(cpu),
                Bytes::from_mib(gib << 10),
            ))
        };
        assert_eq!(hour.share(one(1, 0), node).rounded().micros(), 173_077);
        assert_eq!(hour.share(one(0, 1), node).rounded().micros(), 19_231);
    }
}
