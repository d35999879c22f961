//! The hubs whose relays and directories are used instead of the public ones.
//!
//! What a hub's ticket says becomes settings of an endpoint: its relays with their token (`relays`), a
//! directory to publish at and to ask (`directory`), and which certificates are believed for which host
//! (`trust`). `check` tries a hub before it is joined. The token goes out in a header, after the certificate
//! was checked, and into no address, no log and no message.
//!
//! What can fail: nothing while a node is bound. A hub that is down leaves fewer ways to be found.

mod check;
mod directory;
mod http;
mod trust;

use std::{sync::Arc, time::Duration};

use iroh::{RelayConfig, RelayMap, RelayMode, RelayUrl, endpoint::Builder, tls::CaTlsConfig};
use iroh_relay::RelayQuicConfig;

pub use check::{HubCheck, check_hub, clocks_apart};
pub(super) use directory::{Directory, Outcome, Published};
pub(super) use http::{NoAnswer, date, no_answer};

use super::names::{Names, resolver};
use crate::content::{HostPort, HubTicket};

/// A hub that takes longer to answer is taken for one that is away.
const HERE_WITHIN: Duration = Duration::from_secs(2);

/// Where one hub's relay is reached under this name.
pub(super) fn relay_url(place: &HostPort) -> Option<RelayUrl> {
    let (host, port) = (place.url_host(), place.port());
    format!("https://{host}:{port}/").parse().ok()
}

/// The relays of `hubs`, each under every name it has: the names are tried side by side, and the nearest is
/// taken.
pub(super) fn relays(hubs: &[HubTicket]) -> RelayMap {
    let relays = hubs.iter().filter(|hub| hub.relay).flat_map(|hub| {
        let urls = hub.places().filter_map(|place| relay_url(&place));
        urls.map(|url| {
            let relay = RelayConfig::new(url, hub.quic_port.map(RelayQuicConfig::new));
            match &hub.token {
                Some(token) => relay.with_auth_token(token),
                None => relay,
            }
        })
    });
    relays.collect()
}

/// Certificates are believed as the tickets of `hubs` say, and for no other host at all.
fn trust(hubs: &[HubTicket]) -> CaTlsConfig {
    let believed = trust::Believed::of(hubs);
    CaTlsConfig::custom_server_cert_verifier(Arc::new(move |provider| {
        Ok(Arc::new(trust::Verifier::new(believed.clone(), provider)?))
    }))
}

/// Settings of an endpoint that uses `relays` of `hubs`, but for their directories.
pub(super) fn configure(builder: Builder, hubs: &[HubTicket], relays: &RelayMap) -> Builder {
    let mode = if relays.is_empty() {
        RelayMode::Disabled
    } else {
        RelayMode::Custom(relays.clone())
    };
    builder
        .relay_mode(mode)
        .ca_tls_config(trust(hubs))
        .dns_resolver(resolver(Names::OfHubs))
}

/// Whether some of `hubs` answer and others do not.
pub(super) async fn some_answer(hubs: &[HubTicket]) -> bool {
    let mut asked = tokio::task::JoinSet::new();
    for hub in hubs {
        if let Some(asker) = http::Asker::new(hub) {
            asked.spawn(async move {
                let asking = asker.ask(reqwest::Method::GET, "/ping", None);
                let answer = tokio::time::timeout(HERE_WITHIN, asking).await;
                answer.is_ok_and(|answer| answer.is_ok())
            });
        }
    }
    let answers = asked.join_all().await;
    answers.contains(&true) && answers.contains(&false)
}

#[cfg(test)]
mod tests;
