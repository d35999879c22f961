//! Somebody who has a sharer contact addresses that belong to others, on the pretext of looking for a
//! direct path.

use std::{
    net::{SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

use super::stranger::{Manner, Stranger, Target};
use crate::common::{Peer, filler};

/// Packets that came so far.
fn packets(sockets: &[UdpSocket]) -> usize {
    let mut buffer = [0; 2048];
    let mut count = 0;
    for socket in sockets {
        while socket.recv(&mut buffer).is_ok() {
            count += 1;
        }
    }
    count
}

fn victims(count: usize) -> Vec<UdpSocket> {
    let open = |_| {
        let socket = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
        socket.set_nonblocking(true).unwrap();
        socket
    };
    (0..count).map(open).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn others_get_few_packets() {
    let alice = Peer::new("alice");
    alice.write("file", filler(1 << 20));
    let sharing = alice.share(&["file"]);
    let target = Target::of(&sharing.ticket);
    let sockets = victims(32);
    let addresses: Vec<SocketAddr> = sockets.iter().map(|s| s.local_addr().unwrap()).collect();
    let manner = Manner {
        looks_for_paths: true,
        ..Manner::default()
    };
    let socket = Stranger::at([127, 0, 0, 1]);
    let connection = socket.connect(target, 1, &manner).await.unwrap();
    connection.handshake_confirmed().await.unwrap();
    for address in &addresses {
        connection.add_nat_traversal_address(*address).unwrap();
    }
    // One round: what iroh does by itself when it looks for a path.
    connection.initiate_nat_traversal_round().unwrap();
    let mut came = 0;
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(6) {
        came += packets(&sockets);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(came > 0, "it is about this");
    assert!(came <= 32 * 10, "{came} packets of one round");

    // As many rounds as it likes: the sharer ends that.
    let mut rounds = 0u32;
    let closed = async {
        while connection.close_reason().is_none() {
            let _ = connection.initiate_nat_traversal_round();
            rounds += 1;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), closed)
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let came = packets(&sockets);
    assert!(came <= 32 * 60, "{came} packets of {rounds} rounds");
    Peer::new("bob").get(&sharing.ticket, &[]).expect(0);
    sharing.into_running().interrupt().expect(130);
}
