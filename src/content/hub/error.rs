//! Why a hub's ticket was refused, and what to do about it.

use crate::content::paste::{is_base32, is_wrapper};

/// Why a hub's ticket was refused, before anything was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HubTicketError {
    /// Nothing but white space.
    #[error("the ticket of the hub is empty")]
    Empty,
    /// More text than any ticket has.
    #[error("this is too long for the ticket of a hub")]
    TooLong,
    /// Nothing in it looks like one.
    #[error("this is not the ticket of a hub")]
    NotATicket,
    /// It is a ticket for content.
    #[error("this is a ticket for files, not for a hub")]
    ForContent,
    /// It lost, gained or changed characters.
    #[error("the ticket of the hub is damaged")]
    Damaged,
    /// More than one.
    #[error("there is more than one hub in this text")]
    Several,
    /// It has a version that this program does not know.
    #[error("the ticket of the hub was made by a newer Grove (format {version})")]
    Newer {
        /// The version found.
        version: u8,
    },
    /// It names no place, too many, or one where no hub can be.
    #[error("the ticket of the hub does not say where the hub is")]
    NoHost,
    /// What it has for a token can be none.
    #[error("the ticket of the hub has something for a token that is none")]
    BadToken,
}

impl HubTicketError {
    /// What to do about it, one line.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Empty | Self::NotATicket => {
                "it starts with hub; grove hub prints it, as part of the line to hand around"
            }
            Self::TooLong => "pass the ticket alone, the word that starts with hub",
            Self::ForContent => "grove get fetches what it is for",
            Self::Damaged => "copy the whole line again, from hub to its end",
            Self::Several => "join one hub at a time",
            Self::Newer { .. } => "update grove to use it",
            Self::NoHost | Self::BadToken => "ask whoever runs the hub for a new line",
        }
    }
}

/// Characters of base32 from which on a text is taken for a damaged ticket.
const LOOKS_LIKE_TICKET: usize = 40;

/// What a text is, white space taken out and in lower case, in which no ticket of a hub could be read.
pub(super) fn what_is_it(text: &str) -> HubTicketError {
    let bare = text.trim_matches(is_wrapper);
    let longest = bare.split(|c| !is_base32(c)).map(str::len).max();
    if longest < Some(LOOKS_LIKE_TICKET) {
        return HubTicketError::NotATicket;
    }
    if bare.contains("blob") && !bare.contains("hub") {
        return HubTicketError::ForContent;
    }
    HubTicketError::Damaged
}
