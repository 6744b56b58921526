//! Endpoints as HTTP.sys and the configuration of sites name them.
//!
//! Format facts: names of real keys below `Services\HTTP\Parameters`, the documentation of `netsh http show sslcert`
//! and of `bindingInformation`.

#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, Ipv6Addr};

/// Names longer than this are not taken apart: a host name has 255 bytes at most.
const LONGEST: usize = 512;

/// What HTTP.sys listens on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// An address and a port (`SslBindingInfo`).
    Address {
        /// IPv4 address, or IPv6 address without brackets; `0.0.0.0` for all.
        address: String,
        /// TCP port.
        port: u16,
    },
    /// A host name and a port (`SslSniBindingInfo`), lower case.
    Host {
        /// The name.
        host: String,
        /// TCP port.
        port: u16,
    },
    /// A port whose certificates come from the central store (`SslCcsBindingInfo`).
    Central {
        /// TCP port.
        port: u16,
    },
    /// A name that is none of these.
    Unknown(String),
}

impl Endpoint {
    /// Reads the name of a key of `SslBindingInfo`: `ip:port` or `[ipv6]:port`.
    pub fn of_address(name: &str) -> Self {
        match split(name) {
            Some((address, port, "")) if !address.is_empty() => match canonical(address) {
                Some(address) => Self::Address { address, port },
                None => Self::unknown(name),
            },
            _ => Self::unknown(name),
        }
    }

    /// Reads the name of a binding of `SslSniBindingInfo`: `host:port` or `address:port:host`.
    pub fn of_host(name: &str) -> Self {
        match split(name) {
            Some((_, port, host)) if is_host(host) => Self::host(host, port),
            Some((host, port, "")) if canonical(host).is_none() && is_host(host) => Self::host(host, port),
            _ => Self::unknown(name),
        }
    }

    /// Reads the name of a key of `SslCcsBindingInfo`: a port, with or without an address that stands for all.
    pub fn of_central(name: &str) -> Self {
        let port = match split(name) {
            Some((_, port, "")) => Some(port),
            Some(_) => None,
            None => number(name),
        };
        port.map_or_else(|| Self::unknown(name), |port| Self::Central { port })
    }

    /// What HTTP.sys listens on for a site's `address:port:host` with these `sslFlags`.
    pub fn of_site(information: &str, ssl_flags: u32) -> Self {
        let Some((address, port, host)) = split(information) else { return Self::unknown(information) };
        // Two of the flags decide which table HTTP.sys looks into.
        match (ssl_flags & 2 != 0, ssl_flags & 1 != 0 && is_host(host)) {
            (true, _) => Self::Central { port },
            (false, true) => Self::host(host, port),
            (false, false) => match address {
                "" | "*" => Self::Address { address: "0.0.0.0".to_owned(), port },
                address => match canonical(address) {
                    Some(address) => Self::Address { address, port },
                    None => Self::unknown(information),
                },
            },
        }
    }

    fn host(host: &str, port: u16) -> Self {
        Self::Host { host: host.to_lowercase(), port }
    }

    fn unknown(name: &str) -> Self {
        Self::Unknown(name.chars().take(LONGEST).collect())
    }
}

/// Address or host, port, and the host behind it, which may be empty.
fn split(name: &str) -> Option<(&str, u16, &str)> {
    if name.len() > LONGEST {
        return None;
    }
    let (first, rest) = match name.strip_prefix('[') {
        Some(bracketed) => {
            let (address, rest) = bracketed.split_once(']')?;
            (address, rest.strip_prefix(':')?)
        }
        None => name.split_once(':')?,
    };
    let (port, host) = rest.split_once(':').unwrap_or((rest, ""));
    Some((first, number(port)?, host))
}

fn number(text: &str) -> Option<u16> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn canonical(address: &str) -> Option<String> {
    let v4 = address.parse::<Ipv4Addr>().map(|address| address.to_string());
    v4.or_else(|_| address.parse::<Ipv6Addr>().map(|address| address.to_string())).ok()
}

fn is_host(text: &str) -> bool {
    !text.is_empty() && !text.contains([':', '[', ']', '\\', '/']) && !text.chars().any(char::is_whitespace)
}
