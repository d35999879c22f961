//! What `grove doctor` found, as the `doctor` event.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Line, object, path_name};
use crate::app::{Diagnosis, Nat, Problem, ProblemKind, Reached, Server, ServerKind, Trouble};

/// The whole of it. Times are in milliseconds; what is not known is `null`.
pub(crate) fn doctor(diagnosis: &Diagnosis) -> Line {
    let texts = |list: &mut dyn Iterator<Item = String>| list.map(Value::from).collect::<Vec<_>>();
    let other = diagnosis.other.as_ref().map(|other| {
        json!({
            "peer": other.peer.to_string(),
            "reachable": other.reached.is_some(),
            "path": other.reached.as_ref().map(|reached| path_name(reached.path)),
            "at": other.reached.as_ref().map(|reached| reached.at.clone()),
            "rtt_ms": other.reached.as_ref().map(|reached| ms(reached.round_trip)),
            "connected_after_ms": other.reached.as_ref().map(after),
        })
    });
    object(
        "doctor",
        json!({
            "offline": diagnosis.offline,
            "addresses": texts(&mut diagnosis.addresses.iter().map(ToString::to_string)),
            "seen_as": texts(&mut diagnosis.seen_as.iter().map(ToString::to_string)),
            "udp_v4": diagnosis.udp_v4,
            "udp_v6": diagnosis.udp_v6,
            "nat": nat_name(diagnosis.nat),
            "servers": diagnosis.servers.iter().map(server).collect::<Vec<_>>(),
            "clock_ahead_s": diagnosis.clock_ahead,
            "other_side": other,
            "problems": diagnosis.problems.iter().map(problem).collect::<Vec<_>>(),
        }),
    )
}

fn server(server: &Server) -> Value {
    json!({
        "kind": match server.kind {
            ServerKind::Relay => "relay",
            ServerKind::Directory => "directory",
        },
        "url": server.url,
        "ms": server.answer.ok().map(ms),
        "trouble": server.answer.err().map(trouble_name),
    })
}

fn problem(problem: &Problem) -> Value {
    json!({
        "kind": problem_name(problem.kind),
        "message": problem.message,
        "hint": problem.hint,
    })
}

fn nat_name(nat: Nat) -> Option<&'static str> {
    match nat {
        Nat::None => Some("none"),
        Nat::EndpointIndependent => Some("endpoint_independent"),
        Nat::EndpointDependent => Some("endpoint_dependent"),
        Nat::Unknown => None,
    }
}

fn trouble_name(trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::NoAddress => "no_address",
        Trouble::Silent => "silent",
        Trouble::Untrusted => "untrusted",
        Trouble::Clock => "clock",
        Trouble::Denied => "denied",
        Trouble::Strange => "strange",
    }
}

fn problem_name(kind: ProblemKind) -> &'static str {
    match kind {
        ProblemKind::NoNetwork => "no_network",
        ProblemKind::NoServer => "no_server",
        ProblemKind::Denied => "denied",
        ProblemKind::Unreachable => "unreachable",
        ProblemKind::Refused => "refused",
        ProblemKind::Clock => "clock",
        ProblemKind::Expired => "expired",
        ProblemKind::Udp => "udp",
        ProblemKind::Nat => "nat",
        ProblemKind::Server => "server",
        ProblemKind::Relayed => "relayed",
    }
}

fn after(reached: &Reached) -> f64 {
    ms(reached.connected_after)
}

/// Milliseconds, with as many digits behind the point as mean something.
fn ms(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e5).round() / 100.0
}
