//! What can go wrong on one stream.

use iroh::endpoint::{ConnectionError, ReadError, ReadExactError, WriteError};

use crate::{
    events::{Failure, FailureKind},
    transfer::{proof::Mismatch, wire::Reset},
};

/// Why a request was not answered in full.
#[derive(Debug)]
pub enum StreamError {
    /// The connection is gone, or the other side is silent: connect again and ask again.
    Lost,
    /// The sharer reset the stream.
    Reset(Reset),
    /// The sharer ended the answer before it was complete: it lacks the content.
    Incomplete,
    /// What came does not match the hash, or is larger than announced.
    Hostile(String),
    /// Something on this side; ends the fetch.
    Local(Failure),
}

impl StreamError {
    /// The failure that ends the fetch when asking again does not help.
    #[must_use]
    pub fn into_failure(self) -> Failure {
        match self {
            Self::Local(failure) => failure,
            Self::Hostile(what) => Failure::new(
                FailureKind::Unverified,
                format!("the other side sent {what}"),
            )
            .hint("nothing of it was kept; ask the sharer for a new ticket"),
            Self::Reset(Reset::NotShared) => Failure::new(
                FailureKind::Refused,
                "the other side does not share this any more",
            )
            .hint("ask the sharer for a new ticket"),
            Self::Reset(Reset::Limit) => {
                Failure::new(FailureKind::Refused, "the other side refused the request")
                    .hint("try again later, or ask the sharer")
            }
            Self::Incomplete | Self::Reset(_) => Failure::new(
                FailureKind::Failed,
                "the other side cannot send all of the content",
            )
            .hint("ask the sharer to look at its screen, and run the same line again"),
            Self::Lost => Failure::new(FailureKind::Unreachable, "the connection was lost")
                .hint("run the same line again to go on"),
        }
    }
}

impl From<Mismatch> for StreamError {
    fn from(mismatch: Mismatch) -> Self {
        Self::Hostile(mismatch.to_string())
    }
}

impl From<Failure> for StreamError {
    fn from(failure: Failure) -> Self {
        Self::Local(failure)
    }
}

impl From<ConnectionError> for StreamError {
    fn from(_: ConnectionError) -> Self {
        Self::Lost
    }
}

impl From<WriteError> for StreamError {
    fn from(error: WriteError) -> Self {
        match error {
            // The provider does not want the rest of the request; the connection is still good.
            WriteError::Stopped(code) => Self::Reset(Reset::from_code(code)),
            _ => Self::Lost,
        }
    }
}

impl From<ReadExactError> for StreamError {
    fn from(error: ReadExactError) -> Self {
        match error {
            ReadExactError::FinishedEarly(_) => Self::Incomplete,
            ReadExactError::ReadError(ReadError::Reset(code)) => {
                Self::Reset(Reset::from_code(code))
            }
            ReadExactError::ReadError(_) => Self::Lost,
        }
    }
}
