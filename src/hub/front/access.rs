//! Who asks: the token of a request, and the address it comes from.

use std::net::{IpAddr, SocketAddr};

use data_encoding::{BASE64, BASE64_NOPAD};
use hyper::{HeaderMap, header::AUTHORIZATION};

/// Most bytes of a header with a token.
const LONGEST: usize = 512;

/// The token that a request carries, as a bearer's or as the password of a name that is ignored:
/// clients that publish know that form only. Never in a path or a query, which end up in logs.
pub(crate) fn token(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    if value.len() > LONGEST {
        return None;
    }
    let (scheme, value) = value.split_once(' ')?;
    let value = value.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(value.to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = BASE64.decode(value.as_bytes());
    let decoded = decoded.or_else(|_| BASE64_NOPAD.decode(value.as_bytes()));
    let text = String::from_utf8(decoded.ok()?).ok()?;
    let (_, password) = text.split_once(':')?;
    Some(password.to_owned())
}

/// The address that asks: that of the connection, or where that is of a `trusted` proxy, the last one
/// it was handed on from that is not.
pub(crate) fn address(from: SocketAddr, headers: &HeaderMap, trusted: &[IpAddr]) -> IpAddr {
    let from = from.ip().to_canonical();
    if !trusted.contains(&from) {
        return from;
    }
    let lines = headers.get_all("x-forwarded-for").iter();
    let lines: Vec<&str> = lines.filter_map(|line| line.to_str().ok()).collect();
    let said = lines.iter().flat_map(|line| line.split(',')).rev();
    // What stands further in front, anybody may have written.
    for ip in said {
        let Ok(ip) = ip.trim().trim_matches(['[', ']']).parse::<IpAddr>() else {
            return from;
        };
        let ip = ip.to_canonical();
        if !trusted.contains(&ip) {
            return ip;
        }
    }
    from
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn tokens_come_as_bearers_and_as_passwords() {
        for (value, token_in_it) in [
            ("Bearer abc", Some("abc")),
            ("bearer  abc ", Some("abc")),
            ("Basic Z3JvdmU6YWJj", Some("abc")),
            ("Basic Z3JvdmU6YTpi", Some("a:b")),
            ("Basic !!", None),
            ("Basic Z3JvdmU=", None),
            ("Digest abc", None),
            ("abc", None),
            ("", None),
        ] {
            let found = token(&headers("authorization", &[value]));
            assert_eq!(found.as_deref(), token_in_it, "{value:?}");
        }
    }

    #[test]
    fn only_a_proxy_of_ours_says_for_whom_it_asks() {
        let proxy: IpAddr = [10, 0, 0, 1].into();
        let client: IpAddr = [192, 0, 2, 7].into();
        let from = |ip: IpAddr| SocketAddr::new(ip, 1);
        let said = headers("x-forwarded-for", &["203.0.113.9, 192.0.2.7", "10.0.0.1"]);
        assert_eq!(address(from(proxy), &said, &[proxy]), client);
        assert_eq!(address(from(client), &said, &[proxy]), client);
        assert_eq!(address(from(proxy), &said, &[]), proxy);
        let nonsense = headers("x-forwarded-for", &["192.0.2.7, unknown"]);
        assert_eq!(address(from(proxy), &nonsense, &[proxy]), proxy);
    }
}
