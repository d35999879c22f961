//! Records in the directory of a hub.

use std::{
    thread,
    time::{SystemTime, UNIX_EPOCH},
};

use iroh::SecretKey;
use iroh_dns::{endpoint_info::EndpointInfo, pkarr::SignedPacket};

use super::{
    https::{Https, ask, put},
    operator, place, status, token_of,
};
use crate::common::Signal;

/// Somebody's record, as it is published now.
fn record(key: &SecretKey) -> Vec<u8> {
    let url = "https://relay.example".parse().unwrap();
    let info = EndpointInfo::new(key.public()).with_relay_url(url);
    let packet = info.to_pkarr_signed_packet(key, 30).unwrap();
    packet.to_relay_payload()
}

/// The same with another time.
fn record_at(key: &SecretKey, seconds: u64) -> Vec<u8> {
    let packet = SignedPacket::from_relay_payload(&key.public(), &record(key)).unwrap();
    let (content, micros) = (packet.encoded_packet(), seconds * 1_000_000);
    let signed = [
        format!("3:seqi{micros}e1:v{}:", content.len()).as_bytes(),
        content,
    ]
    .concat();
    let signature = key.sign(&signed).to_bytes();
    [&signature[..], &micros.to_be_bytes(), content].concat()
}

fn path(key: &SecretKey) -> String {
    format!("/pkarr/{}", key.public().to_z32())
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap().as_secs()
}

#[test]
fn an_office_behind_one_address_publishes_at_once_and_a_restart_keeps_it() {
    let owner = operator();
    let mut hub = owner.start(&["hub"]);
    let (addr, ticket, _) = place(&mut hub);
    let token = token_of(&ticket);
    let keys: Vec<_> = (0..50).map(|_| SecretKey::generate()).collect();
    let publish = |key: &SecretKey| {
        let (key, token) = (key.clone(), token.clone());
        thread::spawn(move || {
            let answer = put(addr, "PUT", &path(&key), Some(&token), &record(&key));
            assert_eq!(answer.status, 204, "{answer:?}");
        })
    };
    let threads: Vec<_> = keys.iter().map(publish).collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let there = |addr| {
        for key in &keys {
            let answer = ask(addr, "GET", &path(key), Some(&token));
            assert_eq!(answer.status, 200, "{answer:?}");
            let packet = SignedPacket::from_relay_payload(&key.public(), &answer.body);
            assert!(packet.is_ok());
        }
    };
    there(addr);
    let said = status(&owner);
    assert_eq!(
        (&said["records"], &said["records_published"]),
        (&50.into(), &50.into())
    );
    // Somebody who never finishes asking does not keep the rest from the disk.
    let mut slow = Https::connect(addr).unwrap();
    slow.say(b"GET /hub HTTP/1.1\r\nhost").unwrap();
    let last = put(
        addr,
        "PUT",
        &path(&keys[0]),
        Some(&token),
        &record(&keys[0]),
    );
    assert_eq!(last.status, 204);
    hub.signal(Signal::TERM);
    hub.end().expect(143);

    let mut hub = owner.start(&["hub"]);
    let (addr, _, ready) = place(&mut hub);
    assert_eq!(ready["records"], 50, "{ready}");
    there(addr);
}

#[test]
fn a_damaged_database_is_named() {
    let owner = operator();
    let database = owner.home().join("hub/records/signed-packets-1.db");
    crate::common::write(&database, &vec![7; 100_000]);
    let ended = owner.grove(&["hub"]).expect(8);
    assert!(ended.message().starts_with("the directory in "), "{ended}");
    std::fs::remove_file(&database).unwrap();
    place(&mut owner.start(&["hub"]));
}

#[test]
fn nobody_publishes_or_looks_up_without_a_token() {
    let owner = operator();
    let mut hub = owner.start(&["hub"]);
    let (addr, ticket, _) = place(&mut hub);
    let token = token_of(&ticket);
    let key = SecretKey::generate();
    for wrong in [None, Some("wrong"), Some("")] {
        let answer = put(addr, "PUT", &path(&key), wrong, &record(&key));
        assert_eq!(answer.status, 401, "{answer:?}");
        assert_eq!(ask(addr, "GET", &path(&key), wrong).status, 401);
        assert_eq!(ask(addr, "GET", "/dns-query?dns=AAAA", wrong).status, 401);
        assert_eq!(ask(addr, "GET", "/relay", wrong).status, 401);
    }
    // A token in an address ends up in logs, so it counts for nothing there.
    let query = format!("{}?token={token}", path(&key));
    assert_eq!(ask(addr, "GET", &query, None).status, 401);
    assert_eq!(ask(addr, "GET", &path(&key), Some(&token)).status, 404);
}

