//! `grove hub` itself: runs one.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use clap::Args;

use crate::{
    cli::{
        json,
        output::Output,
        progress::Shows,
        session::{Running, Session},
        settings::{Resolved, bind_of, from_file},
        units::Size,
    },
    events::{Failure, FailureKind, WarningKind},
    hub::{self, Authority, Certificate, Folder, Hub, HubFile, HubOptions, Limits},
    profile::Profile,
};

/// How often the service manager hears that a certificate is still waited for.
const STILL_STARTING: Duration = Duration::from_secs(30);

/// What a hub is run with.
#[derive(Debug, Default, PartialEq, Eq, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(super) struct RunArgs {
    /// Read settings from this file, not from hub.toml
    ///
    /// Without it, they are read from hub.toml in the data folder, if that is there.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Clients reach it under this name or address
    ///
    /// For a hub that cannot know it, behind a router or in a container, such as 203.0.113.7 or
    /// hub.example.org:8443. Without a port it is the one that the hub listens at. May be given several
    /// times, the best first.
    #[arg(long, value_name = "HOST", value_delimiter = ',')]
    public_addr: Vec<String>,

    /// Get a certificate for this name from Let's Encrypt
    ///
    /// The name has to lead to this computer, and port 443 to the hub. By this you agree to the terms
    /// of service of Let's Encrypt.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["cert", "key", "plain_http"])]
    domain: Option<String>,

    /// The mail address that Let's Encrypt may write to
    #[arg(long, value_name = "MAIL", hide_short_help = true)]
    acme_contact: Option<String>,

    /// Another authority than Let's Encrypt: the address of its ACME directory
    #[arg(long, value_name = "URL", hide_short_help = true)]
    acme_directory: Option<String>,

    /// The root of an authority that not everybody knows, PEM
    ///
    /// For the authority of a company. The first certificate is the root that what it signs ends in: the
    /// line to join pins that, and members believe no other. Any behind it are believed only of the
    /// authority's own server.
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    acme_root: Option<PathBuf>,

    /// Use this certificate: the whole chain, PEM
    ///
    /// Read again when it changes. Name the hosts it is for with --public-addr.
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,

    /// The key of the certificate, PEM
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,

    /// Speak HTTP to a proxy in front that ends TLS
    ///
    /// It then listens at 127.0.0.1:3443 unless --bind says otherwise. Without QUIC address discovery,
    /// which needs a certificate, fewer direct ways are found.
    #[arg(long, conflicts_with_all = ["cert", "key"])]
    plain_http: bool,

    /// Believe this proxy when it says for whom it asks
    ///
    /// The last address in X-Forwarded-For that is no such proxy's then counts for limits on records, and
    /// limits on the connections of one address do not hold for the proxy. May be given several times.
    #[arg(
        long,
        value_name = "ADDR",
        value_delimiter = ',',
        hide_short_help = true
    )]
    trust_proxy: Vec<IpAddr>,

    /// Let in everybody, without a token
    #[arg(long)]
    open: bool,

    /// Run no relay
    #[arg(long)]
    no_relay: bool,

    /// Run no directory
    #[arg(long)]
    no_directory: bool,

    /// UDP port of address discovery; 0 for none
    ///
    /// By QUIC, clients learn there at which address they are seen, which they need to make direct
    /// ways. Without this flag it is the port that the hub listens at, or 7842.
    #[arg(long, value_name = "PORT")]
    quic_port: Option<u16>,

    /// Answer DNS at this port; 0 switches it off
    ///
    /// DNS knows no tokens: whoever knows the id of an endpoint can look it up there. So it is off
    /// unless you ask for it or the hub is --open, and then at 53, or 5300 where that may not be taken.
    #[arg(long, value_name = "PORT")]
    dns_port: Option<u16>,

    /// Answer DNS below this name
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    dns_origin: Option<String>,

    /// Tell metrics and health here, such as 127.0.0.1:9090
    ///
    /// For Prometheus at /metrics, and /healthz. Without it, at a free port of the loopback interface,
    /// which grove hub status names. There is no token on it.
    #[arg(long, value_name = "ADDR")]
    metrics: Option<SocketAddr>,

    /// Most connections at once
    #[arg(long, value_name = "NUMBER", hide_short_help = true)]
    max_connections: Option<usize>,

    /// Most connections at once from one address
    #[arg(long, value_name = "NUMBER", hide_short_help = true)]
    max_connections_per_address: Option<usize>,

    /// Most bytes a second that one client may send through the relay, such as 2M
    #[arg(long, value_name = "SIZE", hide_short_help = true)]
    client_rate: Option<Size>,

    /// Most records in the directory
    #[arg(long, value_name = "NUMBER", hide_short_help = true)]
    max_records: Option<usize>,

    /// Most records in the directory from one address
    #[arg(long, value_name = "NUMBER", hide_short_help = true)]
    max_records_per_address: Option<usize>,

    /// Most records that one address may publish in a minute
    #[arg(long, value_name = "NUMBER", hide_short_help = true)]
    max_puts_per_address: Option<u32>,
}

