//! A small internet: routers of every kind around an exchange, computers behind them.

use std::{
    net::Ipv4Addr,
    process::{Child, Command},
    sync::{Arc, Mutex},
    thread,
};

use patchbay::{Device, IpSupport, Nat, Router, RouterBuilder};
use tokio::runtime::Runtime;

use crate::common::Peer;

/// What may stand between a computer and the internet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// Nothing.
    Public,
    /// One address for everybody, and everybody may send there.
    FullCone,
    /// One address for everybody, and only those may send there who were sent something: most homes.
    Home,
    /// Another address for everybody.
    Symmetric,
    /// Nothing but TCP gets out.
    NoUdp,
    /// Nothing but the web gets out: TCP to the ports 80 and 443.
    WebOnly,
    /// IPv6 and nothing else.
    V6Only,
    /// Nothing, and both IPv4 and IPv6.
    Both,
}

impl Kind {
    pub(crate) const NATS: [Self; 4] = [Self::Public, Self::FullCone, Self::Home, Self::Symmetric];

    fn build(self, router: RouterBuilder) -> RouterBuilder {
        match self {
            Self::Public => router,
            Self::FullCone => router.nat(Nat::Open),
            Self::Home => router.nat(Nat::Moderate),
            Self::Symmetric => router.nat(Nat::Strict),
            Self::NoUdp => router
                .nat(Nat::Moderate)
                .firewall_custom(|firewall| firewall.block_inbound().block_udp()),
            Self::WebOnly => router
                .nat(Nat::Moderate)
                .firewall_custom(|wall| wall.block_inbound().block_udp().allow_tcp(&[80, 443])),
            Self::V6Only => router.ip_support(IpSupport::V6Only),
            Self::Both => router.ip_support(IpSupport::DualStack),
        }
    }
}

/// A lab of its own, gone when this is dropped. Dropping it looks whether anybody asked for something
/// outside of it.
pub(crate) struct Lab {
    world: patchbay::Lab,
    runtime: Arc<Runtime>,
    computers: Mutex<Vec<Computer>>,
}

/// A computer in it.
#[derive(Clone)]
pub(crate) struct Computer {
    device: Device,
    runtime: Arc<Runtime>,
    prefix: [String; 2],
}

impl Lab {
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let lab = runtime
            .block_on(patchbay::Lab::builder().allow_real_root().build())
            .unwrap();
        let exchange = lab.ix();
        settle_bridges(|command| exchange.spawn_command_sync(command));
        Self {
            world: lab,
            runtime: Arc::new(runtime),
            computers: Mutex::default(),
        }
    }

    /// A router with this behind it.
    pub(crate) fn router(&self, name: &str, kind: Kind) -> Router {
        let router = kind.build(self.world.add_router(name));
        let router = self.runtime.block_on(router.build()).unwrap();
        settle_bridges(|command| router.spawn_command_sync(command));
        router
    }

    /// A computer behind a router.
    pub(crate) fn computer(&self, name: &str, router: &Router) -> Computer {
        let device = self.world.add_device(name).iface("eth0", router.id());
        let device = self.runtime.block_on(device.build()).unwrap();
        // The thread lives as long as the lab.
        let net = device
            .run_sync(|| Ok(std::fs::read_link("/proc/thread-self")?))
            .unwrap();
        let net = format!("--net=/proc/{}/ns/net", net.display());
        let computer = Computer {
            device,
            runtime: self.runtime.clone(),
            prefix: ["nsenter".to_owned(), net],
        };
        computer.watch_the_border();
        self.computers.lock().unwrap().push(computer.clone());
        computer
    }

    /// A computer behind a router of its own.
    pub(crate) fn behind(&self, name: &str, kind: Kind) -> Computer {
        let router = self.router(&format!("{name}-router"), kind);
        self.computer(name, &router)
    }
}

/// Gives the bridges of a network the hardware addresses that they have, for good. A bridge that was
/// given none takes the lowest one of its ports, another one whenever such a port comes. What its
/// neighbours then send to the old address is lost. With IPv4 they soon hear of the new one; with IPv6
/// only when they doubt the old one, after up to a minute.
fn settle_bridges(spawn: impl FnOnce(Command) -> anyhow::Result<Child>) {
    let mut command = Command::new("sh");
    command.args([
        "-ec",
        "ip -br link show type bridge | while read -r bridge _ address _; do
            ip link set \"$bridge\" address \"$address\"
        done",
    ]);
    assert!(spawn(command).unwrap().wait().unwrap().success());
}

