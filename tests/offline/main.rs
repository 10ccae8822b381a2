//! Tests that need nothing but the repository: properties of plans, golden scenarios, walls of the code.

mod golden;
mod price;
mod properties;
mod samples;
mod tidy;
mod trickle;
mod upheaval;
mod world;
