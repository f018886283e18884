//! Listening with TLS.

use crate::error::ServiceError;
use rescind::Code;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Certificate and key of a desk that speaks TLS itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate and those that vouch for it, in PEM.
    pub certificate: PathBuf,
    /// Its private key, in PEM.
    pub key: PathBuf,
}

impl TlsFiles {
    /// What is spoken: TLS 1.2 and 1.3 with this certificate.
    pub(crate) fn config(&self) -> Result<ServerConfig, ServiceError> {
        let unusable = |path: &Path, reason| {
            let message = format!("{} {reason}", path.display());
            ServiceError::refused(Code::Setting, message)
        };
        let certificates = CertificateDer::pem_file_iter(&self.certificate);
        let certificates = certificates.and_then(|found| found.collect::<Result<Vec<_>, _>>());
        let certificates = certificates.ok().filter(|found| !found.is_empty());
        let certificates = certificates
            .ok_or_else(|| unusable(&self.certificate, "holds no certificate in PEM"))?;
        let key = PrivateKeyDer::from_pem_file(&self.key);
        let key = key.map_err(|_| unusable(&self.key, "holds no private key in PEM"))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config =
            ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.map_err(|_| unusable(&self.key, "cannot be used for TLS"))?;
        let config = config
            .with_no_client_auth()
            .with_single_cert(certificates, key);
        config.map_err(|_| unusable(&self.key, "is not the key of the certificate"))
    }
}
