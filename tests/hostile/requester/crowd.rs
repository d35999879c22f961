//! Hundreds of hostile people at once, each with an id of its own, and one honest one.
//!
//! `GROVE_TEST_HOSTILE` says how many. `just hostile` runs what takes minutes too.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use grove::transfer::wire::Request;
use tokio::{runtime::Runtime, time::sleep};

use super::{
    stranger::{Manner, Stranger, Target, request},
    watch::{Watched, file_limit, peak_mib},
};
use crate::common::{Peer, filler, poll};

/// What one of them does all the time.
#[derive(Debug, Clone, Copy)]
enum Habit {
    /// Is there.
    Idle,
    /// Asks for everything and reads it slowly.
    SlowReader,
    /// Sends requests a byte at a time.
    Trickler,
    /// Asks for everything, many times over, and reads nothing.
    NonReader,
    /// Sends what is no request.
    Babbler,
}

const HABITS: [Habit; 5] = [
    Habit::Idle,
    Habit::SlowReader,
    Habit::Trickler,
    Habit::NonReader,
    Habit::Babbler,
];

/// The crowd, for as long as this is there.
struct Crowd {
    runtime: Option<Runtime>,
    over: Arc<AtomicBool>,
    connected: Arc<AtomicU64>,
}

impl Crowd {
    fn gather(target: Target, people: u64) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            // They would have computers of their own.
            .on_thread_start(|| _ = rustix::process::nice(19))
            .enable_all()
            .build()
            .unwrap();
        let (over, connected) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        {
            let _inside = runtime.enter();
            let sockets: Vec<_> = (0..8).map(|_| Stranger::at([127, 0, 0, 1])).collect();
            for who in 0..people {
                let habit = HABITS[usize::try_from(who).unwrap() % HABITS.len()];
                let socket = sockets[usize::try_from(who).unwrap() % sockets.len()].clone();
                runtime.spawn(live(habit, socket, target, who, connected.clone()));
            }
            runtime.spawn(come_and_go(sockets[0].clone(), target));
        }
        Self {
            runtime: Some(runtime),
            over,
            connected,
        }
    }

    /// Waits until so many connections were made.
    fn wait_for(&self, connections: u64) {
        poll(|| {
            let there = self.connected.load(Ordering::Relaxed);
            let all = there >= connections;
            all.then_some(())
                .ok_or(format!("{there} of the crowd came"))
        });
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(5));
        }
    }
}

/// Does what it does, and comes back when it is turned out.
async fn live(habit: Habit, socket: Stranger, target: Target, who: u64, connected: Arc<AtomicU64>) {
    sleep(Duration::from_millis(who * 7 % 1000)).await;
    loop {
        if let Ok(connection) = socket.connect(target, who, &Manner::default()).await {
            connected.fetch_add(1, Ordering::Relaxed);
            tokio::select! {
                _ = connection.closed() => {}
                () = behave(habit, &connection, target) => {}
            }
        }
        sleep(Duration::from_millis(500)).await;
    }
}

