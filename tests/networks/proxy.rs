//! A hub behind a proxy that ends TLS, with the command and the settings that docs/hub.md gives.

use std::{
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use grove::content::HubTicket;
use sha2::{Digest as _, Sha256};

use crate::{
    common::{Event, Peer, Running, assert_same_tree, certify, filler, poll},
    hub::member_of,
    lab::{Computer, Kind, Lab},
};

const MIB: usize = 1 << 20;

/// All that nginx needs besides what the docs say. It waits for ten seconds wherever they do not say how
/// long. Master and worker are one process, so that it ends with the test.
const NGINX: &str = "
daemon off;
master_process off;
pid nginx.pid;
events {}
http {
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    scgi_temp_path scgi;
    uwsgi_temp_path uwsgi;
    client_header_timeout 10s;
    client_body_timeout 10s;
    keepalive_timeout 10s;
    send_timeout 10s;
    proxy_connect_timeout 10s;
    proxy_read_timeout 10s;
    proxy_send_timeout 10s;
    server {
        listen 443 ssl;
        ssl_certificate chain.pem;
        ssl_certificate_key key.pem;
LOCATION
    }
}
";

/// How long a member is idle: longer than nginx waits for anything.
const IDLE: Duration = Duration::from_secs(12);

/// What stands between `from` and the next `to` in the docs.
fn in_docs(from: &str, to: &str) -> String {
    let docs = std::fs::read_to_string("docs/hub.md").unwrap();
    let (_, rest) = docs.split_once(from).expect("the docs have it");
    let (found, _) = rest.split_once(to).expect("it ends");
    found.to_owned()
}

/// A hub and a proxy on one computer.
struct Behind {
    operator: Peer,
    nginx: Running,
    _hub: Running,
    /// What members join with.
    ticket: String,
}

impl Behind {
    /// A hub that is run with what the docs say and `more`.
    fn new(computer: &Computer, more: &[&str]) -> Self {
        let ip = computer.ip4();
        let operator = computer.peer("operator").online();
        let made = certify(&ip.to_string());
        operator.write("chain.pem", made.leaf.pem() + &made.root.pem());
        operator.write("key.pem", made.key.serialize_pem());
        let nginx = nginx(&operator);
        let said =
            in_docs("\ngrove hub --plain-http ", "\n").replace("hub.example.org", &ip.to_string());
        let args: Vec<&str> = ["hub", "--plain-http"]
            .into_iter()
            .chain(said.split(' '))
            .collect();
        let mut hub = operator.start(&[&args, more].concat());
        let ready = hub.wait_for("hub_ready");
        let mut ticket = HubTicket::parse(ready["ticket"].as_str().unwrap()).unwrap();
        assert_eq!(ticket.pin, None, "everybody knows the proxy's certificate");
        // But nobody knows that of a test: so its line names the authority, as that of a hub does that
        // has one of its own.
        ticket.pin = Some(Sha256::digest(made.root.der()).into());
        Self {
            operator,
            nginx,
            _hub: hub,
            ticket: ticket.to_string(),
        }
    }

    fn status(&self) -> Event {
        let ended = self.operator.grove(&["hub", "status"]).expect(0);
        ended.event("hub_status")
    }

    /// Waits until the hub says so.
    fn wait_for_status(&self, is: impl Fn(&Event) -> bool) -> Event {
        poll(|| {
            let status = self.status();
            if is(&status) { Ok(status) } else { Err(status) }
        })
    }
}

/// The proxy, when it listens.
fn nginx(operator: &Peer) -> Running {
    let there = Command::new("nginx")
        .arg("-v")
        .stderr(Stdio::null())
        .status();
    there.expect("nginx is missing; install it: apt-get install nginx-light");
    let location = in_docs("```nginx\n", "```");
    let config = operator.write("nginx.conf", NGINX.replace("LOCATION", &location));
    let mut command = operator.program("nginx".as_ref());
    command
        .args([
            "-e",
            "/dev/stdout",
            "-g",
            "error_log /dev/stdout info;",
            "-p",
            ".",
            "-c",
        ])
        .arg(config);
    let mut nginx = Running::start("nginx", command);
    // It says nothing but complaints before it listens.
    let line = nginx.wait_for_line();
    assert!(line.contains("[notice]"), "{line}");
    nginx
}

#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn a_hub_behind_nginx() {
    let lab = Lab::new();
    let hub = Behind::new(
        &lab.behind("hub", Kind::Public),
        &["--max-records-per-address", "1"],
    );
    let alice = member_of(&hub.ticket, &lab.behind("alice", Kind::Home), "alice");
    let bob = member_of(&hub.ticket, &lab.behind("bob", Kind::Home), "bob");
    let wrong = HubTicket::parse(&hub.ticket).unwrap();
    let wrong = HubTicket {
        token: Some("wrong".to_owned()),
        ..wrong
    };
    let refused = bob.grove(&["join", &wrong.to_string()]).expect(5);
    assert!(refused.message().contains("token"), "{refused}");

    // One record for each address, as the proxy tells them, and not one for the proxy's.
    alice.write("large", filler(8 * MIB));
    let sharing = alice.share(&["large", "--relay-only"]);
    hub.wait_for_status(|status| status["records"] == 1);
    alice.write("another", "content");
    let another = alice.share(&["another"]);
    hub.wait_for_status(|status| status["records_refused"].as_u64() > Some(0));
    bob.write("small", "content");
    let _other = bob.share(&["small"]);
    hub.wait_for_status(|status| status["records"] == 2);
    drop(another);

    // Not to wait for anything: this is how long she is idle.
    thread::sleep(IDLE);
    let got = bob.get(&sharing.ticket, &["--relay-only"]).expect(0);
    got.connected_by("relay");
    assert_same_tree(&alice.path("large"), &bob.path("large"));
    let relayed = hub.status()["relayed_bytes"].as_u64();
    assert!(relayed > Some(8 * MIB as u64), "{relayed:?}");
    let log = hub.nginx.kill().stdout_text();
    assert!(!log.contains("upstream timed out"), "{log}");
}
