//! The names that Windows, IIS and others give to their containers, who owns each and what breaks without it.
//!
//! The names come from public repair write-ups, set-up scripts and tools; the prefixes are computed from them.

use std::sync::OnceLock;

use serde::Serialize;

use super::name::{Family, Prefix};

/// What a well-known container is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Signs and wraps the session key of the IIS 5/6 metabase.
    MetabaseKey,
    /// Key exchange of remote metabase administration.
    MetabaseRemote,
    /// Passwords that only the activation service reads.
    WasKey,
    /// Encrypted attributes that worker processes may read.
    ConfigurationKey,
    /// ASP.NET protected configuration.
    NetFramework,
    /// The self-signed certificate of Remote Desktop.
    RemoteDesktop,
    /// The certificate of the Web Management Service.
    WebManagement,
    /// The development certificate of IIS Express.
    IisExpress,
    /// A container that tutorials and tools create.
    Tool,
    /// ConfigMgr and its predecessors.
    ConfigMgr,
    /// Known by name only.
    Unclear,
}

/// How sure the facts about a well-known name are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Certainty {
    /// Several independent public sources, or computed.
    Confirmed,
    /// One public source.
    SingleSource,
    /// Name or owner from memory; nothing may rest on it.
    Unverified,
}

/// Which pairs the owner needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExpectedPairs {
    /// Signature and exchange.
    Both,
    /// Exchange only.
    Exchange,
    /// The single key of a CNG container.
    Cng,
    /// Not known; name-only may be the normal state.
    Unknown,
}

/// A container name whose owner is known.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct WellKnown {
    /// The name in the case that its owner writes.
    pub name: &'static str,
    /// The store where its owner keeps it.
    pub family: Family,
    /// What it is for.
    pub role: Role,
    /// Who made it.
    pub owner: &'static str,
    /// What no longer works when it cannot be opened.
    pub effect: &'static str,
    /// Which pairs the owner needs.
    pub pairs: ExpectedPairs,
    /// How sure this is.
    pub certainty: Certainty,
}

