//! Looking for what keeps people from reaching each other.
//!
//! A node is bound as for a fetch, under a key of its own, so that whatever else runs here stays
//! undisturbed. All servers are asked at once (see [`crate::node::probe`]), and meanwhile the other side of a
//! ticket is tried, if there is one. What was found is data; `advice` makes of it what a person
//! should know and do.

mod advice;

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
    time::{Duration, SystemTime},
};

use super::Context;
use crate::{
    content::{PeerId, Ticket},
    events::Failure,
    node::{
        Node,
        probe::{Asked, Met, Seen},
    },
    transfer::wire::{ALPN, Close},
};

pub use crate::node::probe::{Family, Reached, ServerKind, Trouble};
pub use advice::{Problem, ProblemKind};

/// Everything that was found out.
#[derive(Debug, Clone)]
pub struct Diagnosis {
    /// Whether only the local network is used.
    pub offline: bool,
    /// Addresses that others may reach this computer at.
    pub addresses: Vec<SocketAddr>,
    /// Where servers see its packets come from.
    pub seen_as: Vec<IpAddr>,
    /// Whether UDP gets out and back, over IPv4; `None` where nobody could be asked.
    pub udp_v4: Option<bool>,
    /// The same over IPv6.
    pub udp_v6: Option<bool>,
    /// What stands between this computer and the internet.
    pub nat: Nat,
    /// What each relay and directory answered.
    pub servers: Vec<Server>,
    /// How many seconds the clock here is ahead of those of the servers; `None` where none said.
    pub clock_ahead: Option<i64>,
    /// What came of trying the other side of the ticket.
    pub other: Option<OtherSide>,
    /// What is wrong, the worst first.
    pub problems: Vec<Problem>,
}

/// How a router hands out public addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nat {
    /// There is none: servers see the computer's own address.
    None,
    /// The same address whomever one talks to: others can usually be reached directly.
    EndpointIndependent,
    /// Another address for everybody one talks to, called symmetric: two who are behind such ones reach
    /// each other through a relay only.
    EndpointDependent,
    /// Too few servers answered by UDP to tell.
    Unknown,
}

/// A relay or a directory.
#[derive(Debug, Clone)]
pub struct Server {
    /// Where it is.
    pub url: String,
    /// What it is for.
    pub kind: ServerKind,
    /// How long a question takes to be answered; or why there is no answer.
    pub answer: Result<Duration, Trouble>,
}

/// The other side of a ticket.
#[derive(Debug, Clone)]
pub struct OtherSide {
    /// Who.
    pub peer: PeerId,
    /// How it is reached; `None` if it is not.
    pub reached: Option<Reached>,
}

impl Diagnosis {
    /// The failure that it amounts to; `None` where this computer can be reached, or, with a ticket,
    /// where its other side is.
    #[must_use]
    pub fn failure(&self) -> Option<Failure> {
        let problem = self.deciding()?;
        let kind = problem.kind.failure()?;
        Some(Failure::new(kind, problem.message.clone()).hint(problem.hint.clone()))
    }

    /// The problem that [`failure`](Self::failure) is about.
    #[must_use]
    pub fn deciding(&self) -> Option<&Problem> {
        let other = self.other.as_ref();
        let reached = other.is_some_and(|other| other.reached.is_some());
        let decides = |problem: &&Problem| {
            problem.kind.failure().is_some() && !(reached && problem.kind.is_about_servers())
        };
        self.problems.iter().find(decides)
    }
}

/// Looks at the network, and at the other side of `ticket`. Takes up to fifteen seconds where nobody
/// answers.
///
/// # Errors
/// `Failed` when no socket can be bound, or the clock is set to before 1970.
pub async fn doctor(context: &Context, ticket: Option<&Ticket>) -> Result<Diagnosis, Failure> {
    let node = Node::bind_to_ask(&context.network, ALPN).await?;
    let other = async {
        match ticket {
            Some(ticket) => Some(node.reach(&ticket.addr, ALPN).await),
            None => None,
        }
    };
    let (asked, met, _) = tokio::join!(node.ask_servers(), other, node.address());
    let addresses = node.own_addresses();
    node.close().await;
    let mut diagnosis = examine(context.network.offline, addresses, asked);
    let mut findings = advice::Findings::default();
    if let (Some(ticket), Some(met)) = (ticket, met) {
        findings.expired = is_over(ticket);
        let reached = match met {
            Met::Yes(reached) => {
                findings.ended = reached.ended.and_then(Close::from_code);
                Some(reached)
            }
            Met::Silent { addresses, relays } => {
                findings.tried = addresses;
                findings.relays = relays.len();
                None
            }
        };
        diagnosis.other = Some(OtherSide {
            peer: ticket.addr.id,
            reached,
        });
    }
    diagnosis.problems = advice::problems(&diagnosis, &findings);
    Ok(diagnosis)
}

/// Puts together what the servers said.
fn examine(offline: bool, own: BTreeSet<SocketAddr>, asked: Vec<Asked>) -> Diagnosis {
    let seen: Vec<Seen> = asked.iter().flat_map(|asked| asked.seen.clone()).collect();
    let udp = |family| {
        let mut tried = seen.iter().filter(|seen| seen.family == family).peekable();
        let asked = tried.peek().is_some();
        asked.then(|| tried.any(|seen| seen.address.is_some()))
    };
    let seen_as: BTreeSet<IpAddr> = seen.iter().filter_map(|s| Some(s.address?.ip())).collect();
    let mut clocks: Vec<i64> = asked.iter().filter_map(|asked| asked.clock_ahead).collect();
    clocks.sort_unstable();
    Diagnosis {
        offline,
        udp_v4: udp(Family::V4),
        udp_v6: udp(Family::V6),
        nat: nat(&seen),
        addresses: own.into_iter().collect(),
        seen_as: seen_as.into_iter().collect(),
        // One server that is wrong does not count.
        clock_ahead: clocks.get(clocks.len() / 2).map(|server| -server),
        servers: asked.into_iter().map(Server::from).collect(),
        other: None,
        problems: Vec::new(),
    }
}

/// What can be told about the NAT: that of IPv4, where there is IPv4.
fn nat(seen: &[Seen]) -> Nat {
    for family in [Family::V4, Family::V6] {
        let of_family = seen.iter().filter(|seen| seen.family == family);
        let answers: Vec<_> = of_family
            .filter_map(|seen| Some((seen.local, seen.address?)))
            .collect();
        let Some((_, first)) = answers.first() else {
            continue;
        };
        if answers.iter().all(|(local, address)| local == address) {
            return Nat::None;
        }
        if answers.iter().any(|(_, address)| address != first) {
            return Nat::EndpointDependent;
        }
        // That a port is kept by chance is as good as impossible where each server gets another one.
        let kept = answers
            .iter()
            .all(|(local, address)| local.port() == address.port());
        return if answers.len() > 1 || kept {
            Nat::EndpointIndependent
        } else {
            Nat::Unknown
        };
    }
    Nat::Unknown
}

impl From<Asked> for Server {
    fn from(asked: Asked) -> Self {
        Self {
            url: asked.url,
            kind: asked.kind,
            answer: asked.answer,
        }
    }
}

/// Whether the ticket says that the share has ended.
fn is_over(ticket: &Ticket) -> bool {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.is_ok_and(|now| ticket.is_expired(now.as_secs()))
}

#[cfg(test)]
mod tests;
