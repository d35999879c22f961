//! JSON lines: every event and every result as one object with `"v":1` and `"event"`.
//!
//! Field names never change their meaning; new ones may be added. Hashes, ids and paths are strings.
//! A path that is no Unicode is shown escaped, and its bytes follow in base64.

mod doctor;
mod hub;

use std::path::Path as FilePath;

use data_encoding::BASE64;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value, json};

use crate::{
    app::Joined,
    content::{EntryPath, HubTicket, Manifest, Mtime, PeerId},
    disk::CacheInfo,
    events::{Event, Failure, Path, Phase, WarningKind},
};

pub(crate) use doctor::doctor;
pub(crate) use hub::{hub_ready, hub_status, token, token_removed, tokens};

/// The version of the format.
const VERSION: u8 = 1;

/// One line: the version and the name of the event stand in front, for people who read along.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    event: &'static str,
    fields: Map<String, Value>,
}

impl Serialize for Line {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.fields.len() + 2))?;
        map.serialize_entry("v", &VERSION)?;
        map.serialize_entry("event", self.event)?;
        for (name, value) in &self.fields {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = serde_json::to_string(self).map_err(|_| std::fmt::Error)?;
        f.write_str(&text)
    }
}

/// One event.
pub(crate) fn event(event: &Event) -> Line {
    let (name, fields) = match event {
        Event::ShareReady {
            ticket,
            root,
            name,
            files,
            bytes,
        } => (
            "share_ready",
            json!({
                "ticket": ticket,
                "root": root.to_string(),
                "name": name,
                "files": files,
                "bytes": bytes,
            }),
        ),
        Event::PeerConnected { peer, path } => (
            "peer_connected",
            json!({ "peer": peer.to_string(), "path": path_name(*path) }),
        ),
        Event::PathChanged { peer, path } => (
            "path_changed",
            json!({ "peer": peer.to_string(), "path": path_name(*path) }),
        ),
        Event::PeerGone { peer } => ("peer_gone", json!({ "peer": peer.to_string() })),
        Event::Progress { .. } => ("progress", progress(event)),
        Event::Offer { name, files, bytes } => (
            "offer",
            json!({ "name": name, "files": files, "bytes": bytes }),
        ),
        Event::Resumed {
            bytes_have,
            bytes_total,
        } => (
            "resumed",
            json!({ "bytes_have": bytes_have, "bytes_total": bytes_total }),
        ),
        Event::Waiting {
            reason,
            attempt,
            retry_in_ms,
        } => (
            "waiting",
            json!({ "reason": reason, "attempt": attempt, "retry_in_ms": retry_in_ms }),
        ),
        Event::Finished { .. } => ("finished", finished(event)),
        Event::TransferFinished {
            peer,
            bytes,
            seconds,
        } => (
            "transfer_finished",
            json!({ "peer": peer.to_string(), "bytes": bytes, "seconds": rounded(*seconds) }),
        ),
        Event::TransferBroken {
            peer,
            bytes,
            reason,
        } => (
            "transfer_broken",
            json!({ "peer": peer.to_string(), "bytes": bytes, "reason": reason }),
        ),
        Event::Warning { kind, message } => (
            "warning",
            json!({ "kind": warning_name(*kind), "message": message }),
        ),
    };
    object(name, fields)
}

fn progress(event: &Event) -> Value {
    let Event::Progress {
        phase,
        peer,
        bytes,
        total,
        files,
        files_total,
        current,
    } = event
    else {
        return Value::Null;
    };
    let mut fields = json!({
        "phase": phase_name(*phase),
        "bytes": bytes,
        "total": total,
        "files": files,
        "files_total": files_total,
    });
    if let Some(peer) = peer {
        fields["peer"] = peer.to_string().into();
    }
    if let Some(current) = current {
        fields["current"] = text_of(current).into();
    }
    fields
}

fn finished(event: &Event) -> Value {
    let Event::Finished {
        root,
        files,
        bytes,
        bytes_fetched,
        skipped,
        seconds,
        dest,
    } = event
    else {
        return Value::Null;
    };
    json!({
        "root": root.to_string(),
        "files": files,
        "bytes": bytes,
        "bytes_fetched": bytes_fetched,
        "skipped": skipped,
        "seconds": rounded(*seconds),
        "dest": dest.as_deref().map(FilePath::to_string_lossy),
    })
}

/// A failure, as the `error` event. The exit code is that of its kind, but for signals, which have
/// one each.
pub(crate) fn failure(failure: &Failure, exit_code: u8) -> Line {
    object(
        "error",
        json!({
            "kind": failure.kind.name(),
            "message": failure.message,
            "hint": failure.hint,
            "exit_code": exit_code,
        }),
    )
}

