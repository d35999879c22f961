//! A hub that runs: how its parts are started, and how they end.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use data_encoding::HEXLOWER;
use http_body_util::Full;
use hyper::{Request, body::Bytes};
use tokio::{net::TcpListener, sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{
    address,
    certificate::{self, Identity},
    control::Control,
    directory::Directory,
    discovery::Discovery,
    dns,
    folder::Folder,
    front,
    limits::Doors,
    listen,
    metrics::{self, Counters},
    options::{Certificate, HubOptions},
    place::Place,
    relay::Relay,
    status::{Status, TokenStatus},
    tokens::{Tokens, now},
};
use crate::{
    content::HubTicket,
    disk::{self, LockFile},
    events::{Events, Failure, FailureKind, WarningKind},
};

/// How long clients are waited for when the hub ends.
const GOODBYE: Duration = Duration::from_millis(800);

/// How long the folder is waited for: who only looks whether a hub runs, or changes a token where none
/// does, has it for a moment.
const TAKE_WITHIN: Duration = Duration::from_millis(500);
/// How often is tried meanwhile.
const TAKE_AGAIN: Duration = Duration::from_millis(20);

/// Files that are no connection's: sockets, the database, and those of requests that go on to it.
const OWN_FILES: u64 = 96;

/// A hub that runs. It ends when this is dropped; [`Hub::stop`] ends it in good order.
#[derive(Debug)]
pub struct Hub {
    parts: Arc<Parts>,
    place: Place,
    ended: CancellationToken,
    /// Whether there is a certificate.
    there: watch::Receiver<bool>,
    /// What ends only when the hub does.
    tasks: JoinSet<()>,
    _lock: LockFile,
}

/// What the parts of a hub share.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) tokens: Arc<Tokens>,
    pub(super) open: bool,
    pub(super) trusted: Vec<IpAddr>,
    pub(super) doors: Doors,
    pub(super) counters: Arc<Counters>,
    pub(super) relay: Option<Relay>,
    pub(super) directory: Option<Directory>,
    /// Where DNS is answered.
    pub(super) dns: Option<SocketAddr>,
    pub(super) discovery: Option<Discovery>,
    pub(super) metrics: Option<SocketAddr>,
    /// Ends what is still being answered when the hub has waited long enough.
    pub(super) over: CancellationToken,
    pub(super) hosts: Vec<String>,
    pub(super) listens: Vec<SocketAddr>,
    pub(super) since: u64,
    pub(super) started: Instant,
}

impl Hub {
    /// Starts a hub; it answers when this returns, but for one that asks an authority for its first
    /// certificate: [`Hub::answers`] waits for that.
    ///
    /// # Errors
    /// `InTheWay` when another hub has the folder, or another program a port; `LocalDisk` when the
    /// folder or a certificate cannot be used; `Usage` when the options do not fit together.
    pub async fn start(options: HubOptions, events: &Events) -> Result<Self, Failure> {
        if !options.relay && !options.directory {
            let message = "a hub without relay and without directory does nothing";
            return Err(Failure::new(FailureKind::Usage, message).hint("leave one of them on"));
        }
        let folder = options.folder.clone();
        let lock = take(&folder).await?;
        let tokens = Arc::new(Tokens::read_or_create(&folder)?);
        let before = Place::read(&folder).map(|place| place.listens);
        let listeners = listen::tcp(&options.bind, before)?;
        let listens: Vec<SocketAddr> = local_addresses(&listeners)?;
        let domain = match &options.certificate {
            Certificate::Acme(authority) => Some(authority.domain.as_str()),
            _ => None,
        };
        let hosts = address::hosts(&options.public, domain, &listens).await?;
        let mut tasks = JoinSet::new();
        let names = names(&hosts);
        let identity =
            certificate::identity(&options.certificate, &folder, &names, events, &mut tasks)?;
        let discovery = discovery(&options, &identity, &listens, &mut tasks)?;
        let ip = listens
            .first()
            .map_or(IpAddr::from([0, 0, 0, 0]), SocketAddr::ip);
        let dns = dns::Port::open(&options, ip)?;
        let directory = if options.directory {
            Some(Directory::start(&options).await?)
        } else {
            None
        };
        let metrics = metrics(options.metrics, events).await?;
        let limits = &options.limits;
        let own = OWN_FILES + dns.as_ref().map_or(0, |_| dns::Port::FILES);
        let connections = connections(limits.connections, own, events);
        let parts = Arc::new(Parts {
            relay: options
                .relay
                .then(|| Relay::new(limits.client_rate, tokens.clone())),
            tokens,
            open: options.open,
            trusted: options.trust_proxy.clone(),
            doors: Doors::new(connections, limits.connections_per_address),
            counters: Arc::default(),
            directory,
            dns: dns.as_ref().map(|port| port.addr),
            discovery,
            metrics: metrics
                .as_ref()
                .and_then(|listener| listener.local_addr().ok()),
            over: CancellationToken::new(),
            hosts: hosts.clone(),
            listens: listens.clone(),
            since: now(),
            started: Instant::now(),
        });
        let place = Place {
            listens: listens.first().copied().unwrap_or(([0, 0, 0, 0], 0).into()),
            hosts,
            quic_port: parts.discovery.as_ref().map(|discovery| discovery.port),
            relay: options.relay,
            directory: options.directory,
            open: options.open,
            pin: identity.pin.map(|pin| HEXLOWER.encode(&pin)),
        };
        place.write(&folder)?;
        let control = Control::start(&folder).await?;
        tasks.spawn(control.serve(parts.clone(), place.clone()));
        if let Some(port) = dns {
            tasks.spawn(port.serve(parts.clone()));
        }
        if let Some(listener) = metrics {
            tasks.spawn(metrics::serve(listener, parts.clone()));
        }
        let ended = CancellationToken::new();
        for listener in listeners {
            let serve = front::serve(listener, identity.clone(), parts.clone(), ended.clone());
            tasks.spawn(serve);
        }
        let hub = Self {
            parts,
            place,
            ended,
            there: identity.there,
            tasks,
            _lock: lock,
        };
        match hub.parts.unwell().await {
            None => Ok(hub),
            Some(why) => {
                let message = format!("the hub does not answer: {why}");
                Err(Failure::new(FailureKind::Failed, message).hint("see why with -vv"))
            }
        }
    }

