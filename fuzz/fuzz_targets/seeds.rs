//! Writes the first inputs of every target into `fuzz/corpus/TARGET/`, from what the tests of the crates use, and ends.
//!
//! A program and not files: what a journal or a signature looks like is known to our own code, and the rest lies where the
//! tests are. In the shape of a target, since whatever is built with the fuzzer's flags is linked with its `main`.
#![no_main]

use std::{
    fs,
    path::{Path, PathBuf},
    process,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use engine::ids::{AttemptId, JobId};
use journal::{Batch, IndexEntry, Journal, RetentionPolicy};
use journal_embedded::{EmbeddedJournal, Options, faults::FaultDisk};
use libfuzzer_sys::fuzz_target;
use orchestrator::{config::SigningSecret, signature::sign, token::TokenKey};
use uuid::Uuid;

fuzz_target!(
    init: {
        write_all();
        process::exit(0);
    },
    |input: &[u8]| {
        let _ended_before = input;
    }
);

fn write_all() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folder = root.join("fuzz/corpus");
    let write = |target: &str, seeds: Vec<Vec<u8>>| {
        let folder = folder.join(target);
        fs::create_dir_all(&folder).expect("the folder can be made");
        for seed in seeds {
            let name = name_of(&seed);
            fs::write(folder.join(name), seed).expect("a seed can be written");
        }
    };
    let mut pipelines = files(&root.join("pipelines"), "toml");
    pipelines.extend(files(&root.join("crates/engine/test_data/pipelines"), "toml"));
    pipelines.extend(files(&root.join("crates/engine/test_data/pipelines/good"), "toml"));
    write("condition", conditions(&pipelines));
    write("pipeline_file", pipelines);
    write("services_file", services(&root));
    write("callback_body", callbacks());
    write("other_bodies", bodies());
    write("signature_header", signatures());
    write("journal_record", vec![segment(false), segment(true)]);
    write("replay", replays());
}

/// The CRC of a seed as its name: the same seed is written once.
fn name_of(seed: &[u8]) -> String {
    format!("{:08x}-{}", crc32c::crc32c(seed), seed.len())
}

fn files(folder: &Path, extension: &str) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|found| found == extension));
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a file can be read")).collect()
}

/// Texts in quotes behind the keys that take conditions.
fn conditions(pipelines: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let texts = pipelines.iter().filter_map(|bytes| str::from_utf8(bytes).ok());
    let lines = texts.flat_map(str::lines);
    let of_conditions =
        |line: &&str| ["when", "gate", "until", "over", "key"].iter().any(|word| line.contains(word));
    let quoted = lines.filter(of_conditions).filter_map(|line| line.split('"').nth(1));
    quoted.map(|text| text.as_bytes().to_vec()).collect()
}

fn services(root: &Path) -> Vec<Vec<u8>> {
    let own = fs::read(root.join("services.toml")).expect("services.toml can be read");
    let orchestrator = r#"[orchestrator]
listen = "0.0.0.0:3456"
public_url = "https://segue.example/"
data = "/var/lib/segue"
journal = "postgres://db/segue"
keep_ended = "30d"
caller_rate = "100/s"
signed_callbacks = true
signing_secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
tls = { cert = "cert.pem", key = "key.pem" }
tokens = ["0123456789abcdef", { name = "ci", role = "operate", token = "0123456789abcdef" },
    { name = "dash", role = "read", sha256 = "9f9f5111f7b27a781f1f1ddde5ebc2dd2b796bfc7365c9c28b548e564176929f" }]

[service.tts]
urls = ["http://127.0.0.1:3463", "https://[::1]:9/base"]
run = "segue serve tts"
capacity = 4
rate = "600/m"
networks = ["10.0.0.0/8", "::1/128"]
version = "2"
options = { engine = "espeak-ng", voices = ["a", "b"], speed = 1.5 }
"#;
    vec![own, orchestrator.as_bytes().to_vec()]
}

