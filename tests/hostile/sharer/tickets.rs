//! Tickets that are damaged, lead elsewhere, or are far too long. Nothing is sent for those that are
//! refused, and little for the others.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use grove::content::{Hash, MAX_ADDRESSES, Ticket};
use iroh::{EndpointAddr, SecretKey, TransportAddr};
use iroh_blobs::{BlobFormat, ticket::BlobTicket};
use serde::Serialize;

use super::{
    blob::Blob,
    list::List,
    peer::{Sharer, Store},
    victim::{DEST, Usage, Victim},
};
use crate::common::{Ended, Random, Running, poll};

/// Somewhere that only listens.
fn listener(address: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind(address).unwrap();
    socket.set_nonblocking(true).unwrap();
    socket
}

/// How many packets came.
fn heard(socket: &UdpSocket) -> usize {
    let mut buffer = [0; 2048];
    let mut packets = 0;
    while socket.recv(&mut buffer).is_ok() {
        packets += 1;
    }
    packets
}

fn ticket_at(addresses: impl IntoIterator<Item = SocketAddr>) -> Ticket {
    let addrs = addresses.into_iter().map(TransportAddr::Ip).collect();
    let id = SecretKey::generate().public();
    Ticket {
        addr: EndpointAddr { id, addrs },
        hash: Hash::new("a share"),
        format: BlobFormat::HashSeq,
        expires: Some(4_000_000_000),
        others: Vec::new(),
    }
}

/// Runs a line that is refused before anything is sent or written, with little memory.
fn refused_here(victim: &Victim, words: &[&str], input: Option<&[u8]>) -> Ended {
    let command = victim.peer.command(&[&["--json"], words].concat());
    let running = match input {
        Some(input) => Running::start_with_input("victim", command, input),
        None => Running::start("victim", command),
    };
    let usage = Usage::of(&running);
    let ended = running.end().expect(2);
    let (memory, _) = usage.most();
    assert!(memory <= 64, "{memory} MiB: {ended}");
    assert!(!victim.dest("").exists(), "{ended}");
    assert_eq!(ended.all("error").len(), 1, "{ended}");
    ended
}

#[test]
fn nothing_is_sent_for_a_damaged_ticket() {
    let victim = Victim::new();
    let socket = listener("127.0.0.1:0".parse().unwrap());
    let good = ticket_at([socket.local_addr().unwrap()]).to_string();
    let seed = std::env::var("GROVE_TEST_SEED").ok();
    let seed = seed
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(20_261_122);
    println!("GROVE_TEST_SEED={seed}");
    let mut random = Random(seed);
    let letters = b"abcdefghijklmnopqrstuvwxyz234567";
    for kind in (0..4).cycle().take(40) {
        let mut text = good.clone().into_bytes();
        let at = usize::try_from(random.below(text.len() as u64 - 5)).unwrap() + 4;
        match kind {
            0 => text.truncate(at),
            1 => _ = text.remove(at),
            2 => {
                let others = letters.iter().filter(|letter| **letter != text[at]);
                let others: Vec<u8> = others.copied().collect();
                text[at] = others[usize::try_from(random.below(31)).unwrap()];
            }
            _ if text[at - 1] != text[at] => text.swap(at - 1, at),
            _ => text.insert(at, b'a'),
        }
        let text = String::from_utf8(text).unwrap();
        let refused = refused_here(&victim, &["get", &text, "-o", DEST], None);
        let says = refused.message();
        let known = says.contains("damaged") || says.contains("not a ticket");
        assert!(known, "{text}: {refused}");
    }
    assert_eq!(heard(&socket), 0);
    // And with the right one somebody is asked.
    let asking = victim.peer.start(&["get", &good, "-o", DEST]);
    poll(|| (heard(&socket) > 0).then_some(()).ok_or("nobody is asked"));
    asking.interrupt().expect(130);
}

