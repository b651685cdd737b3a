//! Bad input: each with its code and its position, an exit code that says so, and nothing changed.

use serde_json::{Value, json};

use crate::support::{Home, Running, free_ports, hello_on, repository, send};

const HELLO: &str = "name='hello'\n[[phase]]\nid='greet'\nservice='hello'\n";

/// An orchestrator that knows the course and `hello`, and nobody who would do the work.
fn orchestrator() -> (Home, Running) {
    let course = std::fs::read_to_string(repository().join("pipelines/course.toml")).unwrap();
    let mut services = String::new();
    for name in
        ["translation", "extraction", "baskets", "grammar", "introductions", "manifest", "tts", "hello"]
    {
        services.push_str(&format!("[service.{name}]\nurl = \"http://127.0.0.1:9\"\n"));
    }
    let home = Home::new(&services, &[("course.toml", &course), ("hello.toml", HELLO)]);
    let running = home.orchestrate();
    (home, running)
}

fn jobs(home: &Home) -> Value {
    home.get("/api/jobs").1["jobs"].clone()
}

#[test]
fn a_bad_request_is_answered_with_code_and_position() {
    let (home, _orchestrator) = orchestrator();
    let start = "/api/courses/spa_for_eng/start-phase";
    let huge = format!("{{\"phase\": 1, \"seeds\": [{}\"x\"]}}", "\"x\",".repeat(100_000));
    let long = format!("{{\"phase\": 1, \"seeds\": [\"{}\"]}}", "long ".repeat(2_000_000));
    let cases: [(&str, &[u8], u16, &str, Value); 15] = [
        (
            start,
            b"{\"phase\": 1,\n  \"totalSeeds\": }",
            400,
            "malformed-json",
            json!({ "line": 2, "column": 17 }),
        ),
        (start, b"", 400, "malformed-json", json!({ "line": 1 })),
        (start, b"{\"phase\": 1, \"targetLanguage\": \"\xff\"}", 400, "invalid-utf8", json!({})),
        (start, b"{\"phase\": true}", 422, "invalid-field", json!({ "pointer": "/phase" })),
        (
            start,
            b"{\"phase\": 1, \"totalSeeds\": \"many\"}",
            422,
            "invalid-field",
            json!({ "pointer": "/totalSeeds" }),
        ),
        (start, b"[1]", 422, "invalid-field", json!({})),
        (start, b"{\"phase\": 99}", 422, "unknown-phase", json!({ "pointer": "/phase" })),
        (start, b"{\"phase\": 1, \"seeds\": []}", 422, "empty-seeds", json!({ "pointer": "/seeds" })),
        (start, huge.as_bytes(), 422, "too-many-seeds", json!({ "pointer": "/seeds" })),
        (start, long.as_bytes(), 413, "payload-too-large", json!({})),
        ("/api/courses/klingon/start-phase", b"{\"phase\": 1}", 422, "unsupported-language", json!({})),
        (
            "/api/jobs",
            b"{\"pipeline\": \"nope\"}",
            404,
            "unknown-pipeline",
            json!({ "pointer": "/pipeline" }),
        ),
        ("/api/jobs", b"{}", 422, "invalid-field", json!({ "pointer": "/pipeline" })),
        (
            "/api/jobs",
            b"{\"pipeline\": \"hello\", \"key\": 7}",
            422,
            "invalid-field",
            json!({ "pointer": "/key" }),
        ),
        ("/api/services/nope/stop", b"{}", 404, "unknown-service", json!({})),
    ];
    for (path, body, status, code, position) in cases {
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        let (got, problem) = send("POST", &home.url(path), body);
        assert_eq!((got, problem["code"].as_str()), (status, Some(code)), "{path} {shown}: {problem}");
        for (name, value) in position.as_object().unwrap() {
            assert_eq!(&problem[name], value, "{path} {shown}: {problem}");
        }
    }
    assert_eq!(jobs(&home), json!([]), "nothing was started");
}

