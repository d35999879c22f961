//! Which part answers a request, and who may ask.
//!
//! | path | who | what |
//! |---|---|---|
//! | `/relay` | token | the relay |
//! | `/pkarr/KEY` | token | the directory: `GET` a record, `PUT` one |
//! | `/dns-query` | token | the directory: DNS over HTTPS |
//! | `/hub` | token | what this hub does, and what time it is there |
//! | `/ping`, `/generate_204`, `/healthz`, `/` | anybody | nothing but that somebody is there |

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http_body_util::{BodyExt as _, Full as Whole, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{
        ACCEPT, ACCESS_CONTROL_ALLOW_ORIGIN, AUTHORIZATION, CONNECTION, CONTENT_TYPE, HeaderValue,
        RETRY_AFTER, WWW_AUTHENTICATE,
    },
};
use iroh_dns::pkarr::SignedPacket;
use iroh_relay::server::http_server::BytesBody;

use super::access;
use crate::{
    content::PeerId,
    hub::{
        directory::Directory,
        limits::Place,
        records::Full,
        relay::Guest,
        running::Parts,
        tokens::{Pass, now},
    },
};

/// Most bytes of a request's body: a record has at most 1,100 and a question to DNS hardly more.
const BODY: usize = 8 * 1024;
/// How long it may take to arrive.
const ARRIVE: Duration = Duration::from_secs(10);
/// How far ahead the clock of whoever publishes may be. A record counts until one with a later time
/// comes: a clock that runs ahead by a day would lock its owner out for that day.
const AHEAD: u64 = 5 * 60;

/// Whoever is at the other end of one connection.
#[derive(Debug)]
pub(super) struct Visitor {
    from: SocketAddr,
    parts: Arc<Parts>,
    place: Arc<Place>,
    /// Ends the connection when the relay has it.
    handle: Arc<socket2::Socket>,
    /// What let in the last request that was let in. Behind a proxy each may be somebody else's.
    pass: Mutex<Option<Pass>>,
}

type Answer = Response<BytesBody>;

impl Visitor {
    /// Whoever comes `from` there, at this place; `handle` is the connection's socket.
    pub(super) fn new(
        from: SocketAddr,
        parts: Arc<Parts>,
        place: Arc<Place>,
        handle: Arc<socket2::Socket>,
    ) -> Self {
        Self {
            from,
            parts,
            place,
            handle,
            pass: Mutex::default(),
        }
    }