#[test]
fn what_cannot_be_a_ticket_is_not_read_to_its_end() {
    let victim = Victim::new();
    let long = "blob".to_owned() + &"a".repeat(128 << 10);
    let get = |words: &[&str], input: Option<&[u8]>| {
        refused_here(&victim, &[&["get", "-o", DEST], words].concat(), input)
    };
    let refused = get(&["-"], Some(long.as_bytes()));
    assert!(refused.message().contains("too long"), "{refused}");
    let refused = get(&[&long[..100 << 10]], None);
    assert!(refused.message().contains("too long"), "{refused}");
    for (name, content, says) in [
        ("large", vec![b'a'; 10 << 20], "too long"),
        ("zeros", vec![0; 10 << 20], "too long"),
        ("some zeros", vec![0; 1000], "empty"),
        ("not text", b"blob\xff\xfe".to_vec(), "not text"),
        ("nothing", Vec::new(), "empty"),
    ] {
        let path = victim.peer.path("../home").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &content).unwrap();
        let refused = get(&[&format!("@{}", path.display())], None);
        assert!(refused.message().contains(says), "{name}: {refused}");
        let refused = get(&["-"], Some(&content));
        assert!(refused.message().contains(says), "{name}: {refused}");
    }
    let refused = get(&["@/dev/zero"], None);
    assert!(refused.message().contains("too long"), "{refused}");

    let mut command = victim.peer.command(&["--json", "get", "-o", DEST]);
    command.arg(std::os::unix::ffi::OsStrExt::from_bytes(b"blob\xff\x9b2J") as &std::ffi::OsStr);
    let refused = Running::start("victim", command).end().expect(2);
    super::victim::holds_nothing_raw(&refused.stdout, "standard output");
    super::victim::holds_nothing_raw(&refused.stderr, "standard error");
}

#[test]
fn a_ticket_survives_how_people_pass_it_on() {
    let victim = Victim::new();
    let file = Blob::real("content");
    let list = List::of([("file", file.clone())]);
    let sharer = Sharer::serving(Store::of(&list, [file]));
    let ticket = sharer.ticket(list.root().hash);
    let (half, rest) = ticket.split_at(60);
    for text in [
        ticket.to_uppercase(),
        format!("{}{rest}", half.to_uppercase()),
        format!("\"{ticket}\""),
        format!("<{ticket}>,"),
        format!("{half}\r\n  {rest}\n"),
        format!("> {half}\u{200b}{rest}\u{feff}"),
        format!("grove:{ticket}"),
        format!("https://example.com/get#{ticket}"),
        format!("here it is: {ticket}."),
    ] {
        let listed = victim.peer.grove(&["ls", &text]);
        assert_eq!(listed.code(), Some(0), "{text:?}: {listed}");
    }
    let other = ticket_at([]).to_string();
    let both = format!("{ticket} {other}");
    let refused = refused_here(&victim, &["get", "-o", DEST, &both], None);
    assert!(refused.message().contains("more than one"), "{refused}");
}

#[test]
fn a_ticket_for_nothing() {
    let victim = Victim::new();
    for format in [BlobFormat::Raw, BlobFormat::HashSeq] {
        let address = ticket_at(["127.0.0.1:9".parse().unwrap()]).addr;
        let ticket = BlobTicket::new(address, Hash::EMPTY, format).to_string();
        for verb in ["get", "ls"] {
            let refused = refused_here(&victim, &[verb, &ticket], None);
            assert!(refused.message().contains("empty share"), "{refused}");
        }
    }
    // A list of no hashes, one of the names alone, and a share of nothing.
    let nothing = List::new::<&str>([]);
    for list in [nothing.clone(), nothing.plain()] {
        let sharer = Sharer::serving(Store::of(&list, []));
        let refused = victim.refuses(&sharer.ticket(list.root().hash), &[], 6);
        assert!(refused.message().contains("empty"), "{refused}");
    }
}

/// A ticket's bytes as another tool might write them: in any order, and with anything in it.
#[derive(Serialize)]
struct RawTicket {
    variant: u8,
    id: [u8; 32],
    relay: Option<String>,
    direct: Vec<SocketAddr>,
    format: BlobFormat,
    hash: Hash,
}

impl RawTicket {
    fn new(direct: Vec<SocketAddr>) -> Self {
        Self {
            variant: 0,
            id: *SecretKey::generate().public().as_bytes(),
            relay: None,
            direct,
            format: BlobFormat::HashSeq,
            hash: Hash::new("a share"),
        }
    }

    fn text(&self) -> String {
        let bytes = postcard::to_stdvec(self).unwrap();
        let text = data_encoding::BASE32_NOPAD.encode(&bytes);
        format!("blob{}", text.to_lowercase())
    }
}

