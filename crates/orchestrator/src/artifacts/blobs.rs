//! Where blobs lie: a folder or a bucket. Neither knows of jobs, pins or hashes; [`super::ArtifactStore`] does.

use std::{fmt, io, ops::Range};

use bytes::Bytes;
use futures::{future::BoxFuture, stream::BoxStream};

use super::Blob;

/// The bytes of a blob, as they come.
pub type Bytestream = BoxStream<'static, io::Result<Bytes>>;

/// Where blobs lie.
pub(super) trait Blobs: Send + Sync + fmt::Debug {
    /// The size of a blob; none where it is not there.
    fn size<'a>(&'a self, hash: &'a str) -> BoxFuture<'a, io::Result<Option<u64>>>;
    /// Room for a blob whose hash is not known yet.
    fn begin(&self) -> BoxFuture<'_, io::Result<Box<dyn Incoming>>>;
    /// A part of a blob.
    fn read<'a>(&'a self, hash: &'a str, part: Range<u64>) -> BoxFuture<'a, io::Result<Bytestream>>;
    /// All blobs that may be removed if nobody needs them.
    fn all(&self) -> BoxStream<'_, io::Result<Blob>>;
    /// Removes a blob.
    fn remove<'a>(&'a self, hash: &'a str) -> BoxFuture<'a, io::Result<()>>;
    /// Removes what uploads that broke off have left long ago.
    fn clean(&self) -> BoxFuture<'_, io::Result<()>>;
}

/// A blob that arrives.
pub(super) trait Incoming: Send {
    /// Takes more of it.
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, io::Result<()>>;
    /// It is whole. It is durable under this hash when this returns.
    fn settle(self: Box<Self>, hash: String) -> BoxFuture<'static, io::Result<()>>;
    /// It will not be whole.
    fn give_up(self: Box<Self>) -> BoxFuture<'static, ()>;
}
