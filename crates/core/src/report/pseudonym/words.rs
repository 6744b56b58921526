//! Words that stand on every machine, in lists that are separated by bars.

/// Folders and files of Windows and IIS, and what evidence is commonly called.
pub(super) const PATHS: &str = "\
    $logfile|$mft|$recycle.bin|_auto|acl|administration.config|aes|all users|app_data|appcompat|appdata|\
    appevent.evt|application data|application.evtx|applicationhost|applicationhost.config|apppools|\
    archive|auto|backup|backups|bin|bodyfile|boot|c$|case|collected|collection|config|configenckey.key|\
    configencryption|control|crypto|custom|cylr|d$|data|default|default user|default.reg|dfs|dir|disk|\
    disk.raw|documents and settings|dss|dump|evidence|export|exports|fat|files|files.body|framework|\
    framework64|fs|ftproot|globalization|globalroot|hardwareid|history|hive|hives|icacls|iis|\
    iis_schema.xml|iiskeys-backup|image|image.raw|images|inetpub|inetsrv|kape|keys|listing|live|local|\
    local settings|locallow|localservice|log|logfiles|logs|ls|machine|machine.config|machinekeys|\
    mbschema.xml|metaback|metabase|metabase.bin|metabase.xml|mft|microsoft|microsoft.net|minint|\
    networkservice|notes|ntfs|ntuser.dat|old|part|partition|pcpksp|preferred|private|profiles|\
    program files|program files (x86)|programdata|protect|public|recovery|redirection.config|regback|\
    registry|repair|restore|results|roaming|root|rsa|s-1-5-18|s-1-5-19|s-1-5-20|sam|schema|secevent.evt|\
    security|security.evtx|serviceprofiles|services|setup|shadowcopy|share|shared|snapshot|snapshots|\
    software|storage|sys|sysevent.evt|sysnative|sysprep|system|system volume information|system.evtx|\
    system32|systemkeys|systemprofile|syswow64|temp|tmp|triage|uploads|user|userdiff|users|volume|\
    volumes|vss|wbem|web|web.config|web.config.default|windows|windows.old|windowsimagebackup|\
    windowspowershell|winevt|winnt|work|wow6432node|wwwroot";

/// Extensions that say what a file is; the name before them is the name.
pub(super) const EXTENSIONS: &str = "\
    001|7z|aff4|bak|bin|body|bodyfile|bz2|cer|config|crt|csv|dat|dd|dmp|e01|eml|evt|evtx|ex01|gz|hiv|\
    hive|img|iso|json|key|log|log1|log2|lst|mdb|old|ova|p12|pem|pfx|qcow2|raw|reg|sav|tar|tgz|txt|vdi|\
    vhd|vhdx|vma|vmdk|wim|xml|xz|zip|zst";

/// Accounts, computers, stores, sites, providers, services and words that stand on every machine, or in every report.
pub(super) const WORDS: &str = "\
    .net v2.0|.net v2.0 classic|.net v4.5|.net v4.5 classic|addressbook|administrator|administrators|\
    aesprovider|all|and|anonymous|any|app|apphostsvc|application|application pool|aside|asp.net v4.0|\
    asp.net v4.0 classic|authroot|basedataprotection|biz|broken|builtin|ca|certificate|\
    classic .net apppool|client|clients|cloud|cng-local-service|cng-machine|cng-network-service|\
    cng-system|co|com|configuration|configuration encryption|container|container-images|corp|\
    creator owner|cryptography|current|dataprotectionconfigurationprovider|de|default ftp site|\
    default smtp virtual server|default web site|defaultapppool|degraded|dev|disallowed|dss-machine|edu|\
    error|eu|everyone|example|exchange|exported-key|file|flightroot|for|ftp|ftpsvc|gov|guest|healthy|\
    hkey_local_machine|hklm|homegroup machine certificates|http|https|iis|iis admin service|iis_iusrs|\
    iis_wpg|iisadmin|iiscngprovider|iiscngwasonlyprovider|iisrsaprovider|iiswasonlyaesprovider|\
    iiswasonlycngprovider|iiswasonlyrsaprovider|inconclusive|inetsrv-config|info|internal|io|key|keys|\
    lan|local|local service|local system|localhost|localservice|localsystem|lsass|lsass.exe|machineguid|\
    mail|msftpsvc|my|name|net|network service|networkservice|nntpsvc|not|note|nt authority|org|ou|path|\
    rdp|remote desktop|root|rsa-local-service|rsa-local-system|rsa-machine|rsa-network-service|\
    rsaprotectedconfigurationprovider|schannel|server|service|signature|site|smartcardroot|smtpsvc|\
    svchost|svchost.exe|system|test|the|tls|trust|trusteddevices|trustedpeople|trustedpublisher|uk|user|\
    users|w3svc|w3wp|w3wp.exe|warning|was|web|webhosting|windows|windows process activation service|\
    winmgmt|wmsvc|world wide web publishing service|www";

/// Accounts, groups and profiles that stand on every machine.
pub(super) const ACCOUNTS: &str = "\
    administrator|administrators|all application packages|all users|anonymous|anonymous logon|\
    application package authority|authenticated users|backup operators|batch|builtin|console logon|creator group|\
    creator owner|default|default user|everyone|guest|guests|iis apppool|iis_iusrs|iis_wpg|interactive|\
    local service|local system|localservice|localsystem|network|network service|networkservice|nt authority|\
    nt service|owner rights|power users|public|remote desktop users|restricted|service|system|trustedinstaller|\
    user|users|windows";