async fn behave(habit: Habit, connection: &noq::Connection, target: Target) {
    let all = Request::children(target.root, 0..4).encode();
    match habit {
        Habit::Idle => std::future::pending().await,
        Habit::SlowReader => {
            let Ok((_send, mut recv)) = request(connection, &all).await else {
                return;
            };
            let mut buffer = [0; 4096];
            while recv.read(&mut buffer).await.is_ok() {
                sleep(Duration::from_millis(200)).await;
            }
        }
        Habit::Trickler => {
            let mut streams = Vec::new();
            for _ in 0..30 {
                let Ok((send, _)) = connection.open_bi().await else {
                    return;
                };
                streams.push(send);
            }
            for byte in all.iter().cycle() {
                for send in &mut streams {
                    if send.write_all(&[*byte]).await.is_err()
                        && let Ok((new, _)) = connection.open_bi().await
                    {
                        *send = new;
                    }
                }
                sleep(Duration::from_secs(1)).await;
            }
        }
        Habit::NonReader => {
            let mut held = Vec::new();
            loop {
                match request(connection, &all).await {
                    Ok(streams) => held.push(streams),
                    Err(_) => return,
                }
            }
        }
        Habit::Babbler => {
            let mut number = 0u64;
            loop {
                number += 1;
                let length = usize::try_from(number % 5000).unwrap();
                if request(connection, &filler(length)).await.is_err() {
                    return;
                }
                sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

/// A hundred a second, each somebody else, who asks for something and is gone.
async fn come_and_go(socket: Stranger, target: Target) {
    let mut tick = tokio::time::interval(Duration::from_millis(10));
    for who in 1_000_000.. {
        tick.tick().await;
        let socket = socket.clone();
        tokio::spawn(async move {
            if let Ok(connection) = socket.connect(target, who, &Manner::default()).await {
                let all = Request::children(target.root, 0..4).encode();
                let _ = request(&connection, &all).await;
                connection.close(0u32.into(), b"");
            }
        });
    }
}

const SIZE: usize = 48 << 20;

/// How long an honest get took: to the first byte, and from there to the end.
fn fetch(bob: &Peer, ticket: &str, into: &str, line: &[&str]) -> (Duration, Duration) {
    let began = Instant::now();
    let mut get = bob.start_get(ticket, &[&["-o", into], line].concat());
    get.wait_until_fetched(1);
    let first = began.elapsed();
    get.end().expect(0);
    let all = began.elapsed();
    std::fs::remove_dir_all(bob.path(into)).unwrap();
    (first, all.saturating_sub(first))
}

/// On a line of 64 Mbit/s, which leaves this computer something to do for the crowd and for whatever
/// else is tried at the same time.
#[test]
fn an_honest_receiver_keeps_half_the_speed_of_its_line() {
    compare(&["--limit-rate", "8M"]);
}

#[ignore = "needs the computer for itself, see the justfile"]
#[test]
fn an_honest_receiver_keeps_half_its_speed() {
    compare(&[]);
}

fn compare(line: &[&str]) {
    let people = std::env::var("GROVE_TEST_HOSTILE");
    let people: u64 = people.map_or(500, |text| text.parse().unwrap());
    let (alice, bob) = (Peer::new("alice"), Peer::new("bob"));
    alice.write("folder/large", filler(SIZE));
    alice.write("folder/small", "small");
    let sharing = alice.share(&["folder"]);
    let target = Target::of(&sharing.ticket);
    let watched = Watched::start(sharing.pid());
    let mut tries = 0;
    let (alone, beside, first, soon) = loop {
        tries += 1;
        let (calm, alone) = fetch(&bob, &sharing.ticket, "alone", line);
        // A computer may be so slow that it takes longer anyway.
        let soon = Duration::from_secs(3).max(calm * 5);
        let crowd = Crowd::gather(target, people);
        crowd.wait_for(people.min(256));
        let (first, beside) = fetch(&bob, &sharing.ticket, "beside", line);
        // The crowd has no computer of its own, nor has anything else that runs here now.
        if beside <= alone * 2 && first <= soon || tries == 3 {
            break (alone, beside, first, soon);
        }
    };
    let (peak, limit) = (peak_mib(sharing.pid()), file_limit(sharing.pid()));
    let seen = watched.end();
    assert!(first <= soon, "the first byte after {first:?}");
    assert!(beside <= alone * 2, "{beside:?} instead of {alone:?}");
    assert!(peak <= 1024, "{peak} MiB");
    assert!(seen.open_files <= limit * 4 / 5, "{seen:?} of {limit}");
    sharing.into_running().interrupt().expect(130);
}

/// People who ask for everything, a hundred times over and in eight connections each, and read
/// nothing.
async fn hold_answers(target: Target) -> Vec<noq::Connection> {
    let socket = Stranger::at([127, 0, 0, 1]);
    let all = Request::children(target.root, 0..4).encode();
    let mut there = Vec::new();
    for who in 0..25 {
        for _ in 0..8 {
            // A handshake that a stall is longer than is begun anew.
            let mut tries = 0..10;
            let connection = loop {
                let connected = socket.connect(target, who, &Manner::default()).await;
                if connected.is_ok() || tries.next().is_none() {
                    break connected;
                }
            };
            let Ok(connection) = connection else {
                continue;
            };
            tokio::spawn({
                let (connection, all) = (connection.clone(), all.clone());
                async move {
                    let mut held = Vec::new();
                    // No more than 64 are taken at once.
                    while let Ok(streams) = request(&connection, &all).await {
                        held.push(streams);
                    }
                }
            });
            there.push(connection);
        }
    }
    there
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_nobody_reads_take_little_memory() {
    let (alice, bob) = (Peer::new("alice"), Peer::new("bob"));
    alice.write("folder/large", filler(SIZE));
    let sharing = alice.share(&["folder"]);
    let there = hold_answers(Target::of(&sharing.ticket)).await;
    assert_eq!(there.len(), 200);
    bob.get(&sharing.ticket, &[]).expect(0);
    let peak = peak_mib(sharing.pid());
    assert!(peak <= 1024, "{peak} MiB");
    sharing.into_running().interrupt().expect(130);
}

#[ignore = "takes more than a minute, see the justfile"]
#[tokio::test(flavor = "multi_thread")]
async fn answers_that_nobody_reads_are_dropped() {
    let alice = Peer::new("alice");
    alice.write("folder/large", filler(SIZE));
    let sharing = alice.share(&["folder"]);
    let there = hold_answers(Target::of(&sharing.ticket)).await;
    let dropped = async {
        for connection in &there {
            connection.closed().await;
        }
    };
    // The promise is a minute.
    let dropped = tokio::time::timeout(Duration::from_secs(65), dropped).await;
    assert!(dropped.is_ok());
    sharing.into_running().interrupt().expect(130);
}

#[ignore = "takes half a minute, see the justfile"]
#[test]
fn a_receiver_that_hangs_is_dropped_and_the_sharer_told() {
    let (alice, bob) = (Peer::new("alice"), Peer::new("bob"));
    alice.write("folder/large", filler(SIZE));
    let mut sharing = alice.share(&["folder"]);
    let mut get = bob.start_get(&sharing.ticket, &["--limit-rate", "4M"]);
    get.wait_until_fetched(1);
    get.signal(crate::common::Signal::STOP);
    // The promise is a minute.
    let told = sharing.wait_within(Duration::from_mins(1), "the end of it", |event| {
        event["event"] == "transfer_broken"
    });
    assert!(told["reason"].is_string(), "{told}");
    get.signal(crate::common::Signal::CONT);
    get.end().expect(0);
    assert!(bob.read("folder/large") == filler(SIZE));
    sharing.into_running().interrupt().expect(130);
}
