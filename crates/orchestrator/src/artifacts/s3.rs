//! Blobs in a bucket of any store that speaks S3.
//!
//! A blob's name is its hash, which is known when the last byte has come. So what fits into one part is held until then and stored
//! in one call; what is larger goes part by part to `incoming/…`, is copied to its name within the store, and removed there. At no
//! time more than a few parts of a blob are in memory ([`PARTS`] on their way, one that fills).
//!
//! Reading goes on where a connection broke: what is named by its content can't have changed meanwhile. Several orchestrators may
//! have one bucket: blobs younger than [`GRACE`] are nobody's to remove, so that one that another orchestrator is just about to
//! refer to stays. Uploads that broke off before their last part are for the bucket's own rule to remove (docs/deployment.md).

use std::{
    io,
    ops::Range,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use futures::{
    FutureExt, StreamExt, TryStreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use object_store::{
    ClientOptions, GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt, PutPayload, RetryConfig,
    WriteMultipart,
    aws::{AmazonS3, AmazonS3Builder},
    client::{HttpClient, HttpConnector},
    path::Path,
};

use super::{
    Blob,
    blobs::{Blobs, Bytestream, Incoming},
    is_hash,
};

/// Size of a part. With the 10,000 parts that S3 allows: blobs of up to 80 GB.
const PART: usize = 8 * 1024 * 1024;
/// Parts of one blob on their way at once.
const PARTS: usize = 2;
/// How long a blob that nobody refers to stays at least.
pub const GRACE: Duration = Duration::from_secs(3600);
/// How long what lies under `incoming/` stays.
const ABANDONED: Duration = Duration::from_secs(24 * 3600);
/// How often a read goes on after a broken connection.
const RESUMES: u32 = 3;

/// Which bucket, and how it is reached. Keys are read from the environment by the library and never kept here.
#[derive(Debug, Clone)]
pub struct S3Settings {
    /// The bucket.
    pub bucket: String,
    /// What every name begins with; empty: nothing.
    pub prefix: String,
    /// Which authorities are trusted.
    pub trust: rustls::ClientConfig,
    /// How long a blob that nobody refers to stays at least: [`GRACE`].
    pub grace: Duration,
    /// Settings beside those of the environment, by the names that the environment has for them (`AWS_ENDPOINT_URL`).
    pub settings: Vec<(String, String)>,
}

/// Why a bucket can't be used.
#[derive(Debug, thiserror::Error)]
pub enum S3Error {
    /// `artifacts` in the configuration.
    #[error("'{0}' is no bucket: write s3://BUCKET or s3://BUCKET/PREFIX")]
    Address(String),
    /// A setting of the environment.
    #[error("the S3 store can't be set up: {0}")]
    Settings(#[source] object_store::Error),
    /// No HTTP client.
    #[error("the HTTP client for the S3 store can't be set up")]
    Client(#[from] reqwest::Error),
    /// It was asked and refused, or is not there.
    #[error("the bucket '{bucket}' can't be used")]
    Unusable {
        /// Which.
        bucket: String,
        /// Why.
        source: io::Error,
    },
}

impl S3Settings {
    /// Reads `s3://bucket/prefix`.
    ///
    /// # Errors
    /// [`S3Error::Address`].
    pub fn parse(address: &str, trust: rustls::ClientConfig) -> Result<Self, S3Error> {
        let wrong = || S3Error::Address(address.to_owned());
        let rest = address.strip_prefix("s3://").ok_or_else(wrong)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        let is_name = |text: &str| !text.is_empty() && text != "." && text != ".." && text.chars().all(plain);
        let prefix = prefix.trim_matches('/');
        if !is_name(bucket) || !(prefix.is_empty() || prefix.split('/').all(is_name)) {
            return Err(wrong());
        }
        let (bucket, prefix) = (bucket.to_owned(), prefix.to_owned());
        Ok(Self { bucket, prefix, trust, grace: GRACE, settings: Vec::new() })
    }
}

/// The bucket.
#[derive(Debug)]
pub(super) struct Bucket {
    store: Arc<AmazonS3>,
    prefix: Path,
    grace: Duration,
}

/// Our own HTTP client: TLS by ring, nothing global.
#[derive(Debug)]
struct Ours(reqwest::Client);

impl HttpConnector for Ours {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.0.clone()))
    }
}

impl Bucket {
    pub(super) fn new(settings: &S3Settings) -> Result<Self, S3Error> {
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(settings.trust.clone())
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(5))
            .read_timeout(Duration::from_secs(30))
            .tcp_nodelay(true)
            .no_proxy()
            .build()?;
        let retry =
            RetryConfig { max_retries: 5, retry_timeout: Duration::from_secs(60), ..RetryConfig::default() };
        let mut builder = AmazonS3Builder::from_env();
        for (name, value) in &settings.settings {
            if let Ok(key) = name.to_ascii_lowercase().parse() {
                builder = builder.with_config(key, value);
            }
        }
        // An endpoint that is named without TLS is meant so; the library asks for it to be said twice.
        let store = builder
            .with_bucket_name(&settings.bucket)
            .with_allow_http(true)
            .with_retry(retry)
            .with_http_connector(Ours(http))
            .build()
            .map_err(S3Error::Settings)?;
        let prefix = Path::from(settings.prefix.as_str());
        Ok(Self { store: Arc::new(store), prefix, grace: settings.grace })
    }

    /// Asks the bucket something, so that a wrong key is found out at the start.
    pub(super) async fn check(&self) -> io::Result<()> {
        self.store.list_with_delimiter(Some(&self.at("incoming"))).await.map(drop).map_err(failed)
    }

    fn at(&self, name: &str) -> Path {
        name.split('/').fold(self.prefix.clone(), |path, part| path.join(part))
    }

    fn of(&self, hash: &str) -> io::Result<Path> {
        match is_hash(hash) {
            true => Ok(self.at(&format!("{}/{}", &hash[..2], &hash[2..]))),
            false => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    /// The blob that an object is, if it is one and old enough.
    fn blob(&self, object: &ObjectMeta) -> Option<Blob> {
        let parts: Vec<String> =
            object.location.prefix_match(&self.prefix)?.map(|part| part.as_ref().to_owned()).collect();
        let hash = match &*parts {
            [begin, rest] if begin.len() == 2 => format!("{begin}{rest}"),
            _ => return None,
        };
        (is_hash(&hash) && is_older(object, self.grace)).then_some(Blob { hash, size: object.size })
    }
}

fn is_older(object: &ObjectMeta, age: Duration) -> bool {
    let seconds = u64::try_from(object.last_modified.timestamp()).unwrap_or_default();
    let stored = UNIX_EPOCH + Duration::from_secs(seconds);
    SystemTime::now().duration_since(stored).is_ok_and(|passed| passed >= age)
}

fn failed(error: object_store::Error) -> io::Error {
    match error {
        object_store::Error::NotFound { .. } => io::Error::new(io::ErrorKind::NotFound, error),
        object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => {
            io::Error::new(io::ErrorKind::PermissionDenied, error)
        }
        other => io::Error::other(other),
    }
}

impl Blobs for Bucket {
    fn size<'a>(&'a self, hash: &'a str) -> BoxFuture<'a, io::Result<Option<u64>>> {
        async move {
            match self.store.head(&self.of(hash)?).await {
                Ok(found) => Ok(Some(found.size)),
                Err(object_store::Error::NotFound { .. }) => Ok(None),
                Err(error) => Err(failed(error)),
            }
        }
        .boxed()
    }

    fn begin(&self) -> BoxFuture<'_, io::Result<Box<dyn Incoming>>> {
        let draft = self.at("incoming").join(uuid::Uuid::now_v7().to_string());
        let arriving = Arriving {
            store: self.store.clone(),
            prefix: self.prefix.clone(),
            draft,
            held: Vec::new(),
            size: 0,
            upload: None,
        };
        async move { Ok(Box::new(arriving) as Box<dyn Incoming>) }.boxed()
    }

    fn read<'a>(&'a self, hash: &'a str, part: Range<u64>) -> BoxFuture<'a, io::Result<Bytestream>> {
        async move {
            let path = self.of(hash)?;
            if part.is_empty() {
                return Ok(stream::empty().boxed());
            }
            let first = get(&self.store, &path, part.clone()).await?;
            let reading =
                Reading { store: self.store.clone(), path, part, stream: Some(first), resumes: RESUMES };
            Ok(stream::try_unfold(reading, Reading::next).boxed())
        }
        .boxed()
    }

    fn all(&self) -> BoxStream<'_, io::Result<Blob>> {
        let prefix = (!self.prefix.as_ref().is_empty()).then_some(&self.prefix);
        let objects = self.store.list(prefix).map_err(failed);
        objects.try_filter_map(move |object| async move { Ok(self.blob(&object)) }).boxed()
    }

    fn remove<'a>(&'a self, hash: &'a str) -> BoxFuture<'a, io::Result<()>> {
        async move { self.store.delete(&self.of(hash)?).await.map_err(failed) }.boxed()
    }

    fn clean(&self) -> BoxFuture<'_, io::Result<()>> {
        async move {
            let mut left = self.store.list(Some(&self.at("incoming")));
            while let Some(object) = left.try_next().await.map_err(failed)? {
                if is_older(&object, ABANDONED) {
                    self.store.delete(&object.location).await.map_err(failed)?;
                }
            }
            Ok(())
        }
        .boxed()
    }
}

