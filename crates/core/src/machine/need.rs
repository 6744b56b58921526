//! What a rule may lack. What it is in files and commands says the list of [`crate::collect`].

/// Something that was not collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Need {
    /// The SOFTWARE hive with its transaction logs.
    SoftwareHive,
    /// The SYSTEM hive with its transaction logs.
    SystemHive,
    /// The transaction logs of a dirty hive.
    TransactionLogs,
    /// The folder of the machine's CAPI RSA containers.
    MachineKeys,
    /// The folder of the machine's CAPI DSS containers.
    DssMachineKeys,
    /// The folder of the machine's CNG containers.
    CngKeys,
    /// The contents of the key files, where only their names are known.
    KeyFileContents,
    /// The live IIS configuration.
    ApplicationHost,
    /// The IIS schema.
    Schema,
    /// A listing with creation times.
    CreationTimes,
    /// A disk image or a listing of the whole volume, which alone proves that something is absent.
    WholeVolume,
    /// Another copy of something that is damaged.
    UndamagedCopy,
    /// Pieces that come from one machine.
    MatchingEvidence,
    /// The access control of the key folders and of the files in them.
    AccessRights,
    /// The SECURITY hive with its transaction logs.
    SecurityHive,
    /// LocalSystem's folder of DPAPI master keys.
    Protect,
    /// What says whether shared configuration is in force.
    Redirection,
    /// Copies of the configuration.
    ConfigHistory,
    /// The metabase of IIS 5 and 6.
    Metabase,
    /// What proves that a session key and a container belong together (metabase or DPAPI chain).
    KeyProof,
    /// LocalSystem's own key containers.
    SystemKeys,
    /// A test on the server itself, for keys that are not files.
    LiveKeyTest,
    /// Which certificates are assigned to the sites of IIS 5.
    SiteCertificates,
    /// The System event log.
    SystemLog,
    /// The Application event log.
    ApplicationLog,
    /// The Security event log.
    SecurityLog,
    /// The event log of DPAPI.
    DpapiLog,
}

impl Need {
    /// Every need.
    pub const ALL: [Self; 27] = [
        Self::SoftwareHive,
        Self::SystemHive,
        Self::TransactionLogs,
        Self::MachineKeys,
        Self::DssMachineKeys,
        Self::CngKeys,
        Self::KeyFileContents,
        Self::ApplicationHost,
        Self::Schema,
        Self::CreationTimes,
        Self::WholeVolume,
        Self::UndamagedCopy,
        Self::MatchingEvidence,
        Self::AccessRights,
        Self::SecurityHive,
        Self::Protect,
        Self::Redirection,
        Self::ConfigHistory,
        Self::Metabase,
        Self::KeyProof,
        Self::SystemKeys,
        Self::LiveKeyTest,
        Self::SiteCertificates,
        Self::SystemLog,
        Self::ApplicationLog,
        Self::SecurityLog,
        Self::DpapiLog,
    ];

    /// A short name, to be followed by "not collected".
    pub fn subject(self) -> &'static str {
        match self {
            Self::SoftwareHive => "the SOFTWARE hive was",
            Self::SystemHive => "the SYSTEM hive was",
            Self::TransactionLogs => "the transaction logs were",
            Self::MachineKeys => "the MachineKeys folder was",
            Self::DssMachineKeys => "the DSS MachineKeys folder was",
            Self::CngKeys => "the folder of the CNG machine keys was",
            Self::KeyFileContents => "the contents of the key files were",
            Self::ApplicationHost => "applicationHost.config was",
            Self::Schema => "IIS_schema.xml was",
            Self::CreationTimes => "creation times were",
            Self::WholeVolume => "a complete volume was",
            Self::UndamagedCopy => "an undamaged copy was",
            Self::MatchingEvidence => "matching evidence was",
            Self::AccessRights => "the access rights were",
            Self::SecurityHive => "the SECURITY hive was",
            Self::Protect => "LocalSystem's Protect folder was",
            Self::Redirection => "redirection.config was",
            Self::ConfigHistory => "the configuration history was",
            Self::Metabase => "the metabase was",
            Self::KeyProof => "a proof of the key in use was",
            Self::SystemKeys => "the folder of LocalSystem's own keys was",
            Self::LiveKeyTest => "a test of the key on the server was",
            Self::SiteCertificates => "the sites' certificates were",
            Self::SystemLog => "the System event log was",
            Self::ApplicationLog => "the Application event log was",
            Self::SecurityLog => "the Security event log was",
            Self::DpapiLog => "the event log of DPAPI was",
        }
    }
}
