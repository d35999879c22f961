//! The relay, and what no client sends.

use std::net::SocketAddr;

use iroh::SecretKey;

use super::member::{BINARY, CLIENT_AUTH, Member, PING, PONG, RECEIVED, SEND};
use crate::common::{Hub, Random};

/// What a hub may grow by while it is badly treated.
const GROWTH: u64 = 96 << 20;

pub(super) fn place(hub: &Hub) -> (SocketAddr, String) {
    let ticket = hub.parsed();
    (ticket.hosts[0].parse().unwrap(), ticket.token.unwrap())
}

/// Bytes that the hub has in memory.
fn memory(hub: &Hub) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", hub.pid())).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .unwrap();
    let kib = line.split_whitespace().nth(1).unwrap();
    kib.parse::<u64>().unwrap() * 1024
}

/// Two members are served: what one sends, the other one gets.
fn assert_serves(addr: SocketAddr, token: &str) {
    let [alice, bob] = [SecretKey::generate(), SecretKey::generate()];
    let mut at_alice = Member::log_in(addr, token, alice.clone()).unwrap();
    let mut at_bob = Member::log_in(addr, token, bob.clone()).unwrap();
    at_alice.send(&bob, b"hello").unwrap();
    let got = at_bob.hear_until(RECEIVED).unwrap();
    assert_eq!(
        got,
        [&[RECEIVED][..], alice.public().as_bytes(), &[0], b"hello"].concat()
    );
}

#[test]
fn frames_that_make_no_sense_end_their_connection_alone() {
    let hub = Hub::start(&[]);
    let (addr, token) = place(&hub);
    let before = memory(&hub);
    let large = vec![0x41; 2 << 20];
    let somebody = SecretKey::generate().public();
    let short = [&[SEND][..], &somebody.as_bytes()[..20]].concat();
    let overlong = [&[SEND][..], somebody.as_bytes(), &[0], &large[..1 << 20]].concat();
    // A batch without its segment size, one of size zero, and one with a segment larger than all of it.
    let batch = |rest: &[u8]| [&[5][..], somebody.as_bytes(), &[0], rest].concat();
    let frames: Vec<Vec<u8>> = vec![
        vec![],
        vec![0xff],
        vec![0x40, 0x63],
        vec![0xff; 8],
        short,
        overlong,
        batch(&[]),
        batch(&[0]),
        batch(&[0, 0, 1, 2, 3]),
        batch(&[0xff, 0xff, 1]),
        vec![PING],
        [&[PING][..], &[0; 1000]].concat(),
        vec![PONG; 3],
        // What only a relay says, and a login in the middle.
        vec![RECEIVED; 60],
        vec![12; 9],
        vec![CLIENT_AUTH; 97],
        large.clone(),
    ];
    for logged_in in [false, true] {
        for frame in &frames {
            let key = SecretKey::generate();
            let mut member = if logged_in {
                Member::log_in(addr, &token, key).unwrap()
            } else {
                Member::knock(addr, &token, key).unwrap()
            };
            // The hub may have ended it before all is written.
            _ = member.say(BINARY, frame);
        }
        // WebSocket itself: unknown kinds, a text, a length of all bits, parts that never become a whole,
        // a close with nonsense in it.
        for (first, len, payload) in [
            (0x83, 4, &b"what"[..]),
            (0xff, 4, b"what"),
            (0x81, 4, b"text"),
            (0x82, u64::MAX, b"much"),
            (0x82, 1 << 40, b"more"),
            (0x02, 4, b"part"),
            (0x88, 1, b"x"),
        ] {
            let key = SecretKey::generate();
            let mut member = Member::knock(addr, &token, key).unwrap();
            _ = member.say_raw(first, len, payload);
        }
    }
    assert_serves(addr, &token);
    assert!(memory(&hub) < before + GROWTH);
}

/// Any bytes after the login; the same in each run.
#[test]
fn random_frames() {
    let hub = Hub::start(&[]);
    let (addr, token) = place(&hub);
    let mut random = Random(20_261_123);
    let key = SecretKey::generate();
    let mut member = Member::log_in(addr, &token, key.clone()).unwrap();
    let mut logins = 0;
    for _ in 0..2000 {
        let len = usize::try_from(random.below(200)).unwrap();
        let mut frame: Vec<u8> = (0..len).map(|_| random.next().to_le_bytes()[0]).collect();
        if let Some(first) = frame.first_mut() {
            *first %= 16;
        }
        if member.say(BINARY, &frame).is_err() {
            logins += 1;
            member = Member::log_in(addr, &token, key.clone()).unwrap();
        }
    }
    println!("{logins} connections were ended");
    assert_serves(addr, &token);
}

/// One id that comes hundreds of times: the newest is served, and the others cost little.
#[test]
fn one_id_many_times() {
    let hub = Hub::start(&[]);
    let (addr, token) = place(&hub);
    let before = memory(&hub);
    let [alice, bob] = [SecretKey::generate(), SecretKey::generate()];
    let mut members: Vec<Member> = (0..200)
        .map(|_| Member::log_in(addr, &token, bob.clone()).unwrap())
        .collect();
    let mut at_alice = Member::log_in(addr, &token, alice).unwrap();
    at_alice.send(&bob, b"to the newest").unwrap();
    let got = members.last_mut().unwrap().hear_until(RECEIVED).unwrap();
    assert!(got.ends_with(b"to the newest"));
    assert_serves(addr, &token);
    assert!(memory(&hub) < before + GROWTH);
}

/// Members who are sent much and read nothing: what does not fit is dropped, not kept.
#[test]
fn who_does_not_read_is_not_waited_for() {
    let hub = Hub::start(&[]);
    let (addr, token) = place(&hub);
    let before = memory(&hub);
    let deaf: Vec<SecretKey> = (0..20).map(|_| SecretKey::generate()).collect();
    let log_in = |key: &SecretKey| Member::log_in(addr, &token, key.clone()).unwrap();
    let _members: Vec<Member> = deaf.iter().map(log_in).collect();
    let mut sender = log_in(&SecretKey::generate());
    let content = vec![0x41; 32 << 10];
    for round in 0..60 {
        for key in &deaf {
            sender
                .send(key, &content)
                .unwrap_or_else(|error| panic!("{round}: {error}"));
        }
    }
    assert_serves(addr, &token);
    let grown = memory(&hub).saturating_sub(before);
    assert!(grown < GROWTH, "{grown} bytes more");
}