async fn get(store: &AmazonS3, path: &Path, part: Range<u64>) -> io::Result<Bytestream> {
    let options = GetOptions { range: Some(GetRange::Bounded(part)), ..GetOptions::default() };
    let found = store.get_opts(path, options).await.map_err(failed)?;
    Ok(found.into_stream().map_err(failed).boxed())
}

/// A part of a blob that is being read.
struct Reading {
    store: Arc<AmazonS3>,
    path: Path,
    /// What has not come yet.
    part: Range<u64>,
    stream: Option<Bytestream>,
    resumes: u32,
}

impl Reading {
    async fn next(mut self) -> io::Result<Option<(Bytes, Self)>> {
        while !self.part.is_empty() {
            let mut stream = match self.stream.take() {
                Some(stream) => stream,
                None => get(&self.store, &self.path, self.part.clone()).await?,
            };
            match stream.next().await {
                Some(Ok(bytes)) => {
                    self.part.start += bytes.len() as u64;
                    self.stream = Some(stream);
                    return Ok(Some((bytes, self)));
                }
                Some(Err(error)) if self.resumes == 0 => return Err(error),
                None if self.resumes == 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                // It broke, or ended too early: from here on again.
                Some(Err(_)) | None => self.resumes -= 1,
            }
        }
        Ok(None)
    }
}

