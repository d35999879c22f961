//! A sharer with little patience and little room, in this process: who is dropped, who makes room for
//! whom, and that one who makes it fail takes nobody along.

use std::{sync::Arc, time::Duration};

use grove::{
    app::{Accept, Dest, GetOptions, Getting, ShareOptions, ShareSource, Sharing},
    content::PeerId,
    events::{Event, Events},
    transfer::{
        provide::Limits,
        wire::{Close, Request, Reset},
    },
};
use iroh::endpoint::VarInt;
use noq::{Connection, ConnectionError, ReadError, ReadToEndError};
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};

use super::{
    handshakes::first_packets,
    person,
    stranger::{Stranger, Target, ask, request},
};
use crate::common::filler;

const SIZE: usize = 8 << 20;

/// How long anything may take before a test gives up.
const DEADLINE: Duration = Duration::from_secs(30);

struct Shared {
    place: TempDir,
    sharing: Sharing,
    target: Target,
    told: watch::Receiver<Vec<Event>>,
}

/// Shares within `limits`; whoever is shown what happens fails where `fails` says so.
async fn share(limits: Limits, fails: fn(&Event) -> bool) -> Shared {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("file");
    std::fs::write(&file, filler(SIZE)).unwrap();
    let (tell, told) = watch::channel(Vec::new());
    let events = Events::to(move |event| {
        assert!(!fails(&event), "shown on purpose: {event:?}");
        tell.send_modify(|told| told.push(event));
    });
    let mut options = ShareOptions::new(ShareSource::Paths(vec![file]));
    options.limits = limits;
    let context = person(place.path(), "sharer", events);
    let sharing = Sharing::start(&context, options).await.unwrap();
    let target = Target::of(&sharing.ticket().to_string());
    Shared {
        place,
        sharing,
        target,
        told,
    }
}

impl Shared {
    async fn still_serves(&self) {
        self.serves(Events::default()).await;
    }

    /// Fetches it as somebody who is told of `events`.
    async fn serves(&self, events: Events) {
        let context = person(self.place.path(), "getter", events);
        let here = self.place.path().join("here");
        let options = GetOptions::new(self.sharing.ticket().clone(), Dest::Dir(here.clone()));
        let always = Arc::new(|_: &Accept| true);
        let mut getting = Getting::start(&context, options, always).await.unwrap();
        getting.wait().await.unwrap();
        assert!(std::fs::read(here.join("file")).unwrap() == filler(SIZE));
        std::fs::remove_dir_all(here).unwrap();
    }

    /// Why the first peer was told to have broken off, once it was.
    async fn reason(&self) -> String {
        let reason = |told: &[Event]| {
            told.iter().find_map(|event| match event {
                Event::TransferBroken { reason, .. } => Some(reason.clone()),
                _ => None,
            })
        };
        let mut told = self.told.clone();
        let told = tokio::time::timeout(DEADLINE, told.wait_for(|told| reason(told).is_some()));
        reason(&told.await.expect("it is told").unwrap()).unwrap()
    }
}

fn nobody_fails(_: &Event) -> bool {
    false
}

fn all_of(target: Target) -> Vec<u8> {
    Request::children(target.root, 0..3).encode()
}

