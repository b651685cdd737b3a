//! A real browser, by its driver's own protocol (W3C WebDriver), which is plain HTTP. What a page shows is waited for inside
//! the page, by its own changes.

#![expect(clippy::unwrap_used, reason = "where a test can't be set up, it fails")]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};

use crate::support::call;

/// How long the page may take for anything, in milliseconds.
const PATIENCE: u64 = 20_000;

/// Calls back once an element that fits holds the text, and gives that element's text.
const WAIT: &str = "const [selector, wanted, done] = arguments;
    const look = () => {
        const found = [...document.querySelectorAll(selector)].find((one) => one.textContent.includes(wanted));
        if (found) { watch.disconnect(); done(found.textContent); }
    };
    const watch = new MutationObserver(look);
    watch.observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
    look();";

/// Clicks on the element that fits and holds the text, once it is there.
const CLICK: &str = "const [selector, wanted, done] = arguments;
    const look = () => {
        const found = [...document.querySelectorAll(selector)].find((one) => one.textContent.includes(wanted));
        if (found) { watch.disconnect(); found.click(); done(true); }
    };
    const watch = new MutationObserver(look);
    watch.observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
    look();";

/// A browser with one page.
pub(crate) struct Browser {
    driver: Child,
    session: String,
}

impl Drop for Browser {
    fn drop(&mut self) {
        // A driver that is merely killed leaves its browser running. Without the runtime, which may be at its end.
        let (host, path) = self.session.trim_start_matches("http://").split_once('/').unwrap();
        if let Ok(mut connection) = TcpStream::connect(host) {
            let request = format!("DELETE /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
            let _ = connection.write_all(request.as_bytes());
            let _ = connection.set_read_timeout(Some(Duration::from_secs(5)));
            // The first bytes of the answer come once the browser is gone; the driver keeps the connection.
            let _ = connection.read(&mut [0; 64]);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

impl Browser {
    /// Opens one; none where this machine has none.
    #[expect(clippy::print_stdout, reason = "a test that could not look must not seem to have looked")]
    pub(crate) async fn open() -> Option<Self> {
        let started =
            Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let Ok(mut driver) = started else {
            println!("NO BROWSER HERE, so this test shows nothing: `scripts/setup --browser` installs one");
            return None;
        };
        let lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines.map_while(Result::ok).find_map(|line| {
            line.split_once("successfully on port ").map(|(_, port)| port.trim_end_matches('.').to_owned())
        });
        let base = format!("http://127.0.0.1:{}/session", port.expect("the driver says its port"));
        // As root, as in a container, a browser runs only without its sandbox.
        let options = json!({ "args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1400,1000"] });
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": { "browser": "ALL" },
            "timeouts": { "script": PATIENCE },
        } } });
        let (status, answer) = call("POST", &base, wanted.to_string().into_bytes(), None).await;
        assert_eq!(status, 200, "the browser does not start: {answer}");
        let session = format!("{base}/{}", answer["value"]["sessionId"].as_str().unwrap());
        Some(Self { driver, session })
    }

    async fn say(&self, what: &str, body: &Value) -> Value {
        let (status, mut answer) =
            call("POST", &format!("{}/{what}", self.session), body.to_string().into_bytes(), None).await;
        assert_eq!(status, 200, "{what}: {answer}");
        answer["value"].take()
    }

    pub(crate) async fn go(&self, url: &str) {
        self.say("url", &json!({ "url": url })).await;
    }

    /// Runs a script in the page, which ends by calling its last argument.
    pub(crate) async fn run(&self, script: &str, arguments: Value) -> Value {
        self.say("execute/async", &json!({ "script": script, "args": arguments })).await
    }

    /// Waits until an element that fits holds the text, and gives the whole text of that element.
    #[track_caller]
    pub(crate) fn reads(&self, selector: &str, text: &str) -> impl Future<Output = String> {
        self.until(WAIT, selector, text)
    }

    /// Clicks on the element that fits and holds the text, once it is there.
    pub(crate) async fn click(&self, selector: &str, text: &str) {
        self.until(CLICK, selector, text).await;
    }

    /// Presses a key, as a hand does: a page may make a sound only after that.
    pub(crate) async fn press(&self, key: &str) {
        let keys = json!([{ "type": "keyDown", "value": key }, { "type": "keyUp", "value": key }]);
        self.say("actions", &json!({ "actions": [{ "type": "key", "id": "keys", "actions": keys }] })).await;
    }

    async fn until(&self, script: &str, selector: &str, text: &str) -> String {
        let body = json!({ "script": script, "args": [selector, text] }).to_string().into_bytes();
        let (status, answer) = call("POST", &format!("{}/execute/async", self.session), body, None).await;
        if status == 200 {
            return answer["value"].as_str().unwrap_or_default().to_owned();
        }
        let page = self.run("arguments[0](document.body.innerText)", json!([])).await;
        panic!("'{text}' in {selector} was not seen; the page reads:\n{}", page.as_str().unwrap_or_default());
    }

    /// What the page wrote to its console as errors since it was last asked.
    pub(crate) async fn errors(&self) -> Vec<String> {
        let entries = self.say("se/log", &json!({ "type": "browser" })).await;
        let severe = entries.as_array().unwrap().iter().filter(|entry| entry["level"] == "SEVERE");
        severe.map(|entry| entry["message"].to_string()).collect()
    }
}
