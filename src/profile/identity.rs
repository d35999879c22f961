//! The key that peers know this person by: 32 bytes, as 64 hexadecimal digits and a line break, in a file
//! that only its owner can read.
//!
//! Tickets name the key, so losing it breaks every ticket that was handed out. Therefore it is written
//! completely and synced before it gets its name, never written over, and never replaced when it cannot be
//! read. Two processes that start at once both make one; the first to give it the name wins, and the
//! other uses that.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::Path,
};

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use iroh::SecretKey;

use super::shown;
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
        return Ok(key);
    }
    create(dir, &path).map_err(|error| failure("write", &path, &error))?;
    // Whoever came first wrote it.
    read(&path)?.ok_or_else(|| failure("read", &path, &io::ErrorKind::NotFound.into()))
}

/// The key in the file `path`, or `None` when there is no such file.
fn read(path: &Path) -> Result<Option<SecretKey>, Failure> {
    let text = match read_text(path) {
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
    Ok(Some(SecretKey::from_bytes(&key)))
}

/// The key that a file holds.
pub(crate) fn parse(text: &[u8]) -> Option<[u8; 32]> {
    let key = HEXLOWER_PERMISSIVE.decode(text.trim_ascii()).ok()?;
    key.try_into().ok()
}

fn read_text(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    // Copied from a backup, the file may be open to others. To refuse would help nobody; that it cannot
    // be closed (a read-only medium) is no reason not to work, either.
    let _ = sys::tighten(&file);
    let mut text = Vec::new();
    file.take(LONGEST).read_to_end(&mut text)?;
    Ok(text)
}

/// Makes a key, unless somebody else did meanwhile.
fn create(dir: &Path, path: &Path) -> io::Result<()> {
    sys::create_private_dir(dir)?;
    let text = format!("{}\n", HEXLOWER.encode(&SecretKey::generate().to_bytes()));
    let temporary = dir.join(format!("identity.{}.new", sys::unique()));
    let created = write_synced(&temporary, &text).and_then(|()| {
        match fs::hard_link(&temporary, path) {
            Ok(()) => sync_dir(dir),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            // A file system without hard links (FAT): here a reader could meet half a key, and say that
            // it is damaged, but still none is ever replaced.
            Err(_) => match write_synced(path, &text) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
                other => other,
            },
        }
    });
    let removed = sys::remove_if_there(&temporary);
    created.and(removed)
}

fn write_synced(path: &Path, text: &str) -> io::Result<()> {
    let mut file = sys::create_private(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
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
