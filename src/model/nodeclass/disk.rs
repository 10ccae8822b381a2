//! EBS volumes as they are written and as they are meant, with EBS's own bounds and what of it only makes
//! sense together.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::object::fault::Faults;
use super::super::object::rule::rules;
use super::super::object::scalar::Quantity;
use super::super::quantity;
use super::super::resources::Bytes;
use super::check::bounded;

/// Bytes of a GiB, EBS's unit.
const GIB: u64 = 1 << 30;
/// The largest volume of EBS, in GiB (io2 Block Express and gp3).
const MOST_GIB: u64 = 65_536;

/// A volume.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlockDeviceSpec {
    /// Name of the device, such as /dev/xvda.
    #[schemars(
        required,
        length(min = 1, max = 32),
        regex(pattern = "^/dev/[a-z0-9]+$")
    )]
    pub device_name: Option<String>,
    /// True: kubelet's files lie here, so its size is the node's ephemeral storage.
    pub root_volume: Option<bool>,
    /// The volume.
    #[schemars(required)]
    pub ebs: Option<EbsSpec>,
}

/// An EBS volume.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules(&[
    (
        "has(self.volumeSize) || has(self.snapshotID)",
        "volumeSize is needed where no snapshot tells it",
    ),
    (
        "!has(self.kmsKeyID) || (has(self.encrypted) && self.encrypted)",
        "kmsKeyID counts only with encrypted: true",
    ),
    (
        "!has(self.throughput) || !has(self.volumeType) || self.volumeType == 'gp3'",
        "throughput counts only for gp3",
    ),
    (
        "!(has(self.volumeType) && self.volumeType in ['io1', 'io2']) || has(self.iops)",
        "io1 and io2 need iops",
    ),
])))]
pub struct EbsSpec {
    /// Size, such as 100Gi.
    pub volume_size: Option<Quantity>,
    /// Type; gp3 when absent.
    pub volume_type: Option<VolumeType>,
    /// Operations per second, for gp3, io1 and io2.
    #[schemars(range(min = 100, max = 256000))]
    pub iops: Option<i64>,
    /// MiB per second, for gp3.
    #[schemars(range(min = 125, max = 2000))]
    pub throughput: Option<i64>,
    /// Whether it is encrypted; the account's default when absent.
    pub encrypted: Option<bool>,
    /// Key that encrypts it.
    #[serde(rename = "kmsKeyID")]
    #[schemars(length(min = 1, max = 2048))]
    pub kms_key_id: Option<String>,
    /// Snapshot that it begins as.
    #[serde(rename = "snapshotID")]
    #[schemars(regex(pattern = "^snap-[0-9a-f]+$"), length(max = 32))]
    pub snapshot_id: Option<String>,
    /// Whether it goes with its node; true when absent.
    pub delete_on_termination: Option<bool>,
}

/// Types of EBS volumes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum VolumeType {
    /// General purpose; speed apart from size.
    #[default]
    Gp3,
    /// General purpose; speed by size.
    Gp2,
    /// Provisioned operations.
    Io1,
    /// Provisioned operations, durable.
    Io2,
    /// Throughput.
    St1,
    /// Cold.
    Sc1,
    /// Magnetic.
    Standard,
}

impl VolumeType {
    /// EC2's name of it.
    pub const fn as_str(self) -> &'static str {
        match self {
            VolumeType::Gp3 => "gp3",
            VolumeType::Gp2 => "gp2",
            VolumeType::Io1 => "io1",
            VolumeType::Io2 => "io2",
            VolumeType::St1 => "st1",
            VolumeType::Sc1 => "sc1",
            VolumeType::Standard => "standard",
        }
    }
}

/// A volume after checking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BlockDevice {
    /// Name of the device.
    pub device_name: String,
    /// Kubelet's files lie here.
    pub root: bool,
    /// Size; None where the snapshot tells it.
    pub size: Option<Bytes>,
    /// Type.
    pub volume_type: VolumeType,
    /// Operations per second.
    pub iops: Option<u32>,
    /// MiB per second.
    pub throughput: Option<u32>,
    /// Encrypted or not; None for the account's default.
    pub encrypted: Option<bool>,
    /// Key.
    pub kms_key: Option<String>,
    /// Snapshot.
    pub snapshot: Option<String>,
    /// Goes with its node.
    pub delete_on_termination: bool,
}

