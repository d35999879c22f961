//! Programs on the internet that mean no good, or do not know what they are talking to. Whatever they
//! do costs little, and members are served on.

use std::io::{Read as _, Write as _};

use data_encoding::BASE64;

use super::{
    https::{Https, ask, plain},
    operator, place, status, token_of,
};

#[test]
fn connections_that_say_nothing_make_room_for_others() {
    let owner = operator();
    let mut hub = owner.start(&["hub"]);
    let (addr, ticket, _) = place(&mut hub);
    let token = token_of(&ticket);
    // A member with a connection of his own, from the same address.
    let mut member = Https::connect(addr).unwrap();
    assert_eq!(
        member.ask("GET", "/hub", Some(&token), &[]).unwrap().status,
        200
    );
    let mut silent: Vec<_> = (0..900).map(|_| plain(addr).unwrap()).collect();
    // The first ones are ended long before their time would be up.
    for stream in &mut silent[..300] {
        let ended = stream.read(&mut [0]);
        assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
    }
    assert_eq!(ask(addr, "GET", "/hub", Some(&token)).status, 200);
    let said = status(&owner);
    assert!(said["connections"].as_u64() < Some(500), "{said}");
    assert_eq!(
        member.ask("GET", "/hub", Some(&token), &[]).unwrap().status,
        200
    );
}

#[test]
fn a_hub_that_may_open_few_files_serves_members_before_strangers() {
    let owner = operator().run_by(&["prlimit", "--nofile=256"]);
    let mut hub = owner.start(&["hub"]);
    let warning = hub.wait_for("warning");
    let message = warning["message"].as_str().unwrap();
    assert!(message.contains("the 256 files"), "{message}");
    let (addr, ticket, _) = place(&mut hub);
    let token = token_of(&ticket);
    let mut member = Https::connect(addr).unwrap();
    assert_eq!(
        member.ask("GET", "/hub", Some(&token), &[]).unwrap().status,
        200
    );
    let _silent: Vec<_> = (0..400).map(|_| plain(addr).unwrap()).collect();
    assert_eq!(ask(addr, "GET", "/hub", Some(&token)).status, 200);
    assert_eq!(
        member.ask("GET", "/hub", Some(&token), &[]).unwrap().status,
        200
    );
    assert!(status(&owner)["connections"].as_u64() < Some(100));
}

#[test]
fn garbage_and_endless_headers_end_their_connection_alone() {
    let owner = operator();
    let mut hub = owner.start(&["hub"]);
    let (addr, ticket, _) = place(&mut hub);
    let token = token_of(&ticket);
    for garbage in [
        &b"GET / HTTP/1.1\r\nhost: hub\r\n\r\n"[..],
        &[0; 4096],
        &vec![0xff; 70_000],
        b"\x16\x03\x01\xff\xff\x01",
        b"SSH-2.0-x\r\n",
    ] {
        let mut stream = plain(addr).unwrap();
        // It may have been ended before all of it is written.
        _ = stream.write_all(garbage);
        _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        _ = stream.read_to_end(&mut answer);
        assert!(
            !answer.starts_with(b"HTTP"),
            "nothing is spoken without TLS"
        );
    }
    let endless = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(200_000));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(200));
    for head in [endless, many] {
        let mut https = Https::connect(addr).unwrap();
        _ = https.say(head.as_bytes());
        let answer = https.answer();
        assert!(
            answer.as_ref().map_or(true, |answer| answer.status == 431),
            "{answer:?}"
        );
        assert!(https.is_ended());
    }
    for nonsense in [
        "nonsense\r\n\r\n",
        "GET / HTTP/9\r\n\r\n",
        "\0\0\0\0\r\n\r\n",
    ] {
        let mut https = Https::connect(addr).unwrap();
        _ = https.say(nonsense.as_bytes());
        assert!(https.answer().map_or(true, |answer| answer.status == 400));
    }
    assert_eq!(ask(addr, "GET", "/nowhere", None).status, 404);
    assert_eq!(ask(addr, "GET", "/hub", Some(&token)).status, 200);
}

#[test]
fn wrong_tokens_in_numbers_keep_nobody_out() {
    let owner = operator();
    let mut hub = owner.start(&["hub"]);
    let (addr, ticket, _) = place(&mut hub);
    for number in 0..200 {
        let answer = ask(addr, "GET", "/hub", Some(&format!("guess{number}")));
        assert_eq!(answer.status, 401);
        assert!(answer.head.contains("connection: close"), "{answer:?}");
    }
    assert_eq!(
        ask(addr, "GET", "/hub", Some(&token_of(&ticket))).status,
        200
    );
    assert_eq!(status(&owner)["unauthorized"], 200);
}

#[test]
fn one_address_gets_no_more_than_its_connections() {
    let owner = operator();
    let mut hub = owner.start(&["hub", "--max-connections-per-address", "5"]);
    let (addr, ticket, _) = place(&mut hub);
    let token = token_of(&ticket);
    let connect = || {
        let mut https = Https::connect(addr)?;
        https.ask("GET", "/hub", Some(&token), &[]).map(|_| https)
    };
    let mut there: Vec<_> = (0..5).map(|_| connect().unwrap()).collect();
    assert!(connect().is_err());
    assert!(
        there
            .iter_mut()
            .all(|https| { https.ask("GET", "/hub", Some(&token), &[]).unwrap().status == 200 })
    );
    assert_eq!(status(&owner)["turned_away"], 1);
    there.pop();
    // That it has ended takes a moment to be known.
    while connect().is_err() {
        std::thread::yield_now();
    }
}

/// Both take as long as the hub's patience lasts, at the same time.
#[test]
fn who_begins_and_does_not_go_on_is_given_up() {
    let owner = operator();
    let mut hub = owner.start(&["hub"]);
    let (addr, ticket, _) = place(&mut hub);
    let mut slow = Https::connect(addr).unwrap();
    slow.say(b"GET /hub HTTP/1.1\r\nhost: hub\r\n").unwrap();
    // A client of the relay that never proves its key.
    let mut mute = Https::connect(addr).unwrap();
    let pair = BASE64.encode(format!("grove:{}", token_of(&ticket)).as_bytes());
    let head = format!(
        "GET /relay HTTP/1.1\r\nhost: hub\r\nauthorization: Basic {pair}\r\nupgrade: websocket\r\n\
         connection: upgrade\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         sec-websocket-version: 13\r\nsec-websocket-protocol: iroh-relay-v2\r\n\r\n"
    );
    mute.say(head.as_bytes()).unwrap();
    assert_eq!(mute.answer().unwrap().status, 101);
    assert_eq!(status(&owner)["clients"], 0);
    assert!(mute.is_ended());
    assert!(slow.is_ended());
    while status(&owner)["connections"] != 0 {
        std::thread::yield_now();
    }
}
