use std::net::SocketAddr;

use iroh::{EndpointId, SecretKey, TransportAddr};
use iroh_blobs::ticket::BlobTicket;
use proptest::prelude::*;

use super::*;

fn id(n: u8) -> EndpointId {
    SecretKey::from_bytes(&[n; 32]).public()
}

fn addr(n: u8, direct: &[&str], relay: Option<&str>) -> EndpointAddr {
    let mut addr = EndpointAddr::new(id(n));
    for ip in direct {
        addr = addr.with_ip_addr(ip.parse().unwrap());
    }
    match relay {
        Some(url) => addr.with_relay_url(url.parse().unwrap()),
        None => addr,
    }
}

fn sample() -> Ticket {
    Ticket {
        addr: addr(
            1,
            &["192.0.2.7:4433", "[2001:db8::7]:4433"],
            Some("https://relay.example.com/"),
        ),
        hash: Hash::new(b"a share"),
        format: BlobFormat::HashSeq,
        expires: Some(1_800_000_000),
        others: vec![addr(2, &["198.51.100.2:1"], None)],
    }
}

/// The text of a ticket with these bytes.
fn text_of(bytes: &[u8]) -> String {
    let text = data_encoding::BASE32_NOPAD.encode(bytes);
    format!("blob{}", text.to_ascii_lowercase())
}

fn plain(addr: EndpointAddr) -> String {
    BlobTicket::new(addr, Hash::new(b"a share"), BlobFormat::HashSeq).to_string()
}

fn lines(addr: EndpointAddr, relays: &Relays) -> (EndpointAddr, Vec<String>) {
    let (ticket, lines) = Ticket::parse_with(&plain(addr), relays).unwrap();
    (ticket.addr, lines)
}

/// The ticket byte by byte, as `docs/formats.md` shows it.
#[test]
fn the_bytes_are_as_documented() {
    let ticket = Ticket {
        addr: addr(1, &["192.0.2.7:4433"], Some("https://r.example/")),
        hash: Hash::from_bytes([0x11; 32]),
        format: BlobFormat::HashSeq,
        expires: Some(1_800_000_000),
        others: vec![addr(2, &[], None)],
    };
    let expected = [
        "00",                                                               // variant 0
        "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c", // endpoint id
        "01 12 68747470733a2f2f722e6578616d706c652f",                       // https://r.example/
        "01",                                                               // one direct address
        "00 c0000207 d122",                                                 // 192.0.2.7:4433
        "01",                                                               // a hash sequence
        "1111111111111111111111111111111111111111111111111111111111111111", // hash
        "c7 477276",                                                        // magic
        "01",                                                               // version
        "01 80a4a7da06",                                                    // expires
        "01",                                                               // one other
        "8139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394", // endpoint id
        "00 00",                                                            // no relay, no address
        "1ac9ec67f773101f",                                                 // checksum
    ];
    let bytes = wire::encode(&ticket);
    let hex = data_encoding::HEXLOWER.encode(&bytes);
    assert_eq!(hex, expected.concat().replace(' ', ""));
    assert_eq!(ticket.to_string(), text_of(&bytes));
}

#[test]
fn tickets_go_both_ways_between_tools() {
    let ours = sample();
    let theirs: BlobTicket = ours.to_string().parse().unwrap();
    assert_eq!(theirs.addr(), &ours.addr);
    assert_eq!(theirs.hash(), ours.hash);
    assert_eq!(theirs.format(), ours.format);
    let back = Ticket::parse(&theirs.to_string()).unwrap();
    assert_eq!((back.addr, back.hash), (ours.addr, ours.hash));
    assert_eq!((back.expires, back.others), (None, vec![]));
}

