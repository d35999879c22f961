//! The root of the command line: the verbs, the flags that all of them take, and tickets.

use std::{
    fs::File,
    io::{self, Read},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    str::FromStr,
};

use clap::{ArgAction, Args, Parser, Subcommand};

use super::{
    commands::{
        cache::CacheArgs, completions::CompletionsArgs, doctor::DoctorArgs, get::GetArgs,
        hub::HubArgs, id::IdArgs, join::JoinArgs, leave::LeaveArgs, ls::LsArgs, man::ManArgs,
        share::ShareArgs,
    },
    failure::why,
    units::Size,
};
use crate::{
    content::{MAX_TICKET_TEXT, Relays, Ticket, escape},
    events::{Failure, FailureKind},
    node::Ways,
};

/// Share files between equals, straight from one computer to the other
///
/// One side shares a file or a folder and hands around the ticket that this prints; whoever has the
/// ticket fetches the content. Nothing is uploaded anywhere: it goes end-to-end encrypted from one
/// computer to the other, through a relay only where no direct way exists. Whatever interrupts a
/// transfer, the same line typed again goes on where it stopped.
#[derive(Debug, Parser)]
#[command(
    name = "grove",
    version,
    max_term_width = 100,
    arg_required_else_help = true,
    subcommand_required = true,
    after_help = "Start with:  grove share FOLDER   and on the other computer:  grove get TICKET",
    after_long_help = ROOT_AFTER
)]
pub(crate) struct Grove {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const ROOT_AFTER: &str = "\
Examples:
  Share a folder, until Ctrl-C:
      grove share photos/
  Fetch it on another computer, into the folder you are in:
      grove get blobabc…
  See what it holds before you fetch it:
      grove ls blobabc…

Exit codes:
  0    done
  1    failed
  2    wrong arguments
  3    done, but some entries were left out, which are named
  4    the other side could not be reached
  5    refused, by the other side or by a limit that you set
  6    content did not verify
  7    something is in the way at the destination
  8    this computer's disk or permissions
  129  ended by SIGHUP
  130  interrupted (Ctrl-C, SIGINT)
  143  ended by SIGTERM

Settings:
  A flag counts before the environment, that before config.toml in
  the folder of your settings, that before the default.

Environment:
  GROVE_HOME, GROVE_OFFLINE, GROVE_NO_LAN, GROVE_HUB, GROVE_BIND,
  GROVE_WAIT and GROVE_LIMIT_RATE stand for the flags of these names; GROVE_TICKET
  for a ticket. GROVE_LOG is a filter for logs, such as grove=debug.
  NO_COLOR switches colours off.

Units:
  Sizes: 500, 64K, 10M, 1.5G are decimal, as are KB, MB and GB; KiB,
  MiB and GiB are powers of 1024.
  Times: 90s, 10m, 2h, 1d, and together: 1h30m.";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Share(ShareArgs),
    Get(GetArgs),
    Ls(LsArgs),
    Doctor(DoctorArgs),
    Hub(Box<HubArgs>),
    Id(IdArgs),
    Join(JoinArgs),
    Leave(LeaveArgs),
    Cache(CacheArgs),
    Completions(CompletionsArgs),
    Man(ManArgs),
}

/// Flags of every command.
#[expect(
    clippy::struct_excessive_bools,
    clippy::doc_markdown,
    reason = "switches, and their comments are help texts"
)]
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Everywhere", next_display_order = 1000)]
pub(crate) struct GlobalArgs {
    /// Print one JSON object a line instead of text
    ///
    /// Each object has "v":1 and says in "event" what happened. Everything goes to standard output,
    /// errors too. Fields keep their meaning; new ones may come.
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Print only the result and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,

    /// Explain what is done; twice for the network too
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,

