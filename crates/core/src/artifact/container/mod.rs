//! Key containers: CAPI and CNG files, their names and the names that Windows itself uses.
//!
//! A container file is self-describing: the lengths in its header add up to its size, the container's name stands in
//! clear inside, and so does the public key. All of that is read here without any key. Format facts: mimikatz
//! `kull_m_key.h`, SharpDPAPI `Dpapi.cs`, dploot `crypto.py`, DPAPIck3.

pub mod capi;
pub mod cng;
pub mod damage;
pub mod file_name;
mod front;
pub mod guid;
pub mod name;
pub mod public_key;
pub mod well_known;

pub use damage::{Block, Damage, Foreign, Note, Part};
pub use file_name::FileName;
pub use front::{BlockLengths, Container, GLANCE_LEN, Glance, KeyPair, Spec, State, identify, moduli_at};
pub use guid::{Guid, GuidFault};
pub use name::{Family, KeyName, NamePattern, Prefix, PrefixCheck};
pub use public_key::{Algorithm, PublicKey};
pub use well_known::WellKnown;

#[cfg(test)]
mod mutants;
#[cfg(test)]
mod tests;