#[test]
fn what_people_paste_is_accepted() {
    let ticket = sample();
    let text = ticket.to_string();
    let (left, right) = text.split_at(70);
    let pasted = [
        text.clone(),
        text.to_uppercase(),
        format!("BLOB{}", &text[4..]),
        format!("  {text}\r\n"),
        format!("\"{text}\""),
        format!("“{text}”."),
        format!("<{text}>,"),
        format!("```\n{text}\n```"),
        format!("{left}\n    {right}\n"),
        format!("> {left}\u{200b}{right}\u{feff}"),
        format!("\u{feff}{text}"),
        format!("grove:{text}"),
        format!("grove get {text}"),
        format!("https://example.com/get#{text}"),
        format!("https://example.com/blob/{text}"),
        format!("it is {text}"),
        format!("{text}\n{text}"),
    ];
    for text in pasted {
        assert_eq!(Ticket::parse(&text).as_ref(), Ok(&ticket), "{text}");
    }
    let other = Ticket {
        expires: None,
        ..ticket
    };
    let both = format!("{text} {other}");
    assert_eq!(Ticket::parse(&both), Err(TicketError::Several));
}

/// A slip before the ticket, and the same without a ticket behind it.
#[test]
fn prefixes_may_overlap() {
    let ticket = sample();
    for slip in ["blo", "blob", "b l o", "blo blo"] {
        let text = format!("{slip} {ticket}");
        assert_eq!(Ticket::parse(&text), Ok(ticket.clone()), "{text}");
        assert!(Ticket::parse(&format!("{slip} blobblo blob")).is_err());
    }
}

#[test]
fn other_things_are_named() {
    let base32 = "abcdefghijklmnopqrstuvwxyz234567";
    let cases = [
        (format!("endpoint{base32}"), "an iroh endpoint"),
        (format!("ENDPOINT{base32}"), "an iroh endpoint"),
        (format!("node{base32}"), "an iroh node"),
        (format!("doc{base32}"), "an iroh document"),
        (format!("hub{base32}"), "an invitation to a hub"),
        ("7-crossover-clockwork".into(), "a magic-wormhole code"),
        ("1234-alpha-beta-gamma".into(), "a croc code"),
        ("otter-lunar-cedar-flute".into(), "a code of four words"),
        ("https://example.com/x".into(), "a web address"),
        ("https://github.com/x/y/blob/main/z".into(), "a web address"),
        ("magnet:?xt=urn:btih:0".into(), "a web address"),
        ("../photos".into(), "a path"),
        ("report.pdf".into(), "a path"),
        ("blob.txt".into(), "a path"),
        ("C:\\photos".into(), "a path"),
        (Hash::new(b"x").to_string(), "a bare hash"),
    ];
    for (text, what) in cases {
        let error = Ticket::parse(&text).unwrap_err();
        assert!(error.to_string().contains(what), "{text}: {error}");
        assert!(!error.hint().is_empty());
    }
    assert_eq!(Ticket::parse(""), Err(TicketError::Empty));
    assert_eq!(Ticket::parse(" \n\u{200b}\0"), Err(TicketError::Empty));
    assert_eq!(Ticket::parse("hello"), Err(TicketError::NotATicket));
    assert_eq!(Ticket::parse("blob"), Err(TicketError::Damaged));
    let long = "blob".repeat(32 * 1024);
    assert_eq!(Ticket::parse(&long), Err(TicketError::TooLong));
    assert!(Ticket::parse(&"blob ".repeat(13_000)).is_err());
}

/// Every way one slip of a hand or of a copy can spoil a ticket.
#[test]
fn a_damaged_ticket_is_refused() {
    let text = sample().to_string();
    let theirs = plain(sample().addr);
    let chars: Vec<char> = text.chars().collect();
    let mut variants = Vec::new();
    for at in 0..chars.len() {
        variants.push(chars[..at].iter().collect::<String>());
        let mut deleted = chars.clone();
        deleted.remove(at);
        variants.push(deleted.into_iter().collect());
        for other in ('!'..='~').chain(" \u{200b}é".chars()) {
            let mut substituted = chars.clone();
            substituted[at] = other;
            variants.push(substituted.iter().collect());
        }
        if at > 0 {
            let mut swapped = chars.clone();
            swapped.swap(at - 1, at);
            variants.push(swapped.iter().collect());
        }
    }
    variants.retain(|variant| *variant.to_lowercase() != text);
    assert!(variants.len() > 20_000);
    for variant in variants {
        // A cut right behind what other tools read leaves one of their tickets.
        if variant != theirs {
            assert!(Ticket::parse(&variant).is_err(), "{variant}");
        }
    }
    // Most of them are called what they are.
    for at in 8..chars.len() {
        let mut wrong = chars.clone();
        wrong[at] = '1';
        let wrong: String = wrong.iter().collect();
        assert_eq!(Ticket::parse(&wrong), Err(TicketError::Damaged));
        assert_eq!(Ticket::parse(&text[..at]), Err(TicketError::Damaged));
    }
    assert_eq!(Ticket::parse(&text[1..]), Err(TicketError::Damaged));
}

