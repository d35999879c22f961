//! From the paths that the user named to roots with names of their own.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
};

use super::{SourceRoot, own::Own, sys};
use crate::{
    content::{EntryPath, escape},
    events::{Failure, FailureKind},
};

/// Finds out where each path is and what it is called in the share. A link that the user named is
/// followed, and keeps the name it was given.
pub(super) fn resolve(paths: &[PathBuf], own: &Own) -> Result<Vec<SourceRoot>, Failure> {
    let mut roots = Vec::with_capacity(paths.len());
    let mut named: HashMap<EntryPath, &Path> = HashMap::new();
    for path in paths {
        let root = resolve_one(path)?;
        if own.holds(&root.path) {
            let what = if root.is_file {
                "is one of Grove's own files"
            } else {
                "is where Grove keeps its own files"
            };
            let message = format!("{} {what}, which are never shared", shown(path));
            return Err(Failure::new(FailureKind::Usage, message)
                .hint("to share something that you put there, move it elsewhere"));
        }
        if let Some(other) = named.insert(root.name.clone(), path) {
            let (first, second) = (shown(other), shown(path));
            let message = format!("{first} and {second} have the same name, {}", root.name);
            return Err(Failure::new(FailureKind::Usage, message)
                .hint("share them one by one, or share the folder that holds both"));
        }
        roots.push(root);
    }
    Ok(roots)
}

fn resolve_one(path: &Path) -> Result<SourceRoot, Failure> {
    let (real, metadata) = fs::canonicalize(path)
        .and_then(|real| fs::metadata(&real).map(|metadata| (real, metadata)))
        .map_err(|error| unusable(path, &error))?;
    if let Some(what) = sys::special_kind(metadata.file_type()) {
        let message = format!("{} is {what}, which cannot be shared", shown(path));
        return Err(Failure::new(FailureKind::Usage, message)
            .hint("to share what comes out of a command, pipe it into grove share -"));
    }
    // `.`, `..` and `/` say no name; where they lead does, except for `/` itself.
    let Some(name) = path.file_name().or_else(|| real.file_name()) else {
        let message = format!("{} has no name to share it under", shown(path));
        return Err(Failure::new(FailureKind::Usage, message).hint("name the folders in it"));
    };
    let refused = |why: String| {
        let message = format!("{} cannot be shared: {why}", shown(path));
        Failure::new(FailureKind::Failed, message).hint("rename it")
    };
    let bytes = sys::bytes_of(name).ok_or_else(|| refused("its name is not Unicode".to_owned()))?;
    let name = EntryPath::parse(&bytes).map_err(|error| refused(error.to_string()))?;
    Ok(SourceRoot {
        name,
        is_file: metadata.is_file(),
        path: real,
    })
}

pub(super) fn is_missing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Why there is no using a path.
pub(super) fn unusable(path: &Path, error: &io::Error) -> Failure {
    if is_missing(error) {
        let message = format!("{} does not exist", shown(path));
        return Failure::new(FailureKind::Usage, message)
            .hint("check the spelling and the folder you are in");
    }
    let message = format!("cannot look at {}: {}", shown(path), sys::reason(error));
    Failure::new(FailureKind::LocalDisk, message).hint("check its permissions")
}

fn shown(path: &Path) -> String {
    escape(&path.to_string_lossy()).into_owned()
}
