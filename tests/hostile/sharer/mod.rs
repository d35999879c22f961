//! Sharers that mean harm, against the real program: whatever they send, `get` and `ls` refuse it in
//! time and with little memory, write nothing outside of the destination, and leave nothing behind.
//!
//! [`peer`] is such a sharer: it answers each request byte by byte as a test tells it to. [`blob`]
//! makes content with real and with invented proofs, [`list`] lists of names that no honest program
//! writes. [`victim`] is who has the ticket, and looks at what the program did to her computer.

mod answers;
mod blob;
mod lies;
mod list;
mod names;
mod peer;
mod places;
mod races;
mod sizes;
mod texts;
mod tickets;
pub(crate) mod victim;
