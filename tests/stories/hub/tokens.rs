//! Who is let in: tokens come and go while the hub runs.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
};

use super::{
    https::{Https, ask},
    operator, place, status, token_of,
};
use crate::common::{Peer, filler, poll_for};

fn ticket_of(ended: &crate::common::Ended) -> String {
    let ticket = &ended.event("token")["ticket"];
    ticket.as_str().unwrap().to_owned()
}

#[test]
fn tokens_come_and_go_while_the_hub_runs() {
    let owner = operator();
    let mut hub = owner.start(&["hub"]);
    let (addr, ticket, _) = place(&mut hub);
    let added = owner.grove(&["hub", "token", "add", "alice"]).expect(0);
    let alice = token_of(&ticket_of(&added));
    assert_eq!(ask(addr, "GET", "/hub", Some(&alice)).status, 200);
    let shown = owner.grove(&["hub", "token", "show", "alice"]).expect(0);
    assert_eq!(ticket_of(&shown), ticket_of(&added));
    let plain = owner.plain(&["hub", "token", "show", "alice"]).expect(0);
    assert_eq!(
        plain.stdout_text(),
        format!("grove join {}\n", ticket_of(&added))
    );
    let twice = owner.grove(&["hub", "token", "add", "alice"]).expect(7);
    assert_eq!(twice.message(), "there is a token for alice already");

    // A connection that was let in is asked again for each request, and does not stay without a token.
    let mut idle = Https::connect(addr).unwrap();
    assert_eq!(
        idle.ask("GET", "/hub", Some(&alice), &[]).unwrap().status,
        200
    );
    assert_eq!(idle.ask("GET", "/ping", None, &[]).unwrap().status, 200);
    let mut open = Https::connect(addr).unwrap();
    assert_eq!(
        open.ask("GET", "/hub", Some(&alice), &[]).unwrap().status,
        200
    );
    let removed = owner.grove(&["hub", "token", "remove", "alice"]).expect(0);
    assert_eq!(removed.number("token_removed", "clients"), 0);
    assert_eq!(
        open.ask("GET", "/hub", Some(&alice), &[]).unwrap().status,
        401
    );
    let last = idle.ask("GET", "/ping", None, &[]).unwrap();
    assert_eq!(last.status, 200);
    assert!(last.head.contains("connection: close"), "{last:?}");
    assert!(idle.is_ended());
    assert_eq!(
        ask(addr, "GET", "/hub", Some(&token_of(&ticket))).status,
        200
    );

    let list = owner
        .grove(&["hub", "token", "list"])
        .expect(0)
        .event("tokens");
    assert_eq!(list["tokens"].as_array().unwrap().len(), 1);
    assert!(
        !list.to_string().contains(&token_of(&ticket)),
        "a list tells no secrets"
    );
}

#[test]
fn tokens_can_be_made_while_the_hub_is_down() {
    let owner = operator();
    let never = owner.grove(&["hub", "token", "add", "early"]).expect(1);
    assert!(never.message().contains("never started"), "{never}");
    let mut hub = owner.start(&["hub"]);
    let (addr, ..) = place(&mut hub);
    hub.interrupt().expect(130);
    let added = owner.grove(&["hub", "token", "add", "alice"]).expect(0);
    let mut hub = owner.start(&["hub"]);
    let (again, ..) = place(&mut hub);
    assert_eq!(addr, again);
    let early = owner.grove(&["hub", "token", "show", "early"]).expect(0);
    for ticket in [ticket_of(&added), ticket_of(&early)] {
        assert_eq!(
            ask(addr, "GET", "/hub", Some(&token_of(&ticket))).status,
            200
        );
    }
}

