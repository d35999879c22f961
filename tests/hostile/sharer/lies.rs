//! Content that is not what was offered, and offers that change.

use std::sync::atomic::{AtomicUsize, Ordering};

use bao_tree::{ChunkNum, ChunkRanges};
use grove::content::Hash;

use super::{
    blob::Blob,
    list::List,
    peer::{Ask, Sharer, Store},
    victim::{DEST, Victim},
};
use crate::common::{Random, filler};

/// Sizes of a file that is fetched whole and of one that is fetched in parts.
const SIZES: [usize; 2] = [200_000, 9_000_000];

#[test]
fn sizes_that_are_not_those_of_the_offer() {
    let victim = Victim::new();
    for size in SIZES {
        let real = Blob::real(filler(size));
        let size = size as u64;
        // What the list says, and what stands in front of the content.
        for (offered, sent) in [
            (size / 2, size),
            (size * 2, size),
            (size - 1, size),
            (size + 1, size),
            (0, size),
            (size, size - 1),
            (size, size + 1),
            (size, 0),
            (size, 1 << 40),
            (size, u64::MAX),
        ] {
            let list = List::new([("p/file", real.hash, offered)]).folder("p", 0o700, 0);
            let store = Store::of(&list, [real.clone().claiming(sent)]);
            let sharer = Sharer::serving(store);
            victim.refuses(&sharer.ticket(list.root().hash), &[], 6);
        }
        // Where both agree, the proof does not.
        for wrong in [size - 1, size + 1, size * 2, size / 2] {
            let list = List::new([("file", real.hash, wrong)]);
            let sharer = Sharer::serving(Store::of(&list, [real.clone().claiming(wrong)]));
            let words = ["get", &sharer.ticket(list.root().hash), "-o", DEST];
            let (ended, _) = victim.run(&words);
            // More than there is may also end too early.
            assert!(matches!(ended.code(), Some(1 | 6)), "{ended}");
            assert!(!victim.dest("file").exists(), "{ended}");
            _ = std::fs::remove_dir_all(victim.dest(""));
        }
    }
}

#[test]
fn sizes_that_differ_between_connections() {
    let victim = Victim::new();
    let real = Blob::real(filler(SIZES[1]));
    // The size is proven on the first connection, which then ends.
    let list = List::of([("file", real.clone())]).plain();
    for claimed in [SIZES[1] as u64 - 1, SIZES[1] as u64 + 1, 1 << 50] {
        let honest = Store::of(&list, [real.clone()]);
        let other = Store::of(&list, [real.clone().claiming(claimed)]);
        let asked = AtomicUsize::new(0);
        let sharer = Sharer::new(move |ask: Ask| {
            let nth = asked.fetch_add(1, Ordering::SeqCst);
            let store = if ask.nth == 0 {
                honest.clone()
            } else {
                other.clone()
            };
            async move {
                // The list, its sizes, and then no more.
                if nth == 2 && ask.nth == 0 {
                    ask.close(0, b"");
                } else {
                    ask.answer(&store).await;
                }
            }
        });
        victim.refuses(&sharer.ticket(list.root().hash), &[], 6);
    }
}

#[test]
fn another_size_does_not_spoil_what_an_earlier_run_left() {
    let victim = Victim::new();
    let content = filler(SIZES[1]);
    let real = Blob::real(content.clone());
    let size = SIZES[1] as u64;
    let list = List::of([("file", real.clone())]);
    let root = list.root().hash;
    // Only the first half is there.
    let whole = Store::of(&list, [real.clone()]);
    let half = Sharer::new(move |ask: Ask| {
        let whole = whole.clone();
        async move {
            let in_first_half = ask.request.specs.iter().all(|(_, ranges)| {
                let second = ChunkRanges::from(ChunkNum(4096)..);
                ask.is_for_list() || ranges.is_disjoint(&second)
            });
            if in_first_half {
                ask.answer(&whole).await;
            } else {
                ask.connection.closed().await;
            }
        }
    });
    let mut getting = victim.peer.start_get(&half.ticket(root), &["-o", DEST]);
    getting.wait_until_fetched(4 << 20);
    getting.interrupt().expect(130);
    drop(half);
    for wrong in [size + 1024, size - 1, 1 << 40] {
        let store = Store::of(&list, [real.clone().claiming(wrong)]);
        let liar = Sharer::serving(store);
        victim
            .run(&["get", &liar.ticket(root), "-o", DEST])
            .0
            .expect(6);
        assert!(!victim.dest("file").exists());
    }
    let honest = Sharer::serving(Store::of(&list, [real]));
    let (got, _) = victim.run(&["get", &honest.ticket(root), "-o", DEST]);
    let got = got.expect(0);
    assert!(got.number("resumed", "bytes_have") >= 4 << 20, "{got}");
    assert!(std::fs::read(victim.dest("file")).unwrap() == content);
    assert!(!victim.dest(".grove-partial").exists());
}

#[test]
fn other_content_than_was_offered() {
    let victim = Victim::new();
    for size in SIZES {
        let (real, other) = (Blob::real(filler(size)), Blob::real(vec![7; size]));
        let list = List::of([("p/file", real.clone())]).folder("p", 0o700, 0);
        let whole = |blob: &Blob| blob.answer(&ChunkRanges::all())[8..].to_vec();
        let mut swapped = whole(&real);
        swapped[..64].rotate_left(32);
        let mut flipped = whole(&real);
        flipped[5] ^= 1;
        for content in [whole(&other), swapped, flipped, vec![0; size]] {
            let sent = Blob::fixed(real.hash, size as u64, content);
            let sharer = Sharer::serving(Store::of(&list, [sent]));
            let (ended, _) =
                victim.leaves_nothing(&["get", &sharer.ticket(list.root().hash), "-o", DEST], 6);
            assert!(ended.message().contains("does not match"), "{ended}");
        }
    }
}

