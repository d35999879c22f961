//! A share with a limit is fetched as often as it may be: by fifty at once, and by whoever comes after
//! a crash.

use std::fs;

use grove::{
    content::{Hash, PeerId},
    transfer::{
        provide::{Places, Record},
        wire::{Close, Request},
    },
};
use noq::{Connection, ConnectionError};
use tokio::task::JoinSet;

use super::stranger::{Stranger, Target, ask};
use crate::common::{Peer, filler, free_port};

fn code_of(connection: &Connection) -> Option<Close> {
    match connection.close_reason() {
        Some(ConnectionError::ApplicationClosed(close)) => {
            let code = iroh::endpoint::VarInt::from_u64(close.error_code.into_inner()).unwrap();
            Close::from_code(code)
        }
        _ => None,
    }
}

/// Many ask for content at the same moment; who got it.
async fn race(target: Target, people: std::ops::Range<u64>) -> Vec<u64> {
    let socket = Stranger::at([127, 0, 0, 1]);
    let mut all = JoinSet::new();
    for who in people {
        let socket = socket.clone();
        all.spawn(async move {
            let connection = socket.arrive(target, who).await;
            let request = Request::children(target.root, 2..3).encode();
            let served = ask(&connection, &request).await.is_ok();
            if !served {
                connection.closed().await;
                assert_eq!(code_of(&connection), Some(Close::Taken), "{who}");
            }
            connection.close(
                Close::Interrupted.code().into_inner().try_into().unwrap(),
                b"",
            );
            served.then_some(who)
        });
    }
    all.join_all().await.into_iter().flatten().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_is_exact_and_outlasts_kills() {
    let alice = Peer::new("alice").at_port(free_port());
    alice.write("file", filler(100_000));
    let line = ["file", "--max-gets", "3"];
    let sharing = alice.share(&line);
    let ticket = sharing.ticket.clone();
    let target = Target::of(&ticket);
    Peer::new("bob").get(&ticket, &[]).expect(0);
    sharing.into_running().kill();

    let sharing = alice.share(&line);
    assert_eq!(sharing.ticket, ticket);
    let served = race(target, 0..50).await;
    assert_eq!(served.len(), 2, "bob has the third place: {served:?}");
    sharing.into_running().kill();

    let sharing = alice.share(&line);
    assert_eq!(race(target, 50..70).await, [0u64; 0], "nobody new");
    for who in &served {
        let socket = Stranger::at([127, 0, 0, 1]);
        let connection = socket.arrive(target, *who).await;
        let all = Request::children(target.root, 0..3).encode();
        let answer = ask(&connection, &all).await;
        assert!(answer.is_ok(), "who began may resume: {answer:?}");
        connection.close(Close::Complete.code().into_inner().try_into().unwrap(), b"");
    }
    sharing.into_running().end().expect(0);

    let anew = alice.share(&line);
    Peer::new("carol").get(&anew.ticket, &[]).expect(0);
    anew.into_running().interrupt().expect(130);
}

#[test]
fn a_share_that_was_killed_at_its_end_ends_at_once() {
    let alice = Peer::new("alice");
    alice.write("file", "x");
    let sharing = alice.share(&["file"]);
    let root: Hash = sharing.root.parse().unwrap();
    sharing.into_running().interrupt().expect(130);
    let bob: PeerId = Peer::new("bob").id().parse().unwrap();
    let record = Record::open(&alice.home().join("shares"), &root).unwrap();
    record.save(&Places::from([(bob, true)])).unwrap();
    drop(record);

    let ended = alice.plain(&["share", "file", "--once"]).expect(0);
    let told = ended.stderr_text();
    assert!(told.contains("as often as it may be (1)"), "{ended}");
    assert_eq!(
        ended.stdout_text(),
        "",
        "no ticket that is good for nothing"
    );

    let anew = alice.share(&["file", "--once"]);
    Peer::new("bob").get(&anew.ticket, &[]).expect(0);
    anew.into_running().end().expect(0);
}

#[test]
fn a_damaged_record_is_not_taken_for_an_empty_one() {
    let alice = Peer::new("alice");
    alice.write("file", filler(100_000));
    let mut sharing = alice.share(&["file", "--max-gets", "2"]);
    Peer::new("bob").get(&sharing.ticket, &[]).expect(0);
    sharing.wait_for("transfer_finished");
    let record = alice.home().join("shares").join(&sharing.root);
    sharing.into_running().interrupt().expect(130);
    let bytes = fs::read(&record).unwrap();
    fs::write(&record, &bytes[..bytes.len() - 1]).unwrap();

    let refused = alice.grove(&["share", "file", "--max-gets", "2"]).expect(8);
    let hint = refused.event("error")["hint"].to_string();
    assert!(refused.message().contains("damaged"), "{refused}");
    assert!(hint.contains("--fresh"), "{refused}");
    assert_eq!(
        fs::read(&record).unwrap().len(),
        bytes.len() - 1,
        "left as it is"
    );

    let fresh = alice.share(&["file", "--max-gets", "2", "--fresh"]);
    Peer::new("bob").get(&fresh.ticket, &[]).expect(0);
    Peer::new("carol").get(&fresh.ticket, &[]).expect(0);
    fresh.into_running().end().expect(0);
    assert!(
        !record.exists(),
        "nothing is left of a share that ended by itself"
    );
}

#[test]
fn one_share_with_a_limit_at_a_time() {
    let alice = Peer::new("alice");
    alice.write("file", "x");
    let sharing = alice.share(&["file", "--once"]);
    // Nor is the count of the first one thrown away under it.
    for more in [&["--once"][..], &["--once", "--fresh"], &["--fresh"]] {
        let words = [&["share", "file"], more].concat();
        let refused = alice.grove(&words).expect(5);
        assert!(refused.message().contains("by another grove"), "{refused}");
    }
    sharing.into_running().kill();
    let again = alice.share(&["file", "--once"]);
    again.into_running().interrupt().expect(130);
}
