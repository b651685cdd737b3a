//! What holds of artifacts wherever they lie: one suite, run over a folder and over a bucket.
//!
//! The bucket is that of a real server: `moto_server` (PyPI `moto[server]`), found in the PATH or named by `SEGUE_TEST_MOTO`;
//! `scripts/check-deploy` installs it. Where there is none the suite runs over the folder alone.

#![expect(clippy::unwrap_used, reason = "where a test can't be set up, it fails")]

use std::{
    collections::HashSet,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use orchestrator::{
    artifacts::{ArtifactStore, Pin, S3Settings, StoreError},
    config,
};

/// Three parts of an upload.
const LARGE: usize = 17 * 1024 * 1024;
const MAX: u64 = 18 * 1024 * 1024;

/// A stream of so many bytes, in pieces of an odd size.
fn large(length: usize) -> impl futures::Stream<Item = Result<Bytes, String>> {
    let pieces = (0..length).step_by(100_003).map(move |from| {
        let to = (from + 100_003).min(length);
        Ok(Bytes::from((from..to).map(byte).collect::<Vec<u8>>()))
    });
    futures::stream::iter(pieces)
}

fn byte(at: usize) -> u8 {
    u8::try_from((at * 7 + at / 251) % 256).unwrap()
}

async fn put(store: &ArtifactStore, text: &'static str) -> (String, Pin) {
    let (blob, pin) = store.store(futures::stream::iter([Ok::<_, String>(Bytes::from(text))])).await.unwrap();
    (blob.hash, pin)
}

async fn read(store: &ArtifactStore, hash: &str, part: std::ops::Range<u64>) -> Vec<u8> {
    let stream = store.read(hash, part).await.unwrap();
    stream
        .try_fold(Vec::new(), |mut all, bytes| async move {
            all.extend_from_slice(&bytes);
            Ok(all)
        })
        .await
        .unwrap()
}

/// Everything that is relied on.
async fn holds(store: &ArtifactStore) {
    small_and_empty(store).await;
    large_and_broken(store).await;
    collected(store).await;
}

async fn small_and_empty(store: &ArtifactStore) {
    let (hash, _pin) = put(store, "hello, world").await;
    assert_eq!(hash, blake3::hash(b"hello, world").to_hex().as_str());
    assert_eq!(store.find(&hash).await.unwrap().0.size, 12);
    assert_eq!(read(store, &hash, 0..12).await, b"hello, world");
    assert_eq!(read(store, &hash, 7..12).await, b"world");
    assert_eq!(put(store, "hello, world").await.0, hash, "once more is the same");
    let (empty, _pin) = put(store, "").await;
    assert_eq!(store.find(&empty).await.unwrap().0.size, 0);
    assert!(read(store, &empty, 0..0).await.is_empty());
    let unknown = "0".repeat(64);
    assert!(store.find(&unknown).await.is_none());
    assert!(store.read(&unknown, 0..1).await.is_err());
    for wrong in ["", "../../etc/passwd", "..%2f..%2fetc", &hash.to_uppercase()] {
        assert!(store.find(wrong).await.is_none() && store.read(wrong, 0..1).await.is_err(), "{wrong}");
    }
}

async fn large_and_broken(store: &ArtifactStore) {
    let (blob, _pin) = store.store(large(LARGE)).await.unwrap();
    let mut expected = blake3::Hasher::new();
    let whole: Vec<u8> = (0..LARGE).map(byte).collect();
    expected.update(&whole);
    assert_eq!((blob.hash.as_str(), blob.size), (expected.finalize().to_hex().as_str(), LARGE as u64));
    let size = blob.size;
    assert!(read(store, &blob.hash, 0..size).await == whole);
    assert!(read(store, &blob.hash, size - 1000..size).await == whole[LARGE - 1000..]);
    let mut first = store.read(&blob.hash, 0..size).await.unwrap();
    let piece = first.next().await.unwrap().unwrap();
    assert!(piece.len() < LARGE, "it comes in pieces");
    drop(first);
    let too_large = store.store(large(MAX as usize + 1)).await.unwrap_err();
    assert!(matches!(too_large, StoreError::TooLarge(MAX)));
    let broken = large(10 * 1024 * 1024).chain(futures::stream::iter([Err("the line went dead".to_owned())]));
    assert!(matches!(store.store(broken).await, Err(StoreError::Broken(_))));
}

async fn collected(store: &ArtifactStore) {
    let (used, pin) = put(store, "referred to").await;
    drop(pin);
    let (old, pin) = put(store, "nobody's").await;
    drop(pin);
    let (held, _held_pin) = put(store, "arriving").await;
    let collection = store.collect().unwrap();
    let (meanwhile, pin) = put(store, "arrives meanwhile").await;
    drop(pin);
    let collected = collection.sweep(&HashSet::from([Arc::from(used.as_str())]), 1_000).await.unwrap();
    assert!(collected.blobs >= 1, "{collected:?}");
    assert!(store.find(&old).await.is_none());
    for hash in [&used, &held, &meanwhile] {
        assert!(store.find(hash).await.is_some(), "{hash}");
    }
    let again =
        store.collect().unwrap().sweep(&HashSet::from([Arc::from(used.as_str())]), 1_000).await.unwrap();
    assert_eq!((again.blobs, store.find(&meanwhile).await.is_none()), (1, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_holds_of_artifacts_holds_in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    holds(&ArtifactStore::open(folder.path(), MAX).unwrap()).await;
}

/// A server of buckets, killed with the test.
struct Server {
    child: Child,
    url: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// None where there is no such program here, and nobody has said that there is: `scripts/test` says so.
    fn start() -> Option<Self> {
        let named = std::env::var_os("SEGUE_TEST_MOTO");
        let must_be_there = named.is_some();
        let program = named.unwrap_or_else(|| "moto_server".into());
        let started = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", "0"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = match started {
            Ok(child) => child,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !must_be_there => return None,
            Err(error) => panic!("{error}"),
        };
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let url = lines.find_map(|line| line.split_once("Running on ").map(|(_, url)| url.trim().to_owned()));
        // Whoever writes to nobody is killed.
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self { child, url: url.unwrap() })
    }

    fn settings(&self, address: &str) -> S3Settings {
        let setting = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let settings = vec![
            setting("AWS_ENDPOINT_URL", &self.url),
            setting("AWS_ACCESS_KEY_ID", "test"),
            setting("AWS_SECRET_ACCESS_KEY", "secret-never-shown"),
            setting("AWS_REGION", "us-east-1"),
        ];
        let parsed = S3Settings::parse(address, config::trust(None).unwrap()).unwrap();
        S3Settings { settings, grace: Duration::ZERO, ..parsed }
    }

    async fn make_bucket(&self, name: &str) {
        let (status, said) =
            crate::support::call("PUT", &format!("{}/{name}", self.url), Vec::new(), None).await;
        assert_eq!(status, 200, "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_holds_of_artifacts_holds_in_a_bucket() {
    let Some(server) = Server::start() else { return };
    server.make_bucket("ours").await;
    let store = ArtifactStore::in_bucket(&server.settings("s3://ours/some/where"), MAX).await.unwrap();
    holds(&store).await;
    // Another prefix of the same bucket is another store, and neither removes what is the other's.
    let other = ArtifactStore::in_bucket(&server.settings("s3://ours"), MAX).await.unwrap();
    let (hash, pin) = put(&other, "in the other").await;
    drop(pin);
    assert!(store.find(&hash).await.is_none());
    store.collect().unwrap().sweep(&HashSet::new(), 1_000).await.unwrap();
    assert!(other.find(&hash).await.is_some());
    // A young blob may be another orchestrator's, who is about to refer to it.
    let careful = S3Settings { grace: Duration::from_secs(3600), ..server.settings("s3://ours") };
    let careful = ArtifactStore::in_bucket(&careful, MAX).await.unwrap();
    assert_eq!(careful.collect().unwrap().sweep(&HashSet::new(), 1_000).await.unwrap().blobs, 0);
    let absent = ArtifactStore::in_bucket(&server.settings("s3://absent"), MAX).await.unwrap_err();
    assert!(absent.to_string().contains("absent") && !absent.to_string().contains("never-shown"), "{absent}");
}

#[test]
fn only_a_plain_bucket_is_one() {
    let parse = |address: &str| S3Settings::parse(address, config::trust(None).unwrap());
    let read = parse("s3://bucket/a/b/").unwrap();
    assert_eq!((&*read.bucket, &*read.prefix), ("bucket", "a/b"));
    for wrong in ["", "bucket", "s3://", "s3:///x", "https://bucket", "s3://b/../x", "s3://k:s@b", "s3://b?x"]
    {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
}
