# A phone book of plain commands; nothing works only through it.

# The whole gate, as CI runs it
check:
    .ci/run

# All tests, or those whose names contain the arguments
test *names:
    cargo test {{names}}

# Tests against real peers; the first run builds them
online *names:
    cargo test -p sparkwright --test online -- {{names}}

# Formats the code
fmt:
    cargo fmt --all

# Lints, warnings refused
lint:
    cargo clippy --locked --all-targets -- -D warnings

# Licences, duplicates, advisories; needs cargo-deny
deny:
    cargo deny check

# Rewrites the custom resource definitions; a test compares them
crds:
    cargo run -q -p sparkwright -- crds --out deploy/crds

# Rewrites the golden pages in tests/scenarios and tests/user-data; review the diff
bless:
    SPARKWRIGHT_BLESS=1 cargo test -p sparkwright --test offline -- golden user_data

# What EC2 sells; how its tables were made is in simulator/data/ec2/README.md
catalog *args:
    cargo run -q --release -p sparkwright-sim -- catalog {{args}}

# What would be launched for manifests, and why: just plan -f tests/scenarios/spread_over_zones.yaml
plan *args:
    cargo run -q --release -p sparkwright-sim -- plan {{args}}

# Replays event logs, by default those that ship
replay *args="--trace simulator/data/logs":
    cargo run -q --release -p sparkwright-sim -- replay {{args}}

# Plans against bounds and Karpenter's scheduler: just bench plan --scenarios 40; just bench rounds
bench *args="plan":
    cargo run -q --release -p sparkwright-sim -- bench {{args}}

# EC2 to run against, on loopback; docs/emulator.md
emulate *args:
    cargo run -q --release -p sparkwright-sim --features emulator -- emulate-ec2 {{args}}

# The emulator under the AWS SDK, beside moto; the SDK takes minutes to build
conformance:
    cargo test -p sparkwright-sim --features conformance --test emulator --test conformance
