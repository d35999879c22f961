use std::collections::BTreeSet;

use iroh::tls::default_provider;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    client::danger::ServerCertVerifier as _,
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use sha2::{Digest as _, Sha256};

use super::*;

/// An authority, and what it signed for these names.
fn authority(names: &[&str]) -> ([u8; 32], Vec<CertificateDer<'static>>) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let leaf = CertificateParams::new(names).unwrap();
    let leaf = leaf
        .signed_by(&KeyPair::generate().unwrap(), &issuer)
        .unwrap();
    let authority = issuer.der().clone();
    let pin = Sha256::digest(&authority).into();
    (pin, vec![leaf.der().clone(), authority])
}

fn hub(hosts: &[&str], pin: Option<[u8; 32]>) -> HubTicket {
    HubTicket {
        hosts: hosts.iter().map(ToString::to_string).collect(),
        quic_port: Some(7842),
        relay: true,
        directory: true,
        pin,
        token: Some("secret".into()),
    }
}

fn believes(
    hubs: &[HubTicket],
    name: &str,
    chain: &[CertificateDer<'static>],
    now: UnixTime,
) -> bool {
    let verifier = trust::Verifier::new(trust::Believed::of(hubs), default_provider()).unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    verifier
        .verify_server_cert(&chain[0], &chain[1..], &name, &[], now)
        .is_ok()
}

#[test]
fn a_hub_is_believed_for_its_own_hosts_and_nobody_else_for_them() {
    let names = ["hub.example", "other.example", "192.0.2.7", "2001:db8::7"];
    let ((pin, chain), (other_pin, other_chain)) = (authority(&names), authority(&names));
    let now = UnixTime::now();
    let hubs = [
        hub(
            &["hub.example:443", "192.0.2.7:443", "[2001:db8::7]:3443"],
            Some(pin),
        ),
        hub(&["third.example:443"], None),
    ];
    for name in ["hub.example", "HUB.example", "192.0.2.7", "2001:db8::7"] {
        assert!(believes(&hubs, name, &chain, now), "{name}");
        assert!(!believes(&hubs, name, &other_chain, now), "{name}");
    }
    // Its certificate is for these names, but its ticket is not.
    for name in ["other.example", "third.example", "192.0.2.8"] {
        assert!(!believes(&hubs, name, &chain, now), "{name}");
    }
    // Without the authority in the chain nobody can tell, and a leaf of another does not help.
    assert!(!believes(&hubs, "hub.example", &chain[..1], now));
    let mixed = [other_chain[0].clone(), chain[1].clone()];
    assert!(!believes(&hubs, "hub.example", &mixed, now));
    let long_ago = UnixTime::since_unix_epoch(std::time::Duration::from_secs(1));
    assert!(!believes(&hubs, "hub.example", &chain, long_ago));
    // Two hubs at one address, on different ports.
    let both = [
        hub(&["192.0.2.7:1"], Some(pin)),
        hub(&["192.0.2.7:2"], Some(other_pin)),
    ];
    assert!(
        believes(&both, "192.0.2.7", &chain, now)
            && believes(&both, "192.0.2.7", &other_chain, now)
    );
}

#[test]
fn a_leaf_with_the_hash_of_the_pin_is_no_authority() {
    let (_, chain) = authority(&["hub.example"]);
    let pin = Sha256::digest(&chain[0]).into();
    let hubs = [hub(&["hub.example:443"], Some(pin))];
    let chain = [chain[0].clone(), chain[0].clone()];
    assert!(!believes(&hubs, "hub.example", &chain, UnixTime::now()));
}

#[test]
fn relays_have_every_name_and_the_token() {
    let mut open = hub(&["open.example:443"], None);
    (open.token, open.quic_port) = (None, None);
    let mut none = hub(&["none.example:443"], None);
    none.relay = false;
    let map = relays(&[
        hub(&["a.example:443", "[2001:db8::7]:3443"], None),
        open,
        none,
    ]);
    let urls: BTreeSet<String> = map
        .urls::<Vec<_>>()
        .iter()
        .map(ToString::to_string)
        .collect();
    let expected = [
        "https://20010db8000000000000000000000007.ipv6.invalid:3443/",
        "https://a.example/",
        "https://open.example/",
    ];
    assert_eq!(urls, expected.map(str::to_owned).into());
    let relay = |url: &str| map.get(&url.parse().unwrap()).unwrap();
    assert_eq!(
        relay("https://a.example/").auth_token.as_deref(),
        Some("secret")
    );
    assert_eq!(
        relay("https://a.example/").quic.as_ref().unwrap().port,
        7842
    );
    assert_eq!(relay("https://open.example/").auth_token, None);
    assert!(relay("https://open.example/").quic.is_none());
}