/// Every well-known name, sorted by family and name.
pub static ALL: &[WellKnown] = &[
    WellKnown {
        name: "ConfigMgrPrimaryKey",
        family: Family::Capi,
        role: Role::ConfigMgr,
        owner: "Configuration Manager",
        effect: "site services may not open their secrets",
        pairs: ExpectedPairs::Unknown,
        certainty: Certainty::Unverified,
    },
    WellKnown {
        name: "IIS Express Development Certificate Container",
        family: Family::Capi,
        role: Role::IisExpress,
        owner: "IIS Express",
        effect: "HTTPS on localhost in development",
        pairs: ExpectedPairs::Exchange,
        certainty: Certainty::Confirmed,
    },
    WellKnown {
        name: "MS IIS DCOM Client",
        family: Family::Capi,
        role: Role::MetabaseRemote,
        owner: "IIS 5/6 administration, client side",
        effect: "remote administration of a metabase from this account",
        pairs: ExpectedPairs::Unknown,
        certainty: Certainty::Confirmed,
    },
    WellKnown {
        name: "MS IIS DCOM Server",
        family: Family::Capi,
        role: Role::MetabaseRemote,
        owner: "IIS Admin Service (IIS 5/6 and IIS 6 compatibility)",
        effect: "key exchange of metabase administration; the IIS Admin Service opens it at start",
        pairs: ExpectedPairs::Unknown,
        certainty: Certainty::Confirmed,
    },
    WellKnown {
        name: "MS_DPAPI_MACHINEKEY",
        family: Family::Capi,
        role: Role::Unclear,
        owner: "not known",
        effect: "not known",
        pairs: ExpectedPairs::Unknown,
        certainty: Certainty::Unverified,
    },
    WellKnown {
        name: "Microsoft Internet Information Server",
        family: Family::Capi,
        role: Role::MetabaseKey,
        owner: "IIS Admin Service (IIS 5/6 and IIS 6 compatibility)",
        effect: "the metabase cannot be opened: the IIS Admin Service ends with event 7024, and with it SMTP, FTP 6 and, \
                 on IIS 5/6, all web sites",
        pairs: ExpectedPairs::Both,
        certainty: Certainty::Confirmed,
    },
    WellKnown {
        name: "Microsoft Systems Management Server",
        family: Family::Capi,
        role: Role::ConfigMgr,
        owner: "Systems Management Server",
        effect: "management clients may lose their identity",
        pairs: ExpectedPairs::Unknown,
        certainty: Certainty::Unverified,
    },
    WellKnown {
        name: "NetFrameworkConfigurationKey",
        family: Family::Capi,
        role: Role::NetFramework,
        owner: "ASP.NET (RsaProtectedConfigurationProvider)",
        effect: "encrypted sections of web.config and machine.config cannot be read",
        pairs: ExpectedPairs::Exchange,
        certainty: Certainty::Confirmed,
    },
    WellKnown {
        name: "NetMon",
        family: Family::Capi,
        role: Role::Tool,
        owner: "Network Monitor",
        effect: "Network Monitor",
        pairs: ExpectedPairs::Unknown,
        certainty: Certainty::SingleSource,
    },
    WellKnown {
        name: "PVKKeyContainer",
        family: Family::Capi,
        role: Role::Tool,
        owner: "pvk import tools",
        effect: "keys imported with such a tool",
        pairs: ExpectedPairs::Unknown,
        certainty: Certainty::SingleSource,
    },
    WellKnown {
        name: "SMS",
        family: Family::Capi,
        role: Role::ConfigMgr,
        owner: "Configuration Manager client",
        effect: "management clients may lose their identity",
        pairs: ExpectedPairs::Unknown,
        certainty: Certainty::Unverified,
    },
    WellKnown {
        name: "TSSecKeySet1",
        family: Family::Capi,
        role: Role::RemoteDesktop,
        owner: "Remote Desktop Services",
        effect: "the self-signed certificate of the RDP listener; Windows makes a new one",
        pairs: ExpectedPairs::Exchange,
        certainty: Certainty::Confirmed,
    },
    WellKnown {
        name: "WMSvc Certificate Key Container",
        family: Family::Capi,
        role: Role::WebManagement,
        owner: "Web Management Service",
        effect: "the self-signed certificate of remote IIS management",
        pairs: ExpectedPairs::Exchange,
        certainty: Certainty::Confirmed,
    },
    WellKnown {
        name: "iisConfigurationKey",
        family: Family::Capi,
        role: Role::ConfigurationKey,
        owner: "IIS 7 and later (AesProvider, IISRsaProvider)",
        effect: "encrypted attributes of system.webServer sections and of redirection.config cannot be read",
        pairs: ExpectedPairs::Exchange,
        certainty: Certainty::Confirmed,
    },
    WellKnown {
        name: "iisRsaProviderKeyContainer",
        family: Family::Capi,
        role: Role::Tool,
        owner: "a provider of one's own, as farm tutorials name it",
        effect: "values that such a provider encrypted",
        pairs: ExpectedPairs::Exchange,
        certainty: Certainty::SingleSource,
    },
    WellKnown {
        name: "iisWasKey",
        family: Family::Capi,
        role: Role::WasKey,
        owner: "IIS 7 and later (IISWASOnlyAesProvider, IISWASOnlyRsaProvider)",
        effect: "passwords of application pool identities and virtual directories, and secrets of the central \
                 certificate store, cannot be read",
        pairs: ExpectedPairs::Exchange,
        certainty: Certainty::Confirmed,
    },
    WellKnown {
        name: "iisCngConfigurationKey",
        family: Family::Cng,
        role: Role::ConfigurationKey,
        owner: "IIS 10 (IISCngProvider)",
        effect: "encrypted attributes of system.webServer sections and of redirection.config cannot be read",
        pairs: ExpectedPairs::Cng,
        certainty: Certainty::Confirmed,
    },
    WellKnown {
        name: "iisCngWasKey",
        family: Family::Cng,
        role: Role::WasKey,
        owner: "IIS 10 (IISWASOnlyCngProvider)",
        effect: "passwords of application pool identities and virtual directories cannot be read",
        pairs: ExpectedPairs::Cng,
        certainty: Certainty::Confirmed,
    },
];

/// What the client side of metabase administration calls its containers, before user and SID.
const DCOM_CLIENT: &str = "MS IIS DCOM Client";