#[test]
fn a_section_that_is_not_whole_is_damage() {
    let bytes = wire::encode(&sample());
    let start = bytes.windows(4).position(|w| w == wire::MAGIC).unwrap();
    assert!(Ticket::parse(&text_of(&bytes[..start])).is_ok());
    for end in start + 1..bytes.len() {
        assert_eq!(
            Ticket::parse(&text_of(&bytes[..end])),
            Err(TicketError::Damaged)
        );
    }
    let behind = [&bytes[..start], b"something else entirely"].concat();
    assert_eq!(Ticket::parse(&text_of(&behind)), Err(TicketError::Damaged));
}

/// Takes a ticket apart, lets `change` at what is between magic and checksum, and signs it anew.
fn resealed(change: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut bytes = wire::encode(&sample());
    bytes.truncate(bytes.len() - 8);
    change(&mut bytes);
    let sum = blake3::derive_key("grove 2026 ticket checksum v1", &bytes);
    bytes.extend_from_slice(&sum[..8]);
    text_of(&bytes)
}

#[test]
fn later_versions_are_told_from_damage() {
    let start = wire::encode(&sample())
        .windows(4)
        .position(|w| w == wire::MAGIC)
        .unwrap();
    let newer = resealed(|bytes| bytes[start + 4] = 2);
    assert_eq!(
        Ticket::parse(&newer),
        Err(TicketError::Newer { version: 2 })
    );
    // Fields that a later program of this version appends.
    let longer = resealed(|bytes| bytes.extend_from_slice(b"later"));
    assert_eq!(Ticket::parse(&longer), Ok(sample()));
}

#[test]
fn a_ticket_for_nothing_is_refused() {
    for format in [BlobFormat::Raw, BlobFormat::HashSeq] {
        let ticket = Ticket {
            hash: Hash::EMPTY,
            format,
            ..sample()
        };
        assert_eq!(
            Ticket::parse(&ticket.to_string()),
            Err(TicketError::EmptyShare)
        );
        let theirs = BlobTicket::new(addr(1, &[], None), Hash::EMPTY, format);
        assert_eq!(
            Ticket::parse(&theirs.to_string()),
            Err(TicketError::EmptyShare)
        );
    }
}

#[test]
fn only_addresses_that_a_peer_can_have_are_kept() {
    let useless = [
        "0.0.0.0:1",
        "0.1.2.3:1",
        "255.255.255.255:1",
        "224.0.0.251:5353",
        "240.0.0.1:1",
        "192.0.2.1:0",
        "127.0.0.1:22",
        "[::]:1",
        "[::1]:22",
        "[ff02::1]:1",
        "[::ffff:127.0.0.1]:22",
        "[::ffff:224.0.0.1]:1",
    ];
    let useful = ["10.0.0.1:1", "[2001:db8::1]:1", "[fe80::1]:1"];
    let mixed: Vec<&str> = useless.iter().chain(&useful).copied().collect();
    let (kept, lines_) = lines(addr(1, &mixed, None), &Relays::Public);
    assert_eq!(kept, addr(1, &useful, None));
    assert_eq!(
        lines_,
        ["left out 12 addresses of the ticket that no peer can have"]
    );
    // One address in two spellings is one.
    let (kept, _) = lines(
        addr(1, &["10.0.0.1:1", "[::ffff:10.0.0.1]:1"], None),
        &Relays::Public,
    );
    assert_eq!(kept, addr(1, &["10.0.0.1:1"], None));
    // On one computer.
    let local = addr(1, &["127.0.0.1:9", "[::1]:9", "0.0.0.0:9"], None);
    let (kept, lines_) = lines(local, &Relays::Public);
    assert_eq!(kept, addr(1, &["127.0.0.1:9", "[::1]:9"], None));
    assert_eq!(lines_.len(), 1);
}