fn callbacks() -> Vec<Vec<u8>> {
    let texts = [
        r#"{"jobId":"01900000-0000-7000-8000-000000000001","attemptId":"01900000-0000-7000-8000-000000000002","phase":"baskets","success":true,"status":"complete","output":{"seeds":[1,2]},"stats":{"n":668}}"#,
        r#"{"attemptId":"01900000-0000-7000-8000-000000000002","success":false,"error":{"code":"no-voice","message":"no voice","retryable":false}}"#,
        r#"{"phase":"phase6","courseCode":"spa_for_eng","success":true,"status":"complete","stats":{}}"#,
        r#"{"phase":5.5,"courseCode":"spa_for_eng","status":"failed","error":"it broke"}"#,
        r#"{"phase":6,"success":false,"status":"paused","checkpoint":{"at":3},"token":"0123456789abcdef"}"#,
        r#"{"status":"cancelled"}"#,
        r#"{"state":"running","progress":{"done":1,"total":2}}"#,
        r#"{"state":"done","callback":{"success":true}}"#,
        r#"{"checkpoint":{"at":3}}"#,
    ];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

fn bodies() -> Vec<Vec<u8>> {
    let texts = [
        r#"{"phase":1,"totalSeeds":30,"seeds":[{"known":"a","target":"b"}]}"#,
        r#"{"phase":"translation","target":"spa","known":"eng","options":{"a~b/c":null}}"#,
        r#"{"pipeline":"course","key":"spa_for_eng","input":{},"priority":"high","idempotencyKey":"k","mode":"manual"}"#,
        r#"{"phase":3,"updates":{"seedsCompleted":120,"seedsTotal":668},"logMessage":"…"}"#,
        r#"{"done":120,"total":668,"unit":"seeds","message":"…"}"#,
        r#"{"payload":{"approved":true},"by":"ana"}"#,
        r#"{"priority":"urgent"}"#,
        r#"{"jobId":"01900000-0000-7000-8000-000000000001","pipeline":"course","key":"k","phase":"baskets","run":"baskets[3]","attempt":1,"attemptId":"01900000-0000-7000-8000-000000000002","priority":"medium","input":{},"item":{},"upstream":{"extraction":{"output":{},"stats":{},"artifacts":{}}},"checkpoint":null,"deadline":"2026-01-01T00:00:00Z","callback":{"url":"http://x/phase-complete","progressUrl":"http://x/p","token":"t"},"artifactsUrl":"http://x/a/"}"#,
    ];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

fn signatures() -> Vec<Vec<u8>> {
    let secret = SigningSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("it is one");
    let body = r#"{"test": 2432232314}"#;
    let signed = |seconds: &str| {
        let signature = sign(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", seconds, body.as_bytes());
        format!("msg_p5jXN8AQM9LWM0D4loKWxJek\n{seconds}\nv1,AAAA {signature}\n{body}").into_bytes()
    };
    let token = TokenKey::new([7; 32]).token(JobId(Uuid::from_u128(1)), AttemptId(Uuid::from_u128(2)));
    let with_token = format!("a\n1614265330\n{token}\n{{}}").into_bytes();
    vec![signed("1614265330"), signed("1614265029"), with_token]
}

/// A segment as the journal writes it, its zeros cut off: two jobs, an index entry, and where asked a job that was dropped.
fn segment(dropped: bool) -> Vec<u8> {
    let disk = FaultDisk::default();
    let options = Options { segment_bytes: 4096, ..Options::new("/journal") };
    let opened =
        EmbeddedJournal::open_on(Arc::new(disk.clone()), options).expect("an empty disk can be opened");
    let entry = |live: bool| IndexEntry {
        pipeline: "course".to_owned(),
        key: "spa_for_eng".to_owned(),
        state: "running".to_owned(),
        live,
        created: 1,
        updated: 2,
        deadline: live.then_some(3),
        priority: 2,
        summary: Bytes::from_static(b"sprw"),
    };
    let first = Bytes::from_static(br#"{"at":0,"is":{"runReady":{"run":"speak"}}}"#);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
    for (job, expected, index) in
        [(1, 0, Some(entry(true))), (2, 0, Some(entry(true))), (1, 1, None), (1, 2, Some(entry(false)))]
    {
        let batch = Batch { job: JobId(Uuid::from_u128(job)), expected, events: vec![first.clone()], index };
        runtime.block_on(opened.journal.append(batch)).expect("it is appended");
    }
    if dropped {
        let policy = RetentionPolicy { ended_for: Duration::ZERO };
        runtime.block_on(opened.journal.retain(1_000, policy)).expect("what has ended is dropped");
    }
    let mut bytes =
        disk.content(Path::new("/journal/log/0000000000000001.seg")).expect("the segment is there");
    let written = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    bytes.truncate(written + 8);
    bytes
}

fn replays() -> Vec<Vec<u8>> {
    let numbered = (0u8..).zip(fuzz::journals());
    numbered.map(|(number, (_, events))| [&[number], events.as_bytes()].concat()).collect()
}
