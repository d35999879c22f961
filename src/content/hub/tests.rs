use proptest::prelude::*;

use super::*;

fn sample() -> HubTicket {
    HubTicket {
        hosts: vec!["hub.example:443".into(), "192.0.2.7:3443".into()],
        quic_port: Some(7842),
        relay: true,
        directory: true,
        pin: Some([0x11; 32]),
        token: Some("a-secret".into()),
    }
}

fn text_of(bytes: &[u8]) -> String {
    let text = data_encoding::BASE32_NOPAD.encode(bytes);
    format!("hub{}", text.to_ascii_lowercase())
}

/// Takes a ticket apart, lets `change` at what is in front of the checksum, and signs it anew.
fn resealed(ticket: &HubTicket, change: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut bytes = wire::encode(ticket);
    bytes.truncate(bytes.len() - 8);
    change(&mut bytes);
    let sum = wire::checksum(&bytes);
    bytes.extend_from_slice(&sum);
    text_of(&bytes)
}

/// The ticket byte by byte, as `docs/formats.md` shows it.
#[test]
fn the_bytes_are_as_documented() {
    let expected = [
        "01",                                                               // version
        "02",                                                               // two hosts
        "0f 6875622e6578616d706c653a343433",                                // hub.example:443
        "0e 3139322e302e322e373a33343433",                                  // 192.0.2.7:3443
        "01 a23d",                                                          // QUIC at 7842
        "03",                                                               // relay and directory
        "01",                                                               // a pin
        "1111111111111111111111111111111111111111111111111111111111111111", // it
        "01 08 612d736563726574",                                           // a-secret
        "8e9feca2ee9f4184",                                                 // checksum
    ];
    let bytes = wire::encode(&sample());
    let hex = data_encoding::HEXLOWER.encode(&bytes);
    assert_eq!(hex, expected.concat().replace(' ', ""));
    assert_eq!(sample().to_string(), text_of(&bytes));
}

#[test]
fn what_people_paste_is_accepted() {
    let ticket = sample();
    let text = ticket.to_string();
    let (left, right) = text.split_at(70);
    for text in [
        text.clone(),
        text.to_uppercase(),
        format!("  {text}\r\n"),
        format!("grove join {text}"),
        format!("$ grove join {text}."),
        format!("Join our hub: grove join {left}\n  {right}"),
        format!("“{text}”"),
        format!("https://hub.example/join#{text}"),
        format!("{text}\n{text}"),
    ] {
        assert_eq!(HubTicket::parse(&text).as_ref(), Ok(&ticket), "{text}");
    }
    let other = HubTicket {
        token: None,
        ..ticket
    };
    let both = format!("{text} {other}");
    assert_eq!(HubTicket::parse(&both), Err(HubTicketError::Several));
}

#[test]
fn what_is_none_is_told() {
    let blob = format!("blob{}", "a".repeat(114));
    for (text, why) in [
        ("", HubTicketError::Empty),
        (" \n", HubTicketError::Empty),
        ("hub", HubTicketError::NotATicket),
        ("hub.example.com:443", HubTicketError::NotATicket),
        ("https://hub.example.com/", HubTicketError::NotATicket),
        (&blob, HubTicketError::ForContent),
        (&"hub".repeat(30), HubTicketError::Damaged),
        (&"x".repeat(70_000), HubTicketError::TooLong),
    ] {
        assert_eq!(HubTicket::parse(text), Err(why.clone()), "{text}");
        assert!(!why.hint().is_empty());
    }
}

#[test]
fn any_change_of_a_character_is_noticed() {
    let text = sample().to_string();
    for at in 3..text.len() {
        let mut wrong = text.clone().into_bytes();
        wrong[at] = if wrong[at] == b'a' { b'b' } else { b'a' };
        let wrong = String::from_utf8(wrong).unwrap();
        assert_eq!(
            HubTicket::parse(&wrong),
            Err(HubTicketError::Damaged),
            "{at}"
        );
    }
}

#[test]
fn later_versions_are_told_from_damage() {
    let newer = resealed(&sample(), |bytes| bytes[0] = 2);
    assert_eq!(
        HubTicket::parse(&newer),
        Err(HubTicketError::Newer { version: 2 })
    );
    // Fields that a later program of this version appends, and roles that it knows.
    let longer = resealed(&sample(), |bytes| {
        bytes.extend_from_slice(b"later");
        let roles = bytes.windows(2).position(|w| w == [3, 1]).unwrap();
        bytes[roles] = 0x7f;
    });
    assert_eq!(HubTicket::parse(&longer), Ok(sample()));
}

