//! Tests that need nothing but the repository: properties of plans, golden scenarios, walls of the code.

#[path = "../admission/mod.rs"]
mod admission;
mod advice;
mod crowd;
mod drain;
mod fields;
mod gangs;
mod golden;
mod iam;
mod price;
mod properties;
mod refused;
mod samples;
mod stream;
mod tidy;
mod trickle;
mod upheaval;
mod user_data;
mod world;
