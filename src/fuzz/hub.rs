//! What strangers send to a hub, as far as Grove reads it itself, and the list of who is let in.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
};

use hyper::{
    HeaderMap,
    header::{AUTHORIZATION, HeaderValue},
};

use super::assert_told;
use crate::hub;

/// A message to the port of DNS: all of the input. What is not left without an answer is a question, and
/// the answer that sends it to TCP is no longer and no question.
pub fn question(bytes: &[u8]) {
    let Some(end) = hub::end_of_question(bytes) else {
        return;
    };
    assert!((17..=12 + 255 + 4).contains(&end) && end <= bytes.len());
    let answer = hub::by_tcp(&bytes[..end]);
    assert_eq!(answer.len(), end);
    assert_eq!(answer[..2], bytes[..2], "whose answer it is");
    assert_eq!(answer[12..], bytes[12..end], "what was asked");
    assert_eq!(hub::end_of_question(&answer), None, "two hubs could go on");
    assert_eq!(hub::end_of_question(&bytes[..end]), Some(end));
    assert_eq!(hub::end_of_question(&bytes[..end - 1]), None);
}

/// What a request says of who asks: a line for the token, then lines that proxies may have written.
pub fn headers(bytes: &[u8]) {
    const PROXY: Ipv4Addr = Ipv4Addr::new(10, 1, 1, 1);
    let mut headers = HeaderMap::new();
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let first = lines.next().unwrap_or_default();
    if let Ok(value) = HeaderValue::from_bytes(first) {
        headers.insert(AUTHORIZATION, value);
    }
    for value in lines.filter_map(|line| HeaderValue::from_bytes(line).ok()) {
        headers.append("x-forwarded-for", value);
    }
    if let Some(token) = hub::token_of(&headers) {
        assert!(token.len() < first.len());
    }
    let from = |ip: Ipv4Addr| SocketAddr::from((ip, 7));
    let seen = |ip, trusted: &[IpAddr]| hub::address_of(from(ip), &headers, trusted);
    let anybody = Ipv4Addr::new(192, 0, 2, 7);
    assert_eq!(seen(anybody, &[PROXY.into()]), anybody, "it is no proxy");
    assert_eq!(seen(PROXY, &[]), PROXY);
    let handed_on = seen(PROXY, &[PROXY.into()]);
    assert_eq!(handed_on, handed_on.to_canonical());
    let says = |ip: IpAddr| {
        let lines = headers.get_all("x-forwarded-for").iter();
        let mut said = lines.flat_map(|line| line.to_str().unwrap_or_default().split(','));
        said.any(|one| {
            let one = one.trim().trim_matches(['[', ']']).parse::<IpAddr>();
            one.is_ok_and(|one| one.to_canonical() == ip)
        })
    };
    assert!(handed_on == PROXY || says(handed_on), "{handed_on}");
}

/// The list of tokens: all of the input, as text.
pub fn tokens(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let tokens = match hub::parse_tokens(Path::new("tokens.toml"), &text) {
        Ok(tokens) => tokens,
        Err(failure) => return assert_told(&failure),
    };
    let written = hub::tokens_text(tokens.iter());
    let again = hub::parse_tokens(Path::new("tokens.toml"), &written);
    assert_eq!(again.ok(), Some(tokens));
}
