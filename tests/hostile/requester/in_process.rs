//! Hostile requesters, with the sharer in this process: what it is warned of, and what it keeps.

use std::{sync::Arc, time::Duration};

use bao_tree::{ChunkNum, ChunkRanges};
use grove::{
    app::{Accept, Dest, Ended, GetOptions, Getting, ShareOptions, ShareSource, Sharing},
    content::Hash,
    events::{Event, Events},
    transfer::{
        provide::Limits,
        wire::{ALPN, Close, Request, Reset},
    },
};
use iroh::{
    Endpoint, RelayMode,
    endpoint::{
        Connection, ConnectionError, QuicTransportConfig, ReadError, ReadToEndError, VarInt,
        presets,
    },
};
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::person;
use crate::common::DEADLINE;

/// A share with a large and a small file, and what its sharer is warned about.
struct Shared {
    place: TempDir,
    sharing: Sharing,
    warnings: mpsc::UnboundedReceiver<String>,
}

const LARGE: usize = 24 * 1024 * 1024;

fn content() -> Vec<u8> {
    (0u32..).flat_map(u32::to_le_bytes).take(LARGE).collect()
}

impl Shared {
    async fn new() -> Self {
        Self::with(Limits::default()).await
    }

    async fn with(limits: Limits) -> Self {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("folder");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("large"), content()).unwrap();
        std::fs::write(folder.join("small"), "small").unwrap();
        let (tell, warnings) = mpsc::unbounded_channel();
        let events = Events::to(move |event| {
            if let Event::Warning { message, .. } = event {
                let _ = tell.send(message);
            }
        });
        let context = person(place.path(), "sharer", events);
        let mut options = ShareOptions::new(ShareSource::Paths(vec![folder]));
        options.limits = limits;
        let sharing = Sharing::start(&context, options).await.unwrap();
        Self {
            place,
            sharing,
            warnings,
        }
    }

    fn root(&self) -> Hash {
        self.sharing.ticket().hash
    }

    async fn connect(&self, hostile: &Endpoint) -> Connection {
        let address = self.sharing.ticket().addr.clone();
        hostile.connect(address, ALPN).await.unwrap()
    }

    /// Somebody honest gets everything.
    async fn still_serves(&self) {
        let context = person(self.place.path(), "getter", Events::default());
        let here = self.place.path().join("here");
        let options = GetOptions::new(self.sharing.ticket().clone(), Dest::Dir(here.clone()));
        let always = Arc::new(|_: &Accept| true);
        let mut getting = Getting::start(&context, options, always).await.unwrap();
        getting.wait().await.unwrap();
        assert!(std::fs::read(here.join("folder/large")).unwrap() == content());
    }
}

/// It takes little that it does not read, so that what piles up does so at the provider.
async fn hostile() -> Endpoint {
    let transport = QuicTransportConfig::builder()
        .stream_receive_window(VarInt::from_u32(64 * 1024))
        .build();
    Endpoint::builder(presets::Minimal)
        .relay_mode(RelayMode::Disabled)
        .transport_config(transport)
        .bind()
        .await
        .unwrap()
}

