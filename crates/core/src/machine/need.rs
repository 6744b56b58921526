//! What a rule may lack, as one list: each entry names exactly what to collect.

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

    /// Exactly what to collect.
    pub fn text(self) -> &'static str {
        match self {
            Self::SoftwareHive => {
                "%SystemRoot%\\System32\\config\\SOFTWARE with SOFTWARE.LOG, .LOG1 and .LOG2 (or: reg export \
                 HKLM\\SOFTWARE\\Microsoft\\Cryptography)"
            }
            Self::SystemHive => "%SystemRoot%\\System32\\config\\SYSTEM with SYSTEM.LOG, .LOG1 and .LOG2",
            Self::TransactionLogs => {
                "the .LOG, .LOG1 and .LOG2 files that stand beside the hive, copied at the same moment as the hive"
            }
            Self::MachineKeys => {
                "%ProgramData%\\Microsoft\\Crypto\\RSA\\MachineKeys (Windows 2000 to 2003: Documents and \
                 Settings\\All Users\\Application Data\\Microsoft\\Crypto\\RSA\\MachineKeys), or a listing of it"
            }
            Self::DssMachineKeys => "%ProgramData%\\Microsoft\\Crypto\\DSS\\MachineKeys, or a listing of it",
            Self::CngKeys => "%ProgramData%\\Microsoft\\Crypto\\Keys, or a listing of it",
            Self::KeyFileContents => {
                "the key files themselves (they hold private keys: send them encrypted), not only their names"
            }
            Self::ApplicationHost => "%SystemRoot%\\System32\\inetsrv\\config\\applicationHost.config",
            Self::Schema => "%SystemRoot%\\System32\\inetsrv\\config\\schema\\IIS_schema.xml",
            Self::CreationTimes => {
                "a listing of the key folders with creation times, made on the server: dir /tc /a, or \
                 Get-ChildItem -Force | Select-Object FullName,Length,CreationTimeUtc,LastWriteTimeUtc | Export-Csv"
            }
            Self::WholeVolume => "a disk image, or a TSK bodyfile of the whole system volume",
            Self::UndamagedCopy => {
                "another copy of the damaged file, for example from a backup or a disk image"
            }
            Self::MatchingEvidence => {
                "all pieces again from one machine, collected in one go: SOFTWARE and SYSTEM hives and the key folders"
            }
            Self::AccessRights => {
                "the access rights of the key folders and files, which a plain copy loses: icacls \"%ProgramData%\\Microsoft\\Crypto\" \
                 /save acl.txt /t (Windows 2000 to 2003: cacls on the MachineKeys folder and on the files in it), or a disk image"
            }
            Self::SecurityHive => {
                "%SystemRoot%\\System32\\config\\SECURITY with SECURITY.LOG, .LOG1 and .LOG2, of the same moment as SYSTEM"
            }
            Self::Protect => {
                "%SystemRoot%\\System32\\Microsoft\\Protect\\S-1-5-18 with its folder User (hidden and system files)"
            }
            Self::Redirection => "%SystemRoot%\\System32\\inetsrv\\config\\redirection.config",
            Self::ConfigHistory => {
                "%SystemDrive%\\inetpub\\history, %SystemRoot%\\System32\\inetsrv\\backup and inetsrv\\config\\Export"
            }
            Self::Metabase => "%SystemRoot%\\System32\\inetsrv\\MetaBase.xml",
            Self::KeyProof => {
                "the IIS metabase (inetsrv\\MetaBase.xml), or SYSTEM, SECURITY and System32\\Microsoft\\Protect\\S-1-5-18"
            }
            Self::SystemKeys => {
                "%ProgramData%\\Microsoft\\Crypto\\RSA\\S-1-5-18 and %ProgramData%\\Microsoft\\Crypto\\SystemKeys, or listings of them"
            }
            Self::LiveKeyTest => {
                "the output of certutil -v -verifystore MY on the server, which tests each certificate's key; no file shows it"
            }
            Self::SiteCertificates => {
                "the output of cscript %SystemDrive%\\Inetpub\\AdminScripts\\adsutil.vbs ENUM_ALL W3SVC, made on the server"
            }
            Self::SystemLog => {
                "%SystemRoot%\\System32\\winevt\\Logs\\System.evtx (Windows 2000 to 2003: \
                 %SystemRoot%\\System32\\config\\SysEvent.Evt)"
            }
            Self::ApplicationLog => {
                "%SystemRoot%\\System32\\winevt\\Logs\\Application.evtx (Windows 2000 to 2003: \
                 %SystemRoot%\\System32\\config\\AppEvent.Evt)"
            }
            Self::SecurityLog => {
                "%SystemRoot%\\System32\\winevt\\Logs\\Security.evtx (Windows 2000 to 2003: \
                 %SystemRoot%\\System32\\config\\SecEvent.Evt)"
            }
            Self::DpapiLog => {
                "%SystemRoot%\\System32\\winevt\\Logs\\Microsoft-Windows-Crypto-DPAPI%4Operational.evtx"
            }
        }
    }
}
