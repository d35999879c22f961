//! From what was found to what a person should know and do, the worst first. One cause, one line: what
//! follows from another problem is not mentioned.

use std::net::{IpAddr, SocketAddr};

use super::{Diagnosis, Nat, ServerKind, Trouble};
use crate::{
    events::{FailureKind, Path},
    transfer::wire::Close,
};

/// A clock that is wrong by so many seconds is wrong enough to matter: certificates and records have
/// times.
const CLOCK_IS_WRONG: u64 = 60;

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which kind.
    pub kind: ProblemKind,
    /// One line without a full stop.
    pub message: String,
    /// What to do about it, one line.
    pub hint: String,
}

/// A kind of [`Problem`], from the worst to the least; the names are part of the JSON contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProblemKind {
    /// This computer has no network.
    NoNetwork,
    /// No server answers, so whatever is not on the local network or named by address is not found.
    NoServer,
    /// No server lets us in.
    Denied,
    /// The other side of the ticket is not reached.
    Unreachable,
    /// The other side of the ticket is there and wants nothing of us.
    Refused,
    /// The clock is wrong.
    Clock,
    /// The ticket says that the share is over.
    Expired,
    /// UDP does not get out, so everything goes through a relay.
    Udp,
    /// The NAT keeps others from reaching us directly.
    Nat,
    /// One of several servers is of no use.
    Server,
    /// The other side is reached through a relay only.
    Relayed,
}

impl ProblemKind {
    /// The failure that the whole ends with because of it; `None` where things work all the same.
    #[must_use]
    pub fn failure(self) -> Option<FailureKind> {
        match self {
            Self::NoNetwork | Self::NoServer | Self::Unreachable => Some(FailureKind::Unreachable),
            Self::Denied | Self::Refused => Some(FailureKind::Refused),
            _ => None,
        }
    }

    /// Whether somebody can be reached in spite of it.
    pub(super) fn is_about_servers(self) -> bool {
        matches!(self, Self::NoServer | Self::Denied)
    }
}

/// What the advice needs beside what people are shown.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// Why the other side ended the connection at once.
    pub(super) ended: Option<Close>,
    /// The ticket says that the share is over.
    pub(super) expired: bool,
    /// Addresses in the ticket, where nobody answered.
    pub(super) tried: Vec<SocketAddr>,
    /// How many relays are in it.
    pub(super) relays: usize,
}

/// Everything that is wrong, the worst first.
pub(super) fn problems(diagnosis: &Diagnosis, findings: &Findings) -> Vec<Problem> {
    let mut problems = Vec::new();
    let other = diagnosis.other.as_ref();
    let is_reached = other.is_some_and(|other| other.reached.is_some());
    if diagnosis.addresses.is_empty() && !is_reached {
        problems.push(problem(
            ProblemKind::NoNetwork,
            "this computer has no address that others could reach",
            "connect it to a network, and run the same line again",
        ));
    } else {
        servers(diagnosis, &mut problems);
        ways(diagnosis, &mut problems);
    }
    clock(diagnosis, &mut problems);
    other_side(diagnosis, findings, &mut problems);
    problems.sort_by_key(|problem| problem.kind);
    problems
}

fn problem(kind: ProblemKind, message: impl Into<String>, hint: impl Into<String>) -> Problem {
    Problem {
        kind,
        message: message.into(),
        hint: hint.into(),
    }
}

/// Relays and directories that are of no use: all together as one problem, or each of them.
fn servers(diagnosis: &Diagnosis, problems: &mut Vec<Problem>) {
    let servers = &diagnosis.servers;
    let troubles: Vec<Trouble> = servers.iter().filter_map(|s| s.answer.err()).collect();
    if !servers.is_empty() && troubles.len() == servers.len() {
        let all = |trouble| troubles.iter().all(|other| *other == trouble);
        if troubles.contains(&Trouble::Denied) {
            problems.push(problem(
                ProblemKind::Denied,
                "no server lets you in: the token is missing, wrong or withdrawn",
                "ask whoever runs the hub for a new join line, and run grove join with it",
            ));
            return;
        }
        let (message, hint) = if all(Trouble::NoAddress) {
            (
                "no server is found: names have no addresses here",
                "check the DNS settings of this computer, or whether the network asks for a login",
            )
        } else if troubles.contains(&Trouble::Clock) {
            (
                "the certificates of the servers are of another time than the clock of this computer",
                "set the clock, best by itself from the network",
            )
        } else if all(Trouble::Untrusted) {
            (
                "no server can prove who it is",
                "something in this network may open encrypted connections; or the hub was set up anew: ask \
                 for a new join line",
            )
        } else {
            (
                "no relay and no directory answers",
                "check whether this network leads out, lets TCP through to port 443, or asks for a login",
            )
        };
        problems.push(problem(ProblemKind::NoServer, message, hint));
        return;
    }
    for server in servers {
        let Err(trouble) = server.answer else {
            continue;
        };
        let what = match server.kind {
            ServerKind::Relay => "relay",
            ServerKind::Directory => "directory",
        };
        let (why, hint) = match trouble {
            Trouble::NoAddress => ("has no address", "is its name right? ask whoever runs it"),
            Trouble::Silent => ("does not answer", "is it running? the others do its work"),
            Trouble::Untrusted => (
                "cannot prove who it is",
                "if it was set up anew, ask whoever runs it for a new join line",
            ),
            Trouble::Clock => (
                "has a certificate of another time than the clock of this computer",
                "is the clock here right? if it is, tell whoever runs the server",
            ),
            Trouble::Denied => (
                "does not let you in",
                "ask whoever runs it for a new join line, and run grove join with it",
            ),
            Trouble::Strange => (
                "answers as no such server does",
                "is its address right? is there another server in front of it?",
            ),
        };
        let message = format!("the {what} {} {why}", server.url);
        problems.push(problem(ProblemKind::Server, message, hint));
    }
}

