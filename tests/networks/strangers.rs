//! Who has no token, or a wrong one, gets nothing from a hub, and no hub means no server at all.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
    sync::mpsc,
};

use grove::content::{Hash, HubTicket, Ticket};
use iroh::{
    EndpointAddr, EndpointId, SecretKey,
    address_lookup::{AddressLookup as _, EndpointData},
};
use iroh_blobs::BlobFormat;
use iroh_mdns_address_lookup::MdnsAddressLookup;

use crate::{
    hub::Hub,
    lab::{Kind, Lab},
};

/// The same hub with another token.
fn with_token(ticket: &str, token: Option<&str>) -> String {
    let mut ticket = HubTicket::parse(ticket).unwrap();
    ticket.token = token.map(str::to_owned);
    ticket.to_string()
}

#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn whoever_lacks_the_token_gets_nothing() {
    let lab = Lab::new();
    let hub = Hub::new(&lab, "hub");
    let alice = hub.member(&lab.behind("alice", Kind::Home), "alice");
    alice.write("file", "content");
    let sharing = alice.share(&["file"]);
    let short = alice.share(&["file", "--short"]);
    let computer = lab.behind("eve", Kind::Home);
    let eve = computer.peer("eve").online();
    for wrong in [None, Some("wrong")] {
        let ticket = with_token(&hub.ticket, wrong);
        let joined = eve.grove(&["join", &ticket]).expect(5);
        assert!(joined.message().contains("token"), "{joined}");
        // Relay and directory are of no use either to somebody who does not ask politely.
        for shared in [&sharing.ticket, &short.ticket] {
            let got = eve.grove(&["--hub", &ticket, "get", shared, "--wait", "3s"]);
            got.expect(4);
            assert!(!eve.path("file").exists());
        }
        let doctor = eve.grove(&["--hub", &ticket, "doctor"]).expect(5);
        assert_eq!(
            doctor.event("doctor")["problems"][0]["kind"],
            "denied",
            "{doctor}"
        );
    }
    // All of that was for want of the token.
    let got = eve.grove(&["--hub", &hub.ticket, "get", &short.ticket]);
    got.expect(0);
    assert_eq!(eve.read("file"), b"content");
}

/// The counter that every lab ends with counts.
#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn packets_to_elsewhere_are_counted() {
    let lab = Lab::new();
    let computer = lab.behind("bob", Kind::Home);
    computer.run("sh", &["-c", "ping -c 1 -W 1 192.0.2.1 || true"]);
    assert!(computer.packets_abroad() > 0);
    // Without a hub the public servers are asked, or would be.
    computer.peer("bob").online().grove(&["doctor"]).expect(4);
    assert!(computer.packets_abroad() > 0);
}

/// A hub that is down is not replaced by anybody.
#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn without_the_hub_nobody_else_is_asked() {
    let lab = Lab::new();
    let mut hub = Hub::new(&lab, "hub");
    let alice = hub.member(&lab.behind("alice", Kind::Public), "alice");
    let bob = hub.member(&lab.behind("bob", Kind::Home), "bob");
    hub.kill();
    alice.write("file", "content");
    let sharing = alice.share(&["file"]);
    // Directly it works all the same.
    bob.get(&sharing.ticket, &[]).expect(0);
    assert_eq!(bob.read("file"), b"content");
    let doctor = bob.grove(&["doctor"]).expect(4);
    assert_eq!(
        doctor.event("doctor")["problems"][0]["kind"],
        "no_server",
        "{doctor}"
    );
}

/// Tells everybody on the local network, for as long as the program runs, that this peer is at these
/// addresses, and its relay is there.
fn mislead(id: EndpointId, direct: SocketAddr, relay: SocketAddr) {
    let mut said = EndpointData::default();
    said.add_ip_addrs([direct].into());
    said.add_relay_url(format!("http://{relay}/").parse().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let answers = MdnsAddressLookup::builder().service_name("grove");
        let answers = answers.build(id).unwrap();
        answers.publish(&said);
        std::future::pending::<()>().await;
    });
}

/// Somebody in the same network may say where a peer is, but not have a server in it asked for one.
#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn the_local_network_leads_to_peers_and_to_no_server() {
    let lab = Lab::new();
    let computer = lab.behind("bob", Kind::Home);
    let ip = computer.ip4();
    let (peer, server) = computer.inside(move || {
        let peer = UdpSocket::bind((ip, 0)).unwrap();
        let server = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        (peer, server)
    });
    let id = SecretKey::generate().public();
    let direct = peer.local_addr().unwrap();
    let relay = SocketAddr::from((ip, server.local_addr().unwrap().port()));
    computer.inside_meanwhile(move || mislead(id, direct, relay));
    let (tell, asked) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in server.incoming() {
            _ = tell.send(stream.is_ok());
        }
    });
    let ticket = Ticket {
        addr: EndpointAddr::from_parts(id, []),
        hash: Hash::new("a share"),
        format: BlobFormat::HashSeq,
        expires: None,
        others: Vec::new(),
    };
    let bob = computer.peer("bob").on_the_local_network().online();
    let got = bob.get(&ticket.to_string(), &["--wait", "20s"]).expect(4);
    peer.set_nonblocking(true).unwrap();
    let knocked = peer.recv(&mut [0; 2048]).is_ok();
    assert!(knocked, "he does not hear what is said: {got}");
    assert!(asked.try_recv().is_err(), "the server was asked: {got}");
    // Without a hub he asks the public servers, too, or would.
    computer.packets_abroad();
}
