//! Text that came from a stranger, made fit for a terminal, and sizes made fit for a person.

/// Escapes everything in `text` that could move a cursor, change colours, hide or reorder text.
#[must_use]
pub fn escape(text: &str) -> std::borrow::Cow<'_, str> {
    let _ = text;
    todo!()
}

/// A size for a person, such as `1.4 GB`.
#[must_use]
pub fn human_bytes(bytes: u64) -> String {
    let _ = bytes;
    todo!()
}
