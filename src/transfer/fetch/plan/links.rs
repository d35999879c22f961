//! Symbolic links: which are made, and which are refused because they lead out of the share.

use std::collections::HashSet;

use super::{Chosen, Conflict, Conflicts, LinkItem, Plan, unlookable};
use crate::{
    content::{EntryPath, LinkEntry, Manifest},
    disk::{Destination, Found, Place, Replace},
    events::Failure,
};

pub(super) fn plan_links(
    plan: &mut Plan,
    conflicts: &mut Vec<Conflict>,
    manifest: &Manifest,
    chosen: &Chosen<'_>,
    destination: Option<&Destination>,
    on_conflict: Conflicts,
) -> Result<(), Failure> {
    let tops: HashSet<&[u8]> = manifest.top_level().into_iter().collect();
    for (number, link) in &chosen.links {
        let number = *number;
        let inside = match stays_inside(link, &tops) {
            None => false,
            // What is left alone may itself be a link, and lead on from here.
            Some(target) if on_conflict == Conflicts::Skip => {
                !is_behind_link(destination, &target)?
            }
            Some(_) => true,
        };
        if !inside {
            plan.refused_links.push(link.path.to_string());
            continue;
        }
        let place = match destination {
            None => Place::Is(Found::Nothing),
            Some(destination) => destination
                .look(&link.path)
                .map_err(|error| unlookable(&link.path, &error))?,
        };
        let conflict = match place {
            Place::Is(Found::Nothing) => {
                plan.links.push(LinkItem {
                    number,
                    replace: Replace::Nothing,
                });
                continue;
            }
            Place::Is(Found::Link(target)) if target == link.target => continue,
            Place::Is(found) => Conflict {
                at: link.path.clone(),
                what: found.what(),
            },
            Place::Blocked(at, what) => Conflict { at, what },
        };
        match on_conflict {
            Conflicts::Overwrite if conflict.at == link.path && conflict.what != "a folder" => {
                plan.links.push(LinkItem {
                    number,
                    replace: Replace::Anything,
                });
            }
            // A link has no content to lose: another name would only point elsewhere.
            Conflicts::Skip => plan.left_alone.push(link.path.to_string()),
            _ => conflicts.push(conflict),
        }
    }
    Ok(())
}

/// Whether a link can lead only to what the share itself brings.
///
/// It must be relative, and may go up only at its beginning and not above the destination: the
/// folders above a link are real ones, while behind a name there may be another link, and going up
/// from there leads who knows where. What it arrives at, which is returned, must begin with a name of
/// the share.
pub(super) fn stays_inside(link: &LinkEntry, tops: &HashSet<&[u8]>) -> Option<EntryPath> {
    let target = &link.target;
    if target.starts_with(b"/") {
        return None;
    }
    let mut at: Vec<&[u8]> = link.path.components().collect();
    at.pop();
    let mut went_down = false;
    for component in target.split(|byte| *byte == b'/') {
        match component {
            b"" | b"." => {}
            b".." => {
                if went_down || at.pop().is_none() {
                    return None;
                }
            }
            name => {
                went_down = true;
                at.push(name);
            }
        }
    }
    let is_ours = at.first().is_some_and(|top| tops.contains(top));
    EntryPath::parse(&at.join(&b'/')).ok().filter(|_| is_ours)
}

/// Whether there is a link at `target`, or above it, at the destination.
fn is_behind_link(destination: Option<&Destination>, target: &EntryPath) -> Result<bool, Failure> {
    let Some(destination) = destination else {
        return Ok(false);
    };
    let place = destination
        .look(target)
        .map_err(|error| unlookable(target, &error))?;
    Ok(matches!(
        place,
        Place::Is(Found::Link(_)) | Place::Blocked(..)
    ))
}
