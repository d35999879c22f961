//! How a hub bears a crowd: 1,000 idle clients, then 200 of them transferring, on one core.
//!
//! `just bench-hub`. The hub is a process of its own, held on one core where `taskset` is there; the
//! clients are in this one and take what is left. docs/hub.md has what came out.

#![cfg(target_os = "linux")]
#![expect(clippy::print_stdout, reason = "this is what it is for")]

/// The hub is this computer's.
#[path = "../../tests/common/anybody.rs"]
mod anybody;

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use grove::content::HubTicket;
use iroh::{EndpointId, RelayUrl, SecretKey};
use iroh_dns::dns::DnsResolver;
use iroh_relay::{
    client::{Client, ClientBuilder},
    protos::relay::{ClientToRelayMsg, RelayToClientMsg},
};
use n0_future::{SinkExt as _, StreamExt as _};
use tokio::{task::JoinSet, time};

const IDLE: usize = 1000;
const PAIRS: usize = 100;
/// How long each phase is measured.
const PHASE: Duration = Duration::from_secs(10);
/// Bytes of a packet, as QUIC sends them.
const PACKET: usize = 1200;
/// Bytes a second of each pair, where they do not send as fast as they can.
const PACED: u64 = 125_000;

struct Hub {
    process: Child,
    ticket: HubTicket,
}