/// What a ticket names, as the `listing` event, in pieces of text: the whole of a share with a million
/// entries would take gigabytes. Sizes, modes and times are `null` where the share does not say.
pub(crate) fn listing(manifest: &Manifest) -> impl Iterator<Item = String> {
    let files = manifest.files.iter().map(|file| {
        let mut fields = entry(&file.path, "file", file.mtime);
        fields["bytes"] = file.size.into();
        fields["mode"] = file.mode.into();
        fields["hash"] = file.hash.to_string().into();
        fields
    });
    let dirs = manifest.dirs.iter().map(|dir| {
        let mut fields = entry(&dir.path, "dir", Some(dir.mtime));
        fields["mode"] = dir.mode.into();
        fields
    });
    let links = manifest.links.iter().map(|link| {
        let mut fields = entry(&link.path, "link", Some(link.mtime));
        fields["target"] = String::from_utf8_lossy(&link.target).into();
        fields
    });
    let mut comma = "";
    let entries = files.chain(dirs).chain(links).map(move |entry| {
        let piece = format!("{comma}{entry}");
        comma = ",";
        piece
    });
    let whole = object("listing", json!({ "entries": [] })).to_string();
    // Where the entries belong.
    let (start, end) = whole.split_at(whole.len().saturating_sub("]}".len()));
    let (start, end) = (start.to_owned(), end.to_owned());
    std::iter::once(start)
        .chain(entries)
        .chain(std::iter::once(end))
}

fn entry(path: &EntryPath, kind: &str, mtime: Option<Mtime>) -> Value {
    let mut fields = json!({
        "path": text_of(path),
        "kind": kind,
        "bytes": null,
        "mode": null,
        "mtime": mtime.map(|mtime| mtime.secs),
    });
    if std::str::from_utf8(path.as_bytes()).is_err() {
        fields["path_base64"] = BASE64.encode(path.as_bytes()).into();
    }
    fields
}

/// The name as it is where it is Unicode; the printer escapes what a terminal acts on.
fn text_of(path: &EntryPath) -> String {
    std::str::from_utf8(path.as_bytes()).map_or_else(|_| path.to_string(), str::to_owned)
}

/// The id of this person.
pub(crate) fn id(id: &PeerId) -> Line {
    object("id", json!({ "peer": id.to_string() }))
}

/// What the cache holds.
pub(crate) fn cache(info: &CacheInfo) -> Line {
    let trees: Vec<Value> = info
        .trees
        .iter()
        .map(|(path, files, bytes)| {
            json!({ "path": path.to_string_lossy(), "files": files, "bytes": bytes })
        })
        .collect();
    let pair = |(count, bytes): (u64, u64)| json!({ "count": count, "bytes": bytes });
    object(
        "cache",
        json!({
            "trees": trees,
            "outboards": pair(info.outboards),
            "manifests": pair(info.manifests),
            "left_behind": pair(info.left_behind),
        }),
    )
}

/// What clearing the cache freed.
pub(crate) fn cache_cleared(bytes: u64) -> Line {
    object("cache_cleared", json!({ "bytes": bytes }))
}

/// The hubs that were joined.
pub(crate) fn hubs(hubs: &[HubTicket]) -> Line {
    let hubs: Vec<Value> = hubs.iter().map(hub).collect();
    object("hubs", json!({ "hubs": hubs }))
}

/// A hub that was joined just now.
pub(crate) fn joined(joined: &Joined) -> Line {
    let mut fields = hub(&joined.hub);
    fields["again"] = joined.again.into();
    fields["seconds"] = rounded(joined.check.took.as_secs_f64()).into();
    fields["clock_ahead"] = joined.check.ahead.into();
    object("joined", fields)
}

/// A hub that was left just now.
pub(crate) fn left(left: &HubTicket) -> Line {
    object("left", hub(left))
}

/// One hub, without its token.
fn hub(hub: &HubTicket) -> Value {
    json!({
        "hub": hub.name(),
        "hosts": hub.hosts,
        "relay": hub.relay,
        "directory": hub.directory,
        "pinned": hub.pin.is_some(),
        "token": hub.token.is_some(),
    })
}

/// A text that is the whole result.
pub(crate) fn text(event: &'static str, text: &str) -> Line {
    object(event, json!({ "text": text }))
}

fn object(event: &'static str, fields: Value) -> Line {
    let Value::Object(fields) = fields else {
        return Line {
            event,
            fields: Map::new(),
        };
    };
    Line { event, fields }
}

/// Milliseconds are as exact as a time on the network is.
fn rounded(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

fn path_name(path: Path) -> &'static str {
    match path {
        Path::Direct => "direct",
        Path::Relay => "relay",
    }
}

fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Scan => "scan",
        Phase::Hash => "hash",
        Phase::Send => "send",
        Phase::Fetch => "fetch",
    }
}

fn warning_name(kind: WarningKind) -> &'static str {
    match kind {
        WarningKind::LeftOut => "left_out",
        WarningKind::Changed => "changed",
        WarningKind::Network => "network",
        WarningKind::Refused => "refused",
        WarningKind::Metadata => "metadata",
        WarningKind::Other => "other",
    }
}

#[cfg(test)]
mod tests;