impl WellKnown {
    /// The entry whose name hashes to `prefix` in a store of this family.
    ///
    /// A name is found in both stores, because owners move between providers; [`WellKnown::family`] says where it is at
    /// home.
    pub fn by_prefix(family: Family, prefix: Prefix) -> Option<&'static Self> {
        static INDEX: OnceLock<Vec<(Family, Prefix, &'static WellKnown)>> = OnceLock::new();
        let index = INDEX.get_or_init(|| {
            let forms =
                ALL.iter().flat_map(|entry| [Family::Capi, Family::Cng].map(|family| (family, entry)));
            let mut rows: Vec<_> = forms
                .filter_map(|(family, entry)| {
                    Prefix::of(family, entry.name).map(|prefix| (family, prefix, entry))
                })
                .collect();
            rows.sort_by_key(|(family, prefix, _)| (*family, *prefix));
            rows
        });
        let at =
            index.binary_search_by_key(&(family, prefix), |(family, prefix, _)| (*family, *prefix)).ok()?;
        index.get(at).map(|(_, _, entry)| *entry)
    }

    /// The entry for a name, without regard to case; names of the DCOM client with a user and a SID count too.
    pub fn by_name(name: &str) -> Option<&'static Self> {
        let name = if is_dcom_client(name) { DCOM_CLIENT } else { name };
        ALL.iter().find(|entry| entry.name.eq_ignore_ascii_case(name))
    }

    /// The prefix of the entry's file name in the store where it is at home.
    pub fn prefix(&self) -> Option<Prefix> {
        Prefix::of(self.family, self.name)
    }

    /// Whether IIS itself owns the container.
    pub fn is_iis(&self) -> bool {
        matches!(self.role, Role::MetabaseKey | Role::MetabaseRemote | Role::WasKey | Role::ConfigurationKey)
    }
}

/// Whether a name is `MS IIS DCOM Client`, alone or with a user and a SID appended.
pub fn is_dcom_client(name: &str) -> bool {
    name.get(..DCOM_CLIENT.len()).is_some_and(|start| start.eq_ignore_ascii_case(DCOM_CLIENT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_by_the_prefix_of_either_store() {
        for entry in ALL {
            for family in [Family::Capi, Family::Cng] {
                let prefix = Prefix::of(family, entry.name).unwrap();
                assert_eq!(WellKnown::by_prefix(family, prefix), Some(entry));
            }
        }
        let c23 = "c2319c42033a5ca7f44e731bfd3fa2b5".parse().unwrap();
        assert_eq!(WellKnown::by_prefix(Family::Capi, c23).unwrap().role, Role::MetabaseKey);
        assert_eq!(WellKnown::by_prefix(Family::Cng, c23), None);
    }

    #[test]
    fn the_prefixes_of_the_short_forms_are_the_published_ones() {
        let starts = [
            ("SMS", "19c5cf9c"),
            ("Microsoft Systems Management Server", "ca6f80c6"),
            (DCOM_CLIENT, "f515ddc6"),
        ];
        for (name, start) in starts {
            assert!(
                WellKnown::by_name(name).unwrap().prefix().unwrap().to_string().starts_with(start),
                "{name}"
            );
        }
    }

    #[test]
    fn the_table_is_sorted_and_has_no_name_twice() {
        assert!(ALL.windows(2).all(|pair| (pair[0].family, pair[0].name) < (pair[1].family, pair[1].name)));
    }

    #[test]
    fn a_dcom_client_of_some_user_is_recognised_by_its_name() {
        let entry = WellKnown::by_name("MS IIS DCOM ClientSYSTEMS-1-5-18").unwrap();
        assert_eq!(entry.name, "MS IIS DCOM Client");
        assert_eq!(WellKnown::by_name("MS IIS DCOM"), None);
    }

    #[test]
    fn names_from_memory_are_marked() {
        for name in
            ["ConfigMgrPrimaryKey", "SMS", "Microsoft Systems Management Server", "MS_DPAPI_MACHINEKEY"]
        {
            assert_eq!(WellKnown::by_name(name).unwrap().certainty, Certainty::Unverified);
        }
    }
}
