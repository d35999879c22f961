//! A place where a hub answers.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
};

/// Most bytes of a name: what the domain name system takes.
const NAME_BYTES: usize = 253;

/// Behind the 32 digits of an IPv6 address: a name for it that can belong to nobody.
const IPV6_NAMES: &str = ".ipv6.invalid";

/// A name or an address, and a port. As text `name:443`, `192.0.2.7:443` or `[2001:db8::7]:443`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostPort {
    host: String,
    port: u16,
}

/// The text is no name or address with a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("say a name or an address with a port, such as hub.example:443 or [2001:db8::7]:443")]
pub struct HostPortError;

impl HostPort {
    /// The name, or the address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port; never 0.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The host in the address of a relay. That is a name also where it is an IPv6 address: what connects to
    /// relays takes an address in brackets for a name that no certificate can be for. Nobody is asked
    /// for that name; [`HostPort::ipv6_of`] reads it, and so does the parser.
    #[must_use]
    pub fn url_host(&self) -> String {
        match self.host.parse::<Ipv6Addr>() {
            Ok(ip) => format!("{:032x}{IPV6_NAMES}", u128::from(ip)),
            Err(_) => self.host.clone(),
        }
    }

    /// The IPv6 address that the name of a host stands for.
    #[must_use]
    pub fn ipv6_of(name: &str) -> Option<Ipv6Addr> {
        let digits = name.trim_end_matches('.').strip_suffix(IPV6_NAMES)?;
        let is_one = digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit());
        let ip = u128::from_str_radix(digits, 16).ok().filter(|_| is_one)?;
        Some(Ipv6Addr::from(ip))
    }

    /// The address, where it is one.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

impl From<(IpAddr, u16)> for HostPort {
    fn from((ip, port): (IpAddr, u16)) -> Self {
        Self {
            host: ip.to_canonical().to_string(),
            port,
        }
    }
}

impl FromStr for HostPort {
    type Err = HostPortError;

    /// Takes names of letters, digits, `-`, `_` and `.` alone, in their ASCII form, and makes them lower
    /// case. What reads like a number is an address in its usual form or refused: other programs take
    /// `0x7f.1` for one.
    fn from_str(text: &str) -> Result<Self, HostPortError> {
        let (host, port) = text.rsplit_once(':').ok_or(HostPortError)?;
        let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
        let port = port.parse().ok().filter(|port| digits && *port != 0);
        let port = port.ok_or(HostPortError)?;
        if let Some(ip) = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
        {
            let ip: std::net::Ipv6Addr = ip.parse().map_err(|_| HostPortError)?;
            return Ok((IpAddr::V6(ip), port).into());
        }
        if let Ok(ip) = host.parse::<std::net::Ipv4Addr>() {
            return Ok((IpAddr::V4(ip), port).into());
        }
        if let Some(ip) = Self::ipv6_of(&host.to_ascii_lowercase()) {
            return Ok((IpAddr::V6(ip), port).into());
        }
        if is_name(host) {
            let host = host.to_ascii_lowercase();
            return Ok(Self { host, port });
        }
        Err(HostPortError)
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') {
            write!(f, "[{host}]:{port}")
        } else {
            write!(f, "{host}:{port}")
        }
    }
}

fn is_name(host: &str) -> bool {
    let label = |label: &str| {
        let known = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        (1..=63).contains(&label.len())
            && label.bytes().all(known)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = host.rsplit('.').next().unwrap_or_default();
    host.len() <= NAME_BYTES
        && host.split('.').all(label)
        && !last.starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_address_has_a_name_in_urls_and_is_read_from_it() {
        let place: HostPort = "[2001:db8::7]:3443".parse().unwrap();
        let name = place.url_host();
        assert_eq!(name, "20010db8000000000000000000000007.ipv6.invalid");
        assert_eq!(
            HostPort::ipv6_of(&name),
            place.ip().and_then(|ip| match ip {
                IpAddr::V6(ip) => Some(ip),
                IpAddr::V4(_) => None,
            })
        );
        for text in [
            format!("{name}:3443"),
            format!("{name}:3443").to_uppercase(),
        ] {
            assert_eq!(text.parse(), Ok(place.clone()), "{text}");
        }
    }

    #[test]
    fn other_hosts_are_what_they_are() {
        for text in ["hub.example:443", "192.0.2.7:443"] {
            let place: HostPort = text.parse().unwrap();
            assert_eq!(place.url_host(), place.host());
        }
        for name in [
            "ipv6.invalid",
            "7.ipv6.invalid",
            "+0010db8000000000000000000000007.ipv6.invalid",
        ] {
            assert_eq!(HostPort::ipv6_of(name), None, "{name}");
        }
    }
}
