//! What opens with what: the only place where secrets exist.
//!
//! Everything in here that could open something lives in [`Secret`], which is wiped when it is dropped and never shown.
//! What leaves this layer is a table of results.

mod secret;

pub use secret::Secret;
