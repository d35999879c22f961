//! Finds the ticket in what a person pasted, or says what that looks like instead.

use data_encoding::BASE32_NOPAD;

use super::{MAX_TICKET_TEXT, TicketError};
use crate::content::text::is_ignorable;

/// How the text of a ticket starts.
pub(super) const PREFIX: &str = "blob";

/// Characters that may stand around a ticket: quotes and brackets of several traditions, and what
/// ends a sentence.
const WRAPPERS: &str = "\"'`<>()[]{}“”„‘’‚«»‹›.,;:!*_|";

/// Places in one text where a ticket is looked for. One is normal, two are a link with `blob` in
/// its path; the bound keeps the work in proportion to the text.
const MAX_PLACES: usize = 8;

/// Characters of base32 from which on a text without the prefix is taken for a damaged ticket. The
/// shortest ticket has 114.
const LOOKS_LIKE_TICKET: usize = 80;

/// Finds the ticket in `text` and reads its bytes with `decode`.
pub(super) fn read<T: PartialEq>(
    text: &str,
    decode: impl Fn(&[u8]) -> Result<T, TicketError>,
) -> Result<T, TicketError> {
    if text.len() > MAX_TICKET_TEXT {
        return Err(TicketError::TooLong);
    }
    let clean = Clean::new(text);
    if clean.text.is_empty() {
        return Err(TicketError::Empty);
    }
    let places = clean.places();
    let mut found: Option<T> = None;
    let mut error: Option<TicketError> = None;
    for (nth, start) in places.iter().enumerate() {
        // Up to where base32 ends; or up to the next ticket, if two stand side by side.
        let bodies = [None, places.get(nth + 1).copied()];
        for end in bodies
            .into_iter()
            .take(1 + usize::from(nth + 1 < places.len()))
        {
            let Some(body) = clean.body(*start, end) else {
                continue;
            };
            let result = BASE32_NOPAD
                .decode(body.to_ascii_uppercase().as_bytes())
                .map_err(|_| TicketError::Damaged)
                .and_then(|bytes| decode(&bytes));
            match result {
                Ok(ticket) if found.as_ref().is_none_or(|found| *found == ticket) => {
                    found = Some(ticket);
                }
                Ok(_) => return Err(TicketError::Several),
                // "Damaged" is what anything gives that is no ticket; a precise answer beats it.
                Err(new) if error.is_none() || error == Some(TicketError::Damaged) => {
                    error = Some(new);
                }
                Err(_) => {}
            }
        }
    }
    match (found, error) {
        (Some(ticket), _) => Ok(ticket),
        (None, Some(error)) if error != TicketError::Damaged => Err(error),
        (None, _) => Err(clean.what_else(text)),
    }
}

/// A text without white space and invisible characters, in lower case.
struct Clean {
    text: String,
    /// Where a word starts, in bytes of `text`: before it was the start of the text, white space, or
    /// no letter and no digit.
    words: Vec<usize>,
}

impl Clean {
    fn new(text: &str) -> Self {
        let mut clean = Self {
            text: String::with_capacity(text.len()),
            words: Vec::new(),
        };
        let mut at_start = true;
        for c in text.chars() {
            if c.is_whitespace() || c.is_control() {
                at_start = true;
            } else if !is_ignorable(c) {
                if at_start && c.is_alphanumeric() {
                    clean.words.push(clean.text.len());
                }
                at_start = !c.is_alphanumeric();
                clean.text.push(c.to_ascii_lowercase());
            }
        }
        clean
    }

    /// Where a ticket may start.
    fn places(&self) -> Vec<usize> {
        let is_place = |at: &usize| self.text[*at..].starts_with(PREFIX);
        let places = self.words.iter().copied().filter(is_place);
        places.take(MAX_PLACES).collect()
    }

    /// The base32 of the ticket at `start`, up to `end` if given; nothing if what comes behind it
    /// does not merely wrap it.
    fn body(&self, start: usize, end: Option<usize>) -> Option<&str> {
        // The next ticket may start within this one's prefix: `blo blob…` is both without its space.
        let end = end.unwrap_or(self.text.len());
        let rest = self.text.get(start + PREFIX.len()..end)?;
        let len = rest.find(|c| !is_base32(c)).unwrap_or(rest.len());
        let (body, behind) = rest.split_at(len);
        behind.chars().all(is_wrapper).then_some(body)
    }

    /// What a text is in which no ticket could be read.
    fn what_else(&self, original: &str) -> TicketError {
        let bare = self.text.trim_matches(is_wrapper);
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
}

fn is_base32(c: char) -> bool {
    matches!(c, 'a'..='z' | '2'..='7')
}

fn is_wrapper(c: char) -> bool {
    WRAPPERS.contains(c)
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
