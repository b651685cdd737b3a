//! What somebody reads and does on the theatre's page, in a real browser, with every service that it needs.

use std::time::Duration;

use serde_json::{Value, json};

use super::{kill, latency::model, theatre_with};
use crate::{driver::Browser, support::Running};

/// Writes into a field, as a hand does, and tells the page.
const WRITE: &str = "const [selector, text, event, done] = arguments;
    const field = document.querySelector(selector);
    field.value = text;
    field.dispatchEvent(new Event(event, { bubbles: true }));
    done(field.value);";

async fn write(browser: &Browser, selector: &str, text: &str, event: &str) {
    assert_eq!(browser.run(WRITE, json!([selector, text, event])).await, json!(text));
}

async fn say(browser: &Browser, text: &str) {
    write(browser, "#text", text, "input").await;
    browser.click("#say button.primary", "Say").await;
}

/// The machine's row once it holds a text.
async fn row(browser: &Browser, machine: &str, text: &str) {
    let seen = "const [machine, wanted, done] = arguments;
        const look = () => {
            const rows = [...document.querySelectorAll('#machines tr')];
            const row = rows.find((one) => one.textContent.includes(machine) && one.textContent.includes(wanted));
            if (row) { watch.disconnect(); done(row.textContent); }
        };
        const watch = new MutationObserver(look);
        watch.observe(document.body, { subtree: true, childList: true, characterData: true });
        look();";
    browser.run(seen, json!([machine, text])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_followed_decided_and_replayed_on_its_page() {
    let Some(browser) = Browser::open().await else { return };
    let url = model(Duration::ZERO).await;
    let (home, state) =
        theatre_with(&format!("options = {{ chat = {{ url = \"{url}\", model = \"quick\" }} }}\n"));
    let mut running = Running::start(home.command(&["up"]));
    (0..4).for_each(|_| drop(running.line(" is ready")));
    browser.go(&state).await;
    browser.reads("#link", "live").await;
    browser.reads("#room", "Choose a surgery above").await;
    write(&browser, "#surgery", "PCNL", "change").await;
    // The board, as the surgery begins.
    row(&browser, "Suction Unit", "OFF").await;
    browser.reads("#room text", "Lithotripter").await;
    // A sentence switches, with its words and how sure that is; the model's answer comes by itself.
    say(&browser, "suction on").await;
    row(&browser, "Suction Unit", "“suction on” 95 %").await;
    browser.reads("#transcript li", "Suction Unit → ON").await;
    browser.reads("#transcript .clauses li", "command").await;
    browser.reads("#model", "60 % sure").await;
    browser.reads("#model .suggestions li", "check the irrigation pressure").await;
    // A person decides. First he thinks better of it.
    browser.click("#machines button[aria-label='Override Suction Unit']", "Override").await;
    browser.press("\u{e00c}").await;
    browser.click("#machines button[aria-label='Override Suction Unit']", "Override").await;
    write(&browser, "#action", "OFF", "change").await;
    write(&browser, "#reason", "the tube is blocked", "input").await;
    write(&browser, "#operator", "Ana", "input").await;
    browser.click("#dialog button.primary", "Override").await;
    row(&browser, "Suction Unit", "the tube is blocked").await;
    browser.reads("#machines tr", "Without it: ON.").await;
    browser.reads("#room .held", "held by Ana").await;
    browser.click("#machines button[aria-label='Override Suction Unit']", "Change").await;
    browser.click("#dialog button", "Release").await;
    row(&browser, "Suction Unit", "“suction on” 95 %").await;
    browser.click("#audit", "audit").await;
    browser.reads("#audit.good", "audit verified").await;
    assert_eq!(browser.errors().await, Vec::<String>::new());
    // The service is killed and comes back: so does the page, and nothing is missing.
    kill(&running, " serve state");
    browser.reads("#link", "offline").await;
    browser.reads("#link", "live").await;
    say(&browser, "start the irrigation").await;
    row(&browser, "Irrigation Pump", "“start the irrigation”").await;
    row(&browser, "Suction Unit", "ON").await;
    // The past, where nothing can be switched; then from its beginning to now.
    write(&browser, "#slider", "2", "input").await;
    browser.reads("#replay-note", "You see the past: event 2 of").await;
    row(&browser, "Suction Unit", "as the surgery begins").await;
    let buttons = "arguments[0](document.querySelectorAll('#machines button').length)";
    assert_eq!(browser.run(buttons, json!([])).await, json!(0));
    browser.click("#now", "Back to now").await;
    row(&browser, "Irrigation Pump", "ON").await;
    browser.click("#play", "Replay").await;
    browser.reads("#play[aria-pressed=true]", "Replay").await;
    browser.reads("#replay-note", "You see the past").await;
    browser.reads("#play[aria-pressed=false]", "Replay").await;
    row(&browser, "Irrigation Pump", "“start the irrigation”").await;
    // Sound goes to the recogniser's port on this page's host, whatever services call it among themselves.
    let beside =
        "import('./assets/js/microphone.js').then((one) => arguments[1](one.besideThisPage(arguments[0])));";
    let host: Value = browser.run(beside, json!(["http://asr:3471"])).await;
    assert_eq!(host, json!("http://127.0.0.1:3471/"));
}