#[test]
fn a_ticket_cannot_make_its_reader_contact_everybody() {
    let crowd = |n: u8| {
        let ips = (1..=2000_u16).map(|p| TransportAddr::Ip(SocketAddr::from(([10, 0, 0, n], p))));
        EndpointAddr::from_parts(id(n), ips)
    };
    let (kept, lines_) = lines(crowd(1), &Relays::Public);
    assert_eq!(kept.ip_addrs().count(), MAX_ADDRESSES);
    assert_eq!(
        lines_,
        ["left out 1970 addresses of the ticket beyond the first 30"]
    );
    let ticket = Ticket {
        addr: addr(1, &["10.0.0.9:1"], None),
        others: (2..40)
            .map(|n| addr(n, &["10.0.0.1:1", "10.0.0.2:1"], None))
            .collect(),
        ..sample()
    };
    let (ticket, lines_) = Ticket::parse_with(&ticket.to_string(), &Relays::Public).unwrap();
    let all = ticket
        .others
        .iter()
        .flat_map(EndpointAddr::ip_addrs)
        .count();
    assert_eq!(all + 1, MAX_ADDRESSES);
    assert_eq!(ticket.others.len(), MAX_OTHERS);
    assert_eq!(lines_.len(), 2);
}

#[test]
fn relays_are_servers_on_the_open_internet() {
    let with = |relay: &str, relays: &Relays| {
        let (kept, lines) = lines(addr(1, &[], Some(relay)), relays);
        assert_eq!(kept.relay_urls().count() + lines.len(), 1);
        lines.first().cloned()
    };
    let good = [
        "https://relay.example.com/",
        "https://relay.example.com.:8443/",
        "https://8.8.8.8/",
        "https://[2606:4700::1]/",
    ];
    for relay in good {
        assert_eq!(with(relay, &Relays::Public), None, "{relay}");
    }
    let bad = [
        "http://relay.example.com/",
        "file:///etc/passwd",
        "ws://relay.example.com/",
        "https://user@relay.example.com/",
        "https://user:pass@relay.example.com/",
    ];
    for relay in bad {
        assert!(with(relay, &Relays::Public).is_some(), "{relay}");
    }
    let private = [
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://169.254.169.254/",
        "https://10.1.2.3/",
        "https://192.168.1.1/",
        "https://172.31.0.1/",
        "https://100.64.0.1/",
        "https://0.0.0.0/",
        "https://255.255.255.255/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[fe80::1]/",
        "https://[fd00::1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://localhost/",
        "https://x.localhost./",
        "https://printer/",
        "https://nas.local/",
        "https://db.internal/",
    ];
    for relay in private {
        assert!(with(relay, &Relays::Public).is_some(), "{relay}");
        assert_eq!(with(relay, &Relays::Any), None, "{relay}");
    }
    assert_eq!(with("http://192.168.1.1:3340/", &Relays::Any), None);
    assert!(with("file:///etc/passwd", &Relays::Any).is_some());
    let long = format!("https://example.com/{}", "x\u{1b}".repeat(5000));
    let line = with(&long, &Relays::Any).unwrap();
    assert!(line.len() < 200 && !line.contains('\u{1b}'));
}

#[test]
fn who_has_hubs_is_sent_to_their_relays_wherever_they_are_and_to_no_other() {
    let places = [
        "10.0.0.5:3443",
        "[fd00::5]:443",
        "nas.lan:443",
        "127.0.0.1:4000",
    ];
    let hubs = Relays::OfHubs(places.map(|place| place.parse().unwrap()).into());
    let with = |relay: &str| {
        let (kept, lines) = lines(addr(1, &[], Some(relay)), &hubs);
        assert_eq!(kept.relay_urls().count() + lines.len(), 1);
        lines.first().cloned()
    };
    let good = [
        "https://10.0.0.5:3443/",
        "https://[fd00::5]/",
        "https://NAS.lan./",
        "https://127.0.0.1:4000/",
    ];
    for relay in good {
        assert_eq!(with(relay), None, "{relay}");
    }
    let bad = [
        "http://10.0.0.5:3443/",
        "https://user@10.0.0.5:3443/",
        "https://10.0.0.5/",
        "https://10.0.0.6:3443/",
        "https://nas.lan:444/",
        "https://relay.example.com/",
        "https://169.254.169.254/",
    ];
    for relay in bad {
        assert!(with(relay).is_some(), "{relay}");
    }
}

