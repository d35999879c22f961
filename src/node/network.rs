//! Which parts of the network a node uses, and which ways content may take.

use std::{collections::BTreeSet, net::SocketAddr};

use iroh::RelayMap;

use super::hubs;
use crate::{
    content::{HubTicket, Relays},
    events::{Failure, FailureKind},
};

/// Which parts of the network are used.
#[derive(Debug, Clone)]
pub struct Network {
    /// Use no relay and no directory: only direct addresses and the local network.
    pub offline: bool,
    /// Find peers on the local network, and be found there (mDNS).
    pub lan: bool,
    /// Addresses to listen at; empty means any port on all interfaces.
    pub bind: Vec<SocketAddr>,
    /// Hubs whose relays and directories are used, and no public ones; the public ones where it is empty.
    pub hubs: Vec<HubTicket>,
    /// Which ways content may take.
    pub ways: Ways,
}

/// Which ways content may take from one computer to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ways {
    /// The direct one where there is one, else through a relay.
    #[default]
    Any,
    /// Never through a relay: no relay is used, not even to make contact.
    DirectOnly,
    /// Never straight: no socket is opened that somebody could reach, and nobody learns an address.
    RelayOnly,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            offline: false,
            lan: true,
            bind: Vec::new(),
            hubs: Vec::new(),
            ways: Ways::Any,
        }
    }
}

impl Network {
    /// Which relays a ticket may send us to.
    #[must_use]
    pub fn relays(&self) -> Relays {
        if self.hubs.is_empty() {
            return Relays::Public;
        }
        let relays = self.hubs.iter().filter(|hub| hub.relay);
        Relays::OfHubs(relays.flat_map(HubTicket::places).collect())
    }

    /// Which relays others may send us to: none where none is used.
    pub(super) fn relays_in_use(&self) -> Relays {
        if self.offline || self.ways == Ways::DirectOnly {
            return Relays::OfHubs(BTreeSet::new());
        }
        self.relays()
    }

    /// The relays that are used, where they are those of hubs.
    pub(super) fn hub_relays(&self) -> Option<RelayMap> {
        (!self.hubs.is_empty()).then(|| match self.ways {
            _ if self.offline => RelayMap::empty(),
            Ways::DirectOnly => RelayMap::empty(),
            Ways::Any | Ways::RelayOnly => hubs::relays(&self.hubs),
        })
    }

    /// Refuses settings that leave no way at all.
    pub(super) fn check(&self) -> Result<(), Failure> {
        if self.ways != Ways::RelayOnly {
            return Ok(());
        }
        let usage = |message, hint| Err(Failure::new(FailureKind::Usage, message).hint(hint));
        if self.offline {
            return usage(
                "through relays only and without any server, nobody can be reached",
                "leave out --offline or --relay-only",
            );
        }
        if self.hub_relays().is_some_and(|relays| relays.is_empty()) {
            return usage(
                "none of your hubs relays",
                "leave out --relay-only, or join a hub that does",
            );
        }
        Ok(())
    }
}
