//! A question by HTTPS: does a server answer, how fast, and what time is it there.

use std::{
    net::SocketAddr,
    time::{Instant, SystemTime},
};

use iroh::Endpoint;
use n0_future::StreamExt as _;
use reqwest::{Client, Response, StatusCode, redirect};
use url::Url;

use super::{Asked, Trouble, WITHIN, ahead};
use crate::{
    content::{HostPort, escape},
    node::hubs::{NoAnswer, date, no_answer},
};

/// Asks for `url` twice over one connection, and notes how long the second answer took: the first
/// pays for the connection.
pub(super) async fn ask(endpoint: &Endpoint, url: &Url, token: Option<&str>, asked: &mut Asked) {
    // Looked up in the way in which the node does, and not by the system.
    let (Some(host), addresses) = (url.host_str(), resolve(endpoint, url).await) else {
        return;
    };
    if addresses.is_empty() {
        asked.answer = Err(Trouble::NoAddress);
        return;
    }
    let client = Client::builder()
        .tls_backend_preconfigured(endpoint.tls_config().clone())
        .resolve_to_addrs(host, &addresses)
        .redirect(redirect::Policy::none())
        .no_proxy()
        .build();
    let Ok(client) = client else {
        return;
    };
    for _ in 0..2 {
        let mut request = client.get(url.clone());
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let (start, before) = (Instant::now(), SystemTime::now());
        match tokio::time::timeout(WITHIN, request.send()).await {
            Ok(Ok(response)) => {
                asked.answer = understand(&response).map(|()| start.elapsed());
                asked.clock_ahead =
                    date(&response).map(|date| ahead(date, before, SystemTime::now()));
            }
            Ok(Err(error)) => asked.answer = Err(why(&error)),
            Err(_) => asked.answer = Err(Trouble::Silent),
        }
        if asked.answer.is_err() {
            return;
        }
    }
}

/// The addresses that the host of `url` has.
async fn resolve(endpoint: &Endpoint, url: &Url) -> Vec<SocketAddr> {
    let Ok(resolver) = endpoint.dns_resolver() else {
        return Vec::new();
    };
    let port = url.port_or_known_default().unwrap_or_default();
    let found = resolver.resolve_host_all(url, WITHIN);
    let found = found.filter_map(|ip| Some(SocketAddr::new(ip.ok()?, port)));
    found.collect().await
}

/// A server that has what was asked for, or has not, is all right.
fn understand(response: &Response) -> Result<(), Trouble> {
    match response.status() {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(Trouble::Denied),
        StatusCode::NOT_FOUND | StatusCode::TOO_MANY_REQUESTS => Ok(()),
        status if status.is_success() => Ok(()),
        _ => Err(Trouble::Strange),
    }
}

/// Tells a server that cannot prove who it is from one that does not answer.
fn why(error: &reqwest::Error) -> Trouble {
    match no_answer(error) {
        NoAnswer::Unreachable(why) => {
            tracing::debug!(why, "a server does not answer");
            Trouble::Silent
        }
        NoAnswer::NotTheHub => Trouble::Untrusted,
        NoAnswer::Clock => Trouble::Clock,
    }
}

/// An address as people may see it: without a name and a password in front of the host.
pub(super) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    if let Some(ip) = url.host_str().and_then(HostPort::ipv6_of) {
        _ = url.set_ip_host(ip.into());
    }
    // Both fail only where there can be none.
    _ = url.set_username("");
    _ = url.set_password(None);
    escape(url.as_str()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_not_shown() {
        let url = Url::parse("https://grove:secret@hub.example:3443/pkarr").unwrap();
        assert_eq!(shown(&url), "https://hub.example:3443/pkarr");
    }
}
