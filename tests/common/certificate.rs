//! Certificates as an authority gives them; nobody knows the authority but the test.

use rcgen::{BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// What an authority of its own gave, and that authority's certificate.
pub(crate) struct Certified {
    pub(crate) leaf: Certificate,
    pub(crate) key: KeyPair,
    pub(crate) root: Certificate,
}

/// A new authority certifies a domain or an address.
pub(crate) fn certify(name: &str) -> Certified {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new([name.to_owned()]).unwrap();
    let leaf = params.signed_by(&key, &root).unwrap();
    Certified {
        leaf,
        key,
        root: root.as_ref().clone(),
    }
}