pub(super) fn run(
    args: &RunArgs,
    folder: Folder,
    profile: Profile,
    session: &Session<'_>,
) -> Result<u8, Failure> {
    let settings = session.settings(&profile)?;
    let file = match &args.config {
        Some(path) => HubFile::read(path, true)?,
        None => HubFile::read(&folder.settings(), false)?,
    };
    let options = args.options(folder, file, &settings)?;
    let is_acme = matches!(options.certificate, Certificate::Acme(_));
    let output = &session.output;
    session.run(profile, &settings, Shows::Share, |running| async move {
        let Running {
            context,
            mut signals,
            progress,
        } = running;
        let hub = match signals.unless(Hub::start(options, &context.events)).await {
            Ok(hub) => hub?,
            Err(code) => return Ok(stopped(output, code)),
        };
        if is_acme && hub.place().listens.port() != 443 {
            let message = "the authority asks at port 443, so that has to lead to the hub's port";
            context.events.warn(WarningKind::Network, message);
        }
        if let Err(code) = signals.unless(there(&hub, output)).await {
            hub.stop().await;
            return Ok(stopped(output, code));
        }
        progress.settle();
        announce(output, &hub);
        tell_manager("READY=1");
        let code = signals.first().await;
        tell_manager("STOPPING=1");
        hub.stop().await;
        progress.finish();
        Ok(stopped(output, code))
    })
}

/// Waits until members can connect.
async fn there(hub: &Hub, output: &Output) {
    if hub.is_there() {
        return;
    }
    if !output.json() {
        output.say("Asking for a certificate; members can connect once it is there");
    }
    let mut again = tokio::time::interval(STILL_STARTING);
    loop {
        tokio::select! {
            () = hub.answers() => return,
            // It waits for others, and starting it anew would only have it ask them more often.
            _ = again.tick() => tell_manager(&format!(
                "STATUS=Waiting for a certificate\nEXTEND_TIMEOUT_USEC={}",
                2 * STILL_STARTING.as_micros()
            )),
        }
    }
}

/// Tells whatever manages services, if the hub is one.
fn tell_manager(state: &str) {
    if let Some(socket) = std::env::var_os("NOTIFY_SOCKET").filter(|socket| !socket.is_empty())
        && let Err(error) = hub::notify(&socket, state)
    {
        tracing::warn!(%error, "the service manager does not listen");
    }
}

fn stopped(output: &Output, code: u8) -> u8 {
    output.stopped("Stopped", None, code);
    code
}

/// Says where the hub is, and the line to join alone on standard output.
fn announce(output: &Output, hub: &Hub) {
    let status = hub.status();
    let ticket = hub.ticket().map(|ticket| ticket.to_string());
    if output.json() {
        output.object(&json::hub_ready(&status, ticket.as_deref()));
        return;
    }
    let roles: Vec<&str> = [(status.relay, "a relay"), (status.directory, "a directory")]
        .iter()
        .filter_map(|(there, what)| there.then_some(*what))
        .collect();
    let roles = roles.join(" and ");
    output.say(&format!(
        "This hub is {roles} at {}",
        status.hosts.join(", ")
    ));
    if let Some(dns) = &status.dns {
        output.say(&format!("DNS is answered at {dns}, for everybody"));
    }
    if !hub.is_public() {
        output.say(
            "Only this network can reach these addresses; where others are to join, name one that they \
             can reach with --public-addr",
        );
    }
    match ticket {
        Some(ticket) => {
            output.say(if status.open {
                "Everybody is let in; to use it:"
            } else {
                "Members join with this line, which is a secret:"
            });
            output.line(&format!("grove join {ticket}"));
        }
        None => output.warn("nobody can join: make a token with grove hub token add NAME"),
    }
    output.say("Serving until Ctrl-C");
}

