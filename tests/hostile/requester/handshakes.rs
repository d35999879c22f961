//! Connections by the thousand: handshakes that are never finished, people who are only there, and
//! people who come and go.

use std::{
    net::{SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::task::JoinSet;

use super::{
    stranger::{Manner, Stranger, Target},
    watch::{Watched, memory_mib, peak_mib},
};
use crate::common::{Peer, Sharing, filler};

fn shared() -> (Peer, Sharing, Target) {
    let alice = Peer::new("alice");
    alice.write("folder/file", filler(1 << 20));
    let sharing = alice.share(&["folder"]);
    let target = Target::of(&sharing.ticket);
    (alice, sharing, target)
}

/// How long it takes somebody honest to get through: the best of three, for the sake of whatever else
/// runs on this computer.
fn through(ticket: &str) -> Duration {
    let bob = Peer::new("bob");
    let times = (0..3).map(|_| {
        let began = Instant::now();
        let mut ls = bob.start(&["ls", ticket]);
        ls.wait_for("peer_connected");
        let time = began.elapsed();
        ls.end().expect(0);
        time
    });
    times.min().unwrap()
}

/// Somebody honest gets through in three seconds, or in five times what it took without strangers, where this
/// computer is so slow that it takes longer anyway.
fn lets_in(ticket: &str, calm: Duration) {
    let time = tokio::task::block_in_place(|| through(ticket));
    let most = Duration::from_secs(3).max(calm * 5);
    assert!(time <= most, "{time:?}, without strangers {calm:?}");
}

/// First packets of connections that nobody goes on with.
pub(super) async fn first_packets(count: u64) -> Vec<Vec<u8>> {
    let socket = Stranger::at([127, 0, 0, 1]);
    let mut packets = Vec::new();
    let mut buffer = [0; 2048];
    for who in 0..count {
        // Another one each time: what is said late of the one before is no first packet.
        let nowhere = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
        nowhere
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        let connecting = socket.begin(nowhere.local_addr().unwrap(), who, &Manner::default());
        tokio::task::yield_now().await;
        let length = tokio::task::block_in_place(|| nowhere.recv(&mut buffer)).unwrap();
        packets.push(buffer[..length].to_vec());
        drop(connecting);
    }
    packets
}

#[tokio::test(flavor = "multi_thread")]
async fn first_packets_from_everywhere_keep_nobody_out() {
    let (_alice, sharing, target) = shared();
    let calm = tokio::task::block_in_place(|| through(&sharing.ticket));
    let packets = first_packets(1500).await;
    let before = memory_mib(sharing.pid());
    let from = |n: u64, length: usize| {
        let [.., c, d] = u32::try_from(n).unwrap().to_be_bytes();
        let socket = UdpSocket::bind(SocketAddr::from(([127, 9, c, d], 0))).unwrap();
        (socket, length)
    };
    for (packet, n) in packets.iter().zip(1u64..) {
        let (socket, length) = from(n, packet.len());
        assert_eq!(socket.send_to(packet, target.address).unwrap(), length);
        socket.set_nonblocking(true).unwrap();
        if n % 100 == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // Whether there is an answer does not matter.
        _ = socket.recv(&mut [0; 2048]);
    }
    lets_in(&sharing.ticket, calm);
    let grown = memory_mib(sharing.pid()).saturating_sub(before);
    assert!(grown < 64, "{grown} MiB for what never went on");
    sharing.into_running().interrupt().expect(130);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_handshakes_keeps_nobody_out() {
    let (_alice, sharing, target) = shared();
    let calm = tokio::task::block_in_place(|| through(&sharing.ticket));
    let begun = Arc::new(AtomicU64::new(0));
    let mut storm = JoinSet::new();
    // From other addresses than the honest one: who shares an address shares what it gets.
    for net in 2..6 {
        let begun = begun.clone();
        storm.spawn(async move {
            let socket = Stranger::at([127, 0, 0, net]);
            let mut under_way = JoinSet::new();
            for who in 0.. {
                let connecting = socket.begin(target.address, who, &Manner::default());
                under_way.spawn(async move {
                    if let Ok(connection) = connecting.await {
                        connection.close(0u32.into(), b"");
                    }
                });
                begun.fetch_add(1, Ordering::Relaxed);
                while under_way.len() > 64 {
                    under_way.join_next().await;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        });
    }
    while begun.load(Ordering::Relaxed) <= 100 {
        tokio::task::yield_now().await;
    }
    lets_in(&sharing.ticket, calm);
    storm.shutdown().await;
    sharing.into_running().interrupt().expect(130);
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_come_and_go_leave_nothing_behind() {
    let (_alice, sharing, target) = shared();
    let visit = async |who: std::ops::Range<u64>| {
        let socket = Stranger::at([127, 0, 0, 1]);
        let mut all = JoinSet::new();
        for who in who {
            let socket = socket.clone();
            all.spawn(async move {
                if let Ok(connection) = socket.connect(target, who, &Manner::default()).await {
                    connection.close(0u32.into(), b"");
                }
            });
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        all.join_all().await;
        socket.forget().await;
    };
    // What the allocator keeps, and what is made once.
    visit(0..300).await;
    let before = memory_mib(sharing.pid());
    visit(300..1300).await;
    let baseline = async {
        while memory_mib(sharing.pid()) > before + 24 {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    // The promise: within a minute.
    let back = tokio::time::timeout(Duration::from_mins(1), baseline).await;
    let now = memory_mib(sharing.pid());
    assert!(back.is_ok(), "{now} MiB instead of {before}");
    sharing.into_running().interrupt().expect(130);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_who_are_only_there_keep_nobody_out() {
    let (_alice, sharing, target) = shared();
    let calm = tokio::task::block_in_place(|| through(&sharing.ticket));
    let watched = Watched::start(sharing.pid());
    let socket = Stranger::at([127, 0, 0, 1]);
    let mut held = JoinSet::new();
    for who in 0..1000 {
        let socket = socket.clone();
        held.spawn(async move {
            let connection = socket.connect(target, who, &Manner::default()).await;
            if let Ok(connection) = connection {
                connection.closed().await;
            }
        });
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    lets_in(&sharing.ticket, calm);
    let (peak, seen) = (peak_mib(sharing.pid()), watched.end());
    assert!(peak <= 256, "{peak} MiB");
    assert!(seen.open_files < 64, "{seen:?}");
    held.shutdown().await;
    sharing.into_running().interrupt().expect(130);
}
