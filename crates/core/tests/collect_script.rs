//! The script for PowerShell: what it may use, and that it only reads.

use iiskeys_core::collect::{Form, Request};

#[test]
fn the_script_keeps_to_what_powershell_2_has() {
    for names_only in [false, true] {
        let text = Form::by_name("powershell").unwrap().print(&Request::all(names_only));
        assert!(text.is_ascii());
        assert_eq!(text.matches('\n').count(), text.matches("\r\n").count(), "line ends of Windows");
        assert!(!text.contains("@TABLE@") && !text.contains("@NOTES@") && !text.contains("@NAMES_ONLY@"));
        let code = text.split_once("#>").unwrap().1;
        for later in [
            "Get-FileHash",
            "ConvertTo-Json",
            "Compress-Archive",
            "Invoke-WebRequest",
            "[ordered]",
            "[pscustomobject]",
            " -in ",
            "-notin",
            "::new(",
            " -File",
            "$PSScriptRoot",
            "IsNullOrWhiteSpace",
            "-LiteralPath",
            "class ",
            "enum ",
            "using ",
            "?.",
            "??",
            " && ",
            " || ",
            "-shl ",
            "Get-CimInstance",
            ".ForEach(",
            ".Where(",
            "-Raw",
            "-Encoding",
        ] {
            assert!(!code.contains(later), "{later} came after PowerShell 2");
        }
        // What changes a server.
        for change in [
            "Set-Item",
            "Set-Acl",
            "New-ItemProperty",
            "Remove-",
            "Move-",
            "Rename-",
            "Stop-Service",
            "Restart-",
            "reg add",
            "reg delete",
            "takeown",
            "icacls",
            "SetLastWriteTime",
            "SetAttributes",
            "Invoke-Expression",
            "DownloadString",
            "Clear-EventLog",
        ] {
            assert!(!code.contains(change), "{change}");
        }
        // The only things that are deleted are a half-written copy and what a program printed, both in the output.
        assert_eq!(code.matches("::Delete(").count(), 2);
        assert!(code.contains("[IO.File]::Delete($to)") && code.contains("[IO.File]::Delete($printed)"));
        // The only access rights that are set are those of the output folder.
        assert_eq!(code.matches("SetAccessControl(").count(), 2);
        assert!(code.contains("$folder = New-Object IO.DirectoryInfo $target"));
        assert!(code.contains("(A;OICI;FA;;;S-1-5-32-544)(A;OICI;FA;;;S-1-5-18)"));
        // Building chains may use the network, so nobody gets it unasked.
        assert!(code.contains("$TestKeys.IsPresent -and [IO.File]::Exists($certutil)"));
        // A pipe that nobody empties stops the program behind it.
        assert!(!code.contains("StandardOutput") && code.contains("WaitForExit($limit"));
        let (times, opened) = (code.find("$info.Refresh()"), code.find("$name = Read-ContainerName $Path"));
        assert!(times.is_some() && times < opened, "the times are read first");
        assert!(code.contains("Set-StrictMode -Version 2.0"));
        balanced(code);
    }
}

/// Checks that brackets close in order, outside of quotes and comments.
fn balanced(code: &str) {
    let mut open = Vec::new();
    for (number, line) in code.lines().enumerate() {
        let mut quote = None;
        let mut letters = line.chars().peekable();
        while let Some(letter) = letters.next() {
            match (quote, letter) {
                (Some('"'), '`') => drop(letters.next()),
                (Some(end), letter) if end == letter => quote = None,
                (Some(_), _) => {}
                (None, '\'' | '"') => quote = Some(letter),
                (None, '#') => break,
                (None, '(' | '[' | '{') => open.push(letter),
                (None, ')' | ']' | '}') => {
                    let begun = open.pop().unwrap_or_else(|| panic!("line {number}: {line}"));
                    assert!(
                        matches!((begun, letter), ('(', ')') | ('[', ']') | ('{', '}')),
                        "line {number}: {line}"
                    );
                }
                _ => {}
            }
        }
        assert_eq!(quote, None, "line {number}: {line}");
    }
    assert!(open.is_empty(), "{open:?}");
}
