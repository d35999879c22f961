//! Why a manifest was refused, in words for a person.

use std::fmt;

use crate::content::{EntryPath, PathError, escape_bytes, shorten};

/// A name that is not allowed, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadName {
    /// The name, escaped and shortened.
    pub name: String,
    /// The rule it breaks.
    pub why: PathError,
}

impl BadName {
    pub(super) fn new(raw: &[u8], why: PathError) -> Self {
        // A name may be as long as the whole blob; what is cut here would be cut in the end.
        let start = &raw[..raw.len().min(1024)];
        Self {
            name: shorten(&escape_bytes(start), 60).into_owned(),
            why,
        }
    }
}

impl fmt::Display for BadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\" ({})", self.name, self.why)
    }
}

/// Why a manifest was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The share holds nothing.
    #[error("the share is empty")]
    Empty,
    /// More files than [`Limits::files`](crate::content::Limits::files).
    #[error("the share has more than {max} files")]
    TooManyFiles {
        /// The limit.
        max: u64,
    },
    /// More folders (implied ones too) and links than
    /// [`Limits::others`](crate::content::Limits::others).
    #[error("the share has more than {max} folders and links")]
    TooManyFolders {
        /// The limit.
        max: u64,
    },
    /// The metadata is larger than [`Limits::meta_bytes`](crate::content::Limits::meta_bytes).
    #[error("the share's list of names takes {bytes} bytes, more than the {max} allowed")]
    MetaTooLarge {
        /// Its size.
        bytes: u64,
        /// The limit.
        max: u64,
    },
    /// The entries together take too much memory, though no other limit is reached.
    #[error("the share has too many entries with long names")]
    TooLarge,
    /// The blobs are not a collection.
    #[error("the share's list of names cannot be read: {0}")]
    Damaged(&'static str),
    /// Names and hashes differ in number.
    #[error("the share's list of names does not fit its content: {names} names, {hashes} hashes")]
    Mismatch {
        /// How many names are claimed.
        names: u64,
        /// How many files the hash sequence holds.
        hashes: u64,
    },
    /// Grove's section has a version that this program does not know.
    #[error("the share was made by a newer Grove (format {version})")]
    Newer {
        /// The version found.
        version: u8,
    },
    /// Names that are not allowed, the first few of them.
    #[error("{}", names_message(.names, *.count))]
    Names {
        /// Up to ten of them.
        names: Vec<BadName>,
        /// How many there are in all.
        count: u64,
    },
    /// Two entries have one path.
    #[error("two entries of the share are both called {path}")]
    Duplicate {
        /// The path.
        path: EntryPath,
    },
    /// An entry lies below one that is not a folder.
    #[error("{path} would be inside of {above}, which is not a folder")]
    Below {
        /// The entry.
        path: EntryPath,
        /// The file or link above it.
        above: EntryPath,
    },
    /// A link's target is empty, too long, or holds a NUL byte.
    #[error("the link {path} points to something that no file system takes")]
    BadTarget {
        /// The link.
        path: EntryPath,
    },
    /// The sizes add up to more than 64 bits hold.
    #[error("the sizes that the share claims are impossible")]
    SizeOverflow,
}

fn names_message(names: &[BadName], count: u64) -> String {
    let list: Vec<String> = names.iter().map(ToString::to_string).collect();
    let list = list.join(", ");
    let rest = count.saturating_sub(names.len() as u64);
    match (count, rest) {
        (1, _) => format!("a name in the share is not allowed: {list}"),
        (_, 0) => format!("{count} names in the share are not allowed: {list}"),
        _ => format!("{count} names in the share are not allowed: {list} and {rest} more"),
    }
}
