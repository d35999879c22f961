//! The hubs that a person joined: `hubs.toml`, private, since it holds tokens.
//!
//! A file that cannot be read or understood is an error for every command that uses the network, and never
//! taken for an empty one: whoever joined a hub does not want public servers instead. It is replaced as a whole
//! and synced, and changed under a lock, so that two programs at once lose nothing.

use std::{
    fmt::Write as _,
    io,
    path::Path,
    time::{Duration, Instant},
};

use super::{read_private, shown};
use crate::{
    content::HubTicket,
    disk::{self, LockFile, sys},
    events::{Failure, FailureKind},
};

const NAME: &str = "hubs.toml";

/// Far more than the file holds.
const LONGEST: u64 = 1024 * 1024;

/// Most hubs that may be joined.
const MOST: usize = 16;

/// How long another program may take to change the file.
const LOCKED_WITHIN: Duration = Duration::from_secs(15);

#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Contents {
    #[serde(default)]
    hub: Vec<Entry>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    ticket: String,
}

/// The hubs in the folder `dir`, in the order in which they were joined.
pub(super) fn read(dir: &Path) -> Result<Vec<HubTicket>, Failure> {
    let path = dir.join(NAME);
    let text = match read_private(&path, LONGEST) {
        Ok(text) => text,
        Err(error) => {
            return match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok(Vec::new()),
                _ => Err(failure("read", &path, &error)),
            };
        }
    };
    parse(&text).ok_or_else(|| {
        let message = format!("the list of hubs in {} is damaged", shown(&path));
        Failure::new(FailureKind::LocalDisk, message)
            .hint("restore it from a backup, or delete it and join your hubs again")
    })
}

/// The hubs that a file holds, unless it is damaged.
pub(crate) fn parse(text: &[u8]) -> Option<Vec<HubTicket>> {
    let text = std::str::from_utf8(text).ok()?;
    let contents: Contents = toml::from_str(text).ok()?;
    let hubs = contents.hub.iter().map(|hub| HubTicket::parse(&hub.ticket));
    let hubs: Vec<_> = hubs.collect::<Result<_, _>>().ok()?;
    (hubs.len() <= MOST).then_some(hubs)
}

/// What the file of `hubs` holds.
pub(crate) fn text_of(hubs: &[HubTicket]) -> String {
    let mut text =
        "# Written by grove join and grove leave. A ticket lets one in: keep it to yourself.\n"
            .to_owned();
    for hub in hubs {
        let name = hub.name();
        _ = writeln!(text, "\n# {name}\n[[hub]]\nticket = \"{hub}\"");
    }
    text
}

/// Changes the hubs in the folder `dir`; what `change` says is returned. Nothing is written where it leaves
/// everything as it is.
pub(super) fn change<T>(
    dir: &Path,
    change: impl FnOnce(&mut Vec<HubTicket>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let path = dir.join(NAME);
    let wrong = |error: io::Error| failure("write", &path, &error);
    sys::create_private_dir(dir).map_err(wrong)?;
    let _lock = lock(&dir.join("hubs.lock")).map_err(wrong)?;
    let before = read(dir)?;
    let mut hubs = before.clone();
    let said = change(&mut hubs)?;
    if hubs.len() > MOST {
        let message = format!("more than {MOST} hubs cannot be joined");
        return Err(Failure::new(FailureKind::Usage, message).hint("leave one with grove leave"));
    }
    if hubs != before {
        disk::replace_synced(&path, text_of(&hubs).as_bytes()).map_err(wrong)?;
    }
    Ok(said)
}

/// Waits for the lock; `None` where nothing can be locked, which is no reason not to join a hub.
fn lock(path: &Path) -> io::Result<Option<LockFile>> {
    let until = Instant::now() + LOCKED_WITHIN;
    loop {
        // A lock that could be waited for would be waited for without an end.
        match LockFile::acquire(path) {
            Ok(None) if Instant::now() < until => std::thread::sleep(Duration::from_millis(20)),
            Ok(None) => return Err(io::ErrorKind::ResourceBusy.into()),
            Ok(Some(lock)) => return Ok(Some(lock)),
            Err(error) if error.kind() == io::ErrorKind::Unsupported => return Ok(None),
            Err(error) => return Err(error),
        }
    }
}

fn failure(verb: &str, path: &Path, error: &io::Error) -> Failure {
    let reason = disk::reason(error);
    let message = format!(
        "cannot {verb} the list of hubs in {}: {reason}",
        shown(path)
    );
    Failure::new(FailureKind::LocalDisk, message)
        .hint("check the permissions of its folder, or use another one with GROVE_HOME")
}
