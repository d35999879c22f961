//! Requests that ask for what is not shared, for too much, or are none.

use std::time::{Duration, Instant};

use bao_tree::{ChunkNum, ChunkRanges};
use grove::{
    content::Hash,
    transfer::wire::{MAX_BOUNDARIES, Request, Reset},
};
use noq::Connection;

use super::{
    stranger::{Manner, Stranger, Target, ask, request},
    watch::{Watched, processor_seconds},
};
use crate::common::{Peer, filler, snapshot};

/// Kinds of requests that iroh-blobs knows beside *get*.
const OBSERVE: u8 = 1;
const PUSH: u8 = 2;
const GET_MANY: u8 = 3;

fn of_kind(kind: u8, hash: Hash, behind: &[u8]) -> Vec<u8> {
    [&[kind][..], hash.as_bytes(), behind].concat()
}

/// A share of a large and a small file, and somebody who gets it at the end.
fn shared() -> (Peer, crate::common::Sharing, Target) {
    let alice = Peer::new("alice");
    alice.write("folder/large", filler(24 << 20));
    alice.write("folder/small", "small");
    let sharing = alice.share(&["folder"]);
    let target = Target::of(&sharing.ticket);
    (alice, sharing, target)
}

fn still_serves(alice: &Peer, sharing: crate::common::Sharing) {
    let bob = Peer::new("bob");
    bob.get(&sharing.ticket, &[]).expect(0);
    assert!(bob.read("folder/large") == alice.read("folder/large"));
    sharing.into_running().interrupt().expect(130);
}

