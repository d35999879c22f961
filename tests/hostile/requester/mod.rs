//! Peers that have a ticket, or at least an address, and mean harm. After each of them, and while they
//! are there, an honest one gets everything.

mod counting;
mod crowd;
mod elsewhere;
mod files;
mod handshakes;
mod in_process;
mod patience;
mod requests;
mod stranger;
mod watch;
