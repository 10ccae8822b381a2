//! The script that makes one file system over all local NVMe disks at `/pv-disks/local`: the layout that
//! EMR on EKS examples mount into executors as a hostPath. It runs before kubelet starts, since nodeadm
//! starts kubelet behind cloud-init's scripts.

/// Does nothing on a node without local disks, and nothing twice.
pub(super) const SCRIPT: &str = r#"#!/bin/bash
set -euo pipefail
shopt -s nullglob
mountpoint -q /pv-disks/local && exit 0
links=(/dev/disk/by-id/nvme-Amazon_EC2_NVMe_Instance_Storage_*)
[ ${#links[@]} -eq 0 ] && exit 0
mapfile -t disks < <(realpath "${links[@]}" | sort -u)
device=${disks[0]}
if [ ${#disks[@]} -gt 1 ]; then
  device=/dev/md/pv-disks
  mdadm --create --force --run "$device" --level=0 --raid-devices=${#disks[@]} "${disks[@]}"
fi
mkfs.xfs -f -l su=8b "$device"
mkdir -p /pv-disks/local
echo "UUID=$(blkid -s UUID -o value "$device") /pv-disks/local xfs defaults,noatime,nofail 0 2" >> /etc/fstab
mount /pv-disks/local
chmod 1777 /pv-disks/local
"#;