#[test]
fn places_have_to_be_places() {
    let with = |hosts: &[&str]| {
        let ticket = HubTicket {
            hosts: hosts.iter().map(|&host| host.to_owned()).collect(),
            ..sample()
        };
        HubTicket::parse(&ticket.to_string()).map(|ticket| ticket.hosts)
    };
    let good = [
        "a:1",
        "Hub-1.Example:443",
        "192.0.2.7:65535",
        "[2001:db8:0:0::7]:443",
        "x_y.lan:9",
    ];
    let kept = [
        "a:1",
        "hub-1.example:443",
        "192.0.2.7:65535",
        "[2001:db8::7]:443",
        "x_y.lan:9",
    ];
    assert_eq!(with(&good).unwrap(), kept);
    let long = format!("{}:443", ["a"; 130].join("."));
    let label = format!("{}:443", "a".repeat(64));
    let bad = [
        "",
        ":443",
        "hub.example",
        "hub.example:",
        "hub.example:0",
        "hub.example:65536",
        "hub.example:+1",
        "user@hub.example:443",
        "hub.example/x:443",
        "a b:443",
        "..:1",
        "a..b:1",
        "-a:1",
        "a-:1",
        "\u{1b}[31m:443",
        "h\u{e4}b.example:443",
        "0x7f.1:443",
        "2130706433:443",
        "1.2.3:443",
        "2001:db8::7:443",
        "[fe80::1%eth0]:443",
        "[192.0.2.7]:443",
        &long,
        &label,
    ];
    for host in bad {
        assert_eq!(with(&[host]), Err(HubTicketError::NoHost), "{host}");
        assert_eq!(with(&["a:1", host]), Err(HubTicketError::NoHost), "{host}");
    }
    assert_eq!(with(&[]), Err(HubTicketError::NoHost));
    assert_eq!(with(&["a:1"; 9]), Err(HubTicketError::NoHost));
    assert!(with(&["a:1"; 8]).is_ok());
}

#[test]
fn tokens_fit_a_header() {
    let with = |token: &str| {
        let ticket = HubTicket {
            token: Some(token.into()),
            ..sample()
        };
        HubTicket::parse(&ticket.to_string())
    };
    for token in ["x", "a:b@c/%2f?#", &"z".repeat(128)] {
        assert_eq!(with(token).unwrap().token.as_deref(), Some(token));
    }
    for token in ["", "a b", "a\r\nb", "\u{e4}", "a\0", &"z".repeat(129)] {
        assert_eq!(with(token), Err(HubTicketError::BadToken), "{token:?}");
    }
}

#[test]
fn the_token_is_in_no_debug_output() {
    let ticket = sample();
    assert!(!format!("{ticket:?} {ticket:#?}").contains("a-secret"));
    assert!(format!("{ticket:?}").contains("hub.example"));
}

#[test]
fn numbers_that_are_only_claimed_cost_nothing() {
    let claims = [
        &[1, 0xff, 0xff, 0xff, 0xff, 0x0f][..],
        &[1, 1, 0xff, 0xff, 0xff, 0x7f],
    ];
    for claim in claims {
        let mut bytes = [claim, &[b'a'; 30]].concat();
        let sum = wire::checksum(&bytes);
        bytes.extend_from_slice(&sum);
        assert_eq!(
            HubTicket::parse(&text_of(&bytes)),
            Err(HubTicketError::Damaged)
        );
    }
}

proptest! {
    #[test]
    fn any_ticket_round_trips(
        hosts in prop::collection::vec("[a-z][a-z0-9]{0,9}(\\.[a-z]{2,5}){0,3}:[1-9][0-9]{0,3}", 1..=8),
        quic_port in prop::option::of(1..=u16::MAX),
        relay in any::<bool>(),
        directory in any::<bool>(),
        pin in any::<Option<[u8; 32]>>(),
        token in prop::option::of("[!-~]{1,128}"),
    ) {
        let ticket = HubTicket { hosts, quic_port, relay, directory, pin, token };
        let text = ticket.to_string();
        prop_assert_eq!(HubTicket::parse(&text), Ok(ticket));
    }

    #[test]
    fn any_bytes_are_refused_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        let _ = HubTicket::parse(&text_of(&bytes));
        let _ = HubTicket::parse(&resealed(&sample(), |ticket| {
            let at = ticket.len() - bytes.len().min(ticket.len());
            for (old, new) in ticket[at..].iter_mut().zip(&bytes) {
                *old = *new;
            }
        }));
    }
}