impl Drop for Hub {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

impl Hub {
    fn start(folder: &std::path::Path) -> Result<Self> {
        let program = env!("CARGO_BIN_EXE_grove");
        let pinned = Command::new("taskset").arg("--version").output().is_ok();
        let mut command = Command::new(if pinned { "taskset" } else { program });
        if pinned {
            command.args(["-c", "0", program]);
        }
        command
            .args(["--json", "--bind", "127.0.0.1:0", "hub"])
            .env("GROVE_HOME", folder)
            .stdout(Stdio::piped());
        let mut process = command.spawn()?;
        let stdout = process.stdout.take().context("its output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let ready: serde_json::Value = serde_json::from_str(&line)?;
        let ticket = ready["ticket"].as_str().context("a ticket")?.parse()?;
        println!("hub held on one core: {pinned}");
        Ok(Self { process, ticket })
    }

    /// Resident memory in MB, and seconds of processor time.
    fn costs(&self) -> Result<(f64, f64)> {
        let read =
            |name: &str| std::fs::read_to_string(format!("/proc/{}/{name}", self.process.id()));
        let status = read("status")?;
        let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib: f64 = rss
            .context("VmRSS")?
            .trim()
            .trim_end_matches(" kB")
            .parse()?;
        let stat = read("stat")?;
        let fields: Vec<&str> = stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .collect();
        let ticks: f64 = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
        Ok((kib * 1024.0 / 1e6, ticks / 100.0))
    }

    async fn client(&self) -> Result<(EndpointId, Client)> {
        let url: RelayUrl = format!("https://{}", self.ticket.hosts[0]).parse()?;
        let key = SecretKey::generate();
        let token = self.ticket.token.clone().unwrap_or_default();
        let client = ClientBuilder::new(url, key.clone(), DnsResolver::new())
            .tls_client_config(anybody::any_server())
            .auth_token(token)
            .connect()
            .await?;
        Ok((key.public(), client))
    }
}

fn main() -> Result<()> {
    grove::disk::raise_file_limit();
    let folder = tempfile::tempdir()?;
    let hub = Hub::start(folder.path())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(measure(&hub))
}

async fn measure(hub: &Hub) -> Result<()> {
    println!("empty: {:.0} MB", hub.costs()?.0);
    let start = Instant::now();
    let mut clients = Vec::new();
    while clients.len() < IDLE {
        // Fifty at a time, as people come.
        let some = (0..50).map(|_| hub.client());
        for client in n0_future::join_all(some).await {
            clients.push(client?);
        }
    }
    let took = start.elapsed().as_secs_f64();
    let cpu = hub.costs()?.1;
    println!(
        "{IDLE} connected in {took:.1} s, {:.2} ms of the processor each",
        cpu * 1e3 / IDLE as f64
    );
    let (a, b) = (hub.client().await?, hub.client().await?);
    let (a_id, b_id) = (a.0, b.0);
    let mut echo = JoinSet::new();
    let mut b = b.1;
    echo.spawn(async move {
        while let Some(Ok(message)) = b.next().await {
            if let RelayToClientMsg::Datagrams { datagrams, .. } = message {
                let back = ClientToRelayMsg::Datagrams {
                    dst_endpoint_id: a_id,
                    datagrams,
                };
                if b.send(back).await.is_err() {
                    return;
                }
            }
        }
    });
    let mut a = a.1;
    phase(hub, "idle", &mut a, b_id, &AtomicU64::new(0)).await?;

    for (what, paced) in [
        ("200 transferring, 1 Mbit/s a pair", true),
        ("200 transferring, as fast as they can", false),
    ] {
        let delivered = Arc::new(AtomicU64::new(0));
        let mut work = JoinSet::new();
        for _ in 0..PAIRS {
            let (Some((to, mut receiver)), Some((_, mut sender))) = (clients.pop(), clients.pop())
            else {
                anyhow::bail!("too few clients");
            };
            let count = delivered.clone();
            work.spawn(async move {
                while let Some(Ok(message)) = receiver.next().await {
                    if let RelayToClientMsg::Datagrams { datagrams, .. } = message {
                        count.fetch_add(datagrams.contents.len() as u64, Ordering::Relaxed);
                    }
                }
            });
            work.spawn(async move {
                let mut pace =
                    time::interval(Duration::from_nanos(PACKET as u64 * 1_000_000_000 / PACED));
                loop {
                    if paced {
                        pace.tick().await;
                    }
                    let message = ClientToRelayMsg::Datagrams {
                        dst_endpoint_id: to,
                        datagrams: vec![7; PACKET].into(),
                    };
                    if sender.send(message).await.is_err() {
                        return;
                    }
                }
            });
        }
        phase(hub, what, &mut a, b_id, &delivered).await?;
    }
    Ok(())
}

/// Round trips through the relay, two ways each, for as long as a phase lasts.
async fn phase(
    hub: &Hub,
    what: &str,
    a: &mut Client,
    b: EndpointId,
    delivered: &AtomicU64,
) -> Result<()> {
    // What the case before left under way is not to be measured.
    time::sleep(Duration::from_secs(1)).await;
    let (start, before, bytes) = (
        Instant::now(),
        hub.costs()?.1,
        delivered.load(Ordering::Relaxed),
    );
    let mut trips = Vec::new();
    while start.elapsed() < PHASE {
        let sent = Instant::now();
        a.send(ClientToRelayMsg::Datagrams {
            dst_endpoint_id: b,
            datagrams: [1; 100].into(),
        })
        .await?;
        let back = async {
            while let Some(Ok(message)) = a.next().await {
                if matches!(message, RelayToClientMsg::Datagrams { .. }) {
                    return;
                }
            }
        };
        // A relay may drop a packet.
        if time::timeout(Duration::from_secs(2), back).await.is_ok() {
            trips.push(sent.elapsed());
        }
        // The trips are what is measured, not how many fit into a second.
        time::sleep(Duration::from_millis(10)).await;
    }
    trips.sort();
    let (memory, cpu) = hub.costs()?;
    let seconds = start.elapsed().as_secs_f64();
    let carried = (delivered.load(Ordering::Relaxed) - bytes) as f64 / seconds / 1e6;
    let at = |part: usize| {
        trips
            .get(trips.len() * part / 100)
            .copied()
            .unwrap_or_default()
            .as_secs_f64()
            * 1e3
    };
    println!(
        "{what}: {memory:.0} MB, processor {:.0} %, round trip median {:.2} ms, 99 % {:.2} ms, {carried:.1} MB/s carried",
        (cpu - before) / seconds * 100.0,
        at(50),
        at(99),
    );
    Ok(())
}