    /// Answers one request. Whoever had a token that was taken away keeps its connection no longer than to
    /// the next one, whatever that is: the place is for members.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Answer {
        let mut answer = self.respond(request).await;
        let pass = self.pass.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pass) = &*pass
            && answer.status() != StatusCode::SWITCHING_PROTOCOLS
            && !self.parts.tokens.takes(pass)
        {
            let close = HeaderValue::from_static("close");
            answer.headers_mut().insert(CONNECTION, close);
        }
        answer
    }

    async fn respond(&self, request: Request<Incoming>) -> Answer {
        let parts = &self.parts;
        parts.counters.requests.increase();
        let path = request.uri().path();
        let open_to_all = match (request.method(), path) {
            (&Method::GET | &Method::HEAD, "/") => Some((StatusCode::OK, "This is a Grove hub\n")),
            (&Method::GET | &Method::HEAD, "/healthz") => Some((StatusCode::OK, "ok\n")),
            (&Method::GET | &Method::HEAD, "/ping") => Some((StatusCode::OK, "")),
            (&Method::GET, "/generate_204") => Some((StatusCode::NO_CONTENT, "")),
            (&Method::GET, "/robots.txt") => Some((StatusCode::OK, "User-agent: *\nDisallow: /\n")),
            _ => None,
        };
        if let Some((status, body)) = open_to_all {
            let mut answer = text(status, body);
            let everybody = HeaderValue::from_static("*");
            let headers = answer.headers_mut();
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, everybody);
            return answer;
        }
        let known = ["/relay", "/dns-query", "/hub"].contains(&path) || path.starts_with("/pkarr/");
        if !known {
            return text(StatusCode::NOT_FOUND, "there is nothing here\n");
        }
        let token = match self.let_in(&request) {
            Ok(token) => token,
            Err(answer) => return *answer,
        };
        let path = path.to_owned();
        match (path.as_str(), &parts.relay, &parts.directory) {
            ("/hub", ..) => self.about(),
            ("/relay", Some(relay), _) if request.method() == Method::GET => {
                let guest = Guest::new(token, self.place.clone(), self.handle.clone());
                relay.call(request, guest).await.unwrap_or_else(|error| {
                    tracing::warn!(%error, "the relay does not answer");
                    text(StatusCode::BAD_GATEWAY, "the relay does not answer\n")
                })
            }
            ("/relay", None, _) => text(StatusCode::NOT_FOUND, "this hub has no relay\n"),
            ("/relay", ..) => text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n"),
            (_, _, Some(directory)) => self.look_up(directory, request).await,
            (_, _, None) => text(StatusCode::NOT_FOUND, "this hub has no directory\n"),
        }
    }

    /// By which token the request is let in; `None` where none is needed.
    fn let_in(&self, request: &Request<Incoming>) -> Result<Option<Pass>, Box<Answer>> {
        let parts = &self.parts;
        let offered = access::token(request.headers());
        let pass = offered
            .as_deref()
            .and_then(|token| parts.tokens.pass(token));
        if pass.is_some() {
            self.place.settle();
            let mut last = self.pass.lock().unwrap_or_else(PoisonError::into_inner);
            last.clone_from(&pass);
            return Ok(pass);
        }
        if parts.open {
            return Ok(None);
        }
        parts.counters.unauthorized.increase();
        let why = match offered {
            Some(_) => {
                "this hub does not know that token: ask whoever runs it for a new line to join\n"
            }
            None => "this hub wants a token: ask whoever runs it for a line to join\n",
        };
        let mut answer = text(StatusCode::UNAUTHORIZED, why);
        let headers = answer.headers_mut();
        headers.insert(
            WWW_AUTHENTICATE,
            HeaderValue::from_static("Basic realm=\"Grove hub\""),
        );
        // The next try costs a handshake.
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        Err(Box::new(answer))
    }

    /// What this hub does, for whoever joins.
    fn about(&self) -> Answer {
        let parts = &self.parts;
        let about = serde_json::json!({
            "v": 1,
            "version": env!("CARGO_PKG_VERSION"),
            "relay": parts.relay.is_some(),
            "directory": parts.directory.is_some(),
            "quic_port": parts.discovery.as_ref().map(|discovery| discovery.port),
            "open": parts.open,
            "time": now(),
        });
        let mut answer = text(StatusCode::OK, about.to_string());
        let json = HeaderValue::from_static("application/json");
        answer.headers_mut().insert(CONTENT_TYPE, json);
        answer
    }

    /// Hands a request on to the directory, if it may be.
    async fn look_up(&self, directory: &Directory, request: Request<Incoming>) -> Answer {
        let parts = &self.parts;
        let ip = access::address(self.from, request.headers(), &parts.trusted);
        let (head, body) = request.into_parts();
        let body = Limited::new(body, BODY).collect();
        let body = match tokio::time::timeout(ARRIVE, body).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(_)) => return closing(StatusCode::PAYLOAD_TOO_LARGE, "that is too long\n"),
            Err(_) => return closing(StatusCode::REQUEST_TIMEOUT, "that took too long\n"),
        };
        let path = head.uri.path();
        let key = path.strip_prefix("/pkarr/");
        match (&head.method, key) {
            (&Method::PUT, Some(key)) => {
                if let Err(refusal) = publish(directory, key, &body, ip) {
                    return *refusal;
                }
                parts.counters.published.increase();
            }
            (&Method::GET, Some(_)) | (&Method::GET | &Method::POST, None) => {
                parts.counters.resolved.increase();
            }
            _ => return text(StatusCode::METHOD_NOT_ALLOWED, "only GET and PUT\n"),
        }
        let path_and_query = head.uri.path_and_query().map_or(path, |path| path.as_str());
        let mut onward = Request::builder()
            .method(head.method.clone())
            .uri(path_and_query);
        for name in [CONTENT_TYPE, ACCEPT] {
            if let Some(value) = head.headers.get(&name) {
                onward = onward.header(name, value);
            }
        }
        debug_assert!(
            onward
                .headers_ref()
                .is_none_or(|h| !h.contains_key(AUTHORIZATION))
        );
        let answer = match onward.body(Whole::new(body)) {
            Ok(onward) => directory.ask(onward).await,
            Err(error) => Err(io::Error::other(error)),
        };
        match answer {
            Ok(answer) => {
                let (mut head, body) = answer.into_parts();
                head.headers.remove(CONNECTION);
                Response::from_parts(head, Box::new(body))
            }
            Err(error) => {
                tracing::warn!(%error, "the directory does not answer");
                text(StatusCode::BAD_GATEWAY, "the directory does not answer\n")
            }
        }
    }
}

/// Looks at a record before it is published.
fn publish(directory: &Directory, key: &str, body: &Bytes, ip: IpAddr) -> Result<(), Box<Answer>> {
    let refused = |why: &str| Box::new(text(StatusCode::BAD_REQUEST, format!("{why}\n")));
    let id = PeerId::from_z32(key).map_err(|_| refused("that is no key"))?;
    let packet = SignedPacket::from_relay_payload(&id, body)
        .map_err(|_| refused("that is no record of this key"))?;
    let said = packet.timestamp().as_micros() / 1_000_000;
    let ahead = said.saturating_sub(now());
    if ahead > AHEAD {
        let why =
            format!("the clock of whoever publishes this is {ahead} seconds ahead of the hub's");
        return Err(refused(&why));
    }
    directory
        .records
        .publish(*id.as_bytes(), ip)
        .map_err(|full| {
            let (status, why, wait) = match full {
                Full::TooOften(wait) => {
                    let why = "too many records are published from this address";
                    (StatusCode::TOO_MANY_REQUESTS, why, Some(wait))
                }
                Full::Address => {
                    let why = "this address has as many records as it may";
                    (StatusCode::INSUFFICIENT_STORAGE, why, None)
                }
                Full::Directory => (
                    StatusCode::INSUFFICIENT_STORAGE,
                    "the directory of this hub is full",
                    None,
                ),
            };
            let mut answer = text(status, format!("{why}\n"));
            if let Some(wait) = wait {
                answer.headers_mut().insert(RETRY_AFTER, wait.into());
            }
            Box::new(answer)
        })
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    let body: BytesBody = Box::new(Whole::new(body.into()));
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, plain);
    answer
}

/// An answer behind which the connection ends, since the rest of the request is still to come.
fn closing(status: StatusCode, body: &'static str) -> Answer {
    let mut answer = text(status, body);
    let close = HeaderValue::from_static("close");
    answer.headers_mut().insert(CONNECTION, close);
    answer
}
