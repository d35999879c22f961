//! The hub's own certificate authority.
//!
//! It is made once, and its certificate is what the line to join pins, by its SHA-256. At each start
//! it signs a certificate for the addresses that the hub has then. Both are valid for very long,
//! because nobody trusts them for their dates: a client trusts this authority alone, for this hub
//! alone, and one whose clock is wrong should hear that from the hub rather than fail to reach it.

use std::{fs, io, path::Path};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject};
use sha2::{Digest, Sha256};

use super::folder::{Folder, shown};
use crate::{
    disk,
    events::{Failure, FailureKind},
};

/// A certificate authority that signs for one hub.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

impl Authority {
    /// Reads the authority in `folder`; made and written on first use.
    ///
    /// # Errors
    /// `LocalDisk` when it cannot be read, written, or is damaged. It is never replaced: every line
    /// that was handed around names it.
    pub(super) fn read_or_create(folder: &Folder) -> Result<Self, Failure> {
        let path = folder.authority();
        let pem = match fs::read(&path) {
            Ok(pem) => pem,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let pem = make().map_err(|error| cannot("make", &error))?;
                disk::replace_synced(&path, pem.as_bytes())
                    .map_err(|error| folder.failure("write", &path, &error))?;
                pem.into_bytes()
            }
            Err(error) => return Err(folder.failure("read", &path, &error)),
        };
        Self::parse(&pem).ok_or_else(|| damaged(&path))
    }

    fn parse(pem: &[u8]) -> Option<Self> {
        let certificate = CertificateDer::from_pem_slice(pem).ok()?;
        let key = PrivateKeyDer::from_pem_slice(pem).ok()?;
        let key = KeyPair::try_from(&key).ok()?;
        // The certificate must be of this key, or nobody could check what is signed with it.
        let text = certificate.as_ref();
        let public = key.public_key_raw();
        if !text.windows(public.len()).any(|window| window == public) {
            return None;
        }
        Some(Self {
            issuer: Issuer::new(params(), key),
            certificate,
        })
    }

    /// The SHA-256 of its certificate.
    pub(super) fn pin(&self) -> [u8; 32] {
        Sha256::digest(&self.certificate).into()
    }

    /// A certificate for `names`, the chain up to the authority, with its key.
    ///
    /// # Errors
    /// `Usage` when a name can stand in no certificate.
    pub(super) fn sign(
        &self,
        names: &[String],
    ) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), Failure> {
        let signed = || -> Result<_, rcgen::Error> {
            let mut params = CertificateParams::new(names)?;
            params.distinguished_name = name("Grove hub");
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2100, 1, 1);
            let key = KeyPair::generate()?;
            let leaf = params.signed_by(&key, &self.issuer)?;
            Ok((leaf.der().clone(), key.serialize_der()))
        };
        let (leaf, key) = signed().map_err(|error| cannot("sign", &error))?;
        let chain = vec![leaf, self.certificate.clone()];
        Ok((chain, PrivatePkcs8KeyDer::from(key).into()))
    }
}

fn params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = name("Grove hub authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2100, 1, 1);
    params
}

fn name(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    name
}

/// Key and certificate of a new authority.
fn make() -> Result<String, rcgen::Error> {
    let key = KeyPair::generate()?;
    let certificate = params().self_signed(&key)?;
    Ok(format!("{}{}", key.serialize_pem(), certificate.pem()))
}

fn cannot(verb: &str, error: &rcgen::Error) -> Failure {
    let message = format!("cannot {verb} the hub's certificate: {error}");
    Failure::new(FailureKind::Usage, message)
        .hint("look at the names in --public-addr, which have to be addresses or host names")
}

fn damaged(path: &Path) -> Failure {
    let message = format!("the certificate authority in {} is damaged", shown(path));
    Failure::new(FailureKind::LocalDisk, message).hint(
        "restore it from a backup; removing it makes a new one, and everybody has to join again",
    )
}
