//! Joining and leaving hubs.

use super::broken;
use crate::{
    content::HubTicket,
    events::{Failure, FailureKind},
    node::{self, HubCheck},
    profile::Profile,
};

/// What joining a hub found.
#[derive(Debug, Clone)]
pub struct Joined {
    /// The hub.
    pub hub: HubTicket,
    /// Whether it was joined before, and its ticket is new now.
    pub again: bool,
    /// What it said.
    pub check: HubCheck,
}

/// Tries a hub, and has every command use it from then on.
///
/// # Errors
/// Those of [`node::check_hub`]; then nothing changes. `LocalDisk`: it cannot be written down.
pub async fn join(profile: &Profile, hub: &HubTicket) -> Result<Joined, Failure> {
    let check = node::check_hub(hub).await?;
    let (profile, new) = (profile.clone(), hub.clone());
    let joining = tokio::task::spawn_blocking(move || profile.join_hub(new));
    let again = joining.await.unwrap_or_else(|_| Err(broken()))?;
    Ok(Joined {
        hub: hub.clone(),
        again,
        check,
    })
}

/// Has no command use a hub any more; `which` is its ticket, or one of the places where it answers, with
/// or without the port. It may be left out where only one is joined.
///
/// # Errors
/// `Usage` when no hub or several are meant; `LocalDisk` when it cannot be written down.
pub fn leave(profile: &Profile, which: Option<&str>) -> Result<HubTicket, Failure> {
    profile.leave_hub(|hubs| {
        let meant: Vec<usize> = match which {
            None => (0..hubs.len()).collect(),
            Some(which) => (0..hubs.len())
                .filter(|nth| is_meant(&hubs[*nth], which))
                .collect(),
        };
        match (meant.as_slice(), hubs.len()) {
            ([one], _) => Ok(*one),
            (_, 0) => usage("you have joined no hub", "grove join takes the line of one"),
            ([], _) => usage(
                "you have joined no hub of this name",
                "grove join without anything lists them",
            ),
            _ => usage(
                "you have joined several hubs",
                "say which: grove leave NAME; grove join without anything lists them",
            ),
        }
    })
}

fn usage<T>(message: &str, hint: &str) -> Result<T, Failure> {
    Err(Failure::new(FailureKind::Usage, message).hint(hint))
}

fn is_meant(hub: &HubTicket, which: &str) -> bool {
    if let Ok(ticket) = HubTicket::parse(which) {
        return hub.is_same_hub(&ticket);
    }
    let which = which.trim().to_ascii_lowercase();
    hub.places()
        .any(|place| place.to_string() == which || place.host() == which)
}
