//! The listener's certificate and key, and whom we trust when we call services.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
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

/// What calls to services trust: the public authorities, and those of a PEM file beside them.
///
/// # Errors
/// [`TlsError`], also where the file holds no certificate.
pub fn trust(private: Option<&Path>) -> Result<ClientConfig, TlsError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = private {
        let at = |error| TlsError::File { path: path.to_owned(), error };
        let mut any = false;
        for certificate in CertificateDer::pem_file_iter(path).map_err(at)? {
            roots.add(certificate.map_err(at)?)?;
            any = true;
        }
        if !any {
            return Err(at(rustls::pki_types::pem::Error::NoItemsFound));
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}
