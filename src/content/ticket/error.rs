//! Why a ticket was refused, and what to do about it.

/// Why a ticket was refused, before anything was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TicketError {
    /// Nothing but white space.
    #[error("the ticket is empty")]
    Empty,
    /// More text than any ticket has.
    #[error("this is too long for a ticket")]
    TooLong,
    /// Nothing in it looks like a ticket.
    #[error("this is not a ticket")]
    NotATicket,
    /// It looks like something else that people pass around.
    #[error("this looks like {what}, not like a ticket")]
    OtherKind {
        /// What it looks like, with its article.
        what: &'static str,
        /// What to do with it.
        hint: &'static str,
    },
    /// A ticket that lost, gained or changed characters.
    #[error("the ticket is damaged")]
    Damaged,
    /// More than one ticket.
    #[error("there is more than one ticket in this text")]
    Several,
    /// Its section has a version that this program does not know.
    #[error("the ticket was made by a newer Grove (format {version})")]
    Newer {
        /// The version found.
        version: u8,
    },
    /// It names the hash of nothing at all.
    #[error("the ticket is for an empty share")]
    EmptyShare,
}

impl TicketError {
    /// What to do about it, one line.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Empty | Self::NotATicket => {
                "a ticket starts with blob; grove share prints one for the files it is given"
            }
            Self::TooLong => "pass the ticket alone, the line that starts with blob",
            Self::OtherKind { hint, .. } => hint,
            Self::Damaged => "copy the whole line again, from blob to its end",
            Self::Several => "pass one ticket at a time",
            Self::Newer { .. } => "update grove to use it",
            Self::EmptyShare => "ask the sharer to share again, with something in it",
        }
    }
}
