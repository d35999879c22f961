//! How the front and address discovery prove who they are.
//!
//! Either by the hub's own authority, by files that are read again when they change, or by an
//! authority that is asked by ACME.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use rustls::{
    ServerConfig,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio::{sync::watch, task::JoinSet};

use super::{
    acme::{self, Acme},
    authority::Authority,
    folder::{Folder, shown},
    options::Certificate,
};
use crate::{
    content::escape,
    disk,
    events::{Events, Failure, FailureKind, WarningKind},
};

/// How often files are looked at.
const LOOK: Duration = Duration::from_secs(5);

/// What the servers of a hub are set up with.
#[derive(Clone)]
pub(super) struct Identity {
    /// `None` where TLS ends at a proxy.
    pub(super) config: Option<Arc<ServerConfig>>,
    /// Whether there is a certificate to show; always but where an authority is asked for one.
    pub(super) there: watch::Receiver<bool>,
    /// SHA-256 of the authority that members know it by, where that is not one of those that everybody
    /// knows.
    pub(super) pin: Option<[u8; 32]>,
}

/// The cryptography of all of it.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Reads or makes the certificate for `names`. What keeps it fresh runs in `tasks`.
///
/// # Errors
/// `LocalDisk` when files cannot be read or are damaged, `Usage` when they do not make sense.
pub(super) fn identity(
    certificate: &Certificate,
    folder: &Folder,
    names: &[String],
    events: &Events,
    tasks: &mut JoinSet<()>,
) -> Result<Identity, Failure> {
    // Parts of libraries ask for the one of the process. That there is one already is as good.
    _ = rustls::crypto::ring::default_provider().install_default();
    let mut pin = None;
    let mut alpn = vec![b"http/1.1".to_vec()];
    let (tell, there) = watch::channel(true);
    let resolver: Arc<dyn ResolvesServerCert> = match certificate {
        Certificate::Proxy => {
            return Ok(Identity {
                config: None,
                there,
                pin: None,
            });
        }
        Certificate::Own => {
            let authority = Authority::read_or_create(folder)?;
            pin = Some(authority.pin());
            let (chain, key) = authority.sign(names)?;
            Arc::new(Certified::new(certified(chain, key).map_err(unusable)?))
        }
        Certificate::Files { cert, key } => {
            let files = Files {
                cert: cert.clone(),
                key: key.clone(),
            };
            let certified = Arc::new(Certified::new(files.read()?));
            let (shared, events) = (certified.clone(), events.clone());
            tasks.spawn(async move { files.follow(&shared, &events).await });
            certified
        }
        Certificate::Acme(authority) => {
            let acme = Acme::new(authority, folder)?;
            pin = acme.pin();
            alpn.push(acme::PROOF.to_vec());
            tell.send_replace(false);
            let resolver = acme.resolver();
            tasks.spawn(acme.keep(tell, events.clone()));
            resolver
        }
    };
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_no_client_auth()
        .with_cert_resolver(resolver);
    config.alpn_protocols = alpn;
    Ok(Identity {
        config: Some(Arc::new(config)),
        there,
        pin,
    })
}

/// A chain with its key.
pub(super) fn certified(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<CertifiedKey, rustls::Error> {
    CertifiedKey::from_der(chain, key, &provider())
}

/// It cannot be used, for this reason.
pub(super) fn unusable(error: impl std::fmt::Display) -> Failure {
    let why = escape(&error.to_string()).into_owned();
    Failure::new(
        FailureKind::Failed,
        format!("the certificate cannot be used: {why}"),
    )
    .hint("make the certificate anew, and look at its key")
}

/// The certificate that is shown to whoever comes now.
#[derive(Debug)]
struct Certified(RwLock<Arc<CertifiedKey>>);

impl Certified {
    fn new(key: CertifiedKey) -> Self {
        Self(RwLock::new(Arc::new(key)))
    }

    fn set(&self, key: CertifiedKey) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(key);
    }
}

impl ResolvesServerCert for Certified {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let key = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Some(key.clone())
    }
}

/// A certificate in files.
#[derive(Debug)]
struct Files {
    cert: PathBuf,
    key: PathBuf,
}

impl Files {
    fn read(&self) -> Result<CertifiedKey, Failure> {
        let bad = |path: &Path, why: &str| {
            let message = format!("{} {why}", shown(path));
            Failure::new(FailureKind::LocalDisk, message)
                .hint("--cert wants the whole chain and --key its key, both in PEM")
        };
        let text = |path: &Path| {
            let why = |error| format!("cannot be read: {}", disk::reason(&error));
            fs::read(path).map_err(|error| bad(path, &why(error)))
        };
        let (chain, key) = (text(&self.cert)?, text(&self.key)?);
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&chain).collect();
        let chain = chain.ok().filter(|chain| !chain.is_empty());
        let chain = chain.ok_or_else(|| bad(&self.cert, "holds no certificate"))?;
        let key =
            PrivateKeyDer::from_pem_slice(&key).map_err(|_| bad(&self.key, "holds no key"))?;
        certified(chain, key).map_err(|_| bad(&self.key, "does not fit the certificate"))
    }

    fn times(&self) -> [Option<SystemTime>; 2] {
        [&self.cert, &self.key].map(|path| fs::metadata(path).and_then(|m| m.modified()).ok())
    }

    /// Reads them again whenever they change. What does not make sense is said and not used: one of
    /// two files may have been replaced a moment before the other.
    async fn follow(&self, shared: &Certified, events: &Events) {
        let mut used = self.times();
        let mut told = None;
        loop {
            tokio::time::sleep(LOOK).await;
            let now = self.times();
            if now == used {
                continue;
            }
            match self.read() {
                Ok(key) => {
                    shared.set(key);
                    (used, told) = (now, None);
                    tracing::info!("the certificate was read again");
                }
                Err(failure) if told != Some(now) => {
                    let message = format!("the old certificate stays in use: {failure}");
                    events.warn(WarningKind::Network, message);
                    told = Some(now);
                }
                Err(_) => {}
            }
        }
    }
}
