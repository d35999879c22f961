//! Under which addresses and ports clients know the hub. Written down at each start, so that the
//! next one takes the same ports, and that lines to join can be printed while the hub is down.

use std::{fmt::Write as _, fs, net::SocketAddr};

use data_encoding::HEXLOWER;
use serde::Deserialize;

use super::{folder::Folder, tokens::Token};
use crate::{content::HubTicket, disk, events::Failure};

/// What a line to join says of a hub, but for the token.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Where it listens, the first of several.
    pub listens: SocketAddr,
    /// Where it answers HTTPS, the best first.
    pub hosts: Vec<String>,
    /// The UDP port of address discovery.
    pub quic_port: Option<u16>,
    /// Whether there is a relay.
    pub relay: bool,
    /// Whether there is a directory.
    pub directory: bool,
    /// Whether everybody is let in.
    pub open: bool,
    /// SHA-256 of its certificate authority, in hexadecimal digits, where members know it by that.
    pub pin: Option<String>,
}

impl Place {
    /// What the last start of the hub in `folder` wrote, if that can be read: it can be found out
    /// again, but for the line to join of a hub that is down.
    #[must_use]
    pub fn read(folder: &Folder) -> Option<Self> {
        toml::from_str(&fs::read_to_string(folder.place()).ok()?).ok()
    }

    /// Writes it down.
    ///
    /// # Errors
    /// `LocalDisk`.
    pub(super) fn write(&self, folder: &Folder) -> Result<(), Failure> {
        let quoted = |text: &String| serde_json::Value::from(text.as_str()).to_string();
        let hosts: Vec<String> = self.hosts.iter().map(quoted).collect();
        let mut text = format!(
            "# Written by the hub at each start; what you set belongs into hub.toml.\n\
             listens = \"{}\"\nhosts = [{}]\nrelay = {}\ndirectory = {}\nopen = {}\n",
            self.listens,
            hosts.join(", "),
            self.relay,
            self.directory,
            self.open,
        );
        if let Some(port) = self.quic_port {
            _ = writeln!(text, "quic_port = {port}");
        }
        if let Some(pin) = &self.pin {
            _ = writeln!(text, "pin = \"{pin}\"");
        }
        let path = folder.place();
        disk::replace_synced(&path, text.as_bytes())
            .map_err(|error| folder.failure("write", &path, &error))
    }

    /// What a person needs to join: the line `grove join` takes. Without a token for a hub that lets
    /// in everybody.
    #[must_use]
    pub fn ticket(&self, token: Option<&Token>) -> HubTicket {
        let pin = self.pin.as_ref().and_then(|pin| {
            let bytes = HEXLOWER.decode(pin.as_bytes()).ok()?;
            bytes.try_into().ok()
        });
        HubTicket {
            hosts: self.hosts.clone(),
            quic_port: self.quic_port,
            relay: self.relay,
            directory: self.directory,
            pin,
            token: token.map(|token| token.secret.clone()),
        }
    }
}
