//! Binding an endpoint as a [`Network`] says.

use std::net::SocketAddr;

use iroh::{
    Endpoint, RelayMode, SecretKey,
    address_lookup::{DnsAddressLookup, PkarrPublisher, PkarrResolver},
    endpoint::{Builder, PortmapperConfig, presets},
};
use iroh_mdns_address_lookup::MdnsAddressLookup;
use tokio::sync::watch;

use super::{
    Network, Role, Ways, hubs,
    names::{Names, resolver},
    sifted::{Sifted, ToBeSifted},
};
use crate::{
    content::Relays,
    events::{Failure, FailureKind},
};

/// What a node is bound to.
#[derive(Debug, Clone)]
pub(super) struct Bound {
    pub(super) endpoint: Endpoint,
    /// How publishing at each hub with a directory goes, and how that hub is called.
    pub(super) directories: Vec<(String, watch::Receiver<hubs::Outcome>)>,
}

/// Binds an endpoint.
///
/// # Errors
/// `Failed` when no socket can be bound.
pub(super) async fn endpoint(
    secret: &SecretKey,
    network: &Network,
    role: Role,
    alpn: &[u8],
) -> Result<Bound, Failure> {
    let mut directories = Vec::new();
    let mut builder = if network.offline {
        Endpoint::builder(presets::Minimal).relay_mode(RelayMode::Disabled)
    } else if let Some(relays) = network.hub_relays() {
        let mut builder = Endpoint::builder(presets::Minimal);
        builder = hubs::configure(builder, &network.hubs, &relays);
        for hub in &network.hubs {
            let started = hubs::Directory::start(hub, secret.clone());
            if let Some((directory, outcome)) = started {
                let directory = Sifted::new(directory, network.relays_in_use());
                builder = builder.address_lookup(directory);
                directories.push((hub.name(), outcome));
            }
        }
        builder
    } else {
        public(network)
    };
    builder = builder
        .secret_key(secret.clone())
        .transport_config(role.transport());
    if role == Role::Provide {
        builder = builder.alpns(vec![alpn.to_vec()]);
    }
    builder = if network.ways == Ways::RelayOnly {
        builder
            .clear_ip_transports()
            .portmapper_config(PortmapperConfig::Disabled)
    } else {
        bind_sockets(builder, &network.bind)?
    };
    let endpoint = builder.bind().await.map_err(|error| {
        Failure::new(
            FailureKind::Failed,
            format!("no network socket could be opened: {error}"),
        )
        .hint("another program may hold the port given with --bind")
    })?;
    if network.lan && network.ways != Ways::RelayOnly {
        find_on_lan(&endpoint, role, network.relays_in_use());
    }
    Ok(Bound {
        endpoint,
        directories,
    })
}

/// Settings of an endpoint that uses the public relays and directories of the iroh project: those of
/// `presets::N0`, but for what these may make us contact.
fn public(network: &Network) -> Builder {
    let relays = || network.relays_in_use();
    let mode = if network.ways == Ways::DirectOnly {
        RelayMode::Disabled
    } else {
        RelayMode::Default
    };
    Endpoint::builder(presets::Minimal)
        .dns_resolver(resolver(Names::Public))
        .address_lookup(PkarrPublisher::n0_dns())
        .address_lookup(ToBeSifted::new(PkarrResolver::n0_dns(), relays()))
        .address_lookup(ToBeSifted::new(DnsAddressLookup::n0_dns(), relays()))
        .relay_mode(mode)
}

fn bind_sockets(mut builder: Builder, addresses: &[SocketAddr]) -> Result<Builder, Failure> {
    if addresses.is_empty() {
        return Ok(builder);
    }
    builder = builder.clear_ip_transports();
    for address in addresses {
        builder = builder.bind_addr(*address).map_err(|error| {
            Failure::new(
                FailureKind::Usage,
                format!("cannot listen at {address}: {error}"),
            )
        })?;
    }
    Ok(builder)
}

/// Joins the local network's multicast group. Where there is none (a container, a machine without an
/// interface), the node works without. Of relays that somebody there names, only these are used.
fn find_on_lan(endpoint: &Endpoint, role: Role, relays: Relays) {
    let lookup = MdnsAddressLookup::builder()
        .advertise(role == Role::Provide)
        .service_name("grove")
        .build(endpoint.id());
    match (lookup, endpoint.address_lookup()) {
        (Ok(lookup), Ok(services)) => services.add(Sifted::new(lookup, relays)),
        (Err(error), _) => tracing::debug!(%error, "no local network lookup"),
        (_, Err(error)) => tracing::debug!(%error, "no address lookup"),
    }
}
