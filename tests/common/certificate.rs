//! Certificates as an authority gives them; nobody knows the authority but the test.

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd,
};

/// What an authority of its own gave, and that authority's certificate.
pub(crate) struct Certified {
    pub(crate) leaf: Certificate,
    pub(crate) key: KeyPair,
    pub(crate) root: Certificate,
}

/// A new authority certifies a domain or an address, until 2039.
pub(crate) fn certify(name: &str) -> Certified {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.not_after = date_time_ymd(2039, 1, 1);
    let leaf = params.signed_by(&key, &root).unwrap();
    Certified {
        leaf,
        key,
        root: root.as_ref().clone(),
    }
}
