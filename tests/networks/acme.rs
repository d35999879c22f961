//! A hub whose certificate comes from an authority, by ACME.
//!
//! The authority is Pebble, which Let's Encrypt's own programs are tested with (the package `pebble`). It,
//! the hub and its members are on a computer of their own, where the name of the hub leads to itself.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};

use rustls::{ClientConnection, StreamOwned};

use crate::{
    common::{Ended, Peer, Running, any_server, assert_same_tree, certify, filler, poll},
    lab::{Computer, Kind, Lab},
};

const MIB: usize = 1 << 20;
const NAME: &str = "hub.example.test";
/// Where nobody is until it is let through to the authority.
const DOOR: &str = "127.0.0.1:14010";

/// The authority, ended when this is dropped.
struct Pebble(Child);

impl Pebble {
    fn end(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

struct Scene {
    /// Whoever runs the hub; the files of the authority are in the same folder.
    owner: Peer,
    prefix: Vec<String>,
    pebble: Pebble,
    computer: Computer,
    _lab: Lab,
}

impl Scene {
    /// An authority whose certificates are good for so many seconds.
    fn new(secs: u64) -> Self {
        let lab = Lab::new();
        let computer = lab.behind("hub", Kind::Public);
        let owner = Peer::new("hub");
        let hosts = owner.write("hosts", format!("127.0.0.1 {NAME}\n::1 {NAME}\n"));
        let script = format!(
            "mount --bind {} /etc/hosts; exec \"$0\" \"$@\"",
            hosts.to_str().unwrap()
        );
        let own_mounts = ["unshare", "--mount", "sh", "-ec", &script];
        let words = [&computer.prefix()[..], &own_mounts].concat();
        let prefix: Vec<String> = words.into_iter().map(str::to_owned).collect();
        let https = certify("127.0.0.1");
        owner.write("https.pem", https.leaf.pem());
        owner.write("https.key", https.key.serialize_pem());
        let pebble = pebble(&owner, &prefix, secs);
        // The root of what it signs is another one each time it starts.
        let root = computer.inside(|| get("127.0.0.1:15000", "/roots/0"));
        owner.write("roots.pem", root + &https.root.pem());
        Self {
            owner: owner.run_by(&words_of(&prefix)).on_all_interfaces(),
            prefix,
            pebble,
            computer,
            _lab: lab,
        }
    }

    fn hub(&self, domain: &str, args: &[&str]) -> Running {
        let root = ["--acme-root", "roots.pem", "--data", "data"];
        let hub = ["hub", "--domain", domain];
        self.owner.start(&[&hub[..], &root, args].concat())
    }

    /// The same with the hub's clock at what the file says.
    fn with_clock(self, file: &Path) -> Self {
        let file = format!("FAKETIME_TIMESTAMP_FILE={}", file.display());
        let clock = [
            "env",
            "LD_PRELOAD=/usr/$LIB/faketime/libfaketimeMT.so.1",
            "DONT_FAKE_MONOTONIC=1",
            "NO_FAKE_STAT=1",
            "FAKETIME_NO_CACHE=1",
            &file,
        ];
        let words = [&words_of(&self.prefix)[..], &clock].concat();
        let owner = self.owner.run_by(&words);
        Self { owner, ..self }
    }

    /// What the hub keeps, its own key not counted.
    fn certificates(&self) -> Vec<PathBuf> {
        let kept = fs::read_dir(self.owner.path("data/acme")).unwrap();
        let kept = kept.map(|entry| entry.unwrap().path());
        kept.filter(|path| {
            !path
                .file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .starts_with("account")
        })
        .collect()
    }

    fn member(&self, name: &'static str, line: &str) -> Peer {
        let peer = Peer::new(name).run_by(&words_of(&self.prefix));
        let peer = peer.on_all_interfaces().online();
        peer.grove(&["join", line]).expect(0);
        peer
    }
}

fn words_of(prefix: &[String]) -> Vec<&str> {
    prefix.iter().map(String::as_str).collect()
}

/// The line to join, as soon as it is told.
fn line(hub: &mut Running) -> String {
    let ready = hub.wait_for("hub_ready");
    ready["ticket"].as_str().unwrap().to_owned()
}

/// Waits for a warning that has this in it.
fn warns(hub: &mut Running, of: &str) {
    hub.wait_within(Duration::from_mins(1), of, |event| {
        assert_ne!(event["event"], "hub_ready", "before there is a certificate");
        let message = event["message"].as_str().unwrap_or_default();
        event["event"] == "warning" && message.contains(of)
    });
}

fn pebble(owner: &Peer, prefix: &[String], secs: u64) -> Pebble {
    let config = format!(
        r#"{{"pebble": {{
            "listenAddress": "127.0.0.1:14000", "managementListenAddress": "127.0.0.1:15000",
            "certificate": "https.pem", "privateKey": "https.key",
            "httpPort": 80, "tlsPort": 443, "ocspResponderURL": "",
            "domainBlocklist": ["blocked.example.test"], "certificateValidityPeriod": {secs}
        }}}}"#
    );
    owner.write("pebble.json", config);
    let mut child = Command::new(&prefix[0])
        .args(&prefix[1..])
        .args(["pebble", "-config", "pebble.json"])
        .current_dir(owner.path(""))
        .env("PEBBLE_VA_NOSLEEP", "1")
        // So many of a hundred of its own numbers it does not know any more, as happens with others.
        .env("PEBBLE_WFE_NONCEREJECT", "15")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap());
    let pebble = Pebble(child);
    let mut line = String::new();
    while !line.contains("ACME directory available") {
        line.clear();
        let more = said.read_line(&mut line).unwrap();
        assert!(
            more > 0,
            "no authority: install it with apt-get install pebble"
        );
    }
    thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
    pebble
}

