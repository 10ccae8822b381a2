//! What a plan decided, done: claims are written and calls sent, pods placed and moved, nodes made ready
//! and taken away. Each is one task that ends by telling the loop what came of it, and can be begun again
//! where a leader died in the middle of it.

pub mod claims;
pub mod evict;
pub mod launch;
pub mod leave;
pub mod mourn;
pub mod place;
pub mod register;
