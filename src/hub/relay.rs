//! The relay: who is connected to it, and under which token.
//!
//! The front checked the token of a request already, so that nobody without one costs more than that;
//! what it let through carries the number of the connection in a header of ours. When the relay has
//! proven the client's key, it asks [`Door`], which looks once more, since a token may have gone
//! meanwhile, and keeps the place of the connection until the relay says that it has ended.
//!
//! A token that is taken away ends all connections that came with it, wherever on this way they are. The
//! relay knows a client only once that has taken its welcome, which may be never; so they are ended by
//! their sockets.

use std::{
    collections::{HashMap, HashSet},
    net::Shutdown,
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

use super::{
    limits::Place,
    tokens::{Pass, Tokens},
};

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
struct Door {
    tokens: Arc<Tokens>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// Connections whose client has still to prove its key, by their numbers.
    coming: HashMap<u64, Guest>,
    there: HashMap<ConnectionId, (EndpointId, Guest)>,
}

/// Somebody's connection.
#[derive(Debug)]
pub(super) struct Guest {
    /// `None` where none is needed.
    token: Option<Pass>,
    place: Arc<Place>,
    /// Ends the connection, whatever the relay is doing with it.
    socket: Arc<socket2::Socket>,
    /// Dropped when the client has proven its key, or never will; nothing is sent.
    proving: Option<oneshot::Sender<()>>,
}

impl Guest {
    /// Whoever came with this token, at this place; `socket` is that of its connection.
    pub(super) fn new(
        token: Option<Pass>,
        place: Arc<Place>,
        socket: Arc<socket2::Socket>,
    ) -> Self {
        Self {
            token,
            place,
            socket,
            proving: None,
        }
    }

    fn came_with(&self, name: &str) -> bool {
        self.token.as_ref().is_some_and(|pass| pass.name() == name)
    }

    fn end(&self) {
        // It has ended already where this fails.
        _ = self.socket.shutdown(Shutdown::Both);
    }
}

impl Relay {
    /// A relay for whoever has one of the `tokens`, on which one client may send `rate` bytes a second.
    pub(super) fn new(rate: Option<u32>, tokens: Arc<Tokens>) -> Self {
        let door = Door {
            tokens,
            state: Arc::default(),
        };
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

    /// Answers a request for `/relay` that the front let through. A connection that does not become a
    /// client's within [`PROVE`] is ended.
    pub(super) async fn call(
        &self,
        mut request: Request<Incoming>,
        mut guest: Guest,
    ) -> Result<Response<BytesBody>, HyperError> {
        let place = guest.place.clone();
        let number = place.number();
        request.headers_mut().insert(NUMBER, number.into());
        let (coming, arrived) = oneshot::channel();
        guest.proving = Some(coming);
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
            if let Some(guest) = door.state().coming.remove(&number) {
                guest.end();
            }
        });
        response
    }

    /// Ends the connections of everybody who came with the token of `name`, which was taken away before;
    /// how many clients that were.
    pub(super) fn disconnect(&self, name: &str) -> usize {
        let mut state = self.door.state();
        for (_, guest) in state.coming.extract_if(|_, guest| guest.came_with(name)) {
            guest.end();
        }
        let there = state.there.iter();
        let gone = there.filter(|(_, (_, guest))| guest.came_with(name));
        let gone: Vec<_> = gone
            .map(|(id, (endpoint, guest))| {
                guest.end();
                (*id, *endpoint)
            })
            .collect();
        // The relay asks for the state when it tells that they have ended.
        drop(state);
        for (id, endpoint) in &gone {
            // Those it does not know yet it will find ended.
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
        let there = state.there.values();
        let ids = there.filter(|(_, guest)| guest.came_with(name));
        ids.map(|(id, _)| id).collect::<HashSet<_>>().len()
    }
}

impl Door {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AccessControl for Door {
    async fn on_connect(&self, request: &ClientRequest) -> Access {
        let denied = Access::Deny {
            reason: Some("this hub does not take that token any more".to_owned()),
        };
        let number = request.headers().get(NUMBER);
        let number = number.and_then(|number| number.to_str().ok()?.parse().ok());
        let mut state = self.state();
        let Some(mut guest) = number.and_then(|number: u64| state.coming.remove(&number)) else {
            return denied;
        };
        // As long as the state is locked: a token that goes from here on is looked for among the guests
        // afterwards.
        if let Some(pass) = &guest.token
            && !self.tokens.takes(pass)
        {
            guest.end();
            return denied;
        }
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

#[cfg(test)]
mod tests {
    use std::{
        io::{self, Read as _},
        net::{TcpListener, TcpStream},
    };

    use iroh::SecretKey;
    use iroh_relay::http::ProtocolVersion;
    use tempfile::TempDir;

    use super::*;
    use crate::hub::{folder::Folder, limits::Doors};

    /// A relay, and the tokens of those who may come.
    struct Scene {
        relay: Relay,
        tokens: Arc<Tokens>,
        doors: Doors,
        _folder: TempDir,
    }

    impl Scene {
        fn new() -> Self {
            let folder = TempDir::new().unwrap();
            let tokens = Tokens::read(&Folder::at(folder.path()).unwrap()).unwrap();
            let tokens = Arc::new(tokens);
            Self {
                relay: Relay::new(None, tokens.clone()),
                tokens,
                doors: Doors::new(10, 10),
                _folder: folder,
            }
        }

        /// Somebody who came with this token as far as the relay, and has still to prove a key.
        fn comes(&self, pass: &Pass) -> (ClientRequest, TcpStream) {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (socket, from) = listener.accept().unwrap();
            let place = Arc::new(self.doors.enter(from.ip(), false).unwrap());
            let request = Request::get("/relay").header(NUMBER, place.number());
            let (parts, ()) = request.body(()).unwrap().into_parts();
            let id = SecretKey::generate().public();
            let guest = Guest::new(Some(pass.clone()), place, Arc::new(socket.into()));
            let mut state = self.relay.door.state();
            state.coming.insert(guest.place.number(), guest);
            (ClientRequest::new(id, ProtocolVersion::V2, parts), client)
        }

        fn pass(&self, name: &str) -> Pass {
            let token = self.tokens.add(name).unwrap();
            self.tokens.pass(&token.secret).unwrap()
        }

        async fn is_let_in(&self, request: &ClientRequest) -> bool {
            matches!(self.relay.door.on_connect(request).await, Access::Allow)
        }
    }

    /// Waits until it is ended, and not for ever.
    fn is_ended(mut client: &TcpStream) -> bool {
        client.set_read_timeout(Some(PROVE)).unwrap();
        matches!(client.read(&mut [0]), Ok(0))
    }

    fn is_open(mut client: &TcpStream) -> bool {
        client.set_nonblocking(true).unwrap();
        let read = client.read(&mut [0]);
        matches!(read, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// The relay makes somebody a client only after its welcome was taken, and knows nothing of it before.
    #[tokio::test]
    async fn whoever_does_not_take_the_welcome_is_disconnected_too() {
        let scene = Scene::new();
        let (mallory, alice) = (scene.pass("mallory"), scene.pass("alice"));
        let (request, welcomed) = scene.comes(&mallory);
        assert!(scene.is_let_in(&request).await);
        let (_, knocks) = scene.comes(&mallory);
        let (request, other) = scene.comes(&alice);
        assert!(scene.is_let_in(&request).await);
        scene.tokens.remove("mallory").unwrap();
        assert_eq!(scene.relay.disconnect("mallory"), 1);
        assert!(is_ended(&welcomed) && is_ended(&knocks));
        assert!(is_open(&other));
    }

    /// The front had looked at the token before it was taken away; the relay heard of the client after.
    #[tokio::test]
    async fn a_token_that_went_meanwhile_lets_nobody_in() {
        let scene = Scene::new();
        let pass = scene.pass("mallory");
        scene.tokens.remove("mallory").unwrap();
        assert_eq!(scene.relay.disconnect("mallory"), 0);
        let (request, client) = scene.comes(&pass);
        assert!(!scene.is_let_in(&request).await);
        assert!(is_ended(&client));
        // Another one for the same name is another token.
        let anew = scene.pass("mallory");
        let (request, client) = scene.comes(&pass);
        assert!(!scene.is_let_in(&request).await);
        assert!(is_ended(&client));
        let (request, client) = scene.comes(&anew);
        assert!(scene.is_let_in(&request).await);
        assert!(is_open(&client));
    }
}
