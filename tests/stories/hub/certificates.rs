//! Certificates of the operator's own, of an authority on the internet, and none.

use std::{
    net::{SocketAddr, TcpListener},
    path::Path,
};

use super::{
    https::{Https, ask, plain},
    operator, status, token_of,
};
use crate::common::{self, Event, poll};

/// A new certificate in these files; its DER.
fn certify(cert: &Path, key: &Path) -> Vec<u8> {
    let made = common::certify("hub.example");
    std::fs::write(key, made.key.serialize_pem()).unwrap();
    std::fs::write(cert, made.leaf.pem()).unwrap();
    made.leaf.der().to_vec()
}

fn listens(ready: &Event) -> SocketAddr {
    ready["listens"][0].as_str().unwrap().parse().unwrap()
}

fn pin(ready: &Event) -> Option<[u8; 32]> {
    let ticket = ready["ticket"].as_str().unwrap();
    grove::content::HubTicket::parse(ticket).unwrap().pin
}

#[test]
fn a_certificate_in_files_is_read_again_when_it_changes() {
    let owner = operator();
    let (cert, key) = (owner.path("cert.pem"), owner.path("key.pem"));
    let first = certify(&cert, &key);
    let args = [
        "hub",
        "--public-addr",
        "hub.example:443",
        "--cert",
        "cert.pem",
        "--key",
        "key.pem",
    ];
    let mut hub = owner.start(&args);
    let ready = hub.wait_for("hub_ready");
    let addr = listens(&ready);
    assert_eq!(pin(&ready), None, "everybody knows such certificates");
    let shown = || Https::connect(addr).unwrap().certificate();
    assert_eq!(shown(), first);
    // One of the two files is new, as when somebody is just replacing them.
    std::fs::write(&cert, "nothing").unwrap();
    let warning = hub.wait_for("warning");
    let message = warning["message"].as_str().unwrap();
    assert!(
        message.starts_with("the old certificate stays in use"),
        "{message}"
    );
    assert_eq!(shown(), first);
    let second = certify(&cert, &key);
    poll(|| {
        let is_new = shown() == second;
        is_new
            .then_some(())
            .ok_or("the new certificate is not used")
    });
    hub.interrupt().expect(130);
}

#[test]
fn files_that_are_no_certificate_are_named() {
    let owner = operator();
    let (cert, key) = (owner.path("cert.pem"), owner.path("key.pem"));
    certify(&cert, &key);
    let args = [
        "hub",
        "--public-addr",
        "hub.example:443",
        "--cert",
        "cert.pem",
        "--key",
    ];
    let other = owner.path("other.pem");
    certify(&owner.path("unused.pem"), &other);
    for (key, says) in [
        ("other.pem", "other.pem does not fit the certificate"),
        ("cert.pem", "cert.pem holds no key"),
        ("nowhere.pem", "nowhere.pem cannot be read"),
    ] {
        let ended = owner.grove(&[&args[..], &[key]].concat()).expect(8);
        assert!(ended.message().contains(says), "{ended}");
    }
}

/// As far as it can be tried without that authority: it is asked, at the address that was given, and
/// the hub says what came of it, and goes on asking. It does not say that it is ready.
#[test]
fn an_authority_on_the_internet_is_asked_for_the_domain() {
    let authority = TcpListener::bind("127.0.0.1:0").unwrap();
    let directory = format!("https://{}/directory", authority.local_addr().unwrap());
    let owner = operator();
    let mut hub = owner.start(&[
        "hub",
        "--domain",
        "hub.example",
        "--acme-contact",
        "operator@hub.example",
        "--acme-directory",
        &directory,
    ]);
    let (mut asks, _) = authority.accept().unwrap();
    let mut hello = [0; 3];
    std::io::Read::read_exact(&mut asks, &mut hello).unwrap();
    assert_eq!(hello[..2], [0x16, 3], "by TLS");
    drop((asks, authority));
    for _ in 0..2 {
        hub.wait_until("what came of it", |event| {
            let message = event["message"].as_str().unwrap_or_default();
            message.starts_with("no certificate yet: 127.0.0.1: ")
        });
    }
    let status = status(&owner);
    let place = status["hosts"][0].as_str().unwrap();
    assert!(place.starts_with("hub.example:"), "{status}");
    let ended = hub.interrupt().expect(130);
    assert!(ended.all("hub_ready").is_empty(), "{ended}");
}

#[test]
fn behind_a_proxy_that_ends_tls_there_is_none() {
    let owner = operator();
    let args = ["hub", "--plain-http", "--public-addr", "hub.example:443"];
    let mut hub = owner.start(&args);
    let ready = hub.wait_for("hub_ready");
    let addr = listens(&ready);
    assert_eq!(ready["hosts"][0], "hub.example:443");
    assert_eq!((pin(&ready), &ready["quic_port"]), (None, &Event::Null));
    let token = token_of(ready["ticket"].as_str().unwrap());
    let mut stream = plain(addr).unwrap();
    let head = format!(
        "GET /hub HTTP/1.1\r\nhost: hub\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
    );
    std::io::Write::write_all(&mut stream, head.as_bytes()).unwrap();
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[test]
fn two_hubs_have_nothing_in_common() {
    let (one, other) = (operator(), operator());
    let (mut first, mut second) = (one.start(&["hub"]), other.start(&["hub"]));
    let (first, second) = (first.wait_for("hub_ready"), second.wait_for("hub_ready"));
    assert_ne!(pin(&first), pin(&second));
    let token = token_of(first["ticket"].as_str().unwrap());
    assert_eq!(
        ask(listens(&second), "GET", "/hub", Some(&token)).status,
        401
    );
}