/// A blob that arrives.
struct Arriving {
    store: Arc<AmazonS3>,
    prefix: Path,
    draft: Path,
    /// The beginning, until it is clear that there is more than one part.
    held: Vec<Bytes>,
    size: usize,
    upload: Option<WriteMultipart>,
}

impl Arriving {
    async fn take(&mut self, bytes: Bytes) -> io::Result<()> {
        if let Some(upload) = &mut self.upload {
            upload.wait_for_capacity(PARTS).await.map_err(failed)?;
            upload.put(bytes);
            return Ok(());
        }
        self.size += bytes.len();
        self.held.push(bytes);
        if self.size > PART {
            let begun = self.store.put_multipart(&self.draft).await.map_err(failed)?;
            let upload = self.upload.insert(WriteMultipart::new_with_chunk_size(begun, PART));
            self.held.drain(..).for_each(|bytes| upload.put(bytes));
        }
        Ok(())
    }

    async fn settle_as(mut self, hash: &str) -> io::Result<()> {
        let name = self.prefix.clone().join(&hash[..2]).join(&hash[2..]);
        let Some(upload) = self.upload.take() else {
            let whole = PutPayload::from_iter(self.held);
            return self.store.put(&name, whole).await.map(drop).map_err(failed);
        };
        upload.finish().await.map_err(failed)?;
        // Also where it is there already: it is young again then, and nobody removes it.
        let copied = self.store.copy(&self.draft, &name).await;
        if let Err(error) = self.store.delete(&self.draft).await {
            tracing::debug!(%error, "a draft in the bucket could not be removed; it is later");
        }
        copied.map_err(failed)
    }
}

impl Incoming for Arriving {
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, io::Result<()>> {
        self.take(bytes).boxed()
    }

    fn settle(self: Box<Self>, hash: String) -> BoxFuture<'static, io::Result<()>> {
        async move { self.settle_as(&hash).await }.boxed()
    }

    fn give_up(mut self: Box<Self>) -> BoxFuture<'static, ()> {
        async move {
            if let Some(upload) = self.upload.take()
                && let Err(error) = upload.abort().await
            {
                tracing::debug!(%error, "an upload could not be ended; the bucket's own rule does it");
            }
        }
        .boxed()
    }
}