impl Drop for Lab {
    fn drop(&mut self) {
        if thread::panicking() {
            return;
        }
        for computer in self.computers.lock().unwrap().iter() {
            assert_eq!(computer.packets_abroad(), 0, "{}", computer.device.name());
        }
    }
}

impl Computer {
    /// What runs a program there.
    pub(crate) fn prefix(&self) -> Vec<&str> {
        self.prefix.iter().map(String::as_str).collect()
    }

    /// Its address.
    pub(crate) fn ip4(&self) -> Ipv4Addr {
        self.device.ip().unwrap()
    }

    /// Somebody who works at it, and uses no server.
    pub(crate) fn peer(&self, name: &'static str) -> Peer {
        Peer::new(name).run_by(&self.prefix()).on_all_interfaces()
    }

    /// Pulls its cable out, or puts it in again.
    pub(crate) fn link(&self, up: bool) {
        let cable = self.device.iface("eth0").unwrap();
        let done = if up {
            self.runtime.block_on(cable.link_up())
        } else {
            self.runtime.block_on(cable.link_down())
        };
        done.unwrap();
    }

    /// Puts its cable into another router.
    pub(crate) fn move_to(&self, router: &Router) {
        let cable = self.device.iface("eth0").unwrap();
        self.runtime.block_on(cable.replug(router.id())).unwrap();
    }

    /// Lets no datagram through to or from anybody but servers at the port of the web.
    pub(crate) fn block_peers(&self) {
        self.run(
            "nft",
            &["
            table inet block {
                chain out {
                    type filter hook output priority 0; policy accept;
                    meta l4proto udp th dport != 443 drop
                }
                chain in {
                    type filter hook input priority 0; policy accept;
                    meta l4proto udp th sport != 443 drop
                }
            }"],
        );
    }

    /// Lets all of them through again.
    pub(crate) fn unblock_peers(&self) {
        self.run("nft", &["delete", "table", "inet", "block"]);
    }

    /// Does something on a thread there.
    pub(crate) fn inside<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        self.device.run_sync(|| Ok(work())).unwrap()
    }

    /// The same beside everything else, which does not wait for it.
    pub(crate) fn inside_meanwhile(&self, work: impl FnOnce() + Send + 'static) {
        let work = || {
            work();
            Ok(())
        };
        drop(self.device.spawn_thread(work).unwrap());
    }

    /// Runs a command of the system there, to its end.
    pub(crate) fn run(&self, program: &str, args: &[&str]) -> String {
        let output = Command::new(&self.prefix[0])
            .args([&self.prefix[1], program])
            .args(args)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {args:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Counts packets to anywhere but the lab, its local networks and groups on them, and all questions
    /// for names: in the lab nobody has one.
    fn watch_the_border(&self) {
        self.run(
            "nft",
            &["
            table inet border {
                counter abroad {}
                chain out {
                    type filter hook output priority 0; policy accept;
                    meta l4proto { tcp, udp } th dport { 53, 853 } counter name abroad
                    ip daddr { 127.0.0.0/8, 10.0.0.0/8, 198.18.0.0/15, 224.0.0.0/4, 255.255.255.255 } accept
                    ip6 daddr { ::1, 2001:db8::/32, fc00::/7, fe80::/10, ff00::/8 } accept
                    counter name abroad
                }
            }"],
        );
    }

    /// How many such packets there were, until they are forgotten by this.
    pub(crate) fn packets_abroad(&self) -> u64 {
        let counter = self.run("nft", &["reset", "counter", "inet", "border", "abroad"]);
        let count = counter.split("packets ").nth(1).unwrap();
        count.split(' ').next().unwrap().parse().unwrap()
    }
}

/// Whoever is connected stays so while others come, whatever hardware addresses they bring.
#[test]
#[ignore = "takes root, see CONTRIBUTING"]
fn newcomers_leave_the_ways_of_others() {
    let lab = Lab::new();
    let (alice, bob) = (
        lab.behind("alice", Kind::Both),
        lab.behind("bob", Kind::V6Only),
    );
    let address = alice.device.ip6().unwrap().to_string();
    let ping = || bob.run("ping", &["-6", "-c", "1", "-W", "5", &address]);
    ping();
    // The lowest address that is nobody's property, where the cables of a lab get random ones.
    let mut low = Command::new("sh");
    low.args([
        "-ec",
        "bridge=$(ip -br link show type bridge | cut -d ' ' -f 1)
        ip link add low address 02:00:00:00:00:00 type veth
        ip link set low master \"$bridge\" up",
    ]);
    let mut comes = lab.world.ix().spawn_command_sync(low).unwrap();
    assert!(comes.wait().unwrap().success());
    ping();
}