/// How far the middle ones of how long answers take are apart: those about `known`, and those about what
/// nobody ever heard of, in turns.
async fn apart(connections: &[Connection], known: Hash) -> Duration {
    let mut times = [Vec::new(), Vec::new()];
    for (number, connection) in connections.iter().cycle().take(48).enumerate() {
        let unknown = Hash::new(number.to_le_bytes());
        let mut both = [(0, known), (1, unknown)];
        if number % 2 == 0 {
            both.reverse();
        }
        for (which, hash) in both {
            let began = Instant::now();
            let answer = ask(connection, &Request::blob(hash).encode()).await;
            assert_eq!(answer, Err(Some(Reset::NotShared)));
            times[which].push(began.elapsed());
        }
    }
    let [known, unknown] = times.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2]
    });
    known.abs_diff(unknown)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_but_not_shared_here_is_as_unknown_as_anything() {
    /// What looks up more takes longer every time, and a machine that stalls does so now and then.
    const ROUNDS: usize = 6;
    let (alice, sharing, target) = shared();
    let carol = Peer::new("carol");
    carol.write("fetched", filler(100_000));
    let hers = carol.share(&["fetched"]);
    alice.get(&hers.ticket, &[]).expect(0);
    alice.write("other", filler(200_000));
    let other = alice.share(&["other"]);
    // What another share serves, what was fetched, and what nobody ever heard of.
    let known = [
        Target::of(&other.ticket).root,
        Hash::new(filler(200_000)),
        Target::of(&hers.ticket).root,
        Hash::new(filler(100_000)),
    ];
    let socket = Stranger::at([127, 0, 0, 1]);
    let mut people = Vec::new();
    for who in 0..8 {
        people.push(socket.arrive(target, who).await);
    }
    for hash in known {
        let mut least = Duration::MAX;
        for _ in 0..ROUNDS {
            least = least.min(apart(&people, hash).await);
            if least < Duration::from_millis(5) {
                break;
            }
        }
        assert!(least < Duration::from_millis(5), "{least:?} apart");
    }
    still_serves(&alice, sharing);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_for_too_much_cost_little() {
    let (alice, sharing, target) = shared();
    let before = snapshot(&alice.home());
    let socket = Stranger::at([127, 0, 0, 1]);
    let connection = socket.arrive(target, 1).await;
    let watched = Watched::start(sharing.pid());

    let every_other = |count: u64| (0..count).flat_map(|n| [ChunkNum(2 * n), ChunkNum(2 * n + 1)]);
    let ranges = |count: u64| ChunkRanges::new(every_other(count).collect()).unwrap();
    let many = Request::ranges(target.root, 2, ranges(500_000)).encode();
    assert_eq!(ask(&connection, &many).await, Err(Some(Reset::Limit)));

    // As much as is allowed, for all children, over and over; the answers are not read.
    let most = ranges(MAX_BOUNDARIES as u64 / 2 - 2);
    let most = Request {
        hash: target.root,
        specs: vec![(0, most)],
    };
    let mut held = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(3);
    let mut asking = async || {
        while let Ok(streams) = request(&connection, &most.encode()).await {
            held.push(streams);
        }
    };
    let _ = tokio::time::timeout_at(deadline.into(), asking()).await;

    let others = socket.arrive(target, 2).await;
    let same = vec![*target.root.as_bytes(); 31_000].concat();
    let unknown: Vec<u8> = (0..31_000u32)
        .flat_map(|n| *Hash::new(n.to_le_bytes()).as_bytes())
        .collect();
    for hashes in [same, unknown] {
        let many = [
            &[GET_MANY][..],
            &postcard::to_stdvec(&31_000u64).unwrap(),
            &hashes,
        ]
        .concat();
        assert_eq!(ask(&others, &many).await, Err(Some(Reset::NotShared)));
    }
    let seen = watched.end();
    // The promise: one thread is at it for a second at most. Other programs run here too.
    assert!(seen.busiest <= Duration::from_secs(2), "{seen:?}");
    assert_eq!(snapshot(&alice.home()), before);
    still_serves(&alice, sharing);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_can_be_pushed() {
    let (alice, sharing, target) = shared();
    let before = snapshot(&alice.home());
    let socket = Stranger::at([127, 0, 0, 1]);
    let connection = socket.arrive(target, 1).await;
    let (mut send, mut recv) = connection.open_bi().await.unwrap();
    let mut pushed = of_kind(PUSH, target.root, &[0, 0]);
    pushed.resize(256 * 1024, 7);
    let mut sent = 0u64;
    while send.write_all(&pushed).await.is_ok() {
        sent += pushed.len() as u64;
        assert!(sent < 1 << 30, "all of it was taken");
    }
    assert!(sent <= 1 << 20, "{sent} bytes were taken");
    assert!(recv.read_to_end(1).await.is_err(), "refused");
    // The head alone, and nothing behind it: refused all the same, and at once.
    let (mut send, mut recv) = connection.open_bi().await.unwrap();
    send.write_all(&of_kind(PUSH, target.root, &[]))
        .await
        .unwrap();
    assert!(recv.read_to_end(1).await.is_err());
    assert_eq!(snapshot(&alice.home()), before);
    still_serves(&alice, sharing);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_refusals_is_slow() {
    let (alice, sharing, target) = shared();
    let socket = Stranger::at([127, 0, 0, 1]);
    let connection = socket.arrive(target, 1).await;
    let before = processor_seconds(sharing.pid());
    let began = Instant::now();
    let mut asked = 0u32;
    while began.elapsed() < Duration::from_secs(4) {
        let hash = Hash::new(asked.to_le_bytes());
        let answer = ask(&connection, &of_kind(OBSERVE, hash, &[0, 0])).await;
        assert_eq!(answer, Err(Some(Reset::NotShared)));
        asked += 1;
    }
    // Thirty-two a second, and what was begun.
    assert!(asked < 32 * 7, "{asked} refusals");
    let cost = processor_seconds(sharing.pid()) - before;
    assert!(cost < 2.0, "{cost} seconds of a processor");
    still_serves(&alice, sharing);
}

/// A request that is sent a byte at a time, until the sharer has enough of it. Returns how many bytes it
/// was sent, and whether that was all.
async fn trickle(connection: Connection, request: Vec<u8>) -> (usize, bool) {
    let Ok((mut send, _recv)) = connection.open_bi().await else {
        return (0, false);
    };
    for (sent, byte) in request.chunks(1).enumerate() {
        if send.write_all(byte).await.is_err() {
            return (sent, false);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    (request.len(), true)
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_trickles_requests_is_dropped() {
    let (alice, sharing, target) = shared();
    let socket = Stranger::at([127, 0, 0, 1]);
    // A good request, and it takes minutes until it is there.
    let every_other = (0..200).flat_map(|n| [ChunkNum(2 * n), ChunkNum(2 * n + 1)]);
    let ranges = ChunkRanges::new(every_other.collect()).unwrap();
    let request = Request::ranges(target.root, 2, ranges).encode();
    assert!(request.len() > 200);
    let (mut connections, mut trickling) = (Vec::new(), tokio::task::JoinSet::new());
    for who in 0..20 {
        let connection = socket.arrive(target, who).await;
        for _ in 0..50 {
            trickling.spawn(trickle(connection.clone(), request.clone()));
        }
        connections.push(connection);
    }
    still_serves_beside(&alice, &sharing);
    // The promise is half a minute.
    let within = Duration::from_secs(30);
    let dropped = async {
        for connection in &connections {
            connection.closed().await;
        }
    };
    tokio::time::timeout(within, dropped).await.unwrap();
    let ended = trickling.join_all().await;
    assert!(
        ended.iter().all(|(_, all)| !all),
        "a request was waited for"
    );
    let most = ended.iter().map(|(sent, _)| sent).max();
    assert!(most > Some(&5), "only {most:?} bytes came before the end");
    sharing.into_running().interrupt().expect(130);
}

fn still_serves_beside(alice: &Peer, sharing: &crate::common::Sharing) {
    let bob = Peer::new("bob");
    bob.get(&sharing.ticket, &[]).expect(0);
    assert!(bob.read("folder/large") == alice.read("folder/large"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_speaks_another_language_is_shown_the_door_quietly() {
    let alice = Peer::new("alice");
    alice.write("folder/large", filler(1 << 20));
    let sharing = alice.start(&["-v", "share", "folder"]);
    let sharing = crate::common::Sharing::new(sharing);
    let target = Target::of(&sharing.ticket);
    let socket = Stranger::at([127, 0, 0, 1]);
    let began = Instant::now();
    let all: Vec<Vec<u8>> = (0..=254u8).map(|n| vec![n; 200]).collect();
    let manner = Manner {
        protocols: all,
        ..Manner::default()
    };
    // A greeting of fifty kilobytes is never taken in as a whole.
    let long = tokio::spawn({
        let socket = socket.clone();
        async move { socket.connect(target, 99, &manner).await.is_err() }
    });
    for protocols in [vec![b"/other/1".to_vec()], vec![vec![b'x'; 255]], vec![]] {
        let manner = Manner {
            protocols,
            ..Manner::default()
        };
        for who in 0..30 {
            let refused = socket.connect(target, who, &manner).await;
            if let Ok(connection) = refused {
                connection.closed().await;
            }
        }
    }
    for who in 0..30 {
        let connection = socket.arrive(target, who).await;
        for kind in 2..=7 {
            let garbage = of_kind(kind, target.root, &filler(usize::from(kind) * 100));
            assert_eq!(
                ask(&connection, &garbage).await,
                Err(Some(Reset::NotShared))
            );
        }
        assert!(ask(&connection, &[0; 20]).await.is_err());
        // No stream of this kind is ever granted.
        assert!(
            tokio::time::timeout(Duration::from_millis(10), connection.open_uni())
                .await
                .is_err()
        );
        connection.close(u32::MAX.into(), &[0xff; 500]);
    }
    let bob = Peer::new("bob");
    bob.get(&sharing.ticket, &[]).expect(0);
    assert!(long.await.unwrap());
    let ended = sharing.into_running().interrupt().expect(130);
    let lines = ended.stderr_text().lines().count() + ended.stdout_text().lines().count();
    let seconds = began.elapsed().as_secs_f64();
    assert!(
        (lines as f64) < 10.0 * seconds + 40.0,
        "{lines} lines in {seconds} s: {ended}"
    );
}
