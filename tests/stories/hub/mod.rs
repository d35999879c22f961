//! Somebody runs a hub: it starts with nothing, keeps what it has, tells how it is, and ends.

mod certificates;
mod https;
mod records;
mod strangers;
mod tokens;

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
};

use self::https::ask;
use crate::common::{Ended, Event, Peer, Running, Signal, free_port};

/// Somebody who has a hub on the loopback interface.
fn operator() -> Peer {
    Peer::new("operator")
}

/// Where a hub answers, as its event says.
fn place(running: &mut Running) -> (SocketAddr, String, Event) {
    let ready = running.wait_for("hub_ready");
    let addr = ready["hosts"][0].as_str().unwrap().parse().unwrap();
    let ticket = ready["ticket"].as_str().unwrap().to_owned();
    (addr, ticket, ready)
}

/// The token in a ticket.
fn token_of(ticket: &str) -> String {
    let ticket = grove::content::HubTicket::parse(ticket).unwrap();
    ticket.token.unwrap()
}

fn status(owner: &Peer) -> Event {
    owner
        .grove(&["hub", "status"])
        .expect(0)
        .event("hub_status")
}

#[test]
fn a_hub_needs_no_settings_and_prints_the_line_to_join() {
    let owner = operator();
    let mut hub = Running::start("hub", owner.command(&["hub"]));
    let line = hub.wait_for_line();
    let ticket = line.strip_prefix("grove join ").unwrap().trim();
    let parsed = grove::content::HubTicket::parse(ticket).unwrap();
    let addr = parsed.hosts[0].parse().unwrap();
    // It is told to nobody before it is true.
    assert_eq!(ask(addr, "GET", "/ping", None).status, 200);
    assert!(parsed.relay && parsed.directory && parsed.pin.is_some());
    assert!(parsed.quic_port.is_some());
    let ended = hub.interrupt().expect(130);
    assert_eq!(ended.stdout_text(), line, "the result and nothing else");
    assert!(
        ended.stderr_text().contains("a relay and a directory at"),
        "{ended}"
    );
}