impl RunArgs {
    /// Flags before the file before defaults.
    fn options(
        &self,
        folder: Folder,
        file: HubFile,
        settings: &Resolved,
    ) -> Result<HubOptions, Failure> {
        let list = |flag: &[String], file: Vec<String>| match flag {
            [] => file,
            given => given.to_vec(),
        };
        let rate = from_file::<Size>("hub.toml", "client-rate", file.client_rate.as_deref())?;
        let rate = self.client_rate.or(rate);
        let usual = Limits::default();
        let limits = Limits {
            connections: self
                .max_connections
                .or(file.max_connections)
                .unwrap_or(usual.connections),
            connections_per_address: self
                .max_connections_per_address
                .or(file.max_connections_per_address)
                .unwrap_or(usual.connections_per_address),
            client_rate: rate.map(|rate| u32::try_from(rate.0).unwrap_or(u32::MAX)),
            records: self
                .max_records
                .or(file.max_records)
                .unwrap_or(usual.records),
            records_per_address: self
                .max_records_per_address
                .or(file.max_records_per_address)
                .unwrap_or(usual.records_per_address),
            puts_per_address: self
                .max_puts_per_address
                .or(file.max_puts_per_address)
                .unwrap_or(usual.puts_per_address),
        };
        let certificate = self.certificate(&file)?;
        let mut bind = settings.network.bind.clone();
        if bind.is_empty() {
            bind = bind_of("hub.toml", &file.bind)?;
        }
        if bind.is_empty() && certificate == Certificate::Proxy {
            bind = vec![SocketAddr::from(([127, 0, 0, 1], 3443))];
        }
        let public = list(&self.public_addr, file.public_addr);
        if public.is_empty()
            && matches!(certificate, Certificate::Files { .. } | Certificate::Proxy)
        {
            let message = "the name that the certificate is for is missing";
            return Err(Failure::new(FailureKind::Usage, message)
                .hint("say it with --public-addr hub.example.org:443"));
        }
        Ok(HubOptions {
            bind,
            public,
            certificate,
            trust_proxy: match self.trust_proxy.as_slice() {
                [] => file.trust_proxy,
                given => given.to_vec(),
            },
            open: self.open || file.open.unwrap_or(false),
            relay: !self.no_relay && file.relay.unwrap_or(true),
            directory: !self.no_directory && file.directory.unwrap_or(true),
            quic_port: self.quic_port.or(file.quic_port),
            dns_port: self.dns_port.or(file.dns_port),
            dns_origin: self.dns_origin.clone().or(file.dns_origin),
            metrics: self.metrics.or(file.metrics),
            limits,
            ..HubOptions::new(folder)
        })
    }

    /// Where the certificate comes from: what a flag says, before what the file says.
    fn certificate(&self, file: &HubFile) -> Result<Certificate, Failure> {
        let acme = |domain: &String| {
            Certificate::Acme(Authority {
                domain: domain.clone(),
                contact: self.acme_contact.clone().or(file.acme_contact.clone()),
                directory: self.acme_directory.clone().or(file.acme_directory.clone()),
                root: self.acme_root.clone().or(file.acme_root.clone()),
            })
        };
        let files = |cert: &PathBuf, key: &PathBuf| Certificate::Files {
            cert: cert.clone(),
            key: key.clone(),
        };
        match (&self.domain, &self.cert, &self.key) {
            (Some(domain), ..) => return Ok(acme(domain)),
            (None, Some(cert), Some(key)) => return Ok(files(cert, key)),
            _ if self.plain_http => return Ok(Certificate::Proxy),
            _ => {}
        }
        let proxy = file.plain_http.unwrap_or(false);
        match (&file.domain, &file.cert, &file.key, proxy) {
            (Some(domain), None, None, false) => Ok(acme(domain)),
            (None, Some(cert), Some(key), false) => Ok(files(cert, key)),
            (None, None, None, true) => Ok(Certificate::Proxy),
            (None, None, None, false) => Ok(Certificate::Own),
            _ => {
                let message = "hub.toml says several things about the certificate";
                Err(Failure::new(FailureKind::Usage, message)
                    .hint("have domain, or both cert and key, or plain-http, or none of them"))
            }
        }
    }
}
