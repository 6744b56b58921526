//! Diagnoses, from evidence alone, why an IIS server can no longer open its machine keys.

pub mod artifact;
pub mod codes;

pub use iiskeys_evidence as evidence;