#[test]
fn a_ticket_of_thousands_of_addresses_reaches_few() {
    /// So many are listened at: all that anybody could be at.
    const LISTENED: u32 = 400;
    let victim = Victim::new();
    let first = listener("127.77.0.1:0".parse().unwrap());
    let port = first.local_addr().unwrap().port();
    let at = |n: u32| Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 77, 0, 1)) + n);
    let others = (1..LISTENED).map(|n| listener((at(n), port).into()));
    let sockets: Vec<UdpSocket> = [first].into_iter().chain(others).collect();
    let loopback: Vec<SocketAddr> = (0..LISTENED).map(|n| (at(n), port).into()).collect();
    let useless: [IpAddr; 6] = [
        [0, 0, 0, 0].into(),
        [224, 0, 0, 251].into(),
        [239, 255, 255, 250].into(),
        [255, 255, 255, 255].into(),
        "ff02::1".parse().unwrap(),
        "::".parse().unwrap(),
    ];
    // Each twice, once as IPv6, and much that nobody is at in between.
    let mut direct = Vec::new();
    for (nth, address) in loopback.iter().enumerate() {
        let IpAddr::V4(v4) = address.ip() else {
            continue;
        };
        direct.push(*address);
        direct.push(SocketAddr::new(v4.to_ipv6_mapped().into(), port));
        direct.push(SocketAddr::new(address.ip(), 0));
        direct.push(SocketAddr::new(useless[nth % useless.len()], port));
    }
    let text = RawTicket::new(direct.clone()).text();
    let words = ["get", &text, "-o", DEST, "--wait", "4s"];
    let came = || {
        let (ended, _) = victim.leaves_nothing(&words, 4);
        assert!(ended.told().contains("left out"), "{ended}");
        let packets: Vec<usize> = sockets.iter().map(heard).collect();
        let reached = packets.iter().filter(|count| **count > 0).count();
        (reached, packets.iter().sum::<usize>())
    };
    // A machine that stalls may not come to it in that time.
    let came = (0..10).map(|_| came()).find(|(reached, _)| *reached > 0);
    let (reached, packets) = came.unwrap_or_default();
    println!("{reached} addresses, {packets} packets");
    assert!(
        (1..=MAX_ADDRESSES).contains(&reached),
        "{reached} addresses"
    );
    assert!(packets < 200, "{packets} packets to {reached} addresses");

    // Beside an address of another computer, those of this one are not used at all.
    direct.push("192.0.2.1:9".parse().unwrap());
    let text = RawTicket::new(direct.clone()).text();
    victim.leaves_nothing(&["get", &text, "-o", DEST, "--wait", "1s"], 4);
    assert_eq!(sockets.iter().map(heard).sum::<usize>(), 0);

    // Ten thousand are more than any ticket has.
    let many = direct.iter().copied().cycle().take(10_000).collect();
    let text = RawTicket::new(many).text();
    let refused = refused_here(&victim, &["get", "-", "-o", DEST], Some(text.as_bytes()));
    assert!(refused.message().contains("too long"), "{refused}");
    assert_eq!(sockets.iter().map(heard).sum::<usize>(), 0);
}

#[test]
fn relays_that_lead_into_ones_own_network_are_left_out_and_named() {
    let victim = Victim::new();
    let file = Blob::real("content");
    let list = List::of([("file", file.clone())]);
    let sharer = Sharer::serving(Store::of(&list, [file]));
    let long = format!("https://{}.example.com/", "x".repeat(60_000 / 2));
    for relay in [
        "http://169.254.169.254/",
        "https://169.254.169.254/",
        "https://127.0.0.1:6379/",
        "https://[::ffff:127.0.0.1]/",
        "https://0x7f.1/",
        "https://localhost/",
        "https://router.lan/",
        "file:///etc/passwd",
        "https://user:secret@relay.example.com/",
        "\u{1b}[2J",
        &long,
    ] {
        let ticket = RawTicket {
            id: *sharer.address().id.as_bytes(),
            relay: Some(relay.to_owned()),
            hash: list.root().hash,
            ..RawTicket::new(sharer.address().ip_addrs().copied().collect())
        };
        let (got, _) = victim.run(&["get", &ticket.text(), "-o", DEST]);
        let got = got.expect(0);
        let told = got.told();
        assert!(told.contains("left out the relay"), "{relay}: {got}");
        assert!(told.len() < 400, "{got}");
    }
}