/// What was right before the first wrong byte stays for another sharer of the same.
#[test]
fn content_that_turns_wrong_in_the_middle() {
    let victim = Victim::new();
    let content = filler(SIZES[1]);
    let real = Blob::real(content.clone());
    let list = List::of([("file", real.clone())]);
    let root = list.root().hash;
    let honest = Store::of(&list, [real]);
    let whole = honest.clone();
    let liar = Sharer::new(move |mut ask: Ask| {
        let whole = whole.clone();
        async move {
            let mut answer = whole.answer(&ask.request).concat();
            if !ask.is_for_list() {
                *answer.last_mut().unwrap() ^= 0x80;
            }
            ask.say(&answer).await;
            ask.end().await;
        }
    });
    victim
        .run(&["get", &liar.ticket(root), "-o", DEST])
        .0
        .expect(6);
    assert!(!victim.dest("file").exists());
    let sharer = Sharer::serving(honest);
    victim
        .run(&["get", &sharer.ticket(root), "-o", DEST])
        .0
        .expect(0);
    assert!(std::fs::read(victim.dest("file")).unwrap() == content);
}

/// The ticket names one list. Another one, however right in itself, is not taken for it.
#[test]
fn an_offer_that_changes() {
    let victim = Victim::new();
    let file = Blob::real("harmless");
    let evil = Blob::real("hostile!");
    let offered = List::of([("harmless.txt", file.clone())]);
    let other = List::of([(".bashrc", evil.clone())]);
    let ticket_of = offered.root().hash;
    let parts = |list: &List| {
        let all = ChunkRanges::all();
        (list.root().answer(&all), list.meta().answer(&all))
    };
    let ((root, _), (other_root, other_meta)) = (parts(&offered), parts(&other));
    for answer in [
        [&other_root[..], &other_meta].concat(),
        [&root[..], &other_meta].concat(),
    ] {
        let sharer = Sharer::new(move |mut ask: Ask| {
            let answer = answer.clone();
            async move {
                ask.say(&answer).await;
                ask.end().await;
            }
        });
        victim.refuses(&sharer.ticket(ticket_of), &["--yes"], 6);
    }
    // The right list, and when that was accepted, content of the other one.
    let sent = Blob::fixed(file.hash, 8, evil.answer(&ChunkRanges::all())[8..].to_vec());
    let sharer = Sharer::serving(Store::of(&offered, [sent]));
    let ended = victim.refuses(&sharer.ticket(ticket_of), &["--yes"], 6);
    assert_eq!(ended.event("offer")["name"], "harmless.txt");
    assert_ne!(Hash::new("harmless"), evil.hash);
}

/// Any bytes at all on a real connection: whatever is damaged, nothing wrong is ever placed.
#[test]
fn damage_of_all_kinds_is_never_placed() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let seed = number("GROVE_TEST_SEED").unwrap_or(20_261_122);
    let rounds = number("GROVE_TEST_DAMAGES").unwrap_or(60);
    println!("GROVE_TEST_SEED={seed}");
    let mut random = Random(seed);
    let victim = Victim::new();
    let contents = [filler(5000), filler(90_000), filler(1_200_000)];
    let blobs = contents.clone().map(Blob::real);
    let names = ["a", "b", "c"];
    let list = List::of(names.into_iter().zip(blobs.clone()));
    let root = list.root().hash;
    let store = Store::of(&list, blobs);
    for round in 0..rounds {
        // Where the damage is, counted from the beginning of all that is said.
        let (kind, at, what) = (random.below(5), random.below(40_000), random.next());
        let honest = store.clone();
        let sharer = Sharer::new(move |mut ask: Ask| {
            let mut answer = honest.answer(&ask.request).concat();
            let index = usize::try_from(at).unwrap() % answer.len();
            let noise = what.to_le_bytes();
            // Half of the time the list is left alone, lest everything ends there.
            if !ask.is_for_list() || what % 2 == 0 {
                match kind {
                    0 => answer[index] ^= noise[0].max(1),
                    1 => answer.truncate(index),
                    2 => _ = answer.splice(index..index, noise),
                    3 => _ = answer.drain(index..(index + 64).min(answer.len())),
                    _ => answer[index..].rotate_left(1),
                }
            }
            async move {
                ask.say(&answer).await;
                ask.end().await;
            }
        });
        _ = std::fs::remove_dir_all(victim.peer.home().join("cache"));
        let words = ["get", &sharer.ticket(root), "-o", DEST, "--wait", "1s"];
        let (ended, _) = victim.run(&words);
        let code = ended.code();
        assert!(
            matches!(code, Some(0 | 1 | 4 | 6)),
            "seed {seed}, round {round}: {ended}"
        );
        for (name, content) in names.iter().zip(&contents) {
            if let Ok(placed) = std::fs::read(victim.dest(name)) {
                assert!(placed == *content, "seed {seed}, round {round}: {ended}");
            }
        }
        victim.nothing_is_outside();
        _ = std::fs::remove_dir_all(victim.dest(""));
    }
}
