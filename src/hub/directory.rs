//! The directory: the records by which endpoints find each other.
//!
//! It is iroh-dns-server, which listens on the loopback interface alone and limits nobody; the front,
//! and where the operator wants it the one for DNS, hand on what they let through, and limit.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Request, Response,
    body::Bytes,
    client::conn::http1,
    header::{CONTENT_TYPE, HOST},
};
use hyper_util::rt::TokioIo;
use iroh_dns_server::{
    Metrics, Server,
    config::{Config, MetricsConfig, RateLimitConfig, StoreConfig},
};
use redb::Database;
use tokio::net::TcpStream;

use super::{
    folder::{Folder, shown},
    options::HubOptions,
    records::{Records, STAYS},
};
use crate::{
    content::escape,
    events::{Failure, FailureKind},
};

/// Most bytes of an answer that is handed on.
const ANSWER: usize = 128 * 1024;
/// How long it may take to answer.
const WITHIN: Duration = Duration::from_secs(10);

/// The directory of a hub.
#[derive(Debug)]
pub(super) struct Directory {
    server: Server,
    http: SocketAddr,
    database: PathBuf,
    /// Where its server of names is asked by UDP.
    pub(super) names: SocketAddr,
    /// How much it keeps for whom.
    pub(super) records: Records,
}

impl Directory {
    /// Starts it.
    ///
    /// # Errors
    /// `LocalDisk` when its database cannot be opened.
    pub(super) async fn start(options: &HubOptions) -> Result<Self, Failure> {
        let folder = &options.folder;
        let path = folder.records();
        crate::disk::create_private_dir(&path)
            .map_err(|error| folder.failure("make", &path, &error))?;
        let config = config(folder, options);
        let database = config.signed_packet_store_path();
        let database = database.unwrap_or_else(|_| path.join("signed-packets-1.db"));
        let records = Records::new(&options.limits, &database);
        let server = Server::bind(config).await.map_err(|error| {
            let why = escape(&format!("{error:#}")).into_owned();
            let message = format!("the directory in {} does not start: {why}", shown(&path));
            Failure::new(FailureKind::LocalDisk, message).hint(
                "if its database is damaged, remove that folder: clients publish again within minutes",
            )
        })?;
        let http = server.http_addr().ok_or_else(|| {
            Failure::new(FailureKind::Failed, "the directory has no address").hint("start it again")
        })?;
        Ok(Self {
            names: server.dns_addr(),
            server,
            http,
            database,
            records,
        })
    }

    /// Its counters.
    pub(super) fn metrics(&self) -> &Arc<Metrics> {
        self.server.metrics()
    }

    /// Hands on a request, and comes back with the answer.
    ///
    /// # Errors
    /// Those of the connection, and `TimedOut`.
    pub(super) async fn ask(
        &self,
        mut request: Request<Full<Bytes>>,
    ) -> io::Result<Response<Full<Bytes>>> {
        let host = self.http.to_string();
        let host = host.parse().map_err(io::Error::other)?;
        request.headers_mut().insert(HOST, host);
        let asked = async {
            let stream = TcpStream::connect(self.http).await?;
            stream.set_nodelay(true)?;
            let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
                .await
                .map_err(io::Error::other)?;
            let answer = async {
                let answer = sender
                    .send_request(request)
                    .await
                    .map_err(io::Error::other)?;
                let (parts, body) = answer.into_parts();
                let body = Limited::new(body, ANSWER).collect().await;
                let body = body.map_err(io::Error::other)?.to_bytes();
                io::Result::Ok(Response::from_parts(parts, Full::new(body)))
            };
            // The connection does the work while the answer is waited for.
            tokio::select! {
                answer = answer => answer,
                Err(error) = connection => Err(io::Error::other(error)),
            }
        };
        let asked = tokio::time::timeout(WITHIN, asked).await;
        asked.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    /// The answer to a question of DNS, as long as it is (RFC 8484).
    ///
    /// # Errors
    /// Those of [`Directory::ask`], and `Other` when it does not answer that.
    pub(super) async fn resolve(&self, question: Vec<u8>) -> io::Result<Bytes> {
        let request = Request::post("/dns-query")
            .header(CONTENT_TYPE, "application/dns-message")
            .body(Full::new(question.into()))
            .map_err(io::Error::other)?;
        let answer = self.ask(request).await?;
        if !answer.status().is_success() {
            return Err(io::Error::other(answer.status().as_str().to_owned()));
        }
        let Ok(body) = answer.into_body().collect().await;
        Ok(body.to_bytes())
    }

    /// Ends it, and returns when all that was published is on the disk.
    pub(super) async fn stop(self) {
        // It fails only when a part of it had failed before.
        _ = self.server.shutdown().await;
        // What still answered when it was told to end lets go of the database a moment later.
        let until = Instant::now() + WITHIN;
        while Database::open(&self.database).is_err() && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn config(folder: &Folder, options: &HubOptions) -> Config {
    let mut config = Config::default();
    if let Some(http) = &mut config.http {
        http.port = 0;
        http.bind_addr = Some(Ipv4Addr::LOCALHOST.into());
    }
    config.https = None;
    config.metrics = Some(MetricsConfig::disabled());
    config.mainline = None;
    config.pkarr_put_rate_limit = RateLimitConfig::Disabled;
    config.data_dir = Some(folder.records());
    let mut store = StoreConfig::default();
    store.eviction = STAYS;
    // What was accepted and not yet written is lost in a power cut: a moment's.
    store.max_batch_time = Duration::from_millis(250);
    config.zone_store = Some(store);
    let origin = options.dns_origin.as_deref().unwrap_or("hub.internal");
    let origin = origin.trim_end_matches('.');
    config.dns.port = 0;
    config.dns.bind_addr = Some(Ipv4Addr::LOCALHOST.into());
    config.dns.origins = vec![format!("{origin}."), ".".to_owned()];
    config.dns.default_soa = format!("{origin} hostmaster.{origin} 0 10800 3600 604800 3600");
    config.dns.rr_a = None;
    config.dns.rr_aaaa = None;
    config.dns.rr_ns = None;
    config
}
