//! What is kept from one run to the next: the key of the account, and certificates with their keys.
//!
//! Authorities count how often they certify a name, and soon refuse. So what was issued is kept before
//! anybody looks whether it is of use: it may become so. The one that was good until then is put aside,
//! for as long as the new one is not; and what cannot be written is kept in memory, and written later.

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
    /// The good one before that.
    before: PathBuf,
    /// What was issued last, where it could not be written.
    unwritten: Option<Vec<u8>>,
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

/// Why a certificate is of no use.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unusable {
    pub(super) why: String,
    /// Whether it will be of use later by this clock. One that is issued now would be no sooner.
    pub(super) early: bool,
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
            before: file("before", domain),
            unwritten: None,
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

    /// What was issued last, and why it is of no use if it is not.
    pub(super) fn newest(&self) -> Option<Result<Good, Unusable>> {
        let pem = match &self.unwritten {
            Some(pem) => pem.clone(),
            None => fs::read(&self.certificate).ok()?,
        };
        Some(self.check(&pem))
    }

    /// The newest that is of use.
    pub(super) fn best(&self) -> Option<Good> {
        match self.newest() {
            Some(Ok(good)) => return Some(good),
            Some(Err(Unusable { why, .. })) => {
                tracing::info!(%why, "the certificate that was issued last is not used");
            }
            None => {}
        }
        let pem = fs::read(&self.before).ok()?;
        self.check(&pem).ok()
    }

    /// Keeps what was issued; in memory alone where this fails.
    pub(super) fn write(&mut self, pem: &[u8]) -> Result<(), String> {
        let old = fs::read(&self.certificate);
        if old.is_ok_and(|pem| self.check(&pem).is_ok()) {
            // Without it the new one is kept all the same.
            _ = fs::rename(&self.certificate, &self.before);
        }
        self.unwritten = Some(pem.to_owned());
        self.write_again()
    }

    /// Writes what could not be written before, if there is anything.
    pub(super) fn write_again(&mut self) -> Result<(), String> {
        if let Some(pem) = &self.unwritten {
            write(&self.certificate, pem)?;
            self.unwritten = None;
        }
        Ok(())
    }

    /// Looks at a key and a chain as a member would.
    pub(super) fn check(&self, pem: &[u8]) -> Result<Good, Unusable> {
        let damaged = || Unusable {
            why: "the authority gave something that is no certificate".to_owned(),
            early: false,
        };
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

    fn unbelieved(&self, error: &Error) -> Unusable {
        let mut early = false;
        let why = match error {
            Error::InvalidCertificate(CertificateError::UnknownIssuer) if self.root.is_some() => {
                "it does not end in the first certificate of --acme-root"
            }
            Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
                "not everybody knows its authority; name the root with --acme-root"
            }
            Error::InvalidCertificate(
                CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
            ) => {
                early = true;
                "it is not valid yet by this clock, which may be slow"
            }
            Error::InvalidCertificate(
                CertificateError::Expired | CertificateError::ExpiredContext { .. },
            ) => "it is not valid any more by this clock, which may be fast",
            Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            ) => "it is for another name",
            _ => "it is not well made",
        };
        let why = format!("no member would believe the certificate: {why}");
        Unusable { why, early }
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

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
    use tempfile::TempDir;

    use super::*;

    const NAME: &str = "hub.example";

    struct Scene {
        kept: Kept,
        authority: Issuer<'static, KeyPair>,
        folder: TempDir,
    }

    impl Scene {
        fn new() -> Self {
            let folder = TempDir::new().unwrap();
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let root = params.self_signed(&key).unwrap().der().clone();
            Self {
                kept: kept(&folder, root),
                authority: Issuer::new(params, key),
                folder,
            }
        }

        /// What is valid from so many days from now on for ninety.
        fn issue(&self, from: i64) -> Vec<u8> {
            let day = Duration::from_hours(24);
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            let days = i64::try_from(now.as_secs() / day.as_secs()).unwrap() + from;
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
            params.not_before = date_time_ymd(1970, 1, 1) + day * u32::try_from(days).unwrap();
            params.not_after = params.not_before + day * 90;
            let leaf = params.signed_by(&key, &self.authority).unwrap();
            format!("{}\n{}", key.serialize_pem(), leaf.pem()).into_bytes()
        }

        /// After a restart.
        fn again(&self) -> Kept {
            kept(&self.folder, self.kept.root.clone().unwrap())
        }

        fn certificate(&self) -> &Path {
            &self.kept.certificate
        }
    }

    fn kept(folder: &TempDir, root: CertificateDer<'static>) -> Kept {
        let directory = "https://ca.example/dir".parse().unwrap();
        Kept::new(folder.path(), NAME, &directory, None, Some(root)).unwrap()
    }

    fn leaf(good: &Good) -> Vec<u8> {
        good.key.cert[0].to_vec()
    }

    #[test]
    fn what_was_issued_is_kept_whether_it_is_of_use_or_not() {
        let mut scene = Scene::new();
        assert!(scene.kept.newest().is_none());
        let early = scene.issue(1);
        scene.kept.write(&early).unwrap();
        let unusable = scene.again().newest().unwrap().err().unwrap();
        assert!(unusable.early, "{unusable:?}");
        assert!(scene.again().best().is_none());
        assert_eq!(fs::read(scene.certificate()).unwrap(), early);
        let late = scene.issue(-100);
        scene.kept.write(&late).unwrap();
        let unusable = scene.again().newest().unwrap().err().unwrap();
        assert!(!unusable.early, "{unusable:?}");
        scene.kept.write(b"nonsense").unwrap();
        assert!(!scene.again().newest().unwrap().err().unwrap().early);
        let good = scene.issue(-1);
        scene.kept.write(&good).unwrap();
        assert!(scene.again().newest().unwrap().is_ok());
    }

    #[test]
    fn a_good_one_stays_in_use_until_the_next_one_is_good() {
        let mut scene = Scene::new();
        let old = scene.issue(-70);
        scene.kept.write(&old).unwrap();
        let old = scene.kept.best().unwrap();
        // Whatever comes in what order, it is not lost.
        for unusable in [scene.issue(1), b"nonsense".to_vec(), scene.issue(1)] {
            scene.kept.write(&unusable).unwrap();
            assert!(scene.again().newest().unwrap().is_err());
            assert_eq!(leaf(&scene.again().best().unwrap()), leaf(&old));
        }
        let new = scene.issue(-1);
        scene.kept.write(&new).unwrap();
        let new = scene.again().best().unwrap();
        assert!(new.renew > old.renew);
    }

    #[test]
    fn what_cannot_be_written_is_used_and_written_later() {
        let mut scene = Scene::new();
        // Nothing can be written there, whoever tries.
        fs::create_dir(scene.certificate()).unwrap();
        let good = scene.issue(-1);
        let why = scene.kept.write(&good).unwrap_err();
        assert!(why.starts_with("cannot write "), "{why}");
        assert!(scene.kept.best().is_some());
        scene.kept.write_again().unwrap_err();
        fs::remove_dir(scene.certificate()).unwrap();
        scene.kept.write_again().unwrap();
        assert_eq!(fs::read(scene.certificate()).unwrap(), good);
        assert!(scene.again().best().is_some());
    }
}
