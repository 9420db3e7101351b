//! A real browser, driven by WebDriver's plain HTTP and JSON (W3C WebDriver).

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};

use super::Folder;
use super::http::Client;

/// Chromium with one window. It ends with this value.
pub(crate) struct Browser {
    driver: Child,
    at: SocketAddr,
    session: String,
    _profile: Folder,
}

impl Browser {
    /// A browser with a window of this size; `None`, said aloud, where there is none.
    pub(crate) fn start(width: u32, height: u32) -> Option<Self> {
        let profile = Folder::new();
        let at = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let started = Command::new("chromedriver")
            .arg(format!("--port={}", at.port()))
            // Together with the browser, which would outlive a driver that is killed.
            .process_group(0)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let driver = match started {
            Ok(driver) => driver,
            Err(error) => {
                let why = format!("chromedriver cannot be started: {error}; install chromium-driver");
                super::skip(&why, false);
                return None;
            }
        };
        let mut browser = Self { driver, at, session: String::new(), _profile: profile };
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(at).is_err() {
            assert!(Instant::now() < until, "chromedriver does not listen");
            super::pause(20);
        }
        // Nothing goes out of this computer. As root there is no sandbox, and without a screen no graphics card.
        let options = json!({"args": [
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
            "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
            format!("--window-size={width},{height}"),
            format!("--user-data-dir={}", browser._profile.join("profile")),
        ]});
        let capabilities = json!({"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options}});
        let made = browser.ask("POST", "/session", &json!({"capabilities": capabilities})).unwrap();
        browser.session = made["sessionId"].as_str().unwrap().to_owned();
        Some(browser)
    }

    /// Goes to a page, and waits until it is loaded.
    pub(crate) fn open(&self, url: &str) {
        self.command("url", &json!({"url": url}));
    }

    /// Runs a script in the page, and returns what that returns.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.command("execute/sync", &json!({"script": script, "args": []}))
    }

    /// What a script returns, as text.
    pub(crate) fn text(&self, script: &str) -> String {
        self.run(script).as_str().unwrap_or_default().to_owned()
    }

    /// Runs a script until it returns `true`; says whether it did within 15 seconds.
    pub(crate) fn comes_to(&self, script: &str) -> bool {
        let until = Instant::now() + PATIENCE;
        while self.run(script) != true {
            if Instant::now() > until {
                return false;
            }
            super::pause(20);
        }
        true
    }

    /// Clicks what a selector finds, as with a mouse.
    pub(crate) fn click(&self, selector: &str) {
        self.command(&format!("element/{}/click", self.element(selector)), &json!({}));
    }

    /// Types a text into what a selector finds.
    pub(crate) fn type_into(&self, selector: &str, text: &str) {
        self.command(&format!("element/{}/value", self.element(selector)), &json!({"text": text}));
    }

    /// Types a key.
    pub(crate) fn key(&self, key: &str) {
        let keys = json!([{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]);
        self.command("actions", &json!({"actions": [{"type": "key", "id": "keyboard", "actions": keys}]}));
    }

    /// A picture of the window as PNG, for whoever wants to look: into the folder that CHUNKCAST_SHOTS names.
    pub(crate) fn shoot(&self, name: &str) {
        let Ok(folder) = std::env::var("CHUNKCAST_SHOTS") else { return };
        let session = format!("/session/{}/screenshot", self.session);
        let png = self.ask("GET", &session, &Value::Null).unwrap();
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(format!("{folder}/{name}.png"), base64(png.as_str().unwrap())).unwrap();
    }

    fn element(&self, selector: &str) -> String {
        let found = self.command("element", &json!({"using": "css selector", "value": selector}));
        found.as_object().unwrap().values().next().unwrap().as_str().unwrap().to_owned()
    }

    fn command(&self, what: &str, body: &Value) -> Value {
        self.ask("POST", &format!("/session/{}/{what}", self.session), body).unwrap_or_else(|e| panic!("{e}"))
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let mut client = Client::connect(self.at);
        let body = if body.is_null() { String::new() } else { body.to_string() };
        client.request(method, path, &[&format!("Content-Length: {}", body.len()), "Connection: close"]);
        client.send(&body);
        let answer = client.answer(true);
        let value: Value = serde_json::from_slice(&answer.body).map_err(|error| error.to_string())?;
        if answer.status == 200 {
            Ok(value["value"].clone())
        } else {
            Err(value["value"]["message"].to_string())
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends the browser; without it, nobody would.
        if !self.session.is_empty() {
            let _ = self.ask("DELETE", &format!("/session/{}", self.session), &Value::Null);
        }
        if let Some(group) = self.driver.id().try_into().ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.driver.wait();
    }
}

/// What base64 stands for (RFC 4648, section 4).
fn base64(text: &str) -> Vec<u8> {
    let (mut bytes, mut bits, mut held) = (Vec::with_capacity(text.len() * 3 / 4), 0u32, 0);
    for character in text.bytes() {
        let value = match character {
            b'A'..=b'Z' => character - b'A',
            b'a'..=b'z' => character - b'a' + 26,
            b'0'..=b'9' => character - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => continue,
        };
        (bits, held) = (bits << 6 | u32::from(value), held + 6);
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    bytes
}

/// Long enough for a busy machine; who is in time does not wait for it.
const PATIENCE: Duration = Duration::from_secs(15);
