<#
.SYNOPSIS
    Gathers what iiskeys needs to say why IIS can no longer open its machine keys.
.DESCRIPTION
    Runs on Windows PowerShell 2.0 and later (Windows 2000 has none: see iiskeys collect --for list).
    Reads only. It writes nothing but the folder that -Output names, which must be new or empty and outside of what is read;
    only administrators and the system may open that folder. With -TestKeys Windows itself may write more: see there.
    Run it as administrator. It ends with 0, with 1 when something could not be read, with 2 when nothing was.
    Files in use are opened for sharing, and those that shut administrators out are copied with robocopy /B (2008 and later).
    Hives in use are saved with reg.exe, event logs with wevtutil.exe (before
    Windows Vista through WMI). Files.csv holds names, sizes, all times in UTC and attributes; access.csv holds owner
    and access rights (SDDL) of key folders and key files; errors.csv holds what could not be read, and why.
    Give the folder, or a zip of it, to: iiskeys diagnose
.PARAMETER Output
    The folder to write, best on another drive, with a short path.
.PARAMETER NamesOnly
    Leaves key files on the server: writes down their names, sizes, times, access rights and the name of the container in
    them. Leaves out what opens keys: the SECURITY hive, the Protect folder, exported keys, and the
    machine.config and web.config of ASP.NET.
.PARAMETER SystemDrive
    A drive or folder with a Windows that is not running, such as a mounted disk. Hives and logs are then copied.
.PARAMETER TestKeys
    Runs certutil -v -verifystore MY, which uses the key of each certificate of the machine. Windows then builds chains: it may
    ask the network for certificates and revocation lists, and keep the answers in its own cache (CryptnetUrlCache).
.PARAMETER Force
    Goes on without the rights of an administrator, and where the folder cannot be shut to others (FAT, other systems).
.NOTES
@NOTES@
#>
param(
    [string]$Output = '',
    [switch]$NamesOnly,
    [string]$SystemDrive = '',
    [switch]$TestKeys,
    [switch]$Force
)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$keepSecrets = $NamesOnly.IsPresent -or @NAMES_ONLY@
$runAdsutil = @ADSUTIL@
$wantsCertutil = @CERTUTIL@

# Item, base, folder, mask, and whether a file is a key, opens keys, is only listed, or none of these.
$table = @(
@TABLE@
)

$separator = [string][IO.Path]::DirectorySeparatorChar
$invariant = [Globalization.CultureInfo]::InvariantCulture
$utf8 = New-Object Text.UTF8Encoding($true)

function Stop-Here([string]$Why) {
    [Console]::Error.WriteLine('iiskeys: ' + $Why)
    exit 2
}

