//! The lines of `grove hub`.

use serde_json::{Value, json};

use super::{Line, object};
use crate::hub::{Status, TokenStatus};

/// A hub answers; `ticket` is what members join with.
pub(crate) fn hub_ready(status: &Status, ticket: Option<&str>) -> Line {
    let join = ticket.map(|ticket| format!("grove join {ticket}"));
    let mut fields = hub_fields(status);
    fields["ticket"] = json!(ticket);
    fields["join"] = json!(join);
    object("hub_ready", fields)
}

/// How a hub is.
pub(crate) fn hub_status(status: &Status) -> Line {
    object("hub_status", hub_fields(status))
}

fn hub_fields(status: &Status) -> Value {
    // All of it is text and numbers.
    serde_json::to_value(status).unwrap_or_default()
}

/// The tokens of a hub, without their secrets.
pub(crate) fn tokens(tokens: &[TokenStatus]) -> Line {
    object("tokens", json!({ "tokens": tokens }))
}

/// A token of a hub, with what it lets in by.
pub(crate) fn token(name: &str, ticket: &str) -> Line {
    let join = format!("grove join {ticket}");
    object(
        "token",
        json!({ "name": name, "ticket": ticket, "join": join }),
    )
}

/// A token was taken away.
pub(crate) fn token_removed(name: &str, clients: usize) -> Line {
    object("token_removed", json!({ "name": name, "clients": clients }))
}
