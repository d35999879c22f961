//! Which certificates are believed for which host.
//!
//! A hub with a certificate authority of its own is known by the hash of that in its ticket: the chain that
//! it shows has to hold that very certificate, and to end in it by the ordinary rules of names, dates and
//! signatures. A hub with an ordinary certificate is checked as any web server is. Nobody is believed for
//! a host of which no ticket speaks; so a hub's authority means nothing for other hosts, and nobody
//! else's means anything for a hub that has its own.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::IpAddr,
    sync::Arc,
};

use iroh::tls::CaTlsConfig;
use rustls::{
    CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use sha2::{Digest as _, Sha256};

use crate::content::{HostPort, HubTicket};

/// For each host what its certificate may end in: an authority with this hash, or for `None` an ordinary one.
#[derive(Debug, Clone, Default)]
pub(super) struct Believed(Arc<BTreeMap<String, BTreeSet<Option<[u8; 32]>>>>);

impl Believed {
    pub(super) fn of(hubs: &[HubTicket]) -> Self {
        let mut believed: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for hub in hubs {
            for place in hub.places() {
                let host = place.host().trim_end_matches('.').to_owned();
                believed.entry(host).or_default().insert(hub.pin);
            }
        }
        Self(Arc::new(believed))
    }
}

/// Checks what a server shows by [`Believed`].
#[derive(Debug)]
pub(super) struct Verifier {
    believed: Believed,
    ordinary: Arc<dyn ServerCertVerifier>,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    pub(super) fn new(believed: Believed, provider: Arc<CryptoProvider>) -> io::Result<Self> {
        Ok(Self {
            believed,
            ordinary: CaTlsConfig::embedded().server_cert_verifier(provider.clone())?,
            provider,
        })
    }

    /// What checks a chain that has the authority with the hash `pin` in it.
    fn pinned(
        &self,
        pin: &[u8; 32],
        chain: &[CertificateDer<'_>],
    ) -> Result<Arc<dyn ServerCertVerifier>, Error> {
        let is_it = |cert: &&CertificateDer<'_>| Sha256::digest(cert)[..] == pin[..];
        let authority = chain.iter().find(is_it);
        let authority = authority.ok_or(CertificateError::UnknownIssuer)?;
        let mut roots = RootCertStore::empty();
        roots.add(authority.clone().into_owned())?;
        WebPkiServerVerifier::builder_with_provider(roots.into(), self.provider.clone())
            .build()
            .map(|verifier| verifier as Arc<dyn ServerCertVerifier>)
            .map_err(|error| Error::General(error.to_string()))
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let server_name = &meant(server_name);
        let mut refused = Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let pins = self.believed.0.get(&host(server_name));
        for pin in pins.into_iter().flatten() {
            let verified = match pin {
                None => Ok(self.ordinary.clone()),
                Some(pin) => self.pinned(pin, intermediates),
            }
            .and_then(|verifier| {
                verifier.verify_server_cert(
                    end_entity,
                    intermediates,
                    server_name,
                    ocsp_response,
                    now,
                )
            });
            match verified {
                Ok(verified) => return Ok(verified),
                // One that got further says more: that the date is wrong, say.
                Err(error) if is_unknown(&refused) => refused = error,
                Err(_) => {}
            }
        }
        Err(refused)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

fn is_unknown(error: &Error) -> bool {
    *error == Error::InvalidCertificate(CertificateError::UnknownIssuer)
}

/// What a certificate has to be for: the address, where the name stands for one.
fn meant<'a>(name: &ServerName<'a>) -> ServerName<'a> {
    let of_name = match name {
        ServerName::DnsName(name) => HostPort::ipv6_of(name.as_ref()),
        _ => None,
    };
    of_name.map_or_else(|| name.clone(), |ip| ServerName::from(IpAddr::V6(ip)))
}

/// A host as tickets write it.
fn host(name: &ServerName<'_>) -> String {
    match name {
        ServerName::DnsName(name) => {
            let name = name.as_ref().trim_end_matches('.');
            name.to_ascii_lowercase()
        }
        ServerName::IpAddress(ip) => IpAddr::from(*ip).to_canonical().to_string(),
        _ => String::new(),
    }
}
