//! The listener's certificate and key.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

/// Where the certificate and its key lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// PEM, the whole chain, our own first.
    pub cert: PathBuf,
    /// PEM.
    pub key: PathBuf,
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file can't be read or is no PEM.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        error: rustls::pki_types::pem::Error,
    },
    /// Certificate and key do not fit.
    #[error("the certificate and its key can't be used")]
    Unusable(#[from] rustls::Error),
}

impl TlsFiles {
    /// What the listener needs.
    ///
    /// # Errors
    /// [`TlsError`]
    pub fn load(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |error| TlsError::File { path, error }
        };
        let chain = CertificateDer::pem_file_iter(&self.cert).map_err(at(&self.cert))?;
        let chain: Vec<CertificateDer<'static>> = chain.collect::<Result<_, _>>().map_err(at(&self.cert))?;
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(at(&self.key))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        Ok(Arc::new(config))
    }
}
