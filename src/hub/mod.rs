//! A hub: a relay and a directory for a team, in one process with one data folder.
//!
//! Flow: [`Hub::start`] takes the [`HubOptions`], locks the data folder ([`Folder`]), reads or makes
//! the tokens and the certificate authority, and starts the parts. The *front* is the one port that
//! everything but address discovery and DNS goes through: it ends TLS, knows who is let in, bounds
//! what anybody can hold, and hands requests to the *relay* (of iroh-relay, in this process) and to
//! the *directory* (of iroh-dns-server, which listens on the loopback interface alone, behind a front
//! of its own for *DNS*). *Discovery* tells a client over QUIC which address it is seen at. [`ask`] is
//! how other commands on the same computer talk to a hub that runs.
//!
//! What can fail: the folder is another hub's or cannot be written, a port is taken, the certificate
//! cannot be read. All of that is said before the first client is served; later, a client that
//! misbehaves loses its connection and nothing else.

mod acme;
mod address;
mod authority;
mod certificate;
mod control;
mod crowd;
mod directory;
mod discovery;
mod dns;
mod folder;
mod front;
mod limits;
mod listen;
mod metrics;
mod notify;
mod options;
mod place;
mod records;
mod relay;
mod running;
mod status;
mod tokens;

#[cfg(any(test, fuzzing))]
pub(crate) use self::{
    dns::{by_tcp, end_of_question},
    front::{address_of, token_of},
    tokens::{parse as parse_tokens, text_of as tokens_text},
};
pub use control::{Answer, Question, ask, change};
pub use folder::Folder;
pub use notify::notify;
pub use options::{Authority, Certificate, HubFile, HubOptions, Limits};
pub use place::Place;
pub use running::Hub;
pub use status::{Status, TokenStatus};
pub use tokens::{Pass, Token, Tokens};