/// What keeps connections from being direct.
fn ways(diagnosis: &Diagnosis, problems: &mut Vec<Problem>) {
    let udp = [diagnosis.udp_v4, diagnosis.udp_v6];
    if udp.contains(&Some(false)) && !udp.contains(&Some(true)) {
        problems.push(problem(
            ProblemKind::Udp,
            "UDP does not get out of this network, so everything goes through a relay",
            "for direct connections, let UDP out of the firewall, to any port",
        ));
    } else if diagnosis.nat == Nat::EndpointDependent {
        problems.push(problem(
            ProblemKind::Nat,
            "the router here shows everybody another address, so some are reached through a relay only",
            "forward a UDP port to this computer and give it with --bind, or switch on UPnP or IPv6",
        ));
    }
}

fn clock(diagnosis: &Diagnosis, problems: &mut Vec<Problem>) {
    let Some(ahead) = diagnosis.clock_ahead else {
        return;
    };
    let off = ahead.unsigned_abs();
    if off > CLOCK_IS_WRONG {
        let by = if off < 2 * 3600 {
            format!("{} min", off / 60)
        } else if off < 2 * 86400 {
            format!("{} h", off / 3600)
        } else {
            format!("{} d", off / 86400)
        };
        let direction = if ahead > 0 { "ahead" } else { "behind" };
        problems.push(problem(
            ProblemKind::Clock,
            format!("the clock of this computer is {by} {direction}"),
            "set it, best by itself from the network: others find you by records with the time in them",
        ));
    }
}

/// What there is to say about the other side of the ticket.
fn other_side(diagnosis: &Diagnosis, findings: &Findings, problems: &mut Vec<Problem>) {
    let Some(other) = &diagnosis.other else {
        return;
    };
    let Some(reached) = &other.reached else {
        if !problems.iter().any(|p| p.kind == ProblemKind::NoNetwork) {
            problems.push(unreachable(diagnosis, findings));
        }
        return;
    };
    let refused = match findings.ended {
        Some(Close::NotAllowed) => Some((
            "the other side is there, but this is shared with certain people only",
            "send the sharer your id, which `grove id` prints, for --for; if you did, all is well",
        )),
        Some(Close::Expired) => Some((
            "the other side is there, but the share has expired",
            "ask the sharer for a new ticket",
        )),
        Some(Close::Taken) => Some((
            "the other side is there, but others have fetched this already",
            "ask the sharer for a new ticket",
        )),
        Some(Close::Stopped) => Some((
            "the other side is there, but has stopped sharing",
            "ask the sharer to share it again",
        )),
        Some(Close::Busy) => Some((
            "the other side is there, but busy",
            "try again later; grove get does by itself",
        )),
        _ => None,
    };
    if let Some((message, hint)) = refused {
        problems.push(problem(ProblemKind::Refused, message, hint));
    } else if reached.path == Path::Relay {
        let blocked = problems
            .iter()
            .any(|p| matches!(p.kind, ProblemKind::Udp | ProblemKind::Nat));
        if !blocked {
            problems.push(problem(
                ProblemKind::Relayed,
                "the other side is reached through a relay only, which may be slower",
                "run grove doctor over there: something in its network is in the way",
            ));
        }
    }
}

/// Why nobody answers, as far as that can be told from here.
fn unreachable(diagnosis: &Diagnosis, findings: &Findings) -> Problem {
    let peer = diagnosis
        .other
        .as_ref()
        .map(|other| other.peer.fmt_short().to_string());
    let message = format!(
        "the other side ({}) does not answer",
        peer.unwrap_or_default()
    );
    let hint = if findings.expired {
        "the share was to end by now; ask the sharer for a new ticket"
    } else if diagnosis.offline && findings.tried.iter().all(|addr| !is_private(addr.ip())) {
        "only the local network is used, and the ticket names addresses elsewhere; leave out --offline"
    } else if findings.relays == 0 && findings.tried.is_empty() {
        "the ticket is a short one, and no directory knows where the other side is: is it sharing, with the \
         same hub?"
    } else if findings.relays == 0 && findings.tried.iter().all(|addr| is_private(addr.ip())) {
        "the ticket names only addresses within the sharer's own network; is it the network that you are in?"
    } else {
        "is `grove share` running there, and online? run grove doctor there"
    };
    problem(ProblemKind::Unreachable, message, hint)
}

/// Whether an address is within somebody's own network.
fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_private() || ip.is_link_local() || ip.is_loopback(),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local() || ip.is_loopback(),
    }
}