#[test]
fn records_of_others_and_of_the_future_are_not_taken() {
    let owner = operator();
    let mut hub = owner.start(&["hub"]);
    let (addr, ticket, _) = place(&mut hub);
    let token = token_of(&ticket);
    let (key, other) = (SecretKey::generate(), SecretKey::generate());
    let publish = |path: &str, body: &[u8]| put(addr, "PUT", path, Some(&token), body);
    let foreign = publish(&path(&key), &record(&other));
    assert_eq!(
        (foreign.status, foreign.text().as_str()),
        (400, "that is no record of this key\n")
    );
    assert_eq!(publish("/pkarr/nonsense", &record(&key)).status, 400);
    assert_eq!(publish(&path(&key), &vec![0; 20_000]).status, 413);
    // Tomorrow's would keep its owner from publishing until then.
    let tomorrow = publish(&path(&key), &record_at(&key, now() + 86_400));
    assert_eq!(tomorrow.status, 400, "{tomorrow:?}");
    assert!(
        tomorrow.text().contains("seconds ahead of the hub's"),
        "{tomorrow:?}"
    );
    assert_eq!(
        publish(&path(&key), &record_at(&key, now() + 60)).status,
        204
    );
    assert_eq!(ask(addr, "GET", &path(&key), Some(&token)).status, 200);
    assert_eq!(ask(addr, "GET", &path(&other), Some(&token)).status, 404);
}

#[test]
fn limits_hold_and_say_so() {
    let owner = operator();
    let mut hub = owner.start(&["hub", "--max-records", "2", "--max-puts-per-address", "4"]);
    let (addr, ticket, _) = place(&mut hub);
    let token = token_of(&ticket);
    let keys: Vec<_> = (0..3).map(|_| SecretKey::generate()).collect();
    let publish = |key: &SecretKey| put(addr, "PUT", &path(key), Some(&token), &record(key));
    assert_eq!(publish(&keys[0]).status, 204);
    assert_eq!(publish(&keys[1]).status, 204);
    let full = publish(&keys[2]);
    assert_eq!(
        (full.status, full.text().as_str()),
        (507, "the directory of this hub is full\n")
    );
    assert_eq!(
        publish(&keys[0]).status,
        204,
        "what is there may be renewed"
    );
    let often = publish(&keys[0]);
    assert_eq!(often.status, 429, "{often:?}");
    assert!(often.head.contains("retry-after:"), "{often:?}");
    assert_eq!(status(&owner)["records_refused"], 2);
}

#[test]
fn dns_answers_where_it_is_wanted_and_nowhere_else() {
    let owner = operator();
    let mut hub = owner.start(&["hub"]);
    let (.., ready) = place(&mut hub);
    assert_eq!(ready["dns"], serde_json::Value::Null, "DNS knows no tokens");
    hub.interrupt().expect(130);
    let port = crate::common::free_port().to_string();
    let mut hub = owner.start(&["hub", "--dns-port", &port]);
    let (addr, ticket, ready) = place(&mut hub);
    let key = SecretKey::generate();
    let answer = put(
        addr,
        "PUT",
        &path(&key),
        Some(&token_of(&ticket)),
        &record(&key),
    );
    assert_eq!(answer.status, 204);
    let dns: std::net::SocketAddr = ready["dns"].as_str().unwrap().parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let found = runtime.block_on(async {
        let resolver = iroh_dns::dns::DnsResolver::with_nameserver(dns);
        resolver
            .lookup_endpoint_by_id(&key.public(), "hub.internal")
            .await
            .unwrap()
    });
    let url = "https://relay.example".parse().unwrap();
    assert_eq!(found.relay_urls().next(), Some(&url));
}