/// Checks the volumes.
pub(super) fn check(given: Vec<BlockDeviceSpec>, faults: &mut Faults) -> Vec<BlockDevice> {
    const FIELD: &str = "spec.blockDeviceMappings";
    let mut devices: Vec<BlockDevice> = Vec::new();
    for (i, spec) in given.into_iter().enumerate() {
        let device = device(&format!("{FIELD}[{i}]"), spec, faults);
        if devices
            .iter()
            .any(|other| other.device_name == device.device_name)
        {
            let field = format!("{FIELD}[{i}].deviceName");
            faults.refuse(&field, &device.device_name, "stands twice; keep one");
        }
        if device.root && devices.iter().any(|other| other.root) {
            let field = format!("{FIELD}[{i}].rootVolume");
            faults.refuse(&field, true, "is set twice; a node has one root volume");
        }
        devices.push(device);
    }
    devices
}

fn device(field: &str, spec: BlockDeviceSpec, faults: &mut Faults) -> BlockDevice {
    let name = spec.device_name.unwrap_or_default();
    let stem = name.strip_prefix("/dev/").unwrap_or_default();
    if stem.is_empty()
        || !stem
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    {
        let problem = "is no device; write one such as /dev/xvda";
        faults.refuse(&format!("{field}.deviceName"), &name, problem);
    }
    if spec.ebs.is_none() {
        let problem = "is missing; write the volume, such as {volumeSize: 100Gi}";
        faults.refuse(&format!("{field}.ebs"), "", problem);
    }
    let field = format!("{field}.ebs");
    let ebs = spec.ebs.unwrap_or_default();
    together(&field, &ebs, faults);
    let size = ebs.volume_size.and_then(|Quantity(text)| {
        let field = format!("{field}.volumeSize");
        faults.keep(&field, &text, size(&text))
    });
    BlockDevice {
        device_name: name,
        root: spec.root_volume.unwrap_or(false),
        size,
        volume_type: ebs.volume_type.unwrap_or_default(),
        iops: bounded(&format!("{field}.iops"), ebs.iops, 100, 256_000, faults),
        throughput: bounded(
            &format!("{field}.throughput"),
            ebs.throughput,
            125,
            2000,
            faults,
        ),
        encrypted: ebs.encrypted,
        kms_key: ebs.kms_key_id,
        snapshot: ebs.snapshot_id,
        delete_on_termination: ebs.delete_on_termination.unwrap_or(true),
    }
}

/// What only makes sense together.
fn together(field: &str, ebs: &EbsSpec, faults: &mut Faults) {
    let volume_type = ebs.volume_type.unwrap_or_default();
    if ebs.volume_size.is_none() && ebs.snapshot_id.is_none() {
        let problem = "is missing, and no snapshot tells it; write one such as 100Gi";
        faults.refuse(&format!("{field}.volumeSize"), "", problem);
    }
    if let (Some(key), false) = (&ebs.kms_key_id, ebs.encrypted == Some(true)) {
        let problem = "counts only with encrypted: true; write both";
        faults.refuse(&format!("{field}.kmsKeyID"), key, problem);
    }
    if let (Some(throughput), true) = (ebs.throughput, volume_type != VolumeType::Gp3) {
        let problem = "counts only for gp3; take it out";
        faults.refuse(&format!("{field}.throughput"), throughput, problem);
    }
    match (ebs.iops, volume_type) {
        (None, VolumeType::Io1 | VolumeType::Io2) => {
            let problem = "is missing; io1 and io2 need it";
            faults.refuse(&format!("{field}.iops"), "", problem);
        }
        (
            Some(iops),
            VolumeType::Gp2 | VolumeType::St1 | VolumeType::Sc1 | VolumeType::Standard,
        ) => {
            let problem = "counts only for gp3, io1 and io2; take it out";
            faults.refuse(&format!("{field}.iops"), iops, problem);
        }
        _ => {}
    }
    let snapshot = ebs.snapshot_id.as_deref();
    if let Some(id) = snapshot.filter(|id| !super::check::is_id(id, "snap-")) {
        let problem = "is no snapshot; write one such as snap-0123456789abcdef0";
        faults.refuse(&format!("{field}.snapshotID"), id, problem);
    }
}

/// A volume's size: EBS counts whole GiB.
fn size(text: &str) -> Result<Bytes, String> {
    let bytes = quantity::bytes(text).map_err(|error| error.to_string())?;
    let whole = bytes.get() % GIB == 0;
    if !whole || !(1..=MOST_GIB).contains(&(bytes.get() / GIB)) {
        return Err(format!(
            "is no size of a volume; write whole Gi from 1Gi to {MOST_GIB}Gi"
        ));
    }
    Ok(bytes)
}
