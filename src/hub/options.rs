//! What an operator can set: the file `hub.toml`, and what comes of it together with the flags.

use std::{
    fs, io,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::folder::{Folder, shown};
use crate::{
    content::escape,
    disk,
    events::{Failure, FailureKind},
};

/// `hub.toml`. Each key is a flag of `grove hub` too, which counts before it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct HubFile {
    /// Where to listen: ports, or addresses with a port.
    pub bind: Vec<String>,
    /// Under which addresses or names clients reach it, with or without a port.
    pub public_addr: Vec<String>,
    /// The name to get a certificate for from an authority on the internet.
    pub domain: Option<String>,
    /// The mail address that this authority may write to.
    pub acme_contact: Option<String>,
    /// The address of this authority's directory.
    pub acme_directory: Option<String>,
    /// The root of this authority, PEM.
    pub acme_root: Option<PathBuf>,
    /// A certificate chain, PEM.
    pub cert: Option<PathBuf>,
    /// Its key, PEM.
    pub key: Option<PathBuf>,
    /// Whether TLS ends at a proxy in front.
    pub plain_http: Option<bool>,
    /// Proxies that are believed when they say for whom they ask.
    pub trust_proxy: Vec<IpAddr>,
    /// Whether everybody is let in, token or not.
    pub open: Option<bool>,
    /// Whether there is a relay.
    pub relay: Option<bool>,
    /// Whether there is a directory.
    pub directory: Option<bool>,
    /// The UDP port of address discovery; 0: none.
    pub quic_port: Option<u16>,
    /// The port of DNS; 0: none.
    pub dns_port: Option<u16>,
    /// Below which name DNS answers.
    pub dns_origin: Option<String>,
    /// Where metrics are told.
    pub metrics: Option<SocketAddr>,
    /// Most connections at once.
    pub max_connections: Option<usize>,
    /// Most of them from one address.
    pub max_connections_per_address: Option<usize>,
    /// Most bytes a second that one client of the relay may send, such as `"10M"`.
    pub client_rate: Option<String>,
    /// Most records in the directory.
    pub max_records: Option<usize>,
    /// Most of them from one address.
    pub max_records_per_address: Option<usize>,
    /// Most records that one address may publish in a minute.
    pub max_puts_per_address: Option<u32>,
}

impl HubFile {
    /// Reads the file at `path`; no settings where there is none, unless it `must_exist`.
    ///
    /// # Errors
    /// `Usage` with file and line when it does not parse or has an unknown key; `LocalDisk` when it
    /// cannot be read.
    pub fn read(path: &Path, must_exist: bool) -> Result<Self, Failure> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound && !must_exist => {
                return Ok(Self::default());
            }
            Err(error) => {
                let message = format!("cannot read {}: {}", shown(path), disk::reason(&error));
                return Err(Failure::new(FailureKind::LocalDisk, message)
                    .hint("check that it is there, and its permissions"));
            }
        };
        toml::from_str(&text).map_err(|error| {
            let line = error.span().map_or(1, |span| {
                let before = text.get(..span.start).unwrap_or(&text);
                before.matches('\n').count() + 1
            });
            let what = error.message().lines().next().unwrap_or_default();
            let message = format!("{}, line {line}: {}", shown(path), escape(what));
            Failure::new(FailureKind::Usage, message).hint("correct that line, or remove it")
        })
    }
}

/// Where the certificate of the front comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Certificate {
    /// The hub's own authority, which the line to join pins.
    #[default]
    Own,
    /// Files, which are read again when they change.
    Files {
        /// The chain, PEM.
        cert: PathBuf,
        /// The key, PEM.
        key: PathBuf,
    },
    /// An authority that is asked by ACME.
    Acme(Authority),
    /// None: TLS ends at a proxy in front.
    Proxy,
}

/// Whom to ask for a certificate, and for which name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// The name to certify.
    pub domain: String,
    /// The mail address of the operator.
    pub contact: Option<String>,
    /// The directory of the authority; without it that of Let's Encrypt.
    pub directory: Option<String>,
    /// A file of PEM: first the root that its certificates end in, which the line to join then pins, and
    /// behind it any others that its own HTTPS needs. Without it, the roots that everybody knows.
    pub root: Option<PathBuf>,
}

/// How much anybody gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// Connections at once from one address.
    pub connections_per_address: usize,
    /// Bytes a second that one client of the relay may send; `None`: as many as come.
    pub client_rate: Option<u32>,
    /// Records in the directory.
    pub records: usize,
    /// Records in the directory that one address has published.
    pub records_per_address: usize,
    /// Records that one address may publish in a minute.
    pub puts_per_address: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 8192,
            connections_per_address: 2048,
            client_rate: None,
            records: 500_000,
            records_per_address: 20_000,
            puts_per_address: 1200,
        }
    }
}

/// What a hub is started with.
#[derive(Debug, Clone)]
pub struct HubOptions {
    /// Its data folder.
    pub folder: Folder,
    /// Where to listen; empty: all addresses, at the port it had before, 443 or 3443.
    pub bind: Vec<SocketAddr>,
    /// Under which addresses or names clients reach it, with or without a port; the best first.
    pub public: Vec<String>,
    /// Where its certificate comes from.
    pub certificate: Certificate,
    /// Proxies that are believed when they say for whom they ask.
    pub trust_proxy: Vec<IpAddr>,
    /// Whether everybody is let in, token or not.
    pub open: bool,
    /// Whether there is a relay.
    pub relay: bool,
    /// Whether there is a directory.
    pub directory: bool,
    /// The UDP port of address discovery: `None` the same as the front's, or one nearby; 0 none.
    pub quic_port: Option<u16>,
    /// The port of DNS, 0 for none; `None`: 53 or 5300 where the hub is open, else none.
    pub dns_port: Option<u16>,
    /// Below which name DNS answers.
    pub dns_origin: Option<String>,
    /// Where metrics are told; `None`: at a free port of the loopback interface.
    pub metrics: Option<SocketAddr>,
    /// How much anybody gets.
    pub limits: Limits,
}

impl HubOptions {
    /// A hub that needs no settings.
    #[must_use]
    pub fn new(folder: Folder) -> Self {
        Self {
            folder,
            bind: Vec::new(),
            public: Vec::new(),
            certificate: Certificate::Own,
            trust_proxy: Vec::new(),
            open: false,
            relay: true,
            directory: true,
            quic_port: None,
            dns_port: None,
            dns_origin: None,
            metrics: None,
            limits: Limits::default(),
        }
    }
}
