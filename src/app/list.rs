//! Listing what a ticket names, without fetching content.

use std::sync::Arc;

use crate::{
    app::{Context, Wait},
    content::{Limits, Manifest, Ticket},
    events::Failure,
    node::{Node, Role},
    transfer::{
        fetch::{Link, listing},
        wire::{ALPN, Close},
    },
};

/// Fetches the manifest of `ticket`, with sizes also where the collection does not say them. A
/// ticket for a single blob gives one file named by its hash.
///
/// # Errors
/// `Unreachable`, `Refused`, `Unverified`.
pub async fn list(context: &Context, ticket: &Ticket, wait: Wait) -> Result<Manifest, Failure> {
    let secret = context.profile.secret_key()?;
    let node = Node::bind(secret, &context.network, Role::Fetch, ALPN).await?;
    let patience = match wait {
        Wait::For(time) => Some(time),
        Wait::Forever => None,
    };
    let link = Arc::new(Link::new(
        node,
        &ticket.addr,
        patience,
        context.events.clone(),
    ));
    let listing = listing::fetch(link.clone(), ticket.hash, ticket.format, &Limits::DEFAULT).await;
    link.close(Close::Done).await;
    listing.map(|listing| listing.manifest)
}