    /// Whether members can connect by now: not before there is a certificate that they believe.
    #[must_use]
    pub fn is_there(&self) -> bool {
        *self.there.borrow()
    }

    /// Waits until members can connect.
    pub async fn answers(&self) {
        let mut there = self.there.clone();
        if there.wait_for(|there| *there).await.is_err() && !self.is_there() {
            // Nobody asks for a certificate any more: the hub is ending.
            std::future::pending::<()>().await;
        }
    }

    /// Under which addresses clients know it.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// How it is.
    #[must_use]
    pub fn status(&self) -> Status {
        self.parts.status()
    }

    /// What to hand around: the line to join, with the oldest token unless everybody is let in.
    #[must_use]
    pub fn ticket(&self) -> Option<HubTicket> {
        if self.place.open {
            return Some(self.place.ticket(None));
        }
        let tokens = self.parts.tokens.known();
        tokens.first().map(|token| self.place.ticket(Some(token)))
    }

    /// Whether somebody who is not on this network can reach it, as far as its addresses tell.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.place.hosts.iter().any(|host| address::is_public(host))
    }

    /// Ends it: nobody new is let in, what is being answered is answered, clients are told, records
    /// are written.
    pub async fn stop(mut self) {
        self.ended.cancel();
        if let Some(relay) = &self.parts.relay {
            // Whoever does not take the goodbye is not waited for.
            _ = tokio::time::timeout(GOODBYE, relay.shutdown()).await;
        }
        if let Some(discovery) = &self.parts.discovery {
            discovery.stop().await;
        }
        self.tasks.shutdown().await;
        // The connections are the last who hold them.
        if !alone(&self.parts).await {
            self.parts.over.cancel();
            alone(&self.parts).await;
        }
        if let Ok(parts) = Arc::try_unwrap(self.parts)
            && let Some(directory) = parts.directory
        {
            directory.stop().await;
        }
    }
}

/// Takes a folder that no other hub has.
async fn take(folder: &Folder) -> Result<LockFile, Failure> {
    let since = Instant::now();
    loop {
        match folder.lock() {
            Err(failure)
                if failure.kind == FailureKind::InTheWay && since.elapsed() < TAKE_WITHIN =>
            {
                tokio::time::sleep(TAKE_AGAIN).await;
            }
            taken => return taken,
        }
    }
}

