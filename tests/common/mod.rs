//! What the stories are told with: people with a computer each ([`Peer`]), the program running on
//! one of them ([`Running`], [`Sharing`]) and how it ended ([`Ended`]), trees of files, and the
//! comparison of trees.
//!
//! A test waits for what the program says, never for time to pass. Everything has a [`DEADLINE`], and
//! whatever a test starts ends with it. Nothing leaves the loopback interface.

mod anybody;
mod certificate;
mod compare;
mod hub;
mod peer;
mod poll;
mod running;
mod tree;

pub(crate) use anybody::{Anybody, any_server};
pub(crate) use certificate::certify;
pub(crate) use compare::{Entry, assert_same_tree, snapshot};
pub(crate) use hub::{Hub, member};
pub(crate) use peer::{Peer, free_port};
pub(crate) use poll::{poll, poll_for};
pub(crate) use running::{DEADLINE, Ended, Event, Running, Sharing, Signal};
pub(crate) use tree::{
    Random, every_kind_of_entry, fifo, filler, link, set_mode, set_mtime, write,
};
