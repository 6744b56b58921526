//! A headless Chromium, driven over a pipe: Debian's `chromium` and `mkfifo`, and nothing else.
//!
//! The protocol is the Chrome DevTools Protocol: JSON messages, each ended by a NUL, on the descriptors 3 and 4.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

/// How long a message may take before the browser is taken to hang. It is no measure of speed.
const PATIENCE: Duration = Duration::from_secs(180);

/// The browser with one page.
pub struct Browser {
    child: Child,
    to: File,
    from: Receiver<Value>,
    last_id: u64,
    session: Option<String>,
    events: Vec<Value>,
    _folder: TempDir,
}

impl Browser {
    /// Starts the browser; or says why that is not possible here.
    pub fn start() -> Result<Self, String> {
        for tool in ["chromium", "mkfifo", "sh"] {
            let found = std::env::var_os("PATH")
                .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(tool).is_file()));
            if !found {
                return Err(format!("{tool} is not installed"));
            }
        }
        let folder = tempfile::tempdir().expect("a folder");
        let (to, from) = (folder.path().join("to"), folder.path().join("from"));
        let made = Command::new("mkfifo").args([&to, &from]).status().expect("mkfifo runs");
        assert!(made.success());
        // Open for both ways, as only that does not wait for the other side.
        let both = |path: &Path| OpenOptions::new().read(true).write(true).open(path).expect("a fifo");
        let (to_file, mut from_file) = (both(&to), both(&from));
        let script = "exec chromium --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
                      --remote-debugging-pipe --user-data-dir=\"$3\" about:blank 3<\"$1\" 4>\"$2\"";
        let child = Command::new("sh")
            .args(["-c", script, "sh"])
            .args([&to, &from, &folder.path().join("profile")])
            .env("HOME", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh runs");
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            let (mut pending, mut block) = (Vec::new(), [0; 1 << 16]);
            while let Ok(count @ 1..) = from_file.read(&mut block) {
                pending.extend_from_slice(&block[..count]);
                while let Some(end) = pending.iter().position(|&byte| byte == 0) {
                    let message: Vec<u8> = pending.drain(..=end).collect();
                    let Ok(message) = serde_json::from_slice(&message[..end]) else { return };
                    if sender.send(message).is_err() {
                        return;
                    }
                }
            }
        });
        let mut browser = Self {
            child,
            to: to_file,
            from: receiver,
            last_id: 0,
            session: None,
            events: Vec::new(),
            _folder: folder,
        };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"}))["targetId"].clone();
        let attached = browser.call("Target.attachToTarget", json!({"targetId": target, "flatten": true}));
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        Ok(browser)
    }

    /// Calls a method and waits for its result.
    pub fn call(&mut self, method: &str, params: Value) -> Value {
        self.last_id += 1;
        let id = self.last_id;
        let mut message = json!({"id": id, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.to.write_all(&bytes).expect("the browser listens");
        loop {
            let answer = self.receive(method);
            if answer["id"] == id {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return answer["result"].clone();
            }
            self.events.push(answer);
        }
    }

    fn receive(&mut self, what: &str) -> Value {
        self.from.recv_timeout(PATIENCE).unwrap_or_else(|_| {
            panic!("the browser did not answer to {what}; its state: {:?}", self.child.try_wait())
        })
    }

    /// Opens a file and waits until it is loaded. What happened before is forgotten.
    pub fn open(&mut self, file: &Path) {
        self.events.clear();
        self.call("Page.navigate", json!({"url": format!("file://{}", file.display())}));
        while !self.events.iter().any(|event| event["method"] == "Page.loadEventFired") {
            let event = self.receive("loading the page");
            self.events.push(event);
        }
    }

    /// The value of an expression in the page.
    pub fn eval(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let answer = self.call("Runtime.evaluate", params);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {}", answer["exceptionDetails"]);
        answer["result"]["value"].clone()
    }

    /// Presses a key.
    pub fn press(&mut self, key: &str) {
        let (code, number, text) = match key {
            "Tab" => ("Tab", 9, ""),
            "Enter" => ("Enter", 13, "\r"),
            " " => ("Space", 32, " "),
            _ => panic!("{key} has no code here"),
        };
        let event =
            |kind: &str| json!({"type": kind, "key": key, "code": code, "windowsVirtualKeyCode": number});
        let mut down = event(if text.is_empty() { "rawKeyDown" } else { "keyDown" });
        if !text.is_empty() {
            down["text"] = json!(text);
        }
        self.call("Input.dispatchKeyEvent", down);
        self.call("Input.dispatchKeyEvent", event("keyUp"));
    }

    /// Everything that the browser complained of since the page was opened.
    pub fn complaints(&self) -> Vec<String> {
        const KINDS: [&str; 3] = ["Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled"];
        let is_complaint =
            |event: &&Value| event["method"].as_str().is_some_and(|method| KINDS.contains(&method));
        self.events.iter().filter(is_complaint).map(Value::to_string).collect()
    }

    /// The addresses of all requests since the page was opened.
    pub fn requests(&self) -> Vec<String> {
        let sent = self.events.iter().filter(|event| event["method"] == "Network.requestWillBeSent");
        sent.map(|event| event["params"]["request"]["url"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Light or dark, screen or print.
    pub fn media(&mut self, media: &str, scheme: &str) {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.call("Emulation.setEmulatedMedia", json!({"media": media, "features": features}));
    }

    /// The size of the window in CSS pixels.
    pub fn window(&mut self, width: u32, height: u32) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", metrics);
    }

    /// A picture of the page, or of one element in it, as PNG.
    pub fn screenshot(&mut self, file: &Path, element: Option<&str>) {
        let area = match element {
            Some(selector) => self.eval(&format!(
                "(() => {{ const r = document.querySelector('{selector}').getBoundingClientRect(); \
                 return {{x: r.x + scrollX, y: r.y + scrollY, width: r.width, height: r.height}} }})()"
            )),
            None => self.call("Page.getLayoutMetrics", json!({}))["cssContentSize"].clone(),
        };
        let mut clip = area;
        clip["scale"] = json!(1);
        let shot = self.call("Page.captureScreenshot", json!({"captureBeyondViewport": true, "clip": clip}));
        let data = shot["data"].as_str().expect("a picture");
        fs::write(file, data_encoding::BASE64.decode(data.as_bytes()).expect("base64")).expect("a file");
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It leaves by itself when asked to; what does not is ended, so that no test leaves a process behind.
        self.session = None;
        let _ = self.to.write_all(b"{\"id\":0,\"method\":\"Browser.close\"}\0");
        for _ in 0..50 {
            if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            let _ = self.from.recv_timeout(Duration::from_millis(100));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
