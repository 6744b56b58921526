//! One file format per module: bytes in, a typed value or a precise error out.
//!
//! Nothing here knows where the bytes came from or what is good or bad. Bytes are hostile: every read is checked,
//! every loop is bounded by the input, nothing panics.

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

pub mod boot_key;
pub mod bytes;
pub mod certificate;
pub mod config;
pub mod container;
pub mod dpapi_blob;
pub mod event_log;
pub mod hive;
pub mod http_sys;
pub mod lsa;
pub mod master_key;
pub mod metabase;
pub mod reg_export;
pub mod rsa_key_value;
