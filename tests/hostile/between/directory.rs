//! A directory that does not tell where people are. Records are signed by whom they are of, so it can be of
//! no use, and nothing else.

use std::{
    io,
    net::{SocketAddr, TcpListener, UdpSocket},
    sync::Arc,
    thread,
    time::Duration,
};

use grove::content::{Hash, MAX_ADDRESSES, Ticket};
use iroh::{
    EndpointAddr, SecretKey,
    address_lookup::{EndpointData, EndpointInfo},
};
use iroh_blobs::BlobFormat;
use tokio::io::AsyncWriteExt as _;

use super::{Evil, ToMember};
use crate::{
    common::{Hub, Peer, member},
    sharer::victim::Usage,
};

/// What it answers whoever asks for a record.
#[derive(Clone)]
pub(super) enum Lie {
    /// This, and the end.
    Says(Arc<Vec<u8>>),
    /// This, and then this again and again, each after a while.
    GoesOn(Arc<Vec<u8>>, Arc<Vec<u8>>, Duration),
}

impl Lie {
    fn record(record: &[u8]) -> Self {
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n",
            record.len()
        );
        Self::Says(Arc::new([head.as_bytes(), record].concat()))
    }

    fn elsewhere(status: u16, to: &str) -> Self {
        let head =
            format!("HTTP/1.1 {status} Elsewhere\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n");
        Self::Says(Arc::new(head.into_bytes()))
    }

    pub(super) async fn answer(&self, to: &mut ToMember) -> io::Result<()> {
        match self {
            Self::Says(text) => to.write_all(text).await?,
            Self::GoesOn(head, again, pause) => {
                to.write_all(head).await?;
                loop {
                    to.write_all(again).await?;
                    to.flush().await?;
                    tokio::time::sleep(*pause).await;
                }
            }
        }
        to.shutdown().await
    }
}

/// A record that `secret` signs, with these addresses; `None` if they are too many.
fn record(secret: &SecretKey, addresses: &[SocketAddr]) -> Option<Vec<u8>> {
    let mut data = EndpointData::default();
    data.add_ip_addrs(addresses.to_vec());
    let info = EndpointInfo::from_parts(secret.public(), data);
    let packet = info.to_pkarr_signed_packet(secret, 30).ok()?;
    Some(packet.to_relay_payload())
}

/// Somewhere that nobody has a reason to come to.
struct Trap {
    datagrams: UdpSocket,
    connections: TcpListener,
}

impl Trap {
    fn new() -> Self {
        let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap();
        let connections = TcpListener::bind("127.0.0.1:0").unwrap();
        datagrams.set_nonblocking(true).unwrap();
        connections.set_nonblocking(true).unwrap();
        Self {
            datagrams,
            connections,
        }
    }

    fn nobody_came(&self) {
        assert!(!heard(&self.datagrams), "a stranger's address was tried");
        let came = self.connections.accept();
        assert!(came.is_err(), "another server was asked");
    }
}

fn heard(socket: &UdpSocket) -> bool {
    socket.recv(&mut [0; 2048]).is_ok()
}

/// All of them, with what they are.
fn lies(trap: &Trap) -> Vec<(&'static str, Lie)> {
    let somebody = SecretKey::generate();
    let at_the_trap = [trap.datagrams.local_addr().unwrap()];
    let of_somebody = record(&somebody, &at_the_trap).unwrap();
    let mut forged = of_somebody.clone();
    forged[7] ^= 0x40;
    let place = trap.connections.local_addr().unwrap();
    let [https, http] = ["https", "http"].map(|scheme| format!("{scheme}://{place}/pkarr/x"));
    let endless = "HTTP/1.1 200 OK\r\ncontent-length: 1099511627776\r\n\r\n";
    let heads = "HTTP/1.1 200 OK\r\n";
    let bytes = |text: &str| Arc::new(text.as_bytes().to_vec());
    let now = Duration::ZERO;
    vec![
        ("somebody else's record", Lie::record(&of_somebody)),
        ("a record with a wrong signature", Lie::record(&forged)),
        ("an empty record", Lie::record(b"")),
        ("a record of 100 KB", Lie::record(&vec![0x41; 100_000])),
        (
            "a record without end",
            Lie::GoesOn(bytes(endless), Arc::new(vec![0x41; 1 << 16]), now),
        ),
        (
            "a record that trickles",
            Lie::GoesOn(bytes(endless), bytes("A"), Duration::from_millis(50)),
        ),
        (
            "headers without end",
            Lie::GoesOn(bytes(heads), bytes("x-more: yes\r\n"), now),
        ),
        (
            "no answer",
            Lie::GoesOn(bytes(""), bytes(""), Duration::from_millis(100)),
        ),
        ("no such thing", Lie::Says(bytes("what?\r\n\r\n"))),
        ("another server", Lie::elsewhere(302, &https)),
        ("another server again", Lie::elsewhere(307, &http)),
    ]
}

