//! What is kept from one run to the next: the key of the account, and the certificate with its key.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use iroh_relay::tls::CaTlsConfig;
use rustls::{
    CertificateError, Error,
    client::danger::ServerCertVerifier,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
    sign::CertifiedKey,
};
use tokio_rustls_acme::acme::Account;
use url::Url;
use x509_parser::parse_x509_certificate;

use super::shown;
use crate::{
    disk,
    hub::certificate::{certified, provider},
};

/// The files for one name at one authority.
pub(super) struct Kept {
    account: PathBuf,
    certificate: PathBuf,
    name: ServerName<'static>,
    root: Option<CertificateDer<'static>>,
    /// Checks as members do.
    members: Arc<dyn ServerCertVerifier>,
}

/// A certificate that members believe.
pub(super) struct Good {
    /// What is shown: the whole chain, with the root where members know only that.
    pub(super) key: Arc<CertifiedKey>,
    /// When a new one is wanted: after two thirds of its life.
    pub(super) renew: SystemTime,
}

impl Kept {
    pub(super) fn new(
        folder: &Path,
        domain: &str,
        directory: &Url,
        contact: Option<&str>,
        root: Option<CertificateDer<'static>>,
    ) -> io::Result<Self> {
        let file = |what: &str, of: &str| {
            let hash = blake3::hash(format!("{directory}\n{of}").as_bytes()).to_hex();
            folder.join(format!("{what}-{}", &hash[..16]))
        };
        let roots = match &root {
            Some(root) => CaTlsConfig::custom_roots([root.clone()]),
            None => CaTlsConfig::embedded(),
        };
        Ok(Self {
            account: file("account", contact.unwrap_or_default()),
            certificate: file("certificate", domain),
            name: ServerName::try_from(domain.to_owned()).map_err(io::Error::other)?,
            root,
            members: roots.server_cert_verifier(provider())?,
        })
    }

    /// The key of the account, made on first use; PKCS #8.
    pub(super) fn account(&self) -> Result<Vec<u8>, String> {
        match fs::read(&self.account) {
            Ok(key) => Ok(key),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = Account::generate_key_pair();
                write(&self.account, &key)?;
                Ok(key)
            }
            Err(error) => {
                let why = disk::reason(&error);
                Err(format!("cannot read {}: {why}", shown(&self.account)))
            }
        }
    }

    /// What an earlier run wrote, where it is good. Anything else is asked for anew.
    pub(super) fn read(&self) -> Option<Good> {
        let pem = fs::read(&self.certificate).ok()?;
        match self.check(&pem) {
            Ok(good) => Some(good),
            Err(why) => {
                tracing::info!(%why, "the certificate of the last run is not used");
                None
            }
        }
    }

    pub(super) fn write(&self, pem: &[u8]) -> Result<(), String> {
        write(&self.certificate, pem)
    }

    /// Looks at a key and a chain as a member would.
    pub(super) fn check(&self, pem: &[u8]) -> Result<Good, String> {
        let damaged = || "the authority gave something that is no certificate".to_owned();
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let mut chain = chain.map_err(|_| damaged())?;
        let key = PrivateKeyDer::from_pem_slice(pem).map_err(|_| damaged())?;
        let (leaf, others) = chain.split_first().ok_or_else(damaged)?;
        let believed =
            self.members
                .verify_server_cert(leaf, others, &self.name, &[], UnixTime::now());
        believed.map_err(|error| self.unbelieved(&error))?;
        let (_, parsed) = parse_x509_certificate(leaf).map_err(|_| damaged())?;
        let validity = parsed.validity();
        let [from, to] = [validity.not_before, validity.not_after].map(|time| time.timestamp());
        if let Some(root) = &self.root
            && !chain.contains(root)
        {
            // By this members find what the line to join pins.
            chain.push(root.clone());
        }
        Ok(Good {
            key: Arc::new(certified(chain, key).map_err(|_| damaged())?),
            renew: time(to - (to - from) / 3),
        })
    }

    fn unbelieved(&self, error: &Error) -> String {
        let why = match error {
            Error::InvalidCertificate(CertificateError::UnknownIssuer) if self.root.is_some() => {
                "it does not end in the first certificate of --acme-root"
            }
            Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
                "not everybody knows its authority; name the root with --acme-root"
            }
            Error::InvalidCertificate(
                CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. },
            ) => "it is of another time than this clock's",
            Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            ) => "it is for another name",
            _ => "it is not well made",
        };
        format!("no member would believe the certificate: {why}")
    }
}

fn write(path: &Path, content: &[u8]) -> Result<(), String> {
    disk::replace_synced(path, content)
        .map_err(|error| format!("cannot write {}: {}", shown(path), disk::reason(&error)))
}

/// A time in seconds since 1970.
fn time(secs: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(u64::try_from(secs).unwrap_or(0))
}
