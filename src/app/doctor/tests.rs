use std::collections::BTreeSet;

use super::{advice::Findings, *};
use crate::events::FailureKind;

fn seen(local: &str, address: Option<&str>) -> Seen {
    let local: SocketAddr = local.parse().unwrap();
    Seen {
        family: if local.is_ipv4() {
            Family::V4
        } else {
            Family::V6
        },
        local,
        address: address.map(|address| address.parse().unwrap()),
    }
}

fn relay(answer: Result<Duration, Trouble>, seen: Vec<Seen>) -> Asked {
    Asked {
        url: "https://relay.example/".to_owned(),
        kind: ServerKind::Relay,
        answer,
        clock_ahead: None,
        seen,
    }
}

fn fine(seen: Vec<Seen>) -> Asked {
    relay(Ok(Duration::from_millis(5)), seen)
}

fn own() -> BTreeSet<SocketAddr> {
    BTreeSet::from(["192.168.1.2:4433".parse().unwrap()])
}

fn kinds(diagnosis: &Diagnosis) -> Vec<ProblemKind> {
    let problems = advice::problems(diagnosis, &Findings::default());
    problems.into_iter().map(|problem| problem.kind).collect()
}

const LOCAL: &str = "192.168.1.2:5000";

#[test]
fn nats_are_told_apart() {
    for (answers, expected) in [
        (vec![], Nat::Unknown),
        (vec![None, None], Nat::Unknown),
        (vec![Some(LOCAL)], Nat::None),
        (vec![Some(LOCAL), None], Nat::None),
        (vec![Some("203.0.113.5:5000")], Nat::EndpointIndependent),
        (vec![Some("203.0.113.5:777")], Nat::Unknown),
        (vec![Some("203.0.113.5:777"); 2], Nat::EndpointIndependent),
        (
            vec![Some("203.0.113.5:777"), Some("203.0.113.5:778")],
            Nat::EndpointDependent,
        ),
    ] {
        let seen: Vec<Seen> = answers.iter().map(|answer| seen(LOCAL, *answer)).collect();
        assert_eq!(nat(&seen), expected, "{answers:?}");
    }
}

#[test]
fn ipv6_without_a_nat_does_not_hide_the_nat_of_ipv4() {
    let v6 = "[2001:db8::2]:5000";
    let both = [
        seen(LOCAL, Some("203.0.113.5:777")),
        seen(LOCAL, Some("203.0.113.5:778")),
        seen(v6, Some(v6)),
    ];
    assert_eq!(nat(&both), Nat::EndpointDependent);
    assert_eq!(nat(&both[2..]), Nat::None);
}

#[test]
fn all_that_is_well_is_no_problem() {
    let address = Some("203.0.113.5:5000");
    let found = examine(false, own(), vec![fine(vec![seen(LOCAL, address)])]);
    assert_eq!(found.udp_v4, Some(true));
    assert_eq!(found.udp_v6, None);
    assert_eq!(found.seen_as, ["203.0.113.5".parse::<IpAddr>().unwrap()]);
    assert_eq!(kinds(&found), []);
    assert!(found.failure().is_none());
}

#[test]
fn one_cause_is_one_problem() {
    let silent = || relay(Err(Trouble::Silent), vec![]);
    for (own, asked, expected) in [
        (BTreeSet::new(), vec![silent()], ProblemKind::NoNetwork),
        (own(), vec![silent(), silent()], ProblemKind::NoServer),
        (
            own(),
            vec![relay(Err(Trouble::Denied), vec![]), silent()],
            ProblemKind::Denied,
        ),
        (own(), vec![fine(vec![]), silent()], ProblemKind::Server),
        (own(), vec![fine(vec![seen(LOCAL, None)])], ProblemKind::Udp),
    ] {
        let found = examine(false, own, asked);
        assert_eq!(kinds(&found), [expected]);
    }
}

#[test]
fn a_clock_is_wrong_by_as_much_as_most_servers_say() {
    let mut asked = vec![fine(vec![]), fine(vec![]), fine(vec![])];
    for (asked, ahead) in asked.iter_mut().zip([7200, 0, 7201]) {
        asked.clock_ahead = Some(ahead);
    }
    let found = examine(false, own(), asked);
    assert_eq!(found.clock_ahead, Some(-7200));
    let problems = advice::problems(&found, &Findings::default());
    assert_eq!(
        problems[0].message,
        "the clock of this computer is 2 h behind"
    );
}

#[test]
fn the_worst_comes_first_and_decides() {
    let mut asked = vec![relay(Err(Trouble::Silent), vec![])];
    asked[0].clock_ahead = Some(-600);
    let mut found = examine(false, own(), asked);
    found.problems = advice::problems(&found, &Findings::default());
    let kinds: Vec<_> = found.problems.iter().map(|problem| problem.kind).collect();
    assert_eq!(kinds, [ProblemKind::NoServer, ProblemKind::Clock]);
    assert_eq!(found.failure().unwrap().kind, FailureKind::Unreachable);
}
