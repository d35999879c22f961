//! Keeps what others say of where a peer is to what may be contacted: whoever publishes a record, or answers
//! on the local network, must not make us contact servers, or knock at services, of their choice.

use iroh::{
    Endpoint, EndpointId,
    address_lookup::{
        AddressLookup, AddressLookupBuilder, AddressLookupBuilderError, EndpointData, EndpointInfo,
        Error, Item,
    },
};
use n0_future::{StreamExt as _, boxed::BoxStream};

use crate::content::{Relays, sift};

/// A lookup whose answers are taken as a ticket's addresses are, with relays of these only.
#[derive(Debug)]
pub(super) struct Sifted<T> {
    lookup: T,
    relays: Relays,
}

impl<T> Sifted<T> {
    pub(super) fn new(lookup: T, relays: Relays) -> Self {
        Self { lookup, relays }
    }
}

impl<T: AddressLookup> AddressLookup for Sifted<T> {
    fn publish(&self, data: &EndpointData) {
        self.lookup.publish(data);
    }

    fn resolve(&self, id: EndpointId) -> Option<BoxStream<Result<Item, Error>>> {
        let relays = self.relays.clone();
        let found = self.lookup.resolve(id)?;
        let found = found.map(move |found| {
            found.map(|item| {
                let kept = sift(&item.to_endpoint_addr(), &relays);
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

/// What becomes such a lookup once there is an endpoint.
#[derive(Debug)]
pub(super) struct ToBeSifted<B> {
    builder: B,
    relays: Relays,
}

impl<B> ToBeSifted<B> {
    pub(super) fn new(builder: B, relays: Relays) -> Self {
        Self { builder, relays }
    }
}

impl<B: AddressLookupBuilder> AddressLookupBuilder for ToBeSifted<B> {
    fn into_address_lookup(
        self,
        endpoint: &Endpoint,
    ) -> Result<impl AddressLookup, AddressLookupBuilderError> {
        let lookup = self.builder.into_address_lookup(endpoint)?;
        Ok(Sifted::new(lookup, self.relays))
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, net::SocketAddr};

    use iroh::{EndpointAddr, SecretKey};

    use super::*;
    use crate::content::MAX_ADDRESSES;

    /// A directory that says this of everybody.
    #[derive(Debug)]
    struct Says(EndpointAddr);

    impl AddressLookup for Says {
        fn resolve(&self, _: EndpointId) -> Option<BoxStream<Result<Item, Error>>> {
            let item = Item::new(self.0.clone().into(), "test", None);
            Some(Box::pin(n0_future::stream::once(Ok(item))))
        }
    }

    /// What is left of what is said.
    async fn left(relays: Relays, said: &[&str]) -> Vec<String> {
        let id = SecretKey::from_bytes(&[1; 32]).public();
        let addr = said.iter().fold(EndpointAddr::new(id), |addr, text| {
            match text.parse::<SocketAddr>() {
                Ok(direct) => addr.with_ip_addr(direct),
                Err(_) => addr.with_relay_url(text.parse().unwrap()),
            }
        });
        let mut found = Sifted::new(Says(addr), relays).resolve(id).unwrap();
        let found = found.next().await.unwrap().unwrap().into_endpoint_addr();
        let direct = found.ip_addrs().map(ToString::to_string);
        let relays = found.relay_urls().map(ToString::to_string);
        direct.chain(relays).collect()
    }

    #[tokio::test]
    async fn relays_are_those_of_ones_hubs_only() {
        let hubs = Relays::OfHubs(BTreeSet::from(["a.example:443".parse().unwrap()]));
        let said = [
            "192.0.2.1:1",
            "https://a.example/",
            "http://a.example:443/",
            "https://a.example:8443/",
            "https://evil.example/",
        ];
        let left = left(hubs, &said).await;
        assert_eq!(left, ["192.0.2.1:1", "https://a.example/"]);
    }

    #[tokio::test]
    async fn without_hubs_they_are_on_the_open_internet() {
        let said = [
            "http://169.254.169.254/",
            "http://127.0.0.1:6379/",
            "https://192.168.1.1/",
            "https://[fd00::1]/",
            "https://printer.local/",
            "http://relay.example/",
            "https://user@relay.example/",
            "https://relay.example/",
        ];
        assert_eq!(
            left(Relays::Public, &said).await,
            ["https://relay.example/"]
        );
    }

    #[tokio::test]
    async fn addresses_are_few_and_such_as_a_peer_can_have() {
        let said = [
            "127.0.0.1:22",
            "[::1]:22",
            "255.255.255.255:9",
            "224.0.0.1:9",
            "[ff02::1]:9",
            "0.0.0.0:9",
            "192.0.2.1:0",
            "192.0.2.1:7",
            "[::ffff:192.0.2.1]:7",
        ];
        assert_eq!(left(Relays::Public, &said).await, ["192.0.2.1:7"]);
        let many: Vec<String> = (1..=100)
            .map(|n| format!("192.0.2.{n}:7"))
            .chain((1..=100).map(|n| format!("https://r{n}.example/")))
            .collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let left = left(Relays::Public, &many).await;
        let relays = left.iter().filter(|said| said.contains("//")).count();
        assert_eq!((left.len() - relays, relays), (MAX_ADDRESSES, 4));
    }
}
