//! What holds for any bytes that a stranger, a disk or a person hands in, one function for each parser.
//!
//! Each takes any bytes at all and panics when a property is broken: nothing panics by itself, what was
//! read and is written again is the same, what is accepted is within the limits, and what is said about
//! it is fit for a terminal. Bytes that end in a checksum are tried a second time with one that is
//! right, else nothing would ever get past it.
//!
//! The same functions have two callers. `cargo fuzz` looks for new inputs with the targets in `fuzz/`,
//! one line each. `cargo test` replays what was found so far, `fuzz/corpus/`, and changes it at random
//! (`replay`), on any toolchain.
//!
//! This is part of the crate because several of the parsers are private and stay so. It is there in
//! tests and where cargo fuzz sets `cfg(fuzzing)`, never in a program that people run.

mod content;
mod hub;
mod state;
mod transfer;
mod typed;

#[cfg(test)]
mod replay;

pub use content::{hash_seq, hub_ticket, manifest, path, text, ticket, ticket_bytes};
pub use hub::{headers, question, tokens};
pub use state::{config, have, hubs, identity, kept, places, tree_cache};
pub use transfer::{codes, outboard, proof, request};
pub use typed::{patterns, units};

use unicode_normalization::char::is_combining_mark;

use crate::events::Failure;

/// Fails unless `text` can be printed without doing anything to a terminal but adding text to a line.
/// Says itself what is hostile, rather than asking the code that is tested.
fn assert_showable(text: &str) {
    let mut marks = 0;
    for c in text.chars() {
        let code = u32::from(c);
        assert!(!c.is_control(), "U+{code:04X} in {text:?}");
        let hidden = matches!(code,
            0xAD | 0x61C | 0x180E | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0xFEFF
            | 0xFFF9..=0xFFFB | 0xE0000..=0xE00FF);
        assert!(!hidden, "U+{code:04X} in {text:?}");
        marks = if is_combining_mark(c) { marks + 1 } else { 0 };
        assert!(marks <= 16, "a tower of marks in {text:?}");
    }
}

/// Fails unless a person can be told of `failure`.
fn assert_told(failure: &Failure) {
    assert!(!failure.message.is_empty());
    assert_showable(&failure.message);
    assert_showable(failure.hint.as_deref().unwrap_or_default());
}

/// Takes numbers off the front of an input; zeros when it has ended.
struct Front<'a>(&'a [u8]);

impl Front<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let mut taken = [0; N];
        let len = self.0.len().min(N);
        taken[..len].copy_from_slice(&self.0[..len]);
        self.0 = &self.0[len..];
        taken
    }

    fn u8(&mut self) -> u8 {
        self.take::<1>()[0]
    }

    fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.take())
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take())
    }
}
