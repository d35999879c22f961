//! Peers that have a ticket, or at least an address, and mean harm. After each of them, and while they
//! are there, an honest one gets everything.

mod crowd;
mod in_process;
mod stranger;
mod watch;