    /// Keep identity, settings and caches here
    ///
    /// Without it they are in the folders that your platform has for such things.
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "GROVE_HOME",
        hide_env_values = true
    )]
    pub(crate) home: Option<PathBuf>,

    /// Use no relay and no directory
    ///
    /// Only the addresses in the ticket and the local network are used then, and no packet goes to a
    /// server. So does GROVE_OFFLINE=1; GROVE_OFFLINE=0 overrules the settings file.
    #[arg(long, global = true)]
    pub(crate) offline: bool,

    /// Do not look for peers on the local network
    ///
    /// So does GROVE_NO_LAN=1.
    #[arg(long, global = true)]
    pub(crate) no_lan: bool,

    /// Use this hub, not those you joined
    ///
    /// May be repeated. Its ticket, the word that starts with hub, or @FILE for a file with it. Relay and directory are those
    /// of the hubs that are given, and no public server is used. With 'public' it is the public ones, although you
    /// joined a hub. Other users of this computer can see arguments; GROVE_HUB, a file or 'grove join'
    /// keep it from them.
    #[arg(
        long,
        global = true,
        value_name = "HUB",
        env = "GROVE_HUB",
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub(crate) hub: Vec<String>,

    /// Listen at this port or address, such as 4433 or 192.0.2.7:4433
    ///
    /// For a firewall that lets one port through. May be given several times. Without it, any free
    /// port on all interfaces is used.
    #[arg(
        long,
        global = true,
        value_name = "ADDR",
        env = "GROVE_BIND",
        hide_env_values = true,
        value_delimiter = ',',
        hide_short_help = true
    )]
    pub(crate) bind: Vec<Bind>,
}

/// Which ways content may take, for the commands that connect.
#[derive(Debug, Default, Args)]
pub(crate) struct WaysArgs {
    /// Never use a relay
    ///
    /// Nothing crosses a relay then, not even to make contact: the other side has to be on the local network
    /// or at an address that lets connections in.
    #[arg(long, conflicts_with = "relay_only")]
    direct_only: bool,

    /// Use relays only, never a direct way
    ///
    /// The other side learns no address of this computer then, and nobody can connect to it.
    #[arg(long, conflicts_with = "offline")]
    relay_only: bool,
}

impl WaysArgs {
    /// The ways that are left.
    pub(crate) fn ways(&self) -> Ways {
        match (self.direct_only, self.relay_only) {
            (true, _) => Ways::DirectOnly,
            (_, true) => Ways::RelayOnly,
            _ => Ways::Any,
        }
    }
}

/// Most bytes a second, for the commands that transfer something.
#[derive(Debug, Default, Args)]
pub(crate) struct RateArgs {
    /// Most bytes a second
    ///
    /// Such as 10M for ten million, over all connections together.
    #[arg(
        long,
        value_name = "SIZE",
        env = "GROVE_LIMIT_RATE",
        hide_env_values = true
    )]
    pub(crate) limit_rate: Option<Size>,
}

/// Where to listen: one address, or one port on all interfaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bind {
    /// This address.
    Addr(SocketAddr),
    /// This port, IPv4 and IPv6.
    Port(u16),
}

/// Why an address was not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("say a port such as 4433, or an address with a port such as 192.0.2.7:4433 or [::1]:4433")]
pub(crate) struct BindError;

impl FromStr for Bind {
    type Err = BindError;

    fn from_str(text: &str) -> Result<Self, BindError> {
        if let Ok(port) = text.parse() {
            return Ok(Self::Port(port));
        }
        text.parse().map(Self::Addr).map_err(|_| BindError)
    }
}

impl Bind {
    /// The addresses to listen at.
    pub(crate) fn addrs(self) -> Vec<SocketAddr> {
        match self {
            Self::Addr(addr) => vec![addr],
            Self::Port(port) => [
                IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            ]
            .map(|ip| SocketAddr::new(ip, port))
            .to_vec(),
        }
    }
}