/// Where a hub was asked that was killed, another user of the computer may listen by now. The operator does not
/// believe a word of it, and tells it nothing.
#[test]
fn who_has_the_port_of_a_hub_that_was_killed_is_not_asked() {
    let owner = operator();
    let mut hub = owner.start(&["hub"]);
    place(&mut hub);
    let control = owner.home().join("hub/control");
    let left = std::fs::read_to_string(&control).unwrap();
    let at: SocketAddr = left.split(' ').next().unwrap().parse().unwrap();
    hub.kill();
    let somebody_else = TcpListener::bind(at).unwrap();
    let heard = thread::spawn(move || {
        let mut heard = Vec::new();
        while !heard.contains(&"me\n".to_owned()) {
            let (stream, _) = somebody_else.accept().unwrap();
            let mut line = String::new();
            BufReader::new(&stream).read_line(&mut line).unwrap();
            heard.push(line);
            _ = (&stream).write_all(b"{\"added\":\"hubevil\"}\n");
        }
        heard
    });

    let down = owner.grove(&["hub", "status"]).expect(4);
    assert_eq!(down.message(), "no hub is running with this folder");
    // What it left stays there to lead the next question astray, too.
    assert_eq!(std::fs::read_to_string(&control).unwrap(), left);
    let added = owner.grove(&["hub", "token", "add", "alice"]).expect(0);
    let shown = owner.grove(&["hub", "token", "show", "alice"]).expect(0);
    assert_eq!(ticket_of(&added), ticket_of(&shown));
    assert!(!control.exists(), "nobody is to be led astray any more");

    TcpStream::connect(at).unwrap().write_all(b"me\n").unwrap();
    assert_eq!(heard.join().unwrap(), ["me\n"]);
    let mut again = owner.start(&["hub"]);
    let (_, _, ready) = place(&mut again);
    assert_eq!(ready["tokens"][1]["name"], "alice");
}

#[test]
fn whoever_loses_the_token_is_disconnected_and_the_others_are_not() {
    let owner = operator();
    let mut hub = owner.start(&["hub"]);
    let (_, team, _) = place(&mut hub);
    let added = owner.grove(&["hub", "token", "add", "mallory"]).expect(0);
    let mallory = Peer::new("mallory").online();
    mallory.grove(&["join", &ticket_of(&added)]).expect(0);
    let alice = Peer::new("alice").online();
    alice.grove(&["join", &team]).expect(0);
    for peer in [&mallory, &alice] {
        peer.write("file", filler(1000));
    }
    let _sharing = (
        mallory.share(&["file", "--relay-only"]),
        alice.share(&["file", "--relay-only"]),
    );
    // Whose ticket has a relay need not be there yet.
    poll_for(|| status(&owner), |status| status["clients"] == 2);
    let removed = owner
        .grove(&["hub", "token", "remove", "mallory"])
        .expect(0);
    assert_eq!(removed.number("token_removed", "clients"), 1);
    // The relay takes a moment to say so.
    poll_for(|| status(&owner), |status| status["clients"] == 1);
    let refused = Peer::new("mallory")
        .online()
        .grove(&["join", &ticket_of(&added)])
        .expect(5);
    assert!(
        refused.message().contains("does not take this token"),
        "{refused}"
    );
}

#[test]
fn an_open_hub_lets_in_everybody_and_its_line_has_no_token() {
    let owner = operator();
    let mut hub = owner.start(&["hub", "--open", "--dns-port", "0"]);
    let (addr, ticket, _) = place(&mut hub);
    assert!(
        grove::content::HubTicket::parse(&ticket)
            .unwrap()
            .token
            .is_none()
    );
    assert_eq!(ask(addr, "GET", "/hub", None).status, 200);
    assert_eq!(ask(addr, "GET", "/hub", Some("whatever")).status, 200);
    let alice = Peer::new("alice").online();
    alice.grove(&["join", &ticket]).expect(0);
}

#[test]
fn a_damaged_list_of_tokens_is_never_replaced() {
    let owner = operator();
    let mut hub = owner.start(&["hub"]);
    place(&mut hub);
    hub.interrupt().expect(130);
    let path = owner.home().join("hub/tokens.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let damaged = text.replace("secret", "secert");
    std::fs::write(&path, &damaged).unwrap();
    let ended = owner.grove(&["hub"]).expect(8);
    assert!(
        ended.message().contains("tokens.toml is damaged"),
        "{ended}"
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), damaged);
    std::fs::write(&path, &text).unwrap();
    place(&mut owner.start(&["hub"]));
}
