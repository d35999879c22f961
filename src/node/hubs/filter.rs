//! Keeps what others say of a peer to the relays of one's hubs: whoever publishes a record, or answers on the
//! local network, must not make us contact servers of their choice.

use iroh::{
    EndpointId, RelayMap,
    address_lookup::{AddressLookup, EndpointInfo, Error, Item},
};
use n0_future::{StreamExt as _, boxed::BoxStream};

use super::keep_relays;

/// A lookup whose answers name relays of `known` only.
#[derive(Debug)]
pub(crate) struct OfHubs<T> {
    lookup: T,
    known: RelayMap,
}

impl<T> OfHubs<T> {
    pub(crate) fn new(lookup: T, known: RelayMap) -> Self {
        Self { lookup, known }
    }
}

impl<T: AddressLookup> AddressLookup for OfHubs<T> {
    fn publish(&self, data: &iroh::address_lookup::EndpointData) {
        self.lookup.publish(data);
    }

    fn resolve(&self, id: EndpointId) -> Option<BoxStream<Result<Item, Error>>> {
        let known = self.known.clone();
        let found = self.lookup.resolve(id)?;
        let found = found.map(move |found| {
            found.map(|item| {
                let kept = keep_relays(&item.to_endpoint_addr(), &known);
                Item::new(
                    EndpointInfo::from(kept),
                    item.provenance(),
                    item.last_updated(),
                )
            })
        });
        Some(Box::pin(found))
    }
}
