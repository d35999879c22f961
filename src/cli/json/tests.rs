use std::path::PathBuf;

use super::*;
use crate::{
    content::{DirEntry, FileEntry, Hash, LinkEntry},
    events::FailureKind,
};

fn peer() -> PeerId {
    "ae58ff8833241ac82d6ff7611046ed67b5072d142c588d0063e942d9a75502b6"
        .parse()
        .unwrap()
}

fn line(event: &Event) -> String {
    let line = super::event(event).to_string();
    assert!(line.starts_with(r#"{"v":1,"event":""#), "{line}");
    line
}

fn value(line: &Line) -> Value {
    serde_json::to_value(line).unwrap()
}

const PEER: &str = r#""peer":"ae58ff8833241ac82d6ff7611046ed67b5072d142c588d0063e942d9a75502b6""#;
const EMPTY: &str = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";

/// Compares without regard to the order of fields, which means nothing.
fn assert_line(event: &Event, expected: &str) {
    let expected = expected.replace("PEER", PEER).replace("EMPTY", EMPTY);
    let expected: Value = serde_json::from_str(&expected).unwrap();
    let line: Value = serde_json::from_str(&line(event)).unwrap();
    assert_eq!(line, expected);
}

#[test]
fn every_event_has_its_line() {
    assert_line(
        &Event::ShareReady {
            ticket: "blobabc".into(),
            root: Hash::EMPTY,
            name: "photos".into(),
            files: 214,
            bytes: 1_400_000_000,
        },
        r#"{"v":1,"event":"share_ready","ticket":"blobabc","root":"EMPTY","name":"photos","files":214,"bytes":1400000000}"#,
    );
    assert_line(
        &Event::PeerConnected {
            peer: peer(),
            path: Path::Direct,
        },
        r#"{"v":1,"event":"peer_connected",PEER,"path":"direct"}"#,
    );
    assert_line(
        &Event::PathChanged {
            peer: peer(),
            path: Path::Relay,
        },
        r#"{"v":1,"event":"path_changed",PEER,"path":"relay"}"#,
    );
    assert_line(
        &Event::PeerGone { peer: peer() },
        r#"{"v":1,"event":"peer_gone",PEER}"#,
    );
    assert_line(
        &Event::Offer {
            name: "photos".into(),
            files: 2,
            bytes: 3,
        },
        r#"{"v":1,"event":"offer","name":"photos","files":2,"bytes":3}"#,
    );
    assert_line(
        &Event::Resumed {
            bytes_have: 239,
            bytes_total: 388,
        },
        r#"{"v":1,"event":"resumed","bytes_have":239,"bytes_total":388}"#,
    );
    assert_line(
        &Event::Waiting {
            reason: "the other side is not reachable".into(),
            attempt: 3,
            retry_in_ms: 8_000,
        },
        r#"{"v":1,"event":"waiting","reason":"the other side is not reachable","attempt":3,"retry_in_ms":8000}"#,
    );
    assert_line(
        &Event::TransferFinished {
            peer: peer(),
            bytes: 5,
            seconds: 1.234_56,
        },
        r#"{"v":1,"event":"transfer_finished",PEER,"bytes":5,"seconds":1.235}"#,
    );
    assert_line(
        &Event::TransferBroken {
            peer: peer(),
            bytes: 5,
            reason: "it went away".into(),
        },
        r#"{"v":1,"event":"transfer_broken",PEER,"bytes":5,"reason":"it went away"}"#,
    );
}

#[test]
fn progress_names_phase_peer_and_file() {
    for (phase, name) in [
        (Phase::Scan, "scan"),
        (Phase::Hash, "hash"),
        (Phase::Send, "send"),
        (Phase::Fetch, "fetch"),
    ] {
        let plain = Event::Progress {
            phase,
            peer: None,
            bytes: 1,
            total: 2,
            files: 3,
            files_total: 4,
            current: None,
        };
        let expected = r#"{"v":1,"event":"progress","phase":"PHASE","bytes":1,"total":2,"files":3,"files_total":4}"#;
        assert_line(&plain, &expected.replace("PHASE", name));
    }
    assert_line(
        &Event::Progress {
            phase: Phase::Send,
            peer: Some(peer()),
            bytes: 1,
            total: 2,
            files: 3,
            files_total: 4,
            current: Some(EntryPath::parse(b"a/b").unwrap()),
        },
        r#"{"v":1,"event":"progress","phase":"send",PEER,"bytes":1,"total":2,"files":3,"files_total":4,"current":"a/b"}"#,
    );
}

#[test]
fn finished_has_no_folder_when_the_content_went_to_standard_output() {
    let finished = |dest: Option<PathBuf>| Event::Finished {
        root: Hash::EMPTY,
        files: 1,
        bytes: 2,
        bytes_fetched: 3,
        skipped: 4,
        seconds: 5.0,
        dest,
    };
    let expected = r#"{"v":1,"event":"finished","root":"EMPTY","files":1,"bytes":2,"bytes_fetched":3,"skipped":4,"seconds":5.0,"dest":DEST}"#;
    assert_line(&finished(None), &expected.replace("DEST", "null"));
    assert_line(
        &finished(Some("in".into())),
        &expected.replace("DEST", r#""in""#),
    );
}

#[test]
fn warnings_name_their_kind() {
    for (kind, name) in [
        (WarningKind::LeftOut, "left_out"),
        (WarningKind::Changed, "changed"),
        (WarningKind::Network, "network"),
        (WarningKind::Refused, "refused"),
        (WarningKind::Metadata, "metadata"),
        (WarningKind::Other, "other"),
    ] {
        let warning = Event::Warning {
            kind,
            message: "so".into(),
        };
        let expected = r#"{"v":1,"event":"warning","kind":"KIND","message":"so"}"#;
        assert_line(&warning, &expected.replace("KIND", name));
    }
}

#[test]
fn an_error_carries_its_exit_code() {
    let failed = Failure::new(FailureKind::InTheWay, "a.txt is in the way").hint("use --rename");
    assert_eq!(
        value(&failure(&failed, 7)),
        json!({
            "v": 1,
            "event": "error",
            "kind": "in_the_way",
            "message": "a.txt is in the way",
            "hint": "use --rename",
            "exit_code": 7,
        })
    );
    let bare = Failure::new(FailureKind::Failed, "no");
    assert_eq!(value(&failure(&bare, 1))["hint"], Value::Null);
}

#[test]
fn a_listing_has_every_kind_of_entry() {
    let mtime = Mtime {
        secs: 1_700_000_000,
        nanos: 5,
    };
    let path = |bytes: &[u8]| EntryPath::parse(bytes).unwrap();
    let manifest = Manifest {
        files: vec![
            FileEntry {
                path: path(b"d/a"),
                hash: Hash::EMPTY,
                size: Some(0),
                mode: Some(0o644),
                mtime: Some(mtime),
            },
            FileEntry {
                path: path(b"d/b"),
                hash: Hash::EMPTY,
                size: None,
                mode: None,
                mtime: None,
            },
        ],
        dirs: vec![DirEntry {
            path: path(b"d"),
            mode: 0o755,
            mtime,
        }],
        links: vec![LinkEntry {
            path: path(b"d/l"),
            target: (*b"a").into(),
            mtime,
        }],
    };
    assert_eq!(
        serde_json::from_str::<Value>(&listing(&manifest).collect::<String>()).unwrap(),
        json!({ "v": 1, "event": "listing", "entries": [
            { "path": "d/a", "kind": "file", "bytes": 0, "mode": 0o644, "mtime": 1_700_000_000, "hash": EMPTY },
            { "path": "d/b", "kind": "file", "bytes": null, "mode": null, "mtime": null, "hash": EMPTY },
            { "path": "d", "kind": "dir", "bytes": null, "mode": 0o755, "mtime": 1_700_000_000 },
            { "path": "d/l", "kind": "link", "bytes": null, "mode": null, "mtime": 1_700_000_000, "target": "a" },
        ]})
    );
}

#[cfg(unix)]
#[test]
fn a_name_that_is_no_unicode_comes_with_its_bytes() {
    let path = EntryPath::parse(b"a\xff").unwrap();
    assert_eq!(entry(&path, "file", None)["path_base64"], "Yf8=");
}

#[test]
fn ids_and_caches_have_their_lines() {
    let peer_text = peer().to_string();
    assert_eq!(
        value(&id(&peer())),
        json!({ "v": 1, "event": "id", "peer": peer_text })
    );
    let info = CacheInfo {
        trees: vec![("/t".into(), 1, 2)],
        outboards: (3, 4),
        manifests: (7, 8),
        left_behind: (5, 6),
    };
    assert_eq!(
        value(&cache(&info)),
        json!({
            "v": 1,
            "event": "cache",
            "trees": [{ "path": "/t", "files": 1, "bytes": 2 }],
            "outboards": { "count": 3, "bytes": 4 },
            "manifests": { "count": 7, "bytes": 8 },
            "left_behind": { "count": 5, "bytes": 6 },
        })
    );
    assert_eq!(
        value(&cache_cleared(7)),
        json!({ "v": 1, "event": "cache_cleared", "bytes": 7 })
    );
}
