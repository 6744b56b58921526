//! The list. Sources of the places: Microsoft's documentation of CAPI and CNG key storage, DPAPI, the registry's hives, the
//! event logs and IIS 5 to 10, as cited where they are read.

use super::item::{Base, Commands, Item, Place, Secret, Source};
use super::shorthand::*;
use crate::machine::Need;

/// Everything, in the order in which one would ask for it.
pub static ITEMS: &[Item] = &[
    Item::new(
        "software-hive",
        Some(Need::SoftwareHive),
        "%SystemRoot%\\System32\\config\\SOFTWARE with SOFTWARE.LOG, .LOG1 and .LOG2 (or: reg export \
         HKLM\\SOFTWARE\\Microsoft\\Cryptography)",
        "the MachineGuid, Windows, IIS, certificates",
        Source::Files(&[windows(CONFIG, "SOFTWARE")]),
    )
    .by(Commands {
        nt50: &["regedit /e SOFTWARE.reg HKEY_LOCAL_MACHINE\\SOFTWARE"],
        nt51: &["reg save HKLM\\SOFTWARE SOFTWARE.hiv"],
        nt6: &["reg save HKLM\\SOFTWARE SOFTWARE.hiv /y"],
    }),
    Item::new(
        "system-hive",
        Some(Need::SystemHive),
        SYSTEM_HIVE,
        "services, bindings of HTTP.sys, the computer's name, the boot key",
        Source::Files(&[windows(CONFIG, "SYSTEM")]),
    )
    .before_vista(
        "%SystemRoot%\\System32\\config\\SYSTEM; an export by regedit /e does not have the boot key, which stands in class \
         names: for that the hive itself, from a disk image, from the system state of ntbackup (also below \
         %SystemRoot%\\repair), or saved with regback of the Resource Kit",
        SYSTEM_HIVE,
    )
    .by(Commands {
        nt50: &["regedit /e SYSTEM.reg HKEY_LOCAL_MACHINE\\SYSTEM"],
        nt51: &["reg save HKLM\\SYSTEM SYSTEM.hiv"],
        nt6: &["reg save HKLM\\SYSTEM SYSTEM.hiv /y"],
    }),
    Item::new(
        "transaction-logs",
        Some(Need::TransactionLogs),
        "the .LOG, .LOG1 and .LOG2 files that stand beside the hive, copied at the same moment as the hive",
        "what a hive does not hold yet",
        Source::Files(&[
            windows(CONFIG, "SOFTWARE.LOG*"),
            windows(CONFIG, "SYSTEM.LOG*"),
            opener(CONFIG, "SECURITY.LOG*"),
        ]),
    )
    .by(Commands {
        nt50: &[
            "regedit /e SOFTWARE.reg HKEY_LOCAL_MACHINE\\SOFTWARE",
            "regedit /e SYSTEM.reg HKEY_LOCAL_MACHINE\\SYSTEM",
        ],
        nt51: &["reg save HKLM\\SOFTWARE SOFTWARE.hiv", "reg save HKLM\\SYSTEM SYSTEM.hiv"],
        nt6: &["reg save HKLM\\SOFTWARE SOFTWARE.hiv /y", "reg save HKLM\\SYSTEM SYSTEM.hiv /y"],
    }),
    Item::new(
        "software-history",
        None,
        "copies of SOFTWARE from earlier times: config\\RegBack, repair, Windows.old, restore points of Windows XP",
        "which MachineGuid the machine had before, and until when",
        Source::Files(&[
            windows("System32\\config\\RegBack", "SOFTWARE*"),
            windows(CONFIG, "SOFTWARE.*"),
            windows(CONFIG, "SOFTWARE_*"),
            windows(CONFIG, "SOFTWARE-*"),
            windows(CONFIG, "SOFTWARE *"),
            windows(CONFIG, "*_SOFTWARE"),
            windows(CONFIG, "*-SOFTWARE"),
            windows("repair", "SOFTWARE"),
            windows("repair\\RegBack", "SOFTWARE"),
            windows("repair\\Backup\\BootableSystemState\\Registry", "SOFTWARE"),
            file(Base::Drive, "Windows.old*\\Windows\\System32\\config", "SOFTWARE*"),
            file(Base::Drive, "Windows.old*\\WINNT\\System32\\config", "SOFTWARE*"),
            file(Base::Drive, "Windows.old*\\Windows\\System32\\config\\RegBack", "SOFTWARE*"),
            file(Base::Drive, "System Volume Information\\_restore*\\RP*\\snapshot", "_REGISTRY_MACHINE_SOFTWARE"),
        ]),
    )
    .by(Commands {
        nt50: &["xcopy %SystemRoot%\\repair\\SOFTWARE repair\\ /h /k /c"],
        nt51: &["xcopy %SystemRoot%\\repair\\SOFTWARE repair\\ /h /k /c"],
        nt6: &[
            "robocopy \"%SystemRoot%\\System32\\config\\RegBack\" RegBack SOFTWARE* /B /COPY:DAT /R:0 /W:0",
        ],
    }),
    Item::new(
        "machine-keys",
        Some(Need::MachineKeys),
        "%ProgramData%\\Microsoft\\Crypto\\RSA\\MachineKeys (Windows 2000 to 2003: Documents and \
         Settings\\All Users\\Application Data\\Microsoft\\Crypto\\RSA\\MachineKeys), or a listing of it",
        "the containers of IIS, of its metabase and of TLS",
        Source::Files(&[keys(Base::Shared, "Microsoft\\Crypto\\RSA\\MachineKeys")]),
    )
    .without(CONTENTS)
    .by(Commands {
        nt50: &[OLD_KEYS],
        nt51: &[OLD_KEYS],
        nt6: &[
            "robocopy \"%ProgramData%\\Microsoft\\Crypto\\RSA\\MachineKeys\" Crypto\\RSA\\MachineKeys /E /XJ /B /COPY:DAT /R:0 /W:0",
        ],
    }),
    Item::new(
        "dss-machine-keys",
        Some(Need::DssMachineKeys),
        "%ProgramData%\\Microsoft\\Crypto\\DSS\\MachineKeys, or a listing of it",
        "containers with DSS and Diffie-Hellman keys",
        Source::Files(&[keys(Base::Shared, "Microsoft\\Crypto\\DSS\\MachineKeys")]),
    )
    .without(CONTENTS)
    .by(Commands {
        nt50: &[OLD_DSS_KEYS],
        nt51: &[OLD_DSS_KEYS],
        nt6: &[
            "robocopy \"%ProgramData%\\Microsoft\\Crypto\\DSS\\MachineKeys\" Crypto\\DSS\\MachineKeys /E /XJ /B /COPY:DAT /R:0 /W:0",
        ],
    }),
    Item::new(
        "cng-keys",
        Some(Need::CngKeys),
        "%ProgramData%\\Microsoft\\Crypto\\Keys, or a listing of it",
        "the CNG containers of IIS 10 and of TLS",
        Source::Files(&[keys(Base::Shared, "Microsoft\\Crypto\\Keys")]),
    )
    .without(CONTENTS)
    .by(vista(&["robocopy \"%ProgramData%\\Microsoft\\Crypto\\Keys\" Crypto\\Keys /E /XJ /B /COPY:DAT /R:0 /W:0"])),
    Item::new(
        "system-keys",
        Some(Need::SystemKeys),
        "%ProgramData%\\Microsoft\\Crypto\\RSA\\S-1-5-18 and %ProgramData%\\Microsoft\\Crypto\\SystemKeys, or listings of them",
        "LocalSystem's own containers, where a certificate's key may have gone",
        Source::Files(&[
            keys(Base::Shared, "Microsoft\\Crypto\\RSA\\S-1-5-18"),
            keys(Base::Shared, "Microsoft\\Crypto\\SystemKeys"),
        ]),
    )
    .without(CONTENTS)
    .by(Commands {
        nt50: &[OLD_SYSTEM_KEYS],
        nt51: &[OLD_SYSTEM_KEYS],
        nt6: &[
            "robocopy \"%ProgramData%\\Microsoft\\Crypto\\RSA\\S-1-5-18\" Crypto\\RSA\\S-1-5-18 /E /XJ /B /COPY:DAT /R:0 /W:0",
            "robocopy \"%ProgramData%\\Microsoft\\Crypto\\SystemKeys\" Crypto\\SystemKeys /E /XJ /B /COPY:DAT /R:0 /W:0",
        ],
    }),
    Item::new(
        "service-keys",
        None,
        "the key folders of LocalService and NetworkService: Microsoft\\Crypto\\RSA\\S-1-5-19, RSA\\S-1-5-20 and Keys below \
         %SystemRoot%\\ServiceProfiles",
        "whether a certificate's key went to the account of a service",
        Source::Files(&[
            keys(Base::Service("LocalService"), "Microsoft\\Crypto\\RSA\\S-1-5-19"),
            keys(Base::Service("NetworkService"), "Microsoft\\Crypto\\RSA\\S-1-5-20"),
            keys(Base::Service("LocalService"), "Microsoft\\Crypto\\Keys"),
            keys(Base::Service("NetworkService"), "Microsoft\\Crypto\\Keys"),
        ]),
    )
    .without(CONTENTS)
    .by(vista(&[
            "robocopy \"%SystemRoot%\\ServiceProfiles\" ServiceProfiles *_????????-????-????-????-???????????? /S /XJ /B /COPY:DAT /R:0 /W:0",
        ])),
    Item::new(
        "key-file-contents",
        Some(Need::KeyFileContents),
        "the key files themselves (they hold private keys: send them encrypted), not only their names",
        "what the containers hold",
        Source::Items(&["machine-keys", "cng-keys", "dss-machine-keys", "system-keys"]),
    )
    .without(CONTENTS),
    Item::new(
        "application-host",
        Some(Need::ApplicationHost),
        "%SystemRoot%\\System32\\inetsrv\\config\\applicationHost.config",
        "what IIS 7 and later keeps encrypted, and with which keys",
        Source::Files(&[windows("System32\\inetsrv\\config", "applicationHost.config")]),
    )
    .by(vista(&[
            "robocopy \"%SystemRoot%\\System32\\inetsrv\\config\" config applicationHost.config /B /COPY:DAT /R:0 /W:0",
        ])),
    Item::new(
        "redirection",
        Some(Need::Redirection),
        "%SystemRoot%\\System32\\inetsrv\\config\\redirection.config",
        "whether the configuration in force stands elsewhere",
        Source::Files(&[windows("System32\\inetsrv\\config", "redirection.config")]),
    )
    .by(vista(&[
            "robocopy \"%SystemRoot%\\System32\\inetsrv\\config\" config redirection.config /B /COPY:DAT /R:0 /W:0",
        ])),
    Item::new(
        "iis-schema",
        Some(Need::Schema),
        "%SystemRoot%\\System32\\inetsrv\\config\\schema\\IIS_schema.xml",
        "with which keys IIS encrypts new values",
        Source::Files(&[windows("System32\\inetsrv\\config\\schema", "IIS_schema.xml")]),
    )
    .by(vista(&[
            "robocopy \"%SystemRoot%\\System32\\inetsrv\\config\\schema\" config\\schema IIS_schema.xml /B /COPY:DAT /R:0 /W:0",
        ])),
    Item::new(
        "config-history",
        Some(Need::ConfigHistory),
        "%SystemDrive%\\inetpub\\history, %SystemRoot%\\System32\\inetsrv\\backup and inetsrv\\config\\Export",
        "which keys the configuration had before, and which copy still opens",
        Source::Files(&[
            file(Base::Drive, "inetpub\\history\\*", "applicationHost.config"),
            windows("System32\\inetsrv\\backup\\*", "applicationHost.config"),
            windows("System32\\inetsrv\\config\\Export", "applicationHost.config"),
            Place {
                secret: Secret::Opener,
                ..windows("System32\\inetsrv\\config\\Export", "configEncKey.key")
            },
            windows("System32\\inetsrv\\config", "applicationHost*"),
            file(Base::Drive, "inetpub\\temp\\appPools", "*.config"),
            file(Base::Drive, "inetpub\\temp\\appPools\\*", "*.config"),
        ]),
    )
    .without("whether an export of the configuration can bring its keys back")
    .before_vista(
        "backups of the metabase: %SystemRoot%\\System32\\inetsrv\\MetaBack",
        "copies of the metabase: %SystemRoot%\\System32\\inetsrv\\MetaBack (backups) and inetsrv\\History",
    )
    .by(Commands {
        nt50: &[OLD_META_BACK],
        nt51: &[OLD_META_HISTORY, OLD_META_BACK],
        nt6: &[
            "robocopy \"%SystemDrive%\\inetpub\\history\" history applicationHost.config /S /XJ /B /COPY:DAT /R:0 /W:0",
            "robocopy \"%SystemRoot%\\System32\\inetsrv\\backup\" backup applicationHost.config /S /XJ /B /COPY:DAT /R:0 /W:0",
            "robocopy \"%SystemRoot%\\System32\\inetsrv\\config\\Export\" Export /B /COPY:DAT /R:0 /W:0",
        ],
    }),
    Item::new(
        "metabase",
        Some(Need::Metabase),
        "%SystemRoot%\\System32\\inetsrv\\MetaBase.xml",
        "what IIS 5 and 6 keep encrypted, their sites, and copies of both",
        Source::Files(&[
            windows(INETSRV, "MetaBase.xml"),
            windows(INETSRV, "MetaBase.bin"),
            windows("System32\\inetsrv\\History", "MetaBase*"),
            windows("System32\\inetsrv\\MetaBack", "*"),
        ]),
    )
    .by(Commands {
        nt50: &[
            "xcopy %SystemRoot%\\System32\\inetsrv\\MetaBase.bin inetsrv\\ /h /k /c",
            OLD_META_BACK,
        ],
        nt51: &[
            "xcopy %SystemRoot%\\System32\\inetsrv\\MetaBase.xml inetsrv\\ /h /k /c",
            OLD_META_HISTORY,
            OLD_META_BACK,
        ],
        nt6: &[
            "robocopy \"%SystemRoot%\\System32\\inetsrv\" inetsrv MetaBase.xml /B /COPY:DAT /R:0 /W:0",
            "robocopy \"%SystemRoot%\\System32\\inetsrv\\History\" inetsrv\\History /B /COPY:DAT /R:0 /W:0",
        ],
    }),
    Item::new(
        "security-hive",
        Some(Need::SecurityHive),
        SECURITY_HIVE,
        "the machine's DPAPI secret",
        Source::Files(&[opener(CONFIG, "SECURITY")]),
    )
    .without(PROOFS)
    .before_vista(
        "%SystemRoot%\\System32\\config\\SECURITY, of the same moment as SYSTEM: from a disk image, from the system state \
         of ntbackup (also below %SystemRoot%\\repair), or saved with regback of the Resource Kit",
        SECURITY_HIVE,
    )
    .by(Commands {
        nt50: &[],
        nt51: &["reg save HKLM\\SECURITY SECURITY.hiv"],
        nt6: &["reg save HKLM\\SECURITY SECURITY.hiv /y"],
    }),
    Item::new(
        "protect",
        Some(Need::Protect),
        "%SystemRoot%\\System32\\Microsoft\\Protect\\S-1-5-18 with its folder User (hidden and system files)",
        "the master keys that protect the containers",
        Source::Files(&[
            opener("System32\\Microsoft\\Protect\\S-1-5-18", "*"),
            opener("System32\\Microsoft\\Protect\\S-1-5-18\\User", "*"),
        ]),
    )
    .without(PROOFS)
    .by(Commands {
        nt50: &[OLD_PROTECT],
        nt51: &[OLD_PROTECT],
        nt6: &[
            "robocopy \"%SystemRoot%\\System32\\Microsoft\\Protect\\S-1-5-18\" Protect\\S-1-5-18 /E /XJ /B /COPY:DAT /R:0 /W:0",
        ],
    }),
    Item::new(
        "key-proof",
        Some(Need::KeyProof),
        "the IIS metabase (inetsrv\\MetaBase.xml), or SYSTEM, SECURITY and System32\\Microsoft\\Protect\\S-1-5-18",
        "whether a key opens what was encrypted with it",
        Source::Items(&["metabase", "system-hive", "security-hive", "protect"]),
    )
    .without(PROOFS),
    Item::new(
        "aspnet-config",
        None,
        "machine.config and web.config of the .NET Framework, and the web.config of the default site",
        "encrypted sections of ASP.NET, which use keys of the machine",
        Source::Files(&[
            opener("Microsoft.NET\\Framework*\\v*\\CONFIG", "machine.config"),
            opener("Microsoft.NET\\Framework*\\v*\\CONFIG", "web.config"),
            Place { secret: Secret::Opener, ..file(Base::Drive, "inetpub\\wwwroot", "web.config") },
        ]),
    )
    .without("which encrypted sections ASP.NET has, and which keys of the machine they need")
    .by(vista(&[
            "robocopy \"%SystemRoot%\\Microsoft.NET\" Microsoft.NET machine.config web.config /S /XJ /B /COPY:DAT /R:0 /W:0",
        ])),
    Item::new(
        "exported-keys",
        None,
        "exported keys and certificates in the root of the system drive: *.xml, *.pfx, *.p12",
        "whether a lost key can be brought back",
        Source::Files(&[
            Place { secret: Secret::Key, ..file(Base::Drive, "", "*.xml") },
            Place { secret: Secret::Key, ..file(Base::Drive, "", "*.pfx") },
            Place { secret: Secret::Key, ..file(Base::Drive, "", "*.p12") },
        ]),
    )
    .without("which key an exported file holds")
    .by(vista(&[
            "robocopy \"%SystemDrive%\\\\\" exported *.xml *.pfx *.p12 /A-:SH /B /COPY:DAT /R:0 /W:0",
            // The root of a drive is hidden and a system folder, and its copy would be, too.
            "attrib -h -s exported",
        ])),
    Item::new(
        "access-rights",
        Some(Need::AccessRights),
        "the access rights of the key folders and files, which a plain copy loses: icacls \"%ProgramData%\\Microsoft\\Crypto\" \
         /save acl.txt /t (Windows 2000 to 2003: cacls on the MachineKeys folder and on the files in it), or a disk image",
        "which accounts can open the keys",
        Source::Output,
    )
    .by(Commands {
        nt50: OLD_ACCESS,
        nt51: OLD_ACCESS,
        nt6: &["icacls \"%ProgramData%\\Microsoft\\Crypto\" /save acl.txt /t /c"],
    }),
    Item::new(
        "creation-times",
        Some(Need::CreationTimes),
        "a listing of the key folders with creation times, made on the server: dir /tc /a, or \
         Get-ChildItem -Force | Select-Object FullName,Length,CreationTimeUtc,LastWriteTimeUtc | Export-Csv",
        "which keys are older than the current MachineGuid",
        Source::Output,
    )
    .by(Commands {
        nt50: OLD_LISTING,
        nt51: OLD_LISTING,
        nt6: &["dir /tc /a /s \"%ProgramData%\\Microsoft\\Crypto\" > dir-created.txt"],
    }),
    Item::new(
        "system-log",
        Some(Need::SystemLog),
        "%SystemRoot%\\System32\\winevt\\Logs\\System.evtx (Windows 2000 to 2003: \
         %SystemRoot%\\System32\\config\\SysEvent.Evt)",
        "which services failed, and when",
        Source::Files(&[
            windows(LOGS, "System.evtx"),
            windows(LOGS, "Archive-System-*.evtx"),
            windows(CONFIG, "SysEvent.Evt"),
        ]),
    )
    .by(Commands {
        nt50: &[],
        nt51: &["wmic nteventlog where \"LogFileName='System'\" call BackupEventlog \"%CD%\\SysEvent.Evt\""],
        nt6: &["wevtutil epl System System.evtx"],
    }),
    Item::new(
        "application-log",
        Some(Need::ApplicationLog),
        "%SystemRoot%\\System32\\winevt\\Logs\\Application.evtx (Windows 2000 to 2003: \
         %SystemRoot%\\System32\\config\\AppEvent.Evt)",
        "which applications failed, and when",
        Source::Files(&[
            windows(LOGS, "Application.evtx"),
            windows(LOGS, "Archive-Application-*.evtx"),
            windows(CONFIG, "AppEvent.Evt"),
        ]),
    )
    .by(Commands {
        nt50: &[],
        nt51: &["wmic nteventlog where \"LogFileName='Application'\" call BackupEventlog \"%CD%\\AppEvent.Evt\""],
        nt6: &["wevtutil epl Application Application.evtx"],
    }),
    Item::new(
        "dpapi-log",
        Some(Need::DpapiLog),
        "%SystemRoot%\\System32\\winevt\\Logs\\Microsoft-Windows-Crypto-DPAPI%4Operational.evtx",
        "which secrets could not be opened, and when",
        Source::Files(&[
            windows(LOGS, "Microsoft-Windows-Crypto-DPAPI%4Operational.evtx"),
            windows(LOGS, "Archive-Microsoft-Windows-Crypto-DPAPI%4Operational-*.evtx"),
        ]),
    )
    .by(vista(&[
            "wevtutil epl Microsoft-Windows-Crypto-DPAPI/Operational DPAPI.evtx",
        ])),
    Item::new(
        "security-log",
        Some(Need::SecurityLog),
        "%SystemRoot%\\System32\\winevt\\Logs\\Security.evtx (Windows 2000 to 2003: \
         %SystemRoot%\\System32\\config\\SecEvent.Evt)",
        "who used which key file, where that is audited",
        Source::Files(&[
            windows(LOGS, "Security.evtx"),
            windows(LOGS, "Archive-Security-*.evtx"),
            windows(CONFIG, "SecEvent.Evt"),
        ]),
    )
    .by(Commands {
        nt50: &[],
        nt51: &["wmic nteventlog where \"LogFileName='Security'\" call BackupEventlog \"%CD%\\SecEvent.Evt\""],
        nt6: &["wevtutil epl Security Security.evtx"],
    }),
    Item::new(
        "crypto-logs",
        None,
        "the event logs of CNG, of CAPI2 and of the IIS configuration in %SystemRoot%\\System32\\winevt\\Logs",
        "what else failed with keys and configuration",
        Source::Files(&[
            windows(LOGS, "Microsoft-Windows-Crypto-NCrypt%4Operational.evtx"),
            windows(LOGS, "Microsoft-Windows-CAPI2%4Operational.evtx"),
            windows(LOGS, "Microsoft-IIS-Configuration%4Administrative.evtx"),
            windows(LOGS, "Microsoft-IIS-Configuration%4Operational.evtx"),
        ]),
    )
    .by(vista(&[
            "wevtutil epl Microsoft-Windows-CAPI2/Operational CAPI2.evtx",
            "wevtutil epl Microsoft-IIS-Configuration/Operational IIS-Configuration.evtx",
        ])),
    Item::new(
        "site-certificates",
        Some(Need::SiteCertificates),
        "the output of netsh http show sslcert, made on the server",
        "which certificates the sites have",
        Source::Output,
    )
    .before_vista(OLD_SITES, OLD_SITES)
    .by(Commands {
        nt50: &[ADSUTIL],
        nt51: &[ADSUTIL],
        nt6: &["netsh http show sslcert > sslcert.txt"],
    }),
    Item::new(
        "live-key-test",
        Some(Need::LiveKeyTest),
        "the output of certutil -v -verifystore MY on the server, which tests each certificate's key; no file shows it",
        "whether keys that are not files can be opened",
        Source::Output,
    )
    .by(Commands { nt50: &[], nt51: &[VERIFY], nt6: &[VERIFY] }),
    Item::new(
        "matching-evidence",
        Some(Need::MatchingEvidence),
        "all pieces again from one machine, collected in one go: SOFTWARE and SYSTEM hives and the key folders",
        "that the pieces belong together",
        Source::Items(&["software-hive", "system-hive", "machine-keys", "cng-keys"]),
    ),
    Item::new(
        "undamaged-copy",
        Some(Need::UndamagedCopy),
        "another copy of the damaged file, for example from a backup or a disk image",
        "what a damaged file said",
        Source::Elsewhere,
    ),
    Item::new(
        "whole-volume",
        Some(Need::WholeVolume),
        "a disk image, or a TSK bodyfile of the whole system volume",
        "that something is absent",
        Source::Elsewhere,
    ),
];
