//! Status codes, sorted by number.

use super::Status;

const HRESULTS: &str = "Microsoft: common HRESULT values";
const WIN32: &str = "Microsoft: system error codes";
const KB884872: &str = "KB884872";

const CONTAINERS: &[&str] = &[
    "machine-guid-changed",
    "container-missing",
    "container-orphaned",
    "container-duplicated",
    "container-corrupt",
];
const METABASE: &[&str] = &[
    "machine-guid-changed",
    "container-missing",
    "container-orphaned",
    "container-duplicated",
    "container-relocated",
    "metabase-key-mismatch",
    "symptom-iisadmin-failed",
];
const PROTECTION: &[&str] =
    &["master-key-missing", "dpapi-secret-rotated", "dpapi-foreign", "container-corrupt", "symptom-dpapi"];
const CONFIGURATION: &[&str] =
    &["session-key-mismatch", "session-key-missing", "container-duplicated", "encrypted-value-unreadable"];
const ACCESS: &[&str] = &["container-access"];
const SCHANNEL: &[&str] = &[
    "certificate-key-missing",
    "certificate-key-orphaned",
    "certificate-key-unlinked",
    "symptom-schannel-key",
];

pub(super) static ALL: &[Status] = &[
    Status {
        code: 2,
        name: "ERROR_FILE_NOT_FOUND",
        meaning: "A key file is looked for under the present MachineGuid and is not there.",
        words: &["cannot find the file specified"],
        rules: CONTAINERS,
        sources: &[WIN32],
    },
    Status {
        code: 3,
        name: "ERROR_PATH_NOT_FOUND",
        meaning: "On IIS 5 said by the web service when the metabase does not open after the MachineGuid changed.",
        words: &["cannot find the path specified"],
        rules: METABASE,
        sources: &[WIN32, KB884872],
    },
    Status {
        code: 5,
        name: "ERROR_ACCESS_DENIED",
        meaning: "The account may not read a key file or may not write into the MachineKeys folder.",
        words: &["access is denied"],
        rules: ACCESS,
        sources: &[WIN32, "KB278381", "KB908572"],
    },
    Status {
        code: 6,
        name: "ERROR_INVALID_HANDLE",
        meaning: "On IIS 5 the face of a metabase that could not be opened: its key container does not answer.",
        words: &["handle is invalid"],
        rules: METABASE,
        sources: &[WIN32, KB884872],
    },
    Status {
        code: 8,
        name: "ERROR_NOT_ENOUGH_MEMORY",
        meaning: "Rarely about memory here: services report it when the container they start with cannot be opened.",
        words: &["not enough storage"],
        rules: &[
            "symptom-service-timeout",
            "container-missing",
            "container-orphaned",
            "machine-guid-changed",
        ],
        sources: &[WIN32],
    },
    Status {
        code: 13,
        name: "ERROR_INVALID_DATA",
        meaning: "DPAPI refused a protected blob: other master key, other machine, or damaged bytes.",
        words: &["the data is invalid"],
        rules: PROTECTION,
        sources: &[WIN32],
    },
    Status {
        code: 1008,
        name: "ERROR_NO_TOKEN",
        meaning: "The web service of IIS 5 says this when the metabase did not open before it; look at the metabase's key.",
        words: &["token that does not exist"],
        rules: METABASE,
        sources: &[WIN32, KB884872],
    },
    Status {
        code: 1053,
        name: "ERROR_SERVICE_REQUEST_TIMEOUT",
        meaning: "A service did not come up in time, as it happens while it waits for IIS Admin or for a key.",
        words: &["did not respond to the start or control request", "in a timely fashion"],
        rules: &[
            "symptom-service-timeout",
            "container-missing",
            "container-orphaned",
            "machine-guid-changed",
        ],
        sources: &[WIN32],
    },
    Status {
        code: 1312,
        name: "ERROR_NO_SUCH_LOGON_SESSION",
        meaning: "Said when an HTTPS binding is made with a certificate whose private key cannot be opened.",
        words: &["specified logon session does not exist"],
        rules: SCHANNEL,
        sources: &[WIN32, "Microsoft Tech Community, IIS Support Blog"],
    },
    Status {
        code: 1722,
        name: "RPC_S_SERVER_UNAVAILABLE",
        meaning: "IIS administration reaches no IIS Admin Service; see why that service is down.",
        words: &["rpc server is unavailable"],
        rules: METABASE,
        sources: &[WIN32],
    },
    Status {
        code: 0x8009_0003,
        name: "NTE_BAD_KEY",
        meaning: "The key is there but of the wrong kind: signature where exchange is needed, or the other way round.",
        words: &["bad key."],
        rules: &["container-incomplete"],
        sources: &[HRESULTS],
    },
    Status {
        code: 0x8009_0005,
        name: "NTE_BAD_DATA",
        meaning: "The session key in the configuration does not unwrap with this machine's container: the configuration \
                  comes from another server, or the container was created anew.",
        words: &["bad data"],
        rules: CONFIGURATION,
        sources: &[HRESULTS, "Microsoft TechNet blogs on application pool identities"],
    },
    Status {
        code: 0x8009_0006,
        name: "NTE_BAD_SIGNATURE",
        meaning: "The signature on the metabase's session key does not verify: the container Microsoft Internet Information \
                  Server is another one than the metabase was written with. It was re-created, is missing, lies in another \
                  folder, or the MachineGuid changed.",
        words: &["invalid signature"],
        rules: METABASE,
        sources: &[HRESULTS, "Microsoft Tech Community, IIS Support Blog"],
    },
    Status {
        code: 0x8009_000b,
        name: "NTE_BAD_KEY_STATE",
        meaning: "The container was found and DPAPI cannot open its private key: cloned machine, file copied from another \
                  one, lost master key, or a damaged file.",
        words: &["key not valid for use in specified state"],
        rules: PROTECTION,
        sources: &[HRESULTS, "Microsoft Tech Community, IIS Support Blog"],
    },
    Status {
        code: 0x8009_000d,
        name: "NTE_NO_KEY",
        meaning: "The container has no pair of the requested kind: it was made and never got a key.",
        words: &["key does not exist"],
        rules: &["container-empty", "container-incomplete"],
        sources: &[HRESULTS],
    },
    Status {
        code: 0x8009_000f,
        name: "NTE_EXISTS",
        meaning: "A container of that name exists and this account may not see it, so creating it fails.",
        words: &["object already exists"],
        rules: ACCESS,
        sources: &[HRESULTS],
    },
    Status {
        code: 0x8009_0010,
        name: "NTE_PERM",
        meaning: "The account may not use the container.",
        words: &[],
        rules: ACCESS,
        sources: &[HRESULTS],
    },
    Status {
        code: 0x8009_0011,
        name: "NTE_NOT_FOUND",
        meaning: "A CNG key of that name is not there, or the key file of this MachineGuid is not.",
        words: &["object was not found"],
        rules: CONTAINERS,
        sources: &[HRESULTS],
    },
    Status {
        code: 0x8009_0013,
        name: "NTE_BAD_PROVIDER",
        meaning: "The cryptographic provider that the configuration names is wrong.",
        words: &["invalid provider specified"],
        rules: &["config-provider-missing"],
        sources: &[HRESULTS],
    },
    Status {
        code: 0x8009_0014,
        name: "NTE_BAD_PROV_TYPE",
        meaning: "The type of the cryptographic provider that the configuration names is wrong.",
        words: &["invalid provider type specified"],
        rules: &["config-provider-missing"],
        sources: &[HRESULTS],
    },
    Status {
        code: 0x8009_0016,
        name: "NTE_BAD_KEYSET",
        meaning: "There is no key file under the present MachineGuid, or this account may not read it.",
        words: &["keyset does not exist"],
        rules: &[
            "machine-guid-changed",
            "container-missing",
            "container-orphaned",
            "container-access",
            "certificate-key-missing",
            "certificate-key-orphaned",
        ],
        sources: &[HRESULTS, KB884872, "KB977754"],
    },
    Status {
        code: 0x8009_0019,
        name: "NTE_KEYSET_NOT_DEF",
        meaning: "The container is not defined for this provider.",
        words: &["keyset not defined"],
        rules: CONTAINERS,
        sources: &[HRESULTS],
    },
    Status {
        code: 0x8009_001a,
        name: "NTE_KEYSET_ENTRY_BAD",
        meaning: "The key file is damaged.",
        words: &["registered for the key set is invalid", "keyset as registered is invalid"],
        rules: &["container-corrupt"],
        sources: &[HRESULTS],
    },
    Status {
        code: 0x8009_030d,
        name: "SEC_E_UNKNOWN_CREDENTIALS",
        meaning: "TLS could not open the certificate's private key; the cause stands in the key container.",
        words: &["credentials supplied to the package were not recognized"],
        rules: SCHANNEL,
        sources: &[HRESULTS, "Microsoft Tech Community, IIS Support Blog"],
    },
    Status {
        code: 0x800c_c800,
        name: "MD_ERROR_NOT_INITIALIZED",
        meaning: "The metabase is not open; the reason was reported before.",
        words: &[],
        rules: METABASE,
        sources: &["Windows SDK: metabase return codes"],
    },
    Status {
        code: 0x800c_c806,
        name: "MD_ERROR_SECURE_CHANNEL_FAILURE",
        meaning: "Secure data of the metabase could not be exchanged; both of its containers take part in that.",
        words: &[],
        rules: METABASE,
        sources: &["Windows SDK: metabase return codes"],
    },
    Status {
        code: 0x800c_c819,
        name: "MD_ERROR_READ_METABASE_FILE",
        meaning: "The metabase file could not be read.",
        words: &[],
        rules: METABASE,
        sources: &["Windows SDK: metabase return codes"],
    },
    Status {
        code: 0x800c_c81d,
        name: "MD_ERROR_NO_SESSION_KEY",
        meaning: "The metabase has no session key that opens, so its secure values are lost to this machine.",
        words: &[],
        rules: METABASE,
        sources: &["Windows SDK: metabase return codes"],
    },
];
