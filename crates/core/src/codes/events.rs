//! Events, sorted by source and id.

use super::Event;

const IISADMIN: &[&str] = &[
    "symptom-iisadmin-failed",
    "machine-guid-changed",
    "container-missing",
    "container-orphaned",
    "container-duplicated",
];
const TIMEOUT: &[&str] = &["symptom-service-timeout"];
const POOL: &[&str] = &[
    "symptom-app-pool-identity",
    "session-key-mismatch",
    "session-key-missing",
    "container-missing",
    "config-provider-missing",
];
const SCHANNEL: &[&str] = &[
    "symptom-schannel-key",
    "certificate-key-missing",
    "certificate-key-orphaned",
    "certificate-key-unlinked",
];
const DPAPI: &[&str] = &["symptom-dpapi", "master-key-missing", "dpapi-foreign", "dpapi-secret-rotated"];
const NONE: &[&str] = &[];

const MANIFESTS: &str = "Windows event manifests (repnz/etw-providers-docs)";
const KB884872: &str = "KB884872";
const IIS_PAGES: &str = "Microsoft: Event ID pages of IIS";

pub(super) static ALL: &[Event] = &[
    Event {
        source: "DistributedCOM",
        ids: &[10016],
        meaning: "A permission notice that nearly every machine logs; no sign of a key problem.",
        words: &[],
        rules: NONE,
        sources: &["Microsoft support: DCOM event 10016"],
    },
    Event {
        source: "HttpEvent",
        ids: &[15021, 15300, 15301],
        meaning: "An HTTPS endpoint failed (15021), or its TLS settings were deleted (15300) or created (15301). When bindings \
                  vanish by themselves, look for a leftover of an older IIS in the configuration.",
        words: &[],
        rules: &["binding-certificate-missing", "certificate-key-missing"],
        sources: &["Microsoft Tech Community, IIS Support Blog"],
    },
    Event {
        source: "IISADMIN",
        ids: &[4500, 4501, 4502, 4503, 4504, 4505, 4506, 4507, 4508, 4509, 4510, 4511, 4512],
        meaning: "Audit of the IIS 6 metabase in the Security log: who changed what, useful for dating a change.",
        words: &[],
        rules: NONE,
        sources: &["Microsoft TechNet: IIS 6.0 events"],
    },
    Event {
        source: "Microsoft-IIS-Configuration",
        ids: &[10, 13, 14, 29, 42, 43, 44, 50],
        meaning: "Configuration errors (10); parsing a file (13) and redirection in force (14), which are no errors; an encryption \
                  provider that could not be initialised (42), an attribute that was not encrypted (43) or decrypted (44); \
                  and, where auditing is on, changes (29, 50).",
        words: &[],
        rules: &["config-unreadable", "shared-configuration", "symptom-app-pool-identity"],
        sources: &[MANIFESTS],
    },
    Event {
        source: "Microsoft-Windows-CAPI2",
        ids: &[70],
        meaning: "A certificate's private key was asked for; the event's result says whether that worked.",
        words: &[],
        rules: &["certificate-key-missing", "certificate-key-orphaned", "symptom-dpapi"],
        sources: &[MANIFESTS],
    },
    Event {
        source: "Microsoft-Windows-Crypto-DPAPI",
        ids: &[8193, 8194, 8195, 8196, 8197, 8198],
        meaning: "DPAPI failures: 8194 names a master key file that could not be accessed, 8198 a blob that did not open, with \
                  its status and the step that failed.",
        words: &[],
        rules: DPAPI,
        sources: &[MANIFESTS],
    },
    Event {
        source: "Microsoft-Windows-Crypto-NCrypt",
        ids: &[1, 2, 3, 4],
        meaning: "CNG failures: an operation (1), a provider (2), a key that did not open (3) or was not made (4), with key name, \
                  status and process.",
        words: &[],
        rules: &["symptom-dpapi", "container-missing", "container-orphaned"],
        sources: &[MANIFESTS],
    },
    Event {
        source: "Microsoft-Windows-IIS-APPHOSTSVC",
        ids: &[9000, 9001, 9002, 9003, 9004, 9005, 9006, 9007, 9008, 9009, 9010, 9011, 9012],
        meaning: "Configuration history was not kept or not cleaned up, so copies to restore from may be missing.",
        words: &[],
        rules: &["config-backup-usable"],
        sources: &[IIS_PAGES],
    },
    Event {
        source: "Microsoft-Windows-WAS",
        ids: &[5002, 5005, 5021, 5022, 5036, 5053, 5057, 5059, 5172, 5173],
        meaning: "The activation service stopped a pool (5002, 5057, 5059), found its identity invalid (5021), could not read \
                  configuration data (5172, 5173, with the code in the data) or follow it (5053), its configuration manager \
                  did not initialise (5036), or it is stopping (5005, 5022). A pool password that does not decrypt is one \
                  cause.",
        words: &["invalid identity", "application pool identity", "identity of application pool"],
        rules: POOL,
        sources: &[IIS_PAGES, "IIS management packs"],
    },
    Event {
        source: "Microsoft-Windows-WAS",
        ids: &[5153, 5189, 5191, 5215],
        meaning: "A pool's own configuration file could not be made, or its folder or group could not be used. After a feature \
                  update 5189 comes from leftover links in inetpub\\temp\\appPools and is no key problem.",
        words: &[],
        rules: NONE,
        sources: &[IIS_PAGES, "KB4050891"],
    },
    Event {
        source: "Schannel",
        ids: &[36870],
        meaning: "TLS could not open a certificate's private key; its error code says why (0x8009030D, 0x80090016).",
        words: &[
            "attempting to access the ssl server credential private key",
            "tls server credential private key",
        ],
        rules: SCHANNEL,
        sources: &[MANIFESTS, "KB884872"],
    },
    Event {
        source: "Schannel",
        ids: &[36871],
        meaning: "TLS could not set up a credential; it often follows a private key that did not open.",
        words: &["creating an ssl server credential", "creating a tls server credential"],
        rules: SCHANNEL,
        sources: &[MANIFESTS],
    },
    Event {
        source: "Security",
        ids: &[5058, 5059, 5061],
        meaning: "Operations on key files: 5058 names the file with its MachineGuid, 5059 a migration, 5061 a cryptographic \
                  operation. Files of an older GUID in them are witnesses, not damage; a return code other than 0 on a \
                  key of the machine is a failure.",
        words: &[],
        rules: &["symptom-dpapi", "machine-guid-changed"],
        sources: &["Microsoft: security auditing reference"],
    },
    Event {
        source: "Service Control Manager",
        ids: &[7000, 7009, 7011],
        meaning: "A service did not start (7000) or did not answer in time (7009, 7011); for IIS services that can be a wait for \
                  a key.",
        words: &["service failed to start due to the following error"],
        rules: TIMEOUT,
        sources: &["Microsoft: Service Control Manager events"],
    },
    Event {
        source: "Service Control Manager",
        ids: &[7001],
        meaning: "A service did not start because one that it depends on did not: W3SVC, SMTPSVC and MSFTPSVC depend on IISADMIN.",
        words: &[],
        rules: IISADMIN,
        sources: &["Microsoft: Service Control Manager events"],
    },
    Event {
        source: "Service Control Manager",
        ids: &[7023, 7024, 7031, 7034],
        meaning: "A service ended with an error (7023), with a code of its own (7024) or by a crash (7031, 7034). For the IIS \
                  Admin Service the code tells which key failed it.",
        words: &[
            "terminated with service-specific error",
            "terminated with the following service-specific error",
        ],
        rules: IISADMIN,
        sources: &["Microsoft: Service Control Manager events", "Microsoft Tech Community, IIS Support Blog"],
    },
    Event {
        source: "W3SVC",
        ids: &[116],
        meaning: "A service of IIS 5 or 6 (W3SVC, MSFTPSVC, SMTPSVC, NNTPSVC) could not open its path of the metabase; its data is \
                  the code. Look at the IIS Admin Service and its key.",
        words: &["metabase path"],
        rules: IISADMIN,
        sources: &[KB884872],
    },
    Event {
        source: "W3SVC",
        ids: &[1008],
        meaning: "Not verified as an event of the web service: KB884872 shows 1008 as a Win32 code in a dialog. As an event it \
                  counts only with a code of this family, and weakly.",
        words: &[],
        rules: IISADMIN,
        sources: &["Microsoft: system error codes"],
    },
    Event {
        source: "W3SVC",
        ids: &[1002, 1009, 1021, 1057, 1059],
        meaning: "IIS 6.0 stopped an application pool, or its identity or worker failed. Of these ids 1021, 1057 and 1059 are not \
                  verified.",
        words: &[],
        rules: POOL,
        sources: &["Microsoft TechNet: IIS 6.0 events"],
    },
];
