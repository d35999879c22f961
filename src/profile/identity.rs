//! The key that peers know this person by, in a file that only its owner can read: a line of 64
//! hexadecimal digits, the secret, and another with its public half, by which a bit that flipped is
//! noticed: any 32 bytes are a key, but somebody else's. A file without the second line counts, too.
//!
//! Tickets name the key, so losing it breaks every ticket that was handed out. Therefore it is written
//! completely and synced before it gets its name, never written over, and never replaced when it cannot be
//! read. Two processes that start at once both make one; the first to give it the name wins, and the
//! other uses that.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use iroh::SecretKey;

use super::{read_private, shown};
use crate::{
    disk::{self, sys},
    events::{Failure, FailureKind},
};

/// Far more than the file holds.
const LONGEST: u64 = 4096;

/// The key in the folder `dir`; made on first use.
pub(super) fn read_or_create(dir: &Path) -> Result<SecretKey, Failure> {
    let path = dir.join("identity");
    if let Some(key) = read(&path)? {
        sweep(dir);
        return Ok(key);
    }
    create(dir, &path).map_err(|error| failure("write", &path, &error))?;
    // Whoever came first wrote it.
    read(&path)?.ok_or_else(|| failure("read", &path, &io::ErrorKind::NotFound.into()))
}

/// The key in the file `path`, or `None` when there is no such file.
fn read(path: &Path) -> Result<Option<SecretKey>, Failure> {
    let text = match read_private(path, LONGEST) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failure("read", path, &error)),
    };
    let key = parse(&text).ok_or_else(|| {
        let message = format!("the identity in {} is damaged", shown(path));
        Failure::new(FailureKind::LocalDisk, message).hint(
            "restore it from a backup; deleting it makes a new identity, and the tickets you handed out \
             stop working",
        )
    })?;
    Ok(Some(key))
}

/// The key that a file holds, unless it is damaged.
pub(crate) fn parse(text: &[u8]) -> Option<SecretKey> {
    let mut lines = std::str::from_utf8(text).ok()?.split_ascii_whitespace();
    let mut line = || -> Option<Option<[u8; 32]>> {
        let Some(digits) = lines.next() else {
            return Some(None);
        };
        let bytes = HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).ok()?;
        bytes.try_into().ok().map(Some)
    };
    let (secret, public, more) = (line()??, line()?, line()?);
    let key = SecretKey::from_bytes(&secret);
    let fits = public.is_none_or(|public| public == *key.public().as_bytes());
    (fits && more.is_none()).then_some(key)
}

/// What the file of a key holds.
pub(crate) fn text_of(key: &SecretKey) -> String {
    let (secret, public) = (key.to_bytes(), key.public());
    format!(
        "{}\n{}\n",
        HEXLOWER.encode(&secret),
        HEXLOWER.encode(public.as_bytes())
    )
}

/// Makes a key, unless somebody else did meanwhile.
fn create(dir: &Path, path: &Path) -> io::Result<()> {
    sys::create_private_dir(dir)?;
    let text = text_of(&SecretKey::generate());
    let temporary = dir.join(format!("identity.{}.new", sys::unique()));
    let created = write_synced(&temporary, &text).and_then(|()| {
        match fs::hard_link(&temporary, path) {
            Ok(()) => sync_dir(dir),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            // Swept away by somebody who found that there is a key.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            // A file system without hard links (FAT): here a reader could meet half a key, and say that
            // it is damaged, but still none is ever replaced.
            Err(error) if has_no_links(&error) => match write_synced(path, &text) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
                other => other,
            },
            Err(error) => Err(error),
        }
    });
    let removed = sys::remove_if_there(&temporary);
    created.and(removed)
}

/// Removes the keys of those who were killed while they made one. Somebody who is just making one
/// finds that there is one already.
fn sweep(dir: &Path) {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let ours = name
            .strip_prefix("identity.")
            .and_then(|name| name.strip_suffix(".new"));
        // Somebody's own copies are called otherwise.
        if ours.is_some_and(sys::is_unique) {
            // What cannot be removed now is in nobody's way.
            let _ = sys::remove_if_there(&entry.path());
        }
    }
}

/// Whether a hard link could not be made because the file system has none.
fn has_no_links(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(error.kind(), Kind::PermissionDenied | Kind::Unsupported)
}

/// Writes a new file, or none: half a key would be taken for a damaged one.
fn write_synced(path: &Path, text: &str) -> io::Result<()> {
    let mut file = sys::create_private(path)?;
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all());
    if written.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_file(path);
    }
    written
}

/// Makes a new name in a folder last, where folders can be opened.
fn sync_dir(dir: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(dir)?.sync_all()
    } else {
        Ok(())
    }
}

fn failure(verb: &str, path: &Path, error: &io::Error) -> Failure {
    let message = format!(
        "cannot {verb} the identity in {}: {}",
        shown(path),
        disk::reason(error)
    );
    Failure::new(FailureKind::LocalDisk, message)
        .hint("check the permissions of its folder, or use another one with GROVE_HOME")
}
