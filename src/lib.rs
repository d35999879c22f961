//! Grove shares files between equals.
//!
//! One command shares a folder, a ticket fetches it from anywhere, and whatever interrupts a
//! transfer, the same line typed again goes on where it stopped. Content is named by its BLAKE3
//! hash and goes straight from one computer to the other, end-to-end encrypted.
//!
//! The crate is a library and a thin binary. Its layers, from the bottom up; arrows point down only,
//! and a test of the project keeps them so:
//!
//! | layer | what it is | may not know |
//! |---|---|---|
//! | [`content`] | what is shared, as pure data: entry paths, manifests, tickets, limits | files, sockets, clocks, printing |
//! | [`events`] | all that happens, as one typed enum, and the failures that people see | how anything is shown |
//! | [`disk`] | careful file work: walking, hashing, the hash cache, placing files | the network |
//! | [`profile`] | what Grove keeps about its person: identity, settings, folders | the network |
//! | [`node`] | an endpoint with our transport settings, and the paths to a peer | blobs |
//! | [`transfer`] | moving content: serving requests, fetching and placing | terminal, prompts |
//! | [`hub`] | a relay and a directory for a team: the server | the terminal |
//! | [`app`] | the verbs as operations that return handles | the command line |
//! | [`cli`] | arguments, progress, JSON, exit codes | the network |
//!
//! # Example
//!
//! Share a folder and fetch it again, on one machine:
//!
//! ```
//! use std::sync::Arc;
//!
//! use grove::{
//!     app::{Accept, Context, Dest, GetOptions, Getting, ShareOptions, ShareSource, Sharing},
//!     events::{Event, Events},
//!     node::Network,
//!     profile::Profile,
//! };
//!
//! # #[tokio::main]
//! # async fn main() -> anyhow::Result<()> {
//! let place = tempfile::tempdir()?;
//! let photos = place.path().join("photos");
//! std::fs::create_dir(&photos)?;
//! std::fs::write(photos.join("tree.jpg"), "a picture of a tree")?;
//!
//! // Two people, each with an identity and a cache of their own. This machine is all the network
//! // they need.
//! let person = |name: &str| {
//!     anyhow::Ok(Context {
//!         profile: Profile::locate(Some(&place.path().join(name)))?,
//!         network: Network {
//!             offline: true,
//!             lan: false,
//!             bind: vec!["127.0.0.1:0".parse()?],
//!             ..Network::default()
//!         },
//!         events: Events::to(|event| {
//!             if let Event::Warning { message, .. } = event {
//!                 eprintln!("{message}");
//!             }
//!         }),
//!     })
//! };
//! let (alice, bob) = (person("alice")?, person("bob")?);
//!
//! let share = ShareOptions::new(ShareSource::Paths(vec![photos]));
//! let sharing = Sharing::start(&alice, share).await?;
//!
//! let here = place.path().join("here");
//! let get = GetOptions::new(sharing.ticket().clone(), Dest::Dir(here.clone()));
//! let always = Arc::new(|_: &Accept| true);
//! let got = Getting::start(&bob, get, always).await?.wait().await?;
//!
//! assert_eq!(got.files, 1);
//! assert_eq!(std::fs::read_to_string(here.join("photos/tree.jpg"))?, "a picture of a tree");
//! sharing.stop().await;
//! # Ok(())
//! # }
//! ```

pub mod app;
pub mod cli;
pub mod content;
pub mod disk;
pub mod events;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
pub mod hub;
pub mod node;
pub mod profile;
pub mod transfer;
