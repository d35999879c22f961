//! Binding an endpoint as a [`Network`] says.

use std::net::SocketAddr;

use iroh::{
    Endpoint, RelayMap, RelayMode, SecretKey,
    endpoint::{Builder, PortmapperConfig, presets},
};
use iroh_mdns_address_lookup::MdnsAddressLookup;
use tokio::sync::watch;

use super::{Network, Role, Ways, hubs};
use crate::events::{Failure, FailureKind};

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
    let direct_only = network.ways == Ways::DirectOnly;
    let mut directories = Vec::new();
    let mut builder = if network.offline {
        Endpoint::builder(presets::Minimal).relay_mode(RelayMode::Disabled)
    } else if let Some(relays) = network.hub_relays() {
        let mut builder = Endpoint::builder(presets::Minimal);
        builder = hubs::configure(builder, &network.hubs, &relays);
        for hub in &network.hubs {
            let started = hubs::Directory::start(hub, secret.clone());
            if let Some((directory, outcome)) = started {
                let directory = hubs::OfHubs::new(directory, relays.clone());
                builder = builder.address_lookup(directory);
                directories.push((hub.name(), outcome));
            }
        }
        builder
    } else if direct_only {
        Endpoint::builder(presets::N0).relay_mode(RelayMode::Disabled)
    } else {
        Endpoint::builder(presets::N0)
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
        find_on_lan(&endpoint, role, network.hub_relays());
    }
    Ok(Bound {
        endpoint,
        directories,
    })
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
/// interface), the node works without. Of relays that somebody there names, only `known` ones are used, where
/// that is given.
fn find_on_lan(endpoint: &Endpoint, role: Role, known: Option<RelayMap>) {
    let lookup = MdnsAddressLookup::builder()
        .advertise(role == Role::Provide)
        .service_name("grove")
        .build(endpoint.id());
    match (lookup, endpoint.address_lookup()) {
        (Ok(lookup), Ok(services)) => match known {
            Some(known) => services.add(hubs::OfHubs::new(lookup, known)),
            None => services.add(lookup),
        },
        (Err(error), _) => tracing::debug!(%error, "no local network lookup"),
        (_, Err(error)) => tracing::debug!(%error, "no address lookup"),
    }
}
