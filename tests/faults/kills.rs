//! Killed at any call that changes the disk.

use std::{collections::BTreeSet, os::unix::process::ExitStatusExt as _};

use crate::{
    get::Get,
    scene::Scene,
    share::Share,
    sweep::{Note, all, calls_of, points},
    tracer::{Deed, Fault},
};

/// How many calls of each line are tried where nothing is said.
const POINTS: usize = 8;

/// Kills the line at some of its calls or at all of them; each time everything is as it was or as it is
/// to be, and the next run finishes.
fn survives_kills(scene: &dyn Scene) {
    let calls = calls_of(scene, false);
    let points = points(scene.name(), calls.len(), POINTS).into_iter();
    // The one call that makes a fetch a finished one.
    let syncs = calls.iter().zip(1..).filter(|(call, _)| call.syncs_all());
    let points: BTreeSet<usize> = points.chain(syncs.map(|(_, at)| at)).collect();
    let points = Vec::from_iter(points);
    let shown = |at: &usize| {
        let call = calls.get(at - 1).map(ToString::to_string);
        format!(
            "{} killed at {at}, about {}",
            scene.name(),
            call.unwrap_or_default()
        )
    };
    all(
        &format!("{} killed at {} calls", scene.name(), calls.len()),
        &points,
        shown,
        |at| {
            let place = scene.place();
            let ended = scene.run(
                &place,
                Fault {
                    at: *at,
                    deed: Deed::Kill,
                },
                false,
            );
            let _note = Note::of(&ended);
            let was_killed = ended.status.signal() == Some(9);
            assert!(
                was_killed || ended.calls.len() < *at,
                "it lives on: {ended}"
            );
            scene.check(&place, &ended);
            let identity = place.check_identity();
            let again = scene.again(&place);
            scene.check(&place, &again);
            scene.check_done(&place, &again);
            let now = place.check_identity();
            assert!(identity.is_none() || identity == now, "another identity");
            place.check_leftovers();
        },
    );
}

#[test]
#[ignore = "takes minutes, see CONTRIBUTING"]
fn a_fetch_survives_kills() {
    survives_kills(&Get::fresh());
}

#[test]
#[ignore = "takes minutes, see CONTRIBUTING"]
fn a_fetch_that_goes_on_survives_kills() {
    survives_kills(&Get::resumed());
}

#[test]
#[ignore = "takes minutes, see CONTRIBUTING"]
fn a_fetch_that_is_flushed_survives_kills() {
    survives_kills(&Get::synced());
}

#[test]
#[ignore = "takes minutes, see CONTRIBUTING"]
fn a_fetch_that_overwrites_survives_kills() {
    survives_kills(&Get::overwriting());
}

#[test]
#[ignore = "takes minutes, see CONTRIBUTING"]
fn a_fetch_of_a_part_survives_kills() {
    survives_kills(&Get::chosen());
}

#[test]
#[ignore = "takes minutes, see CONTRIBUTING"]
fn a_fetch_to_standard_output_survives_kills() {
    survives_kills(&Get::output());
}

#[test]
#[ignore = "takes minutes, see CONTRIBUTING"]
fn a_share_survives_kills() {
    survives_kills(&Share::fresh());
}

#[test]
#[ignore = "takes minutes, see CONTRIBUTING"]
fn a_share_that_remembers_survives_kills() {
    survives_kills(&Share::again());
}

#[test]
#[ignore = "takes minutes, see CONTRIBUTING"]
fn a_share_of_a_copy_survives_kills() {
    survives_kills(&Share::snapshot());
}

#[test]
#[ignore = "takes minutes, see CONTRIBUTING"]
fn a_share_of_standard_input_survives_kills() {
    survives_kills(&Share::input());
}