#[test]
fn a_restart_keeps_place_certificate_token_and_line() {
    let owner = operator();
    let mut first = owner.start(&["hub"]);
    let (addr, ticket, ready) = place(&mut first);
    owner.grove(&["hub", "token", "add", "alice"]).expect(0);
    first.signal(Signal::TERM);
    first.end().expect(143);
    let down = owner.plain(&["hub", "status"]).expect(4);
    assert!(down.stderr_text().contains("no hub is running"), "{down}");

    let mut second = owner.start(&["hub"]);
    let (again, same, ready_again) = place(&mut second);
    assert_eq!((addr, ticket.clone()), (again, same));
    assert_eq!(ready["quic_port"], ready_again["quic_port"]);
    let names = |event: &Event| {
        let tokens = event["tokens"].as_array().unwrap().iter();
        tokens
            .map(|token| token["name"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&ready_again), ["team", "alice"]);
    assert_eq!(
        ask(again, "GET", "/hub", Some(&token_of(&ticket))).status,
        200
    );
    second.interrupt().expect(130);
}

#[test]
fn a_hub_that_was_killed_starts_again() {
    let owner = operator();
    let mut first = owner.start(&["hub"]);
    let (addr, ticket, _) = place(&mut first);
    first.kill();
    let down = owner.grove(&["hub", "status"]).expect(4);
    assert_eq!(down.message(), "no hub is running with this folder");
    let mut second = owner.start(&["hub"]);
    let (again, same, _) = place(&mut second);
    assert_eq!((addr, ticket), (again, same));
}

#[test]
fn a_service_manager_is_told_when_it_answers_and_when_it_ends() {
    let owner = operator();
    let path = owner.path("notify");
    let manager = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    manager
        .set_read_timeout(Some(crate::common::DEADLINE))
        .unwrap();
    let mut command = owner.command(&["--json", "hub"]);
    command.env("NOTIFY_SOCKET", &path);
    let mut hub = Running::start("hub", command);
    let hear = || {
        let mut said = [0; 64];
        let length = manager.recv(&mut said).unwrap();
        String::from_utf8_lossy(&said[..length]).into_owned()
    };
    assert_eq!(hear(), "READY=1");
    let (addr, ..) = place(&mut hub);
    assert_eq!(ask(addr, "GET", "/ping", None).status, 200);
    hub.signal(Signal::TERM);
    assert_eq!(hear(), "STOPPING=1");
    hub.end().expect(143);
}

#[test]
fn a_second_hub_with_the_same_folder_is_refused() {
    let owner = operator();
    let mut first = owner.start(&["hub"]);
    let (addr, ..) = place(&mut first);
    let second = owner.grove(&["hub"]).expect(7);
    assert!(
        second.message().starts_with("another hub is running with "),
        "{second}"
    );
    assert_eq!(ask(addr, "GET", "/ping", None).status, 200);
    let folder = owner.path("other");
    let mut other = owner.start(&["hub", "--data", folder.to_str().unwrap()]);
    place(&mut other);
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let owner = operator().at_port(port);
    let ended = owner.grove(&["hub"]).expect(7);
    let message = ended.message();
    let says = format!("cannot listen at 127.0.0.1:{port}: ");
    assert!(message.starts_with(&says), "{message}");
    // And it starts when the port is free, with all it made before.
    drop(taken);
    let mut hub = owner.start(&["hub"]);
    place(&mut hub);
}

#[test]
fn status_metrics_and_health_tell_the_same() {
    let owner = operator();
    let mut hub = owner.start(&["hub"]);
    let (addr, ticket, _) = place(&mut hub);
    ask(addr, "GET", "/hub", None);
    ask(addr, "GET", "/hub", Some("wrong"));
    ask(addr, "GET", "/hub", Some(&token_of(&ticket)));
    let status = status(&owner);
    assert_eq!(status["unauthorized"], 2);
    assert_eq!(status["clients"], 0);
    assert_eq!(status["pid"], hub.pid());
    let metrics = status["metrics"].as_str().unwrap();
    let health = get_plain(metrics, "/healthz");
    assert!(health.starts_with("HTTP/1.1 200 "), "{health}");
    assert!(health.ends_with("\r\n\r\nok\n"), "{health}");
    let numbers = get_plain(metrics, "/metrics");
    for line in [
        "grove_hub_requests_unauthorized_total 2",
        "grove_hub_clients 0",
        "# TYPE grove_hub_requests_total counter",
        "relayserver_accepts_total 0",
    ] {
        assert!(
            numbers.lines().any(|said| said == line),
            "{line}: {numbers}"
        );
    }
    assert!(!numbers.contains(&token_of(&ticket)));
    let shown = owner.plain(&["hub", "status"]).expect(0).stdout_text();
    assert!(shown.contains("2 without a good token"), "{shown}");
}

#[test]
fn one_client_sends_no_faster_than_it_may() {
    let owner = operator();
    let mut hub = owner.start(&["hub", "--client-rate", "400K"]);
    let (_, ticket, ready) = place(&mut hub);
    let member = |name| {
        let peer = Peer::new(name).online();
        peer.grove(&["join", &ticket]).expect(0);
        peer
    };
    let (alice, bob) = (member("alice"), member("bob"));
    alice.write("file", crate::common::filler(1_000_000));
    let sharing = alice.share(&["file", "--relay-only"]);
    bob.get(&sharing.ticket, &["--relay-only"]).expect(0);
    let numbers = get_plain(ready["metrics"].as_str().unwrap(), "/metrics");
    let held_up = numbers.lines().find_map(|line| {
        let number = line.strip_prefix("relayserver_conns_rx_ratelimited_total ")?;
        number.parse::<u64>().ok()
    });
    assert!(held_up >= Some(1), "{numbers}");
    assert!(status(&owner)["relayed_bytes"].as_u64() >= Some(1_000_000));
}

/// What an ordinary program gets without TLS.
fn get_plain(addr: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(addr).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn settings_come_from_the_file_and_flags_count_before_it() {
    let owner = operator();
    let folder = owner.home().join("hub");
    let metrics = free_port();
    let toml = format!(
        "public-addr = [\"hub.example.org\", \"192.0.2.7:8443\"]\nrelay = false\nquic-port = 0\n\
         metrics = \"127.0.0.1:{metrics}\"\n"
    );
    crate::common::write(&folder.join("hub.toml"), toml.as_bytes());
    let mut hub = owner.start(&["hub", "--public-addr", "[2001:db8::1]:443"]);
    let ready = hub.wait_for("hub_ready");
    assert_eq!(ready["hosts"], serde_json::json!(["[2001:db8::1]:443"]));
    assert_eq!(ready["relay"], false);
    assert_eq!(ready["quic_port"], serde_json::Value::Null);
    assert_eq!(ready["metrics"], format!("127.0.0.1:{metrics}"));
    let listens = ready["listens"][0].as_str().unwrap().parse().unwrap();
    let token = token_of(ready["ticket"].as_str().unwrap());
    let relay = ask(listens, "GET", "/relay", Some(&token));
    assert_eq!(
        (relay.status, relay.text()),
        (404, "this hub has no relay\n".into())
    );
    hub.interrupt().expect(130);
    let mut hub = owner.start(&["hub"]);
    let hosts = &hub.wait_for("hub_ready")["hosts"];
    let port = listens.port();
    assert_eq!(hosts[0], format!("hub.example.org:{port}"));
    assert_eq!(hosts[1], "192.0.2.7:8443");
}

fn refused(owner: &Peer, args: &[&str], code: i32, says: &str) -> Ended {
    let ended = owner.grove(&[&["hub"], args].concat()).expect(code);
    assert!(ended.message().contains(says), "{says:?}: {ended}");
    ended
}

#[test]
fn settings_that_make_no_sense_are_named() {
    let owner = operator();
    refused(&owner, &["--no-relay", "--no-directory"], 2, "does nothing");
    refused(&owner, &["--public-addr", "a b"], 2, "no address");
    refused(&owner, &["--open", "status"], 2, "mean nothing here");
    refused(
        &owner,
        &["--plain-http"],
        2,
        "the name that the certificate",
    );
    refused(&owner, &["--config", "nowhere.toml"], 8, "nowhere.toml");
    refused(
        &owner,
        &["token", "remove", "nobody"],
        2,
        "no token for nobody",
    );
    let file = owner.home().join("hub/hub.toml");
    for (text, says) in [
        ("relay = 7", "hub.toml, line 1"),
        ("\nspeed = 7", "hub.toml, line 2"),
        ("client-rate = \"fast\"", "client-rate"),
        ("bind = [\"here\"]", "bind"),
        (
            "domain = \"a.example\"\nplain-http = true",
            "several things",
        ),
    ] {
        crate::common::write(&file, text.as_bytes());
        refused(&operator_at(&owner), &[], 2, says);
    }
}

/// The same person without a flag that says where to listen.
fn operator_at(owner: &Peer) -> Peer {
    let other = Peer::new("operator").on_all_interfaces();
    let file = "hub/hub.toml";
    let text = std::fs::read(owner.home().join(file)).unwrap();
    crate::common::write(&other.home().join(file), &text);
    other
}

#[test]
fn what_is_secret_is_for_the_owner_alone_and_never_logged() {
    use std::os::unix::fs::PermissionsExt as _;
    let owner = operator();
    let mut command = owner.command(&["--json", "hub"]);
    command.env("GROVE_LOG", "trace");
    let mut hub = Running::start("hub", command);
    let (addr, ticket, _) = place(&mut hub);
    let token = token_of(&ticket);
    assert_eq!(ask(addr, "GET", "/hub", Some(&token)).status, 200);
    owner.grove(&["hub", "token", "list"]).expect(0);
    // It asks the directory and knocks at the relay.
    let alice = Peer::new("alice").online();
    alice.grove(&["join", &ticket]).expect(0);
    let folder = owner.home().join("hub");
    for entry in walk(&folder) {
        let mode = std::fs::symlink_metadata(&entry)
            .unwrap()
            .permissions()
            .mode();
        let open = entry.file_name().unwrap() != "signed-packets-1.db" && mode & 0o077 != 0;
        assert!(!open, "{}: {mode:o}", entry.display());
    }
    let ended = hub.interrupt().expect(130);
    assert!(ended.stderr_text().contains("TRACE"), "logs are on");
    assert!(
        !ended.stderr_text().contains(&token),
        "the token is in the log"
    );
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = vec![folder.to_owned()];
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(walk(&path));
        } else {
            found.push(path);
        }
    }
    found
}
