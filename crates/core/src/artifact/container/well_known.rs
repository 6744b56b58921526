//! The names that Windows, IIS and others give to their containers.

/// Whether a name is `MS IIS DCOM Client` with a user and a SID appended.
pub fn is_dcom_client(name: &str) -> bool {
    name.starts_with("MS IIS DCOM Client")
}

/// x
pub struct WellKnown;