#[test]
fn a_relay_is_as_long_as_what_is_kept_of_it() {
    let kept = |letters: usize| {
        let relay = format!("https://r.example/{}", "\u{e4}".repeat(letters));
        let node = wire::Node {
            id: id(1),
            relay: Some(&relay),
            direct: Vec::new(),
        };
        let raw = wire::RawTicket {
            node,
            hash: Hash::new(b"x"),
            format: BlobFormat::HashSeq,
            expires: None,
            others: Vec::new(),
        };
        let (ticket, lines) = dial::filter(&raw, &Relays::Public);
        assert_eq!(ticket.addr.relay_urls().count() + lines.len(), 1);
        lines.is_empty()
    };
    // Each letter has two bytes, and becomes six: `%C3%A4`.
    assert!(kept(39));
    assert!(!kept(40));
}

#[test]
fn an_end_is_an_end() {
    let ticket = sample();
    assert!(!ticket.is_expired(1_799_999_999));
    assert!(ticket.is_expired(1_800_000_000));
    let open = Ticket {
        expires: None,
        ..ticket
    };
    assert!(!open.is_expired(u64::MAX));
}

prop_compose! {
    fn any_addr()(
        n in any::<u8>(),
        v4 in prop::collection::vec((1..224_u8, any::<[u8; 3]>(), 1..u16::MAX), 0..3),
        v6 in prop::collection::vec((any::<[u8; 8]>(), 1..u16::MAX), 0..2),
        relay in prop::option::of("[a-z]{1,9}\\.example"),
    ) -> EndpointAddr {
        let mut addr = EndpointAddr::new(id(n));
        for (a, [b, c, d], port) in v4 {
            // Loopback has a rule of its own.
            let a = if a == 127 { 126 } else { a };
            addr = addr.with_ip_addr(SocketAddr::from(([a, b, c, d], port)));
        }
        for (low, port) in v6 {
            let ip = [[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0], low].concat();
            let ip: [u8; 16] = ip.try_into().unwrap();
            addr = addr.with_ip_addr(SocketAddr::from((ip, port)));
        }
        match relay {
            Some(host) => addr.with_relay_url(format!("https://{host}/").parse().unwrap()),
            None => addr,
        }
    }
}

proptest! {
    #[test]
    fn any_ticket_round_trips(
        addr in any_addr(),
        hash in any::<[u8; 32]>(),
        raw in any::<bool>(),
        expires in any::<Option<u64>>(),
        others in prop::collection::vec(any_addr(), 0..4),
    ) {
        let format = if raw { BlobFormat::Raw } else { BlobFormat::HashSeq };
        let ticket = Ticket { addr, hash: Hash::from_bytes(hash), format, expires, others };
        let (read, lines) = Ticket::parse_with(&ticket.to_string(), &Relays::Public).unwrap();
        prop_assert_eq!(&read, &ticket);
        prop_assert!(lines.is_empty());
        let theirs: BlobTicket = ticket.to_string().parse().unwrap();
        prop_assert_eq!(theirs.addr(), &ticket.addr);
    }

    #[test]
    fn any_text_is_refused_without_panic(text in ".{0,60}") {
        let _ = Ticket::parse(&text);
        let _ = Ticket::parse(&format!("blob{text}"));
    }

    #[test]
    fn any_bytes_are_refused_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        let _ = Ticket::parse(&text_of(&bytes));
        let start = [&[0][..], id(1).as_bytes(), &bytes].concat();
        let _ = Ticket::parse(&text_of(&start));
        let _ = Ticket::parse(&resealed(|ticket| ticket.extend_from_slice(&bytes)));
        let _ = Ticket::parse(&resealed(|ticket| {
            let at = ticket.len() - bytes.len().min(ticket.len());
            for (old, new) in ticket[at..].iter_mut().zip(&bytes) {
                *old = *new;
            }
        }));
    }
}
