//! What opens with what: the only place where secrets exist.
//!
//! Everything in here that could open something lives in [`Secret`], which is wiped when it is dropped and never shown.
//! What leaves this layer is a table of results.

#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::string_slice
    )
)]

pub mod blob;
mod boot_key;
pub mod container;
mod crypto;
pub mod lsa;
pub mod master_key;
pub mod metabase;
pub mod rsa;
mod secret;
pub mod session;
#[cfg(test)]
mod test_keys;

pub use boot_key::BootKey;
pub use secret::Secret;

#[cfg(test)]
mod tests;
