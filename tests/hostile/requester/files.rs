//! A sharer who may open few files, and people who ask for many and take none.

use grove::transfer::wire::Request;

use super::{
    stranger::{Stranger, Target, request},
    watch::Watched,
};
use crate::common::{Peer, assert_same_tree, filler};

const FILES: u64 = 600;

/// Somebody who may have so many files open.
fn limited(files: u32) -> Peer {
    let limit = format!("--nofile={files}");
    let alice = Peer::new("alice").run_by(&["prlimit", &limit]);
    for number in 0..FILES {
        // Those of a megabyte and more have their hashes in a file of their own.
        let size = if number % 6 == 0 { 1_100_000 } else { 200_000 };
        // Each another file, since equal ones are fetched once.
        let size = size + usize::try_from(number).unwrap();
        alice.write(&format!("folder/{number}"), filler(size));
    }
    alice
}

async fn stalled_answers_leave_files_to_others(limit: u32) {
    let alice = limited(limit);
    let sharing = alice.share(&["folder"]);
    let target = Target::of(&sharing.ticket);
    let watched = Watched::start(sharing.pid());
    let socket = Stranger::at([127, 0, 0, 1]);
    let mut held = Vec::new();
    for who in 0..20 {
        let connection = socket.arrive(target, who).await;
        for file in 0..30 {
            let offset = 2 + who * 30 + file;
            let one = Request::children(target.root, offset..offset + 1).encode();
            held.push(request(&connection, &one).await.unwrap());
        }
    }
    assert_eq!(held.len() as u64, FILES);
    for name in ["bob", "carol"] {
        let peer = Peer::new(name);
        peer.get(&sharing.ticket, &[]).expect(0);
        assert_same_tree(&alice.path("folder"), &peer.path("folder"));
    }
    let seen = watched.end();
    assert!(
        seen.open_files <= limit as usize * 4 / 5,
        "{seen:?} of {limit}"
    );
    sharing.into_running().interrupt().expect(130);
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_files_are_plenty() {
    stalled_answers_leave_files_to_others(512).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_files_are_enough() {
    stalled_answers_leave_files_to_others(64).await;
}
