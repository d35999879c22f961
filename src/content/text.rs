//! Text that came from a stranger, made fit for a terminal, and sizes and times made fit for a person.
//!
//! File names, link targets and messages of a peer go through [`escape`] or [`escape_bytes`] before
//! a person sees them: what could move a cursor, change colours, or hide or reorder text becomes a
//! visible `\u{1b}`. The mapping is reversible, so that two names never look the same, and text
//! that needs nothing is borrowed. Nothing here can fail.

use std::{borrow::Cow, fmt::Write as _, time::Duration};

use unicode_normalization::char::is_combining_mark;

/// Combining marks in a row that are shown as they are. Living languages need fewer than this;
/// a longer run paints over the lines above and below.
const MARKS: usize = 8;

/// Escapes everything in `text` that could move a cursor, change colours, hide or reorder text.
///
/// Line feed, tab and carriage return become `\n`, `\t`, `\r`; all else that is escaped becomes
/// `\u{…}` with the code point in hexadecimal. A backslash stays as it is, unless what follows it
/// would make it read as an escape (one of `\`, `n`, `t`, `r`, `u`, `x`, or something that is
/// escaped); then it is doubled.
#[must_use]
pub fn escape(text: &str) -> Cow<'_, str> {
    match first_escaped(text) {
        None => Cow::Borrowed(text),
        Some(clean) => {
            let mut out = String::with_capacity(text.len() + 16);
            out.push_str(&text[..clean]);
            push_escaped(&mut out, text, clean, false);
            Cow::Owned(out)
        }
    }
}

/// As [`escape`], for bytes that need not be UTF-8: a byte that belongs to no character becomes
/// `\xff`.
#[must_use]
pub fn escape_bytes(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return escape(text);
    }
    let mut out = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        let escape_follows = !chunk.invalid().is_empty();
        push_escaped(&mut out, chunk.valid(), 0, escape_follows);
        for byte in chunk.invalid() {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    Cow::Owned(out)
}

/// Cuts escaped text to at most `max` characters, for messages: the middle makes way for `…`, since
/// the start of a path and the extension at its end say most.
#[must_use]
pub fn shorten(text: &str, max: usize) -> Cow<'_, str> {
    // A text of no more bytes than `max` has no more characters either.
    if text.len() <= max || text.chars().count() <= max {
        return Cow::Borrowed(text);
    }
    let kept = max.saturating_sub(1);
    let (tail, head) = (kept / 3, kept - kept / 3);
    let at = |index| text.char_indices().nth(index).map_or(text.len(), |c| c.0);
    let back = |count: usize| match count {
        0 => text.len(),
        _ => text.char_indices().nth_back(count - 1).map_or(0, |c| c.0),
    };
    Cow::Owned(format!("{}…{}", &text[..at(head)], &text[back(tail)..]))
}

/// A size for a person, such as `1.4 GB`: decimal units, one decimal below ten.
#[must_use]
pub fn human_bytes(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    // Tenths of the unit, rounded, in integers: 999,950 B are 1.0 MB and not 1000 kB.
    let mut unit = 1;
    let mut scale = 1000_u128;
    loop {
        let tenths = (u128::from(bytes) * 10 + scale / 2) / scale;
        let whole = (u128::from(bytes) + scale / 2) / scale;
        if tenths < 100 {
            return format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit]);
        }
        if whole < 1000 || unit + 1 == UNITS.len() {
            return format!("{whole} {}", UNITS[unit]);
        }
        unit += 1;
        scale *= 1000;
    }
}

/// A time for a person: `12 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. Fractions only below ten
/// seconds.
#[must_use]
pub fn human_time(seconds: f64) -> String {
    if seconds < 9.95 {
        return format!("{:.1} s", seconds.max(0.0));
    }
    let whole = Duration::try_from_secs_f64(seconds.round()).map_or(u64::MAX, |d| d.as_secs());
    let pair = |large: u64, large_unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{large} {large_unit}"),
        _ => format!("{large} {large_unit} {small} {small_unit}"),
    };
    match whole {
        ..60 => format!("{whole} s"),
        60..3_600 => pair(whole / 60, "min", whole % 60, "s"),
        3_600..86_400 => pair(whole / 3_600, "h", whole % 3_600 / 60, "min"),
        _ => pair(whole / 86_400, "d", whole % 86_400 / 3_600, "h"),
    }
}

/// Whether Unicode calls `c` *default ignorable*: it is there, but shows nothing, and some file
/// systems skip it when they compare names.
pub(super) fn is_ignorable(c: char) -> bool {
    matches!(u32::from(c),
        0xAD | 0x34F | 0x61C | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x180B..=0x180F
        | 0x200B..=0x200F | 0x202A..=0x202E | 0x2060..=0x206F | 0x3164 | 0xFE00..=0xFE0F
        | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFF8 | 0x1BCA0..=0x1BCA3 | 0x1D173..=0x1D17A
        | 0xE0000..=0xE0FFF)
}

/// Characters that choose the form of the one before them, such as an emoji in colour. They count
/// as marks: a few are part of ordinary names.
fn is_variation_selector(c: char) -> bool {
    matches!(u32::from(c), 0x180B..=0x180D | 0x180F | 0xFE00..=0xFE0F | 0xE0100..=0xE01EF)
}

/// Whether `c` is never shown raw.
fn is_hostile(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    c.is_control()
        || (is_ignorable(c) && !is_variation_selector(c))
        || matches!(u32::from(c),
            // Line and paragraph separators, interlinear annotation, hieroglyph format controls.
            0x2028 | 0x2029 | 0xFFF9..=0xFFFB | 0x13430..=0x1343F
            // Not characters at all.
            | 0xFDD0..=0xFDEF)
        || u32::from(c) & 0xFFFE == 0xFFFE
}

/// What to do with the characters of a text, one by one.
#[derive(Default)]
struct Scan {
    marks: usize,
}

impl Scan {
    /// Whether `c` is escaped, given what came before it and what comes after.
    fn escapes(&mut self, c: char, next: Option<char>, escape_follows: bool) -> bool {
        if !c.is_ascii() && (is_combining_mark(c) || is_variation_selector(c)) {
            self.marks += 1;
            return self.marks > MARKS || is_hostile(c);
        }
        self.marks = 0;
        if c == '\\' {
            return match next {
                Some('\\' | 'n' | 't' | 'r' | 'u' | 'x') => true,
                Some(next) => is_hostile(next),
                None => escape_follows,
            };
        }
        is_hostile(c)
    }
}

/// Where the first character is that has to be escaped.
fn first_escaped(text: &str) -> Option<usize> {
    let mut scan = Scan::default();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        let next = chars.clone().next().map(|(_, c)| c);
        if scan.escapes(c, next, false) {
            return Some(at);
        }
    }
    None
}

/// Appends `text` from byte `from` on, escaped; what is before only counts as context.
fn push_escaped(out: &mut String, text: &str, from: usize, escape_follows: bool) {
    let mut scan = Scan::default();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        let next = chars.clone().next().map(|(_, c)| c);
        let escapes = scan.escapes(c, next, escape_follows);
        if at < from {
            continue;
        }
        match c {
            _ if !escapes => out.push(c),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            _ => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
        }
    }
}

#[cfg(test)]
mod tests;