function Join-Names([string]$Base, [string]$Rest) {
    $tail = $Rest.Replace('\', $separator)
    if ($tail -eq '') { return $Base }
    if ($Base.EndsWith($separator)) { return $Base + $tail }
    return $Base + $separator + $tail
}

function Format-Field($Value) {
    return '"' + ([string]$Value).Replace('"', '""').Replace("`r", ' ').Replace("`n", ' ') + '"'
}

function Write-Row($Writer, [object[]]$Values) {
    $fields = @()
    foreach ($value in $Values) { $fields += (Format-Field $value) }
    $Writer.WriteLine([string]::Join(',', $fields))
}

function Format-Time([DateTime]$Time) {
    return $Time.ToString("yyyy-MM-dd'T'HH:mm:ss.fffffff'Z'", $invariant)
}

function Get-Reason($Record) {
    $exception = $Record.Exception
    while ($exception.InnerException -ne $null) { $exception = $exception.InnerException }
    if ($exception -is [IO.PathTooLongException]) {
        return 'the path has more letters than Windows takes here; use a disk image, or a shorter output folder: ' + $exception.Message
    }
    return $exception.GetType().Name + ': ' + $exception.Message
}

function Write-Trouble([string]$Path, [string]$Action, [string]$Why) {
    Write-Row $script:errors @($Path, $Action, $Why)
    $script:troubles++
}

# Files of others, and hives, are closed to everybody else. The group by its identifier: its name is a translated one.
$isAdministrator = $false
try {
    $principal = New-Object Security.Principal.WindowsPrincipal ([Security.Principal.WindowsIdentity]::GetCurrent())
    $isAdministrator = $principal.IsInRole((New-Object Security.Principal.SecurityIdentifier 'S-1-5-32-544'))
} catch { $isAdministrator = $false }
if (-not ($isAdministrator -or $Force.IsPresent)) {
    Stop-Here 'this needs the rights of an administrator, without which key files cannot be read; start it from an elevated prompt, or add -Force'
}

# Where things are.
$is64 = ($env:PROCESSOR_ARCHITEW6432 -ne $null) -and ([IntPtr]::Size -eq 4)
if ($is64) {
    Stop-Here 'this is the 32-bit PowerShell of a 64-bit Windows, which sees other folders; start %SystemRoot%\System32\WindowsPowerShell\v1.0\powershell.exe from a 64-bit prompt'
}
$isLive = ($SystemDrive -eq '')
if ($isLive) { $SystemDrive = [string]$env:SystemDrive }
if ($SystemDrive -eq '') { Stop-Here 'there is no Windows here; name the drive of one with -SystemDrive' }
# Relative to where the user stands, which .NET does not know.
$here = $ExecutionContext.SessionState.Path
$drive = $SystemDrive.TrimEnd('\', '/')
if (-not ($drive -match '^[A-Za-z]:$')) { $drive = $here.GetUnresolvedProviderPathFromPSPath($SystemDrive).TrimEnd('\', '/') }
$letter = 'C'
if ($drive -match '^[A-Za-z]:$') { $letter = $drive.Substring(0, 1).ToUpper($invariant) }
$driveRoot = $drive + $separator

$windows = ''
if ($isLive) { $windows = [string]$env:SystemRoot }
else {
    foreach ($name in @('Windows', 'WINDOWS', 'WINNT')) {
        $candidate = Join-Names $driveRoot $name
        if (($windows -eq '') -and [IO.Directory]::Exists((Join-Names $candidate 'System32'))) { $windows = $candidate }
    }
}
if ($windows -eq '') { Stop-Here ('no Windows folder below ' + $driveRoot + '; name its drive with -SystemDrive') }

$oldProfiles = Join-Names $driveRoot 'Documents and Settings'
$shared = Join-Names $driveRoot 'ProgramData'
# On Vista and later the old names are links to the new ones, and would give everything twice.
$isOld = -not [IO.Directory]::Exists((Join-Names $shared 'Microsoft'))
if ($isLive) { $shared = [Environment]::GetFolderPath('CommonApplicationData') }
elseif ($isOld) { $shared = Join-Names $oldProfiles 'All Users\Application Data' }

function Get-Base([string]$Name) {
    if ($Name -eq 'Windows') { return $windows }
    if ($Name -eq 'Drive') { return $driveRoot }
    if ($Name -eq 'Shared') { return $shared }
    if ($isOld) { return (Join-Names $oldProfiles ($Name + '\Application Data')) }
    return (Join-Names $windows ('ServiceProfiles\' + $Name + '\AppData\Roaming'))
}

# The output must not become a part of what is read.
if ($Output -eq '') { Stop-Here 'name a new or empty folder to write with -Output, best on another drive' }
$target = [IO.Path]::GetFullPath($here.GetUnresolvedProviderPathFromPSPath($Output)).TrimEnd('\', '/')
function Test-Below([string]$Path, [string]$Folder) {
    $above = $Folder.TrimEnd('\', '/') + $separator
    return ($Path + $separator).StartsWith($above, [StringComparison]::OrdinalIgnoreCase)
}
$forbidden = @($windows, $shared, (Join-Names $driveRoot 'inetpub'), (Join-Names $driveRoot 'System Volume Information'))
foreach ($name in @('All Users\Application Data', 'LocalService', 'NetworkService')) { $forbidden += (Join-Names $oldProfiles $name) }
if (-not $isLive) { $forbidden += $drive }
foreach ($folder in $forbidden) {
    if (Test-Below $target $folder) { Stop-Here ('the output folder ' + $target + ' lies in ' + $folder + ', which is read; name one outside of it') }
}
if (Test-Below $drive $target) { Stop-Here ('the output folder ' + $target + ' is the drive that is read; name a folder') }
if ([IO.File]::Exists($target)) { Stop-Here ('the output ' + $target + ' is a file; name a new or empty folder') }
if ([IO.Directory]::Exists($target)) {
    if ([IO.Directory]::GetFileSystemEntries($target).Length -gt 0) { Stop-Here ('the output folder ' + $target + ' is not empty; name a new one') }
}
[void][IO.Directory]::CreateDirectory($target)

# Administrators (S-1-5-32-544) and the system (S-1-5-18) alone: what is written here inherits it.
function Close-Target {
    $section = [Security.AccessControl.AccessControlSections]::Access
    $security = New-Object Security.AccessControl.DirectorySecurity
    $security.SetSecurityDescriptorSddlForm('D:PAI(A;OICI;FA;;;S-1-5-32-544)(A;OICI;FA;;;S-1-5-18)', $section)
    $folder = New-Object IO.DirectoryInfo $target
    if ($PSVersionTable.PSVersion.Major -ge 6) {
        [IO.FileSystemAclExtensions]::SetAccessControl($folder, $security)
        $now = [IO.FileSystemAclExtensions]::GetAccessControl($folder, $section)
    } else {
        $folder.SetAccessControl($security)
        $now = $folder.GetAccessControl($section)
    }
    # File systems without access rights take them without a word.
    if (-not $now.AreAccessRulesProtected) { throw 'the file system has no access rights' }
}
$why = ''
if ($isAdministrator) {
    try { Close-Target } catch { $why = Get-Reason $_ }
} else { $why = 'not an administrator' }
if ($why -ne '') {
    $what = 'the output folder ' + $target + ' cannot be shut to others (' + $why + ')'
    if (-not ($keepSecrets -or $Force.IsPresent)) { Stop-Here ($what + '; name a folder on an NTFS drive, or add -NamesOnly or -Force') }
    [Console]::Error.WriteLine('iiskeys: ' + $what)
}

$script:troubles = 0
$script:copied = 0
$script:listed = 0
$errors = New-Object IO.StreamWriter((Join-Names $target 'errors.csv'), $false, $utf8)
$files = New-Object IO.StreamWriter((Join-Names $target 'files.csv'), $false, $utf8)
$access = New-Object IO.StreamWriter((Join-Names $target 'access.csv'), $false, $utf8)
$errors.AutoFlush = $true
Write-Row $errors @('What', 'Action', 'Reason')
Write-Row $files @('FullName', 'Length', 'CreationTimeUtc', 'LastWriteTimeUtc', 'LastAccessTimeUtc', 'Attributes', 'MachineName', 'ContainerName')
Write-Row $access @('Path', 'Owner', 'Sddl')
$computer = ''
if ($isLive) { $computer = [string]$env:COMPUTERNAME }

function Get-Relative([string]$Path) {
    if (Test-Below $Path $drive) { return $Path.Substring($drive.Length).TrimStart('\', '/') }
    return ''
}

# The path as the machine itself has it.
function Get-Shown([string]$Path) {
    $relative = Get-Relative $Path
    if ($relative -eq '') { return $Path }
    return $letter + ':\' + $relative.Replace($separator, '\')
}

function Get-Destination([string]$Path) {
    $relative = Get-Relative $Path
    if ($relative -ne '') { return (Join-Names (Join-Names $target $letter) $relative) }
    # Folders that the registry puts on another drive.
    if ($Path -match '^([A-Za-z]):\\(.*)$') { return (Join-Names (Join-Names $target ($matches[1].ToUpper($invariant))) $matches[2]) }
    return (Join-Names (Join-Names $target 'other') ([IO.Path]::GetFileName($Path)))
}

function New-Parent([string]$Path) {
    [void][IO.Directory]::CreateDirectory([IO.Path]::GetDirectoryName($Path))
}

function Copy-Opened([string]$From, [string]$To) {
    New-Parent $To
    $share = [IO.FileShare]::ReadWrite -bor [IO.FileShare]::Delete
    $source = [IO.File]::Open($From, [IO.FileMode]::Open, [IO.FileAccess]::Read, $share)
    try {
        $sink = [IO.File]::Open($To, [IO.FileMode]::CreateNew, [IO.FileAccess]::Write, [IO.FileShare]::None)
        try {
            $buffer = New-Object byte[] 1048576
            while ($true) {
                $read = $source.Read($buffer, 0, $buffer.Length)
                if ($read -le 0) { break }
                $sink.Write($buffer, 0, $read)
            }
        } finally { $sink.Close() }
    } finally { $source.Close() }
}

# Copies a file; one that shuts administrators out is read as a backup is.
function Copy-Shared([string]$From, [string]$To) {
    try { Copy-Opened $From $To }
    catch {
        $why = Get-Reason $_
        $robocopy = Join-Names $liveSystem32 'robocopy.exe'
        if (-not ($why.StartsWith('UnauthorizedAccessException') -and [IO.File]::Exists($robocopy))) { throw }
        # A dot behind the last backslash keeps it from taking the quote with it.
        $arguments = '"' + [IO.Path]::GetDirectoryName($From).TrimEnd('\') + '\." "' + [IO.Path]::GetDirectoryName($To).TrimEnd('\') + '\." "'
        $arguments += [IO.Path]::GetFileName($From) + '" /B /COPY:DAT /A-:SH /R:0 /W:0'
        $code = Invoke-Program $robocopy $arguments
        if (($code -ge 8) -or ($code -lt 0) -or -not [IO.File]::Exists($To)) {
            throw ($why + ' robocopy /B ended with ' + $code + ': ' + (Read-Printed).Trim())
        }
        Write-Row $script:errors @($From, 'open, so it was copied with robocopy /B', $why)
    }
    $script:copied++
}

# The name of the container in a key file: it stands in clear behind a header of 40 (CAPI) or 44 bytes (CNG).
function Read-ContainerName([string]$Path) {
    $share = [IO.FileShare]::ReadWrite -bor [IO.FileShare]::Delete
    $source = [IO.File]::Open($Path, [IO.FileMode]::Open, [IO.FileAccess]::Read, $share)
    try {
        $head = New-Object byte[] 44
        if ($source.Read($head, 0, 40) -lt 40) { return '' }
        $version = [BitConverter]::ToUInt32($head, 0)
        $length = [BitConverter]::ToUInt32($head, 8)
        if (($length -lt 1) -or ($length -gt 1024)) { return '' }
        if ($version -eq 1) { [void]$source.Read($head, 40, 4) } elseif ($version -ne 2) { return '' }
        $name = New-Object byte[] ([int]$length)
        if ($source.Read($name, 0, [int]$length) -lt $length) { return '' }
        if ($version -eq 1) { return [Text.Encoding]::Unicode.GetString($name).TrimEnd([char]0) }
        return [Text.Encoding]::Default.GetString($name).TrimEnd([char]0)
    } finally { $source.Close() }
}

function Write-Access([string]$Path, [bool]$IsFolder) {
    try {
        $parts = [Security.AccessControl.AccessControlSections]'Access, Owner, Group'
        if ($IsFolder) { $item = New-Object IO.DirectoryInfo $Path } else { $item = New-Object IO.FileInfo $Path }
        if ($PSVersionTable.PSVersion.Major -ge 6) { $acl = [IO.FileSystemAclExtensions]::GetAccessControl($item, $parts) }
        else { $acl = $item.GetAccessControl($parts) }
        $owner = $acl.GetOwner([Security.Principal.SecurityIdentifier])
        Write-Row $access @((Get-Shown $Path), $owner, $acl.GetSecurityDescriptorSddlForm($parts))
    } catch { Write-Trouble $Path 'read the access rights' (Get-Reason $_) }
}

function Write-File([string]$Path, [bool]$IsKey) {
    try {
        $info = New-Object IO.FileInfo $Path
        # Its times as they are before it is opened, which may change the last access.
        $info.Refresh()
        $values = @($info.Length, (Format-Time $info.CreationTimeUtc), (Format-Time $info.LastWriteTimeUtc),
            (Format-Time $info.LastAccessTimeUtc), $info.Attributes)
        $name = ''
        if ($IsKey -and $keepSecrets) {
            try { $name = Read-ContainerName $Path } catch { Write-Trouble $Path 'read the name of the container' (Get-Reason $_) }
        }
        Write-Row $files (@(Get-Shown $Path) + $values + @($computer, $name))
        $script:listed++
    } catch { Write-Trouble $Path 'read size and times' (Get-Reason $_) }
}

function Expand-Folder([string]$Base, [string]$Folder) {
    $found = @($Base)
    if ($Folder -eq '') { return $found }
    foreach ($part in $Folder.Split('\')) {
        $next = @()
        foreach ($path in $found) {
            if ($part.IndexOf('*') -lt 0) { $next += (Join-Names $path $part) }
            elseif ([IO.Directory]::Exists($path)) {
                try { $next += @([IO.Directory]::GetDirectories($path, $part)) }
                catch { Write-Trouble $path 'list folders' (Get-Reason $_) }
            }
        }
        $found = $next
    }
    return $found
}

$system32 = Join-Names $windows 'System32'
$liveSystem32 = Join-Names ([string]$env:SystemRoot) 'System32'
$printed = Join-Names $target 'printed.tmp'
$limit = 120

# Runs a program of Windows and gives back its exit code, -1 when it took too long. What it prints goes to a file, so that
# no pipe can fill up and stop it.
function Invoke-Program([string]$File, [string]$Arguments) {
    $start = New-Object Diagnostics.ProcessStartInfo
    $start.FileName = Join-Names $liveSystem32 'cmd.exe'
    $start.Arguments = '/d /s /c ""' + $File + '" ' + $Arguments + ' > "' + $printed + '" 2>&1"'
    $start.UseShellExecute = $false
    $start.CreateNoWindow = $true
    $process = [Diagnostics.Process]::Start($start)
    if (-not $process.WaitForExit($limit * 1000)) {
        $stop = New-Object Diagnostics.ProcessStartInfo
        $stop.FileName = Join-Names $liveSystem32 'taskkill.exe'
        $stop.Arguments = '/pid ' + $process.Id + ' /t /f'
        $stop.UseShellExecute = $false
        $stop.CreateNoWindow = $true
        try { [void][Diagnostics.Process]::Start($stop).WaitForExit(10000) } catch { $process.Kill() }
        [void]$process.WaitForExit(10000)
        return -1
    }
    return $process.ExitCode
}

# What the program printed, in the code page of the console.
function Read-Printed {
    if (-not [IO.File]::Exists($printed)) { return '' }
    try { $encoding = [Text.Encoding]::GetEncoding([Globalization.CultureInfo]::CurrentCulture.TextInfo.OEMCodePage) }
    catch { $encoding = [Text.Encoding]::Default }
    $share = [IO.FileShare]::ReadWrite -bor [IO.FileShare]::Delete
    $source = [IO.File]::Open($printed, [IO.FileMode]::Open, [IO.FileAccess]::Read, $share)
    try { return (New-Object IO.StreamReader($source, $encoding)).ReadToEnd() } finally { $source.Close() }
}

function Get-Ending([string]$File, [int]$Code) {
    $name = [IO.Path]::GetFileName($File)
    if ($Code -eq -1) { return $name + ' was stopped after ' + $limit + ' seconds' }
    return $name + ' ended with ' + $Code
}

# The same, where only success will do.
function Invoke-Surely([string]$File, [string]$Arguments) {
    $code = Invoke-Program $File $Arguments
    if ($code -ne 0) { throw ((Get-Ending $File $code) + ': ' + (Read-Printed).Trim()) }
}

function Save-Hive([string]$Path, [string]$To) {
    New-Parent $To
    $arguments = 'save "HKLM\' + [IO.Path]::GetFileName($Path) + '" "' + $To + '"'
    if ([Environment]::OSVersion.Version.Major -ge 6) { $arguments += ' /y' }
    Invoke-Surely (Join-Names $system32 'reg.exe') $arguments
    $script:copied++
}

function Save-Log([string]$Path, [string]$To) {
    New-Parent $To
    $name = [IO.Path]::GetFileNameWithoutExtension($Path)
    if ($Path.EndsWith('.evt', [StringComparison]::OrdinalIgnoreCase)) {
        $channels = @{ 'SysEvent' = 'System'; 'AppEvent' = 'Application'; 'SecEvent' = 'Security' }
        $log = Get-WmiObject -Class Win32_NTEventlogFile -Filter ("LogfileName='" + $channels[$name] + "'") -EnableAllPrivileges
        $answer = $log.BackupEventlog($To)
        if ($answer.ReturnValue -ne 0) { throw ('WMI ended with ' + $answer.ReturnValue) }
    } else {
        Invoke-Surely (Join-Names $system32 'wevtutil.exe') ('epl "' + $name.Replace('%4', '/') + '" "' + $To + '"')
    }
    $script:copied++
}

# Whether it is one that the running system holds open, to be saved by other means than a copy.
function Test-Held([string]$Item, [string]$Name) {
    if (-not $isLive) { return '' }
    if (($Item -eq 'software-hive') -or ($Item -eq 'system-hive') -or ($Item -eq 'security-hive')) { return 'hive' }
    if ($Item -eq 'transaction-logs') { return 'none' }
    if ($Item.EndsWith('-log') -or $Item.EndsWith('-logs')) {
        if ($Name -like 'Archive-*') { return '' }
        return 'log'
    }
    return ''
}

function Save-File([string]$Item, [string]$Path, [string]$Secret) {
    Write-File $Path ($Secret -eq 'key')
    if (($Secret -eq 'key') -or ($Secret -eq 'list')) { Write-Access $Path $false }
    if ($Secret -eq 'list') { return }
    if ($keepSecrets -and ($Secret -ne '-')) { return }
    $to = Get-Destination $Path
    $held = Test-Held $Item ([IO.Path]::GetFileName($Path))
    if ($held -eq 'none') { return }
    try {
        if ($held -eq 'hive') { Save-Hive $Path $to }
        elseif ($held -eq 'log') {
            try { Save-Log $Path $to }
            catch {
                Write-Trouble $Path 'export the log, so it is copied' (Get-Reason $_)
                if ([IO.File]::Exists($to)) { [IO.File]::Delete($to) }
                Copy-Shared $Path $to
            }
        } else { Copy-Shared $Path $to }
    } catch { Write-Trouble $Path 'copy' (Get-Reason $_) }
}

$seen = @{}
foreach ($row in $table) {
    $parts = $row.Split('|')
    foreach ($folder in @(Expand-Folder (Get-Base $parts[1]) $parts[2])) {
        if (-not [IO.Directory]::Exists($folder)) { continue }
        if ((($parts[4] -eq 'key') -or ($parts[4] -eq 'list')) -and ($parts[3] -eq '*')) { Write-Access $folder $true }
        try { $names = @([IO.Directory]::GetFiles($folder, $parts[3])) }
        catch {
            Write-Trouble $folder 'list files' (Get-Reason $_)
            continue
        }
        foreach ($path in $names) {
            # Windows lets a mask match short names, too.
            if (-not ([IO.Path]::GetFileName($path) -like $parts[3])) { continue }
            if ($seen.ContainsKey($path)) { continue }
            $seen[$path] = $true
            Save-File $parts[0] $path $parts[4]
        }
    }
}

# What a program prints is kept whatever it ends with: certutil fails when any one of the keys does.
function Save-Output([string]$Name, [string]$File, [string]$Arguments) {
    try {
        $code = Invoke-Program $File $Arguments
        [IO.File]::WriteAllText((Join-Names $target $Name), (Read-Printed), $utf8)
        $script:copied++
        if ($code -ne 0) { Write-Row $script:errors @($Name, 'run', ((Get-Ending $File $code) + '; what it printed was kept')) }
    } catch { Write-Trouble $Name 'run' (Get-Reason $_) }
}

if ($isLive) {
    $adsutil = Join-Names $driveRoot 'Inetpub\AdminScripts\adsutil.vbs'
    if ($runAdsutil -and [IO.File]::Exists($adsutil)) {
        Save-Output 'adsutil.txt' (Join-Names $system32 'cscript.exe') ('//nologo "' + $adsutil + '" ENUM_ALL W3SVC')
    }
    if ($runAdsutil -and ([Environment]::OSVersion.Version.Major -ge 6)) {
        Save-Output 'sslcert.txt' (Join-Names $system32 'netsh.exe') 'http show sslcert'
    }
    $certutil = Join-Names $system32 'certutil.exe'
    if ($wantsCertutil -and $TestKeys.IsPresent -and [IO.File]::Exists($certutil)) { Save-Output 'verifystore.txt' $certutil '-v -verifystore MY' }
}

if ([IO.File]::Exists($printed)) {
    try { [IO.File]::Delete($printed) } catch { Write-Trouble $printed 'delete' (Get-Reason $_) }
}
$errors.Close()
$files.Close()
$access.Close()
Write-Host ('Copied ' + $script:copied + ' files and listed ' + $script:listed + ' in ' + $target)
if ($wantsCertutil -and $isLive -and -not $TestKeys.IsPresent) { Write-Host 'Keys were not tested: that takes -TestKeys, which may use the network.' }
if ($script:troubles -gt 0) { Write-Host ([string]$script:troubles + ' things could not be read: see errors.csv') }
if ($keepSecrets) { Write-Host 'Key files stayed on the server.' }
else { Write-Host 'The folder holds private keys: send it encrypted, and delete it afterwards.' }
if (($script:copied + $script:listed) -eq 0) { exit 2 }
if ($script:troubles -gt 0) { exit 1 }
exit 0
