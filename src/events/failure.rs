//! What a person is told when an operation fails.

use std::fmt;

/// Why an operation failed, as far as a caller must tell cases apart. Each kind has one exit code;
/// the numbers are part of the command-line contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// Anything that has no kind of its own.
    Failed,
    /// The arguments, a ticket or a pattern make no sense.
    Usage,
    /// Done, but some entries were left out.
    Partial,
    /// The other side could not be reached.
    Unreachable,
    /// The other side, or a limit that the user set, refused.
    Refused,
    /// Content did not match its hash, or a peer broke the protocol.
    Unverified,
    /// Something is in the way at the destination.
    InTheWay,
    /// This computer's disk, permissions or limits.
    LocalDisk,
    /// The user stopped it.
    Interrupted,
}

impl FailureKind {
    /// The exit code of a command that ends this way.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Partial => 3,
            Self::Unreachable => 4,
            Self::Refused => 5,
            Self::Unverified => 6,
            Self::InTheWay => 7,
            Self::LocalDisk => 8,
            Self::Interrupted => 130,
        }
    }

    /// The name in the JSON `error` event.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::Partial => "partial",
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
            Self::Unverified => "unverified",
            Self::InTheWay => "in_the_way",
            Self::LocalDisk => "local_disk",
            Self::Interrupted => "interrupted",
        }
    }
}

/// A failure that reaches a person: one line that says what, which path or peer, and a hint that
/// says what to do. Texts that come from a peer are escaped before they get in here.
#[derive(Debug)]
pub struct Failure {
    /// Which case it is.
    pub kind: FailureKind,
    /// One line without a full stop.
    pub message: String,
    /// What to do about it, one line.
    pub hint: Option<String>,
}

impl Failure {
    /// A failure without a hint.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint: None,
        }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}
