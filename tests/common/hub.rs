//! A hub that runs, and people who use it.

use std::{ops::Deref, time::Duration};

use grove::content::HubTicket;

use super::{Ended, Peer, Running};

/// How long a hub may take to make what it needs and to answer. A bound against waiting for ever.
const READY_WITHIN: Duration = Duration::from_mins(1);

/// A hub on the loopback interface. It is killed when this is dropped; then its folder stays until the
/// owner is dropped, too.
pub(crate) struct Hub {
    owner: Peer,
    port: u16,
    args: Vec<String>,
    running: Option<Running>,
    /// What people join it with.
    pub(crate) ticket: String,
}

impl Hub {
    /// Starts one with these arguments.
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::start_by(Peer::new("hub"), args)
    }

    /// Has this person start one.
    pub(crate) fn start_by(owner: Peer, args: &[&str]) -> Self {
        let mut hub = Self {
            owner: owner.online(),
            port: 0,
            args: args.iter().map(ToString::to_string).collect(),
            running: None,
            ticket: String::new(),
        };
        hub.start_again();
        hub
    }

    /// Starts it again after it was killed, at the same place.
    pub(crate) fn start_again(&mut self) {
        let bind = format!("127.0.0.1:{}", self.port);
        let mut command = self.owner.program(env!("CARGO_BIN_EXE_grove").as_ref());
        command.args(["--json", "hub", "--bind", &bind]);
        command
            .args(["--public-addr", "127.0.0.1"])
            .args(&self.args);
        let mut running = Running::start("hub", command);
        let ready = running.wait_within(READY_WITHIN, "hub_ready", |event| {
            event["event"] == "hub_ready"
        });
        ready["ticket"]
            .as_str()
            .unwrap()
            .clone_into(&mut self.ticket);
        self.running = Some(running);
        let place = self.parsed().places().next().unwrap();
        self.port = place.port();
    }

    /// What its ticket says.
    pub(crate) fn parsed(&self) -> HubTicket {
        HubTicket::parse(&self.ticket).unwrap()
    }

    /// Its ticket with another token.
    pub(crate) fn with_token(&self, token: Option<&str>) -> String {
        let token = token.map(str::to_owned);
        HubTicket {
            token,
            ..self.parsed()
        }
        .to_string()
    }

    /// Kills it as a crash would.
    pub(crate) fn kill(&mut self) -> Option<Ended> {
        self.running.take().map(Running::kill)
    }
}

impl Deref for Hub {
    type Target = Running;

    fn deref(&self) -> &Running {
        self.running.as_ref().unwrap()
    }
}

/// Somebody who joined these hubs.
pub(crate) fn member(name: &'static str, hubs: &[&Hub]) -> Peer {
    let peer = Peer::new(name).online();
    for hub in hubs {
        peer.grove(&["join", &hub.ticket]).expect(0);
    }
    peer
}
