//! Nobody gets in: tokens and roles, strange pages, signatures, redirects, limits, TLS, and the audit log.

use std::sync::Arc;

use axum::{Router, http::StatusCode, response::Redirect, routing::post};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::support::{Orchestrator, Setup, call, call_with, service};

const ONE: &str = "name='one'\n[[phase]]\nid='work'\nservice='stub'\nretry={attempts=1}";
const TOKENS: &str = "[orchestrator]\ntokens = [\n\
    { name = \"eyes\", role = \"read\", token = \"eyes-eyes-eyes-eyes\" },\n\
    { name = \"hands\", role = \"operate\", token = \"hands-hands-hands\" },\n\
    { name = \"head\", role = \"admin\", token = \"head-head-head-head\" } ]\n";

fn setup(folder: &tempfile::TempDir, stub: &str, orchestrator: &str) -> Setup {
    let setup = Setup::new(folder.path(), ONE, stub);
    Setup { services: format!("{orchestrator}{}", setup.services), ..setup }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_role_may_do_its_own_and_no_more_and_the_audit_log_says_who_did() {
    let folder = tempfile::tempdir().unwrap();
    let mut stub = service().await;
    let segue = Orchestrator::with(setup(&folder, &stub.url, TOKENS)).await;
    let ask = async |method: &str, path: &str, token: Option<&str>| {
        let body = if method == "GET" { Vec::new() } else { br#"{"pipeline":"one","key":"k"}"#.to_vec() };
        let (status, answer) = call(method, &format!("{}{path}", segue.url), body, token).await;
        (status, answer)
    };
    let (eyes, hands, head) =
        (Some("eyes-eyes-eyes-eyes"), Some("hands-hands-hands"), Some("head-head-head-head"));
    for (method, path, token, status) in [
        ("GET", "/health", None, 200),
        ("GET", "/api/jobs", None, 401),
        ("GET", "/metrics", None, 401),
        ("GET", "/health/all", None, 401),
        ("GET", "/ws", None, 401),
        ("GET", "/api/jobs", Some("eyes-eyes-eyes-eyez"), 401),
        ("GET", "/api/jobs", eyes, 200),
        ("POST", "/api/jobs", eyes, 403),
        ("POST", "/api/jobs", hands, 201),
        ("POST", "/api/services/stub/stop", hands, 403),
        ("POST", "/api/services/stub/stop", head, 200),
        ("GET", "/api/audit", hands, 403),
    ] {
        let (got, answer) = ask(method, path, token).await;
        assert_eq!(got, status, "{method} {path} {token:?}: {answer}");
    }
    // An attempt's token is for its own job and for callbacks, and opens nothing else.
    let start = stub.next().await;
    let attempt = start["callback"]["token"].as_str();
    assert_eq!(ask("GET", "/api/jobs", attempt).await.0, 401);
    let artifacts = start["artifactsUrl"].as_str().unwrap().trim_end_matches('/');
    assert_eq!(call("GET", artifacts, Vec::new(), attempt).await.0, 200);
    assert_eq!(call("GET", artifacts, Vec::new(), None).await.0, 401);
    assert_eq!(call("PUT", &format!("{artifacts}/x"), b"x".to_vec(), eyes).await.0, 403);
    assert_eq!(call("PUT", &format!("{artifacts}/x"), b"x".to_vec(), hands).await.0, 201);
    assert_eq!(call("PUT", &format!("{artifacts}/y"), b"y".to_vec(), attempt).await.0, 201);
    let other = artifacts.replace(start["jobId"].as_str().unwrap(), "00000000-0000-7000-8000-000000000000");
    assert_eq!(call("GET", &other, Vec::new(), attempt).await.0, 401);
    let (_, audit) = ask("GET", "/api/audit", head).await;
    assert_eq!(audit["intact"], json!(true), "{audit}");
    let lines: Vec<String> = audit["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| {
            format!("{} {} {}", line["who"].as_str().unwrap(), line["what"].as_str().unwrap(), line["status"])
        })
        .collect();
    assert!(lines.contains(&"hands POST /api/jobs 201".to_owned()), "{lines:?}");
    assert!(lines.contains(&"head POST /api/services/stub/stop 200".to_owned()), "{lines:?}");
    assert!(lines.contains(&"stranger POST /api/jobs 403".to_owned()), "{lines:?}");
    // What a caller stores is a command; what an attempt stores is its work, and stands in the journal.
    let stored: Vec<&String> = lines.iter().filter(|line| line.contains(" PUT ")).collect();
    let x = format!("/api/jobs/{}/artifacts/x", start["jobId"].as_str().unwrap());
    assert_eq!(stored, [&format!("hands PUT {x} 201"), &format!("stranger PUT {x} 403")]);
    assert!(audit["lines"][0]["from"].as_str().unwrap().starts_with("127.0.0.1:"));
    assert!(!audit.to_string().contains("hands-hands"), "no secret is in it");
    // Who commanded stands in the job too, and can't be made up.
    let (_, events) =
        ask("GET", &format!("/api/jobs/{}/events", start["jobId"].as_str().unwrap()), eyes).await;
    assert!(events["events"].as_array().unwrap().len() > 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_tries_many_tokens_has_to_wait_and_a_callers_rate_holds() {
    let folder = tempfile::tempdir().unwrap();
    let stub = service().await;
    let rated = format!("{TOKENS}caller_rate = \"3/m\"\n");
    let segue = Orchestrator::with(setup(&folder, &stub.url, &rated)).await;
    let url = format!("{}/api/pipelines", segue.url);
    let mut answers = Vec::new();
    for n in 0..40 {
        answers.push(call("GET", &url, Vec::new(), Some(&format!("guess-{n}"))).await.0);
    }
    assert!(answers[..30].iter().all(|&status| status == 401), "{answers:?}");
    assert_eq!(answers[39], 429);
    let mut own = Vec::new();
    for _ in 0..4 {
        own.push(call("GET", &url, Vec::new(), Some("eyes-eyes-eyes-eyes")).await.0);
    }
    assert_eq!(own, [200, 200, 200, 429], "others' guesses cost nobody anything");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_strangers_page_in_a_browser_can_neither_call_nor_listen() {
    let folder = tempfile::tempdir().unwrap();
    let stub = service().await;
    let segue = Orchestrator::start(folder.path(), ONE, &stub.url, None).await;
    let (url, host) = (format!("{}/api/jobs", segue.url), segue.url.replace("http://", ""));
    let body = r#"{"pipeline":"one"}"#;
    let evil = [("origin", "https://evil.example"), ("content-type", "text/plain")];
    assert_eq!(call_with("POST", &url, body, &evil).await.1["code"], "not-allowed");
    assert_eq!(call_with("POST", &url, body, &[("origin", "null")]).await.0, 403);
    assert_eq!(call_with("GET", &segue.url.clone(), "", &[("origin", "https://evil.example")]).await.0, 403);
    let back = url.replace("/api/jobs", "/phase-complete");
    assert_eq!(call_with("POST", &back, "{}", &evil).await.0, 403);
    // A name of his own that leads to our address.
    assert_eq!(call_with("POST", &url, body, &[("host", "rebound.evil.example")]).await.0, 403);
    let own = format!("http://{host}");
    assert_eq!(call_with("POST", &url, body, &[("origin", own.as_str())]).await.0, 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callbacks_must_be_signed_where_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut stub = service().await;
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let signed = format!("[orchestrator]\nsigning_secret = \"{secret}\"\nsigned_callbacks = true\n");
    let segue = Orchestrator::with(setup(&folder, &stub.url, &signed)).await;
    segue.post("/api/jobs", &json!({ "pipeline": "one", "key": "k" })).await;
    let start = stub.next().await;
    let (url, token) = (start["callback"]["url"].as_str().unwrap(), start["callback"]["token"].as_str());
    let body = r#"{"success":true}"#;
    assert_eq!(call("POST", url, body.as_bytes().to_vec(), token).await.0, 401);
    let seconds = segue.core.world().now().0 / 1000;
    let sign = |seconds: u64| {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let key = STANDARD.decode(secret.trim_start_matches("whsec_")).unwrap();
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
        mac.update(format!("id.{seconds}.{body}").as_bytes());
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    };
    let post = async |seconds: u64, body: &str| {
        let bearer = format!("Bearer {}", token.unwrap());
        let (stamp, signature) = (seconds.to_string(), sign(seconds));
        let headers = [
            ("authorization", bearer.as_str()),
            ("webhook-id", "id"),
            ("webhook-timestamp", &stamp),
            ("webhook-signature", &signature),
        ];
        call_with("POST", url, body, &headers).await
    };
    assert_eq!(post(seconds - 1_000, body).await.0, 401, "an old one");
    assert_eq!(post(seconds, r#"{"success":false}"#).await.0, 401, "another body");
    let (status, answer) = post(seconds, body).await;
    assert_eq!((status, &answer["accepted"]), (200, &json!(true)), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_of_a_service_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let target = service().await;
    let away = format!("{}/start", target.url);
    let app = Router::new().route("/start", post(move || async move { Redirect::temporary(&away) }));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    let segue = Orchestrator::start(folder.path(), ONE, &url, None).await;
    let job = segue.post("/api/jobs", &json!({ "pipeline": "one", "key": "k" })).await.1["jobId"].clone();
    let over = segue.over(job.as_str().unwrap()).await;
    assert_eq!((&over["status"], &over["error"]["code"]), (&json!("error"), &json!("refused")), "{over}");
    let mut target = target;
    assert_eq!(target.waiting(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_have_a_limit() {
    let folder = tempfile::tempdir().unwrap();
    let stub = service().await;
    let segue = Orchestrator::start(folder.path(), ONE, &stub.url, None).await;
    let mut stream = TcpStream::connect(segue.url.replace("http://", "")).await.unwrap();
    let huge = "x".repeat(1024 * 1024);
    let request = format!("GET /health HTTP/1.1\r\nhost: localhost\r\nx-huge: {huge}\r\n\r\n");
    // It may be cut off while it still writes.
    let _ = stream.write_all(request.as_bytes()).await;
    let mut answer = [0; 12];
    let read = stream.read(&mut answer).await.unwrap_or(0);
    assert!(read == 0 || answer.starts_with(b"HTTP/1.1 431"), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(segue.get("/health").await.0, StatusCode::OK.as_u16());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_certificate_it_speaks_tls_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let stub = service().await;
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(folder.path().join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    let tls = "[orchestrator]\ntls = { cert = \"cert.pem\", key = \"key.pem\" }\n";
    let segue = Orchestrator::with(setup(&folder, &stub.url, tls)).await;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let address = segue.url.replace("http://", "");
    let stream = TcpStream::connect(&address).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(client));
    let mut stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
    let request = b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    // The end of the connection is not said politely; what matters is what came before.
    let _ = stream.read_to_string(&mut answer).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let mut plain = TcpStream::connect(&address).await.unwrap();
    plain.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"), "{}", String::from_utf8_lossy(&answer));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_has_at_most_its_limit() {
    let folder = tempfile::tempdir().unwrap();
    let mut stub = service().await;
    let segue = Orchestrator::start(folder.path(), ONE, &stub.url, None).await;
    segue.post("/api/jobs", &json!({ "pipeline": "one", "key": "k" })).await;
    let start = stub.next().await;
    let token = start["callback"]["token"].as_str();
    let (back, progress) = (start["callback"]["url"].as_str(), start["callback"]["progressUrl"].as_str());
    let jobs = format!("{}/api/jobs", segue.url);
    for (url, most) in
        [(jobs.as_str(), 1024 * 1024), (back.unwrap(), 1024 * 1024), (progress.unwrap(), 64 * 1024)]
    {
        // Just as much as is allowed is read, and refused only for what it says.
        assert_eq!(call("POST", url, vec![b' '; most], token).await.1["code"], "malformed-json", "{url}");
        let (status, problem) = call("POST", url, vec![b' '; most + 1], token).await;
        assert_eq!((status, &problem["code"]), (413, &json!("payload-too-large")), "{url}");
    }
}

/// A service of `https` whose certificate comes from an authority of our own.
#[expect(clippy::unwrap_used, reason = "where the certificate cannot be made, the test fails")]
async fn private_service(folder: &std::path::Path) -> (String, tokio::sync::oneshot::Receiver<String>) {
    let authority = rcgen::KeyPair::generate().unwrap();
    let mut of_authority = rcgen::CertificateParams::default();
    of_authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let root = of_authority.self_signed(&authority).unwrap();
    std::fs::write(folder.join("ca.pem"), root.pem()).unwrap();
    let issuer = rcgen::Issuer::new(of_authority, authority);
    let key = rcgen::KeyPair::generate().unwrap();
    let own = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = own.signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key.serialize_der().try_into().unwrap())
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(server));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let (heard, hear) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // Who does not trust us goes away here.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut request = vec![0; 4096];
            let read = stream.read(&mut request).await.unwrap();
            let body = r#"{"success":true}"#;
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
            let _ = heard.send(String::from_utf8_lossy(&request[..read]).into_owned());
            // Kept open, so that the answer is read at leisure.
            let _ = stream.read(&mut request).await;
            return;
        }
    });
    (url, hear)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_with_a_certificate_of_a_private_authority_is_called_where_ca_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let (url, heard) = private_service(folder.path()).await;
    let segue = Orchestrator::with(setup(&folder, &url, "[orchestrator]\nca = \"ca.pem\"\n")).await;
    let job = segue.post("/api/jobs", &json!({ "pipeline": "one", "key": "k" })).await.1["jobId"].clone();
    let over = segue.over(job.as_str().unwrap()).await;
    assert_eq!(over["status"], "complete", "{over}");
    assert!(heard.await.unwrap().starts_with("POST /start HTTP/1.1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_of_nobody_we_know_is_not_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let (url, mut heard) = private_service(folder.path()).await;
    let strangers = orchestrator::config::trust(None).unwrap();
    let stream = TcpStream::connect(url.replace("https://localhost", "127.0.0.1")).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(strangers));
    assert!(connector.connect("localhost".try_into().unwrap(), stream).await.is_err());
    assert!(heard.try_recv().is_err(), "nothing was said to it");
    std::fs::write(folder.path().join("empty.pem"), "").unwrap();
    assert!(orchestrator::config::trust(Some(&folder.path().join("empty.pem"))).is_err());
}

#[test]
fn a_configuration_that_is_printed_shows_no_secret() {
    let text = format!("{TOKENS}signing_secret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"\n");
    let config = orchestrator::config::read(&text, std::path::Path::new("/tmp"), &|_| None).unwrap();
    let shown = format!("{config:?}");
    assert!(!shown.contains("eyes-eyes") && !shown.contains("MfKQ9r8"), "{shown}");
    assert!(shown.contains("CallerToken(eyes, read)"), "{shown}");
}