fn tls(over: TcpStream) -> StreamOwned<ClientConnection, TcpStream> {
    let name = NAME.try_into().unwrap();
    let tls = ClientConnection::new(Arc::new(any_server()), name).unwrap();
    StreamOwned::new(tls, over)
}

/// What HTTPS answers there, as soon as it does.
fn get(at: &str, path: &str) -> String {
    let mut stream = tls(poll(|| {
        TcpStream::connect(at).map_err(|error| format!("nobody is at {at}: {error}"))
    }));
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    _ = stream.read_to_string(&mut answer);
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// The certificate that the hub shows.
fn certificate() -> Vec<u8> {
    let mut stream = tls(TcpStream::connect("127.0.0.1:443").unwrap());
    stream.flush().unwrap();
    let chain = stream.conn.peer_certificates().unwrap();
    chain[0].to_vec()
}

/// From now on connections to `DOOR` lead to the authority.
fn open_the_door() {
    let door = TcpListener::bind(DOOR).unwrap();
    for stream in door.incoming() {
        let there = TcpStream::connect("127.0.0.1:14000");
        let (Ok(stream), Ok(there)) = (stream, there) else {
            return;
        };
        for (mut from, mut to) in [
            (stream.try_clone().unwrap(), there.try_clone().unwrap()),
            (there, stream),
        ] {
            thread::spawn(move || {
                _ = std::io::copy(&mut from, &mut to);
                _ = to.shutdown(std::net::Shutdown::Write);
            });
        }
    }
}

fn relayed(alice: &Peer, bob: &Peer) -> Ended {
    alice.write("large", filler(4 * MIB));
    let sharing = alice.share(&["large", "--relay-only"]);
    let got = bob.get(&sharing.ticket, &["--relay-only"]).expect(0);
    assert_same_tree(&alice.path("large"), &bob.path("large"));
    got
}

/// It is ready when members can join and not before; what it got is kept, private, and used again.
#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn an_authority_certifies_the_hub() {
    let mut scene = Scene::new(24 * 60 * 60);
    let directory = format!("https://{DOOR}/dir");
    let args = ["--acme-directory", &directory];
    let mut hub = scene.hub(NAME, &args);
    warns(
        &mut hub,
        "no certificate yet: 127.0.0.1: Connection refused",
    );
    scene.computer.inside_meanwhile(open_the_door);
    let joins = line(&mut hub);
    let (alice, bob) = (scene.member("alice", &joins), scene.member("bob", &joins));
    let got = relayed(&alice, &bob);
    got.connected_by("relay");

    let kept: Vec<PathBuf> = fs::read_dir(scene.owner.path("data/acme"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(kept.len(), 2, "account and certificate: {kept:?}");
    for file in kept {
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
    }

    let first = scene.computer.inside(certificate);
    hub.kill();
    scene.pebble.end();
    let mut hub = scene.hub(NAME, &args);
    assert_eq!(line(&mut hub), joins, "the same line after a restart");
    assert!(
        scene.computer.inside(certificate) == first,
        "nobody was asked"
    );
    scene.member("carol", &joins);
    hub.interrupt().expect(130);
}

/// What it says, it says with the authority's words, and goes on asking.
#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn an_authority_that_does_not_certify_is_told_of() {
    let scene = Scene::new(24 * 60 * 60);
    let directory = ["--acme-directory", "https://127.0.0.1:14000/dir"];
    // It refuses.
    let mut hub = scene.hub("blocked.example.test", &directory);
    for _ in 0..2 {
        warns(&mut hub, "no certificate yet: the authority says: ");
    }
    hub.interrupt().expect(130);
    // It looks at another place, where nobody is.
    let elsewhere = [&directory[..], &["--bind", "127.0.0.1:8443"]].concat();
    let mut hub = scene.hub(NAME, &elsewhere);
    for _ in 0..2 {
        warns(&mut hub, "no certificate yet: the authority says: ");
    }
    hub.interrupt().expect(130);
    // Its own certificate is nobody's that everybody knows.
    let args = ["hub", "--domain", NAME];
    let mut hub = scene.owner.start(&[&args[..], &directory].concat());
    warns(&mut hub, "name its root with --acme-root");
    hub.interrupt().expect(130);
    // It takes connections, and that is all.
    let (tell, bound) = std::sync::mpsc::channel();
    scene.computer.inside_meanwhile(move || {
        let mute = TcpListener::bind(DOOR).unwrap();
        tell.send(()).unwrap();
        let silent: Vec<_> = mute.incoming().collect();
        drop(silent);
    });
    bound.recv().unwrap();
    let directory = format!("https://{DOOR}/dir");
    let mut hub = scene.hub(NAME, &["--acme-directory", &directory]);
    warns(&mut hub, "it does not answer");
    hub.interrupt().expect(130);
}

/// Members notice nothing; where the authority is gone by then, the operator hears of it.
#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn a_certificate_is_renewed_in_time() {
    let mut scene = Scene::new(45);
    let mut hub = scene.hub(NAME, &["--acme-directory", "https://127.0.0.1:14000/dir"]);
    let joins = line(&mut hub);
    let member = scene.member("alice", &joins);
    let first = scene.computer.inside(certificate);
    poll(|| {
        let is_new = scene.computer.inside(certificate) != first;
        is_new.then_some(()).ok_or("there is no new certificate")
    });
    member.grove(&["join", &joins]).expect(0);
    scene.pebble.end();
    hub.wait_within(Duration::from_mins(3), "that it was not renewed", |event| {
        let message = event["message"].as_str().unwrap_or_default();
        message.starts_with("the certificate was not renewed: 127.0.0.1: Connection refused")
    });
    hub.interrupt().expect(130);
}

