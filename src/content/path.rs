//! The path of an entry within a share, and the only way to make one.

use std::fmt;

/// A relative path within a share, checked. Components are joined by `/`; bytes, not text, since
/// names on Unix are bytes.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryPath(Box<[u8]>);

/// Why a path was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// No bytes at all.
    #[error("the name is empty")]
    Empty,
}

impl EntryPath {
    /// Checks `bytes` and makes a path of them.
    pub fn parse(bytes: &[u8]) -> Result<Self, PathError> {
        let _ = bytes;
        todo!()
    }

    /// The bytes, components joined by `/`.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The components, at least one.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &[u8]> + Clone {
        self.0.split(|b| *b == b'/')
    }

    /// The last component.
    #[must_use]
    pub fn file_name(&self) -> &[u8] {
        self.components().next_back().unwrap_or_default()
    }

    /// The path without its last component; `None` at the top level.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        todo!()
    }

    /// The path as the platform writes it. On Unix byte for byte.
    #[must_use]
    pub fn to_path(&self) -> std::path::PathBuf {
        todo!()
    }
}

impl fmt::Display for EntryPath {
    /// Escaped, fit for a terminal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let _ = f;
        todo!()
    }
}

impl fmt::Debug for EntryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EntryPath({self})")
    }
}
