//! A hub in a lab, and people who joined it.

use crate::{
    common::{Peer, Running},
    lab::{Computer, Kind, Lab},
};

/// A hub that runs. It may be stopped and started again.
pub(crate) struct Hub {
    peer: Peer,
    running: Option<Running>,
    /// What it is joined with.
    pub(crate) ticket: String,
}

impl Hub {
    /// One on a computer of its own that everybody reaches over IPv4 and IPv6.
    pub(crate) fn new(lab: &Lab, name: &'static str) -> Self {
        let peer = lab.behind(name, Kind::Both).peer("hub");
        let mut hub = Self {
            peer,
            running: None,
            ticket: String::new(),
        };
        hub.start();
        hub
    }

    /// Starts it, and waits until it answers.
    pub(crate) fn start(&mut self) {
        let mut running = self.peer.start(&["hub"]);
        let ready = running.wait_for("hub_ready");
        let ticket = ready["ticket"].as_str().unwrap();
        let same = self.ticket.is_empty() || self.ticket == ticket;
        assert!(same, "a hub that comes back is the same: {ready}");
        ticket.clone_into(&mut self.ticket);
        self.running = Some(running);
    }

    /// Kills it as a crash would.
    pub(crate) fn kill(&mut self) {
        self.running.take().unwrap().kill();
    }

    /// Somebody at `computer` who joined it.
    pub(crate) fn member(&self, computer: &Computer, name: &'static str) -> Peer {
        member_of(&self.ticket, computer, name)
    }

    /// Has somebody join it.
    pub(crate) fn let_join(&self, peer: &Peer) {
        peer.grove(&["join", &self.ticket]).expect(0);
    }
}

/// Somebody at `computer` who joined the hub with this ticket.
pub(crate) fn member_of(ticket: &str, computer: &Computer, name: &'static str) -> Peer {
    let peer = computer.peer(name).online();
    peer.grove(&["join", ticket]).expect(0);
    peer
}
