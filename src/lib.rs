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
//! | [`app`] | the verbs as operations that return handles | the command line |
//! | [`cli`] | arguments, progress, JSON, exit codes | the network |
//!
//! # Example
//!
//! Share a file and fetch it again, within one program:
//!
//! ```no_run
//! # // replaced by an example that runs, once the operations below are in place
//! ```

pub mod app;
pub mod cli;
pub mod content;
pub mod disk;
pub mod events;
pub mod node;
pub mod profile;
pub mod transfer;
