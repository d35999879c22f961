//! Lines about what moves, each cut to a width. Pure: state, time and width in, text out.

use std::time::Instant;

use unicode_normalization::char::is_combining_mark;

use super::state::{State, Track, Waiting};
use crate::{
    cli::units::files,
    content::{PeerId, escape, human_bytes, human_time},
    events::{Event, Path, Phase},
};

/// Narrowest bar that still says something, with its brackets.
const BAR_MIN: usize = 12;

/// Widest bar; longer ones are harder to read, not easier.
const BAR_MAX: usize = 32;

/// A part of a line; of those that do not fit, the one with the highest rank goes first.
struct Part {
    rank: u8,
    text: String,
}

fn part(rank: u8, text: impl Into<String>) -> Part {
    let text = text.into();
    Part { rank, text }
}

/// The line about what this side does: looking for files, hashing or fetching.
pub(super) fn own_line(
    phase: Phase,
    track: &Track,
    path: Option<Path>,
    now: Instant,
    width: usize,
) -> String {
    if phase == Phase::Scan {
        let found = format!("{}, {}", files(track.files), human_bytes(track.bytes));
        return fit(vec![part(2, "Looking for files"), part(1, found)], width);
    }
    let verb = match phase {
        Phase::Hash => "Hashing",
        Phase::Send => "Sending",
        Phase::Scan | Phase::Fetch => "Fetching",
    };
    let mut parts = vec![part(6, verb)];
    parts.extend(numbers(track, now));
    if phase == Phase::Fetch {
        parts.extend(path.map(|path| part(5, path_word(path))));
    }
    let bare = fit(parts, width);
    with_bar(&bare, verb, track, width)
}

/// The file that is being worked on, and how many are done.
pub(super) fn current_line(track: &Track, width: usize) -> Option<String> {
    if track.files_total < 2 {
        return None;
    }
    let done = format!("  {} of {}", track.files, files(track.files_total));
    Some(match &track.current {
        Some(current) => {
            let room = width.saturating_sub(columns_of(&done) + 2);
            cut(&format!("{done}: {}", cut_start(current, room)), width)
        }
        None => cut(&done, width),
    })
}

/// How far one peer is that fetches from here.
pub(super) fn send_line(
    peer: &PeerId,
    track: &Track,
    path: Option<Path>,
    now: Instant,
    width: usize,
) -> String {
    let mut parts = vec![part(0, short(peer))];
    parts.extend(numbers(track, now));
    parts.extend(path.map(|path| part(5, path_word(path))));
    fit(parts, width)
}

/// Why nothing moves, and when it is tried again. Where there is no room for both, the time stands
/// in front, since the reason can be cut.
pub(super) fn waiting_line(waiting: &Waiting, now: Instant, width: usize) -> String {
    let left = waiting.until.saturating_duration_since(now).as_secs_f64();
    let (again, short) = match left.ceil() {
        seconds if seconds < 1.0 => (
            format!("trying again (attempt {})", waiting.attempt),
            "Trying again".to_owned(),
        ),
        seconds => (
            format!("trying again in {seconds:.0} s"),
            format!("Again in {seconds:.0} s"),
        ),
    };
    let reason = &waiting.reason;
    let whole = format!("Waiting: {reason}; {again}");
    if columns_of(&whole) <= width {
        return whole;
    }
    cut(&format!("{short}: {reason}"), width)
}

/// How far, how fast, how long.
fn numbers(track: &Track, now: Instant) -> Vec<Part> {
    let bytes = human_bytes(track.bytes);
    let amount = match track.total {
        0 => bytes,
        total => format!("{bytes} of {}", human_bytes(total)),
    };
    let rate = track.rate(now).filter(|rate| *rate >= 1.0);
    let percent = track.percent().map(|percent| format!("{percent} %"));
    let left = track.left(now).map(|left| format!("{} left", about(left)));
    let mut parts: Vec<Part> = percent
        .map(|percent| part(1, percent))
        .into_iter()
        .collect();
    parts.push(part(3, amount));
    parts.extend(rate.map(|rate| part(2, format!("{}/s", human_bytes(whole(rate))))));
    parts.extend(left.map(|left| part(4, left)));
    parts
}

/// Parts that fit into `width`, two spaces between them.
fn fit(mut parts: Vec<Part>, width: usize) -> String {
    loop {
        let texts: Vec<&str> = parts.iter().map(|part| part.text.as_str()).collect();
        let line = texts.join("  ");
        if columns_of(&line) <= width || parts.len() == 1 {
            return cut(&line, width);
        }
        let last = parts.iter().map(|part| part.rank).max();
        parts.retain(|part| Some(part.rank) != last);
    }
}

