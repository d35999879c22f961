//! The directory of one hub: where this node says where it is, and asks where others are.
//!
//! A record is what iroh publishes, a packet signed with the node's own key (pkarr), with the home relay and
//! the direct addresses in it as far as they fit. Unlike a public directory, one's hub is told the addresses:
//! it sees them anyway where it relays, and without a relay they are all there is. Records are published
//! again when something changed and every five minutes; what could not be published is tried again, ever
//! more slowly.

use std::time::Duration;

use iroh::{
    EndpointId, RelayUrl, SecretKey,
    address_lookup::{AddressLookup, EndpointData, EndpointInfo, Error, Item},
};
use iroh_dns::pkarr::SignedPacket;
use n0_future::boxed::BoxStream;
use reqwest::{Method, StatusCode};
use tokio::{
    sync::watch,
    task::AbortHandle,
    time::{Instant, sleep_until},
};

use super::{
    check::ahead,
    http::{Asker, NoAnswer},
};
use crate::content::HubTicket;

/// What the record says of how long it is good; nobody asks through caches.
const TTL: u32 = 30;

/// How often a record is published although nothing changed.
const AGAIN: Duration = Duration::from_mins(5);

/// The first pause before publishing is tried again; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// Most direct addresses in a record.
const ADDRESSES: usize = 12;

/// How this directory is called in logs.
const NAME: &str = "hub";

/// How publishing went last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Published {
    /// Nothing was published yet.
    #[default]
    NotYet,
    /// The hub has the record.
    Yes,
    /// The hub does not let us in.
    Refused,
    /// Its certificate is not good at the time that this computer has.
    Untimely,
    /// It does not answer, or does not take the record.
    Failed,
}

/// What is known of the record at one hub.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outcome {
    /// How publishing went last.
    pub(crate) published: Published,
    /// The relays in the last record that the hub has.
    pub(crate) relays: Vec<RelayUrl>,
    /// How many seconds the clock here was ahead of the hub's, negative when behind, where it answered.
    pub(crate) ahead: Option<i64>,
}

/// One hub's directory. Dropping all copies ends publishing.
#[derive(Debug)]
pub(crate) struct Directory {
    asker: Asker,
    news: watch::Sender<Option<EndpointData>>,
    publishing: AbortHandle,
}

impl Directory {
    /// Publishes for the owner of `secret` at `hub`, where it has a directory. Must be called within a
    /// runtime.
    pub(crate) fn start(
        hub: &HubTicket,
        secret: SecretKey,
    ) -> Option<(Self, watch::Receiver<Outcome>)> {
        let asker = Asker::new(hub).filter(|_| hub.directory)?;
        let (news, changes) = watch::channel(None);
        let (outcome, outcomes) = watch::channel(Outcome::default());
        let publisher = Publisher {
            asker: asker.clone(),
            secret,
            outcome,
        };
        let publishing = tokio::spawn(publisher.run(changes)).abort_handle();
        let directory = Self {
            asker,
            news,
            publishing,
        };
        Some((directory, outcomes))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        self.publishing.abort();
    }
}

impl AddressLookup for Directory {
    fn publish(&self, data: &EndpointData) {
        self.news.send_replace(Some(data.clone()));
    }

    fn resolve(&self, id: EndpointId) -> Option<BoxStream<Result<Item, Error>>> {
        let asker = self.asker.clone();
        let found = async move {
            let wrong = |what: String| Error::from_err_any(NAME, std::io::Error::other(what));
            let path = format!("/pkarr/{}", id.to_z32());
            let (place, answer) = asker
                .ask(Method::GET, &path, None)
                .await
                .map_err(|(place, why)| wrong(format!("{place}: {why:?}")))?;
            if answer.status != StatusCode::OK {
                return Err(wrong(format!("{place}: {}", answer.status)));
            }
            let packet = SignedPacket::from_relay_payload(&id, &answer.body)
                .map_err(|error| wrong(error.to_string()))?;
            let info = EndpointInfo::from_pkarr_signed_packet(&packet)
                .map_err(|error| wrong(error.to_string()))?;
            Ok(Item::new(info, NAME, Some(packet.timestamp().as_micros())))
        };
        Some(Box::pin(n0_future::stream::once_future(found)))
    }
}

struct Publisher {
    asker: Asker,
    secret: SecretKey,
    outcome: watch::Sender<Outcome>,
}

impl Publisher {
    async fn run(self, mut changes: watch::Receiver<Option<EndpointData>>) {
        let mut pause = FIRST_PAUSE;
        loop {
            let data = changes.borrow_and_update().clone();
            let mut next = Instant::now() + AGAIN;
            if let Some(data) = data {
                let (published, ahead) = self.publish(&data).await;
                if published == Published::Yes {
                    pause = FIRST_PAUSE;
                } else {
                    next = Instant::now() + pause;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                self.outcome.send_modify(|outcome| {
                    outcome.published = published;
                    outcome.ahead = ahead;
                    if published == Published::Yes {
                        outcome.relays = data.relay_urls().cloned().collect();
                    }
                });
            }
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { return },
                () = sleep_until(next) => {}
            }
        }
    }

    /// How it went, and how far the clock here is ahead of the hub's.
    async fn publish(&self, data: &EndpointData) -> (Published, Option<i64>) {
        let Some(packet) = record(&self.secret, data) else {
            return (Published::Failed, None);
        };
        let path = format!("/pkarr/{}", self.secret.public().to_z32());
        match self
            .asker
            .ask(Method::PUT, &path, Some(packet.to_relay_payload()))
            .await
        {
            Ok((place, answer)) => {
                let published = if answer.status.is_success() {
                    Published::Yes
                } else {
                    tracing::debug!(%place, status = %answer.status, "the hub did not take the record");
                    if answer.is_refusal() {
                        Published::Refused
                    } else {
                        Published::Failed
                    }
                };
                (published, answer.date.map(ahead))
            }
            Err((_, NoAnswer::Clock)) => (Published::Untimely, None),
            Err(_) => (Published::Failed, None),
        }
    }
}

/// A signed record with as many of the addresses as fit; `None` if not even the relays do.
fn record(secret: &SecretKey, data: &EndpointData) -> Option<SignedPacket> {
    let addresses: Vec<_> = data.ip_addrs().copied().take(ADDRESSES).collect();
    let mut relays = EndpointData::default();
    for relay in data.relay_urls() {
        relays.add_relay_url(relay.clone());
    }
    (0..=addresses.len()).rev().find_map(|few| {
        let mut data = relays.clone();
        data.add_ip_addrs(addresses[..few].to_vec());
        let info = EndpointInfo::from_parts(secret.public(), data);
        info.to_pkarr_signed_packet(secret, TTL).ok()
    })
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    #[test]
    fn a_record_has_the_relay_and_what_else_fits() {
        let secret = SecretKey::from_bytes(&[7; 32]);
        let mut data = EndpointData::default();
        data.add_relay_url("https://relay.hub.example:3443/".parse().unwrap());
        let many =
            (0..60_u16).map(|n| SocketAddr::from(([0x2001, 0xdb8, n, 1, 2, 3, 4, 5], 1000 + n)));
        data.add_ip_addrs(many.collect());
        let packet = record(&secret, &data).unwrap();
        let info = EndpointInfo::from_pkarr_signed_packet(&packet).unwrap();
        assert_eq!(info.endpoint_id, secret.public());
        assert_eq!(info.relay_urls().count(), 1);
        assert_eq!(info.ip_addrs().count(), ADDRESSES);
    }
}
