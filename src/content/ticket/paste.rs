//! Finds the ticket in what a person pasted, or says what that looks like instead.

use super::TicketError;
use crate::content::paste::{self, Clean, NotFound, is_base32, is_wrapper};

/// How the text of a ticket starts.
pub(super) const PREFIX: &str = "blob";

/// Characters of base32 from which on a text without the prefix is taken for a damaged ticket. The
/// shortest ticket has 114.
const LOOKS_LIKE_TICKET: usize = 80;

/// Finds the ticket in `text` and reads its bytes with `decode`.
pub(super) fn read<T: PartialEq>(
    text: &str,
    decode: impl Fn(&[u8]) -> Result<T, TicketError>,
) -> Result<T, TicketError> {
    // "Damaged" is what anything gives that is no ticket; a precise answer beats it.
    let decode = |bytes: &[u8]| {
        decode(bytes).map_err(|why| Some(why).filter(|why| *why != TicketError::Damaged))
    };
    paste::find(text, PREFIX, decode).map_err(|why| match why {
        NotFound::TooLong => TicketError::TooLong,
        NotFound::Empty => TicketError::Empty,
        NotFound::Several => TicketError::Several,
        NotFound::Refused(why) => why,
        NotFound::Nothing(clean) => what_else(&clean, text),
    })
}

/// What a text is in which no ticket could be read.
fn what_else(clean: &Clean, original: &str) -> TicketError {
    let bare = clean.text.trim_matches(is_wrapper);
    let is_link = bare.contains("://");
    let starts_right = bare.starts_with(PREFIX) && bare[PREFIX.len()..].chars().all(is_base32);
    let longest = bare.split(|c| !is_base32(c)).map(str::len).max();
    let mostly_base32 =
        longest >= Some(LOOKS_LIKE_TICKET) || (bare.len() >= LOOKS_LIKE_TICKET && !is_link);
    for (prefix, what, hint) in OTHER_TICKETS {
        let body = bare.strip_prefix(prefix).unwrap_or_default();
        if body.len() >= 20 && body.chars().all(is_base32) {
            return TicketError::OtherKind { what, hint };
        }
    }
    if starts_right || (mostly_base32 && bare.contains(PREFIX)) {
        return TicketError::Damaged;
    }
    if let Some((what, hint)) = other_kind(original.trim().trim_matches(is_wrapper)) {
        return TicketError::OtherKind { what, hint };
    }
    if mostly_base32 {
        return TicketError::Damaged;
    }
    TicketError::NotATicket
}

/// What other tools call tickets: prefix, what it is, what to do.
const OTHER_TICKETS: [(&str, &str, &str); 4] = [
    (
        "endpoint",
        "a ticket for an iroh endpoint",
        "it says where a peer is, not what it shares; ask for the line that starts with blob",
    ),
    (
        "node",
        "a ticket for an iroh node",
        "it says where a peer is, not what it shares; ask for the line that starts with blob",
    ),
    (
        "doc",
        "a ticket for an iroh document",
        "ask for the files as a ticket that starts with blob",
    ),
    (
        "hub",
        "an invitation to a hub",
        "grove join takes it; to get files, ask for the line that starts with blob",
    ),
];

/// Recognises codes, links, hashes and paths.
fn other_kind(text: &str) -> Option<(&'static str, &'static str)> {
    const ASK: &str = "ask the other side for a ticket, the line that starts with blob";
    let mut parts = text.split('-');
    let first = parts.next().unwrap_or_default();
    let words: Vec<&str> = parts.collect();
    let is_word = |word: &str| word.len() >= 2 && word.chars().all(|c| c.is_ascii_alphabetic());
    if !words.is_empty() && words.iter().all(|word| is_word(word)) {
        let number = !first.is_empty() && first.bytes().all(|b| b.is_ascii_digit());
        if number && first.len() == 4 && words.len() == 3 {
            return Some(("a croc code", "croc takes it; for grove, ask for a ticket"));
        }
        if number && words.len() >= 2 {
            return Some((
                "a magic-wormhole code",
                "wormhole receive takes it; for grove, ask for a ticket",
            ));
        }
        if is_word(first) && words.len() == 3 {
            return Some(("a code of four words", ASK));
        }
    }
    if text.contains("://") || text.starts_with("www.") || text.starts_with("magnet:") {
        return Some(("a web address", ASK));
    }
    if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Some((
            "a bare hash",
            "a hash does not say who has the content; ask for a ticket, the line that starts with blob",
        ));
    }
    let has_extension = text
        .rsplit_once('.')
        .is_some_and(|(stem, ext)| !stem.is_empty() && (1..=5).contains(&ext.len()));
    if text.contains(['/', '\\']) || text.starts_with(['.', '~']) || has_extension {
        return Some(("a path", "to share files, run grove share with their path"));
    }
    None
}