/// Waits a while until nobody else has the parts; whether that is so.
async fn alone(parts: &Arc<Parts>) -> bool {
    let since = Instant::now();
    while Arc::strong_count(parts) > 1 {
        if since.elapsed() > GOODBYE {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    true
}

impl Parts {
    /// How the hub is.
    pub(super) fn status(&self) -> Status {
        let doors = self.doors.numbers();
        let records = self
            .directory
            .as_ref()
            .map(|directory| directory.records.numbers());
        let (records, records_refused) = records.unwrap_or_default();
        let relay = self.relay.as_ref();
        let tokens = self.tokens.known().into_iter().map(|token| TokenStatus {
            clients: relay.map_or(0, |relay| relay.clients_of(&token.name)) as u64,
            name: token.name,
            made: token.made,
        });
        let discovery = self.discovery.as_ref();
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            since: self.since,
            up_seconds: self.started.elapsed().as_secs(),
            hosts: self.hosts.clone(),
            listens: self.listens.iter().map(ToString::to_string).collect(),
            relay: self.relay.is_some(),
            directory: self.directory.is_some(),
            open: self.open,
            quic_port: discovery.map(|discovery| discovery.port),
            dns: self.dns.map(|addr| addr.to_string()),
            metrics: self.metrics.map(|addr| addr.to_string()),
            clients: relay.map_or(0, Relay::clients) as u64,
            connections: doors.connections as u64,
            discovery_clients: discovery.map_or(0, |discovery| discovery.places.clients() as u64),
            relayed_bytes: relay.map_or(0, |relay| relay.metrics.bytes_sent.get()),
            records: records as u64,
            records_published: self.counters.published.get(),
            records_resolved: self.counters.resolved.get(),
            records_refused,
            unauthorized: self.counters.unauthorized.get(),
            turned_away: doors.turned_away,
            tokens: tokens.collect(),
        }
    }

    /// Why not all parts answer, if they do not.
    pub(super) async fn unwell(&self) -> Option<String> {
        let directory = self.directory.as_ref()?;
        let request = Request::get("/healthz").body(Full::new(Bytes::new()));
        match directory.ask(request.ok()?).await {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("the directory answers {}", answer.status())),
            Err(error) => Some(format!("the directory: {}", disk::reason(&error))),
        }
    }
}

fn local_addresses(listeners: &[TcpListener]) -> Result<Vec<SocketAddr>, Failure> {
    let addresses = listeners.iter().map(TcpListener::local_addr);
    addresses.collect::<Result<_, _>>().map_err(|error| {
        let message = format!("a socket has no address: {}", disk::reason(&error));
        Failure::new(FailureKind::Failed, message).hint("start the hub again")
    })
}

/// As many connections as are wanted, or as the files that may be open allow beside `own`.
fn connections(wanted: usize, own: u64, events: &Events) -> usize {
    let files = disk::raise_file_limit();
    // Each has two, by one of which it can be ended while the relay has the other.
    let most = usize::try_from(files.saturating_sub(own) / 2).unwrap_or(usize::MAX);
    if most >= wanted {
        return wanted;
    }
    let message = format!(
        "only {most} connections at once fit into the {files} files that may be open here; allow more \
         with ulimit -n"
    );
    events.warn(WarningKind::Network, message);
    most
}

/// What the certificate is for: all that clients call it, and this computer.
fn names(hosts: &[String]) -> Vec<String> {
    let mut names: Vec<String> = hosts
        .iter()
        .filter_map(|host| address::without_port(host))
        .collect();
    for own in ["localhost", "127.0.0.1", "::1"] {
        if !names.iter().any(|name| name == own) {
            names.push(own.to_owned());
        }
    }
    names
}

fn discovery(
    options: &HubOptions,
    identity: &Identity,
    listens: &[SocketAddr],
    tasks: &mut JoinSet<()>,
) -> Result<Option<Discovery>, Failure> {
    let wanted = options.relay && options.quic_port != Some(0);
    let (true, Some(config)) = (wanted, &identity.config) else {
        return Ok(None);
    };
    Discovery::start(listens, options.quic_port, config, tasks).map(Some)
}

/// Where metrics are told; nowhere where the hub has no port for that, which is no reason not to run.
async fn metrics(
    addr: Option<SocketAddr>,
    events: &Events,
) -> Result<Option<TcpListener>, Failure> {
    match (metrics::listen(addr).await, addr) {
        (Ok(listener), _) => Ok(Some(listener)),
        (Err(error), Some(addr)) => Err(listen::cannot(addr, &error).hint(format!(
            "another program has port {}; take another with --metrics",
            addr.port()
        ))),
        (Err(error), None) => {
            let message = format!("there are no metrics: {}", disk::reason(&error));
            events.warn(WarningKind::Network, message);
            Ok(None)
        }
    }
}