/// `line` with a bar behind its verb, where there is room for one.
fn with_bar(line: &str, verb: &str, track: &Track, width: usize) -> String {
    let room = width.saturating_sub(columns_of(line) + 2).min(BAR_MAX);
    let (Some(rest), Some(percent)) = (line.strip_prefix(verb), track.percent()) else {
        return line.to_owned();
    };
    if room < BAR_MIN {
        return line.to_owned();
    }
    let inner = room - 2;
    let full = usize::try_from(percent).unwrap_or(100) * inner / 100;
    let bar = format!("[{}{}]", "#".repeat(full), "-".repeat(inner - full));
    format!("{verb}  {bar}{rest}")
}

/// The line that stays on the screen after an event; `None` for most.
pub(super) fn lasting(event: &Event, state: &State) -> Option<String> {
    Some(match event {
        Event::Offer {
            name,
            files: number,
            bytes,
        } => {
            format!(
                "{}: {}, {}",
                escape(name),
                files(*number),
                human_bytes(*bytes)
            )
        }
        Event::Resumed {
            bytes_have,
            bytes_total,
        } => {
            let percent = u128::from(*bytes_have) * 100 / u128::from(*bytes_total).max(1);
            let (have, total) = (human_bytes(*bytes_have), human_bytes(*bytes_total));
            format!("Resuming at {percent} %: {have} of {total} are already here")
        }
        Event::TransferFinished {
            peer,
            bytes,
            seconds,
        } => {
            let path = state.paths.get(peer).map(|path| path_word(*path));
            let path = path.map(|path| format!(" ({path})")).unwrap_or_default();
            format!(
                "{} fetched {} in {}{path}",
                short(peer),
                human_bytes(*bytes),
                human_time(*seconds)
            )
        }
        Event::TransferBroken {
            peer,
            bytes,
            reason,
        } => format!(
            "{} broke off after {}: {reason}",
            short(peer),
            human_bytes(*bytes)
        ),
        _ => return None,
    })
}

/// The id of a peer, as short as it can still be told from others.
pub(super) fn short(peer: &PeerId) -> String {
    peer.fmt_short().to_string()
}

/// How a peer is reached.
pub(super) fn path_word(path: Path) -> &'static str {
    match path {
        Path::Direct => "direct",
        Path::Relay => "relayed",
    }
}

/// A time that is only guessed, with no more digits than the guess is worth.
fn about(seconds: f64) -> String {
    match seconds {
        s if s < 60.0 => format!("{:.0} s", s.ceil()),
        s if s < 3_600.0 => format!("{:.0} min", (s / 60.0).ceil()),
        s if s < 36_000.0 => human_time((s / 60.0).ceil() * 60.0),
        s if s < 172_800.0 => format!("{:.0} h", (s / 3_600.0).ceil()),
        s if s < 864_000_000.0 => format!("{:.0} d", (s / 86_400.0).ceil()),
        _ => "years".to_owned(),
    }
}

/// A rate without its fraction.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate is never below zero, and a cast from float saturates"
)]
fn whole(rate: f64) -> u64 {
    rate as u64
}

/// `text` in at most `width` columns.
pub(super) fn cut(text: &str, width: usize) -> String {
    if columns_of(text) <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 0;
    for c in text.chars() {
        used += columns_of_char(c);
        if used >= width {
            break;
        }
        kept.push(c);
    }
    if width > 0 {
        kept.push('…');
    }
    kept
}

/// `text` in at most `width` columns, its end kept: that is where the name of a file is.
fn cut_start(text: &str, width: usize) -> String {
    if columns_of(text) <= width {
        return text.to_owned();
    }
    let mut used = 1;
    let kept = text.char_indices().rev().take_while(|(_, c)| {
        used += columns_of_char(*c);
        used <= width
    });
    let from = kept.last().map_or(text.len(), |(at, _)| at);
    format!("…{}", &text[from..])
}

fn columns_of(text: &str) -> usize {
    text.chars().map(columns_of_char).sum()
}

/// The columns a character takes: the ranges that Unicode's East Asian Width calls wide, and emoji,
/// take two. Where a terminal disagrees about a rare one, a line comes out a column short or is cut
/// by the terminal; nothing depends on it.
fn columns_of_char(c: char) -> usize {
    match c {
        c if c.is_ascii() => 1,
        c if is_combining_mark(c) => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{a960}'..='\u{a97f}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f000}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests;
