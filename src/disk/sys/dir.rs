//! What a folder handle finds.

use super::FileStat;

/// What is at a name, without following it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// No such name.
    Nothing,
    /// A regular file.
    File(FileStat),
    /// A folder.
    Dir(FileStat),
    /// A symbolic link to this target.
    Link(Box<[u8]>),
    /// Something else: "a FIFO".
    Special(&'static str),
}

impl Found {
    /// What to call it: "a file".
    #[must_use]
    pub fn what(&self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::File(_) => "a file",
            Self::Dir(_) => "a folder",
            Self::Link(_) => "a symbolic link",
            Self::Special(what) => what,
        }
    }
}
