//! Finds what starts with a known word and goes on in base32, in whatever a person pasted: in either
//! case, within quotes or brackets, broken into lines, behind a scheme or within a web address.
//!
//! Tickets for content and for hubs are both found by it. It allocates twice the text at most, and reads
//! a bounded number of places.

use data_encoding::BASE32_NOPAD;

use super::text::is_ignorable;

/// Most bytes of text that are looked at.
pub const MAX_TICKET_TEXT: usize = 64 * 1024;

/// Characters that may stand around a ticket: quotes and brackets of several traditions, and what
/// ends a sentence.
const WRAPPERS: &str = "\"'`<>()[]{}“”„‘’‚«»‹›.,;:!*_|";

/// Places in one text where a ticket is looked for. One is normal, two are a link with the word in
/// its path; the bound keeps the work in proportion to the text.
const MAX_PLACES: usize = 8;

/// Why nothing was found.
pub(super) enum NotFound<E> {
    /// The text is longer than [`MAX_TICKET_TEXT`].
    TooLong,
    /// There is nothing in the text.
    Empty,
    /// There are two that differ.
    Several,
    /// There is one, and it was refused for this reason.
    Refused(E),
    /// There is none, or what is there is damaged.
    Nothing(Clean),
}

/// Finds the one ticket that starts with `prefix` in `text`, and reads its bytes with `decode`, which
/// gives no reason for bytes that are not a ticket at all.
pub(super) fn find<T: PartialEq, E>(
    text: &str,
    prefix: &str,
    decode: impl Fn(&[u8]) -> Result<T, Option<E>>,
) -> Result<T, NotFound<E>> {
    if text.len() > MAX_TICKET_TEXT {
        return Err(NotFound::TooLong);
    }
    let clean = Clean::new(text);
    if clean.text.is_empty() {
        return Err(NotFound::Empty);
    }
    let places = clean.places(prefix);
    let mut found: Option<T> = None;
    let mut error: Option<E> = None;
    for (nth, start) in places.iter().enumerate() {
        let start = start + prefix.len();
        // Up to where base32 ends; or up to the next ticket, if two stand side by side.
        let bodies = [None, places.get(nth + 1).copied()];
        for end in bodies
            .into_iter()
            .take(1 + usize::from(nth + 1 < places.len()))
        {
            let Some(body) = clean.body(start, end) else {
                continue;
            };
            let result = BASE32_NOPAD
                .decode(body.to_ascii_uppercase().as_bytes())
                .map_err(|_| None)
                .and_then(|bytes| decode(&bytes));
            match result {
                Ok(ticket) if found.as_ref().is_none_or(|found| *found == ticket) => {
                    found = Some(ticket);
                }
                Ok(_) => return Err(NotFound::Several),
                Err(why) => error = error.or(why),
            }
        }
    }
    match (found, error) {
        (Some(ticket), _) => Ok(ticket),
        (None, Some(error)) => Err(NotFound::Refused(error)),
        (None, None) => Err(NotFound::Nothing(clean)),
    }
}

/// A text without white space and invisible characters, in lower case.
pub(super) struct Clean {
    pub(super) text: String,
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
    fn places(&self, prefix: &str) -> Vec<usize> {
        let is_place = |at: &usize| self.text[*at..].starts_with(prefix);
        let places = self.words.iter().copied().filter(is_place);
        places.take(MAX_PLACES).collect()
    }

    /// The base32 from `start`, up to `end` if given; nothing if what comes behind it
    /// does not merely wrap it.
    fn body(&self, start: usize, end: Option<usize>) -> Option<&str> {
        // The next ticket may start within this one's prefix: `blo blob…` is both without its space.
        let end = end.unwrap_or(self.text.len());
        let rest = self.text.get(start..end)?;
        let len = rest.find(|c| !is_base32(c)).unwrap_or(rest.len());
        let (body, behind) = rest.split_at(len);
        behind.chars().all(is_wrapper).then_some(body)
    }
}

pub(super) fn is_base32(c: char) -> bool {
    matches!(c, 'a'..='z' | '2'..='7')
}

pub(super) fn is_wrapper(c: char) -> bool {
    WRAPPERS.contains(c)
}
