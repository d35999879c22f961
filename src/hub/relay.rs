//! The relay: who is connected to it, and under which token.
//!
//! The front checked the token of a request already, so that nobody without one costs more than that;
//! what it let through carries the number of the connection in a header of ours. When the relay has
//! proven the client's key, it asks [`Door`], which looks once more, since a token may have gone
//! meanwhile, and keeps the place of the connection until the relay says that it has ended.

use std::{
    collections::{HashMap, HashSet},
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hyper::{
    HeaderMap, Request, Response, StatusCode, body::Incoming, header::HeaderName,
    service::Service as _,
};
use iroh::EndpointId;
use iroh_relay::{
    KeyCache,
    server::{
        Access, AccessControl, ClientRateLimit, ClientRequest, ConnectionId, Metrics,
        http_server::{BytesBody, Handlers, HyperError, RelayService, RelayServiceWithNotify},
    },
};
use tokio::sync::oneshot;

use super::limits::Place;

/// Carries the number of a connection from the front to the door. Whatever a client puts there is
/// overwritten.
pub(super) const NUMBER: HeaderName = HeaderName::from_static("x-grove-connection");
/// Keys whose parsing is remembered: as many as clients are expected.
const KEYS: usize = 16 * 1024;
/// How long a client may take to prove its key.
pub(super) const PROVE: Duration = Duration::from_secs(15);

/// The relay of a hub.
#[derive(Debug, Clone)]
pub(super) struct Relay {
    service: RelayService,
    door: Door,
    pub(super) metrics: Arc<Metrics>,
}

/// Decides who gets in and knows who is there.
#[derive(Debug, Clone)]
pub(super) struct Door(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// Connections whose client has still to prove its key, by their numbers.
    coming: HashMap<u64, Guest>,
    there: HashMap<ConnectionId, (EndpointId, Guest)>,
}

/// Somebody's connection.
#[derive(Debug)]
struct Guest {
    /// The name of the token; `None` where none is needed.
    token: Option<String>,
    place: Arc<Place>,
    /// Dropped when the client has proven its key, or never will; nothing is sent.
    proving: Option<oneshot::Sender<()>>,
}

impl Relay {
    /// A relay on which one client may send `rate` bytes a second.
    pub(super) fn new(rate: Option<u32>) -> Self {
        let door = Door(Arc::default());
        let metrics = Arc::new(Metrics::default());
        let rate = rate.and_then(NonZeroU32::new).map(ClientRateLimit::new);
        let service = RelayService::new(
            Handlers::default(),
            HeaderMap::new(),
            rate,
            KeyCache::new(KEYS),
            Arc::new(door.clone()),
            metrics.clone(),
        );
        Self {
            service,
            door,
            metrics,
        }
    }

    /// Answers a request for `/relay` that the front let through. When the connection does not become
    /// a client's within [`PROVE`], `give_up` is called.
    pub(super) async fn call(
        &self,
        mut request: Request<Incoming>,
        token: Option<String>,
        place: Arc<Place>,
        give_up: impl FnOnce() + Send + 'static,
    ) -> Result<Response<BytesBody>, HyperError> {
        let number = place.number();
        request.headers_mut().insert(NUMBER, number.into());
        let (coming, arrived) = oneshot::channel();
        let guest = Guest {
            token,
            place: place.clone(),
            proving: Some(coming),
        };
        self.door.state().coming.insert(number, guest);
        let service = RelayServiceWithNotify::new(self.service.clone(), Arc::default());
        let response = service.call(request).await;
        let status = response.as_ref().map(Response::status);
        if !matches!(status, Ok(StatusCode::SWITCHING_PROTOCOLS)) {
            self.door.state().coming.remove(&number);
            return response;
        }
        let door = self.door.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = arrived => return,
                () = place.ended.cancelled() => {}
                () = tokio::time::sleep(PROVE) => {}
            }
            if door.state().coming.remove(&number).is_some() {
                give_up();
            }
        });
        response
    }

    /// Ends the connections of everybody who came with the token of `name`; how many.
    pub(super) fn disconnect(&self, name: &str) -> usize {
        let mut state = self.door.state();
        let of = |guest: &Guest| guest.token.as_deref() == Some(name);
        // Those who have still to prove their key find that nobody waits for them.
        state.coming.retain(|_, guest| !of(guest));
        let gone = state.there.iter().filter(|(_, (_, guest))| of(guest));
        let gone: Vec<_> = gone.map(|(id, (endpoint, _))| (*id, *endpoint)).collect();
        // The relay asks for the state when it tells that they have ended.
        drop(state);
        for (id, endpoint) in &gone {
            self.service.clients().disconnect(*endpoint, Some(*id));
        }
        gone.len()
    }

    /// Ends all connections.
    pub(super) async fn shutdown(&self) {
        self.service.shutdown().await;
    }

    /// Connected endpoints.
    pub(super) fn clients(&self) -> usize {
        let state = self.door.state();
        let ids: HashSet<_> = state.there.values().map(|(id, _)| id).collect();
        ids.len()
    }

    /// Connected endpoints with the token of `name`.
    pub(super) fn clients_of(&self, name: &str) -> usize {
        let state = self.door.state();
        let of = |guest: &Guest| guest.token.as_deref() == Some(name);
        let ids = state.there.values().filter(|(_, guest)| of(guest));
        ids.map(|(id, _)| id).collect::<HashSet<_>>().len()
    }
}

impl Door {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AccessControl for Door {
    async fn on_connect(&self, request: &ClientRequest) -> Access {
        let number = request.headers().get(NUMBER);
        let number = number.and_then(|number| number.to_str().ok()?.parse().ok());
        let mut state = self.state();
        let Some(mut guest) = number.and_then(|number: u64| state.coming.remove(&number)) else {
            return Access::Deny {
                reason: Some("this hub does not take that token any more".to_owned()),
            };
        };
        guest.place.settle();
        guest.proving = None;
        let endpoint = request.endpoint_id();
        state
            .there
            .insert(request.connection_id(), (endpoint, guest));
        Access::Allow
    }

    fn on_disconnect(&self, _: EndpointId, connection: ConnectionId) {
        self.state().there.remove(&connection);
    }
}
