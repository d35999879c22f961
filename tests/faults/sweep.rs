//! Which calls something is done to, and trying them, two at a time.

use std::{
    any::Any,
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::{
    calls::Call,
    common::Random,
    scene::Scene,
    tracer::{Deed, Fault, Traced},
};

/// As many as there are cores on a small computer.
const WORKERS: usize = 2;

/// The calls of one line that count, in the order of one run. Another run may differ a little.
pub(crate) fn calls_of(scene: &dyn Scene, reading: bool) -> Vec<Call> {
    let place = scene.place();
    let fault = Fault {
        at: usize::MAX,
        deed: Deed::Watch,
    };
    let ended = scene.run(&place, fault, reading);
    scene.check(&place, &ended);
    scene.check_done(&place, &ended);
    ended.calls
}

/// All numbers from 1 to `count`, or some of them, from everywhere; so many as `usual` where nothing
/// is said.
pub(crate) fn points(name: &str, count: usize, usual: usize) -> Vec<usize> {
    let wanted = match std::env::var("GROVE_TEST_POINTS") {
        Ok(all) if all == "all" => count,
        Ok(one) if one.starts_with('@') => return vec![one[1..].parse().unwrap()],
        Ok(number) => number.parse().unwrap(),
        Err(_) => usual,
    };
    if wanted >= count {
        return (1..=count).collect();
    }
    let seed = std::env::var("GROVE_TEST_SEED").map_or(0, |seed| seed.parse().unwrap());
    let salt = name.bytes().fold(seed, |salt: u64, byte| {
        salt.wrapping_mul(31).wrapping_add(byte.into())
    });
    let mut random = Random(salt);
    let mut point = |step: usize| {
        let (from, to) = (step * count / wanted, (step + 1) * count / wanted);
        let within = random.below((to - from) as u64);
        1 + from + usize::try_from(within).unwrap()
    };
    (0..wanted).map(&mut point).collect()
}

/// Does each of `jobs`, and panics with what went wrong with any of them.
#[expect(
    clippy::print_stdout,
    reason = "a sweep takes long, and says how much it did"
)]
pub(crate) fn all<T: Sync>(
    title: &str,
    jobs: &[T],
    shown: impl Fn(&T) -> String + Sync,
    each: impl Fn(&T) + Sync,
) {
    let next = AtomicUsize::new(0);
    let wrong: Mutex<BTreeMap<usize, String>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(job) = jobs.get(index) else { return };
                    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| each(job))) {
                        let message = format!("{}: {}", shown(job), said(&*panic));
                        wrong.lock().unwrap().insert(index, message);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    println!("{title}: {} tried, {} wrong", jobs.len(), wrong.len());
    let list: Vec<_> = wrong.into_values().collect();
    assert!(list.is_empty(), "{}", list.join("\n\n"));
}

/// Says which call it really was, when something is wrong: the order differs a little between runs.
pub(crate) struct Note(String);

impl Note {
    pub(crate) fn of(ended: &Traced) -> Self {
        Self(
            ended
                .calls
                .last()
                .map(ToString::to_string)
                .unwrap_or_default(),
        )
    }
}

impl Drop for Note {
    #[expect(clippy::print_stderr, reason = "it goes with the message of the panic")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("that was at: {}", self.0);
        }
    }
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
    text.unwrap_or_default()
}