#[test]
fn the_commands_say_what_is_wrong_and_end_with_1() {
    let (home, _orchestrator) = orchestrator();
    home.write("latin1.json", b"{\"name\": \"Jos\xe9\"}");
    for (arguments, told) in [
        (
            &["start", "hello", "k", "--input", "{\"name\": }"][..],
            "--input is not JSON: expected value at line 1 column 10",
        ),
        (
            &["start", "hello", "k", "--input", "@latin1.json"],
            "latin1.json can't be read: stream did not contain valid UTF-8",
        ),
        (&["start", "hello", "k", "--input", "@none.json"], "none.json can't be read"),
        (&["start", "nope", "k"], "unknown-pipeline"),
        (&["start", "course", "klingon"], "unsupported-language"),
        (&["start", "course", "spa_for_eng", "--input", "{\"seeds\": []}"], "empty-seeds"),
        (&["start", "hello", "k", "--priority", "asap"], "invalid-field"),
        (&["status", "nobody"], "there is no job 'nobody'"),
        (&["why", "00000000-0000-7000-8000-000000000000"], "unknown-job"),
        (&["artifacts", "pull", "nobody", "out"], "there is no job 'nobody'"),
        (&["graph", "nope"], "nope"),
        (&["up", "--only", "nope"], "there is no pipeline 'nope'"),
        (&["serve", "nope", "--listen", "127.0.0.1:1"], "nope"),
        (
            &["status", "k", "--url", "http://127.0.0.1:9"],
            "the orchestrator at http://127.0.0.1:9 does not answer",
        ),
        (&["validate", "--config", "none.toml"], "none.toml can't be read"),
    ] {
        let said = home.segue(arguments);
        assert_eq!((said.code, &*said.out), (Some(1), ""), "{arguments:?}: {}", said.err);
        assert!(said.err.starts_with("segue: ") && said.err.contains(told), "{arguments:?}: {}", said.err);
    }
    assert_eq!(home.segue(&["start"]).code, Some(2), "a command line that is none");
    assert_eq!(jobs(&home), json!([]), "nothing was started");
}

#[test]
fn a_bad_pipeline_is_refused_before_anything_runs() {
    for (name, text, told) in [
        (
            "cycle",
            "name='p'\n[[phase]]\nid='a'\nservice='hello'\nafter=['b']\n[[phase]]\nid='b'\nservice='hello'\nafter=['a']\n",
            "line 3, column 4: the phases run in a circle: a → b → a",
        ),
        (
            "duplicate",
            "name='p'\n[[phase]]\nid='a'\nservice='hello'\n[[phase]]\nid='a'\nservice='hello'\n",
            "'a'",
        ),
        (
            "service",
            "name='p'\n[[phase]]\nid='a'\nservice='nobody'\n",
            "line 4, column 9: there is no service 'nobody' (declare it as [service.nobody])",
        ),
        (
            "misspelt service",
            "name='p'\n[[phase]]\nid='a'\nservice='hello'\n[[phase]]\nid='b'\nservice='helo'\n",
            "line 7, column 9: there is no service 'helo' (did you mean hello?)",
        ),
        (
            "expression",
            "name='p'\n[[phase]]\nid='a'\nservice='hello'\ngate='a.output <'\n",
            "line 5, column 6",
        ),
        ("after", "name='p'\n[[phase]]\nid='a'\nservice='hello'\nafter=['x']\n", "'x'"),
        ("toml", "name='p'\n[[phase]\nid='a'\n", "2"),
    ] {
        let home = Home::new("[service.hello]\nurl = \"http://127.0.0.1:9\"\n", &[("p.toml", text)]);
        for command in ["validate", "orchestrate", "up"] {
            let said = home.segue(&[command]);
            assert_eq!(said.code, Some(1), "{name}: {}", said.err);
            assert!(said.err.contains("pipelines/p.toml") && said.err.contains(told), "{name}: {}", said.err);
        }
        assert!(!home.path(".segue").exists(), "{name}: nothing was made");
    }
}

#[test]
fn a_bad_configuration_is_refused_with_its_place() {
    for (services, told) in [
        ("[service.hello]\nurl = 7\n", "line 4, column 7"),
        ("[service.hello]\nurl = \"ftp://x\"\n", "ftp://x"),
        ("[service.hello]\nurl = \"http://127.0.0.1:9\"\nrate = \"fast\"\n", "fast"),
        ("[service.hello]\nurl = \"http://127.0.0.1:9\"\ncapacitty = 1\n", "capacitty"),
    ] {
        let home = Home::new(services, &[]);
        let said = home.segue(&["validate"]);
        assert_eq!(said.code, Some(1), "{}", said.out);
        assert!(said.err.contains("services.toml") && said.err.contains(told), "{}", said.err);
    }
}

#[test]
fn a_service_that_is_not_there_is_waited_for() {
    let [port] = free_ports();
    let services = format!("[service.hello]\nurl = \"http://127.0.0.1:{port}\"\n");
    let home = Home::new(&services, &[("hello.toml", HELLO)]);
    let _orchestrator = home.orchestrate();
    let id = home.start("hello", "k", "{}");
    let why = home.well(&["why", "k"]);
    assert!(why.contains("greet is offered to its service, which has not taken it yet"), "{why}");
    let _service = hello_on(port);
    home.well(&["status", &id, "--wait"]);
    assert_eq!(home.job(&id)["phases"][0]["attempts"], 1);
}
