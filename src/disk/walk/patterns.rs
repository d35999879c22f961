//! Patterns of what to leave out, and what the walker says about them and about paths.

use std::path::Path;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::{SourceRoot, sys};
use crate::{
    content::escape,
    events::{Failure, FailureKind},
};

/// Patterns in files of this name always count.
pub(super) const IGNORE_FILE: &str = ".groveignore";

/// The patterns of `--exclude`, for one root.
pub(crate) fn exclude(root: &SourceRoot, patterns: &[String]) -> Result<Gitignore, Failure> {
    let mut builder = GitignoreBuilder::new(&root.path);
    let wrong = |pattern: &str, error: &ignore::Error| {
        let message = format!(
            "the pattern {} is wrong: {}",
            escape(pattern),
            phrase(error)
        );
        Failure::new(FailureKind::Usage, message)
            .hint("patterns are written as in a .gitignore file")
    };
    for pattern in patterns {
        builder
            .add_line(None, pattern)
            .map_err(|error| wrong(pattern, &error))?;
    }
    builder
        .build()
        .map_err(|error| wrong(&patterns.join(" "), &error))
}

/// Refuses to go on with a `.groveignore` that cannot be used: what its author wanted to keep out would
/// be shared. A `.gitignore` may have such lines, since git passes over them, too.
pub(super) fn check(error: &ignore::Error) -> Result<(), Failure> {
    if let ignore::Error::Partial(errors) = error {
        return errors.iter().try_for_each(check);
    }
    let Some(path) = path_in(error).filter(|path| path.ends_with(IGNORE_FILE)) else {
        return Ok(());
    };
    let message = format!(
        "cannot use {}: {}",
        escape(&path.to_string_lossy()),
        phrase(error)
    );
    Err(Failure::new(FailureKind::Usage, message)
        .hint("patterns are written as in a .gitignore file"))
}

/// The path that an error of the walker is about.
pub(super) fn path_in(error: &ignore::Error) -> Option<&Path> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => {
            path_in(err)
        }
        ignore::Error::Partial(errors) => errors.iter().find_map(path_in),
        _ => None,
    }
}

/// What an error of the walker is about, without the path.
pub(super) fn phrase(error: &ignore::Error) -> String {
    match error {
        ignore::Error::WithPath { err, .. } | ignore::Error::WithDepth { err, .. } => phrase(err),
        ignore::Error::WithLineNumber { line, err } => format!("line {line}: {}", phrase(err)),
        ignore::Error::Io(error) => sys::reason(error),
        other => escape(&other.to_string()).into_owned(),
    }
}
