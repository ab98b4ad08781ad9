//! TLS of the listeners: certificates read from files, and read again when the files change.
//!
//! What a connection is offered is looked up when it begins, so that a certificate that was renewed
//! is used without a restart. One that cannot be read, or does not fit its key, is reported and the one
//! in use stays.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use arc_swap::ArcSwap;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// What both protocols are called where a client asks which are spoken.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Settings of TLS. It is spoken when there is a certificate.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsSettings {
    /// PEM file with the certificate of the server, and those between it and a root. Default none.
    pub certificate: Option<PathBuf>,
    /// PEM file with the key of that certificate. Default none.
    pub key: Option<PathBuf>,
    /// PEM file with the roots of which clients must show a certificate; without it, none is asked
    /// for. A client still needs a token. Default none.
    pub client_ca: Option<PathBuf>,
}

/// Why TLS cannot be spoken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// Half of a pair.
    #[error("TLS needs both `certificate` and `key`")]
    Incomplete,
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Where it is.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not what it should be.
    #[error("{} has no usable {what} in PEM form", path.display())]
    Pem {
        /// Where it is.
        path: PathBuf,
        /// What should be in it.
        what: &'static str,
        /// Why not.
        source: pem::Error,
    },
    /// The certificate and the key do not go together, or are of a kind that is not supported.
    #[error("the certificate and its key cannot be used")]
    Unusable(#[source] rustls::Error),
    /// Not a root.
    #[error("the roots for certificates of clients cannot be used")]
    ClientRoots(#[source] rustls::Error),
    /// No root.
    #[error("the roots for certificates of clients cannot be used")]
    ClientVerifier(#[from] VerifierBuilderError),
}

/// What is offered to connections.
#[derive(Debug)]
pub struct Tls {
    settings: Files,
    current: ArcSwap<ServerConfig>,
}

#[derive(Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
    client_ca: Option<PathBuf>,
}

/// What was in the files.
#[derive(Debug, PartialEq)]
struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

impl Tls {
    /// Reads the files; `None` if no TLS is wanted.
    pub fn load(settings: &TlsSettings) -> Result<Option<Arc<Self>>, TlsError> {
        let (certificate, key) = match (&settings.certificate, &settings.key) {
            (Some(certificate), Some(key)) => (certificate.clone(), key.clone()),
            (None, None) if settings.client_ca.is_none() => return Ok(None),
            _ => return Err(TlsError::Incomplete),
        };
        let client_ca = settings.client_ca.clone();
        let settings = Files {
            certificate,
            key,
            client_ca,
        };
        let config = settings.config(&settings.read()?)?;
        Ok(Some(Arc::new(Self {
            settings,
            current: ArcSwap::from_pointee(config),
        })))
    }

    /// What a connection that begins now is offered.
    pub(crate) fn current(&self) -> Arc<ServerConfig> {
        self.current.load_full()
    }

    /// Looks at the files from time to time, until it is told to stop.
    pub async fn follow_files(self: Arc<Self>, stop: CancellationToken) {
        let mut seen = self.settings.read().ok();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            // They are small, and reading them is the only sign of change that every way of
            // replacing them gives.
            let read = self.settings.read();
            if read.as_ref().ok() == seen.as_ref() {
                continue;
            }
            let renewed = read.and_then(|contents| {
                let config = self.settings.config(&contents)?;
                Ok((contents, config))
            });
            match renewed {
                Ok((contents, config)) => {
                    self.current.store(Arc::new(config));
                    seen = Some(contents);
                    info!("the certificate was read again");
                }
                // Tried again, and told again, until it is right: it is about to run out.
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    error!(error, "the certificate has changed and cannot be used");
                }
            }
        }
    }
}

impl Files {
    fn read(&self) -> Result<Contents, TlsError> {
        let read = |path: &Path| {
            fs::read(path).map_err(|source| TlsError::Read {
                path: path.to_owned(),
                source,
            })
        };
        Ok(Contents {
            certificate: read(&self.certificate)?,
            key: read(&self.key)?,
            client_ca: self.client_ca.as_deref().map(read).transpose()?,
        })
    }

    fn config(&self, contents: &Contents) -> Result<ServerConfig, TlsError> {
        let chain = certificates(&self.certificate, &contents.certificate)?;
        let key = PrivateKeyDer::from_pem_slice(&contents.key)
            .map_err(not_pem(&self.key, "private key"))?;
        let provider: Arc<CryptoProvider> = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            // TLS 1.2 and 1.3.
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Unusable)?;
        let builder = match (&self.client_ca, &contents.client_ca) {
            (Some(path), Some(pem)) => {
                let mut roots = RootCertStore::empty();
                for root in certificates(path, pem)? {
                    roots.add(root).map_err(TlsError::ClientRoots)?;
                }
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
                builder.with_client_cert_verifier(verifier?)
            }
            _ => builder.with_no_client_auth(),
        };
        let mut config = builder
            .with_single_cert(chain, key)
            .map_err(TlsError::Unusable)?;
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        Ok(config)
    }
}

fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.and_then(|found| match found.is_empty() {
        true => Err(pem::Error::NoItemsFound),
        false => Ok(found),
    });
    found.map_err(not_pem(path, "certificate"))
}

fn not_pem(path: &Path, what: &'static str) -> impl FnOnce(pem::Error) -> TlsError {
    let path = path.to_owned();
    move |source| TlsError::Pem { path, what, source }
}

#[cfg(test)]
mod tests;
