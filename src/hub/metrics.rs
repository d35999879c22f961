//! What a hub counts, and how that is told to Prometheus and to whoever looks after it.
//!
//! At a port of the loopback interface of its own: `/metrics`, and `/healthz`, which says whether all
//! parts answer.

use std::{
    fmt::Write as _,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode, body::Bytes, body::Incoming, header::CONTENT_TYPE,
    server::conn::http1, service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use iroh_metrics::Registry;
use tokio::{net::TcpListener, sync::Semaphore};

use super::{listen::accept, running::Parts};

/// Most who ask at once.
const MOST: usize = 32;
/// How long one of them may take.
const WITHIN: Duration = Duration::from_secs(10);

/// A number that only grows.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn increase(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What the front counts.
#[derive(Debug, Default)]
pub(super) struct Counters {
    /// Requests, of any kind.
    pub(super) requests: Counter,
    /// Requests without a token, or with a wrong one.
    pub(super) unauthorized: Counter,
    /// Connections that were too slow, or spoke no TLS or HTTP.
    pub(super) broken: Counter,
    /// Records that were published.
    pub(super) published: Counter,
    /// Records that were asked for.
    pub(super) resolved: Counter,
}

/// Answers at `listener` until it is dropped.
pub(super) async fn serve(listener: TcpListener, parts: Arc<Parts>) {
    let room = Arc::new(Semaphore::new(MOST));
    loop {
        let Ok(place) = room.clone().acquire_owned().await else {
            return;
        };
        let (stream, _) = accept(&listener).await;
        let parts = parts.clone();
        tokio::spawn(async move {
            let _place = place;
            let answer = service_fn(move |request| {
                let parts = parts.clone();
                async move { answer(&request, &parts).await }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), answer);
            // Whoever goes away does so.
            _ = tokio::time::timeout(WITHIN, connection).await;
        });
    }
}

async fn answer(
    request: &Request<Incoming>,
    parts: &Parts,
) -> Result<Response<Full<Bytes>>, hyper::http::Error> {
    let text = "text/plain; version=0.0.4; charset=utf-8";
    let (status, kind, body) = match (request.method(), request.uri().path()) {
        (&Method::GET, "/metrics") => (StatusCode::OK, text, prometheus(parts)),
        (&Method::GET, "/healthz") => match parts.unwell().await {
            None => (StatusCode::OK, text, "ok\n".to_owned()),
            Some(why) => (StatusCode::SERVICE_UNAVAILABLE, text, format!("{why}\n")),
        },
        _ => (
            StatusCode::NOT_FOUND,
            text,
            "there is /metrics and /healthz\n".to_owned(),
        ),
    };
    Response::builder()
        .status(status)
        .header(CONTENT_TYPE, kind)
        .body(Full::new(body.into()))
}

/// All numbers, in the text format of Prometheus.
fn prometheus(parts: &Parts) -> String {
    let status = parts.status();
    let doors = parts.doors.numbers();
    let counters = &parts.counters;
    let mut out = String::new();
    let mut row = |name: &str, help: &str, value: u64| {
        let kind = if name.ends_with("_total") {
            "counter"
        } else {
            "gauge"
        };
        _ = writeln!(
            out,
            "# HELP grove_hub_{name} {help}.\n# TYPE grove_hub_{name} {kind}\ngrove_hub_{name} {value}"
        );
    };
    row(
        "up_seconds",
        "Seconds since the hub was started",
        status.up_seconds,
    );
    row(
        "clients",
        "Endpoints connected to the relay",
        status.clients,
    );
    row(
        "connections",
        "Connections to the front",
        status.connections,
    );
    let help = "Of them, those that have shown no token yet";
    row("connections_waiting", help, doors.waiting as u64);
    let help = "Connections there was no room for";
    row("connections_turned_away_total", help, doors.turned_away);
    let help = "Connections that said nothing and made room";
    row("connections_made_room_total", help, doors.made_room);
    let help = "Connections that were too slow, or spoke no TLS or HTTP";
    row("connections_broken_total", help, counters.broken.get());
    row("requests_total", "HTTP requests", counters.requests.get());
    let help = "HTTP requests without a token, or with a wrong one";
    row("requests_unauthorized_total", help, status.unauthorized);
    row("records", "Records in the directory", status.records);
    let help = "Records that were published";
    row("records_published_total", help, status.records_published);
    let help = "Records that were asked for";
    row("records_resolved_total", help, status.records_resolved);
    let help = "Records that a limit refused";
    row("records_refused_total", help, status.records_refused);
    let help = "Bytes that the relay carried to clients";
    row("relayed_bytes_total", help, status.relayed_bytes);
    let help = "Connections to address discovery";
    row("discovery_clients", help, status.discovery_clients);
    let discovery = parts.discovery.as_ref();
    let turned_away = discovery.map_or(0, |discovery| discovery.places.turned_away.get());
    let help = "Connections to address discovery there was no room for";
    row("discovery_turned_away_total", help, turned_away);
    let made_room = discovery.map_or(0, |discovery| discovery.places.made_room.get());
    let help = "Connections to address discovery that made room";
    row("discovery_made_room_total", help, made_room);
    // What the libraries count, under their own names.
    let mut registry = Registry::default();
    if let Some(relay) = &parts.relay {
        registry.register(relay.metrics.clone());
    }
    if let Some(directory) = &parts.directory {
        registry.register(directory.metrics().clone());
    }
    // A text can always be written to.
    _ = registry.encode_openmetrics_to_writer(&mut out);
    out.truncate(out.strip_suffix("# EOF\n").map_or(out.len(), str::len));
    out
}

/// Listens for whoever wants the numbers: at `addr`, else at a free port of the loopback interface.
pub(super) async fn listen(addr: Option<SocketAddr>) -> std::io::Result<TcpListener> {
    let addr = addr.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)));
    TcpListener::bind(addr).await
}