/// The code that the sharer closed a connection with, once it did.
async fn closed(connection: &Connection) -> Option<Close> {
    let why = tokio::time::timeout(DEADLINE, connection.closed()).await;
    let ConnectionError::ApplicationClosed(close) = why.expect("it is dropped") else {
        return None;
    };
    let code = VarInt::from_u64(close.error_code.into_inner()).unwrap();
    Close::from_code(code)
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_takes_nothing_is_dropped_and_the_sharer_told() {
    let limits = Limits {
        stalled: Duration::from_secs(2),
        ..Limits::default()
    };
    let shared = share(limits, nobody_fails).await;
    let socket = Stranger::at([127, 0, 0, 1]);
    let connection = socket.arrive(shared.target, 1).await;
    let _held = request(&connection, &all_of(shared.target)).await.unwrap();
    assert_eq!(closed(&connection).await, Some(Close::Busy));
    assert_eq!(shared.reason().await, "nothing was taken for too long");
    shared.still_serves().await;
    shared.sharing.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_nothing_is_dropped() {
    let limits = Limits {
        idle: Duration::from_secs(1),
        ..Limits::default()
    };
    let shared = share(limits, nobody_fails).await;
    let socket = Stranger::at([127, 0, 0, 1]);
    let connection = socket.arrive(shared.target, 1).await;
    assert_eq!(closed(&connection).await, Some(Close::Done));
    assert!(
        shared
            .told
            .borrow()
            .iter()
            .all(|event| !matches!(event, Event::PeerConnected { .. } | Event::PeerGone { .. })),
        "not worth a word"
    );
    shared.sharing.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_has_to_be_there_in_time_as_a_whole() {
    let limits = Limits {
        // Longer than a machine may stall: who does nothing at all for so long is dropped as a whole.
        request_within: Duration::from_secs(10),
        ..Limits::default()
    };
    let shared = share(limits, nobody_fails).await;
    let socket = Stranger::at([127, 0, 0, 1]);
    let connection = socket.arrive(shared.target, 1).await;
    let (mut send, mut recv) = connection.open_bi().await.unwrap();
    // Each byte comes well in time.
    let trickling = async {
        for byte in all_of(shared.target).iter().cycle().take(1000) {
            if send.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("it is waited for");
    };
    let refused = async {
        let refused = recv.read_to_end(1024).await;
        let Err(ReadToEndError::Read(ReadError::Reset(code))) = refused else {
            panic!("not refused: {refused:?}");
        };
        VarInt::from_u64(code.into_inner()).unwrap()
    };
    // Other requests of the same peer go on, so that only this one ends.
    let others = async {
        loop {
            let list = Request::blob(shared.target.root).encode();
            assert!(ask(&connection, &list).await.is_ok());
        }
    };
    let all = async { tokio::join!(trickling, refused) };
    let ((), code) = tokio::select! {
        ended = tokio::time::timeout(DEADLINE, all) => ended.unwrap(),
        never = others => never,
    };
    assert_eq!(Reset::from_code(code), Reset::Limit);
    assert!(ask(&connection, &all_of(shared.target)).await.is_ok());
    shared.sharing.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_too_little_is_dropped_when_room_is_short() {
    let limits = Limits {
        stalled: Duration::from_secs(6),
        // Nobody is quick enough.
        enough_when_short: u64::MAX,
        room: 1024 * 1024,
        ..Limits::default()
    };
    let shared = share(limits, nobody_fails).await;
    let socket = Stranger::at([127, 0, 0, 1]);
    let connection = socket.arrive(shared.target, 1).await;
    let all = all_of(shared.target);
    let mut held = Vec::new();
    // A lot at first, by which it earns room, and then a little now and then.
    let mut takes = async || {
        let (send, mut recv) = request(&connection, &all).await.ok()?;
        let mut buffer = vec![0; 4 << 20];
        recv.read_exact(&mut buffer).await.ok()?;
        for _ in 0..8 {
            held.push(request(&connection, &all).await.ok()?);
        }
        for _ in 0..100 {
            recv.read(&mut buffer[..4096]).await.ok()?;
            // This is how slow it is: 40 KB a second.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        held.push((send, recv));
        Some(())
    };
    // On a machine that stalls, what it earned may be forgotten before it holds any room: so again.
    let is_dropped = async { while takes().await.is_some() {} };
    assert!(tokio::time::timeout(DEADLINE, is_dropped).await.is_ok());
    assert_eq!(closed(&connection).await, Some(Close::Busy));
    shared.sharing.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_take_nothing_make_room() {
    let limits = Limits {
        connections: 4,
        settle: Duration::ZERO,
        ..Limits::default()
    };
    let shared = share(limits, nobody_fails).await;
    let socket = Stranger::at([127, 0, 0, 1]);
    let mut there = Vec::new();
    for who in 0..4 {
        let connection = socket.arrive(shared.target, who).await;
        if who == 2 {
            let answer = ask(&connection, &all_of(shared.target)).await;
            assert!(answer.unwrap() > SIZE);
        }
        there.push(connection);
    }
    for _ in 0..5 {
        shared.still_serves().await;
    }
    let open = there
        .iter()
        .map(|connection| connection.close_reason().is_none());
    let open: Vec<bool> = open.collect();
    assert!(
        !open[0],
        "the one that was there longest and took nothing: {open:?}"
    );
    assert!(open[2], "not the one that took something: {open:?}");
    assert_eq!(closed(&there[0]).await, Some(Close::Busy));
    shared.sharing.stop().await;
}

/// A sharer whose two places are taken, for `turn`, by whoever takes anything at all.
async fn taken(turn: Duration) -> (Shared, Stranger, [Connection; 2]) {
    let limits = Limits {
        connections: 2,
        settle: Duration::ZERO,
        enough: 0,
        turn,
        ..Limits::default()
    };
    let shared = share(limits, nobody_fails).await;
    let socket = Stranger::at([127, 0, 0, 1]);
    let there = [
        socket.arrive(shared.target, 1).await,
        socket.arrive(shared.target, 2).await,
    ];
    (shared, socket, there)
}

fn all_open(there: &[Connection]) -> bool {
    there.iter().all(|held| held.close_reason().is_none())
}

#[tokio::test(flavor = "multi_thread")]
async fn good_hands_keep_their_places_and_newcomers_come_back() {
    let (shared, socket, there) = taken(Duration::from_hours(1)).await;
    let newcomer = socket.arrive(shared.target, 3).await;
    assert_eq!(closed(&newcomer).await, Some(Close::Busy));

    // A getter of ours is turned away too, says why, and is there once a place is free.
    let (busy, mut told) = mpsc::unbounded_channel();
    let waits = Events::to(move |event| {
        if let Event::Waiting { reason, .. } = event {
            let _ = busy.send(reason);
        }
    });
    let leaves = async {
        // Whatever else it waited for before.
        while told.recv().await.expect("it says why") != "the other side is busy" {}
        assert!(all_open(&there), "good hands keep their places");
        there[0].close(0u32.into(), b"");
    };
    tokio::join!(shared.serves(waits), leaves);
    assert!(all_open(&there[1..]), "one left, and that was enough");
    shared.sharing.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn places_are_kept_for_a_turn_only() {
    let (shared, _socket, there) = taken(Duration::from_secs(1)).await;
    shared.still_serves().await;
    assert!(!all_open(&there), "somebody's turn was over");
    shared.sharing.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_are_proven_when_many_handshakes_are_not_finished() {
    const INITIAL: u8 = 0x80;
    const RETRY: u8 = 0xb0;
    let limits = Limits {
        handshakes: 4,
        handshake_within: Duration::from_hours(1),
        ..Limits::default()
    };
    let shared = share(limits, nobody_fails).await;
    let mut forms = Vec::new();
    for packet in first_packets(4).await {
        // Answers to those before come again and again: only a new socket tells them apart.
        let raw = std::net::UdpSocket::bind(("127.0.0.1", 0)).unwrap();
        raw.set_read_timeout(Some(DEADLINE)).unwrap();
        raw.send_to(&packet, shared.target.address).unwrap();
        let mut answer = [0; 2048];
        tokio::task::block_in_place(|| raw.recv(&mut answer)).unwrap();
        // The form of the header and the kind of packet, RFC 9000 section 17.2; the bit between them is
        // anything, RFC 9287.
        forms.push(answer[0] & 0xb0);
    }
    assert_eq!(forms, [INITIAL, INITIAL, INITIAL, RETRY]);
    shared.still_serves().await;
    shared.sharing.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_makes_a_request_fail_takes_nobody_along() {
    // Whoever is shown warnings fails: that is within a request.
    let shared = share(Limits::default(), |event| {
        matches!(event, Event::Warning { .. })
    })
    .await;
    let socket = Stranger::at([127, 0, 0, 1]);
    let connection = socket.arrive(shared.target, 1).await;
    let other = socket.arrive(shared.target, 2).await;
    assert!(ask(&connection, &[0; 20]).await.is_err());
    let answer = ask(&connection, &all_of(shared.target)).await;
    assert!(answer.is_ok(), "the same connection goes on: {answer:?}");
    assert!(ask(&other, &all_of(shared.target)).await.is_ok());
    shared.still_serves().await;
    shared.sharing.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_makes_a_connection_fail_takes_nobody_along() {
    fn is_broken(event: &Event) -> bool {
        let first = PeerId::from_bytes(&FIRST.get().copied().unwrap_or([0; 32]));
        matches!(event, Event::Progress { peer: Some(peer), .. } if Some(*peer) == first.ok())
    }
    static FIRST: std::sync::OnceLock<[u8; 32]> = std::sync::OnceLock::new();

    let shared = share(Limits::default(), is_broken).await;
    let socket = Stranger::at([127, 0, 0, 1]);
    FIRST.set(super::stranger::id(1)).unwrap();
    let connection = socket.arrive(shared.target, 1).await;
    let other = socket.arrive(shared.target, 2).await;
    // Progress is shown by what serves the whole connection.
    let _ = ask(&connection, &all_of(shared.target)).await;
    closed(&connection).await;
    assert!(ask(&other, &all_of(shared.target)).await.is_ok());
    shared.still_serves().await;
    shared.sharing.stop().await;
}
