//! Listing what a ticket names, without fetching content.

use crate::{
    app::{Context, Wait},
    content::{Manifest, Ticket},
    events::Failure,
};

/// Fetches the manifest of `ticket`, with sizes also where the collection does not say them. A
/// ticket for a single blob gives one file named by its hash.
///
/// # Errors
/// `Unreachable`, `Refused`, `Unverified`.
pub async fn list(context: &Context, ticket: &Ticket, wait: Wait) -> Result<Manifest, Failure> {
    let _ = (context, ticket, wait);
    todo!()
}