/// Authorities count what they issue, and stop after a few: what the hub has got is used, although it cannot
/// write it down.
#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn a_certificate_that_cannot_be_kept_is_used() {
    let scene = Scene::new(24 * 60 * 60);
    let directory = ["--acme-directory", "https://127.0.0.1:14000/dir"];
    let mut hub = scene.hub(NAME, &directory);
    let joins = line(&mut hub);
    hub.kill();
    // Not even root can write there.
    let kept = scene.certificates();
    fs::remove_file(&kept[0]).unwrap();
    fs::create_dir(&kept[0]).unwrap();
    let mut hub = scene.hub(NAME, &directory);
    warns(&mut hub, "the new certificate is not kept: cannot write ");
    assert_eq!(line(&mut hub), joins);
    scene.member("alice", &joins);
    hub.interrupt().expect(130);
}

/// The same where the hub's clock is slow: another one would not be good sooner.
#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn a_certificate_that_is_not_valid_yet_is_kept_until_it_is() {
    let scene = Scene::new(24 * 60 * 60);
    let clock = scene.owner.write("clock", "-6h");
    let scene = scene.with_clock(&clock);
    let directory = ["--acme-directory", "https://127.0.0.1:14000/dir"];
    let mut hub = scene.hub(NAME, &directory);
    warns(
        &mut hub,
        "not valid yet by this clock, which may be slow; tried again in 10 min",
    );
    let [kept] = &scene.certificates()[..] else {
        panic!("{:?}", scene.certificates());
    };
    let issued = fs::read(kept).unwrap();
    hub.kill();
    let mut hub = scene.hub(NAME, &directory);
    warns(&mut hub, "not valid yet by this clock");
    scene.owner.write("clock", "+0");
    let joins = line(&mut hub);
    assert!(fs::read(kept).unwrap() == issued, "there is a second one");
    scene.member("alice", &joins);
    hub.interrupt().expect(130);
}
