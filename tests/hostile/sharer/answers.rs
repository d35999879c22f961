//! Answers that never come, stop, go on for ever, or are refusals.

use std::{sync::Arc, thread, time::Duration};

use grove::transfer::wire::Reset;

use super::{
    blob::Blob,
    list::List,
    peer::{Ask, Sharer, Store},
    victim::{DEST, Victim, wait},
};
use crate::common::Running;

/// A reason that would do much to a terminal.
fn reason() -> Vec<u8> {
    "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}\r\n"
        .repeat(3000)
        .into_bytes()
}

/// A share with a small and a large file.
fn share() -> (List, Store) {
    let (small, large) = (Blob::real(vec![1; 300_000]), Blob::real(vec![2; 9_000_000]));
    let list =
        List::of([("p/large", large.clone()), ("p/small", small.clone())]).folder("p", 0o755, 0);
    let store = Store::of(&list, [small, large]);
    (list, store)
}

/// Answers the question for the list honestly, and all others with `else_do`.
fn after_the_list<F>(store: &Store, else_do: impl Fn(Ask) -> F + Send + Sync + 'static) -> Sharer
where
    F: Future<Output = ()> + Send + 'static,
{
    let (store, else_do) = (store.clone(), Arc::new(else_do));
    Sharer::new(move |ask| {
        let (store, else_do) = (store.clone(), else_do.clone());
        async move {
            if ask.is_for_list() {
                ask.answer(&store).await;
            } else {
                else_do(ask).await;
            }
        }
    })
}

/// Both from the beginning and behind the list.
fn both_times<F>(
    store: &Store,
    answer: impl Fn(Ask) -> F + Clone + Send + Sync + 'static,
) -> [Sharer; 2]
where
    F: Future<Output = ()> + Send + 'static,
{
    [Sharer::new(answer.clone()), after_the_list(store, answer)]
}

#[test]
fn who_sends_nothing_or_next_to_nothing_is_given_up() {
    /// The program's patience with one connection is half of it.
    const WITHIN: Duration = Duration::from_mins(1);
    let (list, store) = share();
    let root = list.root().hash;
    let silent = both_times(&store, hold);
    let whole = store.clone();
    let slow = both_times(&store, move |ask| {
        let answer = whole.answer(&ask.request).concat();
        trickle(ask, answer)
    });
    let [[silent, silent_later], [slow, slow_later]] = [silent, slow];
    let start = |sharer: &Sharer| {
        let victim = Victim::new();
        let words = ["get", &sharer.ticket(root), "-o", DEST, "--wait", wait(4)];
        let running = victim.peer.start(&words);
        (victim, running)
    };
    let at_once = [&silent, &slow].map(start);
    let behind_the_list = [&silent_later, &slow_later].map(start);
    for (victim, getting) in at_once {
        let ended = getting.end_within(WITHIN).expect(4);
        assert!(ended.message().contains("gone silent"), "{ended}");
        assert!(!victim.dest("").exists(), "{ended}");
        victim.nothing_is_outside();
    }
    // Who was of use before is tried once more. On a machine that stalls that may be over before it is
    // stopped, and in vain.
    let is_tried_again = |(victim, mut getting): (Victim, Running)| {
        getting.wait_within(WITHIN, "another attempt", |event| {
            event["event"] == "waiting" && event["reason"] == "the other side has gone silent"
        });
        let ended = getting.interrupt();
        victim.nothing_is_outside();
        assert!(!victim.dest("").exists());
        match ended.code() {
            Some(4) => ended.all("peer_connected").len() > 1,
            _ => ended.expect(130).code().is_some(),
        }
    };
    for (sharer, first) in [&silent_later, &slow_later]
        .into_iter()
        .zip(behind_the_list)
    {
        let more = std::iter::repeat_with(|| start(sharer));
        assert!(
            std::iter::once(first)
                .chain(more)
                .take(4)
                .any(is_tried_again)
        );
    }
}

async fn hold(ask: Ask) {
    ask.connection.closed().await;
}

/// A byte a second.
async fn trickle(mut ask: Ask, bytes: Vec<u8>) {
    for byte in bytes {
        if !ask.say(&[byte]).await {
            return;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

#[test]
fn resets_of_all_kinds() {
    let victim = Victim::new();
    let (list, store) = share();
    let root = list.root().hash;
    for (reset, first, later) in [
        (Reset::NotShared, 5, 5),
        (Reset::Limit, 5, 5),
        (Reset::Internal, 1, 1),
        // There are files 0 and 1 only; nothing is to be had of what "cannot be read".
        (Reset::Changed(0), 1, 3),
        (Reset::Unreadable(1), 1, 3),
        (Reset::Changed(2), 1, 3),
        (Reset::Unreadable(u32::MAX), 1, 3),
    ] {
        let reset_it = move |ask: Ask| async move { ask.reset(reset) };
        let [at_once, behind] = both_times(&store, reset_it);
        victim.refuses(&at_once.ticket(root), &[], first);
        if later != 3 {
            victim.refuses(&behind.ticket(root), &[], later);
            continue;
        }
        let (ended, _) = victim.run(&["get", &behind.ticket(root), "-o", DEST]);
        assert!(matches!(ended.code(), Some(1 | 3)), "{reset:?}: {ended}");
        assert!(!victim.dest("p/large").exists() && !victim.dest("p/small").exists());
        let left = victim.dest(".grove-partial").exists();
        assert!(!left, "nothing came, so nothing is kept: {reset:?}");
        _ = std::fs::remove_dir_all(victim.dest(""));
    }
}

#[test]
fn closes_of_all_kinds_say_what_they_mean() {
    let (list, store) = share();
    let root = list.root().hash;
    let closes = [
        (0x6701, 4, "stopped sharing"),
        (0x6702, 5, "expired"),
        (0x6703, 5, "other people"),
        (0x6704, 5, "others have fetched this"),
        (0x6705, 4, "busy"),
        (0x6706, 5, "does not understand"),
        (0, 4, "connection was lost"),
        (0x6799, 4, "connection was lost"),
    ];
    let is_told = |sharer: &Sharer, exit, says: &str| {
        let victim = Victim::new();
        let refused = victim.refuses(&sharer.ticket(root), &[], exit);
        assert!(refused.message().contains(says), "{refused}");
    };
    let is_shown = |sharer: &Sharer, exit| {
        let victim = Victim::new();
        let (ticket, wait) = (sharer.ticket(root), wait(exit));
        let words = ["-vv", "get", &ticket, "-o", DEST, "--wait", wait];
        let shown = victim.at_a_terminal(&words).expect(exit);
        assert!(!shown.stdout_text().contains("owned\u{7}"), "{shown}");
        assert!(!victim.dest("").exists());
    };
    let sharers = closes.map(|(code, exit, says)| {
        let close = move |ask: Ask| async move { ask.close(code, &reason()) };
        (both_times(&store, close), exit, says)
    });
    // Most of them are waited for, so all at once.
    thread::scope(|scope| {
        for (sharers, exit, says) in &sharers {
            for sharer in sharers {
                scope.spawn(|| is_told(sharer, *exit, says));
                scope.spawn(|| is_shown(sharer, *exit));
            }
        }
    });
    let messages = closes.map(|(.., says)| says).into_iter();
    let messages: std::collections::BTreeSet<_> = messages.collect();
    assert_eq!(messages.len(), 7, "each says something else");
}

#[test]
fn answers_that_end_too_early() {
    let victim = Victim::new();
    let (list, store) = share();
    let whole = list.root().answer(&bao_tree::ChunkRanges::all());
    for length in [0, 8, 40] {
        let start = whole[..length].to_vec();
        let sharer = Sharer::new(move |mut ask| {
            let start = start.clone();
            async move {
                ask.say(&start).await;
                ask.end().await;
            }
        });
        victim.refuses(&sharer.ticket(list.root().hash), &[], 1);
    }
    for length in [0, 8] {
        let start = 9_000_000_u64.to_le_bytes()[..length].to_vec();
        let sharer = after_the_list(&store, move |mut ask| {
            let start = start.clone();
            async move {
                ask.say(&start).await;
                ask.end().await;
            }
        });
        let ticket = sharer.ticket(list.root().hash);
        victim.refuses(&ticket, &["--only", "large"], 1);
    }
}

/// It is right every time, and never whole: nothing of it is kept, so it does not count as progress.
#[test]
fn the_same_beginning_again_and_again_is_not_waited_for() {
    let (list, store) = share();
    let of_a_file = |close| {
        let whole = store.clone();
        after_the_list(&store, move |mut ask: Ask| {
            let whole = whole.clone();
            async move {
                let answer = whole.answer(&ask.request).concat();
                // More than one part that is verified.
                ask.say(&answer[..answer.len().min(100_000)]).await;
                if close {
                    // As long as it takes to arrive.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    ask.close(0, b"");
                } else {
                    ask.end().await;
                }
            }
        })
    };
    // The same for a list.
    let names = List::new((0..100_000).map(|n| (format!("{n:06}"), list.root().hash, 1)));
    let whole = Store::of(&names, []);
    let of_a_list = Sharer::new(move |mut ask: Ask| {
        let whole = whole.clone();
        async move {
            let answer = whole.answer(&ask.request).concat();
            ask.say(&answer[..200_000]).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
            ask.close(0, b"");
        }
    });
    let is_given_up = |ticket: &str, flags: &[&str], code| {
        Victim::new().refuses(ticket, flags, code);
    };
    let (ended, closed) = (of_a_file(false), of_a_file(true));
    let (of_files, of_names) = (list.root().hash, names.root().hash);
    // Some are waited for, so all at once.
    thread::scope(|scope| {
        for (sharer, code) in [(&ended, 1), (&closed, 4)] {
            scope.spawn(move || is_given_up(&sharer.ticket(of_files), &["--only", "small"], code));
        }
        scope.spawn(|| is_given_up(&of_a_list.ticket(of_names), &[], 4));
    });
}

#[test]
fn more_than_was_asked_for_is_not_read() {
    let victim = Victim::new();
    let (list, store) = share();
    let whole = store.clone();
    let sharer = Sharer::new(move |mut ask: Ask| {
        let whole = whole.clone();
        async move {
            let answer = whole.answer(&ask.request).concat();
            ask.say(&answer).await;
            ask.flood().await;
        }
    });
    let words = ["get", &sharer.ticket(list.root().hash), "-o", DEST];
    let (got, cost) = victim.run(&words);
    let got = got.expect(0);
    assert!(cost.memory_mib < 128, "{} MiB: {got}", cost.memory_mib);
    assert_eq!(got.number("finished", "bytes_fetched"), 9_300_000);
    assert!(std::fs::read(victim.dest("p/large")).unwrap() == vec![2; 9_000_000]);
    assert!(std::fs::read(victim.dest("p/small")).unwrap() == vec![1; 300_000]);
}