/// Who asks such a directory alone finds nobody, and says so; who asks an honest one, too, finds whom the
/// ticket means.
#[test]
fn a_directory_that_lies_is_of_no_use_and_of_no_harm() {
    let honest = Hub::start(&["--no-relay"]);
    let alice = member("alice", &[&honest]);
    alice.write("file", "content");
    let sharing = alice.share(&["file", "--short"]);
    // Also where the directory took too long to answer her for a ticket without addresses.
    let ticket = Ticket::parse(&sharing.ticket).unwrap();
    let ticket = Ticket {
        addr: EndpointAddr::from_parts(ticket.addr.id, []),
        ..ticket
    };
    let ticket = &ticket.to_string();
    let trap = Trap::new();
    thread::scope(|scope| {
        for (what, lie) in lies(&trap) {
            let honest = &honest.ticket;
            scope.spawn(move || {
                let evil = Evil::new();
                let bob = evil.member("bob");
                evil.says(lie);
                let getting = bob.start_get(ticket, &["--wait", "2s"]);
                let usage = Usage::of(&getting);
                let ended = getting.end();
                assert_eq!(ended.code(), Some(4), "{what}: {ended}");
                let (memory, _) = usage.most();
                assert!(memory <= 128, "{what}: {memory} MiB: {ended}");
                assert!(!bob.path("file").exists(), "{what}");
                bob.grove(&["join", honest]).expect(0);
                let got = bob.get(ticket, &[]);
                assert_eq!(got.code(), Some(0), "{what}: {got}");
                assert_eq!(bob.read("file"), b"content", "{what}");
            });
        }
    });
    trap.nobody_came();
}

/// An old record is a true one of another time: whoever is there by now is not taken for the sharer.
#[test]
fn an_old_record_leads_to_nobody_else() {
    let evil = Evil::new();
    let (secret, bob) = (SecretKey::generate(), evil.member("bob"));
    // Somebody else shares at that address by now.
    let eve = Peer::new("eve");
    eve.write("file", "of eve");
    let sharing = eve.share(&["file"]);
    let there = Ticket::parse(&sharing.ticket).unwrap();
    let there: Vec<SocketAddr> = there.addr.ip_addrs().copied().collect();
    assert!(!there.is_empty());
    evil.says(Lie::record(&record(&secret, &there).unwrap()));
    let ticket = Ticket {
        addr: EndpointAddr::from_parts(secret.public(), []),
        ..Ticket::parse(&sharing.ticket).unwrap()
    };
    let got = bob.get(&ticket.to_string(), &["--wait", "2s"]).expect(4);
    assert!(!bob.path("file").exists(), "{got}");
}

/// Whoever signs their own record can name anybody in it. Few are asked.
#[test]
fn a_record_of_many_addresses_reaches_few() {
    let traps: Vec<Trap> = (0..100).map(|_| Trap::new()).collect();
    let addresses = traps
        .iter()
        .map(|trap| trap.datagrams.local_addr().unwrap());
    let addresses: Vec<SocketAddr> = addresses.collect();
    let secret = SecretKey::generate();
    let fits = (1..=addresses.len()).rev();
    let (many, record) = fits
        .into_iter()
        .find_map(|many| Some((many, record(&secret, &addresses[..many])?)))
        .unwrap();
    assert!(many > 20, "{many} are not many");
    let evil = Evil::new();
    let bob = evil.member("bob");
    evil.says(Lie::record(&record));
    let ticket = Ticket {
        addr: EndpointAddr::from_parts(secret.public(), []),
        hash: Hash::new("a share"),
        format: BlobFormat::HashSeq,
        expires: None,
        others: Vec::new(),
    };
    let asked = || {
        bob.get(&ticket.to_string(), &["--wait", "4s"]).expect(4);
        traps.iter().filter(|trap| heard(&trap.datagrams)).count()
    };
    // A machine that stalls may not come to it in that time.
    let asked = (0..10).map(|_| asked()).find(|asked| *asked > 0);
    let asked = asked.unwrap_or_default();
    assert!((1..=MAX_ADDRESSES).contains(&asked), "{asked} of {many}");
}
