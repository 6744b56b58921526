//! The places where Windows keeps the containers that belong to the machine and its services.

use crate::artifact::container::Family;

/// A store of key containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Store {
    /// CAPI RSA containers of the machine: `Crypto\RSA\MachineKeys`.
    RsaMachine,
    /// CAPI DSS and DH containers of the machine: `Crypto\DSS\MachineKeys`.
    DssMachine,
    /// CNG containers of the machine: `Crypto\Keys`.
    CngMachine,
    /// CNG containers of LocalSystem: `Crypto\SystemKeys`.
    CngSystem,
    /// CAPI RSA user containers of LocalSystem: `Crypto\RSA\S-1-5-18`.
    RsaLocalSystem,
    /// CAPI RSA user containers of LocalService.
    RsaLocalService,
    /// CAPI RSA user containers of NetworkService.
    RsaNetworkService,
    /// CNG user containers of LocalService.
    CngLocalService,
    /// CNG user containers of NetworkService.
    CngNetworkService,
}

impl Store {
    /// All stores, in the order of reports.
    pub const ALL: [Self; 9] = [
        Self::RsaMachine,
        Self::DssMachine,
        Self::CngMachine,
        Self::CngSystem,
        Self::RsaLocalSystem,
        Self::RsaLocalService,
        Self::RsaNetworkService,
        Self::CngLocalService,
        Self::CngNetworkService,
    ];

    /// The name in reports.
    pub fn id(self) -> &'static str {
        match self {
            Self::RsaMachine => "rsa-machine",
            Self::DssMachine => "dss-machine",
            Self::CngMachine => "cng-machine",
            Self::CngSystem => "cng-system",
            Self::RsaLocalSystem => "rsa-local-system",
            Self::RsaLocalService => "rsa-local-service",
            Self::RsaNetworkService => "rsa-network-service",
            Self::CngLocalService => "cng-local-service",
            Self::CngNetworkService => "cng-network-service",
        }
    }

    /// Which kind of container file it holds, and so which name rule holds in it.
    pub fn family(self) -> Family {
        match self {
            Self::CngMachine | Self::CngSystem | Self::CngLocalService | Self::CngNetworkService => {
                Family::Cng
            }
            _ => Family::Capi,
        }
    }

    /// Its path below the drive root on Windows Vista and later; `system_root` is usually `Windows`.
    pub fn path(self, system_root: &str) -> String {
        let service = |account: &str, rest: &str| {
            format!("{system_root}\\ServiceProfiles\\{account}\\AppData\\Roaming\\Microsoft\\Crypto\\{rest}")
        };
        match self {
            Self::RsaMachine => "ProgramData\\Microsoft\\Crypto\\RSA\\MachineKeys".to_owned(),
            Self::DssMachine => "ProgramData\\Microsoft\\Crypto\\DSS\\MachineKeys".to_owned(),
            Self::CngMachine => "ProgramData\\Microsoft\\Crypto\\Keys".to_owned(),
            Self::CngSystem => "ProgramData\\Microsoft\\Crypto\\SystemKeys".to_owned(),
            Self::RsaLocalSystem => "ProgramData\\Microsoft\\Crypto\\RSA\\S-1-5-18".to_owned(),
            Self::RsaLocalService => service("LocalService", "RSA\\S-1-5-19"),
            Self::RsaNetworkService => service("NetworkService", "RSA\\S-1-5-20"),
            Self::CngLocalService => service("LocalService", "Keys"),
            Self::CngNetworkService => service("NetworkService", "Keys"),
        }
    }

    /// Its path below an `Application Data` folder of Windows 2000 to 2003; `None` for CNG, which came later.
    pub fn path_below_application_data(self) -> Option<&'static str> {
        match self {
            Self::RsaMachine => Some("Microsoft\\Crypto\\RSA\\MachineKeys"),
            Self::DssMachine => Some("Microsoft\\Crypto\\DSS\\MachineKeys"),
            Self::RsaLocalSystem => Some("Microsoft\\Crypto\\RSA\\S-1-5-18"),
            Self::RsaLocalService => Some("Microsoft\\Crypto\\RSA\\S-1-5-19"),
            Self::RsaNetworkService => Some("Microsoft\\Crypto\\RSA\\S-1-5-20"),
            _ => None,
        }
    }

    /// The profile folder below `Documents and Settings` that holds it on Windows 2000 to 2003.
    pub fn old_profile(self) -> &'static str {
        match self {
            Self::RsaLocalService => "LocalService",
            Self::RsaNetworkService => "NetworkService",
            _ => "All Users",
        }
    }
}