/// What a request of these bytes is answered with.
async fn ask(connection: &Connection, bytes: &[u8]) -> Result<Vec<u8>, Option<Reset>> {
    let (mut send, mut recv) = connection.open_bi().await.unwrap();
    // A provider that refuses early stops the stream.
    let _ = send.write_all(bytes).await;
    let _ = send.finish();
    recv.read_to_end(2 * LARGE)
        .await
        .map_err(|error| match error {
            ReadToEndError::Read(ReadError::Reset(code)) => Some(Reset::from_code(code)),
            _ => None,
        })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_a_request_for_the_share_is_refused() {
    let mut shared = Shared::new().await;
    let hostile = hostile().await;
    let connection = shared.connect(&hostile).await;
    let good = Request::blob(shared.root()).encode();

    let unknown = Request::blob(Hash::new("something else")).encode();
    assert_eq!(
        ask(&connection, &unknown).await,
        Err(Some(Reset::NotShared))
    );
    for kind in 1..10 {
        let mut other = good.clone();
        other[0] = kind;
        other.resize(100 * usize::from(kind), 7);
        assert_eq!(
            ask(&connection, &other).await,
            Err(Some(Reset::NotShared)),
            "kind {kind}"
        );
    }
    assert_eq!(ask(&connection, &[]).await, Err(Some(Reset::Internal)));
    assert_eq!(ask(&connection, &[0; 20]).await, Err(Some(Reset::Internal)));
    let huge = vec![0; 8 * 1024 * 1024];
    assert_eq!(ask(&connection, &huge).await, Err(Some(Reset::Limit)));
    let far = Request::children(shared.root(), u64::MAX - 2..u64::MAX - 1).encode();
    assert_eq!(ask(&connection, &far).await, Ok(Vec::new()));

    shared.still_serves().await;
    shared.sharing.stop().await;
    let mut warnings = Vec::new();
    while let Some(warning) = shared.warnings.recv().await {
        warnings.push(warning);
    }
    assert!(warnings.len() <= 3, "told once each: {warnings:?}");
}

/// Kilobytes of memory that this process has in use.
fn memory_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_nobody_reads_cost_little() {
    // However long it takes until all of them are there, nobody is dropped for it.
    let limits = Limits {
        request_within: Duration::from_hours(1),
        stalled: Duration::from_hours(1),
        idle: Duration::from_hours(1),
        ..Limits::default()
    };
    let shared = Shared::with(limits).await;
    shared.still_serves().await;
    let before = memory_kib();
    let request = Request::children(shared.root(), 0..4).encode();
    let mut held = Vec::new();
    let mut endpoints = Vec::new();
    for _ in 0..4 {
        let hostile = hostile().await;
        for _ in 0..8 {
            let connection = shared.connect(&hostile).await;
            for _ in 0..32 {
                let (mut send, recv) = connection.open_bi().await.unwrap();
                send.write_all(&request).await.unwrap();
                // Half of them are never finished.
                if held.len() % 2 == 0 {
                    send.finish().unwrap();
                }
                held.push((connection.clone(), send, recv));
            }
        }
        std::fs::remove_dir_all(shared.place.path().join("here")).unwrap();
        shared.still_serves().await;
        endpoints.push(hostile);
    }
    let grown = memory_kib().saturating_sub(before) / 1024;
    // 32 connections and 1,024 answers of 24 MiB. A provider shares out 256 MiB, and each connection
    // has 1 MiB of its own; the other sides, in this process too, hold at most 64 MiB.
    assert!(grown < 512, "grew by {grown} MiB");
    let open = held
        .iter()
        .filter(|(connection, ..)| connection.close_reason().is_none());
    assert_eq!(open.count(), held.len(), "nobody was dropped to get there");
    shared.sharing.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_only_begun_hold_nobody_up() {
    let shared = Shared::new().await;
    let hostile = hostile().await;
    let mut held = Vec::new();
    for _ in 0..8 {
        let connection = shared.connect(&hostile).await;
        // More than are worked on at once.
        for _ in 0..64 {
            let (mut send, recv) = connection.open_bi().await.unwrap();
            send.write_all(&[0, 1, 2]).await.unwrap();
            held.push((send, recv));
        }
    }
    shared.still_serves().await;
    shared.sharing.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_that_never_says_complete_uses_up_the_share() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("file");
    std::fs::write(&file, content()).unwrap();
    let context = person(place.path(), "sharer", Events::default());
    let mut options = ShareOptions::new(ShareSource::Paths(vec![file]));
    options.max_gets = Some(1);
    let mut sharing = Sharing::start(&context, options).await.unwrap();
    let tool = hostile().await;
    let half = ChunkNum(LARGE as u64 / 2048);
    for ranges in [ChunkRanges::from(..half), ChunkRanges::from(half..)] {
        let address = sharing.ticket().addr.clone();
        let connection = tool.connect(address, ALPN).await.unwrap();
        let request = Request::ranges(sharing.ticket().hash, 2, ranges).encode();
        assert!(ask(&connection, &request).await.unwrap().len() > LARGE / 2);
        connection.close(Close::Done.code(), b"");
    }
    let ended = tokio::time::timeout(Duration::from_secs(20), sharing.wait()).await;
    assert_eq!(ended.unwrap(), Ended::MaxGets);
    sharing.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changed_is_named_and_one_that_was_touched_is_not() {
    let shared = Shared::new().await;
    let large = shared.place.path().join("folder/large");
    std::fs::write(&large, content()).unwrap();
    shared.still_serves().await;
    let mut other = content();
    other[LARGE / 2] ^= 1;
    std::fs::write(&large, other).unwrap();
    let hostile = hostile().await;
    let connection = shared.connect(&hostile).await;
    let request = Request::children(shared.root(), 2..3).encode();
    for _ in 0..3 {
        assert_eq!(
            ask(&connection, &request).await,
            Err(Some(Reset::Changed(0)))
        );
    }
    shared.sharing.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_outboard_is_made_again() {
    let shared = Shared::new().await;
    let outboards = shared.place.path().join("sharer/cache/outboards");
    assert!(outboards.is_dir());
    std::fs::remove_dir_all(outboards).unwrap();
    shared.still_serves().await;
    shared.sharing.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_peer_holds_few_connections() {
    // Nobody makes room for another one meanwhile.
    let limits = Limits {
        silent: Duration::from_hours(1),
        idle: Duration::from_hours(1),
        ..Limits::default()
    };
    let most = limits.connections_of_one;
    let shared = Shared::with(limits).await;
    let hostile = hostile().await;
    let mut open = Vec::new();
    for _ in 0..100 {
        let address = shared.sharing.ticket().addr.clone();
        open.extend(hostile.connect(address, ALPN).await);
    }
    shared.still_serves().await;
    let turned_away = open.split_off(most);
    for connection in turned_away {
        let closed = tokio::time::timeout(DEADLINE, connection.closed()).await;
        let Ok(ConnectionError::ApplicationClosed(close)) = closed else {
            panic!("not turned away: {closed:?}");
        };
        assert_eq!(Close::from_code(close.error_code), Some(Close::Busy));
    }
    let all_stay = open.iter().all(|held| held.close_reason().is_none());
    assert!(all_stay, "those that were there first");
    shared.sharing.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_is_told_that_the_share_ended() {
    let shared = Shared::new().await;
    let (alice, bob) = (hostile().await, hostile().await);
    let connections = [shared.connect(&alice).await, shared.connect(&bob).await];
    let root = Request::blob(shared.root()).encode();
    for connection in &connections {
        assert!(ask(connection, &root).await.is_ok());
    }
    shared.sharing.stop().await;
    for connection in connections {
        let closed = tokio::time::timeout(Duration::from_secs(20), connection.closed()).await;
        let Ok(ConnectionError::ApplicationClosed(close)) = closed else {
            panic!("not told: {closed:?}");
        };
        assert_eq!(Close::from_code(close.error_code), Some(Close::Stopped));
    }
}
