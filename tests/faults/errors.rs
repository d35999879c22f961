//! Any call that is about files fails.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use nix::errno::Errno;

use crate::{
    calls::{Call, Kind},
    common::Event,
    get::Get,
    naming,
    scene::{Place, Scene},
    share::Share,
    sweep::{Note, all, calls_of, points},
    sync::Synced,
    tracer::{Deed, Fault, Traced},
};

/// How many calls of each line are tried where nothing is said, each in several ways.
const POINTS: usize = 4;

/// In which ways calls fail, and what people are told then.
const ERRORS: [(Errno, &str); 8] = [
    (Errno::ENOSPC, "the disk is full"),
    (Errno::EIO, "Input/output error"),
    (Errno::EMFILE, "too many files are open"),
    (Errno::EACCES, "permission denied"),
    (Errno::EINTR, "Interrupted"),
    (Errno::EDQUOT, "the disk quota is used up"),
    (Errno::EROFS, "the file system is read-only"),
    (Errno::ENOLCK, "No locks available"),
];

/// Something that is done to a line at one of its calls.
struct Trial {
    fault: Fault,
    /// What a person is told, if anything.
    cause: &'static str,
    call: Call,
}

/// Lets some of the calls fail, or all of them, in every way that a system might.
fn survives_errors(scene: &dyn Scene) {
    let calls = calls_of(scene, true);
    let points = points(scene.name(), calls.len(), POINTS);
    survives(scene, &calls, &points, &ERRORS);
}