/// A ticket, from wherever the user has it.
#[derive(Debug, Args)]
pub(crate) struct TicketArgs {
    /// The ticket, - for standard input, or @FILE
    ///
    /// With - it is read from standard input, with @FILE from that file. A ticket is as good as the content: whoever has it can fetch. Other users of this computer
    /// can see arguments, so there it is better read from standard input, a file or the environment.
    /// Spaces and line breaks within it do no harm.
    #[arg(
        required = true,
        env = "GROVE_TICKET",
        hide_env_values = true,
        value_name = "TICKET"
    )]
    words: Vec<String>,
}

impl TicketArgs {
    /// Reads and checks the ticket; with it come lines about what in it is not used, such as an
    /// address within this network that a stranger has no business to name.
    ///
    /// # Errors
    /// `Usage` when it is none; `LocalDisk` when its file cannot be read.
    pub(crate) fn read(&self, relays: &Relays) -> Result<(Ticket, Vec<String>), Failure> {
        ticket_of(&self.words, relays)
    }
}

/// The ticket that is given as `-`, as `@FILE`, or in words; see [`TicketArgs::read`].
///
/// # Errors
/// `Usage` when it is none; `LocalDisk` when its file cannot be read.
pub(crate) fn ticket_of(
    words: &[String],
    relays: &Relays,
) -> Result<(Ticket, Vec<String>), Failure> {
    Ticket::parse_with(&ticket_text(words)?, relays)
        .map_err(|error| Failure::new(FailureKind::Usage, error.to_string()).hint(error.hint()))
}

/// The text of a ticket that is given as `-`, as `@FILE`, or in words.
///
/// # Errors
/// `LocalDisk` when its file cannot be read; `Usage` when what is there can be no ticket.
pub(crate) fn ticket_text(words: &[String]) -> Result<String, Failure> {
    match words {
        [word] if word == "-" => read_ticket(io::stdin().lock(), "the ticket on standard input"),
        [word] if word.starts_with('@') => {
            let name = &word[1..];
            let shown = format!("the ticket file {}", escape(name));
            let file = File::open(name).map_err(|error| {
                Failure::new(
                    FailureKind::LocalDisk,
                    format!("{shown} cannot be opened: {}", why(&error)),
                )
                .hint("check the name and who may read it")
            })?;
            read_ticket(file, &shown)
        }
        // A ticket that was broken over lines when it was pasted.
        words => Ok(words.join(" ")),
    }
}

fn read_ticket(from: impl Read, what: &str) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    from.take(MAX_TICKET_TEXT as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| {
            Failure::new(
                FailureKind::LocalDisk,
                format!("{what} cannot be read: {}", why(&error)),
            )
        })?;
    if bytes.len() > MAX_TICKET_TEXT {
        let message = format!("{what} is too long to be a ticket");
        return Err(Failure::new(FailureKind::Usage, message).hint("a ticket is a single line"));
    }
    String::from_utf8(bytes).map_err(|_| {
        Failure::new(FailureKind::Usage, format!("{what} is not text"))
            .hint("a ticket starts with blob, and is letters and digits only")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::command;

    #[test]
    fn the_definition_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn a_port_alone_means_every_interface() {
        let addrs = Bind::from_str("4433").unwrap().addrs();
        let expected = ["0.0.0.0:4433", "[::]:4433"].map(|a| a.parse().unwrap());
        assert_eq!(addrs, expected);
    }

    #[test]
    fn an_address_needs_a_port() {
        for text in ["192.0.2.7:1", "[::1]:1"] {
            assert_eq!(
                Bind::from_str(text).unwrap().addrs(),
                [text.parse().unwrap()]
            );
        }
        for text in ["", "192.0.2.7", "::1", "65536", "host:1"] {
            assert_eq!(Bind::from_str(text), Err(BindError), "{text}");
        }
    }

    #[test]
    fn what_is_far_too_long_is_not_read_to_its_end() {
        let failure = read_ticket(io::repeat(b'a'), "it").unwrap_err();
        assert_eq!(failure.kind, FailureKind::Usage);
        assert_eq!(failure.message, "it is too long to be a ticket");
        assert!(read_ticket(&[0xff, 0xfe][..], "it").is_err());
    }
}
