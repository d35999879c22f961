//! A place where a hub answers.

use std::{fmt, net::IpAddr, str::FromStr};

/// Most bytes of a name: what the domain name system takes.
const NAME_BYTES: usize = 253;

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
