//! The orchestrator's log for machines: one object a line, by which a job, a run, or an attempt is found, and nothing secret.

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{Home, Running, hello};

const TWICE: &str =
    "name='hello'\n[[phase]]\nid='greet'\nservice='hello'\nretry={attempts=2,backoff='1ms'}\n";
const TOKEN: &str = "a-token-of-an-operator-0123456789abcdef";

#[test]
fn lines_of_a_job_name_job_run_and_attempt_and_hold_no_token() {
    let (service, _) = hello();
    let home =
        Home::new(&format!("[service.hello]\nurl = \"{}\"\n", service.url()), &[("hello.toml", TWICE)]);
    let mut command = home.command(&["orchestrate"]);
    command.envs([("SEGUE_LOG", "debug"), ("SEGUE_LOG_FORMAT", "json"), ("SEGUE_TOKEN", TOKEN)]);
    let mut running = Running::start(command);
    running.line("orchestrator is ready");
    home.well(&[
        "--token",
        TOKEN,
        "start",
        "hello",
        "world",
        "--input",
        r#"{"name":"Ada Lovelace"}"#,
        "--wait",
    ]);
    let failing =
        home.segue(&["--token", TOKEN, "start", "hello", "mute", "--input", r#"{"fail":true}"#, "--wait"]);
    assert_eq!(failing.code, Some(1), "{}", failing.out);
    running.signal(Signal::TERM);
    let (code, log) = running.ended();
    assert_eq!(code, Some(0), "{log}");

    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for line in &lines {
        for field in ["timestamp", "level", "fields"] {
            assert!(!line[field].is_null(), "no {field} in {line}");
        }
    }
    let of = |message: &str, key: &str| {
        let started = lines
            .iter()
            .find(|line| line["fields"]["message"] == "job started" && line["fields"]["key"] == key);
        let job = &started.unwrap()["fields"]["job"];
        let found =
            lines.iter().filter(|line| line["fields"]["message"] == message && line["fields"]["job"] == *job);
        found.map(|line| (line["level"].as_str().unwrap(), &line["fields"])).collect::<Vec<_>>()
    };
    for (message, key, level) in [
        ("job started", "world", "INFO"),
        ("attempt started", "world", "DEBUG"),
        ("attempt succeeded", "world", "DEBUG"),
        ("job is complete", "world", "INFO"),
        ("attempt failed", "mute", "WARN"),
        ("job has failed", "mute", "INFO"),
    ] {
        let [(said, fields)] = of(message, key)[..] else {
            panic!("'{message}' of {key} is not there once:\n{log}")
        };
        assert_eq!(said, level, "{message}");
        if message.starts_with("attempt") {
            assert_eq!(fields["run"], "greet", "{fields}");
            assert_eq!(fields["attempt"].as_str().map(str::len), Some(36), "{fields}");
        } else {
            assert_eq!((&fields["pipeline"], &fields["key"]), (&"hello".into(), &key.into()), "{fields}");
        }
    }
    let [(_, failed)] = of("attempt failed", "mute")[..] else { panic!("{log}") };
    assert_eq!((&failed["code"], &failed["error"]), (&"no-voice".into(), &"it has lost its voice".into()));
    // Neither the caller's token nor what somebody handed over, nor that of an attempt, which is a word of 64 characters.
    for secret in [TOKEN, "Bearer", "Ada Lovelace"] {
        assert!(!log.contains(secret), "'{secret}' is in the log:\n{log}");
    }
    let words = log.split(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_'));
    assert_eq!(words.filter(|word| word.len() == 64).collect::<Vec<_>>(), [""; 0], "a token is in the log");
}
