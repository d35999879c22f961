//! Many programs with one home at once.

use std::{fs, thread, time::Duration};

use crate::{
    common::{Ended, Event, Peer, Random, Running, Signal, assert_same_tree, filler},
    lab::seed,
};

/// How many programs there are.
const PROGRAMS: u64 = 64;

/// How long one of so many may take. A bound against waiting for ever.
const WITHIN: Duration = Duration::from_mins(10);

/// What somebody runs beside all the others, to its end.
fn run(peer: &Peer, args: &[&str]) -> Ended {
    peer.start(args).end_within(WITHIN)
}

/// They share, fetch, list and clear the cache, in any order, all at once. Each does what it is for, or
/// says that another one is at it; and what they keep in common is whole afterwards.
#[test]
#[ignore = "takes long, see CONTRIBUTING"]
fn sixty_four_programs_with_one_home() {
    let mut random = Random(seed());
    let carol = Peer::new("carol");
    for (name, size) in [("one", 3_000_000), ("two", 2_000_001), ("three", 50_000)] {
        carol.write(&format!("{name}/large"), filler(size));
        carol.write(&format!("{name}/small"), filler(size / 1000));
    }
    let offered = ["one", "two", "three"].map(|name| carol.share(&[name]));
    let tickets = offered.each_ref().map(|sharing| sharing.ticket.clone());
    let alice = Peer::new("alice");
    for number in 0..60 {
        alice.write(&format!("mine/{number}"), filler(40_000 * number));
    }
    let bob = Peer::new("bob");
    // Nobody has made the identity yet: that, too, happens in all of them at once.
    let tasks: Vec<_> = (0..PROGRAMS)
        .map(|number| (number, random.below(8), random.below(3)))
        .collect();
    let ids = thread::scope(|scope| {
        let work = |(number, what, which): (u64, u64, u64)| {
            let which = usize::try_from(which).unwrap();
            let ticket = &tickets[which];
            match what {
                0 | 1 => {
                    let flags = [&["mine"][..], &["mine", "--snapshot"]];
                    let flags = flags[usize::from(number % 4 == 0)];
                    let mut sharing = alice.start(&[&["share"], flags].concat());
                    let is_it = |event: &Event| event["event"] == "share_ready";
                    let ready = sharing.wait_within(WITHIN, "share_ready", is_it);
                    let ticket = ready["ticket"].as_str().unwrap();
                    let got = format!("got {number}");
                    run(&bob, &["get", ticket, "-o", &got, "--only", "mine/5*"]).expect(0);
                    sharing.signal(Signal::INT);
                    sharing.end_within(WITHIN).expect(130);
                }
                2 | 3 => {
                    let own = format!("own {number}");
                    run(&alice, &["get", ticket, "-o", &own]).expect(0);
                }
                4 => {
                    let ended = run(&alice, &["get", ticket, "-o", "in common"]);
                    match ended.code() {
                        Some(0) => {}
                        _ => assert!(ended.message().contains("another grove"), "{ended}"),
                    }
                }
                5 => _ = run(&alice, &["ls", ticket]).expect(0),
                6 => _ = run(&alice, &["cache", "clear"]).expect(0),
                _ => _ = run(&alice, &["cache", "list"]).expect(0),
            }
            let id = Running::start(alice.name(), alice.command(&["id"]));
            id.end_within(WITHIN).expect(0).stdout_text()
        };
        let running: Vec<_> = tasks
            .iter()
            .map(|task| scope.spawn(move || work(*task)))
            .collect();
        let ids = running.into_iter().map(|thread| thread.join().unwrap());
        ids.collect::<Vec<_>>()
    });
    assert!(ids.iter().all(|id| *id == ids[0]), "one identity: {ids:?}");
    for (number, what, which) in tasks {
        let which = usize::try_from(which).unwrap();
        let name = ["one", "two", "three"][which];
        match what {
            2 | 3 => {
                let own = format!("own {number}/{name}");
                assert_same_tree(&carol.path(name), &alice.path(own));
            }
            4 => {
                alice.get(&tickets[which], &["-o", "in common"]).expect(0);
                assert_same_tree(&carol.path(name), &alice.path("in common").join(name));
            }
            _ => {}
        }
    }
    // Nothing half-made is left, and all that is kept is still good for something.
    let sharing = alice.share(&["mine"]);
    bob.get(&sharing.ticket, &["-o", "at last"]).expect(0);
    assert_same_tree(&alice.path("mine"), &bob.path("at last/mine"));
    sharing.into_running().interrupt().expect(130);
    alice.grove(&["cache", "clear"]).expect(0);
    let mut folders = vec![alice.home()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.to_string_lossy().into_owned();
            assert!(path.extension() != Some("new".as_ref()), "{name}");
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
}