/// Lets the calls with these numbers fail in these ways.
fn survives(scene: &dyn Scene, calls: &[Call], points: &[usize], errors: &[(Errno, &'static str)]) {
    let mut trials = Vec::new();
    for at in points.iter().copied() {
        let call = &calls[at - 1];
        let mut add = |deed, cause| {
            let call = call.clone();
            trials.push(Trial {
                fault: Fault { at, deed },
                cause,
                call,
            });
        };
        for (error, cause) in errors.iter().copied() {
            if call.can_fail_with(error) {
                add(Deed::Fail(error), cause);
                let lasts = matches!(error, Errno::ENOSPC | Errno::EROFS);
                if lasts {
                    add(Deed::FailFromHere(error), cause);
                }
            }
        }
        if call.is_write() {
            add(Deed::Short, "");
        }
    }
    let shown =
        |trial: &Trial| format!("{}: {:?}, about {}", scene.name(), trial.fault, trial.call);
    all(
        &format!("{} failing at {} calls", scene.name(), calls.len()),
        &trials,
        shown,
        |trial| {
            let place = scene.place();
            let ended = scene.run(&place, trial.fault, true);
            let _note = Note::of(&ended);
            scene.check(&place, &ended);
            if is_told_of_modes(&ended) {
                return;
            }
            check_end(scene, &place, &ended, trial);
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

/// Whether a folder could not be given its mode, which not every file system can do: a warning says
/// so, and all else is there.
fn is_told_of_modes(ended: &Traced) -> bool {
    let is_it = |event: &Event| event["event"] == "warning" && event["kind"] == "metadata";
    ended.status.success() && ended.events().iter().any(is_it)
}

/// Either all is done, or a person is told why not.
fn check_end(scene: &dyn Scene, place: &Place, ended: &Traced, trial: &Trial) {
    let code = ended.status.code();
    let harmless = matches!(trial.fault.deed, Deed::Short | Deed::Fail(Errno::EINTR));
    if scene.is_success(code) {
        let is_on_disk = !ended.failed.iter().any(Call::syncs_all);
        assert!(harmless || is_on_disk, "a power cut may undo it: {ended}");
        scene.check_done(place, ended);
        return;
    }
    assert!(!harmless, "it need not have failed: {ended}");
    assert_eq!(code, Some(8), "{ended}");
    let (message, hint) = ended
        .error()
        .unwrap_or_else(|| panic!("it says nothing: {ended}"));
    assert!(message.contains(trial.cause), "no cause: {message}");
    let share = scene.share();
    let names = |call: &Call| naming::names(&message, call, place, &share);
    let failed: Vec<String> = ended.failed.iter().map(ToString::to_string).collect();
    assert!(
        ended.failed.iter().any(names),
        "it does not name what failed: {message}\n{}",
        failed.join("\n")
    );
    assert!(!hint.is_empty() && !message.contains('\n'), "{message}");
}

#[test]
#[ignore = "takes minutes, see CONTRIBUTING"]
fn a_fetch_survives_errors() {
    survives_errors(&Get::fresh());
}

/// Whether a call is about something below a folder of this name.
fn is_in(call: &Call, folder: &str) -> bool {
    call.path.iter().any(|name| name == folder)
}

/// What is there cannot be looked at: the destination, a folder, a file that just got its name, what says
/// whether a sync failed.
#[test]
#[ignore = "takes minutes, see CONTRIBUTING"]
fn a_fetch_survives_what_cannot_be_looked_at() {
    let scene = Get::fresh();
    let calls = calls_of(&scene, true);
    let looks = |is_there: fn(&Path) -> bool| -> Vec<usize> {
        let numbered = calls.iter().zip(1..);
        let looks = numbered.filter(|(call, _)| call.is_look() && is_there(&call.path));
        looks.map(|(_, at)| at).collect()
    };
    let top = looks(|path| path.ends_with("files"));
    let below = looks(|path| path.ancestors().any(|folder| folder.ends_with("p/many")));
    let sound = looks(|path| path.ends_with("sound"));
    assert!(!top.is_empty() && below.len() > 20 && !sound.is_empty());
    // Which calls those are differs a little between runs, so there are some of each.
    let some = top.into_iter().chain(below.into_iter().step_by(2).take(12));
    let points: Vec<usize> = some.chain(sound).collect();
    survives(
        &scene,
        &calls,
        &points,
        &[(Errno::EIO, "Input/output error")],
    );
}

/// Everything is in place, and the folder for unfinished work cannot be removed.
#[test]
#[ignore = "takes minutes, see CONTRIBUTING"]
fn a_fetch_survives_tidying_up_that_fails() {
    let scene = Get::fresh();
    let calls = calls_of(&scene, true);
    let points: Vec<usize> = (1..=calls.len()).rev().take(14).collect();
    survives(&scene, &calls, &points, &ERRORS);
}

/// Lets the first and the last of each kind of call fail that a sample would miss: what has to be on the
/// disk, how much room there is, blocks that are shared, holes.
fn survives_errors_of_rare_calls(scene: &dyn Scene) {
    let calls = calls_of(scene, true);
    let mut points = BTreeMap::new();
    for (call, at) in calls.iter().zip(1..).filter(|(call, _)| call.is_rare()) {
        points.entry((call.name, false)).or_insert(at);
        points.insert((call.name, true), at);
    }
    let points: BTreeSet<usize> = points.into_values().collect();
    assert!(!points.is_empty());
    survives(scene, &calls, &Vec::from_iter(points), &ERRORS);
}

#[test]
#[ignore = "takes minutes, see CONTRIBUTING"]
fn fetches_survive_errors_of_rare_calls() {
    for scene in [Get::fresh, Get::resumed, Get::synced, Get::overwriting] {
        survives_errors_of_rare_calls(&scene());
    }
}

/// What a disk refused to take may look right as long as it is in memory, and only once is a program told.
#[test]
#[ignore = "takes minutes, see CONTRIBUTING"]
fn what_may_not_be_on_the_disk_is_read_again() {
    let scene = Get::fresh();
    let syncs = |call: &Call| call.syncs_all();
    let reads = |call: &Call| call.kind == Kind::Read && is_in(call, "many");
    for (error, is_doubtful) in [(Errno::EIO, true), (Errno::EINTR, false)] {
        let deed = Deed::FailSync(Synced::All, error);
        let place = scene.place();
        let ended = scene.run(&place, Fault { at: 1, deed }, false);
        assert!(ended.failed.iter().any(syncs), "{ended}");
        assert_eq!(ended.status.success(), !is_doubtful, "{ended}");
        let watch = Fault {
            at: usize::MAX,
            deed: Deed::Watch,
        };
        let again = scene.run(&place, watch, true);
        scene.check_done(&place, &again);
        assert_eq!(again.calls.iter().any(reads), is_doubtful, "{again}");
        assert_eq!(again.calls.iter().any(syncs), is_doubtful, "{again}");
    }
}

#[test]
#[ignore = "takes minutes, see CONTRIBUTING"]
fn shares_survive_errors_of_rare_calls() {
    for scene in [Share::fresh, Share::snapshot] {
        survives_errors_of_rare_calls(&scene());
    }
}

#[test]
#[ignore = "takes minutes, see CONTRIBUTING"]
fn a_fetch_that_goes_on_survives_errors() {
    survives_errors(&Get::resumed());
}

#[test]
#[ignore = "takes minutes, see CONTRIBUTING"]
fn a_fetch_that_is_flushed_survives_errors() {
    survives_errors(&Get::synced());
}

#[test]
#[ignore = "takes minutes, see CONTRIBUTING"]
fn a_fetch_that_overwrites_survives_errors() {
    survives_errors(&Get::overwriting());
}

#[test]
#[ignore = "takes minutes, see CONTRIBUTING"]
fn a_share_survives_errors() {
    survives_errors(&Share::fresh());
}

#[test]
#[ignore = "takes minutes, see CONTRIBUTING"]
fn a_share_that_remembers_survives_errors() {
    survives_errors(&Share::again());
}

#[test]
#[ignore = "takes minutes, see CONTRIBUTING"]
fn a_share_of_a_copy_survives_errors() {
    survives_errors(&Share::snapshot());
}

/// Signals come while the kernel copies.
#[test]
#[ignore = "takes minutes, see CONTRIBUTING"]
fn a_share_of_a_copy_survives_signals() {
    let scene = Share::snapshot();
    let calls = calls_of(&scene, true);
    let numbered = calls.iter().zip(1..);
    let copies = numbered.filter(|(call, _)| call.kind == Kind::Write && is_in(call, "copies"));
    let points: Vec<usize> = copies.map(|(_, at)| at).step_by(2).collect();
    assert!(points.len() >= 8);
    survives(&scene, &calls, &points, &[(Errno::EINTR, "Interrupted")]);
}

#[test]
#[ignore = "takes minutes, see CONTRIBUTING"]
fn a_share_of_standard_input_survives_errors() {
    survives_errors(&Share::input());
}
