use std::time::Duration;

use super::*;
use crate::content::EntryPath;

const GB: u64 = 1_000_000_000;

fn peer() -> PeerId {
    "ae58ff8833241ac82d6ff7611046ed67b5072d142c588d0063e942d9a75502b6"
        .parse()
        .unwrap()
}

/// A state in which 5 seconds brought 420 MB.
fn state(phase: Phase, total: u64, current: &str) -> (State, Instant) {
    let start = Instant::now();
    let mut state = State::default();
    let progress = |bytes| Event::Progress {
        phase,
        peer: (phase == Phase::Send).then(peer),
        bytes,
        total,
        files: 3,
        files_total: 214,
        current: Some(EntryPath::parse(current.as_bytes()).unwrap()),
    };
    state.update(&progress(239 * GB - 420_000_000), start);
    let now = start + Duration::from_secs(5);
    state.update(&progress(239 * GB), now);
    (state, now)
}

fn own(phase: Phase, total: u64, current: &str, width: usize) -> String {
    let (state, now) = state(phase, total, current);
    let (phase, track) = state.own.as_ref().unwrap();
    let line = own_line(*phase, track, Some(Path::Direct), now, width);
    let mut lines = vec![line];
    if *phase != Phase::Scan {
        lines.extend(current_line(track, width));
    }
    for line in &lines {
        assert!(columns_of(line) <= width, "{line:?} is wider than {width}");
    }
    lines.join("\n")
}

#[test]
fn fetching_at_every_width() {
    let at = |width| {
        own(
            Phase::Fetch,
            388 * GB,
            "photos/2026/summer/IMG_1234.jpg",
            width,
        )
    };
    let shown = format!(
        "120:\n{}\n80:\n{}\n60:\n{}\n40:\n{}\n20:\n{}\n4:\n{}",
        at(120),
        at(80),
        at(60),
        at(40),
        at(20),
        at(4)
    );
    insta::assert_snapshot!(shown);
}

#[test]
fn hashing_and_looking_for_files() {
    let shown = format!(
        "{}\n{}\n{}",
        own(Phase::Hash, 388 * GB, "a", 80),
        own(Phase::Scan, 0, "a", 80),
        own(Phase::Scan, 0, "a", 20),
    );
    insta::assert_snapshot!(shown);
}

#[test]
fn a_peer_that_is_served_at_every_width() {
    let (state, now) = state(Phase::Send, 388 * GB, "a");
    let track = &state.sends[&peer()];
    let at = |width| {
        let line = send_line(&peer(), track, Some(Path::Relay), now, width);
        assert!(columns_of(&line) <= width, "{line:?} is wider than {width}");
        line
    };
    insta::assert_snapshot!(format!("{}\n{}\n{}", at(80), at(40), at(20)));
}

#[test]
fn waiting_counts_down() {
    let now = Instant::now();
    let waiting = |left| Waiting {
        reason: "the other side is not reachable".into(),
        attempt: 3,
        until: now + Duration::from_millis(left),
    };
    assert_eq!(
        waiting_line(&waiting(6_500), now, 80),
        "Waiting: the other side is not reachable; trying again in 7 s"
    );
    assert_eq!(
        waiting_line(&waiting(0), now, 80),
        "Waiting: the other side is not reachable; trying again (attempt 3)"
    );
    assert_eq!(
        waiting_line(&waiting(6_500), now, 40),
        "Again in 7 s: the other side is not rea…"
    );
    assert_eq!(waiting_line(&waiting(0), now, 20), "Trying again: the o…");
}

#[test]
fn wide_characters_count_as_two_columns() {
    assert_eq!(columns_of("日本"), 4);
    assert_eq!(columns_of("e\u{301}"), 1);
    assert_eq!(columns_of("🎄"), 2);
    assert_eq!(cut("日本語です", 5), "日本…");
    assert_eq!(cut("abc", 3), "abc");
    assert_eq!(cut("abcd", 3), "ab…");
    assert_eq!(cut("abcd", 0), "");
    assert_eq!(cut_start("summer/a.jpg", 8), "…r/a.jpg");
    assert_eq!(cut_start("日本語です", 5), "…です");
    assert_eq!(cut_start("a.jpg", 5), "a.jpg");
}

#[test]
fn guessed_times_have_few_digits() {
    for (seconds, text) in [
        (0.2, "1 s"),
        (59.0, "59 s"),
        (61.0, "2 min"),
        (1_740.0, "29 min"),
        (5_000.0, "1 h 24 min"),
        (40_000.0, "12 h"),
        (200_000.0, "3 d"),
        (f64::INFINITY, "years"),
    ] {
        assert_eq!(about(seconds), text);
    }
}

#[test]
fn lines_that_stay() {
    let mut state = State::default();
    state.update(
        &Event::PeerConnected {
            peer: peer(),
            path: Path::Direct,
        },
        Instant::now(),
    );
    let say = |event: Event| lasting(&event, &state).unwrap_or_default();
    assert_eq!(
        say(Event::Offer {
            name: "photos".into(),
            files: 214,
            bytes: 1_400_000_000,
        }),
        "photos: 214 files, 1.4 GB"
    );
    assert_eq!(
        say(Event::Resumed {
            bytes_have: 239 * GB,
            bytes_total: 388 * GB,
        }),
        "Resuming at 61 %: 239 GB of 388 GB are already here"
    );
    assert_eq!(
        say(Event::TransferFinished {
            peer: peer(),
            bytes: 1_400_000_000,
            seconds: 12.0,
        }),
        "ae58ff8833 fetched 1.4 GB in 12 s (direct)"
    );
    assert_eq!(
        say(Event::TransferBroken {
            peer: peer(),
            bytes: 1_400_000_000,
            reason: "it went away".into(),
        }),
        "ae58ff8833 broke off after 1.4 GB: it went away"
    );
    assert_eq!(say(Event::PeerGone { peer: peer() }), "");
}
