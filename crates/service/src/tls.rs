//! Listening with TLS.

use crate::error::ServiceError;
use axum::serve::Listener;
use rescind::Code;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{Receiver, channel};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Certificate and key of a desk that speaks TLS itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate and those that vouch for it, in PEM.
    pub certificate: PathBuf,
    /// Its private key, in PEM.
    pub key: PathBuf,
}

/// How long a caller may take to agree on a key.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many may be about it at once.
const AT_ONCE: usize = 256;

/// Connections whose callers have agreed on a key.
pub(crate) struct TlsListener {
    agreed: Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    at: SocketAddr,
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

impl TlsListener {
    /// Agrees with callers side by side: one who takes long keeps nobody waiting.
    pub fn new(listener: TcpListener, config: ServerConfig) -> io::Result<Self> {
        let at = listener.local_addr()?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let (sender, agreed) = channel(AT_ONCE);
        tokio::spawn(async move {
            let mut listener = listener;
            loop {
                // Waits until there is room.
                let Ok(room) = sender.clone().reserve_owned().await else {
                    return;
                };
                let (stream, from) = Listener::accept(&mut listener).await;
                let agreeing = acceptor.accept(stream);
                tokio::spawn(async move {
                    if let Ok(Ok(stream)) = timeout(PATIENCE, agreeing).await {
                        room.send((stream, from));
                    }
                });
            }
        });
        Ok(Self { agreed, at })
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.agreed.recv().await {
            Some(found) => found,
            // The task that sends ends after this one.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(self.at)
    }
}
